"""What installed distributions say of themselves. importlib.metadata parses all of it, most of which nobody asks for."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions

__all__ = ["name_of", "packages_distributions", "version_of"]

_NAME = re.compile(r"^name:[ \t]*(.*?)[ \t\r]*$", re.IGNORECASE | re.MULTILINE)
_VERSION = re.compile(r"^version:[ \t]*(.*?)[ \t\r]*$", re.IGNORECASE | re.MULTILINE)
_RECORDED = re.compile(r'^(?:"((?:[^"]|"")*)"|([^,\r\n]+))', re.MULTILINE)
_HEADERS = re.compile(r"\r?\n\r?\n")


def name_of(distribution: Distribution) -> str | None:
    """None where the metadata cannot be read, as of one that was half removed."""
    return _header(distribution, _NAME)


def version_of(distribution: Distribution) -> str:
    return _header(distribution, _VERSION) or distribution.version


def packages_distributions() -> dict[str, list[str]]:
    """What the function of importlib.metadata gives, as Python 3.12 does: the modules on top, each with its distributions."""
    owners: dict[str, list[str]] = {}
    for distribution in distributions():
        name = name_of(distribution)
        if name is not None:
            for module in _modules(distribution):
                owners.setdefault(module, []).append(name)
    return owners


def _header(distribution: Distribution, wanted: re.Pattern[str]) -> str | None:
    text = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or distribution.read_text("") or ""
    found = wanted.search(_HEADERS.split(text, maxsplit=1)[0])
    return found[1] or None if found is not None else None


def _modules(distribution: Distribution) -> set[str]:
    """As it declares them, else as its files tell."""
    declared = distribution.read_text("top_level.txt")
    if declared:
        return set(declared.split())
    return {top for file in _files(distribution) if "." not in (top := _top(file))}


def _files(distribution: Distribution) -> Iterator[str]:
    recorded = distribution.read_text("RECORD")
    if recorded is None:  # an egg has its files in other places
        yield from map(str, distribution.files or ())
        return
    for quoted, plain in _RECORDED.findall(recorded):
        yield plain or quoted.replace('""', '"')


def _top(file: str) -> str:
    top, slash, _ = file.partition("/")
    return top if slash else inspect.getmodulename(file) or file
