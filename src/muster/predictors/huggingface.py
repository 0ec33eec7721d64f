"""Folders that Hugging Face's transformers and sentence-transformers saved: models of texts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from muster.errors import InvalidModel
from muster.predictor import Description, Draft, Finding, Predictor, Site
from muster.predictors.local.sources import here, local_path, readable
from muster.predictors.pretrained.columns import EXAMPLE_NOTE, complete_columns, parameters_of
from muster.predictors.pretrained.folder import Folder, is_pretrained, read_folder
from muster.predictors.pretrained.needs import requirements
from muster.predictors.pretrained.parts import put
from muster.records import Version
from muster.signature import Json, Signature

__all__ = ["HuggingFaceOrigin"]

_SENTENCES = "sentence-similarity"
_WRITING = ("text-generation", "text2text-generation")
_FEW = 3
"""Rows that a model which writes is asked about: it may take seconds for one, and more of them tell nothing more."""
_ONE_NUMBER = (
    "it gives one number and names no problem_type: as in its own pipeline, that goes through a sigmoid;"
    " a config.json with `regression` there would keep it as it is"
)
_DRAWN = (
    "the folder asks for words drawn by chance (`do_sample`): without that parameter a call takes the likeliest ones, so that a"
    " run that is resumed answers as it would have; do_sample=true with a call draws them"
)
_MEND = (
    "save model and tokenizer whole with save_pretrained, into one folder; what Muster does not run comes with"
    " mlflow.transformers.save_model, or a model.py whose `load` reads it"
)


class HuggingFaceOrigin:
    """Claims folders with a `config.json` of transformers, or a `modules.json`, and no other kind of model."""

    name = "huggingface"

    def claims(self, source: object) -> bool:
        path = local_path(source)
        try:
            return path is not None and is_pretrained(path)
        except (OSError, ValueError):  # a name that no system has, or a file that nobody may read
            return False

    def describe(self, source: object, scratch: Path) -> Description:
        path = local_path(source)
        if path is None:
            raise InvalidModel(
                f"an object of type {type(source).__name__} is no folder", hint="give the path of a model"
            )
        with readable(path):
            if not path.exists():
                raise InvalidModel(f"there is nothing at {path}", hint="give the path of a model")
            return _described(path, scratch)

    def probe(self, draft: Draft, site: Site, sample: pa.Table | None) -> Finding:
        from muster.predictors.local.probe import probe

        whole = complete_columns(draft.description, draft.declared, None if sample is None else sample.schema)
        if sample is not None and whole.load["task"] in _WRITING:
            sample = sample.slice(0, _FEW)
        found = probe(replace(draft, description=whole), site, sample)
        return replace(found, notes=(*found.notes, EXAMPLE_NOTE)) if found.probe.source == "example" else found

    def open(self, version: Version, site: Site, workers: int = 1) -> Predictor:
        from muster.predictors.local.predictor import LocalPredictor

        return LocalPredictor(version, site, workers)


def _described(path: Path, scratch: Path) -> Description:
    wrong: list[str] = []
    found = read_folder(path, wrong) if path.is_dir() else None
    if not path.is_dir():
        wrong.append("it is no folder")
    if found is None or wrong:
        told = "; ".join(dict.fromkeys(wrong))
        raise InvalidModel(f"the model in {path} cannot be used: {told}", hint=_MEND, details={"problems": list(wrong)})
    put(path, found.names, scratch / "model")
    return Description(
        source=str(path.absolute()),
        folder=scratch / "model",
        task=found.labels.task if found.labels is not None else "other",
        signature=Signature((), parameters_of(found.kind)),
        requirements=requirements(found.written, found.names),
        python=here(),
        load=_load(found),
        output=_targets(found),
        notes=_notes(found),
        lineage={k: v for k, v in {**found.written, "architecture": found.config.architecture}.items() if v},
    )


def _notes(found: Folder) -> tuple[str, ...]:
    unsaid = found.labels is not None and found.labels.sigmoid and found.config.activation is None
    drawn = found.kind in _WRITING and found.draws
    return (*((_ONE_NUMBER,) if unsaid else ()), *((_DRAWN,) if drawn else ()))


def _load(found: Folder) -> dict[str, Json]:
    if found.kind == _SENTENCES:
        return {"loader": "sentence-transformers", "task": found.kind}
    told: dict[str, Json] = {
        "loader": "transformers",
        "task": found.kind,
        **({"mask": found.mask} if found.mask else {}),
    }
    labels = found.labels
    if labels is None:
        return told
    told |= {"labels": len(labels.names), **({"sigmoid": True} if labels.sigmoid else {})}
    if labels.task in {"regression", "multioutput"}:
        return told
    return told | {"classes": list(labels.names), **({"multilabel": True} if labels.task == "multilabel" else {})}


def _targets(found: Folder) -> dict[str, Json]:
    """Names of several values, where the model has any."""
    labels = found.labels
    if labels is None or labels.task != "multioutput" or not labels.named:
        return {}
    return {"targets": list(labels.named)}
