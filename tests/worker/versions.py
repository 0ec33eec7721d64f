"""Versions whose model is a piece of Python text, and a site that opens them."""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow as pa

from muster.config import Settings
from muster.predictor import Talk
from muster.records import Connection, Environment, Reading, Version, now
from muster.signature import Column, Output, Signature

OUTPUT = Output("regression", pa.float64())
HEAD = "import os, sys, time, ctypes\n"


class Here:
    """A site whose only environment is this one."""

    def __init__(self, given: Settings, folder: Path = Path("/")) -> None:
        self.settings, self.folder = given, folder
        self.talk: Talk = lambda line: None

    def artifact(self, digest: str) -> Path:
        return self.folder

    def discard(self, digest: str) -> None:
        """The folder is the test's."""

    def interpreter(self, environment: Environment) -> Path:
        return Path(sys.executable)

    def surplus(self, environment: Environment) -> dict[str, list[str]]:
        return {}

    answers = shares = None

    def connection(self, name: str) -> Connection:
        raise AssertionError(name)


def version(code: str, **given: object) -> Version:
    fields = {
        "id": "", "model": "m", "number": 1, "origin": "text", "source": "", "task": "regression", "digest": "0" * 64,
        "signature": Signature((Column("x0", pa.float64()),)), "output": OUTPUT, "reading": Reading(value="predict"),
        "load": {"code": HEAD + code}, "environment": Environment(python="3.11", key=""), "created_at": now(), "created_by": "",
    }  # fmt: skip
    return Version(**{**fields, **given})  # type: ignore[arg-type]
