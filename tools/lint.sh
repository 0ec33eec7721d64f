#!/bin/sh
# Every check, each to its end, so that one run shows all there is to mend. Called by ./run lint in the environment.
set -u
told=$(mktemp -d) || exit 1
trap 'rm -rf "$told"' EXIT
: >"$told/failed"

check() {
    name=$1
    shift
    echo "== $name"
    "$@" || printf ' %s' "$name" >>"$told/failed"
}

# The worker runs in the environments of old models, down to Python 3.8: ruff knows its syntax, vermin its library.
# Annotations are never evaluated there (from __future__ import annotations).
worker() {
    [ -d src/muster/worker ] || return 0
    vermin --quiet --no-tips --no-parse-comments --target=3.8- --violations src/muster/worker || return 1
    ! command -v python3.8 >/dev/null || ! python3.8 -c '' 2>/dev/null || python3.8 -m compileall -qf src/muster/worker
}

# xdist needs each of its processes to collect the same tests under the same names. Two collections, seconds apart and
# with other hashes, show a name made of the clock, of chance, or of a set's order.
collection() {
    for seed in 1 2; do
        PYTHONHASHSEED=$seed python -m pytest --collect-only --quiet --deep -p no:cacheprovider >"$told/$seed" || {
            tail -n 20 "$told/$seed"
            return 1
        }
        sed -i.all '/ tests collected /d' "$told/$seed"
    done
    diff "$told/1" "$told/2" | cut -c -300
    cmp -s "$told/1" "$told/2"
}

# The types take about as long as all the rest: on a second core, beside it.
check types mypy >"$told/types" 2>&1 &
check format ruff format --check --quiet --diff .
check ruff ruff check --quiet .
check imports lint-imports --no-cache --no-logo
check dependencies deptry --no-ansi .
check worker worker
check collection collection
wait
cat "$told/types"

[ ! -s "$told/failed" ] || {
    echo "failed:$(cat "$told/failed")"
    exit 1
}
echo "all checks passed"
