"""The files of weights: which there are, whether all are there, and whether each is whole."""

from __future__ import annotations

import json
import struct
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from muster.predictors.pretrained.config import read_json

__all__ = ["ADAPTER", "weights"]

ADAPTER = "adapter_config.json"
_MERGE = "merge them into their model with `merge_and_unload`, and save that"
_FORMS = ("model.safetensors", "pytorch_model.bin")
"""The first that is there is what the library reads."""

_POINTER = b"version https://git-lfs"
_OTHERS = {
    "tf_model.h5": "weights of TensorFlow",
    "flax_model.msgpack": "weights of Flax",
    "rust_model.ot": "weights of Rust",
    "*.gguf": "weights of llama.cpp",
    "*.ckpt": "weights of TensorFlow",
    "*.ckpt.index": "weights of TensorFlow",
}
_MOST_HEADER = 100 << 20


def weights(folder: Path, wrong: list[str]) -> tuple[str, ...]:
    """Names of the files to load; what is missing or cut short is noted."""
    found = _whole(folder, wrong)
    if not found:
        wrong.append(_none(folder))
    elif (folder / ADAPTER).is_file():
        wrong.append(f"beside its weights it has those of an adapter ({ADAPTER}), which would be left out: {_MERGE}")
    return found


def _whole(folder: Path, wrong: list[str]) -> tuple[str, ...]:
    for form in _FORMS:
        if (folder / form).is_file():
            _check(folder / form, wrong)
            return (form,)
        if (folder / f"{form}.index.json").is_file():
            return (f"{form}.index.json", *_shards(folder, f"{form}.index.json", wrong))
    return ()


def _shards(folder: Path, index: str, wrong: list[str]) -> list[str]:
    told = read_json(folder / index, wrong).get("weight_map")
    names = sorted({str(n) for n in told.values()}) if isinstance(told, dict) else []
    if not names:
        wrong.append(f"its {index} names no files")
    away = [n for n in names if PurePosixPath(n).name != n or "\\" in n]
    missing = [n for n in names if n not in away and not (folder / n).is_file()]
    if away:
        wrong.append(f"its {index} names {_listed(away)}, which lead out of the folder")
    if missing:
        wrong.append(f"its {index} names {_listed(missing)}, and there is no such file")
    found = [n for n in names if n not in away and n not in missing]
    for name in found:
        _check(folder / name, wrong)
    return found


def _listed(names: list[str], most: int = 8) -> str:
    shown = ", ".join(f"`{n}`" for n in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def _check(file: Path, wrong: list[str]) -> None:
    """A clone without Git LFS has the names of files in place of them; a download that broke off has their beginnings."""
    size = file.stat().st_size
    with file.open("rb") as opened:
        head = opened.read(len(_POINTER))
        if head == _POINTER:
            wrong.append(f"`{file.name}` is a pointer of Git LFS, and not the file: fetch it with `git lfs pull`")
        elif not size:
            wrong.append(f"`{file.name}` is empty")
        elif file.suffix == ".safetensors":
            opened.seek(0)
            if _size(opened.read(8), opened, size) != size:
                wrong.append(f"`{file.name}` is cut short, or no safetensors file")


def _size(start: bytes, opened: BinaryIO, size: int) -> int | None:
    """How long the file should be by its header, which comes after its own length; None if there is no such header."""
    length = struct.unpack("<Q", start)[0] if len(start) == 8 else size
    if length > min(size - 8, _MOST_HEADER):
        return None
    end = _end(opened.read(length))
    return None if end is None else 8 + length + end


def _end(header: bytes) -> int | None:
    """Where the last tensor ends; None if it is no header."""
    try:
        told = json.loads(header)
        return max((int(t["data_offsets"][1]) for n, t in told.items() if n != "__metadata__"), default=0)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        return None


def _none(folder: Path) -> str:
    told = f"it has no weights that PyTorch loads ({', '.join(_FORMS)})"
    if (folder / ADAPTER).is_file():
        return f"{told}, but those of an adapter ({ADAPTER}): {_MERGE}"
    for pattern, what in _OTHERS.items():
        if found := sorted(folder.glob(pattern)):
            return f"{told}, but {what} (`{found[0].name}`)"
    return told
