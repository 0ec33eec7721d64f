"""What the zoo holds: the lines of MLflow, each under a Python of its time, and the flavors with the libraries they need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["FLAVORS", "LINES", "Flavor", "Line"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A release of MLflow. `bounds` are what pip would have found in its time; `locked` takes the project's own versions.

    PyTorch before 1.13 has CUDA inside of its one wheel of 0.8 GB; later ones bring several GB beside it, except for CPUs alone.
    """

    mlflow: str
    python: str
    bounds: tuple[str, ...] = ()
    locked: bool = False


LINES: Mapping[str, Line] = {
    "1.30": Line(
        mlflow="1.30.1",
        python="3.8",
        bounds=(
            "numpy<1.24",
            "pandas<2",
            "scikit-learn<1.2",
            "protobuf<4",
            "xgboost<1.7",
            "onnx<1.13",
            "skl2onnx<1.14",
            "tensorflow-cpu<2.12",
            "torch<1.13",
        ),
    ),
    "2.9": Line(
        mlflow="2.9.2",
        python="3.10",
        bounds=(
            "numpy<2",
            "pandas<2.2",
            "scikit-learn<1.4",
            "onnx<1.16",
            "tensorflow-cpu<2.16",
            "torch<1.13",
            "transformers<4.36",
        ),
    ),
    "2.22": Line(
        mlflow="2.22.1",
        python="3.12",
        bounds=(
            "pandas<3",
            "scikit-learn<1.7",
            "statsmodels<0.15",
            "tensorflow-cpu<2.20",
            "transformers<4.53",
            "sentence-transformers<5",
        ),
    ),
    "3": Line(mlflow="3.17.2", python="3.11", locked=True),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Flavor:
    """What it needs beside mlflow-skinny, pandas and pyarrow. `light`: its models are stored with the tests.

    `pythons` stand in place of a line's own, where only they have wheels that are small enough.
    """

    needs: tuple[str, ...] = ()
    light: bool = True
    lines: tuple[str, ...] = tuple(LINES)
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    pythons: Mapping[str, str] = field(default_factory=dict)


_TORCH = {"2.22": "3.11"}
_KERAS = {
    "1.30": ("tensorflow-cpu",),
    "2.9": ("tensorflow-cpu",),
    "2.22": ("keras", "torch"),
    "3": ("keras", "torch"),
}


FLAVORS: Mapping[str, Flavor] = {
    "sklearn": Flavor(needs=("scikit-learn",), extra={"3": ("skops",)}),
    "xgboost": Flavor(needs=("xgboost", "scikit-learn")),
    "lightgbm": Flavor(needs=("lightgbm", "scikit-learn"), extra={"3": ("skops",)}),
    "onnx": Flavor(needs=("onnx", "onnxruntime", "skl2onnx", "scikit-learn")),
    "onnxmltools": Flavor(
        needs=("onnx", "onnxruntime", "onnxmltools", "skl2onnx", "lightgbm", "xgboost", "scikit-learn")
    ),
    "statsmodels": Flavor(needs=("statsmodels",)),
    "pyfunc": Flavor(needs=("scikit-learn",)),
    "catboost": Flavor(needs=("catboost", "onnx", "onnxruntime"), light=False),
    "pytorch": Flavor(needs=("torch",), light=False, pythons=_TORCH),
    "keras": Flavor(light=False, extra=_KERAS, pythons=_TORCH),
    "tensorflow": Flavor(needs=("tensorflow-cpu",), light=False),
    "prophet": Flavor(needs=("prophet",), light=False),
    "spacy": Flavor(needs=("spacy",), light=False),
    "transformers": Flavor(needs=("transformers", "torch"), light=False, lines=("2.9", "2.22", "3"), pythons=_TORCH),
    "sentence_transformers": Flavor(
        needs=("sentence-transformers", "torch"), light=False, lines=("2.22", "3"), pythons=_TORCH
    ),
    "huggingface": Flavor(needs=("transformers", "torch", "sentence-transformers"), light=False, lines=("3",)),
    "pmdarima": Flavor(needs=("pmdarima",), light=False, lines=("1.30", "2.9")),
}
