"""What a pickle may import, and how bad that is: picklescan finds and judges it, and nothing is imported or run for it.

A finding is no proof: a pickle that carries code of its own, as cloudpickle's do, can do anything without naming it. What
keeps a model's code out is that it only ever runs in its worker.
"""

from __future__ import annotations

import io
import logging
import pickletools
import re
from collections.abc import Iterable
from typing import IO, Any, cast

from picklescan.scanner import SafetyLevel, ScanResult, scan_pickle_bytes

__all__ = ["SEVERITIES", "Globals", "globals_in", "severity"]

Globals = set[tuple[str, str]]
"""Modules, and names in them."""

SEVERITIES = ("dangerous", "unscanned", "code")
"""`dangerous`: reaches programs, files or the network when it is loaded. `unscanned`: too large, or not to be read to its end.
`code`: carries code of its own, or can reach any. From the worst to the least."""

# It tells what it finds on stderr, and we tell it with the version.
logging.getLogger("picklescan").setLevel(logging.CRITICAL + 1)

# What is on its list of dangerous things, and in ordinary pickles too: how cloudpickle writes functions and classes, and pickle
# methods, partial functions and ids. With these a pickle can do anything; without them none is worth less.
_ORDINARY = {
    ("types", "CodeType"), ("types", "FunctionType"), ("builtins", "getattr"), ("__builtin__", "getattr"), ("uuid", "UUID"),
    ("uuid", "SafeUUID"),
    ("functools", "partial"), ("operator", "attrgetter"), ("operator", "itemgetter"), ("operator", "methodcaller"),
    ("_operator", "attrgetter"), ("_operator", "itemgetter"), ("_operator", "methodcaller"),
}  # fmt: skip
_BY_VALUE = ("cloudpickle", "dill")
# What is not on it.
_MORE = {
    ("builtins", "__import__"), ("builtins", "execfile"), ("__builtin__", "__import__"), ("__builtin__", "execfile"), ("joblib", "load"),
    ("joblib.numpy_pickle", "load"), ("numpy", "load"), ("pandas", "read_pickle"), ("pandas.io.pickle", "read_pickle"), ("torch", "load"),
}  # fmt: skip
_MODULES = (
    "importlib",
    "multiprocessing",
    "http",
    "ftplib",
    "smtplib",
    "telnetlib",
    "urllib3",
    "requests",
    "marshal",
    "shelve",
)

_MOST_STEPS, _MOST_STREAMED = 2_000_000, 100_000_000
"""Instructions of a pickle that are kept in memory at once, and that are read at all."""
_MOST_READ, _MOST_KEPT = 16 << 20, 512 << 20
"""Bytes of one array or text that are read, and of all that are kept at once."""

# Names as protocols 2 to 5 write them: a module and a name as short texts, each perhaps memoized, and STACK_GLOBAL; or GLOBAL.
_STACKED = re.compile(rb"\x8c(.)([A-Za-z_][\w.]*)(?:\x94|q.|r....)?\x8c(.)([\w.<>]+?)(?:\x94|q.|r....)?\x93", re.DOTALL)
_LINES = re.compile(rb"[ci]([A-Za-z_][\w.]*)\n([A-Za-z_][\w.]*)\n")


def globals_in(content: Any) -> tuple[Globals, bool]:
    """What the pickles in the bytes refer to; and whether they were read to their end. `content` is bytes, or a map of a file."""
    stream = io.BytesIO(content) if isinstance(content, bytes) else content
    try:
        result = scan_pickle_bytes(_Steps(stream, _MOST_STEPS, _MOST_KEPT), "")
    except _TooMany:
        found, whole = _streamed(content)
        return found | _by_pattern(content), whole
    except Exception:  # noqa: BLE001  # what was written to mislead it, or is no pickle: it has many ways to fail
        return _by_pattern(content), False
    found = _pairs(result)
    # Arrays of joblib lie between the instructions, and end the reading: the rest is searched for what names look like.
    return found | _by_pattern(content), True


