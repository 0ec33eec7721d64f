"""The parts of an MLmodel, as MLflow 1, 2 and 3 write them, by hand."""

from __future__ import annotations

import json
import textwrap
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.errors import InvalidModel
from muster.predictors.mlflow import MlflowOrigin
from muster.predictors.mlmodel.document import Document, read_yaml
from muster.predictors.mlmodel.example import read_example
from muster.predictors.mlmodel.requirements import completed, read_needs, without_mlflow
from muster.predictors.mlmodel.signature import output_names, read_signature
from muster.signature import Column, Json, Parameter, Signature, TensorSpec

ONE = """
artifact_path: model
flavors:
  python_function:
    env: conda.yaml
    loader_module: mlflow.sklearn
    model_path: model.pkl
    predict_fn: predict
    python_version: 3.8.13
  sklearn:
    code: null
    pickled_model: model.pkl
    serialization_format: cloudpickle
    sklearn_version: 1.0.2
mlflow_version: 1.30.0
model_uuid: 3dd1b0e5b1f14f6f8e3f6b7b3f2f6d3c
run_id: 0c9d2b0b5f0e4d3b8a2f1e0d9c8b7a69
saved_input_example_info:
  artifact_path: input_example.json
  pandas_orient: split
  type: dataframe
signature:
  inputs: '[{"name": "sepal length", "type": "double"}, {"name": "kind", "type": "string"}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}}]'
utc_time_created: '2022-10-11 08:16:21.532318'
something_of_later: {kept: true}
"""
CONDA = """
channels: [conda-forge]
dependencies:
- python=3.8.13
- pip<=22.2.2
- scikit-learn=0.24
- pandas>=1.2,<2
- pytorch==1.13.1
- conda-forge::lightgbm=3.3.2=py38
- libgcc-ng[build=h1]
- pip:
  - mlflow<2,>=1.30
  - cloudpickle==2.2.0
name: mlflow-env
"""


def make(folder: Path, mlmodel: str = ONE, **files: str) -> Document:
    """A model of these files; `_` in a name stands for a dot, and `__` for `_`."""
    (folder / "MLmodel").write_text(textwrap.dedent(mlmodel), encoding="utf-8")
    (folder / "model.pkl").write_bytes(b"\x80\x05N.")
    for name, text in files.items():
        (folder / name.replace("__", "\0").replace("_", ".").replace("\0", "_")).write_text(text, encoding="utf-8")
    return Document.read(folder)


def test_a_model_of_mlflow_1_tells_all_that_it_knows(tmp_path: Path) -> None:
    example = '{"columns": ["sepal length", "kind"], "data": [[5.1, "a"], [NaN, null]]}'
    make(tmp_path, conda_yaml=CONDA, input__example_json=example)
    (tmp_path / "scratch").mkdir()
    found = MlflowOrigin().describe(tmp_path, tmp_path / "scratch")
    assert found.signature == Signature((Column("sepal length", pa.float64()), Column("kind", pa.string())))
    assert found.python == "3.8"
    assert found.exact_python
    assert found.example is not None
    assert found.example.to_pylist() == [{"sepal length": 5.1, "kind": "a"}, {"sepal length": None, "kind": None}]
    assert found.requirements == (
        "scikit-learn==0.24.*", "pandas>=1.2,<2", "torch==1.13.1", "lightgbm==3.3.2", "cloudpickle==2.2.0", "numpy<1.24",
    )  # fmt: skip
    assert "conda alone can install libgcc-ng[build=h1], which its environment does without" in found.notes
    assert found.load["mlflow"] == {
        "mlflow_version": "1.30.0", "run_id": "0c9d2b0b5f0e4d3b8a2f1e0d9c8b7a69", "model_uuid": "3dd1b0e5b1f14f6f8e3f6b7b3f2f6d3c",
        "utc_time_created": "2022-10-11 08:16:21.532318", "artifact_path": "model", "flavors": ["python_function", "sklearn"],
    }  # fmt: skip


