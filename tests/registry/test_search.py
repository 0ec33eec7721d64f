from __future__ import annotations

import pytest

from muster.errors import InvalidInput
from muster.records import Event, Model, Version
from muster.registry.search import Listing, conditions, sorting
from muster.store import Condition, Page, Sort


def test_filters_are_read() -> None:
    found = conditions(Model, ["name~fra", "task=binary", "tag.team = ops", "tag.a=b=c", "created_at>=2026-01-01"])
    assert found == (
        Condition("name", "~", "fra"),
        Condition("task", "=", "binary"),
        Condition("tag.team", "=", "ops"),
        Condition("tag.a", "=", "b=c"),
        Condition("created_at", ">=", "2026-01-01"),
    )


def test_numbers_are_numbers() -> None:
    assert conditions(Version, ["number>3", "number!=-4"]) == (
        Condition("number", ">", 3),
        Condition("number", "!=", -4),
    )
    for wrong in ("--5", "9" * 5_000, "٣"):
        with pytest.raises(InvalidInput, match="is a number"):
            conditions(Version, [f"number={wrong}"])


def test_every_tag_that_can_be_set_can_be_searched() -> None:
    assert conditions(Model, ["tag.muster.io/team = ops", "tag.owned by~ann"]) == (
        Condition("tag.muster.io/team", "=", "ops"),
        Condition("tag.owned by", "~", "ann"),
    )


def test_all_that_is_wrong_is_told() -> None:
    with pytest.raises(InvalidInput) as caught:
        conditions(Version, ["nam=x", "number=three", "what?"])
    for told in ("`nam` cannot be searched", "`number` is a number", "`what?` is no filter"):
        assert told in caught.value.message


def test_one_text_is_one_filter_and_what_is_no_text_is_told() -> None:
    assert conditions(Version, "number=4") == conditions(Version, ["number=4"])
    assert sorting(Model, "-name") == (Sort("name", True),)
    for wrong in (5, [5], None):
        with pytest.raises(InvalidInput, match="`filters` takes a list of texts, and not"):
            conditions(Version, wrong)  # type: ignore[arg-type]
        with pytest.raises(InvalidInput, match="`sort` takes a list of texts, and not"):
            sorting(Version, wrong)  # type: ignore[arg-type]


def test_what_has_no_tags_cannot_be_searched_by_them() -> None:
    with pytest.raises(InvalidInput):
        conditions(Event, ["tag.team=ops"])


def test_a_minus_turns_the_sorting_round() -> None:
    assert sorting(Model, ["-created_at", "name"]) == (Sort("created_at", True), Sort("name"))
    with pytest.raises(InvalidInput):
        sorting(Model, ["size"])


def test_a_list_of_less_than_nothing_is_refused() -> None:
    with pytest.raises(InvalidInput, match="-1"):
        Listing(lambda _n, _cursor: Page[Model]([], None), -1)
