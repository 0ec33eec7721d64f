"""What a pickle refers to, found in its opcodes: nothing is loaded."""

from __future__ import annotations

import bz2
import lzma
import mmap
import pickletools
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import IO, Any, cast

__all__ = ["content_of", "modules_in", "names_columns", "pickled_modules", "recorded_versions", "written_by_joblib"]

_MOST_BYTES = 1 << 30
"""What is decompressed for a look at it."""

_TEXTS = {"SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE", "SHORT_BINSTRING", "BINSTRING", "STRING"}
_PUTS = {"BINPUT", "LONG_BINPUT", "PUT"}
_SUBIMPORT = "\0subimport"
"""Stands for cloudpickle's function that imports the module whose name comes next."""
_GETS = {"BINGET", "LONG_BINGET", "GET"}

# joblib puts the bytes of arrays between opcodes, or pickles of their own, which cannot be read on from there. Then names are
# found as protocols 2 to 5 write them: a module and a name as short texts, each perhaps memoized, and STACK_GLOBAL; or GLOBAL,
# with both on lines.
_STACK_GLOBAL = re.compile(
    rb"\x8c(.)([A-Za-z_][\w.]*)(?:\x94|q.)?(?:\x8c.[\w.<>]+(?:\x94|q.)?|h.|j....)\x93", re.DOTALL
)
_GLOBAL = re.compile(rb"\x8c(.)([A-Za-z_][\w.]*)(?:\x94|q.)?(?:\x8c.[\w.<>]+(?:\x94|q.)?|h.|j....)\x93", re.DOTALL)
_GLOBAL = re.compile(rb"c([A-Za-z_][\w.]*)\n[A-Za-z_][\w.]*\n")
_VERSION = re.compile(rb"_sklearn_version(?:\x94|q.)?(?:\x8c.|X....)([0-9][0-9A-Za-z.+]*)", re.DOTALL)


def pickled_modules(file: Path) -> set[str]:
    """The dotted names of the modules that the pickles in a file refer to; joblib's compressed ones too."""
    with content_of(file) as content:
        return _modules(content)


def modules_in(data: bytes) -> set[str]:
    """The same of bytes."""
    return _modules(data)


def names_columns(file: Path) -> bool:
    """Whether an object in it was fitted with columns that had names, as estimators of scikit-learn say."""
    with content_of(file) as content:
        return content.find(b"feature_names_in_") >= 0


def written_by_joblib(file: Path) -> bool:
    """Whether joblib wrote it, whatever its name: compressed, or with arrays beside the pickle. Nothing else reads that."""
    with file.open("rb") as opened:
        if opened.read(8).startswith(tuple(_COMPRESSIONS)):
            return True
    with content_of(file) as content:
        return content.find(b"joblib.numpy_pickle") >= 0


def recorded_versions(file: Path) -> dict[str, str]:
    """The versions of packages that the objects in a file say they were made with; scikit-learn's do."""
    with content_of(file) as content:
        found = _VERSION.search(content)
        return {"scikit-learn": found[1].decode()} if found else {}


def _modules(content: bytes | mmap.mmap) -> set[str]:
    found, whole = _by_opcodes(BytesIO(content) if isinstance(content, bytes) else content)
    if whole:
        return found
    for match in _STACK_GLOBAL.finditer(content):
        if len(match[2]) >= match[1][0]:
            found.add(match[2][: match[1][0]].decode())
    return found | {match[1].decode() for match in _GLOBAL.finditer(content)}


def _by_opcodes(stream: IO[bytes] | mmap.mmap) -> tuple[set[str], bool]:
    """Modules up to the first thing that is no opcode, or another pickle's start, and whether that is the end."""
    found: set[str] = set()
    texts = ["", ""]
    memo: dict[int, str | None] = {}
    top: str | None = None
    importing = False
    try:
        for code, argument in _opcodes(stream):
            if code.name == "MEMOIZE" or code.name in _PUTS:
                memo[len(memo) if code.name == "MEMOIZE" else int(argument or 0)] = top
                continue
            top = None
            if code.name in _TEXTS:
                top = str(argument)
            elif code.name in _GETS:
                top = memo.get(int(argument or 0))
            elif code.name == "GLOBAL":
                found.add(str(argument).split(" ")[0])
            elif code.name == "STACK_GLOBAL":
                found.add(texts[-2])
                top = _SUBIMPORT if texts == ["cloudpickle.cloudpickle", "subimport"] else None
            if top == _SUBIMPORT:
                importing = True
            elif top is not None:
                texts = [texts[-1], top]
                found |= {top} if importing else set()
                importing = False
    except (ValueError, IndexError, UnicodeDecodeError):
        return found, False
    return found, True


def _opcodes(stream: IO[bytes] | mmap.mmap) -> Iterator[tuple[pickletools.OpcodeInfo, Any]]:
    """Those of one pickle. ValueError at another in it, an array's own in joblib's, which counts what it keeps from 0 again."""
    for code, argument, place in pickletools.genops(cast("IO[bytes]", stream)):  # a map of a file is read as one
        if code.name == "PROTO" and place:
            raise ValueError("a pickle in a pickle")
        yield code, argument


@contextmanager
def content_of(file: Path) -> Iterator[bytes | mmap.mmap]:
    """The bytes of a file, decompressed if it is one of joblib's."""
    with file.open("rb") as opened:
        start = opened.read(8)
        opened.seek(0)
        for magic, decompress in _COMPRESSIONS.items():
            if start.startswith(magic):
                yield _decompressed(decompress, opened.read(_MOST_BYTES))
                return
        if not start:
            yield b""
            return
        with mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
            yield content


def _decompressed(decompress: Callable[[bytes], bytes], data: bytes) -> bytes:
    """As it is where it is not what it begins like."""
    try:
        return decompress(data)
    except (OSError, EOFError, zlib.error, lzma.LZMAError):
        return data


_COMPRESSIONS: dict[bytes, Callable[[bytes], bytes]] = {
    b"\x1f\x8b": lambda data: zlib.decompressobj(31).decompress(data, _MOST_BYTES),
    b"\x78\x01": lambda data: zlib.decompressobj().decompress(data, _MOST_BYTES),
    b"\x78\x5e": lambda data: zlib.decompressobj().decompress(data, _MOST_BYTES),
    b"\x78\x9c": lambda data: zlib.decompressobj().decompress(data, _MOST_BYTES),
    b"\x78\xda": lambda data: zlib.decompressobj().decompress(data, _MOST_BYTES),
    b"BZh": lambda data: bz2.BZ2Decompressor().decompress(data, _MOST_BYTES),
    b"\xfd7zXZ\x00": lambda data: lzma.LZMADecompressor().decompress(data, _MOST_BYTES),
    b"\x5d\x00\x00": lambda data: lzma.LZMADecompressor().decompress(data, _MOST_BYTES),
}
