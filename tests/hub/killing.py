"""Work in processes of its own that are killed at moments spread over all of the time that it takes."""

from __future__ import annotations

import json
import os
import random
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from muster.hub import Hub
from muster.scratch import scratch

__all__ = ["CLI", "Killer", "all_blobs", "emptied", "killer", "sound"]

CLI = """
import sys
from muster.cli import main

sys.argv[0] = "muster"
main()
"""

_PARENT = """
import json, os, sys, traceback
import muster.cli.app, muster.hub, muster.registry.register, muster.scoring.writer  # before the first child, so that all begin quickly
import muster.predictors.local.probe, muster.predictors.local.predictor, muster.predictors.external.predictor

for line in sys.stdin:
    asked = json.loads(line)
    child = os.fork()
    if not child:
        code = 0
        log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for stream in (1, 2):
            os.dup2(log, stream)
        os.environ.update(asked["environ"])
        sys.argv = ["-c", *asked["arguments"]]
        try:
            exec(asked["program"], {"__name__": "__main__"})
        except SystemExit as ended:
            code = ended.code or 0
        except BaseException:
            traceback.print_exc()
            code = 1
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 1)
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
"""
_GOLDEN = 0.6180339887498949
_UNKNOWN = 1.0
_BEYOND = 1.15
"""Of the span, so that now and then the work ends by itself, which tells anew how long it takes."""


class Killer:
    """Begins work as a fork of one process. A killed one's helpers are known by their folder for temporary things."""

    def __init__(self, parent: subprocess.Popen[bytes], environ: Mapping[str, str], scratch: Path, seed: int) -> None:
        self.kills = 0
        self._parent = parent
        self._environ = dict(environ)
        self._scratch = scratch
        self._at = random.Random(seed).random()
        self._spans: dict[str, float] = {}

    def measure(self, program: str, *arguments: object) -> None:
        """Do the work undisturbed: kills of such work, by its first argument, fall into as many seconds as it takes."""
        began = time.monotonic()
        self._begin(program, *arguments)
        self._ended()
        self._spans[str(arguments[0])] = time.monotonic() - began

    def cut_at(self, reached: threading.Event, program: str, *arguments: object) -> bool:
        """Begin the work, and kill it once an event is set; whether it was still at work."""
        assert self._parent.stdout is not None
        child, over = self._begin(program, *arguments), False
        while not over and not reached.is_set():
            over = bool(select.select([self._parent.stdout], [], [], 0.002)[0])
        return self._killed(child, over=over)

    def cut(self, program: str, *arguments: object) -> bool:
        """Begin the work, and kill it at the next moment of its span; whether it was still at work."""
        assert self._parent.stdout is not None
        self._at = (self._at + _GOLDEN) % 1  # spreads evenly, however many there are
        kind = str(arguments[0])
        span = self._spans.get(kind, _UNKNOWN)
        began = time.monotonic()
        child = self._begin(program, *arguments)
        over, _, _ = select.select([self._parent.stdout], [], [], self._at * span * _BEYOND)
        if over:
            self._spans[kind] = time.monotonic() - began
        return self._killed(child, over=bool(over))

    def _killed(self, child: int, *, over: bool) -> bool:
        if not over:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        cut = self._ended(killed=not over)
        self.kills += cut
        self._gone()
        return cut

    def _begin(self, program: str, *arguments: object) -> int:
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        asked = {
            "program": program,
            "arguments": [str(a) for a in arguments],
            "environ": {**self._environ, "TMPDIR": str(self._scratch)},
            "log": str(self._scratch.parent / "log"),
        }
        self._parent.stdin.write(json.dumps(asked).encode() + b"\n")
        return int(self._parent.stdout.readline())

    def _ended(self, *, killed: bool = False) -> bool:
        """Whether it was killed; else it has done its work."""
        assert self._parent.stdout is not None
        status = int(self._parent.stdout.readline())
        cut = killed and os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        assert cut or status == 0, (self._scratch.parent / "log").read_text()
        return cut

    def _gone(self) -> None:
        """What it had started ends with it, and takes along what was temporary. What it had no time to hand over, the next one sweeps."""
        until = time.monotonic() + 20
        while left := list(self._helpers()):
            assert time.monotonic() < until, f"left by a killed process: {left}"
            time.sleep(0.02)
        for place in self._scratch.glob("muster-*"):
            with scratch(place):
                pass
            # One that was killed between making a folder and saying whose it is left it empty: that goes after a day.
            left = [str(p) for p in place.rglob("*") if p.parent != place or not p.is_dir()]
            assert not left, f"left by a killed process: {left}"

    def _helpers(self) -> Iterator[str]:
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                if str(self._scratch) in line and int(entry.name) != os.getpid():
                    yield line


@contextmanager
def killer(folder: Path, environ: Mapping[str, str], seed: int) -> Iterator[Killer]:
    """`seed` shifts the moments; the same one gives them again."""
    (folder / "temporary").mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
        cwd=Path(__file__).parents[2],
    ) as parent:
        assert parent.stdin is not None
        yield Killer(parent, environ, folder / "temporary", seed)
        parent.stdin.close()


def sound(hub: Hub) -> None:
    """The audit trail is whole, and no version lacks a blob."""
    events, broken = hub.verify_events()
    assert broken is None
    assert events == len(list(hub.events()))
    assert all_blobs(hub) <= set(hub._blobs)


def all_blobs(hub: Hub) -> set[str]:
    """Those that versions refer to."""
    found = set()
    for version in (*hub.versions(), *hub.versions(deleted=True)):
        files = json.loads(hub._blobs.read(version.digest)).get("files", ())
        found |= {version.digest, *(str(f["sha256"]) for f in files)}
        if version.environment is not None and version.environment.lock:
            found.add(version.environment.lock)
    return found


def emptied(hub: Hub) -> None:
    """After a collection nothing that killed processes had in the hub's folder is left in it."""
    for name in ("scratch", "outputs", "frames"):
        # A folder that was killed while it was made or removed says not whose it is, and goes after a day.
        left = [f for f in (hub.folder / name).rglob("*") if f.is_file() and f.stat().st_size]
        assert not left, f"left after a collection: {left}"
