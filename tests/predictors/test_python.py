"""Models of the user's own: objects, files, folders; and what is none."""

from __future__ import annotations

import importlib
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace
from typing import Any

import cloudpickle
import joblib
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import skops.io
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hypothesis_numpy
from lightgbm import LGBMClassifier
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from muster.errors import InvalidModel
from muster.predictor import Description
from muster.predictors.local.pickled import modules_in, pickled_modules, recorded_versions
from muster.predictors.mlflow import MlflowOrigin
from muster.predictors.python import PythonOrigin
from tests.zoo.entries import entry
from tests.zoo.inprocess import register, untouched

ORIGIN = PythonOrigin()
FRAME = pd.DataFrame({"x": [0.1, 0.4, 0.6, 0.9], "n": [1, 2, 3, 4]})
SAMPLE = pa.Table.from_pandas(FRAME)
MODEL = "def predict(data):\n    return data['x'] * 2 + 5\n"


@pytest.fixture(autouse=True)
def _untouched() -> Iterator[None]:
    with untouched():
        yield


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    (tmp_path / "scratch").mkdir()
    return tmp_path / "scratch"


def twice(data: pd.DataFrame) -> Any:
    return data["x"] * 2 + 5.5


def by_array(data: Any) -> Any:
    return data[:, 0] + 7.25


by_array.INPUT = "numpy"  # type: ignore[attr-defined]  # how a function says it


class Shifted:
    """Made and loaded in the worker when it is given as a class."""

    def __init__(self, shift: float = 1.5) -> None:
        self.shift = shift
        self.folder: Path | None = None

    def load(self, path: Path) -> None:
        assert (path / "model.pkl").exists()
        self.shift = 100.5

    def predict(self, data: pd.DataFrame) -> Any:
        return data["x"] + self.shift


OBJECTS: dict[str, tuple[object, list[float]]] = {
    "estimator": (LinearRegression().fit(FRAME, FRAME["x"] * 3 + 9), [9.3, 10.2, 10.8, 11.7]),
    "function": (twice, [5.7, 6.3, 6.7, 7.3]),
    "lambda": (lambda data: data["n"] + 0.5, [1.5, 2.5, 3.5, 4.5]),
    "function of arrays": (by_array, [7.35, 7.65, 7.85, 8.15]),
    "instance": (Shifted(), [1.6, 1.9, 2.1, 2.4]),
    "class": (Shifted, [100.6, 100.9, 101.1, 101.4]),
    "bound method": (Shifted(2.5).predict, [2.6, 2.9, 3.1, 3.4]),
}