def test_the_oldest_models_name_no_class_no_format_and_no_environment(tmp_path: Path) -> None:
    old = """
    flavors:
      lightgbm: {data: model.lgb, lgb_version: 2.3.1}
      python_function: {data: model.lgb, loader_module: mlflow.lightgbm, env: conda.yaml}
    utc_time_created: '2020-02-02 02:02:02.0'
    """
    make(tmp_path, old, model_lgb="tree")
    found = MlflowOrigin().describe(tmp_path, tmp_path)
    assert {k: v for k, v in found.load.items() if k != "mlflow"} == {"loader": "lightgbm", "file": "model.lgb"}
    assert found.requirements == ("lightgbm==2.3.1", "numpy<1.24", "pandas<2")
    assert found.python is None
    sklearn = "flavors: {sklearn: {pickled_model: model.pkl, sklearn_version: 0.22.1}}"
    (tmp_path / "two").mkdir()
    make(tmp_path / "two", sklearn)
    assert MlflowOrigin().describe(tmp_path / "two", tmp_path).load["format"] == "pickle"


def _signature(
    tmp_path: Path, inputs: object, params: object = None, outputs: object = None
) -> tuple[Signature | None, Document]:
    told = {"inputs": json.dumps(inputs), "params": json.dumps(params), "outputs": json.dumps(outputs)}
    document = make(tmp_path, json.dumps({"flavors": {"sklearn": {}}, "signature": told}))
    return read_signature(document), document


ANYS = {"type": "array", "items": {"type": "any"}}


def test_every_type_of_a_column_has_its_arrow_type(tmp_path: Path) -> None:
    words = {
        "boolean": "bool", "integer": "int32", "long": "int64", "float": "float", "double": "double", "string": "string",
        "binary": "binary", "datetime": "timestamp[us]", "any": "null", "sparkml_vector": "list<item: double>",
    }  # fmt: skip
    nested = [
        {"name": "a", "type": "array", "items": {"type": "long"}},
        {"name": "aa", "type": "array", "items": {"type": "array", "items": {"type": "string"}}},
        {"name": "m", "type": "map", "values": {"type": "double"}},
        {
            "name": "o",
            "type": "object",
            "properties": {"x": {"type": "long", "required": True}, "y": ANYS},
        },
        {"name": "old", "type": "string", "optional": True},
        {"name": "not required", "type": "string", "required": False},
    ]
    found, document = _signature(tmp_path, [{"name": w, "type": w} for w in words] + nested)
    assert found is not None
    assert not document.wrong
    assert [str(c.type) for c in found][:10] == list(words.values())
    assert [str(c.type) for c in found][10:14] == [
        "list<item: int64>", "list<item: list<item: string>>", "map<string, double>", "struct<x: int64, y: list<item: string>>",
    ]  # fmt: skip
    assert [c.required for c in found][13:] == [True, False, False]
    assert not found.positional


