"""Models that MLflow saved: a folder or archive with an `MLmodel`, of MLflow 1, 2 or 3. Needs no mlflow here."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa

from muster.errors import InvalidModel
from muster.predictor import Description, Draft, Finding, Predictor, Site
from muster.predictors.archive import extract, is_archive
from muster.predictors.local.pickled import pickled_modules
from muster.predictors.local.sources import local_path, readable
from muster.predictors.mlmodel.document import FILE, Document
from muster.predictors.mlmodel.example import read_example
from muster.predictors.mlmodel.flavors import find_loading
from muster.predictors.mlmodel.loading import Loading
from muster.predictors.mlmodel.own import read_own
from muster.predictors.mlmodel.requirements import completed, read_needs, without_mlflow
from muster.predictors.mlmodel.signature import output_names, read_signature
from muster.records import Version
from muster.signature import Json, Signature

__all__ = ["MlflowOrigin"]

_MOST_METADATA = 64_000


class MlflowOrigin:
    """Claims folders with an `MLmodel` in them or one folder below, that file itself, and archives."""

    name = "mlflow"

    def claims(self, source: object) -> bool:
        path = local_path(source)
        try:
            return path is not None and (is_archive(path) or path.name == FILE or bool(_candidates(path)))
        except (OSError, ValueError):  # a name that no system has
            return False

    def describe(self, source: object, scratch: Path) -> Description:
        with readable(source):
            return _description(source, scratch)

    def probe(self, draft: Draft, site: Site, sample: pa.Table | None) -> Finding:
        from muster.predictors.local.probe import probe

        return probe(draft, site, sample)

    def open(self, version: Version, site: Site, workers: int = 1) -> Predictor:
        from muster.predictors.local.predictor import LocalPredictor

        return LocalPredictor(version, site, workers)


def _description(source: object, scratch: Path) -> Description:
    document = Document.read(_folder(source, scratch))
    if (own := read_own(document, str((local_path(source) or document.folder).absolute()))) is not None:
        return own
    signature = read_signature(document)
    loading = find_loading(document)
    needs = read_needs(document)
    example, unnamed = read_example(document, signature)
    document.check()
    assert loading is not None, "what has no flavor to load is wrong"
    lines, native = _requirements(document, loading, needs.requirements, signature, unnamed=unnamed)
    targets = output_names(document)
    return Description(
        source=str((local_path(source) or document.folder).absolute()),
        folder=document.folder,
        signature=signature,
        requirements=tuple(lines),
        python=needs.python,
        exact_python=loading.pickled,
        example=example,
        load={**loading.spec, **_input(signature, unnamed=unnamed), "mlflow": _lineage(document)},
        output={**({"targets": list(targets)} if targets else {}), **loading.output},
        notes=tuple(document.notes + ([] if not native else [_NATIVE_NOTE])),
    )


_NATIVE_NOTE = "loaded by its own library, without mlflow"


def _candidates(folder: Path) -> list[Path]:
    """The folders of models: the one given, or those right below it."""
    if not folder.is_dir():
        return []
    if (folder / FILE).is_file():
        return [folder]
    if (folder / "model.py").is_file() or (folder / "model.toml").is_file():
        return []  # a model of the user's own, which may well have one of MLflow's beside it
    return sorted(f.parent for f in folder.glob(f"*/{FILE}") if f.is_file())


def _folder(source: object, scratch: Path) -> Path:
    """The model's folder, taken out of its archive first."""
    path = local_path(source)
    if path is None:
        raise InvalidModel(
            f"an object of type {type(source).__name__} is no MLflow model",
            hint="give the path of its folder or archive",
        )
    if not path.exists():
        raise InvalidModel(f"there is nothing at {path}", hint="give the path of a model")
    if path.name == FILE and path.is_file():
        path = path.parent
    if path.is_file():
        if not is_archive(path):
            raise InvalidModel(
                f"{path} is neither a folder nor an archive",
                hint="give the folder that MLflow wrote, or a zip or tar of it",
            )
        extract(path, scratch / "archive")
        path = scratch / "archive"
    found = _candidates(path)
    if len(found) > 1:
        names = ", ".join(f"`{f.name}`" for f in found)
        raise InvalidModel(f"{source} holds several models: {names}", hint="register one of these folders")
    if not found:
        raise InvalidModel(
            f"there is no {FILE} in {source}, nor in a folder right below",
            hint="give the folder that MLflow's save_model wrote",
        )
    return found[0]


def _requirements(
    document: Document, loading: Loading, lines: tuple[str, ...], signature: Signature | None, *, unnamed: bool
) -> tuple[list[str], bool]:
    """What to install, and whether mlflow is left out of it."""
    native = loading.native and not any(
        "mlflow" in _modules(document.folder / f) for f in loading.files if loading.pickled
    )
    framed = not unnamed if signature is None else any(c.tensor is None for c in signature) and not signature.positional
    needed = [*loading.needs, *(["pandas"] if framed else [])]
    kept = without_mlflow(lines) if native else list(lines)
    whole, added = completed(kept, needed, document.created, bounded=native)
    if added and lines:
        document.notes.append(f"added to its requirements: {', '.join(added)}")
    return whole, native


def _modules(file: Path) -> set[str]:
    return {m.partition(".")[0] for m in pickled_modules(file)}


def _input(signature: Signature | None, *, unnamed: bool) -> dict[str, Json]:
    """Arrays for what was saved with an array as its example, or whose columns have no names; named tensors go by name."""
    tensors = [c for c in signature or () if c.tensor is not None]
    if tensors:
        return {"input": "numpy"} if signature is not None and signature.positional else {"named": True}
    return {"input": "numpy"} if signature is None and unnamed else {}


def _lineage(document: Document) -> dict[str, Json]:
    """Where the model came from, by its own words."""
    told = {
        k: document.body.get(k)
        for k in ("mlflow_version", "run_id", "model_id", "model_uuid", "utc_time_created", "artifact_path")
    }
    metadata = document.body.get("metadata")
    if metadata and len(json.dumps(metadata)) > _MOST_METADATA:
        document.notes.append(f"its metadata has more than {_MOST_METADATA // 1000} kB and stays in its MLmodel")
        metadata = None
    return {
        **{k: v for k, v in told.items() if v is not None},
        "flavors": list(document.flavors),
        **({"metadata": metadata} if metadata else {}),
    }