def _streamed(content: Any) -> tuple[Globals, bool]:
    """The same of a pickle with very many instructions, of which only texts are kept."""
    found: Globals = set()
    texts: list[str] = ["", ""]
    memo: dict[int, str] = {}
    stream = io.BytesIO(content) if isinstance(content, bytes) else content
    stream.seek(0)
    stream = _Steps(stream, 4 * _MOST_STREAMED, None)
    try:
        for step, (code, argument, _) in enumerate(pickletools.genops(cast("IO[bytes]", stream))):
            if code.name in {"MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT"}:
                memo[len(memo) if argument is None else int(argument)] = texts[-1]
            elif code.name in {"GLOBAL", "INST"}:
                module, _, name = str(argument).partition(" ")
                found.add((module, name))
            elif code.name == "STACK_GLOBAL":
                found.add((texts[-2], texts[-1]))
            elif "GET" in code.name:
                texts = [texts[-1], memo.get(int(argument or 0), "")]
            elif isinstance(argument, str):
                texts = [texts[-1], argument]
            if step > _MOST_STREAMED:
                return found, False
    except (Exception, _TooMany):  # noqa: BLE001  # as above
        return found, False
    return found, True


def _pairs(result: ScanResult) -> Globals:
    return {(g.module, g.name) for g in result.globals}


def _by_pattern(content: Any) -> Globals:
    found = {(m[1], m[2]) for m in _LINES.finditer(content)}
    for m in _STACKED.finditer(content):
        if len(m[2]) == m[1][0] and len(m[4]) == m[3][0]:
            found.add((m[2], m[4]))
    return {(module.decode(), name.decode()) for module, name in found}


def severity(pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Of those that have one."""
    judged = _judged(set(pairs))
    return {pair: found for pair in judged if (found := _one(pair, judged[pair])) is not None}


def _one(pair: tuple[str, str], judged: SafetyLevel) -> str | None:
    module = pair[0]
    if module.partition(".")[0] in _BY_VALUE or pair in _ORDINARY:
        return "code" if judged is SafetyLevel.Dangerous else None
    if judged is SafetyLevel.Dangerous or pair in _MORE or module.partition(".")[0] in _MODULES:
        return "dangerous"
    return None


def _judged(pairs: Globals) -> dict[tuple[str, str], SafetyLevel]:
    """By a pickle that names them and nothing else, which picklescan then looks at."""
    sound = [p for p in pairs if p[0] and p[1] and not re.search(r"\s", p[0] + p[1])]
    written = b"\x80\x02" + b"".join(b"c%s\n%s\n0" % (m.encode(), n.encode()) for m, n in sound) + b"N."
    return {(g.module, g.name): g.safety for g in scan_pickle_bytes(io.BytesIO(written), "").globals}


class _TooMany(BaseException):
    """Beyond the limit. No Exception: the reader takes these for the end of a pickle."""


class _Passed:
    """Stands for the bytes of a large array, which nobody looks at."""

    def __init__(self, size: int) -> None:
        self._size = size

    def __len__(self) -> int:
        return self._size


class _Steps:
    """A stream that counts its reads, of which each instruction is one at least, and what they take in memory."""

    def __init__(self, stream: Any, steps: int, kept: int | None) -> None:
        self._stream, self._left, self._kept = stream, steps, kept

    def read(self, size: int = -1) -> Any:
        self._left -= 1
        if self._left < 0:
            raise _TooMany
        if size > _MOST_READ:
            self._stream.seek(size, 1)
            self._stream.seek(-1, 1)
            return _Passed(size) if self._stream.read(1) else b""
        if self._kept is not None:
            self._kept -= size
            if self._kept < 0:
                raise _TooMany
        return bytes(self._stream.read(size))

    def readline(self) -> bytes:
        self._left -= 1
        return bytes(self._stream.readline())

    def seek(self, place: int, whence: int = 0) -> Any:
        return self._stream.seek(place, whence)

    def tell(self) -> int:
        return int(self._stream.tell())
