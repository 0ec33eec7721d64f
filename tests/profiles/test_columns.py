from __future__ import annotations

import json
import random
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muster.errors import InvalidInput, TooNew
from muster.profiles.columns import Columns, Kept
from muster.profiles.stored import pack, unpack
from muster.profiles.texts import Texts
from muster.profiles.times import Times
from muster.profiles.vectors import Vectors

SMALL = Kept(most=16)
"""So little is kept that a few rows go past it."""


def measured(table: pa.Table, kept: Kept = SMALL, weight: np.typing.NDArray[np.float64] | None = None) -> Columns:
    columns = Columns(kept)
    for batch in table.to_batches() or [pa.RecordBatch.from_pylist([], table.schema)]:
        columns.add(batch, weight)
    return columns


def counts(columns: Columns) -> dict[str, bytes]:
    """All that has to be the same bits in any order."""
    ends = {name: a for name, a in columns.arrays().items() if a.dtype.kind in "iu" or name.endswith("ends")}
    assert len(ends) > len(columns.columns)
    return {"header": json.dumps(columns.header()).encode()} | {name: a.tobytes() for name, a in ends.items()}


def nearly(columns: Columns, other: Columns) -> bool:
    its = other.arrays()
    return all(np.allclose(a, its[name], rtol=1e-9, atol=1e-9) for name, a in columns.arrays().items())


def again(columns: Columns) -> Columns:
    """Stored and opened."""
    data = pack("muster.test/1", {"columns": columns.header()}, {f"x.{n}": a for n, a in columns.arrays().items()})
    _, header, arrays = unpack(data, "muster.test/1")
    return Columns.restored(header["columns"], arrays, "x.")


def picked(array: pa.Array, places: pa.Array) -> pa.Array:
    """Some values by their place, also of types for which Arrow has no `take`."""
    if pa.types.is_string_view(array.type):
        return picked(array.cast(pa.string()), places).cast(pa.string_view())
    if pa.types.is_run_end_encoded(array.type):
        return pc.run_end_encode(pc.run_end_decode(array).take(places), run_end_type=pa.int64())
    return array.take(places)


def shuffled(table: pa.Table, order: np.typing.NDArray[np.int64]) -> pa.Table:
    columns = [picked(column.combine_chunks(), pa.array(order)) for column in table.columns]
    return pa.table(columns, names=table.column_names)


