"""Models of the user's own: an object of this process, a Python file, a saved estimator, a folder with a small layout."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from types import ModuleType

import pyarrow as pa

from muster.errors import InvalidModel
from muster.predictor import Description, Draft, Finding, Predictor, Site
from muster.predictors.local.sources import here, link, local_path, readable
from muster.predictors.pymodel import manifest, needs
from muster.predictors.pymodel.folder import FORMATS, describe_folder
from muster.records import Version

__all__ = ["PythonOrigin"]

_JUNK = shutil.ignore_patterns(
    ".git",
    ".hg",
    ".muster",
    ".venv",
    "venv",
    "__pycache__",
    "*.pyc",
    ".ipynb_checkpoints",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".DS_Store",
)


class PythonOrigin:
    """Claims objects with `predict`, functions, `.py` and pickle files, and folders with one that is named `model`, or `model.toml`."""

    name = "python"

    def claims(self, source: object) -> bool:
        path = local_path(source)
        try:
            return _is_object(source) if path is None else _is_place(path)
        except Exception:  # noqa: BLE001  # an object's own __getattr__ may raise anything
            return False

    def describe(self, source: object, scratch: Path) -> Description:
        if isinstance(source, ModuleType) and getattr(source, "__file__", None):
            source = source.__file__
        path = local_path(source)
        if path is None:
            return _object(source, scratch)
        with readable(path):
            if not path.exists():
                raise InvalidModel(f"there is nothing at {path}", hint="give the path of a model")
            folder = path if path.is_dir() else _alone(path, scratch)
            return describe_folder(path, _clean(folder, scratch))

    def probe(self, draft: Draft, site: Site, sample: pa.Table | None) -> Finding:
        from muster.predictors.local.probe import probe

        return probe(draft, site, sample)

    def open(self, version: Version, site: Site, workers: int = 1) -> Predictor:
        from muster.predictors.local.predictor import LocalPredictor

        return LocalPredictor(version, site, workers)


def _is_object(source: object) -> bool:
    if isinstance(source, (str, os.PathLike)):
        return False
    if isinstance(source, (type, ModuleType)):
        return callable(getattr(source, "predict", None))
    return callable(source) or callable(getattr(source, "predict", None))


def _is_place(path: Path) -> bool:
    if path.is_dir():
        names = ("model.py", manifest.FILE, *(f"model{suffix}" for suffix in FORMATS))
        return not (path / "MLmodel").is_file() and any((path / n).is_file() for n in names)
    return path.suffix == ".py" or path.suffix in FORMATS


def _object(source: object, scratch: Path) -> Description:
    """Pickled here; nothing of it is ever loaded here."""
    from muster.predictors.pymodel.dumping import dump

    folder = scratch / "model"
    folder.mkdir()
    notes: list[str] = []
    frames = ["pandas"] if _is_framed(source) and needs.has_module("pandas") else []
    lines = needs.of_pins(dump(source, folder / "model.pkl", frames), notes)
    return Description(
        source=_named(source),
        folder=folder,
        requirements=tuple(lines),
        python=here(),
        exact_python=True,
        load={"loader": "object", "file": "model.pkl", "format": "cloudpickle"},
        notes=tuple(notes),
    )


def _named(source: object) -> str:
    kind = source if hasattr(source, "__qualname__") else type(source)
    return f"{kind.__module__}.{kind.__qualname__}"


def _is_framed(source: object) -> bool:
    """Whether it takes data frames: an estimator unless it was fitted with an array, anything else unless its INPUT says otherwise."""
    if hasattr(source, "n_features_in_") or hasattr(source, "get_params"):
        return getattr(source, "feature_names_in_", None) is not None or not hasattr(source, "n_features_in_")
    return getattr(source, "INPUT", "pandas") == "pandas"


def _alone(path: Path, scratch: Path) -> Path:
    """A file in a folder of its own, under the name that it has in every such folder."""
    folder = scratch / "file"
    folder.mkdir()
    shutil.copy2(path, folder / f"model{path.suffix}")
    return folder


def _clean(folder: Path, scratch: Path) -> Path:
    """The folder, or a copy without what is no part of a model."""
    if not any(_JUNK(str(where), [*folders, *files]) for where, folders, files in os.walk(folder)):
        return folder
    copy = scratch / "model"
    shutil.copytree(folder, copy, symlinks=True, ignore=_JUNK, copy_function=link)
    return copy