@pytest.mark.parametrize("name", OBJECTS)
def test_an_object_predicts_as_it_does_here(name: str, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, expected = OBJECTS[name]
    assert ORIGIN.claims(source)
    assert not MlflowOrigin().claims(source)
    found = register(monkeypatch, ORIGIN, source, scratch, SAMPLE, task="regression")
    assert found.predict(SAMPLE).column("prediction").to_pylist() == pytest.approx(expected)
    assert found.description.exact_python
    assert found.description.python == f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.mark.parametrize(
    "source",
    [None, 3, "", b"model.py", FRAME, SAMPLE, [1], dict, int, SimpleNamespace(predict=1), "s3://b/model.py", sys],
)
def test_other_things_are_not_claimed(source: object) -> None:
    assert not ORIGIN.claims(source)


@pytest.mark.parametrize(
    "place", ["~nobody-of-that-name/model.py", "x" * 5000 + ".py", "\ud800.py", "a" * 300 + "/MLmodel"]
)
def test_a_place_that_cannot_be_is_refused_with_a_word(place: str, scratch: Path) -> None:
    for origin in (ORIGIN, MlflowOrigin()):
        origin.claims(place)
        with pytest.raises(InvalidModel) as caught:
            origin.describe(place, scratch)
        assert caught.value.hint


def test_an_object_that_raises_at_every_look_is_not_claimed() -> None:
    class Hostile:
        def __getattr__(self, name: str) -> object:
            raise RuntimeError(name)

    assert not ORIGIN.claims(Hostile())


def test_versions_are_pinned_to_what_is_installed(scratch: Path) -> None:
    import sklearn

    found = ORIGIN.describe(OBJECTS["estimator"][0], scratch)
    assert found.source == "sklearn.linear_model._base.LinearRegression"
    assert set(found.requirements) == {
        f"numpy=={np.__version__}",
        f"pandas=={pd.__version__}",
        f"scikit-learn=={sklearn.__version__}",
    }
    (scratch / "model" / "model.pkl").unlink()
    (scratch / "model").rmdir()
    by_name = ORIGIN.describe(by_array, scratch)
    assert not [line for line in by_name.requirements if line.startswith("pandas")]


def test_code_of_the_user_s_own_goes_along(tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that no index has is not there in the worker: its code must be in the pickle."""
    package = tmp_path / "src" / "my_own_package"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "deep.py").write_text("import json\n\ndef shift(x):\n    return x + json.loads('0.5')\n")
    (package / "model.py").write_text(
        "from my_own_package import deep\nfrom my_own_package.deep import shift\n\n"
        "class Model:\n    def predict(self, data):\n        return shift(data['x']) + deep.shift(0)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path / "src"))
    model = importlib.import_module("my_own_package.model").Model()
    before = cloudpickle.list_registry_pickle_by_value()
    found = ORIGIN.describe(model, scratch)
    assert cloudpickle.list_registry_pickle_by_value() == before
    assert not [line for line in found.requirements if "my" in line]
    code = "import sys, cloudpickle, pandas\nmodel = cloudpickle.load(open(sys.argv[1], 'rb'))\nprint(model.predict({'x': 1.0}))"
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, str(scratch / "model" / "model.pkl")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "2.0"


def test_an_object_that_cannot_be_pickled_is_refused_and_nothing_is_left(scratch: Path) -> None:
    class Locked:
        def __init__(self) -> None:
            self.lock = threading.Lock()

        def predict(self, data: object) -> object:
            return data

    with pytest.raises(InvalidModel, match="Locked cannot be pickled") as caught:
        ORIGIN.describe(Locked(), scratch)
    assert "model.py" in caught.value.hint
    assert not list((scratch / "model").iterdir())


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """A folder with these files; `_` in a name stands for a dot."""

    def make(**files: str) -> Path:
        place = tmp_path / "folder"
        place.mkdir(exist_ok=True)
        for name, text in files.items():
            (place / name.replace("_", ".")).write_text(dedent(text), encoding="utf-8")
        return place

    return make


def test_a_file_is_a_model(folder: Callable[..., Path], scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = folder(mine_py=MODEL) / "mine.py"
    for source in (place, str(place), f"file://{place}"):
        assert ORIGIN.claims(source)
    found = register(monkeypatch, ORIGIN, place, scratch, SAMPLE, task="regression")
    assert found.predict(SAMPLE).column("prediction").to_pylist() == pytest.approx([5.2, 5.8, 6.2, 6.8])
    assert found.description.source == str(place)
    assert found.description.folder is not None
    assert [f.name for f in found.description.folder.iterdir()] == ["model.py"]
    assert not found.description.exact_python
    assert found.description.requirements == (f"pandas=={pd.__version__}",)


def test_a_module_is_its_file(folder: Callable[..., Path], scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(folder(mymodule_py=MODEL)))
    module = importlib.import_module("mymodule")
    assert ORIGIN.claims(module)
    assert ORIGIN.describe(module, scratch).load == {"loader": "file", "file": "model.py"}


FULL = """
import helper
from pathlib import Path
import numpy

INPUT = "numpy"

class Model:
    classes = ["no", "yes"]

    def load(self, path):
        self.weight = float((path / "data.txt").read_text())

    def transform(self, data):
        return data * 1.0

    def predict(self, data):
        return helper.label(data, self.weight)

    def predict_proba(self, data, weight=None):
        yes = numpy.clip(data[:, 0] * (weight or self.weight), 0, 1)
        return numpy.column_stack([1 - yes, yes])

    def post_process(self, answer, method):
        return answer.astype(object) if method == "predict" else answer
"""
HELPER = "import numpy\n\ndef label(data, weight):\n    return numpy.where(data[:, 0] * weight >= 0.5, 'yes', 'no')\n"
TOML = """
task = "binary"
target = "late"
requirements = ["numpy>=1.26"]

[signature]
x = "double"
n = { type = "int64", required = false }
"""


def test_a_folder_has_all_its_parts(
    folder: Callable[..., Path], scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = folder(
        model_py=FULL, helper_py=HELPER, data_txt="0.7", model_toml=TOML, requirements_txt="scipy  # a comment\n"
    )
    (place / ".git").mkdir()
    (place / ".git" / "config").write_text("x")
    assert ORIGIN.claims(place)
    found = register(monkeypatch, ORIGIN, place, scratch, SAMPLE)
    told = found.description
    assert (told.task, told.target, told.classes) == ("binary", "late", ("no", "yes"))
    assert told.requirements == ("numpy>=1.26", "scipy  # a comment")
    assert told.load == {"loader": "file", "file": "model.py", "input": "numpy"}
    assert told.folder is not None
    assert {f.name for f in told.folder.iterdir()} == {
        "model.py",
        "helper.py",
        "data.txt",
        "model.toml",
        "requirements.txt",
    }
    assert [(c.name, c.required) for c in found.finding.signature] == [("x", True), ("n", False)]
    answer = found.predict(SAMPLE)
    assert answer.column("prediction").to_pylist() == ["no", "no", "no", "yes"]
    assert answer.column("probabilities").to_pylist()[3] == pytest.approx([0.37, 0.63])
    assert (place / ".git" / "config").exists()


def test_hooks_of_functions_are_chained(
    folder: Callable[..., Path], scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = """
    offset = 0

    def load(path):
        global offset
        offset = 5.5

    def transform(data):
        return data["x"] * 10

    def predict(data, times=1.0):
        return data * times

    def post_process(answer):
        return answer + offset
    """
    place = folder(model_py=code, model_toml="task = 'regression'\n[parameters]\ntimes = 2.0\n")
    found = register(monkeypatch, ORIGIN, place, scratch, SAMPLE)
    assert found.predict(SAMPLE).column("prediction").to_pylist() == pytest.approx([7.5, 13.5, 17.5, 23.5])
    tenfold = found.predict(SAMPLE, {"times": 10}).column("prediction").to_pylist()
    assert tenfold == pytest.approx([15.5, 45.5, 65.5, 95.5])


def test_a_saved_estimator_in_a_folder(
    folder: Callable[..., Path], scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = folder(model_toml="file = 'fitted.joblib'\nrequirements = ['scikit-learn']\n")
    joblib.dump(LogisticRegression().fit(FRAME, ["a", "b", "a", "b"]), place / "fitted.joblib")
    found = register(monkeypatch, ORIGIN, place, scratch, SAMPLE)
    assert found.description.requirements == ("scikit-learn", "joblib", "pandas")
    assert found.finding.output.classes == ("a", "b")


FRAMED = make_pipeline(ColumnTransformer([("n", StandardScaler(), ["x"])]), LogisticRegression()).fit(
    FRAME, [0, 1, 0, 1]
)
"""Which takes nothing but data frames."""


@pytest.mark.parametrize("suffix", [".joblib", ".pkl", ".cloudpickle", ".skops"])
def test_a_saved_estimator_of_data_frames_needs_pandas(suffix: str, tmp_path: Path, scratch: Path) -> None:
    file = tmp_path / f"fitted{suffix}"
    with file.open("wb") as opened:
        {".joblib": joblib, ".skops": skops.io}.get(suffix, cloudpickle).dump(FRAMED, opened)
    assert f"pandas=={pd.__version__}" in ORIGIN.describe(file, scratch).requirements


def test_an_estimator_that_does_not_say_what_it_takes_gets_frames(scratch: Path) -> None:
    source = make_pipeline(FunctionTransformer(validate=False), LogisticRegression())
    assert f"pandas=={pd.__version__}" in ORIGIN.describe(source, scratch).requirements


def _problems(source: Path, scratch: Path) -> list[str]:
    with pytest.raises(InvalidModel) as caught:
        ORIGIN.describe(source, scratch)
    assert caught.value.hint
    assert not (scratch / "model").exists()
    problems = caught.value.details["problems"]
    assert isinstance(problems, list)
    return problems


def test_everything_wrong_with_a_folder_is_told_at_once(folder: Callable[..., Path], scratch: Path) -> None:
    code = "INPUT = 'spark'\nasync def predict(data): ...\n"
    toml = """
    task = "guessing"
    targe = "x"
    classes = 3
    requirements = "numpy"
    input = "torch"
    python = 3.11
    [signature]
    a = "complexes"
    b = { kind = "int64" }
    [parameters]
    p = []
    [output]
    lable = "x"
    """
    problems = _problems(folder(model_py=code, model_toml=toml), scratch)
    told = "\n".join(problems)
    assert len(problems) == 12
    for part in (
        "`predict` is asynchronous",
        "INPUT in model.py is 'spark'",
        "`task` in model.toml is 'guessing'",
        "no key `targe`; did you mean `target`?",
        "`classes` in model.toml should be a list",
        "`requirements` in model.toml should be a list of texts",
        "`input` in model.toml is 'torch'",
        "`python` in model.toml is 3.11",
        "`a` in [signature] of model.toml: 'complexes' is no type",
        "`b` in [signature] of model.toml: a column has no kind",
        "`p` in [parameters] of model.toml: the type of [] is not told",
        "[output] of model.toml has no key `lable`; did you mean `label`",
    ):
        assert part in told, told


CODE = {
    "broken": ("def predict(data)\n", "model.py is not Python 3"),
    "nothing": ("x = 1\n", "defines neither a function `predict` nor a class `Model`"),
    "a class without predict": (
        "class Model:\n    def fit(self): ...\n",
        "class `Model` of model.py has no method `predict`",
    ),
    "no data": ("def predict(): ...\n", "`predict` takes no data: write `def predict(data)`"),
    "no data in a method": ("class Model:\n    def predict(self): ...\n", "write `def predict(self, data)`"),
}


@pytest.mark.parametrize("case", CODE)
def test_a_file_that_is_no_model_is_refused_unread(case: str, folder: Callable[..., Path], scratch: Path) -> None:
    code, message = CODE[case]
    assert message in "\n".join(_problems(folder(model_py=code), scratch))


@pytest.mark.parametrize(
    "code",
    [
        "from elsewhere import predict\n",
        "from elsewhere import *\n",
        "import elsewhere\nModel = elsewhere.Thing\n",
        "class Base: ...\nclass Model(Base): ...\n",
        "try:\n    def predict(data): ...\nexcept ImportError:\n    pass\n",
        "predict = lambda data: data\n",
        "class Model:\n    @staticmethod\n    def predict(data): ...\n",
        "def predict(*args): ...\n",
    ],
)
def test_what_may_well_be_a_model_is_left_to_the_worker(code: str, folder: Callable[..., Path], scratch: Path) -> None:
    assert ORIGIN.describe(folder(model_py=code), scratch).load["loader"] == "file"


def test_the_file_is_never_run_here(folder: Callable[..., Path], scratch: Path) -> None:
    place = folder(model_py="raise SystemExit('run')\ndef predict(data): ...\n")
    assert ORIGIN.claims(place)
    ORIGIN.describe(place, scratch)


def test_a_file_that_needs_its_neighbour_is_to_be_registered_with_it(
    folder: Callable[..., Path], scratch: Path
) -> None:
    place = folder(mine_py="import helper\n" + MODEL, helper_py="")
    assert "imports `helper`, which lies beside it" in _problems(place / "mine.py", scratch)[0]


def test_what_is_not_installed_is_noted(folder: Callable[..., Path], scratch: Path) -> None:
    found = ORIGIN.describe(folder(model_py="import no_such_thing_anywhere\nimport sklearn.svm, os\n" + MODEL), scratch)
    assert [line.partition("==")[0] for line in found.requirements] == ["pandas", "scikit-learn"]
    assert any("no_such_thing_anywhere" in note for note in found.notes)


def test_a_pickle_that_needs_the_script_that_wrote_it_is_refused(tmp_path: Path, scratch: Path) -> None:
    code = "import pickle, sys\nclass Mine:\n    def predict(self, data): ...\npickle.dump(Mine(), open(sys.argv[1], 'wb'))"
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "model.pkl")], check=True)
    assert "`__main__`" in _problems(tmp_path / "model.pkl", scratch)[0]


@pytest.mark.parametrize("name", ["model.pkl", "model.joblib", "model.skops"])
@pytest.mark.parametrize("content", [b"", b"not a model at all", b"\x80\x05K\x01."])
def test_a_saved_file_that_holds_nothing_is_refused(name: str, content: bytes, tmp_path: Path, scratch: Path) -> None:
    (tmp_path / name).write_bytes(content)
    assert ORIGIN.claims(tmp_path / name)
    assert _problems(tmp_path / name, scratch)


def test_what_is_not_there_says_so(tmp_path: Path, scratch: Path) -> None:
    assert ORIGIN.claims(tmp_path / "modle.py")
    with pytest.raises(InvalidModel, match="there is nothing at"):
        ORIGIN.describe(tmp_path / "modle.py", scratch)


def test_a_saved_estimator_is_pinned_to_the_version_that_it_records(tmp_path: Path, scratch: Path) -> None:
    import sklearn

    for name in ("file_joblib", "file_pickle", "file_skops"):
        (scratch / name).mkdir()
        found: Description = ORIGIN.describe(entry(name).source, scratch / name)
        assert f"scikit-learn=={sklearn.__version__}" in found.requirements, found.requirements
    old = cloudpickle.dumps(OBJECTS["estimator"][0]).replace(sklearn.__version__.encode(), b"1.0.2")
    (tmp_path / "old.pkl").write_bytes(old)
    assert recorded_versions(tmp_path / "old.pkl") == {"scikit-learn": "1.0.2"}
    assert "scikit-learn==1.0.2" in ORIGIN.describe(tmp_path / "old.pkl", scratch).requirements


@pytest.mark.parametrize("compress", [0, 3, ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3)])
def test_modules_of_a_joblib_file_are_found_however_it_is_compressed(compress: object, tmp_path: Path) -> None:
    joblib.dump({"model": OBJECTS["estimator"][0], "array": np.arange(1000)}, tmp_path / "m", compress=compress)
    assert {"sklearn.linear_model._base", "joblib.numpy_pickle", "numpy"} <= pickled_modules(tmp_path / "m")


FITTED: dict[str, tuple[object, set[str]]] = {
    "pipeline": (FRAMED, {"sklearn", "numpy", "joblib"}),
    "texts": (OneHotEncoder().fit(pd.DataFrame({"c": ["u", "v"]})), {"sklearn", "numpy", "joblib"}),
    "lightgbm": (
        LGBMClassifier(n_estimators=2, verbose=-1).fit(np.arange(40.0).reshape(-1, 1), [0, 1] * 20),
        {"lightgbm", "sklearn", "numpy", "joblib", "collections"},
    ),
    "objects first": ([np.array(["a", None], dtype=object), FRAMED], {"sklearn", "numpy", "joblib"}),
    "objects last": ([FRAMED, np.array(["a", None], dtype=object)], {"sklearn", "numpy", "joblib"}),
}


@pytest.mark.parametrize("case", FITTED)
@pytest.mark.parametrize("compress", [0, 3])
def test_a_joblib_file_names_the_modules_that_it_needs_and_no_others(case: str, compress: int, tmp_path: Path) -> None:
    model, expected = FITTED[case]
    joblib.dump(model, tmp_path / "m.joblib", compress=compress)
    found = {m.partition(".")[0] for m in pickled_modules(tmp_path / "m.joblib")}
    assert found - {"builtins"} == expected


_CELLS = st.one_of(st.none(), st.text(max_size=8), st.floats(), st.integers())
_NUMBERS = hypothesis_numpy.arrays(st.sampled_from([np.float64, np.int8]), st.integers(0, 5))
_OBJECTS = hypothesis_numpy.arrays(np.dtype("O"), st.integers(0, 5), elements=_CELLS)


@given(st.lists(st.one_of(st.just(FRAMED), _NUMBERS, _OBJECTS), max_size=4))
def test_arrays_between_a_joblib_files_objects_hide_none_and_add_none(parts: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "m.joblib"
        joblib.dump([*parts, LinearRegression()], file)
        found = {m.partition(".")[0] for m in pickled_modules(file)} - {"builtins", "numpy", "joblib"}
    assert found == {"sklearn"}


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_modules_of_a_pickle_are_found_in_every_protocol(protocol: int) -> None:
    import pickle

    model = LogisticRegression()
    assert modules_in(pickle.dumps(model, protocol)) >= {"sklearn.linear_model._logistic"}


def test_modules_that_a_function_uses_are_found() -> None:
    def uses(data: object) -> object:
        return np.asarray(data), joblib.hash(data), np.ones(3)

    found = modules_in(cloudpickle.dumps(uses))
    assert {"numpy", "joblib"} <= found
    assert not {m for m in found if " " in m}


def test_what_joblib_wrote_is_read_by_it_under_any_name(tmp_path: Path) -> None:
    model = LogisticRegression().fit(np.eye(4), [0, 1, 0, 1])
    for name, compress in (("plain.pkl", 0), ("small.pickle", 3)):
        joblib.dump(model, tmp_path / name, compress=compress)
        (tmp_path / name).with_suffix(".scratch").mkdir()
        description = PythonOrigin().describe(tmp_path / name, (tmp_path / name).with_suffix(".scratch"))
        assert description.load["format"] == "joblib"
        assert any(line.startswith("joblib==") for line in description.requirements)
