"""Results of statsmodels: values, and probabilities where the model is one of classes."""

from __future__ import annotations

import os
from typing import Any, Dict, List

import pyarrow as pa

from . import inputs
from .answers import BadAnswer, Columns, columns_of
from .loaded import Loaded, attribute, plain

_PROBABILITY = ("Logit", "Probit", "ConditionalLogit")
_PROBABILITIES = ("MNLogit", "OrderedModel", "OrderedModelFormula")
_VALUES = ("OLS", "WLS", "GLS", "GLSAR", "RLM", "QuantReg", "MixedLM", "Poisson", "NegativeBinomial", "NegativeBinomialP",
           "GeneralizedPoisson", "GLM", "GEE", "GLMGam", "PHReg", "BetaModel")  # fmt: skip


def load_statsmodels(spec: Dict[str, Any], folder: str) -> Loaded:
    """The results in `file`, as statsmodels pickles them."""
    from statsmodels.iolib.smpickle import load_pickle
    from statsmodels.tsa.base.tsa_model import TimeSeriesModel

    results = load_pickle(os.path.join(folder, spec["file"]))
    model = attribute(results, "model")
    if isinstance(model, TimeSeriesModel):
        return _series(results)
    formula = attribute(attribute(model, "data"), "design_info") or attribute(attribute(model, "data"), "model_spec")
    names = None if formula is not None else plain(attribute(model, "exog_names"))

    def ask(batch: pa.RecordBatch, _params: Dict[str, Any], _wanted: List[str]) -> Columns:
        data = inputs.build(inputs.ordered(batch, names), "pandas")
        if not formula:
            data = data.astype("float64")
        return columns_of("predict", _array(results.predict(data)))

    return Loaded(ask, ["predict"], input="pandas", objective=_objective(model), classes=_classes(model))


def _array(answer: Any) -> Any:
    """Without its index: rows go by their place."""
    import numpy as np

    return np.asarray(answer)


def _objective(model: Any) -> str | None:
    name = type(model).__name__
    family = type(attribute(model, "family")).__name__
    if name in _PROBABILITY or family == "Binomial":
        return "statsmodels:binary"
    if name in _PROBABILITIES:
        return "statsmodels:multiclass"
    return "statsmodels:regression" if name in _VALUES else None


def _classes(model: Any) -> Any:
    """What a model of several classes was told to be predicted, where that were names."""
    names = attribute(model, "_ynames_map") if type(model).__name__ == "MNLogit" else None
    if not isinstance(names, dict):
        return None
    found = [str(names[k]) for k in sorted(names)]
    return None if all(_is_number(n) for n in found) or any("=" in n for n in found) else found


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _series(results: Any) -> Loaded:
    """A time series: a row says from where to where (`start`, `end`), and is answered by the list of all values between."""

    def ask(batch: pa.RecordBatch, _params: Dict[str, Any], _wanted: List[str]) -> Columns:
        columns = batch.to_pydict()
        if not {"start", "end"} <= set(columns):
            raise BadAnswer(f"a time series takes the columns `start` and `end`, and the data has {list(columns)}")
        rows = zip(columns["start"], columns["end"])
        return {
            "predict": pa.array(
                [plain(_array(results.predict(start=a, end=b))) for a, b in rows], pa.list_(pa.float64())
            )
        }

    return Loaded(ask, ["predict"], input="pandas", kind="forecaster")
