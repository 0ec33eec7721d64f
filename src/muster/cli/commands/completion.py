"""`muster completion`."""

from __future__ import annotations

import click

from muster.cli.command import Command, pass_session
from muster.cli.render import show_script
from muster.cli.session import Session


@click.command(
    "completion",
    cls=Command,
    example='eval "$(muster completion bash)"                               # in ~/.bashrc\n'
    'eval "$(muster completion zsh)"                                # in ~/.zshrc\n'
    "muster completion fish > ~/.config/fish/completions/muster.fish",
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@pass_session
def completion(session: Session, shell: str) -> None:
    """Complete commands with the tab key.

    Prints a script for SHELL to read at its start.
    """
    from click.shell_completion import get_completion_class

    from muster.cli.app import root

    kind = get_completion_class(shell)
    assert kind is not None
    show_script(session, kind(root, {}, "muster", "_MUSTER_COMPLETE").source(), shell)
