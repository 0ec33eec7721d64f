"""Segments from end to end: parts are cut alike wherever the values stand, and each is found again by its name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import csv

from muster.errors import InvalidInput, RunFailed
from muster.evaluation.cut_words import asking_for, cut_words
from muster.evaluation.result import Evaluation
from muster.hub import Hub
from muster.registry.evaluation_job import EvaluateOptions

ROWS = 30_000
SCORED: EvaluateOptions = {"target": "y", "prediction": "p", "classes": [0, 1]}


def scored(rows: int = ROWS, **columns: Any) -> pa.Table:
    random = np.random.default_rng(2)
    y = random.integers(0, 2, rows)
    return pa.table({"y": y, "p": np.where(random.random(rows) < 0.8, y, 1 - y), **columns})


def evaluated(hub: Hub, data: object, parts: Sequence[Any], **more: Unpack[EvaluateOptions]) -> Evaluation:
    options: EvaluateOptions = {**SCORED, "segments": parts, **more}
    return hub.evaluate(data, **options)


def sizes(found: Evaluation, name: str) -> dict[str, int]:
    return {part: found.segments[name].rows(part) for part in found.segments[name]}


@pytest.mark.parametrize("kind", ["one group", "groups", "csv", "memory"])
def test_numbers_in_order_are_cut_at_the_fifths_of_all_of_them(hub: Hub, tmp_path: Path, kind: str) -> None:
    table = scored(x=np.arange(ROWS), same=np.arange(ROWS) // 12_000)
    data: object = table
    if kind == "csv":
        csv.write_csv(table, tmp_path / "rows.csv")
        data = tmp_path / "rows.csv"
    elif kind != "memory":
        pq.write_table(table, tmp_path / "rows.parquet", row_group_size=ROWS if kind == "one group" else 3_000)
        data = tmp_path / "rows.parquet"
    found = evaluated(hub, data, ["x", "same"], weak_segments=True)
    assert len(sizes(found, "x")) == 5
    assert all(abs(n / ROWS - 0.2) < 0.02 for n in sizes(found, "x").values())
    assert sizes(found, "same") == {"0": 12_000, "1": 12_000, "2": 6_000}
    assert found.profile.losses is not None
    alone = found.profile.losses.alone(0)[0].sum(1)[:-1]
    assert len(alone) == 8
    assert np.abs(alone / ROWS - 1 / 8).max() < 0.02
    cut = found.segments["x"].segmenting
    assert 10_000 <= cut.sampled < 20_000
    assert (
        cut_words(cut, ROWS) == f"Cut near its fifths, as {cut.sampled:,} rows tell, which are from all over the data."
    )
    again = hub.evaluation(found.id)
    assert again.segments["x"].segmenting.sampled == cut.sampled
    told: Any = again.to_json()["cuts"]
    assert told["x"]["edges"] == [*cut.edges]
    assert set(told) == {"x"}
    assert evaluated(hub, data, ["x"]).segments["x"].segmenting.edges == cut.edges


def test_evaluations_of_other_data_have_the_same_parts_when_the_edges_are_asked_for(hub: Hub) -> None:
    random = np.random.default_rng(4)
    zeros, days = random.random(ROWS) < 0.5, np.datetime64("2020-01-01") + random.integers(0, 900, ROWS)
    table = scored(x=np.where(zeros, 0, random.normal(size=ROWS)), day=days)
    one = evaluated(hub, table, ["x", "day"])
    other = evaluated(hub, table.slice(0, 9_000), ["x", "day"])
    for name in ("x", "day"):
        assert len(one.segments[name]) >= 5
        assert set(one.segments[name]) != set(other.segments[name])
    compared = hub.compare([one.id, other.id])
    left_out = compared.contests[0].left_out
    assert set(left_out) == {"x", "day"}
    for name in ("x", "day"):
        asked = asking_for(one.segments[name].segmenting)
        assert left_out[name].startswith("the two cut it at other edges")
        assert f"ask both for `{asked}`" in left_out[name]
    edges = [asking_for(one.segments[name].segmenting) for name in ("x", "day")]
    again = evaluated(hub, table, edges)
    like = evaluated(hub, table.slice(0, 9_000), edges)
    assert [sizes(again, n) for n in ("x", "day")] == [sizes(one, n) for n in ("x", "day")]
    compared = hub.compare([again.id, like.id])
    assert dict(compared.contests[0].left_out) == {}
    assert set(compared.contests[0].segments["x"]) == set(one.segments["x"])
    assert cut_words(again.segments["x"].segmenting, ROWS) == ""


def test_times_are_cut_at_dates(hub: Hub) -> None:
    start = datetime(2024, 1, 1, tzinfo=UTC)
    moments = [start + timedelta(hours=n) for n in range(8_784)] + [None]
    table = scored(
        8_785, t=pa.array(moments, pa.timestamp("ms", "UTC")), day=pa.array([m and m.date() for m in moments])
    )
    names = ["before 2024-02-01", "2024-02-01 to 2024-07-01 12:00", "2024-07-01 12:00 or later", "missing"]
    rows = [31 * 24, 151 * 24 + 12, 8_784 - 182 * 24 - 12, 1]
    for asked in (
        "t:2024-02-01,2024-07-01T12:00",
        {"t": [date(2024, 2, 1), datetime(2024, 7, 1, 14, tzinfo=timezone(timedelta(hours=2)))]},
    ):
        assert sizes(evaluated(hub, table, [asked]), "t") == dict(zip(names, rows, strict=True))
    fifths = sizes(evaluated(hub, table, ["day", "t"]), "day")
    assert len(fifths) == 6
    assert all(abs(n / 8_784 - 0.2) < 0.02 for part, n in fifths.items() if part != "missing")
    assert len(evaluated(hub, table.slice(0, 24 * 150), ["day"]).segments["day"]) == 150


def test_what_makes_no_parts_is_told_before_anything_is_counted(hub: Hub) -> None:
    n = np.arange(1_000)
    table = scored(
        1_000, note=[f"note {i}" for i in n], both=n % 500, tags=[[1, 2]] * 1_000, raw=[b"\xff"] * 1_000, day=n.astype("datetime64[D]"),
        tier=["a", "b"] * 500, pair=[{"a": 1}] * 1_000, **{"tier × both": n % 2},
    )  # fmt: skip
    asked = [
        "note",
        "tags",
        ["tier", "raw"],
        "pair",
        "tier*both",
        "day:5,10",
        "both:2024-01-01",
        "day:2024-02-01,2024-01-01",
    ]
    with pytest.raises(InvalidInput) as caught:
        evaluated(hub, table, asked)
    lists, pairs = table.schema.field("tags").type, table.schema.field("pair").type
    told = caught.value.message.split("; ")
    few = "values in the first 1,000 rows, and at most 200 parts are looked at"
    assert told == [
        f"`note` has 1,000 {few}: choose a column of fewer values",
        f"the segment `tags` is {lists}, whose values make no parts",
        "the segment `raw` is binary, whose values make no parts",
        f"the segment `pair` is {pairs}, whose values make no parts",
        f"`tier × both` has 500 {few}: cross columns of fewer values: a number or a date is cut only by itself",
        "the segment `day` has numbers as edges, and is date32[day]: write dates, as `day:2024-01-01,2024-07-01`",
        "the segment `both` has dates as edges, and is int64",
        "the segment `day:2024-02-01,2024-01-01` has edges that are no numbers and no dates in rising order",
    ]
    with pytest.raises(InvalidInput, match="`tier × both` is the name of two segments"):
        evaluated(hub, table.slice(0, 100), ["tier*both", "tier × both"])
    two: Any = {"both": [1.0], "day": [2.0]}
    for badly in ("", (), {"both": [None]}, two, "both:nan", "day:2024-01-01T00:00:00.5", "both:1,2024-01-01"):
        with pytest.raises(InvalidInput, match="has edges that are no numbers and no dates"):
            evaluated(hub, table.slice(0, 100), [badly])
    assert list(hub.runs()) == []


@pytest.mark.parametrize(
    ("column", "hint"),
    [("text", "choose a column of fewer values"), ("cross", "cross columns of fewer values")],
)
def test_what_only_later_rows_tell_has_a_hint_that_helps(hub: Hub, column: str, hint: str) -> None:
    n = np.arange(ROWS)
    late = np.where(n < ROWS - 300, 0, n)
    table = scored(text=late.astype(str), day=late, cross=n % 2)
    with pytest.raises(RunFailed, match="more than 200 values") as caught:
        evaluated(hub, table, [["day", "cross"] if column == "cross" else column])
    assert hint in caught.value.hint


ODD = ["missing", None, "a=b", "x × y", " padded ", "tab\there", "", "1e+06 or more", "plain"]


def test_every_part_is_required_of_by_the_name_that_is_printed(hub: Hub) -> None:
    n = np.arange(ROWS)
    texts = pa.array([ODD[i % len(ODD)] for i in n])
    columns = {"a=b": texts, "c": n % 3, "of × two": n % 2, "amount": n * 1_000.0}
    found = evaluated(
        hub, scored(**columns), ["a=b", ["c", "a=b"], "of × two", "amount:1000000,20130108"], protected=["a=b"]
    )
    accuracy = {
        (s, part): found.segments[s][part]["accuracy"].value for s in found.segments for part in found.segments[s]
    }
    assert len({part for s, part in accuracy if s == "a=b"}) == len(ODD)
    verdicts = found.require(*(f"accuracy>=0 for {s}={part}" for s, part in accuracy))
    assert [v.value for v in verdicts] == [*accuracy.values()]
    typed = found.require(
        "accuracy>=0 for c*a=b=2*plain", "selection_rate>=0 for a=b=a=b", "demographic_parity_ratio>=0 for a=b"
    )
    assert typed[0].value == accuracy["c × a=b", "2 × plain"]
    assert typed[1].value == found.fairness["a=b"]["a=b"]["selection_rate"].value
    assert typed[2].value == found.fairness["a=b"].measures["demographic_parity_ratio"].value
    (none,) = found.require("accuracy>=0 for amount=1e+06 or more")
    assert (none.passed, none.reason.startswith("no row has amount=1e+06 or more")) == (False, True)
    told: Any = json.loads(json.dumps(found.to_json()))
    assert {(s, part) for s in told["segments"] for part in told["segments"][s]} == set(accuracy)


@pytest.mark.parametrize("kind", ["text", "float", "boolean", "integer", "dictionary"])
def test_groups_are_those_of_a_count_by_hand(hub: Hub, kind: str) -> None:
    random = np.random.default_rng(5)
    known: dict[str, list[Any]] = {
        "text": ["missing", None, '"missing"', "f", "m"],
        "float": [-0.0, 0.0, float("nan"), None, 1.5],
        "boolean": [True, False, None],
        "integer": [0, 1, -1, None],
        "dictionary": ["missing", None, "f"],
    }
    values = known[kind]
    group = [values[i] for i in random.integers(0, len(values), 6_000)]
    types = {"float": pa.float32(), "dictionary": pa.dictionary(pa.int8(), pa.string())}
    column = pa.array(group, types.get(kind), from_pandas=False)
    table = scored(6_000, g=column)
    found = evaluated(hub, table, ["g"], protected=["g"]).fairness["g"]
    y, p = table["y"].to_numpy(), table["p"].to_numpy()
    keys = ["null" if v is None or v != v else repr(v + 0.0 if isinstance(v, float) else v) for v in group]  # noqa: PLR0124
    rates = {}
    for key in set(keys):
        some = np.array([k == key for k in keys])
        rates[int(some.sum()), float(p[some].mean()), float(p[some & (y == 1)].mean())] = key
    ours = {(found[g].rows, found[g]["selection_rate"].value, found[g]["true_positive_rate"].value): g for g in found}
    assert len(ours) == len(rates) == len(set(keys))
    assert [*sorted(ours)] == [pytest.approx(r, abs=1e-12) for r in sorted(rates)]
    names = {rates[key]: ours[mine] for key, mine in zip(sorted(rates), sorted(ours), strict=True)}
    assert names["null"] == "missing"
    assert names.get("'missing'", '"missing"') == '"missing"'
    assert names.get("0.0", "0") == "0"
    selected = [rate for _, rate, _ in rates]
    assert found.measures["demographic_parity_difference"].value == pytest.approx(
        max(selected) - min(selected), abs=1e-12
    )
