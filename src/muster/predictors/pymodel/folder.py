"""A folder with a model of the user's own: `model.py`, or a saved estimator; `model.toml`, `requirements.txt`, data files."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from muster.classes import one_type
from muster.errors import InvalidModel
from muster.predictor import Description
from muster.predictors.local.lines import lacking
from muster.predictors.local.pickled import written_by_joblib
from muster.predictors.local.sources import here
from muster.predictors.pymodel import manifest, needs
from muster.predictors.pymodel.manifest import Manifest, read_manifest
from muster.predictors.pymodel.needs import has_module
from muster.predictors.pymodel.source import imports, read_source
from muster.signature import Json

__all__ = ["FORMATS", "describe_folder"]

FORMATS = {
    ".pkl": "cloudpickle",
    ".pickle": "cloudpickle",
    ".cloudpickle": "cloudpickle",
    ".joblib": "joblib",
    ".skops": "skops",
}
"""How a saved estimator was written, by its suffix."""


@dataclass(slots=True)
class _Findings:
    """What a folder's files tell, and what is wrong with them."""

    folder: Path
    wrong: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    load: dict[str, Json] = field(default_factory=dict)
    classes: tuple[object, ...] = ()
    pickled: bool = False


def describe_folder(given: Path, folder: Path) -> Description:
    """The model in a folder; `given` is what the user named. InvalidModel says all that is wrong."""
    found = _Findings(folder)
    told = read_manifest(folder, found.wrong)
    file = _model_file(folder, told, found.wrong)
    declared = _declared(folder, told, found.wrong)
    if file is not None and file.suffix == ".py":
        _read_python(given, file, told, declared, found)
    elif file is not None:
        _read_saved(file, told, declared, found)
    found.load |= {"runtime": dict(told.runtime)} if told.runtime else {}
    found.load |= {"network": True} if told.network else {}
    if found.wrong:
        raise InvalidModel(
            f"the model in {given} cannot be used: {'; '.join(found.wrong)}",
            hint="a model is a model.py with `predict`, or a saved estimator",
            details={"problems": list(found.wrong)},
        )
    return Description(
        source=str(given.absolute()),
        folder=folder,
        task=told.task,
        target=told.target,
        classes=told.classes or one_type(found.classes),
        signature=told.signature,
        requirements=tuple(found.lines),
        python=told.python or here(),
        exact_python=found.pickled,
        load=found.load,
        output=told.output,
        notes=tuple(found.notes),
    )


def _model_file(folder: Path, told: Manifest, wrong: list[str]) -> Path | None:
    if told.file is not None:
        file = folder / told.file
        if not file.resolve().is_relative_to(folder.resolve()) or not file.is_file():
            wrong.append(f"{manifest.FILE} names the file `{told.file}`, which is not in the folder")
        elif file.suffix != ".py" and file.suffix not in FORMATS:
            wrong.append(f"{manifest.FILE} names the file `{told.file}`, and Muster reads .py, {', '.join(FORMATS)}")
        else:
            return file
        return None
    if (folder / "model.py").is_file():
        return folder / "model.py"
    saved = [f for f in sorted(folder.iterdir()) if f.stem == "model" and f.suffix in FORMATS]
    if len(saved) != 1:
        wrong.append(f"there is no model.py, and {manifest.FILE} does not name the model's `file`")
        return None
    return saved[0]


def _declared(folder: Path, told: Manifest, wrong: list[str]) -> list[str] | None:
    """The requirements that the folder names; None where it names none."""
    file = folder / "requirements.txt"
    if not file.is_file():
        return list(told.requirements) or None
    try:
        return [*told.requirements, *file.read_text(encoding="utf-8-sig").splitlines()]
    except UnicodeDecodeError:
        wrong.append("requirements.txt is not text in UTF-8")
        return None


def _read_python(given: Path, file: Path, told: Manifest, declared: list[str] | None, found: _Findings) -> None:
    source = read_source(file, found.wrong)
    modules = imports(found.folder)
    if given.is_file():
        beside = sorted(n for n in {m.partition(".")[0] for m in modules} if _beside(given, n))
        found.wrong += [
            f"{given.name} imports `{n}`, which lies beside it: register the folder, with {given.name} as model.py"
            for n in beside
        ]
    form = told.input or source.input
    if declared is not None:
        found.lines += [*declared, *lacking(declared, [form] if form in {"pandas", "numpy"} else [])]
    else:
        data = (
            {"pandas"} if form in {None, "pandas"} and has_module("pandas") else {"numpy"} if form == "numpy" else set()
        )
        found.lines += needs.of_modules({*modules, *data}, found.notes)
    found.classes = source.classes
    found.load = {
        "loader": "file",
        "file": file.relative_to(found.folder).as_posix(),
        **({"input": form} if form else {}),
    }


def _beside(file: Path, name: str) -> bool:
    return (file.parent / f"{name}.py").is_file() or (file.parent / name / "__init__.py").is_file()


def _read_saved(file: Path, told: Manifest, declared: list[str] | None, found: _Findings) -> None:
    form = FORMATS[file.suffix]
    if form == "cloudpickle" and written_by_joblib(file):
        form = "joblib"
    framed = told.input == "pandas" or (told.input is None and needs.names_columns(file, form))
    # What does not say that it knows names may know them all the same, in bytes of its library's own.
    maybe = told.input is None and has_module("pandas")
    lines = needs.of_file(file, form, found.wrong, found.notes, ["pandas"] if framed or maybe else [])
    data = ["pandas"] if framed else []
    if declared is not None:
        lines = [*declared, *lacking(declared, [*([form] if form in {"joblib", "skops"} else []), *data])]
    else:
        lines = [*lines, *lacking(lines, data)]
    found.lines += lines
    found.pickled = form != "skops"
    if found.pickled and told.python is None:
        found.notes.append(f"a pickle does not tell its Python, which is taken to be {here()}, as here")
    spec: dict[str, Json] = {"loader": "object", "file": file.relative_to(found.folder).as_posix(), "format": form}
    spec |= {"trusted": list(told.trusted)} if form == "skops" else {}
    found.load = spec | ({"input": told.input} if told.input else {})
