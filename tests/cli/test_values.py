"""What people write in arguments."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.cli.values import classes, matrix, names, object_of, pairs
from muster.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (None, ()),
        ("no,yes", ("no", "yes")),
        ("0,1", (0, 1)),
        ("-1, 1", (-1, 1)),
        ("0,1,unknown", ("0", "1", "unknown")),
        ("007,008", ("007", "008")),
        ("false,true", (False, True)),
        ("True,False", ("True", "False")),
        ('"a,b",c', ("a,b", "c")),
        ("²,³", ("²", "³")),
    ],
)
def test_classes(text: str | None, found: tuple[object, ...]) -> None:
    told = classes(text)
    assert told == found
    assert [type(c) for c in told] == [type(c) for c in found]


def test_a_matrix_is_json() -> None:
    assert matrix("[[0, 1], [5, 0.5]]", "--costs") == [[0, 1], [5, 0.5]]
    assert matrix(None, "--costs") is None
    with pytest.raises(InvalidInput, match="--costs does not take `0,1;5,0`"):
        matrix("0,1;5,0", "--costs")


@given(st.lists(st.integers()))
def test_whole_numbers_are_classes(numbers: list[int]) -> None:
    assert classes(",".join(map(str, numbers))) == tuple(numbers)


def test_names_may_be_given_together_or_apart() -> None:
    assert names(["a,b", "c", ""]) == ("a", "b", "c")


def test_pairs() -> None:
    assert pairs(["a=1", "b=x=y", "c="], "--tag") == {"a": "1", "b": "x=y", "c": ""}


def test_all_that_are_no_pairs_are_named() -> None:
    with pytest.raises(InvalidInput, match="--tag does not take `a`, `=b`") as told:
        pairs(["a", "c=d", "=b"], "--tag")
    assert told.value.hint == "write --tag KEY=VALUE"


def test_an_object_is_written_here_or_in_a_file(place: Path) -> None:
    (place / "output.json").write_text('{"label": "y"}')
    assert object_of("output.json", "--output") == {"label": "y"}
    assert object_of(' {"label": "y"}', "--output") == {"label": "y"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("absent.json", "--output cannot read `absent.json`: No such file or directory"),
        ("latin.json", "--output cannot read `latin.json`: it is not UTF-8"),
        ("{'a': 1}", "--output is no JSON: Expecting property name"),
        ("list.json", "--output takes a JSON object, not \\[1\\]"),
    ],
)
def test_what_is_no_object_is_refused(text: str, told: str, place: Path) -> None:
    (place / "latin.json").write_bytes(b'{"a": "\xe4"}')
    (place / "list.json").write_text("[1]")
    with pytest.raises(InvalidInput, match=told):
        object_of(text, "--output")
