"""Folders as `save_pretrained` leaves them, written without its libraries: all that describing one reads, and empty weights."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

__all__ = ["save", "save_weights", "write"]


def save(folder: Path, architecture: str = "BertForSequenceClassification", **config: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    told = {"architectures": [architecture], "model_type": "bert", "transformers_version": "4.36.2", **config}
    write(folder / "config.json", {k: v for k, v in told.items() if v is not None})
    write(folder / "tokenizer.json", {"version": "1.0"})
    write(folder / "tokenizer_config.json", {"tokenizer_class": "BertTokenizer", "mask_token": {"content": "<mask>"}})
    save_weights(folder / "model.safetensors")
    return folder


def save_weights(file: Path) -> None:
    """One tensor of four bytes."""
    header = json.dumps(
        {"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}, "__metadata__": {"format": "pt"}}
    ).encode()
    file.write_bytes(struct.pack("<Q", len(header)) + header + b"\0" * 4)


def write(file: Path, body: object) -> None:
    file.write_text(json.dumps(body), encoding="utf-8")
