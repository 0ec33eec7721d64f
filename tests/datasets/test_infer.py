from __future__ import annotations

import re
from datetime import UTC
from functools import reduce

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.datasets.infer import Kinds, decided, kinds, settled
from muster.datasets.text import TOKENS, convert

NONE: Kinds = frozenset()


def kind_of(*values: str | None) -> str:
    return str(decided(kinds(pa.array(values, pa.string()))))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "-2", "0", "-0"], "int64"),
        ([" 1", "2 ", "\t3"], "int64"),
        (["1", "NA", "", None, "null"], "int64"),
        (["9223372036854775807", "-9223372036854775808"], "int64"),
        (["9223372036854775808"], "string"),
        (["1", "9223372036854775808"], "string"),
        (["9223372036854775808", "1.5"], "double"),
        (["1", "2.5"], "double"),
        (["1.", ".5", "-.5", "1e5", "1E-5", "-1.5e+3"], "double"),
        (["1.5", "NaN", "nan", "N/A"], "double"),
        (["1.5", "inf", "-Infinity"], "double"),
        (["1e400", "1"], "string"),
        (["007", "1"], "string"),
        (["00"], "string"),
        (["-01"], "string"),
        (["01.5", "2.5"], "string"),
        (["0.5", "-0.5", "0"], "double"),
        (["+5"], "string"),
        (["+1.5"], "string"),
        (["0x1F"], "string"),
        (["1_000"], "string"),
        (["1,5"], "string"),
        (["12 3"], "string"),
        (["true", "False", "TRUE", "NA"], "bool"),
        (["true", "1"], "string"),
        (["yes", "no"], "string"),
        (["2024-01-31", "0001-01-01", "9999-12-31"], "date32[day]"),
        (["2024-02-30"], "string"),
        (["2024-1-1"], "string"),
        (["2024-01-31", "2024-01-31 10:11"], "timestamp[us]"),
        (["2024-01-31T10:11:12.123456"], "timestamp[us]"),
        (["2024-01-31T10:11:12.123456789", "2024-01-31"], "timestamp[ns]"),
        (["9999-12-31 00:00:00", "2024-01-31"], "timestamp[us]"),
        (["9999-12-31 00:00:00", "2024-01-31T10:11:12.123456789"], "string"),
        (["2024-01-31T10:11:12Z", "2024-01-31 10:11:12+02:00"], "timestamp[us, tz=UTC]"),
        (["2024-01-31T10:11:12.123456789Z", "2024-01-31T10:11:12Z"], "timestamp[ns, tz=UTC]"),
        (["2024-01-31T10:11:12Z", "2024-01-31T10:11:12"], "string"),
        (["2024-01-31", "1"], "string"),
        (["10:11:12"], "string"),
        (["", "NA", None], "null"),
        ([], "null"),
        (["x"], "string"),
        (["1"] * 100 + ["x"], "string"),
        (["1"] * 100 + ["2.5"], "double"),
    ],
)
def test_the_type_of_values(values: list[str | None], kind: str) -> None:
    assert kind_of(*values) == kind
    assert kind_of(*reversed(values)) == kind


def test_a_column_is_settled_when_nothing_can_change_that_it_is_text() -> None:
    assert settled(frozenset({"text"}))
    assert settled(frozenset({"int", "date"}))
    assert not any(
        map(settled, (NONE, frozenset({"int"}), frozenset({"big"}), frozenset({"int", "big"}), frozenset({"date"})))
    )


TEXTS = st.one_of(
    st.integers(-(2**70), 2**70).map(str),
    st.integers(-9, 9).map(str),
    st.floats().map(str),
    st.sampled_from(
        ["true", "False", "NA", "", "007", "+1", "1e400", "x", "0x1f", "inf", " 5 ", "1.", ".", "-", "1e", "é"]
    ),
    st.dates().map(str),
    st.datetimes().map(str),
    st.datetimes(timezones=st.just(UTC)).map(str),
    st.text(max_size=4),
)


def oracle(text: str) -> str | None:
    """The kind of one value, told without Arrow; None where it is null."""
    value = text.strip(" \t\n\r\v\f")
    if value in TOKENS.to_pylist():
        return None
    if re.fullmatch(r"-?(0|[1-9][0-9]*)", value):
        return "int" if -(2**63) <= int(value) < 2**63 else "big"
    if re.fullmatch(r"-?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?", value):
        return "double" if abs(float(value)) != float("inf") else "text"
    if re.fullmatch(r"(?i)-?inf(inity)?", value):
        return "double"
    if value in ("true", "false", "True", "False", "TRUE", "FALSE"):
        return "bool"
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return "date"
    if re.fullmatch(r"[0-9]{4}-.{5} [^+]*", value):
        return "time"
    if re.fullmatch(r"[0-9]{4}-.{5} .*\+00:00", value):
        return "zoned"
    return "text"


@given(st.lists(st.lists(TEXTS, max_size=8), max_size=6))
def test_the_type_depends_on_the_values_alone(blocks: list[list[str]]) -> None:
    seen = NONE
    for block in blocks:
        seen |= kinds(pa.array(block, pa.string()), seen)
    told = frozenset(kind for block in blocks for text in block if (kind := oracle(text)) is not None)
    expected = decided(told)
    assert decided(seen) == expected
    values = pa.array([text for block in blocks for text in block], pa.string())
    assert decided(kinds(values)) == expected
    assert not settled(seen) or expected == pa.string()


@given(st.lists(TEXTS, max_size=12))
def test_every_value_can_be_read_as_the_inferred_type(texts: list[str]) -> None:
    values = pa.array(texts, pa.string())
    found, bad = convert(values, decided(kinds(values)))
    assert bad is None
    assert len(found) == len(texts)


@given(st.lists(TEXTS, max_size=12), st.data())
def test_a_slice_is_seen_as_what_it_is(texts: list[str], data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, len(texts)))
    values = pa.array(texts, pa.string())
    assert kinds(values.slice(begin)) == kinds(pa.array(texts[begin:], pa.string()))


def test_the_order_of_blocks_does_not_matter() -> None:
    blocks = [["1"], ["NA"], ["99999999999999999999"], ["1.5"]]
    found = [kinds(pa.array(b)) for b in blocks]
    assert decided(reduce(frozenset.union, found)) == pa.float64()
