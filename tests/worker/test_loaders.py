"""What the worker's loaders give a model, what they make of its answers, and that the same work is not done twice."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cloudpickle
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from muster.signature import TENSOR, Column, Signature, TensorSpec
from muster.worker.loaders import answers, estimators, inputs, load
from muster.worker.loaders.answers import BadAnswer, columns_of, scores_of
from muster.worker.loaders.custom import load_custom, load_hooks
from muster.worker.loaders.loaded import Loaded
from muster.worker.loaders.objects import wrap
from tests.zoo.entries import entry
from tests.zoo.inprocess import untouched

BATCH = pa.record_batch(
    {
        "i": pa.array([1, 2, None]),
        "f": [0.5, None, 2.5],
        "alone": pa.array([1, 2, 3], pa.int16()),
        "text": ["a", None, "c"],
        "flag": [True, None, False],
    }
)


@pytest.fixture(autouse=True)
def _untouched() -> Iterator[None]:
    with untouched():
        yield


def test_a_frame_has_the_columns_as_pandas_has_them() -> None:
    data = inputs.build(BATCH, "pandas")
    assert list(data.columns) == BATCH.schema.names
    assert [str(t) for t in data.dtypes] == ["float64", "float64", "int16", "str", "object"]
    assert data["i"].isna().tolist() == [False, False, True]


@pytest.mark.parametrize("kind", [pa.float64(), pa.float32()])
@pytest.mark.parametrize("rows", [0, 1, 3])
def test_a_frame_of_floats_is_as_any_other(kind: pa.DataType, rows: int) -> None:
    batch = pa.record_batch(
        {"a": pa.array([1.5, None, 2.5], kind), "b": pa.array([0.0, -1.0, float("inf")], kind)}
    ).slice(0, rows)
    pd.testing.assert_frame_equal(inputs.build(batch, "pandas"), batch.to_pandas())


def test_nothing_that_a_model_gets_is_a_view_that_it_could_write_through() -> None:
    """A batch may lie in memory that is written again for the next request."""
    values = np.arange(4.0)
    batch = pa.record_batch(
        {"x": pa.array(values), "n": pa.array(np.arange(4)), "t": pa.array(np.arange(4), pa.timestamp("us"))}
    )
    one = pa.record_batch({"x": pa.array(values)})
    for given_, form in ((batch, "pandas"), (one, "pandas"), (batch.select(["x", "n"]), "numpy"), (one, "numpy")):
        data = inputs.build(given_, form)
        for name, part in [("x", data["x"].to_numpy())] if form == "pandas" else [("x", data)]:
            assert not np.shares_memory(part, values), (form, name)
        if form == "pandas":
            data.iloc[0, 0] = 99.0
        else:
            data[0, 0] = 99.0
        assert values[0] == 0.0


def test_an_array_is_of_the_smallest_type_that_holds_all() -> None:
    def kind(**columns: Any) -> str:
        return str(inputs.build(pa.record_batch(columns), "numpy").dtype)

    assert kind(a=pa.array([1], pa.float32()), b=pa.array([2], pa.float32())) == "float32"
    assert kind(a=[1], b=[2.0]) == "float64"
    assert kind(a=[1], b=[2]) == "int64"
    assert kind(a=[True], b=[1]) == "int64"
    assert kind(a=[True, None], b=[1, 2]) == "float64"
    assert kind(a=["x"], b=[1]) == "object"
    mixed = inputs.build(BATCH.select(["i", "text"]), "numpy")
    assert mixed[0].tolist() == [1.0, "a"]
    assert inputs.build(pa.record_batch({"a": [1, None]}), "numpy").tolist()[0] == [1.0]


@given(st.lists(st.integers(1, 3), min_size=1, max_size=3), st.integers(0, 4))
def test_tensors_have_their_shape(shape: list[int], rows: int) -> None:
    values = np.arange(rows * int(np.prod(shape)), dtype=np.float32).reshape(rows, *shape)
    column = Column("image", pa.list_(pa.float32()), tensor=TensorSpec("float32", (-1, *shape)))
    schema = Signature((column,)).schema
    assert schema.field("image").metadata[TENSOR]
    batch = pa.RecordBatch.from_arrays(
        [pa.array([row.ravel().tolist() for row in values], pa.list_(pa.float32()))], schema=schema
    )
    found = inputs.build(batch, "pandas")
    assert (found.dtype, found.shape) == (np.dtype("float32"), values.shape)
    np.testing.assert_array_equal(found, values)
    named = inputs.build(batch, "pandas", named=True)
    assert list(named) == ["image"]


def test_a_tensor_of_a_free_size_takes_what_comes() -> None:
    schema = Signature(
        (
            Column("x", pa.list_(pa.int64()), tensor=TensorSpec("int64", (-1, -1))),
            Column("s", pa.list_(pa.string()), tensor=TensorSpec("str", (-1, 1))),
        )
    ).schema
    batch = pa.RecordBatch.from_arrays([pa.array([[1, 2], [3, 4]]), pa.array([["a"], ["b"]])], schema=schema)
    found = inputs.build(batch, "arrow")
    assert found["x"].tolist() == [[1, 2], [3, 4]]
    assert found["s"].tolist() == [["a"], ["b"]]


@pytest.mark.parametrize("rows", [[[1, 2, 3], [4]], [[1, 2], None], [[1, 2], []]])
def test_values_of_one_row_never_become_those_of_another(rows: list[list[int] | None]) -> None:
    """Each has as many values as two rows of one size: they are refused, so that the rows are tried one by one."""
    tensor = TensorSpec("int64", (-1, -1))
    schema = Signature((Column("x", pa.list_(pa.int64()), tensor=tensor),)).schema
    batch = pa.RecordBatch.from_arrays([pa.array(rows, pa.list_(pa.int64()))], schema=schema)
    with pytest.raises(ValueError, match=r"of several sizes|is null"):
        inputs.build(batch, "arrow")
    assert inputs.build(batch.slice(0, 1), "arrow").tolist() == [rows[0]]


ANSWERS: dict[str, tuple[Any, dict[str, tuple[str, list[Any] | None]]]] = {
    "array": (np.array([1.5, 2.5]), {"predict": ("double", [1.5, 2.5])}),
    "small floats": (np.array([1.5], np.float32), {"predict": ("float", [1.5])}),
    "texts": (np.array(["a", "bb"]), {"predict": ("string", ["a", "bb"])}),
    "objects": (np.array(["a", None], object), {"predict": ("string", ["a", None])}),
    "matrix": (np.array([[1, 2], [3, 4]]), {"predict": ("fixed_size_list<item: int64>[2]", [[1, 2], [3, 4]])}),
    "matrix in columns": (
        np.asfortranarray([[1, 2], [3, 4]]),
        {"predict": ("fixed_size_list<item: int64>[2]", [[1, 2], [3, 4]])},
    ),
    "texts in a matrix": (
        np.array([["a", "b"]], object),
        {"predict": ("fixed_size_list<item: string>[2]", [["a", "b"]])},
    ),
    "cube": (
        np.zeros((1, 2, 1)),
        {"predict": ("fixed_size_list<item: fixed_size_list<item: double>[1]>[2]", [[[0.0], [0.0]]])},
    ),
    "np.matrix": (scipy.sparse.csr_matrix([[0, 1]]), {"predict": ("fixed_size_list<item: int64>[2]", [[0, 1]])}),
    "scalar array": (np.array(3.5), {"predict": ("double", [3.5])}),
    "number": (3.5, {"predict": ("double", [3.5])}),
    "text": ("yes", {"predict": ("string", ["yes"])}),
    "list": ([1, 2], {"predict": ("int64", [1, 2])}),
    "list of numpy's": ([np.float64(1.5), np.float64(2)], {"predict": ("double", [1.5, 2.0])}),
    "list of lists": ([[1], [2, 3]], {"predict": ("list<item: int64>", [[1], [2, 3]])}),
    "list of arrays": (
        [np.array([1.0, 2.0]), np.array([3.0, 4.0])],
        {"predict": ("fixed_size_list<item: double>[2]", [[1.0, 2.0], [3.0, 4.0]])},
    ),
    "list of uneven arrays": (
        [np.array([1.0]), np.array([3.0, 4.0])],
        {"predict": ("list<item: double>", [[1.0], [3.0, 4.0]])},
    ),
    "list of dicts": ([{"a": 1, 2: "x"}], {"predict": ("struct<a: int64, 2: string>", [{"a": 1, "2": "x"}])}),
    "generator": ((i for i in range(2)), {"predict": ("int64", [0, 1])}),
    "series": (pd.Series([1.5, np.nan]), {"predict": ("double", [1.5, None])}),
    "series of texts": (pd.Series(["a", None]), {"predict": ("string", ["a", None])}),
    "series of objects": (pd.Series(["a", np.nan], dtype=object), {"predict": ("string", ["a", None])}),
    "series of categories": (pd.Series(["a", "b"], dtype="category"), {"predict": ("dictionary", ["a", "b"])}),
    "series with nulls": (pd.Series([1, None], dtype="Int64"), {"predict": ("int64", [1, None])}),
    "series of times": (pd.Series(pd.to_datetime(["2024-01-02"])), {"predict": ("timestamp[us]", None)}),
    "frame": (pd.DataFrame({"a": [1], "b": ["x"]}), {"a": ("int64", [1]), "b": ("string", ["x"])}),
    "frame of one name twice": (
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
        {"a": ("int64", [1]), "a_1": ("int64", [2])},
    ),
    "frame of levels": (pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")])), {"a_b": ("int64", [1])}),
    "dict": ({"a": np.array([1.5]), 7: ["x"]}, {"a": ("double", [1.5]), "7": ("string", ["x"])}),
    "tuple of arrays": (
        (np.array(["a"]), np.array([[0.5, 0.5]])),
        {"predict_0": ("string", ["a"]), "predict_1": ("fixed_size_list<item: double>[2]", [[0.5, 0.5]])},
    ),
    "tuple of values": ((1, 2), {"predict": ("int64", [1, 2])}),
    "table": (pa.table({"a": pa.chunked_array([[1], [2]])}), {"a": ("int64", [1, 2])}),
    "batch": (pa.record_batch({"a": [1]}), {"a": ("int64", [1])}),
    "arrow": (pa.array([1]), {"predict": ("int64", [1])}),
    "chunks": (pa.chunked_array([[1], [2]]), {"predict": ("int64", [1, 2])}),
    "no chunks": (pa.chunked_array([], pa.int64()), {"predict": ("int64", [])}),
    "polars": (pl.DataFrame({"a": [1], "b": ["x"]}), {"a": ("int64", [1]), "b": ("string", ["x"])}),
    "a series of polars": (pl.Series([1.5]), {"predict": ("double", [1.5])}),
    "records of numpy": (
        np.array([(1, 2.5)], dtype=[("a", "i8"), ("b", "f8")]),
        {"predict": ("struct<a: int64, b: double>", [{"a": 1, "b": 2.5}])},
    ),
    "like torch": (
        SimpleNamespace(
            detach=lambda: SimpleNamespace(cpu=lambda: SimpleNamespace(numpy=lambda: np.array([1.5]))), cpu=None
        ),
        {"predict": ("double", [1.5])},
    ),
    "like pydantic": ([SimpleNamespace(model_dump=lambda: {"a": 1})], {"predict": ("struct<a: int64>", [{"a": 1}])}),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_an_answer_of_every_kind_has_columns(case: str) -> None:
    answer, expected = ANSWERS[case]
    found = columns_of("predict", answer)
    assert list(found) == list(expected)
    for name, (kind, values) in expected.items():
        assert str(found[name].type).startswith(kind)
        if values is not None:
            assert [v if v == v else None for v in found[name].to_pylist()] == values  # noqa: PLR0124  # NaN as None
    assert isinstance(answers.to_batch(found), pa.RecordBatch)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (None, "returned nothing"),
        ([1, "a"], "of no one type"),
        (np.empty((2, 0)), "without columns"),
        (pd.Series([1.0, 2.0], index=[1, 0]), "rows in another order"),
        (pd.DataFrame({"a": [1.0, 2.0, 3.0]}, index=[2, 0, 1]), "rows in another order"),
    ],
)
def test_an_answer_that_is_none_says_so(answer: Any, message: str) -> None:
    with pytest.raises(BadAnswer, match=message):
        columns_of("predict", answer)


def test_an_index_of_its_own_is_no_order() -> None:
    for index in ([7, 3], ["b", "a"], [0, 1], [1, 1]):
        assert columns_of("predict", pd.Series([1.0, 2.0], index=index))["predict"].to_pylist() == [1.0, 2.0]


def test_columns_of_different_lengths_are_no_answer() -> None:
    with pytest.raises(BadAnswer, match="2 for `a`, 1 for `b`"):
        answers.to_batch(columns_of("predict", {"a": [1, 2], "b": [1]}))


def test_probabilities_are_one_column() -> None:
    small = scores_of("predict_proba", np.array([[0.25, 0.75]], np.float32))
    assert str(small["predict_proba"].type) == "fixed_size_list<item: double>[2]"
    named = scores_of("predict_proba", pd.DataFrame({"no": [0.25], "yes": [0.75]}))
    assert named["predict_proba"].to_pylist() == [{"no": 0.25, "yes": 0.75}]
    several = scores_of("predict_proba", [np.array([[0.5, 0.5]]), np.array([[0.2, 0.3, 0.5]])])
    assert {n: c.type.list_size for n, c in several.items()} == {"predict_proba_0": 2, "predict_proba_1": 3}


X = pd.DataFrame(np.random.default_rng(0).normal(size=(120, 3)), columns=["a", "b", "c"])
Y = np.where(X["a"] + X["b"] > 0, "yes", "no")
THREE = np.digitize(X["a"], [-0.5, 0.5])
ROWS = pa.RecordBatch.from_pandas(X.iloc[:40], preserve_index=False)


class Counting(HistGradientBoostingClassifier):  # type: ignore[misc]  # it carries no types
    """Not exactly scikit-learn's class, so nothing is known of how its methods go together."""


