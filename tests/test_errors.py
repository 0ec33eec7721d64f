from __future__ import annotations

import inspect
import pickle
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster import errors
from muster.errors import MissingExtra, ModelDied, ModelFailed, MusterError, SignatureMismatch, near


def classes() -> list[type[MusterError]]:
    return [c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, MusterError)]


def drawn() -> dict[str, str]:
    """Each error of the tree in the docstring, with its parent."""
    assert errors.__doc__
    lines = [
        m
        for line in errors.__doc__.splitlines()
        if (m := re.match(r"    (?P<branch>[│├└─ ]*)(?P<name>[A-Z]\w+)", line))
    ]
    path: list[str] = []
    parents: dict[str, str] = {}
    for line in lines:
        depth = len(line["branch"]) // 4
        path[depth:] = [line["name"]]
        if depth:
            parents[line["name"]] = path[depth - 1]
    return parents


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    assert drawn() == {c.__name__: c.__base__.__name__ for c in classes() if c is not MusterError and c.__base__}


def test_all_is_sorted_and_has_every_error() -> None:
    assert errors.__all__ == sorted(errors.__all__)
    assert set(errors.__all__) == {c.__name__ for c in classes()} | {"near", "plural"}


@pytest.mark.parametrize("kind", classes(), ids=lambda c: c.__name__)
def test_every_error_says_what_it_is_for(kind: type[MusterError]) -> None:
    assert kind.__doc__
    assert kind("x").type == kind.__name__


def test_a_message_and_a_hint() -> None:
    assert str(MusterError("the disk is full")) == "the disk is full"
    assert str(MusterError("the disk is full", hint="free 2 GB")) == "the disk is full\n\nhint: free 2 GB"


@pytest.mark.parametrize("kind", classes(), ids=lambda c: c.__name__)
def test_errors_cross_processes_whole(kind: type[MusterError]) -> None:
    again = pickle.loads(pickle.dumps(kind("what", hint="do", details={"columns": ["x"]})))
    assert (type(again), again.message, again.hint, again.details) == (kind, "what", "do", {"columns": ["x"]})


def test_details_are_the_error_s_own() -> None:
    given_details = {"columns": 1}
    error = SignatureMismatch("x", details=given_details)
    error.details["columns"] = 2
    assert given_details == {"columns": 1}
    assert SignatureMismatch("x").details == {}


def test_a_caller_catches_what_a_kind_of_errors_has_in_common() -> None:
    with pytest.raises(ModelFailed):
        raise ModelDied("killed by signal 9")


def test_a_missing_extra_is_named() -> None:
    error = MissingExtra.named("ray", "scoring on Ray")
    assert (
        str(error) == "scoring on Ray needs an optional library\n\nhint: install it with `pip install 'muster-ml[ray]'`"
    )


@pytest.mark.parametrize(
    ("name", "known", "clause"),
    [
        ("dep_tim", ["dep_time", "carrier"], "; did you mean `dep_time`?"),
        ("DEP_TIME", ["dep_time", "carrier"], "; did you mean `dep_time`?"),
        ("churn", ["Churn", "CHURN", "delays"], "; did you mean `Churn` or `CHURN`?"),
        ("x1", ["x1a", "x1b", "x1c", "x1d"], "; did you mean `x1d` or `x1c` or `x1b`?"),
        ("zebra", ["dep_time"], ""),
        ("zebra", [], ""),
    ],
)
def test_near_names(name: str, known: list[str], clause: str) -> None:
    assert near(name, known) == clause
    assert near(name, iter(known)) == clause


@given(st.text(max_size=10), st.lists(st.text(max_size=10), max_size=6))
def test_near_names_are_known_ones(name: str, known: list[str]) -> None:
    clause = near(name, known)
    assert not clause or any(f"`{k}`" in clause for k in known)
    if name and name in known:
        assert f"`{name}`" in clause or len(known) > 3