def test_tensors_and_columns_without_names(tmp_path: Path) -> None:
    tensor = {"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 2, 3]}}
    found, _ = _signature(tmp_path, [tensor])
    assert found == Signature(
        (Column("inputs", pa.list_(pa.float32()), tensor=TensorSpec("float32", (-1, 2, 3))),), positional=True
    )
    found, _ = _signature(
        tmp_path,
        [{**tensor, "name": "image"}, {"type": "tensor", "name": "id", "tensor-spec": {"dtype": "str", "shape": [-1]}}],
    )
    assert found is not None
    assert found.names == ("image", "id")
    assert str(found.columns[1].type) == "list<item: string>"
    found, _ = _signature(tmp_path, [{"type": "long"}, {"type": "double"}])
    assert found is not None
    assert (found.names, found.positional) == (("0", "1"), True)


def test_parameters_and_outputs(tmp_path: Path) -> None:
    params = [
        {"name": "k", "type": "long", "default": 1, "shape": None},
        {"name": "names", "type": "string", "default": ["a"], "shape": [-1]},
        {"name": "since", "type": "datetime", "default": "2024-01-01T00:00:00"},
    ]
    found, document = _signature(
        tmp_path, [], params, [{"name": "low", "type": "double"}, {"name": "high", "type": "double"}]
    )
    assert found is not None
    assert found.parameters == (
        Parameter("k", pa.int64(), 1),
        Parameter("names", pa.string(), ["a"], many=True),
        Parameter("since", pa.timestamp("us"), "2024-01-01T00:00:00"),
    )
    assert output_names(document) == ["low", "high"]


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"x": 1}, "no list of objects"),
        ([1], "no list of objects"),
        ([{"name": "x"}], "the type None"),
        ([{"name": "x", "type": "array", "items": {"type": "complex"}}], "'array'"),
        ([{"name": "x", "type": "object", "properties": 3}], "'object'"),
        ([{"name": "x", "type": "tensor"}], "no type or shape"),
        ([{"name": "x", "type": "tensor", "tensor-spec": {"dtype": "float99", "shape": [-1]}}], "no type or shape"),
        ([{"name": "x", "type": "tensor", "tensor-spec": {"dtype": "float32", "shape": []}}], "no type or shape"),
        ([{"name": "x", "type": "long"}, {"type": "long"}], "others have none"),
        ([{"name": "x", "type": "long"}, {"name": "x", "type": "long"}], "x more than once"),
    ],
)
def test_a_signature_that_is_none_is_noted(inputs: object, message: str, tmp_path: Path) -> None:
    _, document = _signature(tmp_path, inputs)
    assert message in "; ".join(document.wrong)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False)
    | st.sampled_from(["long", "tensor", "array", "x", ""]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["name", "type", "items", "properties", "values", "tensor-spec", "dtype", "shape", "required"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(inputs=json_values, params=json_values)
def test_no_signature_makes_the_reader_fail(
    inputs: object, params: object, tmp_path_factory: pytest.TempPathFactory
) -> None:
    found, document = _signature(tmp_path_factory.mktemp("any"), inputs, params)
    assert found is not None
    assert document.wrong or all(c.name for c in found)
    assert Signature.from_json(found.to_json()).names == found.names  # type: ignore[arg-type]  # it writes an object


def test_yaml_is_read_as_plain_values_only(tmp_path: Path) -> None:
    for text, message in (
        ("flavors: [unclosed", "is not YAML"),
        ("!!python/object/apply:os.system ['true']", "is not YAML"),
        ("\t- x", "is not YAML"),
        ("just text", "names no flavors"),
        ("flavors: {}", "names no flavors"),
        ("- 1\n- 2", "names no flavors"),
        ("", "names no flavors"),
    ):
        (tmp_path / "MLmodel").write_text(text)
        with pytest.raises(InvalidModel, match=message) as caught:
            Document.read(tmp_path)
        assert caught.value.hint
    (tmp_path / "MLmodel").write_bytes(b"\xff\xfe\x00flavors")
    with pytest.raises(InvalidModel, match="UTF-8"):
        Document.read(tmp_path)


def test_a_few_lines_that_unfold_to_billions_are_refused(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"] + [
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)
    ]
    (tmp_path / "MLmodel").write_text("\n".join(lines))
    with pytest.raises(InvalidModel, match="unfolds to more than"):
        Document.read(tmp_path)
    (tmp_path / "itself").write_text("&a [*a]")
    with pytest.raises(InvalidModel):
        read_yaml(tmp_path / "itself")
    (tmp_path / "dates").write_text(
        "when: 2024-01-02\nat: 2024-01-02 03:04:05\nset: !!set {a}\nbytes: !!binary aGk=\n1: one"
    )
    assert read_yaml(tmp_path / "dates") == {
        "when": "2024-01-02", "at": "2024-01-02 03:04:05", "set": ["a"], "bytes": "b'hi'", "1": "one",
    }  # fmt: skip


NEEDS: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "requirements.txt": ({"requirements_txt": "a==1\n# c\n\n-r other.txt\n", "conda_yaml": CONDA}, ("a==1", "# c", "", "-r other.txt")),
    "with a mark": ({"requirements_txt": "\ufeffa==1"}, ("a==1",)),
    "python_env": ({"python__env_yaml": "python: 3.9.1\ndependencies:\n- b==2\n- -r requirements.txt\n"}, ("b==2",)),
    "nothing": ({}, ()),
    "broken": ({"conda_yaml": "dependencies: 3", "python__env_yaml": "[]"}, ()),
}  # fmt: skip


