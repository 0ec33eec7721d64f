"""Columns and types, in and out.

A signature says which columns a version takes and which parameters. Types are Arrow types; in JSON a type is its Arrow
name (`int64`, `timestamp[us, tz=UTC]`) or, where it is nested, an object (`{"list": "double"}`).
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Literal, TypeAlias, get_args

import pyarrow as pa

from muster.casts import dtype, is_list, plain_type
from muster.errors import InvalidInput

__all__ = [
    "CLASSIFICATION",
    "TENSOR",
    "Column",
    "Json",
    "Output",
    "Parameter",
    "Scalar",
    "Signature",
    "Task",
    "TensorSpec",
    "canonical",
    "type_from_json",
    "type_to_json",
]

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Scalar: TypeAlias = bool | int | str
Task: TypeAlias = Literal["binary", "multiclass", "multilabel", "regression", "multioutput", "other"]

_TASKS: Mapping[str, Task] = {task: task for task in get_args(Task)}
_WHOLE = re.compile(r"-?[0-9]+\.0+")

TENSOR = b"muster.tensor"
"""The key of a field's metadata that has the JSON of its TensorSpec."""

CLASSIFICATION: frozenset[Task] = frozenset({"binary", "multiclass", "multilabel"})


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One tensor: numpy's name of its type, and its shape with -1 for the free axes; axis 0 is the rows."""

    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """One column that a model takes: absent only if not `required`; null allowed unless not `nullable`.

    A column that carries a tensor of each row (`tensor` set) is a list of its values, row-major.
    """

    name: str
    type: pa.DataType
    required: bool = True
    nullable: bool = True
    tensor: TensorSpec | None = None


@dataclass(frozen=True, slots=True)
class Parameter:
    """One inference parameter: a scalar, or a list of them where `many`."""

    name: str
    type: pa.DataType
    default: Json = None
    many: bool = False


@dataclass(frozen=True, slots=True)
class Signature:
    """What a version takes. `positional` marks a model that only knows how many columns there are; their order is then that given here."""

    columns: tuple[Column, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    positional: bool = False

    def __post_init__(self) -> None:
        for what, names in (("column", self.names), ("parameter", [p.name for p in self.parameters])):
            if len(set(names)) < len(names):
                twice = ", ".join(f"`{n}`" for n, times in Counter(names).items() if times > 1)
                raise InvalidInput(f"the signature has a {what} more than once: {twice}", hint="give each its own name")

    def __iter__(self) -> Iterator[Column]:
        return iter(self.columns)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.columns)

    @property
    def schema(self) -> pa.Schema:
        """The columns as Arrow fields; a tensor's field tells its type and shape in its metadata, for the code that runs the model."""
        return pa.schema([_field(c) for c in self.columns])

    @classmethod
    def of(cls, schema: pa.Schema) -> Signature:
        """What data of this schema looks like: all columns, required, of types without layout; Arrow's tensors are tensors."""
        return cls(tuple(_column_of(field) for field in schema))

    def to_json(self) -> Json:
        return {
            "columns": [_column_to_json(c) for c in self.columns],
            "parameters": [
                {"name": p.name, "type": type_to_json(p.type), "default": p.default, "many": p.many}
                for p in self.parameters
            ],
            "positional": self.positional,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Json]) -> Signature:
        """Read what `to_json` wrote, or what a user declared: only `name` and `type` must be there."""
        columns, parameters = document.get("columns"), document.get("parameters")
        return cls(
            tuple(_column_from_json(c) for c in _objects(columns or [], "columns")),
            tuple(_parameter_from_json(p) for p in _objects(parameters or [], "parameters")),
            document.get("positional") is True,
        )


