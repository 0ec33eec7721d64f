"""Trees in the formats of their own libraries: XGBoost's JSON and UBJSON, LightGBM's text, CatBoost's cbm. Known by what is in them."""

from __future__ import annotations

import mmap
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from muster.errors import InvalidModel
from muster.predictor import Description, Draft, Finding, Predictor, Site
from muster.predictors.local.pins import pins
from muster.predictors.local.sources import here, link, local_path, readable
from muster.records import Version
from muster.signature import Json

__all__ = ["BoosterOrigin"]

_HEAD = 256
_MODELS = ("MLmodel", "model.py", "model.toml", "config.json")
"""What says that a folder is a model of another kind."""

_XGBOOST_JSON = re.compile(rb'\s*\{\s*"(?:learner|version)"\s*:')
_XGBOOST_UBJ = re.compile(rb"\{[iIlLU].{0,8}learner\{", re.DOTALL)
_KIND = re.compile(rb'_estimator_type\\*":\s*\\*"(classifier|regressor|ranker)')
_MOST_ATTRIBUTES = 1 << 20
_ESTIMATORS = {"classifier": "XGBClassifier", "regressor": "XGBRegressor", "ranker": "XGBRanker"}


@dataclass(frozen=True, slots=True)
class _Format:
    """A library's format: the suffix that a copy has, and what is loaded from it."""

    library: str
    suffix: str
    load: Mapping[str, Json]
    modules: tuple[str, ...] = ()


class BoosterOrigin:
    """Claims such files whatever their names, and folders with one of them."""

    name = "booster"

    def claims(self, source: object) -> bool:
        path = local_path(source)
        try:
            return path is not None and bool(_files(path))
        except (OSError, ValueError):  # a name that no system has, or a file that nobody may read
            return False

    def describe(self, source: object, scratch: Path) -> Description:
        path = local_path(source)
        if path is None:
            raise InvalidModel(f"an object of type {type(source).__name__} is no file", hint="give the path of a model")
        with readable(path):
            return _described(path, scratch)

    def probe(self, draft: Draft, site: Site, sample: pa.Table | None) -> Finding:
        from muster.predictors.local.probe import probe

        return probe(draft, site, sample)

    def open(self, version: Version, site: Site, workers: int = 1) -> Predictor:
        from muster.predictors.local.predictor import LocalPredictor

        return LocalPredictor(version, site, workers)


def _files(path: Path) -> list[tuple[Path, _Format]]:
    if path.is_file():
        found = _format(path)
        return [] if found is None else [(path, found)]
    if not path.is_dir() or any((path / n).is_file() for n in _MODELS):
        return []
    return [(f, found) for f in sorted(path.iterdir()) if f.is_file() and (found := _format(f)) is not None]


def _format(file: Path) -> _Format | None:
    with file.open("rb") as opened:
        head = opened.read(_HEAD)
    if head.startswith(b"CBM1"):
        return _Format("catboost", ".cbm", {"loader": "catboost", "class": "CatBoost", "format": "cbm"})
    if head.startswith((b"tree\nversion=", b"tree\r\nversion=")):
        return _Format("lightgbm", ".txt", {"loader": "lightgbm"})
    if _XGBOOST_JSON.match(head) or _XGBOOST_UBJ.match(head):
        return _xgboost(file, ".json" if _XGBOOST_JSON.match(head) else ".ubj")
    return None


def _xgboost(file: Path, suffix: str) -> _Format:
    """A Booster, or the estimator that it was saved by, which knows its number of trees and that its labels are places."""
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
        place = content.find(b"scikit_learn")
        kind = None if place < 0 else _KIND.search(content, place, place + _MOST_ATTRIBUTES)
        estimator = None if kind is None else _ESTIMATORS[kind[1].decode()]
    if estimator is None:
        return _Format("xgboost", suffix, {"loader": "xgboost", "class": "xgboost.core.Booster"})
    load: dict[str, Json] = {"loader": "xgboost", "class": f"xgboost.sklearn.{estimator}"}
    return _Format("xgboost", suffix, load, ("sklearn",))


def _described(path: Path, scratch: Path) -> Description:
    if not path.exists():
        raise InvalidModel(f"there is nothing at {path}", hint="give the path of a model")
    found = _files(path)
    if not found:
        raise InvalidModel(
            f"{path} is no model of XGBoost, LightGBM or CatBoost in a format of their own",
            hint="save it with `save_model`: as .json or .ubj, as text, or as .cbm",
        )
    if len(found) > 1:
        names = ", ".join(f"`{f.name}`" for f, _ in found)
        raise InvalidModel(f"{path} holds several models: {names}", hint="register one of these files")
    file, form = found[0]
    _check_whole(file, form)
    folder, name = path, file.name
    if path.is_file():
        folder, name = scratch / "file", f"model{form.suffix}"
        folder.mkdir()
        link(file, folder / name)
    return Description(
        source=str(path.absolute()),
        folder=folder,
        requirements=_requirements((form.library, *form.modules)),
        python=here(),
        load={**form.load, "file": name},
    )


def _check_whole(file: Path, form: _Format) -> None:
    """Refuse what is cut short here, by its end: one of the libraries ends its process where it finds out."""
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
        end = content[-4096:].rstrip()
        trees = content.rfind(b"end of trees") >= 0
    whole = {".json": end.endswith(b"}"), ".ubj": end.endswith((b"}", b"]")), ".txt": trees}
    if not whole.get(form.suffix, True):
        raise InvalidModel(f"{file} is cut short: it has no end", hint="save it, or copy it, again")


def _requirements(modules: tuple[str, ...]) -> tuple[str, ...]:
    """Those that are installed here, at their versions; else any."""
    lines = pins([*modules, "pandas", "numpy"])[0]
    known = {line.partition("==")[0] for line in lines}
    named = [{"sklearn": "scikit-learn"}.get(m, m) for m in (*modules, "pandas")]
    return (*lines, *(n for n in named if not any(k == n or k.startswith(f"{n}-") for k in known)))
