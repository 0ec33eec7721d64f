"""Eight processes that register, move aliases, tag and delete at once leave a consistent hub, and none sees an error of the store."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter as Tally
from contextlib import closing
from pathlib import Path

import pytest

from muster.records import Alias, Counter, Event, Model, Version
from muster.registry.search import every
from muster.store import Condition, RecordStore
from muster.stores import open_records

PROCESSES = 8
ROUNDS = 10

# Every write goes as the hub's does. Being refused is an answer (an alias points at it, it was deleted already); anything
# else, and above all a StoreError, ends the process.
WRITER = """
import json, os, random, sys
from dataclasses import replace
from muster.errors import Conflict, NotFound
from muster.records import Counter, Model, new_id
from muster.registry.house import House
from muster.registry.registry import point
from muster.stores import open_records
from muster.testing.records import a_model, a_version
from pathlib import Path

target, processes, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
gate, opened = os.pipe()
children = []
for n in range(processes):
    child = os.fork()
    if child == 0:
        break
    children.append(child)
else:
    os.close(opened)
    sys.exit(any([os.waitpid(child, 0)[1] for child in children]))
name = f"w{n}"
store = open_records(target if "://" in target else Path(target), make=False)
house, told, choose = House(store, name), [], random.Random(name)
os.close(opened)
os.read(gate, 1)  # ends when all have come here

def register(model):
    with store.transaction(name, "register") as tx:
        counter = tx.get(Counter, model)
        after = Counter(name=model, last=counter.last + 1 if counter else 1)
        tx.replace(after) if counter else tx.insert(after)
        before = tx.get(Model, model)
        version = replace(a_version(model, after.last, tags={"by": name}), id=new_id())
        tx.replace(replace(before, updated_at=version.created_at)) if before else tx.insert(a_model(model))
        tx.insert(version)
        point(tx, version, "newest", name)
    told.append((model, after.last))
    return version.ref

for n in range(rounds):
    mine = register(choose.choice(["churn", "fraud"]))
    model, number = mine.split(":")
    other = f"{choose.choice(['churn', 'fraud'])}:{choose.randint(1, 40)}"
    for act in (
        lambda: house.set_alias(other, "champion"),
        lambda: house.tag(model, {f"{name}-{n}": "x"}),
        lambda: house.tag(other, {"seen": name}),
        lambda: house.delete_version(other),
        lambda: house.remove_alias(model, "champion"),
        lambda: house.version(f"{model}@newest"),
    ):
        try:
            act()
        except (Conflict, NotFound):
            pass
store.close()
os.write(1, json.dumps(told).encode() + b"\\n")
"""


@pytest.fixture(params=["postgresql", "sqlite"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_hub"))
    path = tmp_path / "muster.db"
    open_records(path).close()
    return str(path)


def _write(target: str) -> list[tuple[str, int]]:
    command = [sys.executable, "-W", "error", "-c", WRITER, target, str(PROCESSES), str(ROUNDS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == PROCESSES
    return [(model, number) for answer in answers for model, number in answer]


def test_many_writers_leave_a_consistent_hub(target: str) -> None:
    told = _write(target)
    assert len(told) == len(set(told)) == PROCESSES * ROUNDS
    with closing(open_records(target if "://" in target else Path(target))) as store:
        _consistent(store, told)


def _consistent(store: RecordStore, told: list[tuple[str, int]]) -> None:
    numbers = Tally(model for model, _ in told)
    for model, count in numbers.items():
        assert store.get(Counter, model) == Counter(name=model, last=count)
        assert sorted(n for m, n in told if m == model) == list(range(1, count + 1))
        found = store.get(Model, model)
        assert found is not None
        assert len([t for t in found.tags if t.startswith("w")]) == count
    versions = {(v.model, v.number): v for v in every(store, Version)}
    assert set(versions) == set(told)
    for alias in every(store, Alias):
        assert versions[alias.model, alias.number].deleted_at is None
    events, broken = store.verify()
    assert broken is None
    assert events == store.count(Event)
    assert store.count(Event, (Condition("action", "=", "version.created"),)) == len(told)
    actors = Tally(e.actor for e in every(store, Event))
    assert set(actors) == {f"w{n}" for n in range(PROCESSES)}
