"""Answers that were paid, kept until the chunk that they belong to is: a run that goes on does not pay for them again."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from muster.errors import StoreError
from muster.predictors.external.exchange import Answer
from muster.records import new_id

__all__ = ["Asked", "Checkpoint", "FolderCheckpoint"]

_FORMAT = "muster.answer/1"
_NAME = re.compile(r"(\d+)-(\d+)-([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: `rows` rows of a chunk from row `first` on, and the digest of what was sent to which version."""

    chunk: str
    first: int
    rows: int
    digest: str


class Checkpoint(Protocol):
    """Keeps answers. Safe from several threads."""

    def ranges(self, chunk: str) -> Iterable[tuple[int, int]]:
        """The first row and the rows of each answer that is kept of a chunk."""
        ...

    def get(self, asked: Asked) -> Answer | None:
        """The answer to the very same request."""
        ...

    def put(self, asked: Asked, answer: Answer) -> None:
        """Keep an answer, so that it outlives this process once this returns. StoreError if it cannot be."""
        ...

    def done(self, chunk: str) -> None:
        """The chunk's output is recorded: forget its answers."""
        ...


class FolderCheckpoint:
    """A folder for each chunk, with a file for each answer: written under another name, synced, renamed.

    Once the folder of all is removed, nothing is kept any more: an answer that comes late does not bring it back.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    def ranges(self, chunk: str) -> list[tuple[int, int]]:
        try:
            names = [file.name for file in (self._folder / chunk).iterdir()]
        except OSError:
            return []
        return sorted((int(m[1]), int(m[2])) for m in map(_NAME.fullmatch, names) if m)

    def get(self, asked: Asked) -> Answer | None:
        """A file that is not as it was written is none."""
        try:
            raw = self._file(asked).read_bytes()
        except OSError:
            return None
        head, _, body = raw.partition(b"\n")
        try:
            told = json.loads(head)
            if told["format"] != _FORMAT or told["sha256"] != hashlib.sha256(body).hexdigest():
                return None
            return Answer(body, told["content_type"], told["served_by"])
        except (ValueError, KeyError, TypeError):
            return None

    def put(self, asked: Asked, answer: Answer) -> None:
        head = {
            "format": _FORMAT,
            "sha256": hashlib.sha256(answer.body).hexdigest(),
            "content_type": answer.content_type,
            "served_by": answer.served_by,
        }
        try:
            self._write(self._file(asked), json.dumps(head).encode() + b"\n" + answer.body)
        except OSError as error:
            raise StoreError(
                f"an answer cannot be kept in {self._folder}: {error.strerror}",
                hint="see that the disk has room; what was kept before is not paid again",
                details={"resume": True},
            ) from None

    def done(self, chunk: str) -> None:
        shutil.rmtree(self._folder / chunk, ignore_errors=True)

    def _file(self, asked: Asked) -> Path:
        return self._folder / asked.chunk / f"{asked.first}-{asked.rows}-{asked.digest}"

    def _write(self, file: Path, raw: bytes) -> None:
        fresh = file.with_name(f".{new_id()}")
        file.parent.mkdir(exist_ok=True)
        try:
            with fresh.open("wb") as stream:
                stream.write(raw)
                stream.flush()
                os.fsync(stream.fileno())
            fresh.replace(file)
        except BaseException:
            with contextlib.suppress(OSError):
                fresh.unlink()
            raise
        for folder in (file.parent, self._folder):
            _sync(folder)


def _sync(folder: Path) -> None:
    """A new name is only on the disk once its folder is."""
    held = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(held)
    finally:
        os.close(held)
