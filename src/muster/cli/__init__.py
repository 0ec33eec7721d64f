"""The command line: `muster <verb>` for work, `muster <noun> <verb>` for keeping house. It reads, calls the hub, renders."""

from __future__ import annotations

from muster.cli.app import main

__all__ = ["main"]
