"""The files of a folder that make the model, without those of training and of other libraries."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from muster.predictors.local.sources import link

__all__ = ["LEFT_OUT", "check_links", "put"]

LEFT_OUT = (
    ".*", "__pycache__", "*.py", "*.pyc", "*.md", "checkpoint-*", "runs", "logs", "optimizer.*", "scheduler.*", "scaler.pt",
    "rng_state*", "trainer_state.json", "training_args.bin", "onnx", "*.onnx", "*.onnx_data", "openvino*", "coreml",
    "tf_model*", "flax_model*", "rust_model.ot", "*.ckpt*", "*.gguf", "*.h5", "*.msgpack",
)  # fmt: skip
"""Of training, and of other libraries. Code is never run, so that it is no part of the model."""


def put(path: Path, names: Iterable[str], target: Path) -> None:
    """These files and folders, in a new folder; what a link points to in its place."""
    for file in _files(path, names):
        place = target / file.relative_to(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        link(file, place)


def check_links(path: Path, names: Iterable[str], wrong: list[str]) -> None:
    """Links may lead to the folder itself and, in a cache of the hub, to its blobs; to no other file of this machine."""
    here = path.resolve()
    roots = [here, *([here.parent.parent / "blobs"] if here.parent.name == "snapshots" else [])]
    files = list(_files(path, names))
    nowhere = [f for f in files if not f.exists()]
    away = [f for f in files if f not in nowhere and not any(f.resolve().is_relative_to(r) for r in roots)]
    folders = [f for f in files if f not in away and f.is_dir()]
    for found, what in (
        (away, "lead out of the folder, as links"),
        (folders, "lead to folders, as links: put what they lead to in their places"),
        (nowhere, "lead to nothing, as links"),
    ):
        if found:
            wrong.append(f"{', '.join(f'`{f.relative_to(path)}`' for f in found[:8])} {what}")


def _files(path: Path, names: Iterable[str]) -> Iterator[Path]:
    for name in names:
        if (path / name).is_dir():
            yield from _below(path / name)
        else:
            yield path / name


def _below(folder: Path) -> Iterator[Path]:
    for entry in sorted(os.scandir(folder), key=lambda e: e.name):
        if any(fnmatch.fnmatch(entry.name, p) for p in LEFT_OUT):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _below(Path(entry.path))
        else:
            yield Path(entry.path)
