"""Where a hub of several processes is: in a folder, in PostgreSQL with a folder of blobs, or with all in PostgreSQL and a bucket."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import muster
from muster.hub import Hub
from tests import postgres

__all__ = ["Home", "folder_home", "postgres_home"]


@dataclass(frozen=True)
class Home:
    """`outputs` is where runs write to: a folder, or the URL of one in a bucket. `target` names the hub, with these settings."""

    target: str
    outputs: str
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def remote(self) -> bool:
        return "://" in self.target

    def open(self, **more: Any) -> Hub:
        return muster.open(self.target, **{**self.settings, **more})

    def environ(self, **more: str) -> dict[str, str]:
        """For a process of its own."""
        named = {f"MUSTER_{name.upper()}": value for name, value in {**self.settings, **more}.items()}
        return {**os.environ, **named, "MUSTER_HUB": self.target, "MUSTER_NO_PROGRESS": "1"}


def folder_home(folder: Path, made: Path | None) -> Home:
    """A copy of a hub, or a new one."""
    if made is not None:
        shutil.copytree(made, folder / "hub")
    (folder / "results").mkdir()
    return Home(str(folder / "hub"), str(folder / "results"))


@contextmanager
def postgres_home(server: str, folder: Path, made: Path | None, bucket: str | None) -> Iterator[Home]:
    """A hub in a database of its own, restored from a backup of the other one."""
    with postgres.hub_database(server) as url:
        blobs = f"{bucket}/blobs" if bucket else str(folder / "blobs")
        (folder / "results").mkdir()
        outputs = f"{bucket}/outputs" if bucket else str(folder / "results")
        home = Home(url, outputs, {"blobs": blobs, "folder": str(folder / "here")})
        if made is not None:
            backup = folder / "backup"
            with muster.open(made) as hub:
                hub.backup(backup)
            with home.open() as hub:
                hub.restore(backup)
        yield home
