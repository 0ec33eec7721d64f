"""Rows are put into parts by their values alone, and no two values share a name."""

from __future__ import annotations

import math
from collections import Counter
from decimal import Decimal
from itertools import product

import numpy as np
import pyarrow as pa
import pytest

from muster.errors import InvalidInput
from muster.profile import Rows
from muster.profiles.edges import name_between, names_between
from muster.profiles.evaluation import EvaluationProfile
from muster.profiles.parting import parts_of
from muster.profiles.question import Question, Segmenting
from muster.signature import Output

TEXTS = ["", " ", "a", " a", "a ", '"a"', '"', '""', "missing", '"missing"', "×", " × ", "a × b", "b", "a ×", "× b", "a\nb",
         "a\\nb", "null", "NaN", "\u00a0", "é", "e\u0301", None]  # fmt: skip


def parted(segmenting: Segmenting, **columns: pa.Array) -> list[str]:
    """The name of each row's part."""
    names, codes = parts_of(segmenting, pa.record_batch(columns))
    return [names[code] for code in codes]


def test_no_two_texts_share_a_name_alone_or_in_crosses() -> None:
    texts = pa.array(TEXTS, pa.string())
    assert len(set(parted(Segmenting(("t",)), t=texts))) == len(TEXTS)
    first, second = zip(*product(TEXTS, TEXTS), strict=True)
    columns = {"a": pa.array(first, pa.string()), "b": pa.array(second, pa.string())}
    crossed = parted(Segmenting(("a", "b")), **columns)
    assert len(set(crossed)) == len(TEXTS) ** 2
    assert len(set(parted(Segmenting(("a", "b", "c")), **columns, c=columns["a"]))) == len(TEXTS) ** 2
    shown = dict(zip(TEXTS, parted(Segmenting(("t",)), t=texts), strict=True))
    assert (shown[None], shown["missing"], shown["a"], shown["null"]) == ("missing", '"missing"', "a", "null")
    assert (shown[""], shown["a × b"], shown["a\nb"]) == ('""', '"a × b"', '"a\\nb"')


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())]
)
def test_a_name_is_of_the_value_alone_however_it_is_written(kind: pa.DataType) -> None:
    values = ["missing", None, "a", "missing"]
    array = (
        pa.array(values, pa.string()).dictionary_encode() if pa.types.is_dictionary(kind) else pa.array(values, kind)
    )
    assert parted(Segmenting(("t",)), t=array) == ['"missing"', "missing", "a", '"missing"']
    assert parted(Segmenting(("t",)), t=array.slice(2)) == ["a", '"missing"']


@pytest.mark.parametrize("kind", [pa.float16(), pa.float32(), pa.float64()])
def test_zeros_are_one_and_numbers_that_are_none_are_missing(kind: pa.DataType) -> None:
    values = pa.array([-0.0, 0.0, math.nan, None, 0.5, math.inf], kind)
    names = ["0", "0", "missing", "missing", "0.5", "inf"]
    assert parted(Segmenting(("x",)), x=values) == names
    encoded = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, None, 3]), pa.array([-0.0, 0.0, math.nan, 0.5], kind))
    assert parted(Segmenting(("x",)), x=encoded) == names[:-1]
    assert parted(Segmenting(("x",), (0.0,)), x=encoded) == [
        "0 or more",
        "0 or more",
        "missing",
        "missing",
        "0 or more",
    ]


def test_other_kinds_have_their_values_as_names() -> None:
    moments = np.array(["2020-02-01T10:00:00", "2020-02-01T10:00:01"], "datetime64[s]")
    assert parted(Segmenting(("x",)), x=pa.array([True, None, False])) == ["true", "missing", "false"]
    assert parted(Segmenting(("x",)), x=pa.array([Decimal("1.50"), None])) == ["1.50", "missing"]
    assert len(set(parted(Segmenting(("x",)), x=pa.array(moments)))) == 2
    assert parted(Segmenting(("x",)), x=pa.nulls(2)) == ["missing", "missing"]


@pytest.mark.parametrize(
    ("edges", "names"),
    [
        ((500.0, 1000.0), ["below 500", "500 to 1000", "1000 or more", "missing"]),
        ((20130108.0, 20130115.0), ["below 20130108", "20130108 to 20130115", "20130115 or more", "missing"]),
        ((0.1, math.nextafter(0.1, 1.0)), ["below 0.1", "0.1", "above 0.1", "missing"]),
        ((-1e-7, 1e300), ["below -1e-07", "-1e-07 to 1e+300", "1e+300 or more", "missing"]),
        ((0.0, 5e-324, 7.0), ["below 0", "0", "above 0 to 7", "7 or more", "missing"]),
        ((3.0, 7.0, math.nextafter(7.0, 8.0)), ["below 3", "3 to 7", "7", "above 7", "missing"]),
        ((-0.0,), ["below 0", "0 or more", "missing"]),
    ],
)
def test_a_place_is_named_by_its_edges_exactly(edges: tuple[float, ...], names: list[str]) -> None:
    assert names_between(edges) == names


