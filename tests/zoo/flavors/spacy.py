"""spaCy: categories that exclude each other, and independent ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow.spacy
import numpy as np
import pandas as pd
import spacy
from mlflow.models import infer_signature
from spacy.training import Example

from tests.zoo.kit import maker, pins, said

PIP = {"pip_requirements": pins("mlflow-skinny", "numpy", "pandas", "spacy")}
TEXTS = ["the train is late", "all is fine here", "late again today", "fine weather", "nothing to say", "late and fine"]
GIVEN = pd.DataFrame({"text": TEXTS})


def trained(pipe: str) -> Any:
    spacy.util.fix_random_seed(3)
    pipeline = spacy.blank("en")
    categories = pipeline.add_pipe(
        pipe,
        config={
            "model": {
                "@architectures": "spacy.TextCatBOW.v2",
                "exclusive_classes": pipe == "textcat",
                "ngram_size": 1,
                "no_output_layer": False,
            }
        },
    )
    for label in ("bad", "good"):
        categories.add_label(label)
    told = [
        Example.from_dict(pipeline.make_doc(t), {"cats": {"bad": float("late" in t), "good": float("late" not in t)}})
        for t in TEXTS
    ]
    optimiser = pipeline.initialize(lambda: told)
    for _ in range(5):
        pipeline.update(told, sgd=optimiser)
    return pipeline


def scores(pipeline: Any) -> Any:
    return np.array([[pipeline(t).cats[c] for c in ("bad", "good")] for t in TEXTS], np.float64)


@maker
def exclusive(place: Path) -> None:
    pipeline = trained("textcat")
    mlflow.spacy.save_model(pipeline, str(place / "model"), signature=infer_signature(GIVEN), **PIP)
    p = scores(pipeline)
    labels = np.array(["bad", "good"])[(p[:, 1] >= 0.5).astype(int)]
    said(place, labels, p, data=GIVEN, sample=True, task="binary", classes=["bad", "good"], near=1e-5)


@maker
def independent(place: Path) -> None:
    pipeline = trained("textcat_multilabel")
    mlflow.spacy.save_model(pipeline, str(place / "model"), signature=infer_signature(GIVEN), **PIP)
    p = scores(pipeline)
    said(place, (p >= 0.5), p, data=GIVEN, sample=True, task="multilabel", classes=["bad", "good"], near=1e-5)
