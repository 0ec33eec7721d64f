"""Every file of an artifact that may be a pickle is looked at before anything of it is loaded."""

from __future__ import annotations

import json
import pickletools
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from picklescan.relaxed_zipfile import RelaxedZipFile

from muster.predictors.local.pickled import content_of
from muster.predictors.local.verdicts import SEVERITIES, Globals, globals_in, severity
from muster.signature import Json

__all__ = ["dangers", "scan"]

_SUFFIXES = (
    ".pkl",
    ".pickle",
    ".cloudpickle",
    ".joblib",
    ".dill",
    ".sav",
    ".pt",
    ".pth",
    ".ckpt",
    ".bin",
    ".dat",
    ".data",
    ".npy",
)
_PROTOCOL = re.compile(rb"\x80[\x00-\x05]")
_BEGINNINGS = b"(c]}i)l\x8c"
"""How pickles of protocols 0 and 1, which have no mark, usually begin."""
_ZIP, _ARRAY = b"PK\x03\x04", b"\x93NUMPY"

_MOST_MEMBER = 256 << 20
_MOST_START = 16 << 20
_MOST_TOLD = 100
_MOST_LOOK = 100_000

# What skops itself trusts is of these, or plain; all else is named by whoever saved or registered the model as trusted.
_PLAIN = {"builtins", "collections", "numpy", "scipy", "sklearn"}


def scan(folder: Path) -> tuple[Mapping[str, Json], ...]:
    """What was found, the worst first: `file`, `global` and `severity`. Nothing of it is imported or run."""
    found: list[dict[str, Json]] = []
    for file in sorted(f for f in folder.rglob("*") if f.is_file()):
        found += _of_file(file, file.relative_to(folder).as_posix())
    found.sort(key=lambda f: (_ORDER.get(str(f["severity"]), len(_ORDER)), f["file"], f["global"]))
    return tuple(found[:_MOST_TOLD])


_ORDER = {s: place for place, s in enumerate((*SEVERITIES, "trusted"))}


def dangers(findings: Sequence[Mapping[str, Json]]) -> dict[str, list[str]]:
    """What is dangerous, by its file."""
    told: dict[str, list[str]] = {}
    for f in findings:
        if f["severity"] == "dangerous":
            told.setdefault(str(f["file"]), []).append(str(f["global"]))
    return told


def _of_file(file: Path, name: str) -> Iterator[dict[str, Json]]:
    with content_of(file) as content:
        if content[:4] == _ZIP:
            yield from _of_zip(file, name)
        elif content and _is_pickle(content, name):
            yield from _findings(name, *globals_in(_without_header(content)))


def _is_pickle(content: Any, name: str) -> bool:
    if _PROTOCOL.match(content) or content[: len(_ARRAY)] == _ARRAY:
        return True
    return name.lower().endswith(_SUFFIXES) or (content[0] in _BEGINNINGS and _reads(content))


def _reads(content: Any) -> bool:
    """Whether it reads as a pickle to its end, and names something."""
    names = False
    try:
        for step, (code, _, _) in enumerate(pickletools.genops(BytesIO(content[:_MOST_START]))):
            names = names or code.name in {"GLOBAL", "INST", "STACK_GLOBAL"}
            if step > _MOST_LOOK:
                return names
    except Exception:  # noqa: BLE001  # genops raises what the bytes make it raise: then they are no pickle
        return False
    return names


def _without_header(content: Any) -> Any:
    """The pickle in an array of objects; nothing of an array of numbers."""
    if content[: len(_ARRAY)] != _ARRAY:
        return content
    form = "<H" if content[6] == 1 else "<I"
    size = struct.calcsize(form)
    start = 8 + size + struct.unpack(form, content[8 : 8 + size])[0]
    return content[start:] if b"O" in content[8:start].partition(b"descr")[2][:12] else b""


def _of_zip(file: Path, name: str) -> Iterator[dict[str, Json]]:
    """Of PyTorch, numpy and skops, and any other; it reads archives as forgivingly as PyTorch does."""
    try:
        with RelaxedZipFile(file) as archive:
            for info in archive.infolist():
                yield from _of_member(archive, info, name)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        ValueError,
        struct.error,
    ) as error:
        yield _finding(name, f"the archive cannot be read: {error}", "unscanned")


def _of_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> Iterator[dict[str, Json]]:
    with archive.open(info) as opened:
        start = opened.read(8)
    sure = _PROTOCOL.match(start) or start.startswith(_ARRAY) or info.filename.lower().endswith(_SUFFIXES)
    if info.filename == "schema.json" and name.endswith(".skops"):
        yield from _of_skops(archive.read(info)[:_MOST_MEMBER], name)
    elif sure or (start and start[0] in _BEGINNINGS):
        if sure and info.file_size > _MOST_MEMBER:
            yield _finding(f"{name}:{info.filename}", "a pickle of more than 256 MiB in an archive", "unscanned")
            return
        with archive.open(info) as opened:
            content = opened.read(_MOST_MEMBER if sure else _MOST_START)
        if content and _is_pickle(content, info.filename):
            yield from _findings(f"{name}:{info.filename}", *globals_in(_without_header(content)))


def _of_skops(schema: bytes, name: str) -> Iterator[dict[str, Json]]:
    """The types that it names beyond plain ones: the worker loads them only where they are declared as trusted."""
    found: set[str] = set()
    nodes: list[Any] = [json.loads(schema)]
    while nodes:
        node = nodes.pop()
        if isinstance(node, dict):
            module, kind = node.get("__module__"), node.get("__class__")
            if isinstance(module, str) and isinstance(kind, str) and module.partition(".")[0] not in _PLAIN:
                found.add(f"{module}.{kind}")
            nodes += node.values()
        elif isinstance(node, list):
            nodes += node
    yield from (_finding(name, kind, "trusted") for kind in sorted(found))


def _findings(name: str, found: Globals, whole: bool) -> Iterator[dict[str, Json]]:  # noqa: FBT001  # as `globals_in` gives them
    for (module, one), level in severity(found).items():
        yield _finding(name, f"{module}.{one}", level)
    if not whole:
        yield _finding(name, "more instructions than are looked at", "unscanned")


def _finding(file: str, name: str, level: str) -> dict[str, Json]:
    return {"file": file, "global": name, "severity": level}
