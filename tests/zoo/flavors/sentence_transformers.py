"""sentence-transformers: a vector for each text, of a tiny model that was initialised at random."""

from __future__ import annotations

import shutil
from pathlib import Path

import mlflow.sentence_transformers
import pandas as pd
import torch
from mlflow.models import infer_signature
from sentence_transformers import SentenceTransformer, models
from transformers import BertConfig, BertModel, BertTokenizer

from tests.zoo.kit import maker, pins, said

PIP = {
    "pip_requirements": pins(
        "mlflow-skinny", "numpy", "pandas", "sentence-transformers", "tokenizers", "torch", "transformers"
    )
}
TEXTS = ["late again", "all fine", "late and fine"]
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "late", "again", "all", "fine", "and"]


@maker
def vectors(place: Path) -> None:
    torch.manual_seed(3)
    part = place / "part"
    part.mkdir()
    (part / "vocab.txt").write_text("\n".join(WORDS), encoding="utf-8")
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8,
        max_position_embeddings=16,
    )  # fmt: skip
    BertModel(config).save_pretrained(str(part))
    BertTokenizer(str(part / "vocab.txt")).save_pretrained(str(part))
    words = models.Transformer(str(part), max_seq_length=16)
    model = SentenceTransformer(modules=[words, models.Pooling(8)], device="cpu")
    signature = infer_signature(TEXTS, model.encode(TEXTS))
    mlflow.sentence_transformers.save_model(model, str(place / "model"), signature=signature, **PIP)
    shutil.rmtree(part)
    given = pd.DataFrame({"text": TEXTS})
    said(place, model.encode(TEXTS).astype("float64"), data=given, sample=True, task="other", near=1e-5)
