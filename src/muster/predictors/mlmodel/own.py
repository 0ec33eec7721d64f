"""Models that left Muster as MLflow folders: `muster.json` beside the `MLmodel` has what was known of them, and is read back."""

from __future__ import annotations

import json

from muster.documents import restore
from muster.errors import InvalidModel, MusterError
from muster.predictor import Description
from muster.predictors.mlmodel.document import Document
from muster.predictors.mlmodel.example import read_example
from muster.predictors.mlmodel.requirements import read_needs, without_mlflow
from muster.records import Version
from muster.signature import Json

__all__ = ["DATA", "FLAVOR", "TOLD", "read_own"]

FLAVOR, TOLD, DATA = "muster", "muster.json", "model"


def read_own(document: Document, source: str) -> Description | None:
    """None where the model is not one of these."""
    if document.flavor(FLAVOR) is None or not (document.folder / TOLD).is_file():
        return None
    try:
        body = json.loads((document.folder / TOLD).read_text(encoding="utf-8"))
        version = restore(Version, body["version"])
    except (ValueError, KeyError, TypeError, AttributeError, MusterError) as error:
        raise InvalidModel(f"{source}/{TOLD} cannot be read: {error}", hint="download the version again") from None
    file = version.load.get("file")
    if isinstance(file, str):
        document.inside(f"{DATA}/{file}", "the file of its model")
    needs = read_needs(document)
    example, _ = read_example(document, version.signature)
    document.check()
    return Description(
        source=source,
        folder=document.folder,
        task=version.task,
        target=version.target,
        classes=version.classes,
        signature=version.signature,
        requirements=tuple(without_mlflow(needs.requirements)),
        python=needs.python,
        exact_python=bool(body.get("exact_python")),
        example=example,
        load={**version.load, "folder": DATA},
        output=_output(version),
        notes=tuple(document.notes),
    )


def _output(version: Version) -> dict[str, Json]:
    """How the answer was read, as if it were declared."""
    reading = version.reading
    told: dict[str, Json] = {"label": reading.label, "probabilities": list(reading.probabilities)}
    if version.task in {"binary", "multiclass", "multilabel"}:
        told |= {"activation": reading.activation, "classes": list(reading.classes)}
    elif version.task == "multioutput":
        told = {
            "probabilities": list(reading.probabilities),
            "targets": list(version.output.targets),
            "value": reading.value,
        }
    else:
        told = {"value": reading.value}
    return {k: v for k, v in told.items() if v not in (None, [], "none")}
