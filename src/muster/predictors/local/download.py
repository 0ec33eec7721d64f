"""A version's files in a folder of the user's: all of them, checked against their digests, or nothing."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from muster.errors import Conflict, NotApplicable, StoreError
from muster.predictors.local.artifact import fetch, manifest
from muster.records import Version
from muster.store import BlobStore

__all__ = ["download"]

_SPARE = 64 << 20

Build = Callable[[Path], None]
"""Adds what a format needs to a folder that has the files in `model`."""


def download(version: Version, blobs: BlobStore, target: Path, build: Build | None = None) -> None:
    """Into `target`, a new folder that is there when it is whole. With `build` the files lie in its `model`."""
    if not version.artifact:
        raise NotApplicable(
            f"{version.ref} is an endpoint of origin {version.origin}, and has no files",
            hint="download its data from where it runs",
        )
    if os.path.lexists(target):
        raise Conflict(f"{target} exists already", hint="give the path of a folder that does not; it is made")
    with_room(version, target.parent)
    try:
        staging = Path(tempfile.mkdtemp(prefix=f".{target.name}.muster-", dir=target.parent))
    except OSError as error:
        raise StoreError(
            f"{target} cannot be made: {error.strerror}", hint="give a folder in one that you may write to"
        ) from None
    try:
        whole = staging / "whole"
        fetch(version.digest, blobs, whole if build is None else whole / "model")
        _writable(version, blobs, whole if build is None else whole / "model")
        if build is not None:
            build(whole)
        _moved(whole, target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def with_room(version: Version, parent: Path) -> None:
    """StoreError where the disk cannot hold it: known before, and not after hours."""
    if not parent.is_dir():
        raise StoreError(f"there is no folder {parent}", hint="make it first")
    free = shutil.disk_usage(parent).free
    if free < version.size + _SPARE:
        raise StoreError(
            f"{version.ref} has {version.size:,} bytes, and the disk of {parent} has {free:,} free",
            hint="make room, or give a folder on another disk",
        )


def _writable(version: Version, blobs: BlobStore, folder: Path) -> None:
    """They are the user's own files now."""
    for file in manifest(version.digest, blobs):
        (folder / file.path).chmod(int(file.mode, 8))


def _moved(whole: Path, target: Path) -> None:
    """A rename onto an empty folder that came meanwhile takes its place; onto anything else it fails."""
    try:
        whole.rename(target)
    except OSError as error:
        if os.path.lexists(target):
            raise Conflict(f"{target} was made by somebody else meanwhile", hint="give another path") from None
        raise StoreError(f"{target} cannot be written: {error.strerror}", hint="give another path") from None
