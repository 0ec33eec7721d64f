"""`muster origin check` over origins of someone's own, in the folder that they are in."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.helpers import call, call_apart

GOOD = '''
from pathlib import Path
from muster.errors import InvalidModel
from muster.predictor import Description

class Rules:
    """A file with a threshold."""
    name = "rules"

    def claims(self, source):
        return isinstance(source, (str, Path)) and str(source).endswith(".rule")

    def describe(self, source, scratch):
        if not Path(source).is_file():
            raise InvalidModel(f"there is nothing at {source}", hint="give a file")
        (scratch / "model").mkdir()
        (scratch / "model" / "rule").write_bytes(Path(source).read_bytes())
        return Description(source=str(source), folder=scratch / "model", task="binary", load={"rule": "rule"})

class Greedy(Rules):
    """Claims whatever comes."""

    def claims(self, source):
        return True
'''
SUITE = """
import pytest
from muster.testing.origin import OriginSuite
from own_origins import Rules

class RulesSuite(OriginSuite):
    @pytest.fixture
    def origin(self):
        return Rules()

    def test_one_of_their_own(self, origin):
        assert origin.name == "rules"
"""


@pytest.fixture(autouse=True)
def files(place: Path) -> None:
    (place / "own_origins.py").write_text(GOOD)
    (place / "own_suites.py").write_text(SUITE)
    (place / "adult.rule").write_text("age >= 18")
    (place / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")


def test_an_origin_that_keeps_its_contract() -> None:
    answer = call_apart("origin", "check", "own_origins:Rules", "adult.rule", "--json")
    assert answer.code == 0, answer.err
    found = answer.json
    assert (found["failed"], found["skipped"]) == (0, 0)
    assert found["passed"] == len(found["tests"]) > 10


def test_without_a_source_the_rest_is_left_out() -> None:
    found = call_apart("origin", "check", "own_origins:Rules", "--json").json
    assert found["failed"] == 0
    skipped = [t for t in found["tests"] if t["outcome"] == "skipped"]
    assert len(skipped) == found["skipped"] > 3
    assert {t["reason"] for t in skipped} == {"never: no source was given"}


def test_an_origin_that_does_not() -> None:
    answer = call_apart("origin", "check", "own_origins:Greedy", "adult.rule")
    assert answer.code == 1
    assert answer.out.startswith("failed  own_origins:Greedy  ")
    assert "test_what_is_no_source_is_not_claimed[nothing]" in answer.err


def test_a_suite_of_their_own() -> None:
    tests = call_apart("origin", "check", "own_suites:RulesSuite", "--json").json["tests"]
    assert {"test": "test_one_of_their_own", "outcome": "passed", "reason": None} in tests
    assert len(tests) > 10


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("rules", "`rules` names no class"),
        ("no_such_package:Rules", "`no_such_package:Rules` cannot be imported: No module named"),
        ("os:NoSuchClass", "`os:NoSuchClass` cannot be imported: module 'os' has no attribute"),
        ("os:path", "`os:path` is no class"),
    ],
)
def test_what_cannot_be_checked(where: str, told: str) -> None:
    answer = call("origin", "check", where, "--json")
    assert answer.code == 2
    assert answer.error["message"].startswith(told)
