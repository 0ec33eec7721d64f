"""Writes a version as an MLflow folder, which plain MLflow loads and predicts the same with."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

import muster.worker
from muster.casts import type_name
from muster.documents import document
from muster.predictors.local.reading import wanted
from muster.predictors.mlmodel.own import DATA, FLAVOR, TOLD
from muster.records import Reading, Version
from muster.signature import Column, Json, Output, Parameter, canonical

__all__ = ["answered", "write_mlflow"]

_FORMAT = "muster.mlflow/1"
_CODE = "muster_model"
_MOST_ROWS = 5
_PICKLES = {"pickle", "cloudpickle", "joblib"}


def write_mlflow(version: Version, packages: Sequence[str], folder: Path, example: pa.Table | None) -> None:
    """Into `folder`, whose `model` has the artifact already. `packages` are all that its environment has, as `name==version`."""
    code = folder / "code" / _CODE
    code.mkdir(parents=True)
    _copy_code(code)
    (folder / TOLD).write_text(json.dumps(_told(version), indent=1), encoding="utf-8")
    python = version.environment.python if version.environment else None
    lines = _requirements(version, packages)
    (folder / "requirements.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    _write(
        folder / "python_env.yaml",
        {"python": python, "build_dependencies": ["pip"], "dependencies": ["-r requirements.txt"]},
    )
    conda = [f"python={python}", "pip", {"pip": lines}]
    _write(folder / "conda.yaml", {"name": "muster", "channels": ["conda-forge"], "dependencies": conda})
    _write(folder / "MLmodel", _mlmodel(version, packages, python, _example(folder, version, example)))


def _copy_code(code: Path) -> None:
    """The worker's own loaders: they need nothing of Muster."""
    place = Path(str(muster.worker.__file__)).parent
    shutil.copyfile(place / "exported.py", code / "__init__.py")
    shutil.copytree(place / "loaders", code / "loaders", ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))


def _write(file: Path, body: Mapping[str, Any]) -> None:
    file.write_text(yaml.safe_dump(dict(body), sort_keys=False, allow_unicode=True), encoding="utf-8")


def _told(version: Version) -> dict[str, Json]:
    return {
        "format": _FORMAT,
        "load": dict(version.load),
        "schema": version.signature.schema.serialize().to_pybytes().hex(),
        "params": {p.name: p.default for p in version.signature.parameters if p.default is not None},
        "wanted": list(wanted(version.reading)),
        **answered(version.reading, version.output, version.threshold),
        "exact_python": version.load.get("format") in _PICKLES,
        # What it is; not who registered it from where, nor what it answered to whose rows.
        "version": document(replace(version, source="", lineage={}, tags={}, notes=(), probe=None, created_by="")),
    }


def answered(reading: Reading, output: Output, threshold: float | None) -> dict[str, Json]:
    """What the exported model is told of how its raw answer is read: see `worker/exported.py`."""
    return {
        "task": output.task,
        "classes": list(output.classes),
        "targets": {
            n: {"task": t.task, "classes": list(t.classes), "probabilities": t.probabilities}
            for n, t in output.targets.items()
        },
        "threshold": threshold,
        "reading": {
            "label": reading.label,
            "probabilities": list(reading.probabilities),
            "value": reading.value,
            "activation": reading.activation,
            "classes": list(reading.classes),
            "codes": reading.codes,
        },
    }


def _requirements(version: Version, packages: Sequence[str]) -> list[str]:
    """What the version asked for, at the versions that it runs with; and what a python_function needs beside it."""
    known = {str(canonicalize_name(p.partition("==")[0])): p for p in packages}
    asked = [_name(line) for line in (version.environment.requirements if version.environment else ())]
    names = [n for n in dict.fromkeys([*asked, "pandas", "pyarrow", "numpy"]) if n and n != "mlflow"]
    return ["mlflow", *(known.get(n, n) for n in names)]


def _name(line: str) -> str | None:
    try:
        return str(canonicalize_name(Requirement(line.partition(" #")[0].strip()).name))
    except InvalidRequirement:
        return None


def _mlmodel(version: Version, packages: Sequence[str], python: str | None, example: dict[str, Any]) -> dict[str, Any]:
    made = datetime.now(UTC)
    env = {"conda": "conda.yaml", "virtualenv": "python_env.yaml"}
    pyfunc = {"loader_module": _CODE, "data": DATA, "code": "code", "env": env, "python_version": python}
    known = {p.partition("==")[0]: p.partition("==")[2] for p in packages}
    flavors = {**_native(version, known), FLAVOR: {"data": DATA, "format": _FORMAT}, "python_function": pyfunc}
    return {
        "flavors": flavors,
        "utc_time_created": made.strftime("%Y-%m-%d %H:%M:%S.%f"),
        "model_uuid": version.digest[:32],
        "signature": _signature(version),
        "metadata": {"muster": {"version": version.ref, "digest": version.digest, "origin": version.origin}},
        **example,
    }


def _native(version: Version, known: Mapping[str, str]) -> dict[str, Any]:
    """The flavor of its own library, so that `mlflow.<library>.load_model` gives the object itself."""
    make = _FLAVORS.get(str(version.load.get("loader")))
    return {} if make is None else make(version, f"{DATA}/{version.load.get('file')}", known)


