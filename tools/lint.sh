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

check format ruff format --check --quiet --diff .
check ruff ruff check --quiet .
check types mypy
check imports lint-imports --no-cache --no-logo
check dependencies deptry --no-ansi .
check worker worker

[ -z "$failed" ] || {
    echo "failed:$failed"
    exit 1
}
echo "all checks passed"
