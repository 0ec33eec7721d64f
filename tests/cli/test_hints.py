"""What messages tell people to type can be typed."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

import muster
from muster.cli.app import root

SOURCES = Path(muster.__file__).parent
NAMED = re.compile(r"`(?:\./run )?muster ((?:[a-z][a-z-]* ?)+)")


def named() -> dict[str, set[str]]:
    """Every command that the sources name in backticks, with the files that do."""
    found: dict[str, set[str]] = {}
    for file in SOURCES.rglob("*.py"):
        for match in NAMED.finditer(file.read_text(encoding="utf-8")):
            found.setdefault(match[1].strip(), set()).add(str(file.relative_to(SOURCES)))
    return found


@pytest.mark.parametrize("words", sorted(named()))
def test_a_command_that_is_named_exists(words: str) -> None:
    command: click.Command = root
    for word in words.split():
        if not isinstance(command, click.Group):
            break
        below = command.get_command(click.Context(command), word)
        assert below is not None, f"`muster {words}` is named in {named()[words]}"
        command = below
    assert not isinstance(command, click.Group) or len(words.split()) == 1
