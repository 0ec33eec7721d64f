"""A folder that `save_pretrained` wrote: what it is, and the part of it that makes the model."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from muster.predictors.pretrained.config import Config, Labels, read_json
from muster.predictors.pretrained.parts import LEFT_OUT, check_links
from muster.predictors.pretrained.weights import ADAPTER, weights
from muster.signature import Json

__all__ = ["CONFIG", "MODULES", "Folder", "is_pretrained", "read_folder"]

CONFIG, MODULES = "config.json", "modules.json"

_OTHER_KINDS = ("MLmodel", "model.py", "model.toml")
_TOKENIZER_CONFIG = "tokenizer_config.json"
_TOKENIZERS = (
    "tokenizer.json", "vocab.txt", "vocab.json", "*.model", "*.spm", "*.tiktoken", "vocab-src.json", "prophetnet.tokenizer",
)  # fmt: skip
_WITHOUT_VOCABULARY = ("ByT5Tokenizer", "CanineTokenizer", "PerceiverTokenizer")
_SENSES = ("preprocessor_config.json", "video_preprocessor_config.json", "processor_config.json")
"""What models of pictures and sound have; the last also others, but with none of these keys."""
_SENSE_KEYS = {
    "image_processor",
    "feature_extractor",
    "video_processor",
    "image_processor_type",
    "feature_extractor_type",
}

_OF_WEIGHTS = ("*.safetensors", "*.safetensors.index.json", "pytorch_model*.bin", "*.bin.index.json", "*.pt", "*.pth")


@dataclass(frozen=True, slots=True)
class Folder:
    """What was found. `kind` is a task of transformers', or `sentence-similarity`; `names` are the files of the root folder."""

    kind: str
    names: tuple[str, ...]
    config: Config
    labels: Labels | None = None
    mask: str | None = None
    """The word that stands for the one to be guessed, of a model that does that."""

    draws: bool = False
    """Whether it asks for words to be drawn by chance, of a model that writes."""

    written: Mapping[str, str | None] = field(default_factory=dict)
    """The libraries that wrote it, and their versions where it tells them."""


def is_pretrained(path: Path) -> bool:
    """Whether it looks as one, whole or not."""
    if not path.is_dir() or any((path / n).is_file() for n in _OTHER_KINDS) or any(path.glob("*.onnx")):
        return False
    if (path / MODULES).is_file() or (path / ADAPTER).is_file():
        return True
    config = path / CONFIG
    return config.is_file() and not {"architectures", "model_type"}.isdisjoint(read_json(config, []))


def read_folder(path: Path, wrong: list[str]) -> Folder | None:
    """None, with all that is wrong noted, where there is too little to go on."""
    vectors = (path / MODULES).is_file() and not _ranker(path)
    found = _sentences(path, wrong) if vectors else _model(path, wrong)
    if found is not None:
        check_links(path, found.names, wrong)
    return found


def _model(path: Path, wrong: list[str]) -> Folder | None:
    if not (path / CONFIG).is_file():
        wrong.append(f"it has no {CONFIG}")
        weights(path, wrong)
        return None
    ranker = _ranker(path)
    body = read_json(path / CONFIG, wrong)
    config = Config({**body, "sentence_transformers": ranker} if ranker else body, wrong)
    kind = config.kind()
    if ranker and kind not in (None, "text-classification"):
        wrong.append("it is a cross-encoder that is no classifier of pairs")
    _check_code(path, {CONFIG: config.body}, wrong)
    if sense := _sense(path):
        wrong.append(f"it takes pictures or sound (`{sense}`), and Muster runs models of texts")
    elif kind is not None:
        _check_tokenizer(path, wrong)
    if isinstance(form := config.body.get("quantization_config"), dict):
        wrong.append(
            f"its weights are quantised by `{form.get('quant_method')}`, which needs libraries and devices of its own"
        )
    loaded = weights(path, wrong)
    if kind is None:
        return None
    labels = config.labels() if kind == "text-classification" else None
    mask = _mask(path) if kind == "fill-mask" else None
    draws = any(body.get("do_sample") is True for body in (config.body, _generation(path)))
    written = {"transformers": config.version}
    return Folder(kind, (*loaded, *_others(path)), config, labels, mask, draws, written)


