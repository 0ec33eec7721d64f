"""Colour, for terminals only. The tokens of the look, as the terminal's own palette shows them on its own ground."""

from __future__ import annotations

import os
from typing import IO, Literal, TypeAlias

import click

__all__ = ["Token", "coloured", "paint"]

Token: TypeAlias = Literal["ok", "warn", "fail", "quiet", "accent"]

# The terminal's light or dark ground is not known, so its own green is used, and not one of the two of the look.
_COLOURS: dict[Token, str] = {"ok": "green", "warn": "yellow", "fail": "red", "quiet": "bright_black", "accent": "cyan"}


def coloured(stream: IO[str]) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, token: Token, stream: IO[str]) -> str:
    """The text in a colour, where the stream shows colours."""
    return click.style(text, fg=_COLOURS[token]) if coloured(stream) else text
