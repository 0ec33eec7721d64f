"""`muster config`: show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from muster.cli.command import Group, pass_session
from muster.cli.render import Column, show_list
from muster.cli.session import Session
from muster.cli.text import size

if TYPE_CHECKING:
    from muster.config import Setting


@click.group("config", cls=Group)
def config() -> None:
    """Settings, and where each came from."""


@config.command("show", table=True, example="muster config show\nMUSTER_WORKER_MEMORY=2G muster config show worker")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@pass_session
def show_config(session: Session, names: tuple[str, ...]) -> None:
    """Show settings with their values and sources: all, or those of a name or section.

    Each is set by a flag (--set NAME=VALUE), by its environment variable, in muster.toml here or above, or in the user's
    file; the first of these holds.
    """
    from muster.config import SETTINGS, Settings
    from muster.errors import InvalidInput, near

    settings = Settings.load(session.arguments)
    for told in Settings.unheard():
        session.say(f"note: {told}")
    known = {*SETTINGS, *(name.partition(".")[0] for name in SETTINGS)}
    wrong = [n for n in names if n not in known]
    if wrong:
        told = "; ".join(f"there is no setting `{n}`{near(n, sorted(known))}" for n in wrong)
        raise InvalidInput(told, hint="see all with `muster config show`")
    shown = [s for name, s in SETTINGS.items() if not names or any(_named(name, n) for n in names)]
    columns: list[Column[Setting]] = [
        Column("name", lambda s: s.name, "whole"),
        Column(
            "value",
            lambda s: _told(s, _shown(settings[s.name])) if session.format == "text" else _shown(settings[s.name]),
        ),
        Column("source", lambda s: settings.source(s.name)),
        Column("variable", lambda s: s.variable, "whole"),
        Column("about", lambda s: s.about),
    ]
    show_list(session, shown, columns, lambda s: _document(s, _shown(settings[s.name]), settings.source(s.name)))


def _told(setting: Setting, value: object) -> object:
    """Bytes and seconds as they can also be written in a setting, near enough."""
    from muster.config import size as bytes_of

    if setting.parse is bytes_of and isinstance(value, int):
        return size(value)
    return f"{value:g} s" if isinstance(value, float) else value


def _shown(value: object) -> object:
    from muster.config import without_password

    return without_password(value) if isinstance(value, str) else value


def _named(setting: str, name: str) -> bool:
    return setting == name or setting.startswith(f"{name}.")


def _document(setting: Setting, value: object, source: str) -> dict[str, object]:
    return {
        "name": setting.name,
        "value": value,
        "source": source,
        "variable": setting.variable,
        "about": setting.about,
    }
