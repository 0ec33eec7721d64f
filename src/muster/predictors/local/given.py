"""Locks that a user brings: every package pinned, each with hashes, as uv and pip-compile write them. They are used as they are."""

from __future__ import annotations

from pathlib import Path

from packaging.requirements import Requirement

from muster.errors import InvalidInput
from muster.predictors.local.lock import Lock
from muster.predictors.local.requirements import Requirements, name_of

__all__ = ["check_kind", "given_lock"]

_OTHERS = {
    "uv.lock": "uv export --format requirements-txt --no-emit-project",
    "poetry.lock": "poetry export",
    "pdm.lock": "pdm export",
    "Pipfile.lock": "pipenv requirements --hash",
    "pylock.toml": "uv export --format requirements-txt --no-emit-project",
    "pixi.lock": "pixi project export conda-environment",
    "pyproject.toml": "uv export --format requirements-txt --no-emit-project",
}


def check_kind(file: Path) -> None:
    """Raise if the file is a lock in another tool's own form."""
    if file.name in _OTHERS:
        raise InvalidInput(
            f"{file.name} is in a form of its own tool",
            hint=f"give what `{_OTHERS[file.name]} > requirements.txt` writes",
        )


def given_lock(wanted: Requirements) -> Lock | None:
    """The lock that the requirements are already; None where they leave anything to be resolved."""
    lines = [Requirement(line) for line in wanted.lines]
    names = {name_of(line) for line in wanted.lines}
    if len(names) < len(lines) or "pyarrow" not in names or wanted.constraints or wanted.wheels:
        return None
    text = "--only-binary :all:\n" + "".join(f"--no-binary {name}\n" for name in sorted(wanted.sources))
    for line, requirement in zip(wanted.lines, lines, strict=True):
        hashes, exact = wanted.hashes.get(name_of(line)), [s.operator for s in requirement.specifier] == ["=="]
        if not hashes or not (exact or requirement.url) or "*" in str(requirement.specifier):
            return None
        text += " \\\n    ".join([line, *(f"--hash={h}" for h in sorted(hashes))]) + "\n"
    return Lock(text)
