"""Tokens that a server gives out: whose, for what, and until when."""

from __future__ import annotations

import pytest

from muster.testing.endpoints.tokens import Tokens


def test_a_token_is_its_owner_s_for_its_audience_until_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = Tokens(seconds=60)
    monkeypatch.setattr("time.time", lambda: 1_000.0)
    token, brief = tokens.issue("ada", "scores"), tokens.issue("ada", "scores", seconds=5)
    assert (tokens.who(token, "scores"), tokens.who(token), tokens.who("made up")) == ("ada", None, None)
    monkeypatch.setattr("time.time", lambda: 1_059.0)
    assert (tokens.who(token, "scores"), tokens.who(brief, "scores")) == ("ada", None)
    monkeypatch.setattr("time.time", lambda: 1_060.0)
    assert tokens.who(token, "scores") is None


def test_all_end_at_once_and_new_ones_do_not() -> None:
    tokens = Tokens()
    before = tokens.issue("ada")
    tokens.expire()
    assert (tokens.who(before), tokens.who(tokens.issue("ada"))) == (None, "ada")
