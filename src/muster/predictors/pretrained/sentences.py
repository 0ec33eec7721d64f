"""`modules.json` of sentence-transformers: the steps from a text to its vector."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath

__all__ = ["read_modules"]

_OWN = "sentence_transformers."


def read_modules(file: Path, wrong: list[str]) -> str | None:
    """The folder of the first module, which reads the text; None, and noted, if that cannot be told."""
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        modules = [(str(m["type"]), str(m["path"])) for m in told]
    except (ValueError, TypeError, KeyError, RecursionError):
        modules = []
    if not modules:
        wrong.append(f"its {file.name} does not list modules, each with `type` and `path`")
        return None
    if own := sorted({kind for kind, _ in modules if not kind.startswith(_OWN)}):
        listed = ", ".join(f"`{kind}`" for kind in own)
        wrong.append(f"its {file.name} names code of its own ({listed}), which Muster does not run unasked")
    places = [path for _, path in modules]
    away = [p for p in places if PurePosixPath(p).is_absolute() or ".." in PurePosixPath(p).parts or "\\" in p]
    if away:
        wrong.append(f"its {file.name} names {', '.join(f'`{p}`' for p in away)}, which lead out of the folder")
        return None
    if missing := [p for p in places if not (file.parent / p).is_dir() and not modules_without_files(p, modules)]:
        wrong.append(f"its {file.name} names {', '.join(f'`{p}`' for p in missing)}, and there is no such folder")
    return places[0]


def modules_without_files(path: str, modules: list[tuple[str, str]]) -> bool:
    """Whether it is a step that has nothing to store, whose folder is empty and so may be lost on the way."""
    return any(p == path and kind.endswith(".Normalize") for kind, p in modules)
