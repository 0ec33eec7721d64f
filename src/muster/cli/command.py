"""Commands and groups: every one takes the options of all, shows an example, and says near names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

from muster.cli.session import Session
from muster.errors import near

__all__ = ["Command", "Group", "first_line", "pass_session"]


pass_session = click.make_pass_decorator(Session)
"""Gives a command its Session as the first argument."""


def _session(context: click.Context) -> Session:
    session = context.ensure_object(Session)
    assert isinstance(session, Session)
    return session


def _hub(context: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        _session(context).target = value


def _settings(context: click.Context, _parameter: click.Parameter, values: Sequence[str]) -> None:
    for value in values:
        name, equals, text = value.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"`{value}` is no setting: write NAME=VALUE", context)
        _session(context).settings[name] = text


def _format(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if not value:
        return
    session, wanted = _session(context), parameter.name
    if session.format not in ("text", wanted):
        raise click.UsageError("--json and --csv exclude each other", context)
    session.format = "csv" if wanted == "csv" else "json"


def _quiet(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        _session(context).quiet = True


def _common(table: bool) -> list[click.Parameter]:
    """The options that every command and group takes, so that they may stand before and after it."""

    def option(*names: str, callback: Callable[..., None], about: str, **more: Any) -> click.Option:
        return click.Option(names, callback=callback, help=about, expose_value=False, is_eager=True, **more)

    about_settings = "A setting, for this call; `muster config show` lists them."
    return [
        option("--hub", callback=_hub, about="The hub: a folder or a database URL.", metavar="HUB"),
        option("--set", callback=_settings, about=about_settings, metavar="NAME=VALUE", multiple=True),
        option("--json", callback=_format, about="Print JSON; errors too.", is_flag=True),
        # Also where it is refused, so that the refusal can say why.
        option("--csv", callback=_format, about="Print CSV, where it is a table.", is_flag=True, hidden=not table),
        option("--quiet", "-q", callback=_quiet, about="No talk on stderr but errors.", is_flag=True),
    ]


class _Common(click.Command):
    """The options of all in a section of their own, then the examples."""

    common: list[click.Parameter]
    example: str
    table: bool

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        return [*self.params, *self.common, *filter(None, [self.get_help_option(ctx)])]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        own: list[tuple[str, str]] = []
        everywhere: list[tuple[str, str]] = []
        for parameter in self.get_params(ctx):
            if isinstance(parameter, click.Option) and (record := parameter.get_help_record(ctx)) is not None:
                (own if parameter in self.params else everywhere).append(record)
        if own:
            with formatter.section("Options"):
                formatter.write_dl(own)
        if isinstance(self, click.Group):
            self.format_commands(ctx, formatter)
        with formatter.section("Options of every command"):
            formatter.write_dl(everywhere)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if self.example:
            lines = self.example.strip().splitlines()
            with formatter.section("Examples" if len(lines) > 1 else "Example"):
                for line in lines:
                    formatter.write(f"  {line.strip()}\n")


class Command(_Common):
    """A command. `table`: it prints one, so that it takes `--csv`; `makes_hub`: where there is no hub, it makes one."""

    def __init__(
        self, *arguments: Any, example: str, table: bool = False, makes_hub: bool = False, **options: Any
    ) -> None:
        super().__init__(*arguments, **options)
        self.example = example
        self.table = table
        self.makes_hub = makes_hub
        self.common = _common(table)

    def invoke(self, ctx: click.Context) -> Any:
        if _session(ctx).format == "csv" and not self.table:
            raise click.UsageError(f"`{ctx.command_path}` prints no table: leave --csv out", ctx)
        _session(ctx).makes_hub = self.makes_hub
        return super().invoke(ctx)


def first_line(command: click.Command) -> str:
    """What a command does, in the words that its own help begins with."""
    return " ".join((command.help or "").partition("\n\n")[0].split())


class Group(_Common, click.Group):
    """A noun, with its verbs."""

    command_class = Command

    def __init__(self, *arguments: Any, example: str = "", **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.example = example
        self.table = True
        self.common = _common(table=True)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, first_line(command)) for name, command in self.commands.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            raise click.UsageError(
                f"there is no command `{ctx.command_path} {args[0]}`{near(args[0], self.list_commands(ctx))}", ctx
            )
        return super().resolve_command(ctx, args)
