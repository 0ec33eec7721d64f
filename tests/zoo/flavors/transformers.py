"""transformers: a tiny classifier of texts, initialised at random."""

from __future__ import annotations

from pathlib import Path

import mlflow.transformers
import pandas as pd
import torch
from mlflow.models import infer_signature
from transformers import BertConfig, BertForSequenceClassification, BertTokenizer, pipeline

from tests.zoo.kit import maker, pins, said

PIP = {"pip_requirements": pins("mlflow-skinny", "numpy", "pandas", "torch", "transformers", "tokenizers")}
TEXTS = ["late again", "all fine", "late and fine"]


@maker
def classifier(place: Path) -> None:
    """Labels and scores, as the pipeline gives them."""
    torch.manual_seed(3)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "late", "again", "all", "fine", "and"]
    (place / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    tokenizer = BertTokenizer(str(place / "vocab.txt"))
    config = BertConfig(
        vocab_size=len(words), hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8,
        max_position_embeddings=16, num_labels=2,
    )  # fmt: skip
    pipe = pipeline("text-classification", model=BertForSequenceClassification(config).eval(), tokenizer=tokenizer)
    given = pd.DataFrame({"text": TEXTS})
    mlflow.transformers.save_model(pipe, str(place / "model"), signature=infer_signature(TEXTS), **PIP)
    (place / "vocab.txt").unlink()
    rows = [{"label": r["label"], "score": float(r["score"])} for r in pipe(TEXTS)]
    said(place, rows, data=given, sample=True, task="other", near=1e-5)
