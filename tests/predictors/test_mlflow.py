"""Models that MLflow saved, beside their own libraries; and folders that are no models."""

from __future__ import annotations

import shutil
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import yaml

from muster.errors import InvalidInput, InvalidModel, SignatureMismatch
from muster.predictors.mlflow import MlflowOrigin
from muster.predictors.python import PythonOrigin
from tests.zoo.entries import NAMES, entry
from tests.zoo.inprocess import register, untouched

# mlflow itself warns when it is imported and when it loads, in the worker as anywhere.
warns = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")

ORIGIN = MlflowOrigin()
MLFLOW = [n for n in NAMES if not n.startswith("file_")]


@pytest.fixture(autouse=True)
def _untouched() -> Iterator[None]:
    with untouched():
        yield


def assert_equal(answer: pa.RecordBatch, expected: pa.Table) -> None:
    """Labels and values to the bit; probabilities to the last places of a double."""
    assert "error" not in answer.schema.names
    if isinstance(expected["prediction"][0].as_py(), float):
        np.testing.assert_array_equal(answer.column("prediction"), expected["prediction"].to_numpy())
    else:
        assert answer.column("prediction").to_pylist() == expected["prediction"].to_pylist()
    if "probabilities" in expected.schema.names:
        given, wanted = answer.column("probabilities").to_pylist(), expected["probabilities"].to_pylist()
        for one, other in zip(given, wanted, strict=True):
            parts = [(one[n], other[n]) for n in other] if isinstance(other, dict) else [(one, other)]
            for a, b in parts:
                np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", [pytest.param(n, marks=warns) if n.startswith("pyfunc") else n for n in NAMES])
