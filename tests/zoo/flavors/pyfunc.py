"""python_function: a class, models from code, type hints, parameters, code of its own, artifacts, a configuration."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, List

import cloudpickle
import mlflow
import mlflow.pyfunc
import numpy as np
from mlflow.models import infer_signature

from tests.zoo.kit import DATA, D, N, X, maker, pins, said

PIP = {"pip_requirements": pins("mlflow-skinny", "cloudpickle", "numpy", "pandas", "pydantic")}
LINE = tuple(int(p) for p in mlflow.__version__.split(".")[:2])
RATE = D["rate"].astype("float64")
# Not by its name, which is unknown where it is loaded.
cloudpickle.register_pickle_by_value(sys.modules[__name__])


class Doubler(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
        return model_input["rate"].astype("float64") * (params or {}).get("times", 2.0)


class Plain(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    def predict(self, context: Any, model_input: Any) -> Any:
        yes = (model_input["rate"].astype("float64") > 0) * 0.5 + 0.25
        return model_input.assign(no=1 - yes, yes=yes)[["no", "yes"]]


@maker
def plain(place: Path) -> None:
    """A frame with a column for each class."""
    mlflow.pyfunc.save_model(str(place / "model"), python_model=Plain(), signature=infer_signature(N), **PIP)
    yes = ((RATE > 0) * 0.5 + 0.25).to_numpy()
    said(
        place, np.where(yes >= 0.5, "yes", "no"), np.column_stack([1 - yes, yes]), data=D, sample=True, task="binary",
        classes=["no", "yes"], declare={"task": "binary"},
    )  # fmt: skip


class Looker(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    def load_context(self, context: Any) -> None:
        text = Path(context.artifacts["table"]).read_text(encoding="utf-8")
        self.table = dict(line.split() for line in text.splitlines())

    def predict(self, context: Any, model_input: Any) -> Any:
        return [self.table[c] for c in model_input["city"]]


@maker
def artifacts(place: Path) -> None:
    """A table beside it, whose address on this machine MLflow keeps."""
    (place / "table.txt").write_text("Bern south\nOslo north\nRome south\n", encoding="utf-8")
    mlflow.pyfunc.save_model(
        str(place / "model"), python_model=Looker(), artifacts={"table": str(place / "table.txt")},
        signature=infer_signature(X[["city"]]), **PIP,
    )  # fmt: skip
    (place / "table.txt").unlink()
    found = [{"Oslo": "north"}.get(c, "south") for c in DATA["city"]]
    declare = {"classes": ["north", "south"]}
    said(place, found, data=DATA[["city"]], sample=True, task="binary", classes=["north", "south"], declare=declare)


@maker
def code_paths(place: Path) -> None:
    """It imports a module that came with it."""
    (place / "farther.py").write_text("def far(rate):\n    return rate * 10\n", encoding="utf-8")
    (place / "model_with_code.py").write_text(
        "import mlflow.pyfunc\n\n\nclass Far(mlflow.pyfunc.PythonModel):\n    def predict(self, context, model_input):\n"
        "        from farther import far\n\n        return far(model_input['rate'].astype('float64'))\n",
        encoding="utf-8",
    )
    sys.path.insert(0, str(place))
    far = import_module("model_with_code").Far

    files = [str(place / "farther.py"), str(place / "model_with_code.py")]
    name = "code_paths" if LINE >= (2, 12) else "code_path"
    mlflow.pyfunc.save_model(
        str(place / "model"), python_model=far(), signature=infer_signature(N), **{name: files}, **PIP
    )
    for file in files:
        Path(file).unlink()
    said(place, RATE * 10, data=D, sample=True, task="regression", declare={"task": "regression"})


if LINE >= (2, 6):

    @maker
    def params(place: Path) -> None:
        mlflow.pyfunc.save_model(
            str(place / "model"), python_model=Doubler(), signature=infer_signature(N, params={"times": 3.0, "of": [1, 2]}),
            **PIP,
        )  # fmt: skip
        said(place, RATE * 3, data=D, sample=True, task="regression", declare={"task": "regression"})


def length(texts: Any) -> Any:
    return [f"{len(text)} letters" for text in texts]


# Types, and not their names: those are unknown where it is loaded.
length.__annotations__ = {"texts": List[str], "return": List[str]}


if LINE >= (2, 3):

    @maker
    def function(place: Path) -> None:
        """No class, but a function of a list of texts."""
        import pyarrow as pa

        mlflow.pyfunc.save_model(str(place / "model"), python_model=length, input_example=["oh", "ah"], **PIP)
        given, found = pa.table({"text": ["oh", "alas"]}), ["2 letters", "4 letters"]
        said(place, found, data=given, sample=True, task="other", declare={"task": "other"})


SCRIPT = """
import mlflow
from mlflow.models import ModelConfig

config = ModelConfig(development_config={"limit": 0.0})


