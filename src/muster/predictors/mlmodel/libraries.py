"""Flavors whose own library tells more than python_function does: probabilities, classes, the last layer, the order of rows."""

from __future__ import annotations

from collections.abc import Mapping

from muster.errors import InvalidModel
from muster.predictors.mlmodel.document import Document
from muster.predictors.mlmodel.loading import Loading, pinned
from muster.predictors.onnxfile.graph import read_graph
from muster.predictors.onnxfile.meaning import find_meaning
from muster.signature import Json

__all__ = ["keras", "onnx", "prophet", "pytorch", "spacy", "statsmodels"]

_Flavor = Mapping[str, Json]


def onnx(document: Document, flavor: _Flavor, pyfunc: _Flavor) -> Loading | None:
    path = document.inside(flavor.get("data") or pyfunc.get("data"), "the file of its graph")
    if path is None:
        return None
    try:
        meaning = find_meaning(read_graph(document.folder / path), document.wrong)
    except InvalidModel as error:
        document.wrong.append(error.message)
        return None
    told: dict[str, Json] = {
        "kind": meaning.kind,
        "classes": list(meaning.classes),
        "label": meaning.label,
        "probabilities": meaning.probabilities,
        "scores": meaning.scores,
    }
    spec = {"loader": "onnx", "file": path, **{k: v for k, v in told.items() if v}}
    return Loading(spec=spec, needs=("onnxruntime",))


def statsmodels(document: Document, flavor: _Flavor, pyfunc: _Flavor) -> Loading | None:
    path = document.inside(flavor.get("data") or pyfunc.get("data"), "the file of its model")
    if path is None:
        return None
    needs = (pinned("statsmodels", flavor.get("statsmodels_version")), "pandas")
    return Loading(spec={"loader": "statsmodels", "file": path}, needs=needs, pickled=True, files=(path,))


def prophet(document: Document, flavor: _Flavor, pyfunc: _Flavor) -> Loading | None:
    path = document.inside(flavor.get("data") or pyfunc.get("data") or "model.pr", "the file of its model")
    if path is None:
        return None
    needs = (pinned("prophet", flavor.get("prophet_version")), "pandas")
    return Loading(spec={"loader": "prophet", "file": path}, needs=needs, output={"value": "yhat"})


def spacy(document: Document, flavor: _Flavor, pyfunc: _Flavor) -> Loading | None:
    path = document.inside(flavor.get("data") or pyfunc.get("data"), "the folder of its pipeline")
    if path is None:
        return None
    return Loading(spec={"loader": "spacy", "file": path}, needs=(pinned("spacy", flavor.get("spacy_version")),))


def pytorch(document: Document, flavor: _Flavor, pyfunc: _Flavor) -> Loading | None:
    """A pickle of the module, a script, or (since MLflow 3) an exported program."""
    data = flavor.get("model_data") or pyfunc.get("data") or "data"
    names = [f"{data}/model.pt2", f"{data}/model.pth"]
    found = [n for n in names if (document.folder / n).is_file()]
    path = document.inside(found[0] if found else names[-1], "the file of its model")
    if path is None:
        return None
    pickled = path.endswith(".pth")
    needs = [pinned("torch", flavor.get("pytorch_version")), "numpy", *(["cloudpickle"] if pickled else [])]
    return Loading(
        spec={"loader": "pytorch", "file": path},
        needs=tuple(needs),
        pickled=pickled,
        # A module is inside an archive, where references are not looked for.
    )


def keras(document: Document, flavor: _Flavor, pyfunc: _Flavor) -> Loading | None:
    """Keras 3, whose files have all that is needed; earlier ones go with TensorFlow, through python_function."""
    data = document.inside(flavor.get("data") or pyfunc.get("data"), "the folder of its model")
    if data is None:
        return None
    path = document.inside(f"{data}/model.keras", "the file of its model")
    if path is None:
        return None
    backend = flavor.get("keras_backend")
    spec: dict[str, Json] = {"loader": "keras", "file": path, **({"backend": backend} if backend else {})}
    packages = {"torch": ("torch",), "jax": ("jax",), "tensorflow": ("tensorflow",)}.get(str(backend), ())
    return Loading(spec=spec, needs=(pinned("keras", flavor.get("keras_version")), *packages))
