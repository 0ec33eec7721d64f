"""Several processes on one store: together, and killed in the middle."""

from __future__ import annotations

import hashlib
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path

from muster.records import Counter, Model, Version
from muster.store import Condition, Query
from muster.stores.files import FileBlobs
from muster.stores.sql import SqlRecords
from muster.stores.tables import REVISION

# Waits for a line before each act, so that processes begin it at the same moment.
OPENER = """
import sys
from pathlib import Path
from muster.records import Model
from muster.stores.sql import SqlRecords
import alembic.command
print("ready", flush=True)
for line in sys.stdin:
    store = SqlRecords(Path(line.strip()))
    print(store.count(Model), store.upgrade()[1], flush=True)
    store.close()
"""

# Registers versions as a hub does: a number from the counter, the version, the model; prints each number once it is committed.
WRITER = """
import sys, threading
from dataclasses import replace
from pathlib import Path
from muster.records import Counter
from muster.stores.sql import SqlRecords
from muster.testing.records import a_model, a_version

path, name, threads, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
store = SqlRecords(path)

def register():
    for n in range(count):
        with store.transaction(name, "register") as tx:
            counter = tx.get(Counter, "churn")
            number = counter.last + 1 if counter else 1
            after = Counter(name="churn", last=number)
            tx.replace(after) if counter else tx.insert(after)
            tx.insert(a_version("churn", number, tags={"by": name}))
            tx.insert(a_model(f"{name}-{number}", description="x" * 5_000))
        print(f"{number}\\n", end="", flush=True)

print("ready", flush=True)
sys.stdin.readline()
workers = [threading.Thread(target=register) for _ in range(threads)]
for w in workers: w.start()
for w in workers: w.join()
"""

PUTTER = """
import os, sys
from pathlib import Path
from muster.stores.files import FileBlobs
blobs = FileBlobs(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
while True:
    print(blobs.put(os.urandom(3_000_000)), flush=True)
"""


@contextmanager
def _started(program: str, *each: Sequence[object]) -> Iterator[list[subprocess.Popen[str]]]:
    """A process for each list of arguments, all ready for their first line."""
    command = [sys.executable, "-W", "error", "-c", program]
    started = [
        subprocess.Popen([*command, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for arguments in each
    ]
    try:
        for process in started:
            assert _line(process) == "ready"
        yield started
    finally:
        for process in started:
            process.kill()
            process.communicate()


def _tell(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_processes_make_one_store_at_once(tmp_path: Path) -> None:
    with _started(OPENER, (), (), ()) as processes:
        for n in range(10):
            path = tmp_path / f"hub{n}" / "muster.db"
            for process in processes:
                _tell(process, str(path))
            assert [_line(p) for p in processes] == [f"0 {REVISION}"] * 3


def test_processes_and_threads_write_together(tmp_path: Path) -> None:
    path = tmp_path / "muster.db"
    with _started(WRITER, *[(path, name, 2, 15) for name in ("ada", "bob", "eve")]) as processes:
        for process in processes:
            _tell(process, "")
        numbers = [int(n) for p in processes for n in p.communicate()[0].split()]
        assert [p.returncode for p in processes] == [0, 0, 0]
    assert sorted(numbers) == list(range(1, 91))
    with closing(SqlRecords(path)) as store:
        assert store.get(Counter, "churn") == Counter(name="churn", last=90)
        assert store.count(Version) == store.count(Model) == 90
        assert store.count(Version, (Condition("tag.by", "=", "bob"),)) == 30
        assert store.verify() == (180, None)
        versions = store.find(Version, Query(limit=90)).items
    # Nobody is kept waiting until another has done all its work.
    assert sum(a.tags != b.tags for a, b in pairwise(versions)) > 25


def test_a_killed_writer_leaves_whole_transactions(tmp_path: Path) -> None:
    path = tmp_path / "muster.db"
    told: list[int] = []
    for kill in range(3):
        with _started(WRITER, (path, f"w{kill}", 1, 100_000)) as [process]:
            _tell(process, "")
            told += [int(_line(process)) for _ in range(3)]
            timer = threading.Timer(random.uniform(0, 0.03), process.kill)
            timer.start()
            told += [int(n) for n in process.communicate()[0].split("\n")[:-1] if n]
            timer.join()
            assert process.returncode == -signal.SIGKILL
        with closing(SqlRecords(path)) as store:
            counter = store.get(Counter, "churn")
            assert counter is not None
            assert max(told) <= counter.last <= max(told) + 1 + kill
            assert store.count(Version) == store.count(Model) == counter.last
            assert store.verify() == (2 * counter.last, None)
            newest = store.find(Version, Query((Condition("tag.by", "=", f"w{kill}"),))).items
            assert newest
    assert len(told) == len(set(told))


def test_a_killed_put_leaves_whole_blobs(tmp_path: Path) -> None:
    folder = tmp_path / "blobs"
    told: list[str] = []
    for _ in range(3):
        with _started(PUTTER, (folder,)) as [process]:
            _tell(process, "")
            told.append(_line(process))
            timer = threading.Timer(random.uniform(0, 0.05), process.kill)
            timer.start()
            told += [line for line in process.communicate()[0].split("\n")[:-1] if line]
            timer.join()
    blobs = FileBlobs(folder)
    found = list(blobs)
    assert set(told) <= set(found)
    assert all(hashlib.sha256(blobs.read(d)).hexdigest() == d for d in found)
    blobs.sweep(older=0.0)
    assert [f for f in folder.iterdir() if f.is_file()] == []
