"""Any flavor of MLflow, through its python_function."""

from __future__ import annotations

import importlib
import inspect
import os
from typing import Any, Callable, Dict, List

import pyarrow as pa

from . import inputs
from .answers import Columns, columns_of
from .loaded import Loaded, attribute
from .networks import keras_scores


def load_pyfunc(spec: Dict[str, Any], folder: str) -> Loaded:
    """By the environment's own mlflow where it has one; else by the model's loader module, whose contract is the same since MLflow 1."""
    predict = _by_mlflow(spec, folder) if inputs.has("mlflow") else _by_module(spec, folder)
    takes_params = "params" in _parameters(predict)
    form = inputs.choose(spec.get("input"))

    def answer(batch: pa.RecordBatch, params: Dict[str, Any]) -> Any:
        data = (
            _rows(batch, spec["hints"])
            if spec.get("hints")
            else inputs.build(batch, form, named=bool(spec.get("named")))
        )
        return predict(data, params=params or None) if takes_params else predict(data)

    def ask(batch: pa.RecordBatch, params: Dict[str, Any], _wanted: List[str]) -> Columns:
        if spec.get("by_row"):
            return {"predict": _each(batch, lambda row: answer(row, params))}
        return columns_of("predict", answer(batch, params))

    return Loaded(ask, ["predict"], input=form, kind=spec.get("kind"), scores=_scores(spec, predict))


def _scores(spec: Dict[str, Any], predict: Callable[..., Any]) -> str | None:
    """Of a network of Keras, its last layer tells: MLflow's object has it as `keras_model` since MLflow 1."""
    told: str | None = spec.get("scores")
    network = attribute(getattr(predict, "__self__", None), "keras_model") if told else None
    return told if network is None else keras_scores(network)


def _rows(batch: pa.RecordBatch, kind: str) -> List[Any]:
    """What type hints take: a list of objects, of which the columns are the properties, or of values."""
    return batch.column(0).to_pylist() if kind == "values" else pa.Table.from_batches([batch]).to_pylist()


def _each(batch: pa.RecordBatch, answer: Callable[[pa.RecordBatch], Any]) -> pa.Array:
    """The answer to each row by itself, of several values: a list of numbers, or of a struct for each line of a frame."""
    found = []
    for place in range(batch.num_rows):
        columns = columns_of("predict", answer(batch.slice(place, 1)))
        one = next(iter(columns.values()))
        if len(columns) > 1:
            one = pa.StructArray.from_arrays(list(columns.values()), names=list(columns))
        found.append(one.to_pylist())
    return pa.array(found)


def _by_mlflow(spec: Dict[str, Any], folder: str) -> Callable[..., Any]:
    import mlflow.pyfunc

    model = mlflow.pyfunc.load_model(os.path.abspath(folder))
    # What stands behind `predict`: data fits the signature already, and where it has nulls mlflow's own check would refuse it.
    # Where the signature comes from type hints, or the model is a chat model, `predict` also makes its input of the data.
    inner: Callable[..., Any] | None = getattr(model, "_predict_fn", None)
    if inner is None:
        inner = getattr(getattr(model, "_model_impl", None), spec.get("method") or "predict", None)
    whole = spec.get("hints") or spec["module"].rsplit(".", 1)[-1] in ("chat_model", "chat_agent", "responses_agent")
    return model.predict if whole or inner is None else inner


def _by_module(spec: Dict[str, Any], folder: str) -> Callable[..., Any]:
    module = importlib.import_module(spec["module"])
    data = os.path.join(os.path.abspath(folder), spec["data"]) if spec.get("data") else os.path.abspath(folder)
    config = [spec["config"]] if spec.get("config") else []
    model = module._load_pyfunc(data, *config)  # noqa: SLF001  # the name that MLflow's contract gives it
    return getattr(model, spec.get("method") or "predict")


def _parameters(method: Callable[..., Any]) -> List[str]:
    try:
        return list(inspect.signature(method).parameters)
    except (TypeError, ValueError):
        return []
