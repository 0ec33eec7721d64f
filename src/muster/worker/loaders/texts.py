"""spaCy: the categories of a text."""

from __future__ import annotations

import os
from typing import Any, Dict, List

import pyarrow as pa

from . import inputs
from .answers import Columns, columns_of
from .loaded import Loaded

_EXCLUSIVE, _INDEPENDENT = "textcat", "textcat_multilabel"


def load_spacy(spec: Dict[str, Any], folder: str) -> Loaded:
    """The pipeline in the folder `file`; one without categories answers the entities that it finds."""
    import spacy

    pipeline = spacy.load(os.path.join(os.path.abspath(folder), spec["file"]))
    kinds = {name: pipeline.get_pipe_meta(name).factory for name in pipeline.pipe_names}
    found = [name for name, kind in kinds.items() if kind in (_EXCLUSIVE, _INDEPENDENT)]
    labels = list(pipeline.get_pipe(found[0]).labels) if len(found) == 1 else []

    def ask(batch: pa.RecordBatch, _params: Dict[str, Any], _wanted: List[str]) -> Columns:
        documents = list(pipeline.pipe(inputs.only_texts(batch)))
        if not labels:
            rows = [[{"text": e.text, "label": e.label_} for e in d.ents] for d in documents]
            kind = pa.list_(pa.struct([("text", pa.string()), ("label", pa.string())]))
            return {"predict": pa.array(rows, kind)}
        scores = pa.array([[d.cats[label] for label in labels] for d in documents], pa.list_(pa.float64(), len(labels)))
        return columns_of("predict_proba", scores)

    if not labels:
        return Loaded(ask, ["predict"], input="arrow", kind="annotator")
    independent = kinds[found[0]] == _INDEPENDENT
    return Loaded(ask, ["predict_proba"], input="arrow", kind="classifier", classes=labels, multilabel=independent)
