"""What an exported head tells, and the chain alone cannot: that the last events are gone, or that all was written anew."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from muster.errors import Corrupt, InvalidInput, TooNew
from muster.records import Event
from muster.registry import trail
from muster.store import GENESIS, RecordStore
from muster.stores import open_records
from muster.testing.records import a_model, insert

Run = Callable[[str], None]


@pytest.fixture(params=["sqlite", "postgresql"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[RecordStore, Run]]:
    """A store of four events, and what runs a statement on its database behind its back."""
    target = request.getfixturevalue("postgres_hub") if request.param == "postgresql" else tmp_path / "muster.db"

    def run(statement: str) -> None:
        connect = psycopg.connect if request.param == "postgresql" else sqlite3.connect
        with closing(connect(str(target))) as connection:
            connection.execute(statement)
            connection.commit()

    with closing(open_records(target)) as store:
        insert(store, *(a_model(f"m{n}") for n in range(4)))
        yield store, run


def test_a_head_holds_while_the_trail_grows(opened: tuple[RecordStore, Run]) -> None:
    store, _ = opened
    known = trail.head(store)
    assert known["seq"] == 4
    assert trail.verify(store, known) == (4, None)
    insert(store, a_model("next"))
    assert trail.verify(store, known) == (5, None)
    assert trail.verify(store) == (5, None)


def test_removed_last_events_are_found(opened: tuple[RecordStore, Run]) -> None:
    """Whoever removes them and puts the head back leaves a chain that is whole by itself."""
    store, run = opened
    known = trail.head(store)
    run("DELETE FROM event WHERE seq > 2")
    second = store.find(Event).items[-1].hash
    run(f"UPDATE chain SET seq = 2, hash = '{second}'")
    assert store.verify() == (2, None)
    with pytest.raises(Corrupt, match=r"ends at event 2, and had 4 when .* the last ones were removed") as caught:
        trail.verify(store, known)
    assert caught.value.details["seq"] == 3
    insert(store, *(a_model(f"new{n}") for n in range(5)))
    assert store.verify() == (7, None)
    with pytest.raises(Corrupt, match=r"event 4 is not the one .* written anew"):
        trail.verify(store, known)


def test_a_changed_event_is_told_before_the_head(opened: tuple[RecordStore, Run]) -> None:
    store, run = opened
    known = trail.head(store)
    run("UPDATE event SET actor = 'eve' WHERE seq = 2")
    whole, broken = trail.verify(store, known)
    assert whole == 1
    assert broken is not None
    assert broken.seq == 2


def test_an_empty_trail_has_a_head(tmp_path: Path) -> None:
    with closing(open_records(tmp_path / "muster.db")) as store:
        known = trail.head(store)
        assert (known["seq"], known["hash"], known["at"]) == (0, GENESIS, None)
        assert trail.verify(store, known) == (0, None)
        insert(store, a_model("a"))
        assert trail.verify(store, known) == (1, None)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", InvalidInput),
        ("[]", InvalidInput),
        ("{}", InvalidInput),
        ('{"format": "muster.backup/1"}', InvalidInput),
        ('{"format": "muster.head/1", "seq": true, "hash": ""}', InvalidInput),
        ('{"format": "muster.head/1", "seq": 1, "hash": 5}', InvalidInput),
        ('{"format": "muster.head/2", "seq": 1, "hash": ""}', TooNew),
        ("\x00", InvalidInput),
    ],
)
def test_what_is_no_head_is_refused(tmp_path: Path, text: str, kind: type[Exception]) -> None:
    (tmp_path / "head.json").write_text(text)
    with pytest.raises(kind):
        trail.read_head(tmp_path / "head.json")
    with pytest.raises(InvalidInput, match="cannot be read"):
        trail.read_head(tmp_path / "none.json")
