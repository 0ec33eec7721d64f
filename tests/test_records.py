from __future__ import annotations

import json
import types
import typing
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError, fields, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster import records
from muster.documents import document, restore
from muster.errors import Corrupt, TooNew
from muster.records import KINDS, Alias, Environment, Model, Probe, Reading, Record, Run, Version, new_id, now
from muster.signature import Column, Output, Parameter, Scalar, Signature

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

signatures = st.sampled_from(
    [
        Signature(),
        Signature((Column("x", pa.float64(), nullable=False),), (Parameter("k", pa.int64(), 3),), positional=True),
    ]
)
outputs = st.sampled_from(
    [Output("regression", pa.float64()), Output("binary", pa.string(), ("no", "yes"), probabilities=True)]
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
moments = st.datetimes(timezones=st.just(UTC))


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Any value of an annotated type."""
    plain: dict[Any, st.SearchStrategy[Any]] = {
        str: st.text(max_size=5),
        int: st.integers(-(2**60), 2**60),
        float: st.floats(allow_nan=False),
        bool: st.booleans(),
        datetime: moments,
        Signature: signatures,
        Output: outputs,
        Scalar: st.booleans() | st.integers() | st.text(max_size=5),
    }
    if hint in plain:
        return plain[hint]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return st.sampled_from(arguments)
    if origin in (typing.Union, types.UnionType):
        if "Json" in str(hint):
            return json_values
        return st.one_of(*(st.none() if a is type(None) else values(a) for a in arguments))
    if origin is tuple:
        return st.lists(values(arguments[0]), max_size=3).map(tuple)
    if origin is Mapping:
        inner = json_values if "Json" in str(arguments[1]) else values(arguments[1])
        return st.dictionaries(st.text(max_size=5), inner, max_size=3)
    return made(hint)


def made(kind: type[Any]) -> st.SearchStrategy[Any]:
    hints = typing.get_type_hints(kind)
    return st.builds(
        kind, **{f.name: values(hints[f.name]) for f in fields(kind) if not (kind is Version and f.name == "aliases")}
    )


@pytest.mark.parametrize("kind", [*KINDS.values(), Environment, Probe, Reading], ids=lambda k: k.__name__)
@given(st.data())
def test_every_record_survives_its_json(kind: type[Record], data: st.DataObject) -> None:
    record = data.draw(made(kind))
    body = json.loads(json.dumps(document(record), allow_nan=True))
    assert restore(kind, body) == record
    assert body.get("format") == (f"muster.{kind.KIND}/1" if kind in KINDS.values() else None)


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda k: k.__name__)
def test_keys_and_indexed_fields_are_fields(kind: type[Record]) -> None:
    names = {f.name for f in fields(typing.cast(Any, kind))}
    assert set(kind.KEY) <= names
    assert set(kind.INDEXED) <= names
    assert KINDS[kind.KIND] is kind


def alias() -> Alias:
    return Alias(model="churn", name="champion", number=3, set_at=now(), set_by="ada")


def test_a_record_is_a_value() -> None:
    record = alias()
    assert record.identity == ("churn", "champion")
    assert replace(record, number=4) != record
    with pytest.raises(FrozenInstanceError):
        record.number = 4  # type: ignore[misc]  # that is the point
    assert not hasattr(record, "__dict__")


def test_the_aliases_of_a_version_are_not_stored_with_it() -> None:
    version = Version(
        id=new_id(),
        model="churn",
        number=1,
        origin="python",
        source="model.py",
        task="regression",
        signature=Signature(),
        output=Output("regression", pa.float64()),
        reading=Reading(value="predict"),
        digest="0" * 64,
        aliases=("champion",),
        created_at=now(),
        created_by="ada",
    )
    assert "aliases" not in document(version)
    assert restore(Version, document(version)) == replace(version, aliases=())
    assert version.ref == "churn:1"


def test_a_run_s_reference_is_its_version_where_it_has_one() -> None:
    run = Run(id="1", kind="score", status="queued", created_at=now(), created_by="ada")
    assert (run.ref, replace(run, model="churn", number=2).ref) == (None, "churn:2")
    assert (run.rows, run.rejected) == (0, 0)


class TestFormats:
    def test_a_later_format_is_refused_with_what_to_do(self) -> None:
        with pytest.raises(TooNew, match=r"this alias was written as `muster\.alias/2`") as caught:
            restore(Alias, {**document(alias()), "format": "muster.alias/2"})
        assert "upgrade" in caught.value.hint

    @pytest.mark.parametrize(
        "name", ["muster.model/1", "alias/1", "muster.alias", "muster.alias/", "muster.alias/x", "muster.alias/-1", ""]
    )
    def test_another_kind_or_no_format_is_corrupt(self, name: str) -> None:
        with pytest.raises(Corrupt, match=r"expected a muster\.alias document"):
            restore(Alias, {**document(alias()), "format": name})

    def test_what_an_earlier_release_did_not_write_has_its_default(self) -> None:
        body = document(
            Model(id="1", name="churn", task="binary", created_at=now(), created_by="ada", updated_at=now())
        )
        for name in ("project", "tags", "classes", "description"):
            del body[name]
        restored = restore(Model, body)
        assert (restored.project, restored.tags, restored.classes, restored.description) == ("default", {}, (), "")

    def test_what_nobody_knows_is_left_out(self) -> None:
        record = alias()
        assert restore(Alias, {**document(record), "colour": "red"}) == record

    def test_what_must_be_there_is_named(self) -> None:
        body = document(alias())
        del body["number"], body["set_by"]
        with pytest.raises(Corrupt, match="a stored Alias lacks number, set_by"):
            restore(Alias, body)


class TestTimes:
    def test_they_are_utc_to_the_microsecond(self) -> None:
        berlin = timezone(timedelta(hours=2))
        record = replace(alias(), set_at=datetime(2026, 11, 21, 12, 0, 0, 5, berlin))
        assert document(record)["set_at"] == "2026-11-21T10:00:00.000005Z"
        assert restore(Alias, document(record)).set_at == record.set_at
        assert restore(Alias, document(record)).set_at.tzinfo is UTC

    def test_a_whole_second_keeps_its_zeros(self) -> None:
        assert (
            document(replace(alias(), set_at=datetime(2026, 1, 1, tzinfo=UTC)))["set_at"]
            == "2026-01-01T00:00:00.000000Z"
        )

    def test_now_has_a_zone(self) -> None:
        assert now().tzinfo is UTC


class TestIds:
    def test_they_are_upper_case_ulids_of_this_moment(self) -> None:
        before = datetime.now(UTC).timestamp()
        made_now = new_id()
        after = datetime.now(UTC).timestamp()
        assert len(made_now) == 26
        assert set(made_now) <= set(ALPHABET)
        milliseconds = 0
        for letter in made_now[:10]:
            milliseconds = milliseconds * 32 + ALPHABET.index(letter)
        assert int(before * 1000) <= milliseconds <= after * 1000 + 1

    def test_each_is_larger_than_the_one_before(self) -> None:
        ids = [new_id() for _ in range(5_000)]
        assert ids == sorted(ids)
        assert len(set(ids)) == len(ids)

    def test_threads_never_share_one_and_each_sees_its_own_grow(self) -> None:
        with ThreadPoolExecutor(8) as pool:
            lists = list(pool.map(lambda _: [new_id() for _ in range(1_000)], range(8)))
        assert all(ids == sorted(ids) for ids in lists)
        assert len({i for ids in lists for i in ids}) == 8_000


def test_all_is_sorted_and_has_every_kind() -> None:
    constants = [n for n in records.__all__ if n.isupper()]
    kinds = [n for n in records.__all__ if n[0].isupper() and not n.isupper()]
    functions = [n for n in records.__all__ if n[0].islower()]
    assert records.__all__ == sorted(constants) + sorted(kinds) + sorted(functions)
    assert {k.__name__ for k in KINDS.values()} <= set(records.__all__)