@pytest.mark.parametrize("case", NEEDS)
def test_requirements_come_from_the_file_that_is_there(case: str, tmp_path: Path) -> None:
    files, expected = NEEDS[case]
    document = make(tmp_path, ONE, **files)
    assert read_needs(document).requirements == expected
    assert not document.wrong


def test_the_python_of_the_function_stands_before_that_of_the_files(tmp_path: Path) -> None:
    files = {"conda_yaml": CONDA, "python__env_yaml": "python: 3.9.1"}
    assert read_needs(make(tmp_path, ONE, **files)).python == "3.8"
    other = ONE.replace("    python_version: 3.8.13\n", "")
    assert read_needs(make(tmp_path, other, **files)).python == "3.9"
    (tmp_path / "python_env.yaml").unlink()
    assert read_needs(make(tmp_path, other)).python == "3.8"


def test_what_a_model_lacks_is_added_and_what_it_has_is_kept() -> None:
    lines = [
        "mlflow==2.9.2",
        "MLflow_Skinny",
        "mlflow[extras]>=2",
        "scikit_learn",
        "Pandas==1.5.3",
        "mlflowx==1",
        "# mlflow",
        "-r mlflow.txt",
    ]
    kept = without_mlflow(lines)
    assert kept == ["scikit_learn", "Pandas==1.5.3", "mlflowx==1", "# mlflow", "-r mlflow.txt"]
    whole, added = completed(kept, ["scikit-learn==1.2", "pandas", "cloudpickle"], None, bounded=True)
    assert whole == ["scikit-learn==1.2", "Pandas==1.5.3", "mlflowx==1", "# mlflow", "-r mlflow.txt", "cloudpickle"]
    assert added == ["cloudpickle"]
    day = datetime(2024, 1, 1, tzinfo=UTC)
    assert completed(["numpy==1.26.0"], ["pandas"], day, bounded=True)[0] == ["numpy==1.26.0", "pandas<3"]
    assert completed(["numpy"], [], day, bounded=True)[0] == ["numpy", "numpy<2"]
    assert completed([], [], day, bounded=False)[0] == []
    assert completed([], ["pandas"], datetime(2026, 6, 1, tzinfo=UTC), bounded=True)[0] == ["pandas"]


@pytest.mark.parametrize("build", ["xgboost-cpu==3.0.1", "XGBoost_CPU"])
def test_another_build_of_a_library_is_that_library(build: str) -> None:
    """Both in one environment would overwrite each other."""
    assert completed([build], ["xgboost==3.0.1"], None, bounded=False) == ([build], [])
    assert completed([build], ["onnxruntime"], None, bounded=False)[1] == ["onnxruntime"]


@pytest.mark.parametrize(
    ("told", "loader"),
    [
        ("keras_backend: torch, keras_version: 3.15.1, save_exported_model: false", "keras"),
        ("keras_backend: tensorflow, keras_version: 3.15.1, save_exported_model: true", "pyfunc"),
        ("code: null, keras_module: tensorflow.keras, keras_version: 2.11.0, save_format: tf", "pyfunc"),
    ],
)
def test_keras_before_3_and_what_it_exports_go_with_tensorflow(told: str, loader: str, tmp_path: Path) -> None:
    mlmodel = f"""
    flavors:
      keras: {{data: data, {told}}}
      python_function: {{data: data, loader_module: mlflow.keras, env: conda.yaml}}
    """
    make(tmp_path, mlmodel)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/model.keras").touch()
    found = MlflowOrigin().describe(tmp_path, tmp_path)
    assert found.load["loader"] == loader
    assert ("scores" in found.load) is (loader == "pyfunc")


