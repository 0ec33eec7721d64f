from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.errors import InvalidReference
from muster.records import new_id
from muster.registry.references import Reference, check_alias, check_name, parse

NAMES = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,127}", fullmatch=True)


@given(NAMES, st.integers(1, 10**9))
def test_a_number_behind_a_colon_is_a_version(name: str, number: int) -> None:
    assert parse(f"{name}:{number}") == Reference(model=name, number=number)


@given(NAMES, NAMES.filter(lambda a: not a.isdecimal()))
def test_a_name_behind_an_at_sign_is_an_alias(name: str, alias: str) -> None:
    assert parse(f"{name}@{alias}") == Reference(model=name, alias=alias)


def test_an_id_is_an_id() -> None:
    identity = new_id()
    assert parse(identity) == Reference(id=identity)


@pytest.mark.parametrize(
    "text", ["", "Churn", "-a", "a b", "a:", "a:0", "a:x", "a:-1", "a@", "a@7", "a@Up", "a:1:2", "ä", "a" * 129]
)
def test_other_text_is_refused_with_a_hint(text: str) -> None:
    with pytest.raises(InvalidReference) as caught:
        parse(text)
    assert caught.value.hint


def test_a_name_that_can_be_mended_is_mended() -> None:
    with pytest.raises(InvalidReference) as caught:
        check_name("My Churn Model")
    assert caught.value.hint == "write `my-churn-model`"


@pytest.mark.parametrize("alias", ["latest", "12"])
def test_latest_and_digits_are_no_aliases(alias: str) -> None:
    with pytest.raises(InvalidReference):
        check_alias(alias)


def test_a_name_is_never_an_id() -> None:
    with pytest.raises(InvalidReference, match="26 digits"):
        check_name("1" * 26)
    assert check_name("1" * 25) == "1" * 25


def test_a_number_of_any_length_is_read_or_refused() -> None:
    assert parse("churn:007").number == 7
    for wrong in ("churn:0", "churn:00", "churn:٣", "churn:" + "9" * 5_000):
        with pytest.raises(InvalidReference, match="no version number"):
            parse(wrong)