def test_neighbouring_places_have_one_name() -> None:
    edges = (0.0, 5e-324, 7.0, 9.0, math.nextafter(9.0, 10.0))
    places = [(0, 1), (0, 2), (1, 2), (2, 3), (3, 3), (2, 4), (3, 4), (4, 4), (4, 5), (5, 5)]
    assert [name_between(edges, *place) for place in places] == [
        "0 or less", "below 7", "0 to 7", "above 0 to 9", "7 to 9", "above 0 to 9 inclusive", "7 to 9 inclusive", "9", "9 or more",
        "above 9",
    ]  # fmt: skip
    assert name_between((0.0, 86_400.0), 0, 1, times=True) == "before 1970-01-02"
    moment = (86_400.0, 86_401.0, 172_800.0)
    assert names_between(moment, times=True) == [
        "before 1970-01-02", "1970-01-02 00:00", "after 1970-01-02 00:00 to 1970-01-03", "1970-01-03 or later", "missing",
    ]  # fmt: skip
    assert name_between(moment, 0, 1, times=True) == "1970-01-02 00:00 or earlier"


def test_near_edges_keep_their_rows_apart() -> None:
    random = np.random.default_rng(3)
    for spread in (1e-12, 1e-3, 1.0, 1e9):
        edges = tuple(np.unique(1e6 + spread * random.random(9)).tolist())
        values = np.concatenate([np.array(edges), np.nextafter(edges, 0), 1e6 + spread * random.random(500)])
        found = Counter(parted(Segmenting(("x",), edges), x=pa.array(values)))
        names = names_between(edges)[:-1]
        assert len(set(names)) == len(edges) + 1
        ends = [-math.inf, *edges, math.inf]
        assert {n: found[n] for n in names} == {
            n: int(((values >= a) & (values < b)).sum()) for n, a, b in zip(names, ends, ends[1:], strict=False)
        }


def test_edges_of_times_are_named_by_utc() -> None:
    hour, day = 3_600.0, 86_400.0
    edges = (-day, hour, hour + 61, 400_000_000_000.0)
    names = ["before 1969-12-31", "1969-12-31 to 1970-01-01 01:00", "1970-01-01 01:00 to 1970-01-01 01:01:01",
             "1970-01-01 01:01:01 to 14645-06-30 15:06:40", "14645-06-30 15:06:40 or later", "missing"]  # fmt: skip
    assert names_between(edges, times=True) == names
    places = Segmenting(("t",), edges, times=True)
    moments = pa.array([-86_400_001, -1, 3_600_000, 3_661_000, None], pa.timestamp("ms", "Europe/Berlin"))
    assert parted(places, t=moments) == [names[0], names[1], names[2], names[3], "missing"]
    assert parted(places, t=pa.array([-2, -1, 0, 1], pa.date32())) == [names[0], names[1], names[1], names[3]]


def test_parts_that_were_named_by_six_digits_open_with_the_names_of_today() -> None:
    edges = (1_000_000.0, 20_130_108.0, 20_130_115.0, 20_130_122.0)
    output = Output("binary", pa.int64(), (0, 1))
    question = Question(output=output, target="y", prediction="p", segments=(Segmenting(("x",), edges),))
    profile = EvaluationProfile(question)
    x = [5.0, 2e6, 2e6, 20_130_109.0, 20_130_130.0, 20_130_130.0, None]
    profile.update(Rows(pa.record_batch({"y": [0] * 7, "p": [1] * 7, "x": x}), 0, 0))
    today = profile.figures()["segments"]
    assert EvaluationProfile.decode(profile.encode()).figures()["segments"] == today
    parts = profile.segments["x"]
    once = ("below 1e+06", "1e+06 to 2.01301e+07", "2.01301e+07 to 2.01301e+07", "2.01301e+07 or more", "missing")
    profile.segments["x"] = dict(
        zip(once, (parts[name] for name in sorted(parts, key=names_between(edges).index)), strict=True)
    )
    found = EvaluationProfile.decode(profile.encode())
    assert {name: part.rows for name, part in found.segments["x"].items()} == {
        "below 1000000": 1,
        "1000000 to 20130108": 2,
        "2.01301e+07 to 2.01301e+07": 1,  # of two places that shared a name: of which is not known
        "20130122 or more": 2,
        "missing": 1,
    }
    assert EvaluationProfile.decode(found.encode()).figures() == found.figures()


@pytest.mark.parametrize(
    ("columns", "kind", "hint"),
    [
        (("x",), pa.int64(), "choose another column, or cut it at edges: `x:10,20,50`"),
        (("x",), pa.date32(), "choose another column, or cut it at dates: `x:2024-01-01,2024-07-01`"),
        (("x",), pa.string(), "choose a column of fewer values"),
        (("x", "p"), pa.int64(), "cross columns of fewer values: a number or a date is cut only by itself"),
    ],
)
def test_too_many_parts_have_a_hint_that_helps(columns: tuple[str, ...], kind: pa.DataType, hint: str) -> None:
    output = Output("binary", pa.int64(), (0, 1))
    profile = EvaluationProfile(Question(output=output, target="y", prediction="p", segments=(Segmenting(columns),)))
    flags, values = pa.array([0, 1] * 101), pa.array(range(202), pa.int32()).cast(kind)
    with pytest.raises(InvalidInput, match="more than 200 values") as caught:
        profile.update(Rows(pa.record_batch({"y": flags, "p": flags, "x": values}), 0, 0))
    assert caught.value.hint == hint
