"""A predictor that was opened before a fork, and used in both processes: what its parent was lent is not the child's."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from muster.records import Connection, Usage, now
from muster.store import RecordStore
from muster.stores import open_records
from tests.predictors.external.transport.local import Say, Server

# Asks once, is forked while threads, places and money are at hand, and asks on in both; each says how that ended.
FORKING = """
import json, os, sys, time
from functools import partial
from pathlib import Path
from muster.errors import MusterError
from muster.predictor import Call
from muster.predictors.external.transport.caller import Caller
from muster.predictors.external.transport.rate import Caps
from muster.predictors.external.transport.sender import Sender
from muster.registry.opened import Opened
from muster.registry.shares import KeptShares
from muster.stores import open_records
from tests.predictors.external.transport.local import HASTE, SCHEMA, Limits, Local, batch_of, decode, encode

url, place = sys.argv[1], Path(sys.argv[2])
shares = KeptShares(Opened(partial(open_records, place, make=False)), str(place))
caller = Caller(
    Local(url), {}, Limits(bytes=1 << 20, seconds=10.0, rows=1), Sender(), encode=encode, decode=decode, schema=SCHEMA,
    name="e", within="the connection c", caps=Caps(money=20.0, call_price=1.0), cap=2, shares=shares, connection="c",
    patience=HASTE,
)
caller.ask(batch_of(5))
told, child = [5], os.fork()
until = time.monotonic() + 60
try:
    for n in range(40):
        answer = caller.ask(batch_of(1), Call(cancelled=lambda: time.monotonic() > until))
        assert answer.column("prediction").to_pylist() == [0.0]
        told[0] += 1
except MusterError as error:
    told.append(error.message)
told.append(caller.counts.answered)
caller.close()
print(json.dumps(told), flush=True)
if child:
    os.waitpid(child, 0)
os._exit(0)
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RecordStore]:
    store = open_records(tmp_path / "muster.db")
    caps = {"concurrency": 2.0, "price_per_call": 1.0, "spend": 20.0}
    with store.transaction("ada") as tx:
        tx.insert(Connection(name="c", kind="http", caps=caps, created_at=now(), created_by="ada"))
    yield store
    store.close()


def test_both_processes_keep_the_caps_and_get_their_own_answers(
    store: RecordStore, tmp_path: Path, server: Server
) -> None:
    server.rule = lambda seen, number: Say(seconds=0.03)
    command = [sys.executable, "-c", FORKING, server.url, str(tmp_path / "muster.db")]
    found = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert found.returncode == 0, found.stderr
    ended = [json.loads(line) for line in found.stdout.splitlines()]
    used_up = "what may be spent on the connection c is used up: 20.00 of 20.00"
    assert [told[1] for told in ended] == [used_up] * 2, found.stderr
    assert sum(told[0] for told in ended) - 5 == len(server.seen) == 20
    assert all(told[0] == told[2] for told in ended), "the child counts on from what was asked before"
    assert server.most_flying <= 2
    usage = store.get(Usage, "c")
    assert usage is not None
    assert (usage.spent, usage.shares) == (20.0, ())
