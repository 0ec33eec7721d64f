"""How each flavor of MLflow is loaded: the common ones natively, all others through python_function."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from muster.predictors.mlmodel import libraries
from muster.predictors.mlmodel.document import Document
from muster.predictors.mlmodel.loading import Loading, pinned
from muster.predictors.mlmodel.signature import takes_objects
from muster.signature import Json

__all__ = ["find_loading"]

_PYFUNC = "python_function"
_PICKLES = {"pickle", "cloudpickle", "joblib"}
_PICKLE_SUFFIXES = {".pkl", ".pickle", ".joblib", ".pth", ".pt"}
_PICKLING = {"mlflow.sklearn", "mlflow.pmdarima", "mlflow.diviner", "mlflow.fastai"}
# Their answers are scores or probabilities, and nothing tells which.
_NETWORKS = {"mlflow.tensorflow", "mlflow.keras", "mlflow.paddle", "mlflow.pytorch", "mlflow.fastai"}
# A row of theirs asks for several values.
_BY_ROW = {"mlflow.pmdarima"}
# Texts, documents, vectors, conversations: kept as they are, unless a task is declared.
_RAW = {
    "mlflow.transformers", "mlflow.sentence_transformers", "mlflow.langchain", "mlflow.llama_index", "mlflow.dspy", "mlflow.openai",
    "mlflow.pyfunc.loaders.chat_model", "mlflow.pyfunc.loaders.chat_agent", "mlflow.pyfunc.loaders.responses_agent",
}  # fmt: skip


def find_loading(document: Document) -> Loading | None:
    """None where no flavor can be loaded; what is wrong is noted in the document."""
    code = _code(document)
    pyfunc = document.flavor(_PYFUNC)
    for name, read in _NATIVE.items():
        flavor = document.flavor(name)
        if flavor is not None and _is_whole(name, flavor, pyfunc):
            loading = read(document, flavor, pyfunc or {})
            return None if loading is None else _with(loading, code, native=not _uses_mlflow(document.folder, code))
    if pyfunc is None:
        known = ", ".join((_PYFUNC, *_NATIVE))
        document.wrong.append(f"it has the flavors {', '.join(document.flavors)}, and Muster runs {known}")
        return None
    loading = _pyfunc(document, pyfunc)
    return None if loading is None else _with(loading, code, native=False)


def _is_whole(name: str, flavor: Mapping[str, Json], pyfunc: Mapping[str, Json] | None) -> bool:
    """Whether the flavor's own library has all of the model. A loader of its own says that it is more than the flavor.

    Keras before 3, and what Keras 3 exports, are saved models of TensorFlow, which `python_function` knows how to ask.
    """
    if pyfunc is not None and pyfunc.get("loader_module") != f"mlflow.{name}":
        return False
    return not (name == "keras" and (flavor.get("keras_module") or flavor.get("save_exported_model")))


def _with(loading: Loading, code: list[str], *, native: bool) -> Loading:
    spec: dict[str, Json] = {**loading.spec, **({"code": list(code)} if code else {})}
    return replace(loading, spec=spec, native=native)


def _code(document: Document) -> list[str]:
    """Folders that the model's code is imported from."""
    found: list[str | None] = []
    for flavor in document.flavors:
        told = (document.flavor(flavor) or {}).get("code")
        paths = told if isinstance(told, list) else [told] if told is not None else []
        found += [document.inside(path, f"the code of its flavor {flavor}") for path in paths]
    return list(dict.fromkeys(path for path in found if path is not None))


def _uses_mlflow(folder: Path, code: list[str]) -> bool:
    """Whether the code that came with the model imports mlflow."""
    files = [f for path in code for f in sorted((folder / path).rglob("*.py"))]
    return any("mlflow" in _imported(f) for f in files)


def _imported(file: Path) -> set[str]:
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        return set()
    names = [a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names]
    names += [n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module and not n.level]
    return {n.partition(".")[0] for n in names}


def _object(document: Document, path: str, flavor: Mapping[str, Json], usual: str, needs: list[str]) -> Loading | None:
    """A model that was saved whole, in one of the formats for that."""
    told = flavor.get("serialization_format")
    form = usual if told is None else str(told)
    if form not in _PICKLES | {"skops"}:
        document.wrong.append(f"it was written as `{form}`, and Muster reads {', '.join(sorted(_PICKLES))} and skops")
        return None
    trusted = flavor.get("skops_trusted_types")
    spec: dict[str, Json] = {"loader": "object", "file": path, "format": form}
    if form == "skops":
        spec["trusted"] = trusted if isinstance(trusted, list) else []
    needs += [form] if form != "pickle" else []
    return Loading(spec=spec, needs=tuple(needs), pickled=form != "skops", files=(path,))


def _sklearn(document: Document, flavor: Mapping[str, Json], pyfunc: Mapping[str, Json]) -> Loading | None:
    path = document.inside(
        flavor.get("pickled_model") or pyfunc.get("model_path") or pyfunc.get("data"), "the file of its model"
    )
    if path is None:
        return None
    loading = _object(document, path, flavor, "pickle", [pinned("scikit-learn", flavor.get("sklearn_version"))])
    method = pyfunc.get("predict_fn")
    if loading is None or not isinstance(method, str) or method in {"predict", "score"}:
        return loading
    return replace(loading, spec={**loading.spec, "method": method})