def _sklearn(version: Version, file: str, known: Mapping[str, str]) -> dict[str, Any]:
    """An estimator that was saved whole; what joblib wrote, MLflow cannot read."""
    facts = version.probe.raw.get("facts") if version.probe else None
    form = version.load.get("format")
    if not isinstance(facts, dict) or not facts.get("kind") or form == "joblib" or "scikit-learn" not in known:
        return {}
    told: dict[str, Any] = {
        "pickled_model": file,
        "serialization_format": form,
        "sklearn_version": known["scikit-learn"],
        "code": None,
    }
    return {"sklearn": told | ({"skops_trusted_types": version.load.get("trusted") or []} if form == "skops" else {})}


def _xgboost(version: Version, file: str, known: Mapping[str, str]) -> dict[str, Any]:
    told = {"data": file, "model_class": version.load.get("class"), "model_format": file.rpartition(".")[2]}
    return {"xgboost": {**told, "xgb_version": _of(known, "xgboost", "xgboost-cpu"), "code": None}}


def _lightgbm(_version: Version, file: str, known: Mapping[str, str]) -> dict[str, Any]:
    return {
        "lightgbm": {
            "data": file,
            "model_class": "lightgbm.basic.Booster",
            "lgb_version": _of(known, "lightgbm"),
            "code": None,
        }
    }


def _catboost(version: Version, file: str, known: Mapping[str, str]) -> dict[str, Any]:
    told = {"data": file, "model_type": version.load.get("class"), "save_format": version.load.get("format")}
    return {"catboost": {**told, "catboost_version": _of(known, "catboost"), "code": None}}


def _onnx(_version: Version, file: str, known: Mapping[str, str]) -> dict[str, Any]:
    return {
        "onnx": {"data": file, "onnx_version": _of(known, "onnx"), "providers": ["CPUExecutionProvider"], "code": None}
    }


def _of(known: Mapping[str, str], *names: str) -> str | None:
    return next((known[n] for n in names if n in known), None)


_FLAVORS: Mapping[str, Callable[[Version, str, Mapping[str, str]], dict[str, Any]]] = {
    "object": _sklearn,
    "xgboost": _xgboost,
    "lightgbm": _lightgbm,
    "catboost": _catboost,
    "onnx": _onnx,
}


def _signature(version: Version) -> dict[str, Any] | None:
    """In MLflow's words, each part as JSON in a string. None where MLflow has none for a column: then it checks nothing."""
    inputs = [_column(c) for c in version.signature]
    if None in inputs or len({c.tensor is None for c in version.signature}) > 1:
        return None
    params = [_parameter(p) for p in version.signature.parameters]
    return {
        "inputs": json.dumps(inputs),
        "outputs": json.dumps(_outputs(version)) if version.task in {"binary", "multiclass", "regression"} else None,
        "params": json.dumps(params) if params and None not in params else None,
    }


def _column(column: Column) -> dict[str, Any] | None:
    if column.tensor is not None:
        spec = {"dtype": column.tensor.dtype, "shape": list(column.tensor.shape)}
        return {"type": "tensor", "name": column.name, "tensor-spec": spec}
    told = _type(column.type)
    return None if told is None else {**told, "name": column.name, "required": column.required}


def _type(kind: pa.DataType) -> dict[str, Any] | None:
    """Whole numbers are long and others double, of any width: MLflow refuses wider ones than it is told."""
    if pa.types.is_list(kind):
        inner = _type(kind.value_type)
        return None if inner is None else {"type": "array", "items": inner}
    if pa.types.is_integer(kind):
        return {"type": "long"}
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return {"type": "double"}
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return {"type": "datetime"}
    name = {"bool": "boolean", "string": "string", "binary": "binary"}.get(type_name(kind))
    return None if name is None else {"type": name}


def _parameter(parameter: Parameter) -> dict[str, Any] | None:
    told = _type(parameter.type)
    shape = [-1] if parameter.many else None
    return None if told is None else {**told, "name": parameter.name, "default": parameter.default, "shape": shape}


def _outputs(version: Version) -> list[dict[str, Any]]:
    kind = _type(version.output.type) or {"type": "any"}
    told = [{**kind, "name": "prediction", "required": True}]
    if version.output.probabilities:
        told += [{"type": "double", "name": f"probability_{canonical(c)}", "required": True} for c in version.classes]
    return told


def _example(folder: Path, version: Version, example: pa.Table | None) -> dict[str, Any]:
    """Some rows of the model's input, where there are any that JSON holds."""
    names = [c.name for c in version.signature]
    if example is None or not names or not set(names) <= set(example.schema.names):
        return {}
    rows = example.select(names).slice(0, _MOST_ROWS)
    body = {"columns": names, "data": [list(row.values()) for row in rows.to_pylist()]}
    try:
        text = json.dumps(body)
    except TypeError:
        return {}
    (folder / "input_example.json").write_text(text, encoding="utf-8")
    info = {"artifact_path": "input_example.json", "type": "dataframe", "pandas_orient": "split"}
    return {"saved_input_example_info": info}