class Scaling(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # nor do these
    """A first step that counts how often it works."""

    calls = 0

    def fit(self, data: Any, y: Any = None) -> Scaling:
        self.fitted_ = True
        return self

    def transform(self, data: Any) -> Any:
        type(self).calls += 1
        return data * 2.0


CLASSIFIERS = [
    RandomForestClassifier(4, random_state=0), ExtraTreesClassifier(4, random_state=0), BaggingClassifier(n_estimators=3, random_state=0),
    GradientBoostingClassifier(n_estimators=3), HistGradientBoostingClassifier(max_iter=3), CalibratedClassifierCV(GaussianNB(), cv=2),
    LogisticRegression(), GaussianNB(), Counting(max_iter=3), make_pipeline(StandardScaler(), HistGradientBoostingClassifier(max_iter=2)),
]  # fmt: skip


@pytest.mark.parametrize("labels", [Y, THREE], ids=["two", "three"])
@pytest.mark.parametrize("model", CLASSIFIERS, ids=lambda m: type(m).__name__)
def test_labels_and_probabilities_are_the_model_s_own(model: Any, labels: Any) -> None:
    model = model.fit(X, labels)
    found = wrap(model, {}, "").call(ROWS, {}, [])
    assert found.column("predict").to_pylist() == model.predict(X.iloc[:40]).tolist()
    np.testing.assert_array_equal(found.column("predict_proba").to_pylist(), model.predict_proba(X.iloc[:40]))


def counted(monkeypatch: pytest.MonkeyPatch, model: Any, *methods: str) -> dict[str, int]:
    """How often each method of the object is called."""
    calls = dict.fromkeys(methods, 0)

    def wrapped(name: str) -> Any:
        real = getattr(model, name)

        def call(*given_: Any, **more: Any) -> Any:
            calls[name] += 1
            return real(*given_, **more)

        return call

    for name in methods:
        monkeypatch.setattr(model, name, wrapped(name), raising=False)
    return calls


def test_trees_are_walked_once_for_labels_and_probabilities(monkeypatch: pytest.MonkeyPatch) -> None:
    model = HistGradientBoostingClassifier(max_iter=3).fit(X, Y)
    calls = counted(monkeypatch, model, "predict", "predict_proba")
    loaded = wrap(model, {}, "")
    loaded.call(ROWS, {}, [])
    assert calls == {"predict": 0, "predict_proba": 1}
    loaded.call(ROWS, {}, ["predict"])
    assert calls == {"predict": 1, "predict_proba": 1}
    loaded.call(ROWS, {}, ["predict_proba"])
    assert calls == {"predict": 1, "predict_proba": 2}


def test_where_probabilities_tie_the_model_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    model = GradientBoostingClassifier(n_estimators=1).fit(X, Y)
    monkeypatch.setattr(model, "predict_proba", lambda data: np.full((len(data), 2), 0.5))
    found = wrap(model, {}, "").call(ROWS, {}, [])
    assert found.column("predict").to_pylist() == model.predict(X.iloc[:40]).tolist()


def test_a_class_that_only_looks_like_one_is_asked_for_both(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Counting(max_iter=3).fit(X, Y)
    calls = counted(monkeypatch, model, "predict", "predict_proba")
    wrap(model, {}, "").call(ROWS, {}, [])
    assert calls == {"predict": 1, "predict_proba": 1}


def test_a_pipeline_transforms_once() -> None:
    model = make_pipeline(Scaling(), "passthrough", LogisticRegression()).fit(X, Y)
    loaded = wrap(model, {}, "")
    before = Scaling.calls
    found = loaded.call(ROWS, {}, [])
    assert Scaling.calls == before + 1
    assert found.column("predict").to_pylist() == model.predict(X.iloc[:40]).tolist()


FACTS: dict[str, tuple[Any, dict[str, Any]]] = {
    "classifier": (
        LogisticRegression().fit(X, Y),
        {
            "kind": "classifier",
            "classes": ["no", "yes"],
            "features": ["a", "b", "c"],
            "n_features": 3,
            "input": "pandas",
        },
    ),
    "fitted with an array": (
        LogisticRegression().fit(X.to_numpy(), THREE),
        {"classes": [0, 1, 2], "features": None, "n_features": 3, "input": "numpy"},
    ),
    "regressor": (LinearRegression().fit(X, X["a"]), {"kind": "regressor", "methods": ["predict"], "classes": None}),
    "several targets": (
        RandomForestClassifier(2).fit(X, np.column_stack([Y, THREE])),
        {"classes": [["no", "yes"], ["0", "1", "2"]], "n_outputs": 2},
    ),
    "booleans": (GaussianNB().fit(X, Y == "yes"), {"classes": [False, True]}),
    "a function": (lambda data: data, {"methods": ["predict"], "kind": None, "classes": None, "input": "pandas"}),
}


def _upside_down(batch: pa.RecordBatch) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(batch.columns[::-1], names=batch.schema.names[::-1])


def _lightgbm_booster() -> Any:
    import lightgbm

    blanks = X.rename(columns={"a": "a 1"})
    return lightgbm.train({"verbose": -1, "num_threads": 1}, lightgbm.Dataset(blanks, THREE), 3)


def test_columns_go_by_name_where_the_library_goes_by_place() -> None:
    from lightgbm import LGBMClassifier
    from xgboost import DMatrix, train

    blanks = pa.RecordBatch.from_arrays(ROWS.columns, names=["a 1", *ROWS.schema.names[1:]])
    models: list[tuple[Any, pa.RecordBatch]] = [
        (_lightgbm_booster(), blanks),
        (LGBMClassifier(n_estimators=3, n_jobs=1, verbose=-1).fit(X, Y), ROWS),
        (train({"nthread": 1}, DMatrix(X, THREE), 3), ROWS),
        (LogisticRegression().fit(X, Y), ROWS),
        (LogisticRegression().fit(X.set_axis(["0", "1", "2"], axis=1), Y), ROWS.rename_columns(["0", "1", "2"])),
    ]
    for model, rows in models:
        loaded = wrap(model, {}, "")
        assert loaded.call(_upside_down(rows), {}, []).equals(loaded.call(rows, {}, [])), model


def test_digits_are_names_where_the_library_makes_up_none() -> None:
    from lightgbm import LGBMClassifier

    named = LogisticRegression().fit(X.set_axis(["0", "1", "2"], axis=1), Y)
    assert wrap(named, {}, "").facts["features"] == ["0", "1", "2"]
    arrays = make_pipeline(LGBMClassifier(n_estimators=2, n_jobs=1, verbose=-1)).fit(X.to_numpy(), Y)
    assert wrap(arrays, {}, "").facts["features"] is None


def test_margins_of_xgboost_are_not_called_probabilities() -> None:
    from xgboost import DMatrix, XGBClassifier

    raw = XGBClassifier(objective="binary:logitraw", n_estimators=3, n_jobs=1).fit(X, Y == "yes")
    found = wrap(raw, {}, "").call(ROWS, {}, []).column("predict_proba")
    np.testing.assert_allclose(found.to_pylist(), raw.get_booster().predict(DMatrix(X.iloc[:40])), rtol=1e-6)
    hinge = XGBClassifier(objective="binary:hinge", n_estimators=3, n_jobs=1).fit(X, Y == "yes")
    assert wrap(hinge, {}, "").facts["methods"] == ["predict"]


@pytest.mark.parametrize("case", FACTS)
def test_a_model_tells_what_it_is(case: str) -> None:
    model, expected = FACTS[case]
    facts = wrap(model, {}, "").facts
    assert {k: facts[k] for k in expected} == expected
    assert facts["python"] == "{}.{}.{}".format(*sys.version_info)
    assert facts["libraries"]["numpy"] == np.__version__


@pytest.mark.parametrize("classes", [[0, 1], []])
def test_catboost_s_plain_class_is_read_as_what_it_holds(classes: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """By a stand-in with catboost's own manners, which is too large to install for this: its classes are an array, empty if none."""

    class CatBoost:
        classes_ = np.array(classes)
        feature_names_ = ("0", "1", "2")

        def load_model(self, path: str, kind: str) -> None:
            assert (path, kind) == (str(Path("/model/model.cb")), "cbm")

        def get_all_params(self) -> dict[str, str]:
            return {"loss_function": "Logloss" if classes else "Poisson"}

        def predict(self, data: Any) -> Any:
            return np.full((len(data), 1), -1.5)

    class CatBoostClassifier(CatBoost):
        _estimator_type = "classifier"

        def predict(self, data: Any) -> Any:
            return np.ones(len(data), int)

        def predict_proba(self, data: Any) -> Any:
            return np.tile([0.25, 0.75], (len(data), 1))

    class CatBoostRegressor(CatBoost):
        _estimator_type = "regressor"

        def predict(self, data: Any) -> Any:
            return np.full(len(data), math.exp(-1.5))

    named = {c.__name__: c for c in (CatBoost, CatBoostClassifier, CatBoostRegressor)}
    library = SimpleNamespace(**named)
    monkeypatch.setitem(sys.modules, "catboost", library)
    loaded = load({"loader": "catboost", "file": "model.cb", "class": "CatBoost"}, "/model")
    assert (loaded.facts["kind"], loaded.facts["classes"]) == (("classifier", [0, 1]) if classes else (None, None))
    found = loaded.call(ROWS.slice(0, 1), {}, [])
    expected: dict[str, Any] = (
        {"predict": [1], "predict_proba": [[0.25, 0.75]]} if classes else {"predict": [math.exp(-1.5)]}
    )
    assert found.to_pydict() == expected


def test_a_model_whose_attributes_raise_is_loaded_all_the_same() -> None:
    class Awkward(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # nor do these
        @property
        def feature_names_in_(self) -> Any:
            raise RuntimeError("not now")

        @property
        def classes_(self) -> Any:
            raise ValueError("nor this")

        def predict(self, data: Any) -> Any:
            return ["a"] * len(data)

    loaded = wrap(Awkward(), {}, "")
    assert (loaded.facts["features"], loaded.facts["classes"]) == (None, None)
    assert loaded.call(ROWS, {}, []).column("predict").to_pylist() == ["a"] * 40


def test_the_method_that_was_chosen_is_what_a_model_without_classes_is_asked() -> None:
    from sklearn.ensemble import IsolationForest

    model = IsolationForest(n_estimators=3, random_state=0).fit(X)
    loaded = wrap(model, {"method": "score_samples"}, "")
    assert (loaded.facts["kind"], loaded.facts["methods"]) == ("outlier_detector", ["score_samples"])
    np.testing.assert_array_equal(loaded.call(ROWS, {}, []).column("score_samples"), model.score_samples(X.iloc[:40]))


def test_what_cannot_predict_is_no_model() -> None:
    with pytest.raises(BadAnswer, match="StandardScaler has no `predict`"):
        wrap(StandardScaler().fit(X), {}, "")
    with pytest.raises(BadAnswer, match="dict has no `predict`"):
        wrap({"a": 1}, {}, "")
    with pytest.raises(BadAnswer, match="no function or method `predict`"):
        load_hooks(SimpleNamespace(fit=1), {}, None)


def test_parameters_go_where_they_are_taken() -> None:
    def by_name(data: Any, times: float = 1.0) -> Any:
        return [times] * len(data)

    def by_dict(data: Any, params: Any = None) -> Any:
        return [params["times"]] * len(data)

    def by_any(data: Any, **more: Any) -> Any:
        return [more["times"]] * len(data)

    for function in (by_name, by_dict, by_any):
        loaded: Loaded = load_custom(function, {}, "")
        assert loaded.call(ROWS.slice(0, 2), {"times": 3.0}, []).column("predict").to_pylist() == [3.0, 3.0]
    with pytest.raises(TypeError, match="does not take the parameters other"):
        load_custom(by_name, {}, "").call(ROWS, {"other": 1}, [])


def test_skops_trusts_only_what_it_is_told_to(tmp_path: Path) -> None:
    model = entry("lightgbm_classifier").source
    with pytest.raises(ValueError, match=r"types that are not trusted: .*lightgbm"):
        load({"loader": "object", "file": "model.skops", "format": "skops"}, str(model))


def test_categories_are_those_that_the_model_was_trained_with() -> None:
    """A batch of its own has other categories, in another order."""
    for name in ("lightgbm_classifier", "xgboost_categories"):
        model = entry(name)
        spec: dict[str, Any] = {"loader": "xgboost", "file": "model.json", "class": "xgboost.sklearn.XGBClassifier"}
        if name == "lightgbm_classifier":
            trusted = ["collections.OrderedDict", "lightgbm.basic.Booster", "lightgbm.sklearn.LGBMClassifier"]
            spec = {"loader": "object", "file": "model.skops", "format": "skops", "trusted": trusted}
        loaded = load(spec, str(model.source))
        rows = model.data.combine_chunks().to_batches()[0]
        whole = loaded.call(rows, {}, ["predict_proba"]).column("predict_proba").to_pylist()
        rome = [i for i, c in enumerate(rows.column("city").to_pylist()) if c == "Rome"]
        alone = loaded.call(rows.take(pa.array(rome)), {}, ["predict_proba"]).column("predict_proba").to_pylist()
        assert alone == [whole[i] for i in rome]


def test_whole_numbers_are_categories_also_beside_nulls() -> None:
    from xgboost import XGBClassifier

    frame = X.assign(k=pd.Categorical(THREE * 10))
    model = XGBClassifier(n_estimators=3, n_jobs=1, enable_categorical=True).fit(frame, THREE == 1)
    numbers: list[int | None] = [None, *(THREE[1:40] * 10).tolist()]
    rows = ROWS.add_column(3, "k", pa.array(numbers, pa.int64()))
    frame.loc[0, "k"] = None
    found = wrap(model, {}, "").call(rows, {}, []).column("predict_proba").to_pylist()
    np.testing.assert_array_equal(found, model.predict_proba(frame.iloc[:40]))


def _as_objects(batch: pa.RecordBatch) -> pd.DataFrame:
    columns = zip(batch.schema.names, batch.columns, strict=True)
    return pd.DataFrame({n: pd.Series(c.to_pylist(), dtype=object) for n, c in columns})


@pytest.mark.parametrize("as_array", [False, True])
@pytest.mark.parametrize("inferred", [True, False])  # False: text as objects, with None, as before pandas 3
@pytest.mark.parametrize("missing", [None, float("nan")])
def test_missing_texts_are_those_that_the_model_was_trained_with(
    missing: Any, inferred: bool, as_array: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an encoder never saw it ignores: a missing value that it does know must not look like that."""
    texts = pd.Series([None if t == 0 else y for t, y in zip(THREE, Y, strict=True)], dtype=object)
    flags = pd.Series([missing if t == 1 else t == 2 for t in THREE], dtype=object)
    texts = texts.map(lambda t: missing if t is None else t)
    frame = pd.DataFrame({"t": texts.astype(object), "f": flags})
    seen = frame.to_numpy()[:, :1] if as_array else frame
    model = make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression()).fit(seen, THREE)
    columns = {"t": pa.array([None if t == 0 else y for t, y in zip(THREE, Y, strict=True)])}
    if not as_array:
        columns["f"] = pa.array([None if t == 1 else bool(t == 2) for t in THREE])
    if not inferred:
        monkeypatch.setattr(inputs, "frame", _as_objects)
    found = wrap(model, {}, "").call(pa.record_batch(columns), {}, []).column("predict_proba").to_pylist()
    np.testing.assert_array_equal(found, model.predict_proba(seen))


def test_a_missing_text_is_none_where_an_imputer_looks_for_that() -> None:
    frame = pd.DataFrame({"t": pd.Series([None if t == 0 else y for t, y in zip(THREE, Y, strict=True)], dtype=object)})
    imputer = SimpleImputer(missing_values=None, strategy="constant", fill_value="none")
    model = make_pipeline(imputer, OneHotEncoder(handle_unknown="ignore"), LogisticRegression()).fit(frame, THREE)
    batch = pa.record_batch({"t": pa.array([None if t == 0 else y for t, y in zip(THREE, Y, strict=True)])})
    found = wrap(model, {}, "").call(batch, {}, []).column("predict_proba").to_pylist()
    np.testing.assert_array_equal(found, model.predict_proba(frame))


def test_code_of_the_artifact_is_found(tmp_path: Path) -> None:
    (tmp_path / "code" / "shipped_with_it").mkdir(parents=True)
    (tmp_path / "code" / "shipped_with_it" / "__init__.py").write_text("def shift(x):\n    return x + 1\n")
    (tmp_path / "code" / "shipped_function.py").write_text(
        "import shipped_with_it\n\ndef predict(data):\n    return shipped_with_it.shift(data['a'])\n"
    )
    (tmp_path / "model.pkl").write_bytes(b"cshipped_function\npredict\n.")
    loaded = load({"loader": "object", "file": "model.pkl", "format": "pickle", "code": ["code"]}, str(tmp_path))
    assert loaded.call(ROWS.slice(0, 1), {}, []).column("predict").to_pylist() == [ROWS.column("a")[0].as_py() + 1]
    assert not list(tmp_path.rglob("__pycache__"))


def test_a_pickle_by_value_needs_no_cloudpickle_to_tell_what_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model.pkl").write_bytes(cloudpickle.dumps(LinearRegression().fit(X, X["a"])))
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    loaded = load({"loader": "object", "file": "model.pkl", "format": "cloudpickle"}, str(tmp_path))
    assert loaded.facts["kind"] == "regressor"


def test_a_loader_module_of_mlflow_s_contract_needs_no_mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "own_loader.py").write_text(
        "import pathlib\n\nclass Impl:\n    def __init__(self, text): self.text = text\n"
        "    def score(self, data): return [self.text] * len(data)\n\n"
        "def _load_pyfunc(path, config=None):\n    return Impl(pathlib.Path(path).read_text() + (config or {}).get('more', ''))\n"
    )
    (tmp_path / "weights").write_text("w")
    has = inputs.has
    monkeypatch.setattr(inputs, "has", lambda name: name != "mlflow" and has(name))
    spec = {
        "loader": "pyfunc",
        "module": "own_loader",
        "data": "weights",
        "config": {"more": "!"},
        "method": "score",
        "code": ["code"],
    }
    assert load(spec, str(tmp_path)).call(ROWS.slice(0, 2), {}, []).column("predict").to_pylist() == ["w!", "w!"]


def test_the_lists_of_classes_name_classes_that_there_are() -> None:
    import lightgbm
    import sklearn.calibration
    import sklearn.ensemble
    import sklearn.model_selection
    import xgboost

    places = {
        "sklearn": (sklearn.ensemble, sklearn.calibration, sklearn.model_selection),
        "lightgbm": (lightgbm,),
        "xgboost": (xgboost,),
    }
    for library, name in estimators.LABELS_ARE_ARGMAX | estimators.LABELS_FOLLOW_SCORES | estimators.SEARCHES:
        if not name.startswith("Halving"):  # behind an experimental import
            assert any(hasattr(place, name) for place in places[library]), name
