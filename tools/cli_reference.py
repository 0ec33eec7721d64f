"""Writes docs/cli.md from the commands themselves; a test compares. Run it with `./run python tools/cli_reference.py`."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import click

from muster.cli import errors
from muster.cli.app import root
from muster.cli.command import Command, Group

PAGE = Path(__file__).resolve().parents[1] / "docs" / "cli.md"

HEAD = """\
# Command line

`muster <verb>` does work, `muster <noun> <verb>` keeps house. This page is what the commands say of themselves under `--help`.

Data goes to stdout, talk to stderr: progress, notes, and the command to try next. On a terminal, tables fit its width, times are told
from now and states have a colour (never with `NO_COLOR`); in a file, nothing is cut and times are exact. `MUSTER_NO_PROGRESS=1` leaves
progress out. A `REF` is a version: `churn:3`, `churn@champion`, `churn@latest`, an id, or `churn` alone, which is its champion, else its
only version.

With `--json` a list is `{"items": […], "next": cursor or null}` and a record has the keys that it is stored with; stderr then has nothing,
or one line: `{"error": {"type", "message", "hint", "details"}}`.
"""


def page() -> str:
    """The whole page."""
    context = click.Context(root, info_name="muster")
    parts = [HEAD, f"## Exit codes\n\n{_exits()}\n", f"## Options of every command\n\n{_options(root, root.common)}\n"]
    parts += [
        part
        for name in root.list_commands(context)
        for part in _command(_get(root, context, name), f"muster {name}", 2)
    ]
    return "\n".join(parts)


def _exits() -> str:
    return "\n".join(line for line in (errors.__doc__ or "").splitlines() if line.startswith("|"))


def _get(group: click.Group, context: click.Context, name: str) -> Command | Group:
    command = group.get_command(context, name)
    assert isinstance(command, (Command, Group))
    return command


def _command(command: Command | Group, path: str, level: int) -> Iterator[str]:
    yield f"{'#' * level} {path}\n"
    yield f"{_prose(command.help or '')}\n"
    context = click.Context(command, info_name=path)
    if isinstance(command, Group):
        for name in command.list_commands(context):
            yield from _command(_get(command, context, name), f"{path} {name}", level + 1)
        return
    yield _block([" ".join([path, *command.collect_usage_pieces(context)])])
    if options := _options(command, command.params):
        yield f"{options}\n"
    yield _block(command.example.splitlines())


def _prose(text: str) -> str:
    paragraphs = textwrap.dedent(text).split("\n\n")
    return "\n\n".join(
        textwrap.fill(" ".join(_escaped(p).split()), 138, break_long_words=False, break_on_hyphens=False)
        for p in paragraphs
    )


def _escaped(text: str) -> str:
    """Outside code, what Markdown would take for a mark of its own."""
    return re.sub(r"([*<>])", r"\\\1", text)


def _block(lines: list[str]) -> str:
    return "\n".join(["```console", *(f"$ {line.strip()}" for line in lines), "```", ""])


def _options(command: click.Command, parameters: list[click.Parameter]) -> str:
    context = click.Context(command)
    rows = []
    for parameter in parameters:
        if isinstance(parameter, click.Option) and (record := parameter.get_help_record(context)) is not None:
            names, about = (part.replace("|", "\\|") for part in record)
            rows.append(f"| `{names}` | {about} |")
    return "\n".join(["| option | what it does |", "| --- | --- |", *rows]) if rows else ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