def test_predictions_are_those_of_the_library(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = entry(name)
    origin = PythonOrigin() if name.startswith("file_") else ORIGIN
    sample = model.data if model.case.get("sample") else None
    found = register(monkeypatch, origin, model.source, tmp_path, sample, **model.case.get("declare", {}))
    assert found.finding.task == model.case["task"]
    assert list(found.finding.output.classes) == model.case.get("classes", [])
    assert found.finding.output.probabilities == ("probabilities" in model.expected.schema.names)
    assert_equal(found.predict(model.data), model.expected)


@pytest.mark.parametrize(
    "name", ["sklearn_pipeline", "sklearn_bare", "lightgbm_classifier", "xgboost_booster", "sklearn_search"]
)
def test_the_registered_order_of_classes_holds(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = entry(name)
    backwards = model.case["classes"][::-1]
    if name == "xgboost_booster":  # it knows no classes, so what is declared says what its probability is of
        backwards = model.case["classes"]
    found = register(monkeypatch, ORIGIN, model.source, tmp_path, model.data, classes=tuple(backwards))
    assert list(found.finding.output.classes) == backwards
    places = [model.case["classes"].index(c) for c in backwards]
    expected = [[row[i] for i in places] for row in model.expected["probabilities"].to_pylist()]
    answer = found.predict(model.data)
    np.testing.assert_allclose(answer.column("probabilities").to_pylist(), expected, rtol=1e-12, atol=1e-15)
    assert answer.column("prediction").to_pylist() == model.expected["prediction"].to_pylist()


def test_what_a_model_says_is_taken_from_it(tmp_path: Path) -> None:
    model = entry("sklearn_pipeline")
    found = ORIGIN.describe(model.source, tmp_path)
    assert found.signature is not None
    assert found.signature.names == ("age", "income", "rate", "city")
    assert [str(c.type) for c in found.signature] == ["int64", "double", "float", "string"]
    assert found.example is not None
    assert found.example.num_rows == 4
    assert found.example.schema.field("rate").type == pa.float32()
    assert found.python == f"{sys.version_info.major}.{sys.version_info.minor}"
    assert found.exact_python
    lineage = found.load["mlflow"]
    assert isinstance(lineage, dict)
    assert lineage["metadata"] == {"team": "ops"}
    assert {"mlflow_version", "model_uuid", "utc_time_created"} <= set(lineage)
    assert found.folder == model.source


def test_without_mlflow_its_requirement_is_left_out_and_what_loads_it_is_pinned(tmp_path: Path) -> None:
    import sklearn

    found = ORIGIN.describe(entry("sklearn_pipeline").source, tmp_path)
    assert not any(line.startswith("mlflow") for line in found.requirements)
    assert f"scikit-learn=={sklearn.__version__}" in found.requirements
    assert "cloudpickle" in found.requirements
    kept = ORIGIN.describe(entry("pyfunc_class").source, tmp_path)
    assert "mlflow-skinny" in kept.requirements
    assert not any(line.startswith("mlflow=") for line in kept.requirements)


def test_data_formats_take_the_nearest_python_and_pickles_their_own(tmp_path: Path) -> None:
    exact = {n: ORIGIN.describe(entry(n).source, tmp_path).exact_python for n in MLFLOW}
    assert {n for n, e in exact.items() if not e} == {
        "sklearn_array", "sklearn_regressor", "xgboost_classifier", "xgboost_categories", "xgboost_booster", "xgboost_codes",
        "xgboost_regressor", "lightgbm_classifier", "lightgbm_booster", "pyfunc_code", "lightgbm_rest",
    }  # fmt: skip


@warns
def test_parameters_have_defaults_and_are_cast(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = entry("pyfunc_class")
    found = register(monkeypatch, ORIGIN, model.source, tmp_path, model.data, task="regression")
    [parameter] = found.finding.signature.parameters
    assert (parameter.name, parameter.default, str(parameter.type)) == ("times", 3.0, "double")
    doubled = found.predict(model.data, {"times": 2}).column("prediction").to_numpy()
    np.testing.assert_array_equal(doubled, model.data["rate"].to_numpy().astype(float) * 2)


def test_what_a_booster_cannot_know_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidInput, match="its classes are not told") as caught:
        register(monkeypatch, ORIGIN, entry("xgboost_booster").source, tmp_path, entry("xgboost_booster").data)
    assert caught.value.details["declare"] == ["classes"]
    with pytest.raises(InvalidModel, match="3 probabilities for each row, and it has 2 classes"):
        data = entry("lightgbm_booster").data
        (tmp_path / "b").mkdir()
        register(
            monkeypatch,
            ORIGIN,
            entry("lightgbm_booster").source,
            tmp_path / "b",
            data,
            task="multiclass",
            classes=("a", "b"),
        )


def test_a_sample_names_the_columns_of_a_tensor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = entry("sklearn_array")
    found = register(monkeypatch, ORIGIN, model.source, tmp_path, model.data)
    assert found.finding.signature.names == ("age", "income", "rate")
    assert found.finding.signature.positional
    (tmp_path / "two").mkdir()
    with pytest.raises(SignatureMismatch, match=r"takes 3 columns, .* and the sample has 4"):
        more = model.data.append_column("spare", pa.array([1.0] * model.data.num_rows))
        register(monkeypatch, ORIGIN, model.source, tmp_path / "two", more)
    (tmp_path / "three").mkdir()
    alone = register(monkeypatch, ORIGIN, model.source, tmp_path / "three")
    rows = pa.table({"inputs": pa.array(np.column_stack([c.to_numpy() for c in model.data.columns]).tolist())})
    assert alone.finding.probe.source == "example"
    assert_equal(alone.predict(rows), model.expected)


def test_a_sample_without_the_model_s_columns_names_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = entry("sklearn_bare")
    with pytest.raises(
        SignatureMismatch,
        match="none of the columns that the model takes: it has `x`, and the model takes `age`, `income`, `rate`",
    ):
        register(monkeypatch, ORIGIN, model.source, tmp_path, pa.table({"x": [1.0]}))
    (tmp_path / "two").mkdir()
    with pytest.raises(SignatureMismatch, match="lacks 1 of the 3 columns that the model takes: `rate`"):
        register(monkeypatch, ORIGIN, model.source, tmp_path / "two", model.data.drop_columns(["rate"]))
    (tmp_path / "three").mkdir()
    with pytest.raises(InvalidInput, match="does not tell their types") as caught:
        register(monkeypatch, ORIGIN, model.source, tmp_path / "three")
    assert "sample" in caught.value.hint


def test_without_sample_and_example_facts_decide_and_a_note_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = register(monkeypatch, ORIGIN, entry("sklearn_boosted").source, tmp_path)
    assert found.finding.probe.source == "none"
    assert any("not asked" in note for note in found.finding.notes)
    assert_equal(found.predict(entry("sklearn_boosted").data), entry("sklearn_boosted").expected)


def _zip(source: Path, target: Path) -> None:
    with zipfile.ZipFile(target, "w") as packed:
        for file in sorted(source.rglob("*")):
            packed.write(file, file.relative_to(source))


def _tar(source: Path, target: Path, mode: str) -> None:
    with tarfile.open(target, mode) as packed:  # type: ignore[call-overload]  # any of the modes above
        packed.add(source, "some/folder" if mode == "w" else "folder")


def _zstd(source: Path, target: Path) -> None:
    _tar(source, target.with_suffix(""), "w:")
    with pa.CompressedOutputStream(str(target), "zstd") as stream:
        stream.write(target.with_suffix("").read_bytes())


PACKED: dict[str, Callable[[Path, Path], object]] = {
    "model.zip": _zip,
    "model.tar": lambda source, target: _tar(source, target, "w"),
    "model.tar.gz": lambda source, target: _tar(source, target, "w:gz"),
    "model.tar.bz2": lambda source, target: _tar(source, target, "w:bz2"),
    "model.tar.xz": lambda source, target: _tar(source, target, "w:xz"),
    "model.tar.zst": _zstd,
}


@pytest.mark.parametrize("name", PACKED)
def test_an_archive_is_its_folder(name: str, tmp_path: Path) -> None:
    source = entry("sklearn_pipeline").source
    PACKED[name](source, tmp_path / name)
    assert ORIGIN.claims(tmp_path / name)
    assert not PythonOrigin().claims(tmp_path / name)
    (tmp_path / "scratch").mkdir()
    if name == "model.tar":  # two folders down is too deep
        with pytest.raises(InvalidModel, match="no MLmodel"):
            ORIGIN.describe(tmp_path / name, tmp_path / "scratch")
        return
    found = ORIGIN.describe(str(tmp_path / name), tmp_path / "scratch")
    assert found.folder is not None
    assert {f.name for f in found.folder.iterdir()} == {f.name for f in source.iterdir()}
    assert found.load == ORIGIN.describe(source, tmp_path).load


def test_the_folder_the_file_or_the_folder_above_is_claimed(tmp_path: Path) -> None:
    source = entry("sklearn_pipeline").source
    for given in (source, str(source), f"file://{source}", source / "MLmodel", source.parent):
        assert ORIGIN.claims(given), given
        assert not PythonOrigin().claims(given), given
        assert ORIGIN.describe(given, tmp_path).folder == source
    for foreign in (
        None,
        3,
        "",
        "s3://bucket/model",
        source / "conda.yaml",
        source / "nothing",
        tmp_path,
        object(),
        b"x",
    ):
        assert not ORIGIN.claims(foreign), foreign


def test_of_several_models_one_must_be_named(tmp_path: Path) -> None:
    for name in ("one", "two"):
        shutil.copytree(entry("sklearn_pipeline").source, tmp_path / "all" / name)
    assert ORIGIN.claims(tmp_path / "all")
    with pytest.raises(InvalidModel, match="several models: `one`, `two`"):
        ORIGIN.describe(tmp_path / "all", tmp_path)


@pytest.fixture
def broken(tmp_path: Path) -> Callable[..., Path]:
    """A model whose MLmodel is changed."""

    def make(name: str, change: Callable[[dict[str, object], Path], object]) -> Path:
        folder = tmp_path / "broken"
        shutil.copytree(entry(name).source, folder)
        body = yaml.safe_load((folder / "MLmodel").read_text())
        change(body, folder)
        (folder / "MLmodel").write_text(yaml.safe_dump(body))
        return folder

    return make


def _flavor(body: dict[str, object], name: str) -> dict[str, object]:
    flavors = body["flavors"]
    assert isinstance(flavors, dict)
    found: dict[str, object] = flavors[name]
    return found


def _only(body: dict[str, object], flavors: dict[str, object]) -> None:
    body["flavors"] = flavors


BROKEN: dict[str, tuple[str, Callable[[dict[str, object], Path], object], str]] = {
    "unknown flavor": (
        "sklearn_pipeline",
        lambda body, _: _only(body, {"crate": {"version": "1"}}),
        "flavors crate, and Muster runs python_function, sklearn",
    ),
    "no flavors": ("sklearn_pipeline", lambda body, _: _only(body, {}), "names no flavors"),
    "missing file": (
        "sklearn_pipeline",
        lambda _, folder: (folder / "model.pkl").unlink(),
        "`model.pkl`, which is not in the folder",
    ),
    "a path out": (
        "sklearn_pipeline",
        lambda body, _: _flavor(body, "sklearn").update(pickled_model="../../etc/passwd"),
        "`../../etc/passwd`, which leads out",
    ),
    "an absolute path": (
        "xgboost_booster",
        lambda body, _: _flavor(body, "xgboost").update(data="/etc/passwd"),
        "`/etc/passwd`, which leads out",
    ),
    "unknown format": (
        "sklearn_pipeline",
        lambda body, _: _flavor(body, "sklearn").update(serialization_format="dill"),
        "`dill`, and Muster reads cloudpickle",
    ),
    "signature": (
        "sklearn_pipeline",
        lambda body, _: body.update(signature={"inputs": "[{", "params": "{}"}),
        "inputs of its signature are not JSON",
    ),
    "a type": (
        "sklearn_pipeline",
        lambda body, _: body.update(signature={"inputs": '[{"name": "x", "type": "complex"}]'}),
        "`x` .* 'complex'",
    ),
    "missing script": (
        "pyfunc_code",
        lambda _, folder: (folder / "script.py").unlink(),
        "its script `script.py` is not in the folder",
    ),
    "missing code": (
        "sklearn_pipeline",
        lambda body, _: _flavor(body, "python_function").update(code="code"),
        "`code`, which is not in the folder",
    ),
    "python": (
        "sklearn_pipeline",
        lambda body, _: _flavor(body, "python_function").update(python_version="three"),
        "'three', which is none",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_model_is_refused(case: str, broken: Callable[..., Path], tmp_path: Path) -> None:
    name, change, message = BROKEN[case]
    folder = broken(name, change)
    (tmp_path / "scratch").mkdir()
    with pytest.raises(InvalidModel, match=message) as caught:
        ORIGIN.describe(folder, tmp_path / "scratch")
    assert caught.value.hint
    assert not list((tmp_path / "scratch").iterdir())


def test_all_that_is_wrong_is_told_at_once(broken: Callable[..., Path], tmp_path: Path) -> None:
    def change(body: dict[str, object], folder: Path) -> None:
        (folder / "model.pkl").unlink()
        body["signature"] = {"inputs": "[", "params": '[{"name": "p"}]'}

    with pytest.raises(InvalidModel) as caught:
        ORIGIN.describe(broken("sklearn_pipeline", change), tmp_path)
    assert len(caught.value.details["problems"]) == 3  # type: ignore[arg-type]  # a list of texts


@warns
def test_a_script_is_found_by_its_name_wherever_it_was_written(
    broken: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in ("/home/someone/else/script.py", "C:\\Users\\someone\\script.py"):
        folder = broken(
            "pyfunc_code", lambda body, _, path=path: _flavor(body, "python_function").update(model_code_path=path)
        )
        if "\\" not in path:
            (tmp_path / "scratch").mkdir(exist_ok=True)
            found = register(
                monkeypatch, ORIGIN, folder, tmp_path / "scratch", entry("pyfunc_code").data, task="binary"
            )
            assert_equal(found.predict(entry("pyfunc_code").data), entry("pyfunc_code").expected)
        else:
            assert ORIGIN.describe(folder, tmp_path).load["module"] == "mlflow.pyfunc.loaders.code_model"
        shutil.rmtree(folder)


def test_code_that_imports_mlflow_keeps_it(broken: Callable[..., Path], tmp_path: Path) -> None:
    def change(body: dict[str, object], folder: Path) -> None:
        (folder / "code").mkdir()
        (folder / "code" / "helper.py").write_text("from mlflow.models import Model\n")
        (folder / "requirements.txt").write_text(
            "mlflow==3.1.0\nscikit-learn==1.6.1  # pinned\n--extra-index-url https://example.org\n"
        )
        _flavor(body, "python_function").update(code="code")

    found = ORIGIN.describe(broken("sklearn_pipeline", change), tmp_path)
    assert found.load["code"] == ["code"]
    assert "mlflow==3.1.0" in found.requirements


def test_a_loader_of_its_own_is_no_plain_flavor(broken: Callable[..., Path], tmp_path: Path) -> None:
    folder = broken(
        "sklearn_pipeline",
        lambda body, _: _flavor(body, "python_function").update(loader_module="databricks.feature_store.mlflow_model"),
    )
    assert ORIGIN.describe(folder, tmp_path).load["loader"] == "pyfunc"


def test_nothing_of_mlflow_is_imported_here(tmp_path: Path) -> None:
    """The loaders of other tests import it into this process, so another one looks."""
    import subprocess

    code = (
        "import sys, pathlib; from muster.predictors.mlflow import MlflowOrigin\n"
        "MlflowOrigin().describe(sys.argv[1], pathlib.Path(sys.argv[2]))\n"
        "print([m for m in ('mlflow', 'sklearn', 'skops', 'joblib') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(entry("sklearn_pipeline").source), str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
