"""ONNX models: a file, or a folder that has one with its weights beside it. They run in onnxruntime."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pyarrow as pa

from muster.errors import InvalidModel
from muster.predictor import Description, Draft, Finding, Predictor, Site
from muster.predictors.local.pins import pins
from muster.predictors.local.sources import here, link, local_path, readable
from muster.predictors.onnxfile.graph import Graph, read_graph
from muster.predictors.onnxfile.meaning import Meaning, find_meaning
from muster.records import Version
from muster.signature import Json

__all__ = ["OnnxOrigin"]

_SUFFIX = ".onnx"
_EXTENSIONS = "ai.onnx.contrib"
_KNOWN = {"", "ai.onnx", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview.training", _EXTENSIONS}
_RUNTIME = ("com.microsoft", "com.ms.")


class OnnxOrigin:
    """Claims `.onnx` files, and folders with such a file and no other kind of model."""

    name = "onnx"

    def claims(self, source: object) -> bool:
        path = local_path(source)
        try:
            return path is not None and (path.suffix.lower() == _SUFFIX if not path.is_dir() else _is_folder(path))
        except (OSError, ValueError):  # a name that no system has
            return False

    def describe(self, source: object, scratch: Path) -> Description:
        path = local_path(source)
        if path is None:
            raise InvalidModel(f"an object of type {type(source).__name__} is no ONNX file", hint="give its path")
        with readable(path):
            if not path.exists():
                raise InvalidModel(f"there is nothing at {path}", hint="give the path of a model")
            return _described(path, scratch)

    def probe(self, draft: Draft, site: Site, sample: pa.Table | None) -> Finding:
        from muster.predictors.local.probe import probe

        return probe(draft, site, sample)

    def open(self, version: Version, site: Site, workers: int = 1) -> Predictor:
        from muster.predictors.local.predictor import LocalPredictor

        return LocalPredictor(version, site, workers)


def _is_folder(folder: Path) -> bool:
    others = ("MLmodel", "model.py", "model.toml")
    return not any((folder / n).is_file() for n in others) and any(folder.glob(f"*{_SUFFIX}"))


def _described(path: Path, scratch: Path) -> Description:
    file = _file(path)
    graph = read_graph(file)
    wrong = _unknown(graph) + _missing(graph, file)
    meaning = find_meaning(graph, wrong)
    if wrong:
        raise InvalidModel(
            f"the model in {path} cannot be used: {'; '.join(wrong)}",
            hint="export it with operators that onnxruntime has, and give it with all of its files",
            details={"problems": list(wrong)},
        )
    folder = path if path.is_dir() else _alone(file, graph, scratch)
    modules = ["onnxruntime", *(["onnxruntime_extensions"] if _EXTENSIONS in graph.domains else [])]
    return Description(
        source=str(path.absolute()),
        folder=folder,
        classes=meaning.names,
        signature=meaning.signature,
        requirements=_requirements(modules),
        python=here(),
        load=_load(file.name if path.is_dir() else f"model{_SUFFIX}", meaning),
        lineage={"producer": graph.producer} if graph.producer else {},
    )


def _file(path: Path) -> Path:
    if path.is_file():
        return path
    found = sorted(path.glob(f"*{_SUFFIX}"))
    if len(found) > 1:
        names = ", ".join(f"`{f.name}`" for f in found)
        raise InvalidModel(f"{path} holds several models: {names}", hint="register one of these files")
    if not found:
        raise InvalidModel(f"there is no {_SUFFIX} file in {path}", hint="give the file")
    return found[0]


def _unknown(graph: Graph) -> list[str]:
    return [
        f"its operators {', '.join(f'`{op}`' for op in ops)} are of the domain `{domain}`, which onnxruntime does not have"
        for domain, ops in graph.domains.items()
        if domain not in _KNOWN and not domain.startswith(_RUNTIME)
    ]


def _missing(graph: Graph, file: Path) -> list[str]:
    """Files of weights: they must lie beside the model, and be there."""
    wrong = []
    for name in graph.external:
        place = PurePosixPath(name)
        if not name or place.is_absolute() or ".." in place.parts or "\\" in name:
            wrong.append(f"its weights lie in `{name}`, which leads out of its folder")
        elif not (file.parent / place).is_file():
            wrong.append(f"its weights lie in `{name}`, which is not beside it")
    return wrong


def _alone(file: Path, graph: Graph, scratch: Path) -> Path:
    """The file in a folder of its own, with the files of its weights, by the name that it has in every such folder."""
    folder = scratch / "file"
    folder.mkdir()
    link(file, folder / f"model{_SUFFIX}")
    for name in graph.external:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        link(file.parent / name, folder / name)
    return folder


def _requirements(modules: list[str]) -> tuple[str, ...]:
    """At the versions that are installed here, else any."""
    lines = pins(modules)[0]
    known = {line.partition("==")[0] for line in lines}
    lacking = [m.replace("_", "-") for m in modules]
    return (*lines, *(n for n in lacking if not any(k.startswith(n) for k in known)))


def _load(file: str, meaning: Meaning) -> dict[str, Json]:
    told: dict[str, Json] = {
        "kind": meaning.kind,
        "classes": list(meaning.classes),
        "label": meaning.label,
        "probabilities": meaning.probabilities,
        "scores": meaning.scores,
    }
    return {"loader": "onnx", "file": file, **{k: v for k, v in told.items() if v}}