def _ranker(path: Path) -> dict[str, Json]:
    """What later releases of sentence-transformers write of a cross-encoder, which lists modules too; empty for all else."""
    file = path / "config_sentence_transformers.json"
    told = read_json(file, []) if file.is_file() else {}
    return told if told.get("model_type") == "CrossEncoder" else {}


def _generation(path: Path) -> Mapping[str, Json]:
    file = path / "generation_config.json"
    return read_json(file, []) if file.is_file() else {}


def _mask(path: Path) -> str:
    """As its tokenizer tells, else the usual one."""
    for name in (_TOKENIZER_CONFIG, "special_tokens_map.json"):
        told = read_json(path / name, []).get("mask_token") if (path / name).is_file() else None
        told = told.get("content") if isinstance(told, dict) else told
        if isinstance(told, str) and told:
            return told
    return "[MASK]"


def _sense(path: Path) -> str | None:
    files = [n for n in _SENSES if (path / n).is_file()]
    return next((n for n in files if n != _SENSES[-1] or _SENSE_KEYS & read_json(path / n, []).keys()), None)


def _check_code(path: Path, known: Mapping[str, Mapping[str, Json]], wrong: list[str]) -> None:
    """Code that came with the model, which `trust_remote_code` would run."""
    files = dict(known)
    if (path / _TOKENIZER_CONFIG).is_file():
        files[_TOKENIZER_CONFIG] = read_json(path / _TOKENIZER_CONFIG, wrong)
    for name, body in files.items():
        if body.get("auto_map") or body.get("custom_pipelines"):
            wrong.append(f"its {name} names code of its own, which Muster does not run unasked")


def _check_tokenizer(path: Path, wrong: list[str]) -> None:
    if any(any(path.glob(pattern)) for pattern in _TOKENIZERS):
        return
    told = read_json(path / _TOKENIZER_CONFIG, []) if (path / _TOKENIZER_CONFIG).is_file() else {}
    if told.get("tokenizer_class") not in _WITHOUT_VOCABULARY:
        wrong.append(
            "it has no tokenizer (tokenizer.json, vocab.txt, …): save that too, with tokenizer.save_pretrained"
        )


def _sentences(path: Path, wrong: list[str]) -> Folder | None:
    """The modules of sentence-transformers, of which the first has a model of transformers."""
    from muster.predictors.pretrained.sentences import read_modules

    inner = read_modules(path / MODULES, wrong)
    if inner is None:
        return None
    place = path / inner
    config = Config(read_json(place / CONFIG, wrong) if (place / CONFIG).is_file() else {}, wrong)
    if not config.body:
        wrong.append(f"it has no {place.relative_to(path) / CONFIG}")
    _check_code(place, {CONFIG: config.body}, wrong)
    _check_tokenizer(place, wrong)
    loaded = weights(place, wrong)
    names = (*loaded, *_others(place)) if place == path else _others(path)
    written = {"sentence-transformers": _sentences_version(path), "transformers": config.version}
    return Folder("sentence-similarity", names, config, written=written)


def _sentences_version(path: Path) -> str | None:
    file = path / "config_sentence_transformers.json"
    told = read_json(file, []).get("__version__") if file.is_file() else None
    version = told.get("sentence_transformers") if isinstance(told, dict) else None
    return version if isinstance(version, str) else None


def _others(path: Path) -> tuple[str, ...]:
    """All but weights and what is left out."""
    left = (*LEFT_OUT, *_OF_WEIGHTS)
    return tuple(sorted(f.name for f in path.iterdir() if not any(fnmatch.fnmatch(f.name, p) for p in left)))
