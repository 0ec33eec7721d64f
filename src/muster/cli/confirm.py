"""Asking before something is deleted for good."""

from __future__ import annotations

import sys

import click

from muster.errors import InvalidInput

__all__ = ["confirm"]


def confirm(what: str, name: str, *, yes: bool) -> None:
    """Go on only if the name was typed, or `--yes` given; without a terminal there is nobody to ask."""
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise InvalidInput(
            f"deleting {what} needs a confirmation, and there is no terminal to ask on", hint="add --yes"
        )
    typed = click.prompt(
        f"This deletes {what}. Type {name} to go on", prompt_suffix=": ", default="", show_default=False, err=True
    )
    if typed.strip() != name:
        raise InvalidInput(
            f"`{typed}` is not `{name}`: nothing was deleted", hint="type the name as it is shown, or add --yes"
        )
