"""The libraries that a folder of Hugging Face needs, and their versions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, distribution

from muster.predictors.local.installed import from_folder

__all__ = ["requirements"]

_RELEASE = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")
_OLDEST = {"transformers": 4, "sentence-transformers": 2}
"""The major releases from which PyTorch's current ones are worked with."""
_PIECES = (".model", ".spm")


def requirements(written: Mapping[str, str | None], names: Iterable[str]) -> tuple[str, ...]:
    """What is installed here, where it is of the major release that wrote the model and no older; else the last of that.

    `written` are the libraries that wrote it, and their versions. The files are data, which later releases of one major number
    read; the next major one left out what some need.
    """
    names = set(names)
    wanted = [*written, "torch", "numpy"]
    if any(n.endswith(_PIECES) for n in names) and "tokenizer.json" not in names:
        wanted += ["sentencepiece", "protobuf"]
    return tuple(_line(n, written.get(n), _here(n)) for n in wanted)


def _here(name: str) -> str | None:
    try:
        found = distribution(name)
    except PackageNotFoundError:
        return None
    return None if from_folder(found) else f"{name}=={found.version}"


def _line(name: str, version: str | None, here: str | None) -> str:
    told = _RELEASE.match(version or "")
    if told is None:
        return here or name
    major, minor, patch = wrote = _numbers(told)
    own = _RELEASE.match((here or "").partition("==")[2])
    if here is not None and own is not None and _numbers(own)[0] == major and _numbers(own) >= wrote:
        return here
    if major < _OLDEST.get(name, 0):
        return f"{name}>={_OLDEST[name]},<{_OLDEST[name] + 1}"
    return f"{name}>={major}.{minor}.{patch},<{major + 1}"  # an older release need not read what it wrote


def _numbers(release: re.Match[str]) -> tuple[int, int, int]:
    major, minor, patch = (int(n or 0) for n in release.groups())
    return major, minor, patch
