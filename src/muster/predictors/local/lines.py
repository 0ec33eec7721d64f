"""Lines of requirements, as a model's own files have them: any of them may be an option or a comment."""

from __future__ import annotations

import re
from collections.abc import Iterable

from packaging.utils import canonicalize_name

__all__ = ["asked_for", "lacking", "name_of"]

# Other builds of a library, which have its module: both in one environment would overwrite each other.
_BUILDS = {
    "onnxruntime": ("directml", "gpu", "openvino", "qnn", "training", "training-cpu"),
    "tensorflow": ("cpu", "cpu-aws", "gpu", "intel", "macos", "rocm"),
    "xgboost": ("cpu",),
}
_BUILD_OF = {f"{name}-{build}": name for name, builds in _BUILDS.items() for build in builds}
_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")


def name_of(line: str) -> str | None:
    """The package that a line asks for; None for an option, a comment or a place."""
    found = _NAME.match(line)
    rest = line[found.end() :].lstrip() if found else ""
    return canonicalize_name(found[1]) if found and (not rest or rest[0] in "[=<>!~;@(#") else None


def asked_for(lines: Iterable[str]) -> set[str]:
    """The packages that the lines ask for, and the libraries that these are other builds of."""
    names = {name for line in lines if (name := name_of(line)) is not None}
    return names | {_BUILD_OF[name] for name in names if name in _BUILD_OF}


def lacking(lines: Iterable[str], packages: Iterable[str]) -> list[str]:
    """Those of the packages that no line asks for."""
    known = asked_for(lines)
    return [p for p in packages if name_of(p) not in known]
