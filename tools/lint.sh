#!/bin/sh
# Every check, each to its end, so that one run shows all there is to mend. Called by ./run lint in the environment.
set -u
failed=

check() {
    name=$1
    shift
    echo "== $name"
    "$@" || failed="$failed $name"
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
    collected=$(mktemp -d) || return 1
    for seed in 1 2; do
        PYTHONHASHSEED=$seed python -m pytest --collect-only --quiet --deep -p no:cacheprovider >"$collected/$seed" || {
            tail -n 20 "$collected/$seed"
            rm -rf "$collected"
            return 1
        }
        sed -i.all '/ tests collected /d' "$collected/$seed"
    done
    diff "$collected/1" "$collected/2" | cut -c -300
    cmp -s "$collected/1" "$collected/2"
    same=$?
    rm -rf "$collected"
    return $same
}

check format ruff format --check --quiet --diff .
check ruff ruff check --quiet .
check types mypy
check imports lint-imports --no-cache --no-logo
check dependencies deptry --no-ansi .
check worker worker
check collection collection

[ -z "$failed" ] || {
    echo "failed:$failed"
    exit 1
}
echo "all checks passed"