def every_type(rows: int, seed: int = 5) -> pa.Table:
    """A column of each type, some nulls in each."""
    draw = np.random.default_rng(seed)
    words = np.array(["", "yes", "No way", "Größe 3", "a, b; c", "x" * 200, "日本語 です"])
    small, wide = draw.integers(-90, 90, rows), draw.integers(-(1 << 62), 1 << 62, rows)
    floats = draw.normal(size=rows)
    floats[draw.random(rows) < 0.1] = np.nan
    floats[draw.random(rows) < 0.1] = np.inf
    floats[draw.random(rows) < 0.1] = -np.inf
    texts = words[draw.integers(0, len(words), rows)].tolist()
    ids = [f"user {n}" for n in draw.integers(0, 10_000, rows)]
    instants = draw.integers(-(10**9), 2 * 10**9, rows)
    vectors = draw.normal(size=(rows, 3)).tolist()
    values: dict[str, pa.Array] = {
        "int8": pa.array(small, pa.int8()),
        "int64": pa.array(wide, pa.int64()),
        "uint8": pa.array(np.abs(small), pa.uint8()),
        "uint64": pa.array(draw.integers(0, 1 << 64, rows, np.uint64)),
        "half": pa.array(floats.astype(np.float16)),
        "float": pa.array(floats.astype(np.float32)),
        "double": pa.array(floats),
        "decimal128": pa.array([Decimal(int(n)) / 100 for n in small], pa.decimal128(10, 2)),
        "decimal256": pa.array([Decimal(int(n)) * 10**30 for n in small], pa.decimal256(60, 2)),
        "bool": pa.array(small > 0),
        "string": pa.array(texts, pa.string()),
        "large_string": pa.array(ids, pa.large_string()),
        "string_view": pa.array(texts, pa.string_view()),
        "dictionary": pa.array(texts).dictionary_encode(),
        "dictionary of ids": pa.array(ids).dictionary_encode(),
        "dictionary of ints": pa.array(small).dictionary_encode(),
        "run ends": pa.RunEndEncodedArray.from_arrays([max(1, rows // 2), max(2, rows)], ["a", "b"])[:rows],
        "binary": pa.array([t.encode() for t in texts]),
        "fixed binary": pa.array([b"1234"] * rows, pa.binary(4)),
        "uuid": pa.array([uuid.UUID(int=int(abs(n))).bytes for n in wide], pa.uuid()),
        "date32": pa.array(instants // 86_400, pa.int32()).view(pa.date32()),
        "date64": pa.array(instants // 86_400 * 86_400_000).view(pa.date64()),
        "timestamp s": pa.array(instants).view(pa.timestamp("s")),
        "timestamp ms": pa.array(instants * 1_000 + 999).view(pa.timestamp("ms")),
        "timestamp ns": pa.array(instants * 1_000_000_000 - 1).view(pa.timestamp("ns")),
        "timestamp zoned": pa.array(instants * 1_000_000).view(pa.timestamp("us", "Europe/Berlin")),
        "time32": pa.array(np.abs(small) * 60_000, pa.int32()).view(pa.time32("ms")),
        "time64": pa.array(np.abs(small) * 60_000_000).view(pa.time64("us")),
        "duration": pa.array(wide).view(pa.duration("ns")),
        "list of doubles": pa.array([v[: n % 4] for n, v in enumerate(vectors)], pa.list_(pa.float64())),
        "large list": pa.array(vectors, pa.large_list(pa.float32())),
        "vector": pa.array(vectors, pa.list_(pa.float32(), 3)),
        "list of texts": pa.array([[t] for t in texts]),
        "struct": pa.array([{"a": 1}] * rows, pa.struct({"a": pa.int64()})),
        "map": pa.array([[("a", 1)]] * rows, pa.map_(pa.string(), pa.int64())),
    }
    table = {}
    for name, array in values.items():
        nulls = draw.random(rows) < 0.1
        if name in {"run ends", "dictionary"}:  # their nulls are where they are written
            table[name] = array
        else:
            table[name] = picked(array, pa.array(np.arange(rows), mask=nulls))
    table["null"] = pa.nulls(rows)
    return pa.table(table)


KINDS = {
    "int8": "number", "int64": "number", "uint8": "number", "uint64": "number", "half": "number", "float": "number",
    "double": "number", "decimal128": "number", "decimal256": "number", "bool": "boolean", "string": "text",
    "large_string": "text", "string_view": "text", "dictionary": "text", "dictionary of ids": "text",
    "dictionary of ints": "number", "run ends": "text", "binary": "other", "fixed binary": "other", "uuid": "other",
    "date32": "date", "date64": "date", "timestamp s": "timestamp", "timestamp ms": "timestamp",
    "timestamp ns": "timestamp", "timestamp zoned": "timestamp_utc", "time32": "clock", "time64": "clock",
    "duration": "duration", "list of doubles": "vector", "large list": "vector", "vector": "vector",
    "list of texts": "other", "struct": "other", "map": "other", "null": "null",
}  # fmt: skip


@pytest.fixture(scope="module")
def table() -> pa.Table:
    return every_type(400)


def test_every_type_is_measured_as_its_kind_and_no_row_is_lost(table: pa.Table) -> None:
    columns = measured(table)
    assert {name: column.kind for name, column in columns.columns.items()} == KINDS
    for name, column in columns.columns.items():
        assert (column.present, column.missing) == (400 - table[name].null_count, table[name].null_count), name
        if column.measure is not None:
            assert column.measure.rows == column.present, name


def test_types_that_are_not_measured_say_so(table: pa.Table) -> None:
    figures = measured(table).figures()
    others = [name for name, kind in KINDS.items() if kind == "other"]
    assert all("present or missing only" in figures[name]["note"] for name in others)  # type: ignore[index, operator, call-overload]


def test_figures_are_json(table: pa.Table) -> None:
    text = json.dumps(measured(table).figures(), allow_nan=False)
    assert json.loads(text)["uint8"]["min"] == 0


@pytest.mark.parametrize("kept", [SMALL, Kept(), Kept(most=16, texts=False)], ids=["few cells", "exact", "no texts"])
@pytest.mark.parametrize("shards", [1, 2, 7, 100])
def test_shards_merged_in_any_order_count_the_same(table: pa.Table, shards: int, kept: Kept) -> None:
    whole = measured(table, kept)
    for seed in range(2):
        order = np.random.default_rng(seed).permutation(len(table))
        parts = [measured(shuffled(table, order[n::shards]), kept) for n in range(shards)]
        while len(parts) > 1:  # and in any grouping
            parts[0].merge(parts.pop())
            random.Random(seed).shuffle(parts)
        # Shuffled rows of dictionaries and runs have the same values, so the same counts.
        assert counts(parts[0]) == counts(whole)
        assert nearly(parts[0], whole)


_VALUES = st.one_of(
    st.none(), st.floats(width=32), st.sampled_from([0.0, -0.0, 1.0, float("nan"), float("inf"), 5e-324, 1.7e308])
)
_ROWS = st.lists(
    st.tuples(_VALUES, st.one_of(st.none(), st.text(max_size=5)), st.one_of(st.none(), st.integers(-(2**61), 2**61))),
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(_ROWS, st.lists(st.integers(0, 40), max_size=4), st.randoms(use_true_random=False))
def test_any_rows_cut_anywhere_count_the_same(rows: list[Any], cuts: list[int], chance: random.Random) -> None:
    schema = pa.schema({"x": pa.float64(), "s": pa.string(), "t": pa.timestamp("ns"), "v": pa.list_(pa.float64())})

    def batch(some: Sequence[Any]) -> pa.Table:
        columns: list[list[Any]] = [[row[n] for row in some] for n in range(3)]
        columns.append([None if x is None or t is None else [x, float(t)] for x, _, t in some])
        return pa.table([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)

    kept = Kept(most=8)
    whole = measured(batch(rows), kept)
    edges = sorted({0, len(rows), *(c for c in cuts if c < len(rows))})
    parts = [batch(rows[a:b]) for a, b in pairwise(edges)]
    chance.shuffle(parts)
    streamed, merged = Columns(kept), Columns(kept)
    for part in parts:
        for piece in part.to_batches():
            streamed.add(piece)
        merged.merge(again(measured(part, kept)))
    if parts:
        assert counts(streamed) == counts(whole) == counts(merged)


def test_what_is_stored_opens_as_it_was(table: pa.Table) -> None:
    for kept in (SMALL, Kept(), Kept(texts=False)):
        columns = measured(table, kept)
        opened = again(columns)
        assert opened.header() == columns.header()
        assert {n: a.tobytes() for n, a in opened.arrays().items()} == {
            n: a.tobytes() for n, a in columns.arrays().items()
        }
        assert opened.figures() == columns.figures()
        opened.merge(columns)
        assert opened.rows == 800


def test_nothing_yet_is_stored_and_merged_too(table: pa.Table) -> None:
    columns = measured(table)
    before = counts(columns)
    columns.merge(again(Columns(SMALL)))
    assert counts(columns) == before
    fresh = again(Columns(SMALL))
    fresh.merge(columns)
    assert counts(fresh) == before


def test_empty_batches_and_columns_of_nulls_count_nothing(table: pa.Table) -> None:
    empty = measured(table.slice(0, 0))
    assert [column.kind for column in empty.columns.values()] == list(KINDS.values())
    json.dumps(empty.figures(), allow_nan=False)
    missing = pa.table({name: pa.nulls(30, table.schema.field(name).type) for name in KINDS if name != "run ends"})
    nulls = measured(missing)
    assert {(c.present, c.missing) for c in nulls.columns.values()} == {(0, 30)}
    json.dumps(again(nulls).figures(), allow_nan=False)


def test_a_column_of_nulls_takes_the_kind_that_comes_later() -> None:
    for names in (["nulls", "numbers"], ["numbers", "nulls"]):
        batches = {"nulls": pa.record_batch({"x": pa.nulls(3)}), "numbers": pa.record_batch({"x": [1.5, None]})}
        streamed, merged = Columns(), Columns()
        for name in names:
            streamed.add(batches[name])
            part = Columns()
            part.add(batches[name])
            merged.merge(part)
        for columns in (streamed, merged):
            column = columns.columns["x"]
            assert (column.kind, column.present, column.missing) == ("number", 1, 4)
            assert column.types == {"null", "double"}


def test_nulls_within_a_dictionary_are_missing() -> None:
    coded = pa.DictionaryArray.from_arrays(pa.array([0, 1, None, 1]), pa.array(["a", None]))
    column = measured(pa.table({"x": coded})).columns["x"]
    assert (column.present, column.missing) == (1, 3)
    assert isinstance(column.measure, Texts)
    assert column.measure.categories.names() == ["a"]


ODD = {
    "binary": pa.array([b"a", None]),
    "binary view": pa.array([b"a", None], pa.binary_view()),
    "string": pa.array(["a", None]),
    "string view": pa.array(["a", None], pa.string_view()),
    "struct": pa.array([{"a": 1}, None]),
    "list view": pa.array([[1.0], None], pa.list_view(pa.float64())),
    "vector": pa.array([[1.0], None], pa.list_(pa.float64(), 1)),
    "decimal": pa.array([Decimal(1), None], pa.decimal32(5, 2)),
    "union": pa.UnionArray.from_sparse(pa.array([0, 0], pa.int8()), [pa.array([1, None])]),
    "interval": pa.array([pa.MonthDayNano((1, 2, 3)), None]),
    "boolean": pa.array([True, None]),
    "timestamp": pa.array([1, None]).view(pa.timestamp("s", "UTC")),
    "extension of text": pa.ExtensionArray.from_storage(pa.json_(), pa.array(["{}", None])),
    "extension of a vector": pa.ExtensionArray.from_storage(
        pa.fixed_shape_tensor(pa.float32(), [1, 2]), pa.array([[1, 2], None], pa.list_(pa.float32(), 2))
    ),
}


@pytest.mark.parametrize("name", ODD)
def test_values_are_the_same_in_slices_dictionaries_and_runs(name: str) -> None:
    values = ODD[name]
    expected = measured(pa.table({"x": values})).columns["x"]
    assert (expected.present, expected.missing) == (1, 1)
    written = {
        "slice": pa.concat_arrays([values, values, values]).slice(2, 2),
        "dictionary": pa.DictionaryArray.from_arrays(pa.array([0, None], pa.int8()), values),
        "nulls in a dictionary": pa.DictionaryArray.from_arrays(pa.array([1, 0]), values),
        "runs": pa.RunEndEncodedArray.from_arrays(pa.array([2, 3], pa.int32()), values).slice(1, 2),
    }
    for how, array in written.items():
        found = measured(pa.table({"x": array})).columns["x"]
        assert found.kind == expected.kind
        assert {n: a.tobytes() for n, a in found.arrays().items()} == {
            n: a.tobytes() for n, a in expected.arrays().items()
        }, how


def test_the_same_values_are_counted_alike_however_they_are_written() -> None:
    texts = ["a", "b b", None, "a", "ü", "never"]
    plain = pa.array(texts)
    coded = pa.DictionaryArray.from_arrays(pa.array([3, 1, None, 0, 2]), pa.array(["a", "b b", "ü", "a", "never"]))
    written = [plain.cast(kind) for kind in (pa.string(), pa.large_string(), pa.string_view())]
    found = [measured(pa.table({"x": array[:5]})) for array in written] + [measured(pa.table({"x": coded}))]
    for columns in found:
        columns.columns["x"].types.clear()
    assert len({str(counts(columns)) for columns in found}) == 1
    measure = found[0].columns["x"].measure
    assert isinstance(measure, Texts)
    assert sorted(measure.categories.names() or ()) == ["a", "b b", "ü"]


def test_batches_that_do_not_fit_are_refused_with_all_that_is_wrong_and_nothing_is_counted() -> None:
    columns = Columns()
    columns.add(pa.record_batch({"a": [1], "b": ["x"], "c": [1.0], "d": [True]}))
    before = counts(columns)
    bad = pa.record_batch({"a": ["1"], "b": pa.array([date(2020, 1, 1)]), "d": [False], "e": [1]})
    with pytest.raises(InvalidInput) as caught:
        columns.add(bad)
    for told in ("`c` is missing", "`e` is new", "`a` is of kind text, not number", "`b` is of kind date, not text"):
        assert told in caught.value.message
    assert "`d`" not in caught.value.message
    assert counts(columns) == before
    other = Columns()
    other.add(bad)
    with pytest.raises(InvalidInput, match="other profile"):
        columns.merge(other)
    assert counts(columns) == before


def test_two_columns_of_one_name_are_refused() -> None:
    batch = pa.RecordBatch.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    with pytest.raises(InvalidInput, match="`a` is there twice"):
        Columns().add(batch)


def test_profiles_that_keep_other_things_do_not_merge() -> None:
    with pytest.raises(InvalidInput, match="keep different things"):
        Columns(Kept(texts=False)).merge(Columns())


@pytest.mark.parametrize(
    "weight",
    [[1.0], [1.0, -1.0], [1.0, float("nan")], [float("inf"), 1.0], None],
    ids=["few", "negative", "nan", "inf", "none"],
)
def test_weights_that_are_none_are_refused(weight: list[float] | None) -> None:
    with pytest.raises(InvalidInput):
        Columns(Kept(weighted=True)).add(pa.record_batch({"a": [1, 2]}), None if weight is None else np.array(weight))


def test_weights_are_refused_where_none_are_measured() -> None:
    with pytest.raises(InvalidInput, match="without weights"):
        Columns().add(pa.record_batch({"a": [1, 2]}), np.ones(2))


def test_weights_are_kept_beside_the_rows(table: pa.Table) -> None:
    weight = np.random.default_rng(3).random(len(table))
    batch = table.combine_chunks().to_batches()[0]
    columns = Columns(Kept(weighted=True))
    columns.add(batch, weight)
    for name, column in columns.columns.items():
        there = batch.column(name).is_valid().to_numpy(zero_copy_only=False)
        assert column.mass.tolist() == pytest.approx([weight[there].sum(), weight[~there].sum()]), name
    plain = measured(table, Kept())
    unweighted = {n: a.tobytes() for n, a in plain.arrays().items() if a.dtype.kind in "iu"}
    assert {n: a.tobytes() for n, a in columns.arrays().items() if a.dtype.kind in "iu"} == unweighted
    truth = np.array(batch.column("bool").to_pylist()) == True  # noqa: E712
    assert columns.columns["bool"].measure.mass[1] == pytest.approx(weight[truth].sum())  # type: ignore[union-attr]
    texts = columns.columns["string"].measure
    assert isinstance(texts, Texts)
    sums = dict(zip(texts.categories.names() or (), texts.categories.values.cells.sums[:, 0].tolist(), strict=True))
    assert sums["yes"] == pytest.approx(weight[np.array(batch.column("string").to_pylist()) == "yes"].sum())
    assert nearly(again(columns), columns)


def test_a_column_is_small_whatever_is_in_it() -> None:
    draw = np.random.default_rng(1)
    rows = 50_000
    table = pa.table(
        {
            "x": draw.normal(size=rows),
            "id": [f"{n:032x}" for n in draw.integers(0, 1 << 62, rows)],
            "text": [" ".join(str(w) for w in draw.integers(0, 9_999, 40)) for _ in range(rows)],
            "t": pa.array(draw.integers(0, 1 << 60, rows)).view(pa.timestamp("ns")),
            "v": pa.array(list(draw.normal(size=(rows, 8))), pa.list_(pa.float64(), 8)),
        }
    )
    columns = measured(table, Kept())
    for n, name in enumerate(columns.columns):
        size = sum(a.nbytes for key, a in columns.arrays().items() if key.startswith(f"{n}."))
        assert size < 160_000, name


def damaged(arrays: dict[str, Any]) -> dict[str, Callable[[], Any]]:
    def changed(array: np.typing.NDArray[Any]) -> np.typing.NDArray[Any]:
        if array.dtype.kind == "f":
            return array.astype(np.int64)
        other = array.copy()
        other.reshape(-1)[0] = -5 if array.dtype.kind == "i" else 0
        return other

    found: dict[str, Callable[[], Any]] = {}
    for name, array in arrays.items():
        found[f"no {name}"] = lambda name=name: {k: v for k, v in arrays.items() if k != name}  # type: ignore[misc]
        found[f"longer {name}"] = lambda name=name, a=array: (
            arrays | {name: np.concatenate([a, a[:1]]) if len(a) else np.ones((1, *a.shape[1:]), a.dtype)}
        )  # type: ignore[misc]
        if array.size and not name.endswith(("cells", "shift", "ends", "hashes", "texts")):
            found[f"other {name}"] = lambda name=name, a=array: arrays | {name: changed(a)}  # type: ignore[misc]
    return found


def test_damaged_arrays_are_refused(table: pa.Table) -> None:
    names = ["double", "bool", "string", "large_string", "timestamp s", "vector", "struct"]
    columns = measured(table.select(names))
    header, arrays = columns.header(), dict(columns.arrays())
    whole = {name: np.array(a) for name, a in arrays.items()}
    tried = damaged(whole)
    assert len(tried) > 100
    taken = []
    for what, make in tried.items():
        try:
            Columns.restored(header, make())
        except (ValueError, KeyError):
            continue
        taken.append(what)
    # Sums of any length up to the longest vector fit.
    assert taken == ["longer 5.sums"]


def test_other_rows_than_the_values_are_refused() -> None:
    columns = measured(pa.table({"x": [1.0, None]}))
    with pytest.raises(ValueError, match="other rows than those that are present"):
        Columns.restored(columns.header(), {**columns.arrays(), "0.rows": np.array([2, 0])})


def test_fewer_than_no_rows_are_refused() -> None:
    columns = measured(pa.table({"x": [1.0, 2.0, 2.0, 3.0]}))
    arrays = {name: np.array(a) for name, a in columns.arrays().items()}
    arrays["0.values.counts"][:, 0] = [-1, 2, 3]
    with pytest.raises(ValueError, match="counts below 0"):
        Columns.restored(columns.header(), arrays)


def test_damaged_headers_are_refused(table: pa.Table) -> None:
    columns = measured(table.select(["string", "double"]), Kept())
    header = json.loads(json.dumps(columns.header()))
    for change in (
        {"kind": "number"}, {"kind": "strange"}, {"types": 3},
    ):  # fmt: skip
        bad = {**header, "columns": [{**header["columns"][0], **change}, header["columns"][1]]}
        with pytest.raises((ValueError, KeyError, TypeError)):
            Columns.restored(bad, columns.arrays())
    twice = {**header, "columns": [header["columns"][0], {**header["columns"][1], "name": "string"}]}
    with pytest.raises(ValueError, match="two columns"):
        Columns.restored(twice, columns.arrays())
    with pytest.raises(TooNew):
        Columns.restored({**header, "layout": 2}, columns.arrays())


def test_texts_are_not_kept_where_none_are_wanted() -> None:
    table = pa.table({"name": ["Ada Lovelace"] * 3 + ["Alan Turing"]})
    columns = measured(table, Kept(texts=False))
    assert not any(b"Ada" in array.tobytes() for array in columns.arrays().values())
    assert "Ada" not in str(columns.header())
    figures: Any = columns.figures()["name"]
    assert figures["top"] == [{"text": None, "rows": 3}, {"text": None, "rows": 1}]
    assert any(b"Ada" in array.tobytes() for array in measured(table).arrays().values())
    with pytest.raises(ValueError, match="texts where none belong"):
        Columns.restored(columns.header(), measured(table).arrays())


def test_less_than_two_values_are_not_kept() -> None:
    with pytest.raises(InvalidInput, match="at least 2"):
        Kept(most=1)


def test_names_of_types_are_few_and_short() -> None:
    wide = pa.struct({f"field {n}": pa.int64() for n in range(500)})
    kinds = [wide, *(pa.struct({f"{n:02}": pa.int64()}) for n in range(20))]
    found = []
    for some in (kinds, kinds[::-1]):
        columns = Columns()
        for kind in some:
            columns.add(pa.record_batch({"x": pa.nulls(1, kind)}))
        found.append(columns.columns["x"].types)
    assert found[0] == found[1]
    assert len(found[0]) == 8
    assert max(map(len, found[0])) <= 128


def test_times_are_counted_to_the_second_and_zones_by_utc() -> None:
    local = datetime(2024, 2, 29, 23, 30, 15, 999_999, tzinfo=UTC)
    array = pa.array([local, local - timedelta(days=400)], pa.timestamp("us", "Asia/Tokyo"))
    figures: Any = measured(pa.table({"t": array})).figures()["t"]
    assert (figures["first"], figures["last"]) == ("2023-01-25T23:30:15", "2024-02-29T23:30:15")
    assert figures["hours"][23] == 2
    assert figures["months"][:2] == [1, 1]
    assert (figures["weekdays"][2], figures["weekdays"][3]) == (1, 1)  # a Wednesday and a Thursday


def test_hours_weekdays_and_months_are_those_of_python() -> None:
    draw = np.random.default_rng(8)
    moments = [datetime(1970, 1, 1) + timedelta(seconds=int(s)) for s in draw.integers(-(6 * 10**10), 2 * 10**11, 500)]  # noqa: DTZ001
    times = measured(pa.table({"t": pa.array(moments, pa.timestamp("ms"))})).columns["t"].measure
    assert isinstance(times, Times)
    for name, of in (("hours", "hour"), ("months", "month"), ("weekdays", "weekday")):
        values = [getattr(m, of) if of != "weekday" else m.weekday() for m in moments]
        first = 1 if of == "month" else 0
        assert times.cycles[name].tolist() == [values.count(n + first) for n in range(len(times.cycles[name]))], name
    assert times.figures()["first"] == min(moments).isoformat()


def test_times_outside_of_the_calendar_are_counted() -> None:
    far = pa.array([-(1 << 62), 1 << 62]).view(pa.timestamp("s"))
    figures: Any = again(measured(pa.table({"t": far}))).figures()["t"]
    assert figures["first"].startswith("-")
    assert sum(figures["hours"]) == 2


def test_times_of_day_and_durations_are_seconds() -> None:
    table = pa.table({"c": pa.array([time(1, 0, 0, 500_000)]), "d": pa.array([timedelta(days=-1)], pa.duration("ms"))})
    figures: Any = measured(table).figures()
    assert figures["c"]["max"] == 3_600.5
    assert figures["d"]["min"] == -86_400
    assert figures["c"]["note"] == "in seconds since midnight"


def test_vectors_that_are_no_vectors_are_counted_apart() -> None:
    array = pa.array([[3.0, 4.0], [0.0, 0.0], [], [1.0, None], [float("inf"), 0.0], [1e308, 1e308], [5e-324, 0.0]])
    vectors = measured(pa.table({"v": array})).columns["v"].measure
    assert isinstance(vectors, Vectors)
    assert (vectors.rows, vectors.broken[0], vectors.norms.facts[2], vectors.norms.facts[4]) == (7, 2, 0, 2)
    assert vectors.norms.greatest == pytest.approx(np.sqrt(2) * 1e308)
    assert vectors.norms.least == 0
    assert vectors.projections.sum() == 64 * 3
    huge = measured(pa.table({"v": pa.array([[1.7e308, 1.7e308]])})).columns["v"].measure
    assert isinstance(huge, Vectors)
    assert huge.norms.facts[2] == 1


def test_vectors_have_the_norms_means_and_directions_of_numpy() -> None:
    from muster.profiles.vectors import _signs, place_edges

    draw = np.random.default_rng(4)
    x = draw.normal(size=(3_000, 50)) + draw.normal(size=50)
    vectors = measured(pa.table({"v": pa.array(list(x), pa.list_(pa.float64(), 50))}), Kept()).columns["v"].measure
    assert isinstance(vectors, Vectors)
    norms = np.linalg.norm(x, axis=1)
    assert vectors.norms.mean == pytest.approx(norms.mean(), rel=1e-6)
    assert vectors.mean() == pytest.approx(x.mean(0))
    projected = (x @ _signs()[:50]) / norms[:, None]
    edges = np.concatenate([[-np.inf], place_edges()[1:], [np.inf]])
    for n in range(64):
        expected, _ = np.histogram(projected[:, n], edges)
        assert np.abs(vectors.projections[n] - expected).sum() <= 2  # one that lies on an edge but for rounding
    signs = _signs()
    assert abs(signs.mean()) < 0.01
    assert np.abs(signs.T @ signs / len(signs) - np.eye(64)).max() < 0.1


def test_vectors_count_to_the_same_bits_however_they_are_cut() -> None:
    x = np.random.default_rng(6).normal(size=(300, 257))
    whole = measured(pa.table({"v": pa.array(list(x), pa.list_(pa.float64()))}), Kept())
    for size in (1, 7):
        parts = Columns()
        for at in range(0, 300, size):
            parts.add(pa.record_batch({"v": pa.array(list(x[at : at + size]), pa.list_(pa.float64()))}))
        assert counts(parts) == counts(whole)
    # Whatever order a processor adds up in, which another order of the elements stands for.
    other = measured(pa.table({"v": pa.array(list(x[:, ::-1]), pa.list_(pa.float64()))}), Kept())
    assert all(counts(other)[name] == bits for name, bits in counts(whole).items() if "norms" in name)


def test_long_vectors_are_regarded_in_part_and_say_so() -> None:
    array = pa.array([np.ones(5_000), np.ones(10)])
    columns = measured(pa.table({"v": array}))
    figures: Any = columns.figures()["v"]
    assert "first 4096 elements" in figures["note"]
    assert figures["norm"]["max"] == 64.0
    assert figures["length"]["max"] == 5_000
    assert len(columns.arrays()["0.sums"]) == 4_096
