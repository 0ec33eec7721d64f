"""What an MLflow model needs: its requirements, and its Python."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath

from muster.errors import InvalidModel
from muster.predictors.local.conda import from_conda
from muster.predictors.local.lines import asked_for, lacking, name_of
from muster.predictors.mlmodel.document import Document, read_yaml
from muster.signature import Json

__all__ = ["Needs", "completed", "read_needs", "without_mlflow"]

_NAME_ALONE = re.compile(r"[A-Za-z0-9._-]+")
_SEED = "setuptools"
_MLFLOW = {"mlflow", "mlflow-skinny", "mlflow-tracing"}

# package -> releases that broke what was built for earlier ones, and when they came out. mlflow's own requirement kept them
# away; where it is dropped, the day that a model was saved does.
_BREAKS = {
    "numpy": ((datetime(2022, 12, 18, tzinfo=UTC), "1.24"), (datetime(2024, 6, 16, tzinfo=UTC), "2")),
    "pandas": ((datetime(2023, 4, 3, tzinfo=UTC), "2"), (datetime(2026, 1, 21, tzinfo=UTC), "3")),
}


@dataclass(frozen=True, slots=True)
class Needs:
    """Lines of requirements, as the model's own files have them, and a Python version."""

    requirements: tuple[str, ...]
    python: str | None


def read_needs(document: Document) -> Needs:
    """From `requirements.txt`, else the pip part of the conda environment, else `python_env.yaml`."""
    conda, virtualenv = _environments(document)
    own = document.folder / "requirements.txt"
    lines, python = _from_conda(document, conda)
    other, other_python = _from_virtualenv(virtualenv)
    if own.is_file():
        lines = _lines(document, own.read_bytes())
    elif not lines:
        lines = [line for line in other if not line.startswith("-r")]
    pyfunc = document.flavor("python_function") or {}
    minor = _minor(document, pyfunc.get("python_version") or other_python or python)
    return Needs((*lines, *_seeds(virtualenv, lines, minor)), minor)


def _seeds(virtualenv: Json, lines: Sequence[str], minor: str | None) -> list[str]:
    """What environments had without asking until Python 3.12, and libraries of then import: those of XGBoost before 1.7, for one."""
    told = virtualenv.get("build_dependencies") if isinstance(virtualenv, dict) else None
    seeded = isinstance(told, list) and any(name_of(str(line)) == _SEED for line in told)
    known = any(name_of(line) == _SEED for line in lines)
    early = minor is not None and tuple(int(n) for n in minor.split(".")) < (3, 12)
    return [f"{_SEED}<81"] if seeded and early and not known else []  # 81 left out what these import


def _lines(document: Document, data: bytes) -> list[str]:
    try:
        return data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        document.wrong.append("its requirements.txt is not text in UTF-8")
        return []


def _environments(document: Document) -> tuple[Json, Json]:
    """The files of its environment; MLflow 1 names the conda file alone. Missing ones are empty."""
    told = (document.flavor("python_function") or {}).get("env")
    names = told if isinstance(told, dict) else {"conda": told}
    found: list[Json] = []
    for kind, usual in (("conda", "conda.yaml"), ("virtualenv", "python_env.yaml")):
        name = names.get(kind)
        if isinstance(name, dict):  # the environment itself, in place of a file's name
            found.append(name)
            continue
        named = document.folder / PurePosixPath(name).name if isinstance(name, str) else document.folder / usual
        try:
            found.append(read_yaml(named) if named.is_file() else {})
        except InvalidModel as error:
            document.wrong.append(error.message)
            found.append({})
    return found[0], found[1]


def _from_conda(document: Document, conda: Json) -> tuple[list[str], str | None]:
    """The pip part, and what of conda's own part pip can install; the Python version."""
    told = from_conda(conda)
    if told.refused:
        document.notes.append(f"conda alone can install {', '.join(told.refused)}, which its environment does without")
    return told.lines, told.python


def _from_virtualenv(virtualenv: Json) -> tuple[list[str], str | None]:
    if not isinstance(virtualenv, dict):
        return [], None
    lines, python = virtualenv.get("dependencies"), virtualenv.get("python")
    return [str(line) for line in lines] if isinstance(lines, list) else [], None if python is None else str(python)


def _minor(document: Document, version: Json) -> str | None:
    if version is None:
        return None
    found = re.match(r"(\d+)\.(\d+)", str(version))
    if found is None:
        document.wrong.append(f"its Python version is {version!r}, which is none")
        return None
    return f"{found[1]}.{found[2]}"


def without_mlflow(lines: Sequence[str]) -> list[str]:
    """The lines but those of mlflow itself, which only what loads through it needs."""
    return [line for line in lines if name_of(line) not in _MLFLOW]


def completed(
    lines: Sequence[str], needed: Iterable[str], created: datetime | None, *, bounded: bool
) -> tuple[list[str], list[str]]:
    """The lines with what they lack of `needed`, and what was added. `bounded` keeps later, incompatible releases away."""
    added = lacking(lines, dict.fromkeys(needed))
    # What a model was saved with is what it loads with: a package named without a version takes the flavor's.
    exact = {name_of(line): line for line in needed if "==" in line}
    lines = [exact.get(name_of(line), line) if _NAME_ALONE.fullmatch(line.strip()) else line for line in lines]
    if any(name_of(line) == "mlflow" for line in needed) and asked_for(lines) & _MLFLOW:
        added = [line for line in added if name_of(line) != "mlflow"]
    if bounded and created is not None:
        asked = {name_of(line): line for line in (*lines, *added)}
        for package, breaks in _BREAKS.items():
            bound = next((release for day, release in breaks if created < day), None)
            if bound is not None and asked.get(package) in {None, package} and (package in asked or package == "numpy"):
                added = [*(line for line in added if line != package), f"{package}<{bound}"]
    return [*lines, *added], added