class Scripted(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return (model_input["rate"].astype("float64") > config.get("limit")).tolist()


mlflow.models.set_model(Scripted())
"""
HINTED = """
from typing import List, Optional

import mlflow
import pydantic


class Person(pydantic.BaseModel):
    name: str
    age: int
    city: Optional[str] = None


class Greeter(mlflow.pyfunc.PythonModel):
    def predict(self, model_input: List[Person], params=None) -> List[str]:
        return [f"{p.name} {p.age} {p.city}" for p in model_input]


mlflow.models.set_model(Greeter())
"""
LISTED = """
from typing import List

import mlflow


class Shouter(mlflow.pyfunc.PythonModel):
    def predict(self, model_input: List[str], params=None) -> List[str]:
        return [text.upper() for text in model_input]


mlflow.models.set_model(Shouter())
"""


def scripted(place: Path, script: str, **more: Any) -> None:
    (place / "script.py").write_text(script, encoding="utf-8")
    mlflow.pyfunc.save_model(str(place / "model"), python_model=str(place / "script.py"), **more, **PIP)
    (place / "script.py").unlink()


if LINE >= (2, 13):

    @maker
    def from_code(place: Path) -> None:
        """A script with a configuration; its path on this machine stays in the MLmodel."""
        scripted(place, SCRIPT, model_config={"limit": 0.5}, signature=infer_signature(N))
        said(
            place,
            (RATE > 0.5).tolist(),
            data=D,
            sample=True,
            task="binary",
            classes=[False, True],
            declare={"task": "binary"},
        )


if LINE >= (2, 20) and find_spec("pydantic"):

    @maker
    def hinted(place: Path) -> None:
        """Its signature comes from type hints, of objects."""
        import pyarrow as pa

        scripted(place, HINTED)
        rows = [{"name": "Ann", "age": 3, "city": "Oslo"}, {"name": "Bo", "age": 4, "city": None}]
        said(
            place,
            ["Ann 3 Oslo", "Bo 4 None"],
            data=pa.Table.from_pylist(rows),
            sample=True,
            task="other",
            declare={"task": "other"},
        )

    @maker
    def listed(place: Path) -> None:
        """A list of texts, of no name."""
        import pyarrow as pa

        scripted(place, LISTED)
        said(
            place,
            ["OH", "AH"],
            data=pa.table({"text": ["oh", "ah"]}),
            sample=True,
            task="other",
            declare={"task": "other"},
        )


NESTED = """
import mlflow


class Nested(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        rows = model_input.to_dict(orient="records")
        return [float(sum(r["list"]) + r["map"]["k"] + r["object"]["x"]) for r in rows]


mlflow.models.set_model(Nested())
"""
TENSORS = """
import mlflow


class Tensors(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input["image"].sum(axis=(1, 2)) + model_input["bias"][:, 0]


mlflow.models.set_model(Tensors())
"""

if LINE >= (2, 20):

    @maker
    def nested(place: Path) -> None:
        """Columns of lists, maps and objects."""
        import pyarrow as pa
        from mlflow.models import ModelSignature
        from mlflow.types.schema import Array, ColSpec, DataType, Map, Object, Property, Schema

        columns = [
            ColSpec(Array(DataType.long), "list"),
            ColSpec(Map(DataType.double), "map"),
            ColSpec(
                Object([Property("x", DataType.long), Property("note", DataType.string, required=False)]), "object"
            ),
        ]
        scripted(place, NESTED, signature=ModelSignature(inputs=Schema(columns)))
        kinds = [
            pa.list_(pa.int64()),
            pa.map_(pa.string(), pa.float64()),
            pa.struct([("x", pa.int64()), ("note", pa.string())]),
        ]
        values = [
            [[1, 2], [3]],
            [[("k", 0.5)], [("k", 1.5), ("l", 9.0)]],
            [{"x": 10, "note": None}, {"x": 20, "note": "n"}],
        ]
        arrays = [pa.array(v, k) for v, k in zip(values, kinds)]
        table = pa.table(dict(zip(("list", "map", "object"), arrays)))
        said(place, [13.5, 24.5], data=table, sample=True, task="regression", declare={"task": "regression"})

    @maker
    def tensors(place: Path) -> None:
        """Two tensors by name."""
        import pyarrow as pa
        from mlflow.models import ModelSignature
        from mlflow.types.schema import Schema, TensorSpec

        specs = [TensorSpec(np.dtype("float32"), (-1, 2, 2), "image"), TensorSpec(np.dtype("float32"), (-1, 1), "bias")]
        scripted(place, TENSORS, signature=ModelSignature(inputs=Schema(specs)))
        table = pa.table({"image": [[[1.0, 2.0], [3.0, 4.0]], [[0.0, 1.0], [0.5, 0.25]]], "bias": [[0.5], [0.25]]})
        said(place, [10.5, 2.0], data=table, sample=True, task="regression", declare={"task": "regression"})
