"""transformers: tiny models of texts, initialised at random; what MLflow makes of their answers is kept as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow.transformers
import pandas as pd
import torch
from mlflow.models import infer_signature
from transformers import BertConfig, BertForSequenceClassification, BertForTokenClassification, BertTokenizer, pipeline

from tests.zoo.kit import maker, pins, said

PIP = {"pip_requirements": pins("mlflow-skinny", "numpy", "pandas", "torch", "transformers", "tokenizers")}
TEXTS = ["late again", "all fine", "late and fine"]
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "late", "again", "all", "fine", "and"]
CONFIG = BertConfig(
    vocab_size=len(WORDS), hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8,
    max_position_embeddings=16, num_labels=2,
)  # fmt: skip


def saved(place: Path, task: str, kind: Any) -> Any:
    torch.manual_seed(3)
    (place / "vocab.txt").write_text("\n".join(WORDS), encoding="utf-8")
    tokenizer = BertTokenizer(str(place / "vocab.txt"))
    pipe = pipeline(task, model=kind(CONFIG).eval(), tokenizer=tokenizer)
    mlflow.transformers.save_model(pipe, str(place / "model"), signature=infer_signature(TEXTS), **PIP)
    (place / "vocab.txt").unlink()
    return pipe


def put(place: Path, rows: Any) -> None:
    said(place, rows, data=pd.DataFrame({"text": TEXTS}), sample=True, task="other", near=1e-5)


@maker
def classifier(place: Path) -> None:
    """Labels and scores, as the pipeline gives them."""
    pipe = saved(place, "text-classification", BertForSequenceClassification)
    put(place, [{"label": r["label"], "score": float(r["score"])} for r in pipe(TEXTS)])


@maker
def tokens(place: Path) -> None:
    """MLflow puts the labels of a text's words into one text."""
    pipe = saved(place, "token-classification", BertForTokenClassification)
    put(place, [",".join(word["entity"] for word in words) for words in pipe(TEXTS)])