SPLIT: dict[str, object] = {"type": "dataframe", "pandas_orient": "split"}
COLUMNS = Signature((Column("a", pa.float64()), Column("b", pa.string())))
EXAMPLES: dict[str, tuple[object, dict[str, object], Signature | None, list[dict[str, object]]]] = {
    "split": (
        {"columns": ["a", "b"], "data": [[1, "x"], [2.5, None]]},
        SPLIT,
        COLUMNS,
        [{"a": 1.0, "b": "x"}, {"a": 2.5, "b": None}],
    ),
    "split with an index": ({"index": [7], "columns": ["a"], "data": [[1]]}, SPLIT, None, [{"a": 1}]),
    "records": (
        [{"a": 1, "b": "x"}, {"b": "y"}],
        {"type": "dataframe", "pandas_orient": "records"},
        COLUMNS,
        [{"a": 1.0, "b": "x"}, {"a": None, "b": "y"}],
    ),
    "served, split": ({"dataframe_split": {"columns": ["a"], "data": [[1]]}}, SPLIT, None, [{"a": 1}]),
    "served, records": ({"dataframe_records": [{"a": 1}]}, {"type": "dataframe"}, None, [{"a": 1}]),
    "served, instances": ({"instances": [[1, 2]]}, {"type": "ndarray"}, None, [{"0": 1, "1": 2}]),
    "array": ([[1.0, 2.0], [3.0, 4.0]], {"type": "ndarray"}, None, [{"0": 1.0, "1": 2.0}, {"0": 3.0, "1": 4.0}]),
    "array with named columns": ([[1, "x"]], {"type": "ndarray"}, COLUMNS, [{"a": 1.0, "b": "x"}]),
    "flat array": ([1, 2], {"type": "ndarray"}, None, [{"inputs": 1}, {"inputs": 2}]),
    "arrays by name": (
        {"a": [1, 2], "b": ["x", "y"]},
        {"type": "ndarray"},
        COLUMNS,
        [{"a": 1.0, "b": "x"}, {"a": 2.0, "b": "y"}],
    ),
    "tensor": (
        [[[1, 2], [3, 4]]],
        {"type": "ndarray"},
        Signature(
            (Column("inputs", pa.list_(pa.float32()), tensor=TensorSpec("float32", (-1, 2, 2))),), positional=True
        ),
        [{"inputs": [1.0, 2.0, 3.0, 4.0]}],
    ),
    "with parameters": (
        {"inputs": [{"a": 1}], "params": {"k": 2}},
        {"type": "json_object", "params": "true"},
        None,
        [{"a": 1}],
    ),
    "one object": ({"a": 1, "b": "x"}, {"type": "json_object"}, COLUMNS, [{"a": 1.0, "b": "x"}]),
    "one value": (3, {"type": "json_object"}, None, [{"inputs": 3}]),
    "csr": (
        {"data": [5, 6], "indices": [1, 0], "indptr": [0, 1, 2], "shape": [2, 2]},
        {"type": "sparse_matrix_csr"},
        None,
        [{"0": 0.0, "1": 5.0}, {"0": 6.0, "1": 0.0}],
    ),
    "csc": (
        {"data": [5, 6], "indices": [1, 0], "indptr": [0, 1, 2], "shape": [2, 2]},
        {"type": "sparse_matrix_csc"},
        None,
        [{"0": 0.0, "1": 6.0}, {"0": 5.0, "1": 0.0}],
    ),
    "bytes": ({"columns": ["a"], "data": [["aGk="]]}, SPLIT, Signature((Column("a", pa.binary()),)), [{"a": b"hi"}]),
    "other types than the signature": (
        {"columns": ["a", "b"], "data": [["word", 7]]},
        SPLIT,
        COLUMNS,
        [{"a": "word", "b": 7}],
    ),
}


@pytest.mark.parametrize("case", EXAMPLES)
def test_an_example_of_every_form_is_a_table(case: str, tmp_path: Path) -> None:
    body, info, signature, expected = EXAMPLES[case]
    told = {"flavors": {"sklearn": {}}, "saved_input_example_info": {"artifact_path": "e.json", **info}}
    document = make(tmp_path, json.dumps(told), e_json=json.dumps(body))
    table, _ = read_example(document, signature)
    assert not document.notes
    assert table is not None
    assert table.to_pylist() == expected


