"""Bodies that real endpoints have answered, as their vendors' documentation and examples show them: containers write the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from muster.testing.endpoints import Container, Served
from muster.testing.endpoints.azureml_containers import CONTAINERS as AZUREML
from muster.testing.endpoints.mlflow_containers import CONTAINERS as MLFLOW
from muster.testing.endpoints.openinference_containers import CONTAINERS as TENSORS
from muster.testing.endpoints.openinference_containers import PLAIN
from muster.testing.endpoints.sagemaker_containers import CONTAINERS as SAGEMAKER
from muster.testing.endpoints.sagemaker_containers import explained
from muster.testing.endpoints.served import Told
from muster.testing.endpoints.vertex_containers import CONTAINERS as VERTEX

JSON, CSV, LINES = "application/json", "text/csv", "application/jsonlines"
IRIS = ("setosa", "versicolor", "virginica")


def body(container: Container, answers: list[Any], accept: str = JSON, rows: Any = None, **served: Any) -> str:
    model = Served(**{"predict": lambda rows: answers, "task": "binary", **served})
    told = Told(model.outcomes([None] * len(answers)), model, rows or [{}] * len(answers), accept)
    return container.write(told)[1].decode()


def two(*scores: float) -> list[list[float]]:
    return [[1 - s, s] for s in scores]


EXACT: dict[str, tuple[Mapping[str, Container], str, dict[str, Any], str]] = {
    "xgboost on one line": (SAGEMAKER, "xgboost-one-line", {"answers": two(0.6, 0.3), "accept": CSV}, "0.6,0.3"),
    "xgboost of one row": (SAGEMAKER, "xgboost", {"answers": two(0.6), "accept": CSV}, "0.6"),
    "xgboost of classes": (
        SAGEMAKER, "xgboost", {"answers": [[0.1, 0.6, 0.3]], "accept": CSV, "task": "multiclass", "classes": (0, 1, 2)}, "0.1,0.6,0.3",
    ),
    "selectable content": (
        SAGEMAKER, "selectable", {"answers": [[0.4, 0.6], [0.9, 0.1]], "accept": CSV}, '1,"[0.4, 0.6]"\n0,"[0.9, 0.1]"\n',
    ),
    "autopilot": (
        SAGEMAKER, "autopilot", {"answers": [[0.9, 0.1]], "accept": CSV, "classes": ("1", "0")}, '1,0.1,"[0.9, 0.1]","[\'1\', \'0\']"\n',
    ),
    "automated ML, encoded twice": (
        AZUREML, "automl", {"answers": ["yes", "no"], "classes": ("no", "yes")}, '"{\\"result\\": [\\"yes\\", \\"no\\"]}"',
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EXACT)
def test_text_is_the_same_to_the_letter(name: str) -> None:
    containers, container, given, expected = EXACT[name]
    assert body(containers[container], **given) == expected


PARSED: dict[str, tuple[Mapping[str, Container], str, dict[str, Any], Any]] = {
    "linear learner": (
        SAGEMAKER, "linear-learner", {"answers": two(0.9899773597717285)},
        {"predictions": [{"score": 0.9899773597717285, "predicted_label": 1}]},
    ),
    "linear learner, a score below a half": (
        SAGEMAKER, "linear-learner", {"answers": two(0.4)}, {"predictions": [{"score": 0.4, "predicted_label": 0}]},
    ),
    "linear learner of classes": (
        SAGEMAKER, "linear-learner", {"answers": [[0.1, 0.2, 0.4, 0.3]], "task": "multiclass", "classes": (0, 1, 2, 3)},
        {"predictions": [{"score": [0.1, 0.2, 0.4, 0.3], "predicted_label": 2}]},
    ),
    "linear learner of values": (
        SAGEMAKER, "linear-learner", {"answers": [0.4], "task": "regression"}, {"predictions": [{"score": 0.4}]},
    ),
    "xgboost": (
        SAGEMAKER, "xgboost", {"answers": two(0.4386, 0.0635)}, {"predictions": [{"score": 0.4386}, {"score": 0.0635}]},
    ),
    "selectable content as JSON": (
        SAGEMAKER, "selectable", {"answers": [[0.4, 0.6]]}, {"predictions": [{"predicted_label": 1, "probabilities": [0.4, 0.6]}]},
    ),
    "selectable content of values": (
        SAGEMAKER, "selectable", {"answers": [0.5, -7.0], "task": "regression"},
        {"predictions": [{"predicted_score": 0.5}, {"predicted_score": -7.0}]},
    ),
    "nearest neighbours": (
        SAGEMAKER, "knn", {"answers": [6, 3], "task": "multiclass", "classes": tuple(range(22))},
        {"predictions": [{"predicted_label": 6.0}, {"predicted_label": 3.0}]},
    ),
    "TensorFlow": (SAGEMAKER, "tensorflow", {"answers": [0.36], "task": "regression"}, {"predictions": [[0.36]]}),
    "MLflow on Azure": (AZUREML, "mlflow", {"answers": [11633.1, 8522.1], "task": "regression"}, [11633.1, 8522.1]),
    "a script with a schema": (AZUREML, "inference-schema", {"answers": [1.0, 1.0], "task": "regression"}, {"output": [1.0, 1.0]}),
    "the designer": (
        AZUREML, "designer", {"answers": two(0.75), "rows": [{"PatientID": 1882185}], "target": "DiabetesPrediction"},
        {"Results": {"WebServiceOutput0": [{"PatientID": 1882185, "DiabetesPrediction": 1, "Probability": 0.75}]}},
    ),
    "the designer of values": (
        AZUREML, "designer", {"answers": [1, 2], "task": "regression"},
        {"Results": {"WebServiceOutput0": [{"Scored Labels": 1}, {"Scored Labels": 2}]}},
    ),
    "AutoML": (
        VERTEX, "automl", {"answers": [[0.9966, 0.0034]], "classes": ("1", "2")},
        {"predictions": [{"classes": ["1", "2"], "scores": [0.9966, 0.0034]}]},
    ),
    "scikit-learn on Vertex": (
        VERTEX, "sklearn", {"answers": two(0.1, 0.9), "classes": (False, True)}, {"predictions": [False, True]},
    ),
    "xgboost on Vertex": (VERTEX, "xgboost", {"answers": [2.04, 1.96], "task": "regression"}, {"predictions": [2.04, 1.96]}),
    "Keras": (
        VERTEX, "keras", {"answers": [[0.1, 0.7, 0.2]], "task": "multiclass", "classes": (0, 1, 2)}, {"predictions": [[0.1, 0.7, 0.2]]},
    ),
    "PyTorch in MLflow": (MLFLOW, "score-lists", {"answers": two(0.83)}, {"predictions": [[0.83]]}),
    "values in MLflow": (MLFLOW, "labels", {"answers": [452600.0], "task": "regression"}, {"predictions": [452600.0]}),
    "AutoGluon in MLflow": (
        MLFLOW, "classes", {"answers": [[0.31, 0.69]], "classes": ("0", "1")}, {"predictions": [{"0": 0.31, "1": 0.69}]},
    ),
    "PMML": (
        PLAIN, "columns", {"answers": [[1.0, 0.0, 0.0]], "task": "multiclass", "classes": IRIS, "target": "Species"},
        {"predictions": [
            {"Species": "setosa", "Probability_setosa": 1.0, "Probability_versicolor": 0.0, "Probability_virginica": 0.0}
        ]},
    ),
    "labels as a tensor": (
        TENSORS, "labels", {"answers": [1, 1], "task": "multiclass", "classes": (0, 1, 2)},
        [{"data": [1, 1], "datatype": "INT64", "name": "predict", "shape": [2]}],
    ),
    "probabilities as a tensor": (
        TENSORS, "probabilities", {"answers": [[0.1, 0.7, 0.2]] * 2, "task": "multiclass", "classes": (0, 1, 2)},
        [{"name": "predict", "shape": [2, 3], "datatype": "FP64", "data": [0.1, 0.7, 0.2] * 2}],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PARSED)
def test_documents_are_the_same(name: str) -> None:
    containers, container, given, expected = PARSED[name]
    assert json.loads(body(containers[container], **given)) == expected


def test_lines_of_json() -> None:
    text = body(SAGEMAKER["linear-learner"], two(0.75, 0.25), LINES)
    assert [json.loads(line) for line in text.splitlines()] == [
        {"predicted_label": 1, "score": 0.75}, {"predicted_label": 0, "score": 0.25},
    ]  # fmt: skip


def test_an_explainer_s_wrapping() -> None:
    model = Served(predict=lambda rows: [414194.5625], task="regression")
    inner = SAGEMAKER["xgboost"].write(Told(model.outcomes([[]]), model, [[]], CSV))
    assert json.loads(explained(inner, explain=False, columns=())[1]) == {
        "explanations": {}, "predictions": {"content_type": "text/csv", "data": "414194.5625"}, "version": "1.0",
    }  # fmt: skip


def test_autogluon_has_a_header() -> None:
    text = body(SAGEMAKER["autogluon"], [[0.25, 0.75]], CSV, classes=("no", "yes"))
    assert text == "target,no_proba,yes_proba\nyes,0.25,0.75\n"