@dataclass(frozen=True, slots=True)
class Output:
    """What a version returns: its task, its classes in their registered order, and the Arrow type of `prediction`.

    For `multioutput`, `targets` has one Output per target, by name.
    """

    task: Task
    type: pa.DataType
    classes: tuple[Scalar, ...] = ()
    probabilities: bool = False
    targets: Mapping[str, Output] = field(default_factory=dict)

    @property
    def schema(self) -> pa.Schema:
        """The columns that `predict` always returns; an answer may add those that the contract names."""
        fields = [pa.field("prediction", self.type)]
        if self.probabilities:
            fields.append(pa.field("probabilities", self.probabilities_type))
        return pa.schema(fields)

    @property
    def probabilities_type(self) -> pa.DataType:
        if self.task == "multioutput":
            return pa.struct([(n, t.probabilities_type) for n, t in self.targets.items() if t.probabilities])
        return pa.list_(pa.float64(), len(self.classes))

    def to_json(self) -> Json:
        return {
            "task": self.task,
            "type": type_to_json(self.type),
            "classes": list(self.classes),
            "probabilities": self.probabilities,
            "targets": {n: t.to_json() for n, t in self.targets.items()},
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Json]) -> Output:
        classes, targets = document.get("classes") or [], document.get("targets") or {}
        assert isinstance(classes, list)
        assert isinstance(targets, dict)
        return cls(
            task=_TASKS[str(document["task"])],
            type=type_from_json(document["type"]),
            classes=tuple(_class(c) for c in classes),
            probabilities=document.get("probabilities") is True,
            targets={n: cls.from_json(t) for n, t in targets.items() if isinstance(t, dict)},
        )


def _class(value: Json) -> Scalar:
    """Nothing is left out: with another number of classes every place would mean another one."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if not isinstance(value, Scalar):
        raise InvalidInput(f"{value!r} is no class", hint="classes are texts, whole numbers, or false and true")
    return value


def _column_of(field: pa.Field) -> Column:
    kind = field.type
    if isinstance(kind, pa.BaseExtensionType) and kind.extension_name == "arrow.fixed_shape_tensor":
        tensor = TensorSpec(str(dtype(kind.value_type)), (-1, *kind.shape))
        return Column(field.name, pa.list_(kind.value_type), tensor=tensor)
    return Column(field.name, plain_type(kind), nullable=field.nullable)


def canonical(label: object) -> str:
    """The string that equal labels share, wherever labels meet: 6.0 is 6, True is true."""
    value = label.item() if hasattr(label, "item") else label
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (float, Decimal)) and math.isfinite(value) and value == int(value):
        return str(int(value))
    text = str(value)
    if text.lower() in {"true", "false"}:
        return text.lower()
    return str(int(text.partition(".")[0])) if _WHOLE.fullmatch(text) else text


def _field(column: Column) -> pa.Field:
    tensor = column.tensor
    told = None if tensor is None else {TENSOR: json.dumps({"dtype": tensor.dtype, "shape": tensor.shape})}
    return pa.field(column.name, column.type, column.nullable, told)


def type_to_json(kind: pa.DataType) -> Json:
    """The JSON of an Arrow type; dictionaries are told by the type of their values."""
    if pa.types.is_dictionary(kind):
        return type_to_json(kind.value_type)
    if pa.types.is_fixed_size_list(kind):
        return {"list": type_to_json(kind.value_type), "size": kind.list_size}
    if is_list(kind):
        return {"list": type_to_json(kind.value_type)}
    if pa.types.is_struct(kind):
        return {"struct": {f.name: type_to_json(f.type) for f in kind}}
    if pa.types.is_map(kind):
        keys: dict[str, Json] = {} if pa.types.is_string(kind.key_type) else {"keys": type_to_json(kind.key_type)}
        return {"map": type_to_json(kind.item_type), **keys}
    if isinstance(kind, pa.BaseExtensionType):
        raise InvalidInput(f"{kind} cannot be part of a signature", hint="declare the type that it is stored as")
    return str(kind)


_WORDS = {
    "boolean": pa.bool_(),
    "integer": pa.int32(),
    "long": pa.int64(),
    "datetime": pa.timestamp("us"),
    "bytes": pa.binary(),
    "number": pa.float64(),
}
_PATTERN = re.compile(
    r"timestamp\[(?P<unit>s|ms|us|ns)(?:, tz=(?P<zone>[^\]]+))?\]|decimal(?P<width>32|64|128|256)\((?P<digits>\d+), (?P<scale>-?\d+)\)"
    r"|(?P<time>time32|time64|duration)\[(?P<time_unit>s|ms|us|ns)\]|(?P<date>date32|date64)\[\w+\]|fixed_size_binary\[(?P<length>\d+)\]"
)


def type_from_json(document: Json) -> pa.DataType:
    """The Arrow type that a JSON type names; also takes MLflow's words (`long`, `datetime`, …)."""
    match document:
        case {"list": inner, "size": int(size)} if size >= 0:
            return pa.list_(type_from_json(inner), size)
        case {"list": inner, **rest} if not rest:
            return pa.list_(type_from_json(inner))
        case {"struct": dict(fields)}:
            return pa.struct([(n, type_from_json(t)) for n, t in fields.items()])
        case {"map": inner, "keys": keys}:
            return pa.map_(type_from_json(keys), type_from_json(inner))
        case {"map": inner}:
            return pa.map_(pa.string(), type_from_json(inner))
        case str(name):
            return _named_type(name)
    raise _no_type(document)