def test_a_bare_nan_is_a_null(tmp_path: Path) -> None:
    told = {"flavors": {"sklearn": {}}, "saved_input_example_info": {"artifact_path": "e.json", **SPLIT}}
    document = make(tmp_path, json.dumps(told), e_json='{"columns": ["a", "b"], "data": [[NaN, NaN], [Infinity, "x"]]}')
    table, _ = read_example(document, COLUMNS)
    assert table is not None
    assert table.to_pylist() == [{"a": None, "b": None}, {"a": float("inf"), "b": "x"}]


@pytest.mark.parametrize(
    "text", ["", "{", '{"columns": ["a"], "data": [[]]}', '{"columns": ["a"], "data": [1]}', "[[1], [2, 3]]"]
)
def test_an_example_that_cannot_be_read_is_noted_and_left_out(text: str, tmp_path: Path) -> None:
    told = {"flavors": {"sklearn": {}}, "saved_input_example_info": {"artifact_path": "e.json", **SPLIT}}
    document = make(tmp_path, json.dumps(told), e_json=text)
    assert read_example(document, None) == (None, False)
    assert len(document.notes) == 1
    assert not document.wrong
    (tmp_path / "e.json").unlink()
    assert read_example(Document.read(tmp_path), None) == (None, False)


def test_broken_yaml_is_told_with_its_line_and_without_the_library_s_name_for_it(tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text("flavors:\n  a: [1\nb: 2\n")
    with pytest.raises(InvalidModel, match=r"MLmodel is not YAML: .*line 3") as caught:
        read_yaml(tmp_path / "MLmodel")
    assert "unicode string" not in caught.value.message


def test_columns_that_mlflow_could_not_tell_are_none(tmp_path: Path) -> None:
    found, document = _signature(tmp_path, [{"type": "any", "required": True}], [])
    assert found is not None
    assert found.columns == ()
    assert not found.positional
    assert document.wrong == []


def test_objects_of_type_hints_are_rows_with_their_properties_as_columns(tmp_path: Path) -> None:
    properties = {"name": {"type": "string"}, "tags": {"type": "array", "items": {"type": "string"}, "required": False}}
    inputs = [{"type": "object", "properties": properties, "required": True}]
    body: dict[str, Json] = {
        "flavors": {},
        "signature": {"inputs": json.dumps(inputs)},
        "is_signature_from_type_hint": True,
    }
    found = read_signature(Document(tmp_path, body))
    assert found is not None
    assert found.columns == (Column("name", pa.string()), Column("tags", pa.list_(pa.string()), required=False))
    assert not found.positional
    plain = read_signature(Document(tmp_path, {**body, "is_signature_from_type_hint": False}))
    assert plain is not None
    assert len(plain.columns) == 1


@pytest.mark.parametrize(("python", "added"), [("3.8.18", True), ("3.11.7", True), ("3.12.1", False)])
def test_what_early_environments_had_unasked_is_kept(python: str, added: bool, tmp_path: Path) -> None:
    """XGBoost 1.6 does not import without it."""
    (tmp_path / "requirements.txt").write_text("xgboost==1.6.2\n", encoding="utf-8")
    (tmp_path / "python_env.yaml").write_text(
        f"python: {python}\nbuild_dependencies: [pip, setuptools==56.0.0]\ndependencies: [-r requirements.txt]\n",
        encoding="utf-8",
    )
    needs = read_needs(Document(tmp_path, {"flavors": {"python_function": {"python_version": python}}}))
    assert ("setuptools<81" in needs.requirements) is added
    (tmp_path / "requirements.txt").write_text("xgboost==1.6.2\nsetuptools==70.0.0\n", encoding="utf-8")
    needs = read_needs(Document(tmp_path, {"flavors": {"python_function": {"python_version": python}}}))
    assert needs.requirements == ("xgboost==1.6.2", "setuptools==70.0.0")


@pytest.mark.parametrize(
    ("value", "found"), [(".", "."), ("./", "."), ("..", None), ("C:\\x", None), ("/", None), ("none", None)]
)
def test_a_path_lies_in_the_folder_or_is_the_folder(value: str, found: str | None, tmp_path: Path) -> None:
    document = make(tmp_path)
    assert document.inside(value, "its data") == found
    assert bool(document.wrong) == (found is None)
