"""ONNX models, beside onnxruntime itself and the models that they were converted from; and files that are none."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper
from skl2onnx import convert_sklearn, to_onnx
from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from muster.errors import InvalidInput, InvalidModel, SignatureMismatch
from muster.predictors.onnx import OnnxOrigin
from muster.predictors.onnxfile.graph import read_graph
from muster.predictors.onnxfile.wire import Broken, Message
from tests.zoo.inprocess import Registered, register, untouched

pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

random = np.random.default_rng(5)
X = pd.DataFrame(random.normal(size=(120, 3)), columns=["age", "income", "rate"])
F = X.to_numpy().astype(np.float32)
SCORE = F[:, 0] + F[:, 1]
YES = np.where(SCORE > 0, "yes", "no")
THREE = np.array(["high", "low", "mid"])[np.digitize(SCORE, [-0.7, 0.7])]
SEVEN = np.array([7, 2, 5])[np.digitize(SCORE, [-0.7, 0.7])]
TABLE = pa.Table.from_pandas(X)
NO_MAP = {"zipmap": False}

Register = Callable[..., Registered]


@pytest.fixture(autouse=True)
def _untouched() -> Iterator[None]:
    with untouched():
        yield


@pytest.fixture
def registered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Register:
    def of(source: Path, sample: Any = TABLE, **declared: Any) -> Registered:
        (tmp_path / "scratch").mkdir()
        return register(monkeypatch, OnnxOrigin(), source, tmp_path / "scratch", sample, **declared)

    return of


def written(graph: Any, place: Path) -> Path:
    file = place / "model.onnx"
    file.write_bytes(graph.SerializeToString())
    return file


def ran(file: Path, feed: dict[str, Any]) -> dict[str, Any]:
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    return dict(zip([o.name for o in session.get_outputs()], session.run(None, feed), strict=True))


CLASSIFIERS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "texts, as maps": (LogisticRegression(), YES, {}),
    "texts, as a tensor": (LogisticRegression(), YES, NO_MAP),
    "numbers in another order, as maps": (LogisticRegression(), SEVEN, {}),
    "numbers, as a tensor": (RandomForestClassifier(4, random_state=0), SEVEN, NO_MAP),
    "three texts": (RandomForestClassifier(4, random_state=0), THREE, {}),
    "boosted": (GradientBoostingClassifier(n_estimators=3), THREE, NO_MAP),
    "looked up in a list": (MLPClassifier((4,), max_iter=20, random_state=0), THREE, NO_MAP),
    "neighbours": (KNeighborsClassifier(3), YES, NO_MAP),
    "flags": (LogisticRegression(), YES == "yes", NO_MAP),
}


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_labels_and_probabilities_are_those_of_the_runtime_and_of_the_original(
    name: str, registered: Register, tmp_path: Path
) -> None:
    model, labels, options = CLASSIFIERS[name]
    model.fit(F, labels)
    file = written(to_onnx(model, F[:1], options=options), tmp_path)
    found = registered(file)
    classes = [c.item() for c in model.classes_]
    if name == "flags":
        classes = [0, 1]  # ONNX has no labels that are flags
    assert found.finding.task == ("binary" if len(classes) == 2 else "multiclass")
    assert list(found.finding.output.classes) == classes
    assert found.finding.signature.names == ("age", "income", "rate")
    answer = found.predict(TABLE)
    assert "error" not in answer.schema.names
    label, scores = ran(file, {"X": F}).values()
    if isinstance(scores, list):
        scores = np.array([[row[c] for c in classes] for row in scores])
    given = np.array(answer.column("probabilities").to_pylist())
    assert answer.column("prediction").to_pylist() == label.tolist()
    np.testing.assert_array_equal(given, scores.astype(np.float64))
    assert answer.column("prediction").to_pylist() == model.predict(F).tolist()
    np.testing.assert_allclose(given, model.predict_proba(F), atol=1e-5)


@pytest.mark.parametrize("model", [LinearRegression(), RandomForestRegressor(3, random_state=0)])
def test_a_value_is_that_of_the_runtime_and_of_the_original(model: Any, registered: Register, tmp_path: Path) -> None:
    model.fit(F, SCORE / 10)  # between 0 and 1 it could be a probability, but for the operator that it comes from
    file = written(to_onnx(model, F[:1]), tmp_path)
    found = registered(file)
    assert found.finding.task == "regression"
    values = found.predict(TABLE).column("prediction").to_numpy()
    np.testing.assert_array_equal(values, ran(file, {"X": F})["variable"].ravel().astype(np.float64))
    np.testing.assert_allclose(values, model.predict(F), atol=1e-6)


def test_several_values_are_several_targets(registered: Register, tmp_path: Path) -> None:
    model = LinearRegression().fit(F, np.column_stack([SCORE, -SCORE]))
    found = registered(written(to_onnx(model, F[:1]), tmp_path))
    assert found.finding.task == "multioutput"
    answer = found.predict(TABLE).column("prediction").to_pylist()
    np.testing.assert_allclose([list(row.values()) for row in answer], model.predict(F), atol=1e-5)


def test_an_input_for_each_column_takes_texts_and_whole_numbers(registered: Register, tmp_path: Path) -> None:
    frame = X.assign(city=random.choice(["Bern", "Oslo"], len(X)), visits=random.integers(0, 9, len(X)))
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["city"]), (StandardScaler(), ["age", "rate", "visits"])
    )
    model = make_pipeline(columns, LogisticRegression()).fit(frame, YES)
    kinds = {"city": StringTensorType([None, 1]), "visits": Int64TensorType([None, 1])}
    types = [(c, kinds.get(c, FloatTensorType([None, 1]))) for c in frame.columns]
    found = registered(written(convert_sklearn(model, initial_types=types), tmp_path), pa.Table.from_pandas(frame))
    told = {c.name: (c.type, c.nullable) for c in found.finding.signature}
    assert told["city"] == (pa.string(), False)
    assert told["visits"] == (pa.int64(), False)
    assert told["age"] == (pa.float64(), True)
    shuffled = pa.Table.from_pandas(frame[["visits", "city", "rate", "income", "age"]])
    answer = found.predict(shuffled)
    assert answer.column("prediction").to_pylist() == model.predict(frame).tolist()
    np.testing.assert_allclose(answer.column("probabilities").to_pylist(), model.predict_proba(frame), atol=1e-5)


def test_names_of_columns_and_classes_are_read_from_the_metadata(registered: Register, tmp_path: Path) -> None:
    model = LogisticRegression().fit(F, (YES == "yes").astype(int))
    graph = to_onnx(model, F[:1])
    helper.set_model_props(graph, {"feature_names": json.dumps(list(X.columns)), "class_names": "no, yes"})
    found = registered(written(graph, tmp_path), TABLE.select(["rate", "age", "income"]))
    assert found.finding.signature.names == ("age", "income", "rate")
    assert not found.finding.signature.positional
    assert found.finding.output.classes == ("no", "yes")
    assert found.predict(TABLE).column("prediction").to_pylist() == YES[model.predict(F) == (YES == "yes")].tolist()


def test_columns_by_place_take_the_samples_names(registered: Register, tmp_path: Path) -> None:
    file = written(to_onnx(LogisticRegression().fit(F, YES), F[:1]), tmp_path)
    with pytest.raises(SignatureMismatch, match="takes 3 columns, which it has no names for, and the sample has 2"):
        registered(file, TABLE.select(["age", "rate"]))


def test_a_tensor_of_each_row_is_a_list(registered: Register, tmp_path: Path) -> None:
    file = written(_flattened(["n", 2, 3]), tmp_path)
    rows = [random.normal(size=6).tolist() for _ in range(5)]
    found = registered(file, pa.table({"image": rows}), task="other")
    answer = found.predict(pa.table({"image": rows})).column("prediction").to_pylist()
    np.testing.assert_array_equal(answer, np.array(rows, np.float32))


@pytest.mark.parametrize("size", [1, 2])
def test_a_graph_made_for_batches_of_one_size_answers_every_row(
    size: int, registered: Register, tmp_path: Path
) -> None:
    file = written(_flattened([size, 3]), tmp_path)
    found = registered(file, TABLE.slice(0, 5), task="other")
    np.testing.assert_array_equal(found.predict(TABLE.slice(0, 5)).column("prediction").to_pylist(), F[:5])


def _flattened(shape: list[Any]) -> Any:
    node = helper.make_node("Flatten", ["x"], ["y"])
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]
    return made(helper.make_graph([node], "g", inputs, outputs))


def made(graph: Any, **more: Any) -> Any:
    return helper.make_model(graph, ir_version=9, **{"opset_imports": [helper.make_opsetid("", 18)], **more})


def test_all_outputs_are_kept_by_their_names(registered: Register, tmp_path: Path) -> None:
    model = LogisticRegression().fit(F, YES)
    file = written(to_onnx(model, F[:1], options=NO_MAP), tmp_path)
    found = registered(file, task="other")
    answer = found.predict(TABLE).column("prediction")
    expected = ran(file, {"X": F})
    assert answer.field("label").to_pylist() == expected["label"].tolist()
    np.testing.assert_array_equal(answer.field("probabilities").to_pylist(), expected["probabilities"])


def test_scores_of_no_known_meaning_are_asked_about(registered: Register, tmp_path: Path) -> None:
    file = written(_flattened(["n", 3]), tmp_path)
    with pytest.raises(InvalidInput, match="`y` gives 3 numbers in a row: probabilities of classes, or values"):
        registered(file)


def test_declared_classes_and_activation_stand(registered: Register, tmp_path: Path) -> None:
    found = registered(
        written(_flattened(["n", 3]), tmp_path), classes=("a", "b", "c"), output={"activation": "softmax"}
    )
    expected = np.exp(F.astype(np.float64)) / np.exp(F.astype(np.float64)).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found.predict(TABLE).column("probabilities").to_pylist(), expected)


def test_a_missing_number_is_nan_and_a_missing_text_rejects_its_row(registered: Register, tmp_path: Path) -> None:
    file = written(_flattened(["n", 1]), tmp_path)
    found = registered(file, pa.table({"v": [1.0, 2.0]}), task="other")
    assert np.isnan(found.predict(pa.table({"v": [None, 2.0]})).column("prediction").to_pylist()[0][0])
    node = helper.make_node("Identity", ["city"], ["same"])
    kinds = [helper.make_tensor_value_info(n, TensorProto.STRING, ["n"]) for n in ("city", "same")]
    (tmp_path / "texts").mkdir()
    graph = made(helper.make_graph([node], "g", kinds[:1], kinds[1:]))
    description = OnnxOrigin().describe(written(graph, tmp_path / "texts"), tmp_path / "texts")
    assert description.signature is not None
    assert not description.signature.columns[0].nullable


# What is read of a file, beside the library itself.


def test_inputs_and_outputs_are_read_as_the_library_reads_them(tmp_path: Path) -> None:
    file = written(to_onnx(RandomForestClassifier(3).fit(F, YES), F[:1]), tmp_path)
    graph, told = read_graph(file), onnx.load(str(file))
    assert [i.name for i in graph.inputs] == [i.name for i in told.graph.input]
    assert [o.name for o in graph.outputs] == [o.name for o in told.graph.output]
    assert graph.inputs[0].dtype == "float32"
    assert graph.inputs[0].shape == (-1, 3)
    assert graph.producer == f"skl2onnx {told.producer_version}"
    assert {n for node in told.graph.node for n in node.output} == set(graph.nodes)
    assert {i.name for i in told.graph.initializer} == set(graph.constants)


def test_a_file_that_is_cut_short_is_told_at_any_length(tmp_path: Path) -> None:
    whole = to_onnx(LogisticRegression().fit(F, YES), F[:1]).SerializeToString()
    file = tmp_path / "model.onnx"
    for length in (0, 1, 5, len(whole) // 3, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:length])
        with pytest.raises(InvalidModel, match="is no whole ONNX model: "):
            OnnxOrigin().describe(file, tmp_path)


@given(st.binary(max_size=200))
def test_any_bytes_are_fields_or_broken(data: bytes) -> None:
    try:
        fields = list(Message(data, 0, len(data)))
    except Broken:
        return
    assert all(v.end <= len(data) for _, v in fields if isinstance(v, Message))


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=20))
def test_whole_numbers_are_read_as_they_were_written(values: list[int]) -> None:
    data = helper.make_attribute("a", values, attr_type=onnx.AttributeProto.INTS).SerializeToString()
    assert Message(data, 0, len(data)).numbers(8) == values


# What is refused.


def test_an_operator_that_nobody_has_is_named(registered: Register, tmp_path: Path) -> None:
    node = helper.make_node("Sparkle", ["x"], ["y"], domain="acme")
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", 3]) for n in "xy"]
    imports = [helper.make_opsetid("", 18), helper.make_opsetid("acme", 1)]
    file = written(made(helper.make_graph([node], "g", values[:1], values[1:]), opset_imports=imports), tmp_path)
    with pytest.raises(InvalidModel, match="operators `Sparkle` are of the domain `acme`, which onnxruntime does not"):
        registered(file)


def test_an_operator_that_the_runtime_lacks_is_told_by_it(registered: Register, tmp_path: Path) -> None:
    node = helper.make_node("Sparkle", ["x"], ["y"])
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", 3]) for n in "xy"]
    file = written(made(helper.make_graph([node], "g", values[:1], values[1:])), tmp_path)
    with pytest.raises(ValueError, match=r"onnxruntime [\d.]+ cannot load the graph: .*Sparkle"):
        registered(file)


def _outside(place: Path) -> Path:
    model = to_onnx(LogisticRegression().fit(F, YES), F[:1])
    weights = helper.make_tensor("w", TensorProto.FLOAT, [3, 2], np.arange(6, dtype=np.float32).tobytes(), raw=True)
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", s]) for n, s in (("x", 3), ("y", 2))]
    model = made(helper.make_graph([node], "g", values[:1], values[1:], initializer=[weights]))
    onnx.save(model, str(place / "m.onnx"), save_as_external_data=True, location="w.bin", size_threshold=0)
    return place / "m.onnx"


def test_weights_beside_the_file_come_with_it(registered: Register, tmp_path: Path) -> None:
    found = registered(_outside(tmp_path), task="other")
    assert found.description.folder is not None
    assert sorted(f.name for f in found.description.folder.iterdir()) == ["model.onnx", "w.bin"]
    answer = found.predict(TABLE).column("prediction").to_pylist()
    np.testing.assert_allclose(answer, F @ np.arange(6, dtype=np.float32).reshape(3, 2), rtol=1e-5)


def test_weights_that_are_not_there_are_named(tmp_path: Path) -> None:
    file = _outside(tmp_path)
    (tmp_path / "w.bin").unlink()
    with pytest.raises(InvalidModel, match=r"its weights lie in `w\.bin`, which is not beside it"):
        OnnxOrigin().describe(file, tmp_path)


@pytest.mark.parametrize("where", ["../w.bin", "/etc/passwd"])
def test_weights_outside_of_the_folder_are_refused(where: str, tmp_path: Path) -> None:
    file = _outside(tmp_path)
    model = onnx.load(str(file), load_external_data=False)
    model.graph.initializer[0].external_data[0].value = where
    file.write_bytes(model.SerializeToString())
    with pytest.raises(InvalidModel, match=f"its weights lie in `{where}`, which leads out of its folder"):
        OnnxOrigin().describe(file, tmp_path)


def test_an_input_that_no_column_holds_is_refused(tmp_path: Path) -> None:
    sequence = helper.make_tensor_sequence_value_info("x", TensorProto.FLOAT, ["n"])
    node = helper.make_node("ConcatFromSequence", ["x"], ["y"], axis=0)
    graph = helper.make_graph([node], "g", [sequence], [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n"])])
    with pytest.raises(InvalidModel, match="its input `x` is a sequence, which no column holds"):
        OnnxOrigin().describe(written(made(graph), tmp_path), tmp_path)


def test_a_folder_has_one_model(registered: Register, tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.mkdir()
    file = written(to_onnx(LogisticRegression().fit(F, YES), F[:1]), given)
    assert OnnxOrigin().claims(given)
    assert registered(given).finding.task == "binary"
    file.with_name("other.onnx").write_bytes(file.read_bytes())
    with pytest.raises(InvalidModel, match=r"holds several models: `model\.onnx`, `other\.onnx`"):
        OnnxOrigin().describe(given, tmp_path)


def test_a_link_to_a_model_is_that_model(registered: Register, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    file = written(to_onnx(LogisticRegression().fit(F, YES), F[:1]), tmp_path / "store")
    (tmp_path / "linked.onnx").symlink_to(os.path.relpath(file, tmp_path))
    assert registered(tmp_path / "linked.onnx").finding.task == "binary"


def test_what_is_installed_is_required(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file = written(to_onnx(LogisticRegression().fit(F, YES), F[:1]), tmp_path)
    assert f"onnxruntime=={onnxruntime.__version__}" in OnnxOrigin().describe(file, tmp_path).requirements