def _no_type(document: Json) -> InvalidInput:
    return InvalidInput(
        f"{document!r} is no type", hint="write an Arrow type such as int64, double, string, bool, timestamp[us]"
    )


@lru_cache(1024)
def _named_type(name: str) -> pa.DataType:
    if name in _WORDS:
        return _WORDS[name]
    found = _PATTERN.fullmatch(name)
    try:
        return pa.type_for_alias(name) if found is None else _patterned(found.groupdict())
    except (ValueError, pa.ArrowException):  # an unknown name, or 99 digits of a decimal
        raise _no_type(name) from None


def _patterned(part: Mapping[str, str]) -> pa.DataType:
    if part["unit"]:
        return pa.timestamp(part["unit"], part["zone"])
    if part["width"]:
        return getattr(pa, f"decimal{part['width']}")(int(part["digits"]), int(part["scale"]))
    if part["length"]:
        return pa.binary(int(part["length"]))
    return pa.type_for_alias(part["date"] or f"{part['time']}[{part['time_unit']}]")


def _column_to_json(column: Column) -> Json:
    document: dict[str, Json] = {
        "name": column.name,
        "type": type_to_json(column.type),
        "required": column.required,
        "nullable": column.nullable,
    }
    if column.tensor is not None:
        document["tensor"] = {"dtype": column.tensor.dtype, "shape": list(column.tensor.shape)}
    return document


def _column_from_json(document: Mapping[str, Json]) -> Column:
    kind, tensor = document.get("type"), document.get("tensor")
    required, nullable = document.get("required") is not False, document.get("nullable") is not False
    if tensor is None and isinstance(kind, str):
        return _column(_name(document, "column"), kind, required, nullable)
    told = None if tensor is None else _tensor_from_json(tensor)
    return Column(_name(document, "column"), type_from_json(kind), required, nullable, told)


def _tensor_from_json(document: Json) -> TensorSpec:
    match document:
        case {"dtype": str(dtype), "shape": list(shape)} if shape and all(
            isinstance(n, int) and n >= -1 for n in shape
        ):
            return TensorSpec(dtype, tuple(n for n in shape if isinstance(n, int)))
    raise InvalidInput(f"{document!r} is no tensor", hint='write {"dtype": "float32", "shape": [-1, 28, 28]}')


@lru_cache(4096)
def _column(name: str, kind: str, required: bool, nullable: bool) -> Column:  # noqa: FBT001  # keywords would cost what the cache saves
    """A column without a tensor. Values do not change, so that equal ones are made once: a version is read at every call."""
    return Column(name, type_from_json(kind), required, nullable)


def _parameter_from_json(document: Mapping[str, Json]) -> Parameter:
    return Parameter(
        _name(document, "parameter"),
        type_from_json(document.get("type")),
        document.get("default"),
        document.get("many") is True,
    )


def _name(document: Mapping[str, Json], what: str) -> str:
    name = document.get("name")
    if not isinstance(name, str) or not name:
        raise InvalidInput(
            f"a {what} of the signature has no name: {dict(document)!r}", hint="give each a `name` and a `type`"
        )
    return name


def _objects(value: Json, what: str) -> list[dict[str, Json]]:
    if not isinstance(value, list) or not all(isinstance(v, dict) for v in value):
        raise InvalidInput(
            f"the signature's `{what}` is no list of objects", hint='write [{"name": "x", "type": "double"}, …]'
        )
    return [v for v in value if isinstance(v, dict)]