def _xgboost(document: Document, flavor: Mapping[str, Json], pyfunc: Mapping[str, Json]) -> Loading | None:
    path = document.inside(flavor.get("data") or pyfunc.get("data"), "the file of its model")
    if path is None:
        return None
    kind = str(flavor.get("model_class") or "xgboost.core.Booster")
    needs = [pinned("xgboost", flavor.get("xgb_version"))] + ([] if kind.endswith(".Booster") else ["scikit-learn"])
    return Loading(spec={"loader": "xgboost", "file": path, "class": kind}, needs=tuple(needs), files=(path,))


def _lightgbm(document: Document, flavor: Mapping[str, Json], pyfunc: Mapping[str, Json]) -> Loading | None:
    path = document.inside(flavor.get("data") or pyfunc.get("data"), "the file of its model")
    if path is None:
        return None
    needs = [pinned("lightgbm", flavor.get("lgb_version"))]
    if str(flavor.get("model_class") or "lightgbm.basic.Booster").endswith(".Booster"):
        return Loading(spec={"loader": "lightgbm", "file": path}, needs=tuple(needs), files=(path,))
    return _object(document, path, flavor, "cloudpickle", [*needs, "scikit-learn"])


def _catboost(document: Document, flavor: Mapping[str, Json], pyfunc: Mapping[str, Json]) -> Loading | None:
    path = document.inside(flavor.get("data") or pyfunc.get("data"), "the file of its model")
    if path is None:
        return None
    spec: dict[str, Json] = {"loader": "catboost", "file": path, "class": str(flavor.get("model_type") or "CatBoost")}
    spec["format"] = str(flavor.get("save_format") or "cbm")
    return Loading(spec=spec, needs=(pinned("catboost", flavor.get("catboost_version")),), files=(path,))


_NATIVE: Mapping[str, Callable[[Document, Mapping[str, Json], Mapping[str, Json]], Loading | None]] = {
    "sklearn": _sklearn,
    "xgboost": _xgboost,
    "lightgbm": _lightgbm,
    "catboost": _catboost,
    "keras": libraries.keras,
    "onnx": libraries.onnx,
    "prophet": libraries.prophet,
    "pytorch": libraries.pytorch,
    "spacy": libraries.spacy,
    "statsmodels": libraries.statsmodels,
}


def _pyfunc(document: Document, pyfunc: Mapping[str, Json]) -> Loading | None:
    module = pyfunc.get("loader_module")
    if not isinstance(module, str):
        document.wrong.append("its python_function names no loader_module")
        return None
    spec: dict[str, Json] = {"loader": "pyfunc", "module": module}
    for key in ("data", "model_path", "python_model"):
        if (
            pyfunc.get(key) is not None
            and (path := document.inside(pyfunc[key], f"the `{key}` of its python_function"))
            and key == "data"
        ):
            spec["data"] = path
    _check_script(document, pyfunc.get("model_code_path"))
    _check_artifacts(document, pyfunc.get("artifacts"))
    if isinstance(config := pyfunc.get("config"), dict) and config:
        spec["config"] = config
    if isinstance(method := pyfunc.get("predict_fn"), str) and method != "predict":
        spec["method"] = method
    if document.body.get("is_signature_from_type_hint") is True:
        spec["hints"] = "objects" if takes_objects(document) else "values"
    if module in _NETWORKS:
        spec["scores"] = "unknown"
    if module in _BY_ROW:
        spec |= {"by_row": True, "kind": "forecaster"}
    if module in _RAW:
        spec["kind"] = "raw"
    needs = [pinned("mlflow", document.text("mlflow_version"))] if module.startswith("mlflow") else []
    return Loading(spec=spec, needs=tuple(needs), native=False, pickled=_has_pickles(document, pyfunc, module))


def _check_script(document: Document, told: Json) -> None:
    """Models from code: the path is that on the author's machine, and the script lies in the folder under its name."""
    if told is None:
        return
    name = PurePosixPath(str(told).replace("\\", "/")).name
    if not name or not (document.folder / name).is_file():
        document.wrong.append(f"its script `{name or told}` is not in the folder")


def _check_artifacts(document: Document, told: Json) -> None:
    """Artifacts have a path in the folder; their `uri` is where they came from, long ago."""
    if not isinstance(told, dict):
        return
    for name, artifact in told.items():
        document.inside(
            artifact.get("path") if isinstance(artifact, dict) else None, f"the path of its artifact `{name}`"
        )


def _has_pickles(document: Document, pyfunc: Mapping[str, Json], module: str) -> bool:
    if pyfunc.get("python_model") is not None or module in _PICKLING:
        return True
    if pyfunc.get("model_code_path") is not None:
        return False
    data = document.folder / str(pyfunc.get("data") or ".")
    files = [data] if data.is_file() else data.rglob("*")
    return any(f.suffix in _PICKLE_SUFFIXES for f in files)
