"""Runs programs in turn (A B C A B C …), each in fresh processes, and prints what they took side by side.

Measured per program: wall seconds, CPU seconds of all its processes, and the peak of their memory together (proportional
set size, so that shared pages count once). The first program is the limit that the others are compared with.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

DATA = Path(__file__).parent / ".data"


@dataclass(frozen=True)
class Program:
    """A command to time. `check` is called after each round with the standard output, and raises if the result is wrong."""

    name: str
    command: Sequence[str | Path]
    check: Callable[[str], None] = lambda _: None
    prepare: Callable[[], None] = lambda: None
    environ: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Times:
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)


def arguments(
    about: str, sizes: Sequence[int], more: Callable[[argparse.ArgumentParser], None] | None = None
) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", type=lambda s: [int(n) for n in s.split(",")], default=list(sizes))
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    if more is not None:
        more(parser)
    return parser.parse_args()


def measure(programs: Sequence[Program], rounds: int) -> dict[str, Times]:
    """A warm-up round and `rounds` that count."""
    times = {p.name: Times() for p in programs}
    for number in range(rounds + 1):
        for program in programs:
            program.prepare()
            wall, cpu, memory, output = _run(program)
            program.check(output)
            if number:
                times[program.name].wall.append(wall)
                times[program.name].cpu.append(cpu)
                times[program.name].memory.append(memory)
    return times


def _run(program: Program) -> tuple[float, float, float, str]:
    began = time.perf_counter()
    process = subprocess.Popen(
        [str(c) for c in program.command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **program.environ},
        start_new_session=True,
    )
    peak, stop = [0.0], threading.Event()
    watcher = threading.Thread(target=_watch, args=(process.pid, peak, stop))
    watcher.start()
    before = os.times()
    output, errors = process.communicate()
    wall = time.perf_counter() - began
    stop.set()
    watcher.join()
    after = os.times()
    if process.returncode != 0:
        sys.exit(f"{program.name} failed:\n{errors}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return wall, cpu, peak[0], output


def _watch(session: int, peak: list[float], stop: threading.Event) -> None:
    """The tree is found by its session and by parents, since workers start sessions of their own."""
    while not stop.wait(0.1):
        peak[0] = max(peak[0], sum(_memory(pid) for pid in _tree(session)))


def _tree(root: int) -> set[int]:
    parents = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal():
            try:
                fields = Path(entry.path, "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(entry.name)] = int(fields[1])
    tree = {root}
    while grown := {pid for pid, parent in parents.items() if parent in tree} - tree:
        tree |= grown
    return tree


def _memory(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((float(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")), 0.0)


def median(values: Sequence[float]) -> float:
    return statistics.median(values) if values else math.nan


def table(times: Mapping[str, Times]) -> list[dict[str, object]]:
    """A row per program; the ratio is of median wall times, to the first program's."""
    limit = median(next(iter(times.values())).wall)
    return [
        {
            "program": name,
            "seconds": round(median(t.wall), 3),
            "spread": round(max(t.wall) - min(t.wall), 3),
            "ratio": round(median(t.wall) / limit, 3),
            "cpu_seconds": round(median(t.cpu), 2),
            "peak_mb": round(median(t.memory)),
        }
        for name, t in times.items()
    ]


def show(title: str, rows: Sequence[Mapping[str, object]]) -> None:
    columns = list(rows[0])
    widths = [max(len(str(c)), *(len(str(r[c])) for r in rows)) for c in columns]
    print(f"\n{title}")
    print("  ".join(c.ljust(w) for c, w in zip(columns, widths, strict=True)))
    for row in rows:
        print("  ".join(str(row[c]).ljust(w) for c, w in zip(columns, widths, strict=True)))


def exponent(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """The slope of log(seconds) over log(size): 1 is linear growth."""
    x, y = [math.log(s) for s in sizes], [math.log(s) for s in seconds]
    mx, my = statistics.mean(x), statistics.mean(y)
    return sum((a - mx) * (b - my) for a, b in zip(x, y, strict=True)) / sum((a - mx) ** 2 for a in x)


def machine(*packages: str) -> dict[str, str]:
    """What the figures were taken on."""
    found = {"python": platform.python_version(), "cores": str(len(os.sched_getaffinity(0)))}
    return found | {p: version(p) for p in packages}


def finish(result: object, as_json: bool) -> None:
    if as_json:
        print(json.dumps(result, indent=1))
