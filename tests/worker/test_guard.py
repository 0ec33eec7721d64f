"""Muster is killed: nothing of its workers remains."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.worker.doubles import gone, program, until

MODEL = """
import os, subprocess, time
child = subprocess.Popen(["sleep", "1000"], start_new_session=True).pid
forked = os.fork()
if not forked:
    while True: time.sleep(1)
FACTS = {"pids": [os.getpid(), os.getppid(), child, forked], "folder": os.getcwd()}
def predict(batch):
    if len(batch) > 1:
        import ctypes; ctypes.PyDLL(None).sleep(1000)
    return batch.column(0)
"""

MUSTER = """
import json, os, sys, threading, time
from pathlib import Path
from muster.predictors.local import launch
from tests.worker.doubles import make_worker, numbers
launch.PROGRAM = Path({program!r})
worker = make_worker({model!r})
facts = {{}}
thread = threading.Thread(target=lambda: facts.update(worker.start()))
thread.start()
thread.join()
worker.predict(numbers(1), {{}}, [], 30.0)
{then}
print(json.dumps(facts), flush=True)
{last}
"""

HANG = "threading.Thread(target=lambda: worker.predict(numbers(2), {}, [], 1000.0), daemon=True).start()"
FORK = """
import ctypes
if {fork}() == 0:
    time.sleep(12)  # longer than the test waits: it holds what the killed process held
    os._exit(0)
"""
THEN = {
    "idle": "",
    "in a call that hangs": HANG,
    "with a fork left": FORK.format(fork="os.fork"),
    "with a fork left that Python knows nothing of": FORK.format(fork="ctypes.CDLL(None).fork"),
}


@pytest.mark.parametrize("then", THEN.values(), ids=THEN)
@pytest.mark.parametrize("end", ["kill", "exit", "raise"])
def test_nothing_remains_of_the_workers(tmp_path: Path, then: str, end: str) -> None:
    last = {"kill": "time.sleep(1000)", "exit": "sys.exit()", "raise": "raise MemoryError"}[end]
    code = MUSTER.format(program=str(program(tmp_path)), model=MODEL, then=then, last=last)
    muster = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, (Path.cwd(), Path.cwd() / "src"))),
            "TMPDIR": str(tmp_path),
        },
    )
    assert muster.stdout is not None
    with muster.stdout:
        facts = json.loads(muster.stdout.readline())
        if end == "kill":
            muster.send_signal(signal.SIGKILL)
    muster.wait(10.0)
    for name, pid in zip(("worker", "guard", "program", "fork"), facts["pids"], strict=True):
        until(lambda pid=pid: gone(pid), f"the {name} remains")  # type: ignore[misc]
    until(lambda: not Path(facts["folder"]).exists(), "the scratch folder remains")
    assert tempfile.gettempdir() != facts["folder"]
