"""Metrics of the user's own: what a function, or a file with one, tells without running any of it."""

from __future__ import annotations

import shutil
from pathlib import Path

from muster.errors import InvalidInput
from muster.predictor import Description
from muster.predictors.local.sources import here, local_path, readable
from muster.predictors.pymodel import needs
from muster.predictors.pymodel.dumping import dump
from muster.predictors.pymodel.source import imports, read_function
from muster.signature import Json

__all__ = ["describe_metric"]

_FILE, _OBJECT = "metric.py", "metric.pkl"


def describe_metric(source: object, name: str, kind: str, scratch: Path) -> Description:
    """InvalidInput says all that is wrong with it. A file has a function of the metric's name, or `metric`."""
    path = local_path(source)
    if path is not None:
        with readable(path):
            return _of_file(path, name, kind, scratch)
    if not callable(source):
        raise InvalidInput(
            f"an object of type {type(source).__name__} is no metric", hint="give a function, or a Python file with one"
        )
    return _of_function(source, kind, scratch)


def _of_file(path: Path, name: str, kind: str, scratch: Path) -> Description:
    if path.suffix != ".py" or not path.is_file():
        raise InvalidInput(f"there is no Python file at {path}", hint=f"give a file with a function `{name}`")
    folder, wrong, notes = scratch / "metric", list[str](), list[str]()
    folder.mkdir()
    shutil.copy2(path, folder / _FILE)
    function, form = read_function(path, (name, "metric"), wrong)
    modules = imports(folder)
    beside = sorted(n for n in {m.partition(".")[0] for m in modules} if (path.parent / f"{n}.py").is_file())
    wrong += [f"{path.name} imports `{n}`, which lies beside it: put all of it into one file" for n in beside]
    if wrong:
        raise InvalidInput(
            f"the metric in {path} cannot be used: {'; '.join(wrong)}",
            hint=f"a metric is a function `{name}` of one argument",
            details={"problems": list(wrong)},
        )
    load: dict[str, Json] = {"loader": "metric", "kind": kind, "file": _FILE, "function": function}
    if kind == "batch" and form is not None:
        load["input"] = form
    return Description(
        source=str(path.absolute()),
        folder=folder,
        requirements=tuple(needs.of_modules({*modules, *_form_modules(kind, form)}, notes)),
        python=here(),
        load=load,
        notes=tuple(notes),
    )


def _of_function(source: object, kind: str, scratch: Path) -> Description:
    folder, notes = scratch / "metric", list[str]()
    folder.mkdir()
    form = getattr(source, "INPUT", None)
    lines = needs.of_pins(dump(source, folder / _OBJECT, _form_modules(kind, form)), notes)
    named = source if hasattr(source, "__qualname__") else type(source)
    return Description(
        source=f"{named.__module__}.{named.__qualname__}",
        folder=folder,
        requirements=tuple(lines),
        python=here(),
        exact_python=True,
        load={"loader": "metric", "kind": kind, "file": _OBJECT, "format": "cloudpickle"},
        notes=tuple(notes),
    )


def _form_modules(kind: str, form: object) -> list[str]:
    """What a batch is made of, beside what the function itself needs."""
    if kind == "profile":
        return []
    wanted = form or "pandas"
    return [m for m in ("pandas", "numpy") if m == wanted and needs.has_module(m)]
