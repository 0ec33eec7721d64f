"""Versions of the libraries that a model has loaded."""

from __future__ import annotations

import sys
from typing import Dict

# module -> distribution, of what predictions depend on.
_KNOWN = {
    "catboost": "catboost",
    "cloudpickle": "cloudpickle",
    "joblib": "joblib",
    "keras": "keras",
    "lightgbm": "lightgbm",
    "mlflow": "mlflow",
    "numpy": "numpy",
    "onnxruntime": "onnxruntime",
    "pandas": "pandas",
    "polars": "polars",
    "prophet": "prophet",
    "pyarrow": "pyarrow",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
    "sentence_transformers": "sentence-transformers",
    "skops": "skops",
    "spacy": "spacy",
    "statsmodels": "statsmodels",
    "tensorflow": "tensorflow",
    "tokenizers": "tokenizers",
    "torch": "torch",
    "transformers": "transformers",
    "xgboost": "xgboost",
}


def versions() -> Dict[str, str]:
    """By distribution, of those that are imported now."""
    found = {d: getattr(sys.modules.get(m), "__version__", None) for m, d in _KNOWN.items()}
    return {d: v for d, v in found.items() if isinstance(v, str)}
