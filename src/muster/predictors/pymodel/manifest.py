"""The file `model.toml`: what a folder says of its model."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa

from muster.errors import InvalidInput, near
from muster.predictors.local.deciding import OUTPUT_KEYS
from muster.predictors.local.runtime import TYPES, value_of
from muster.predictors.pymodel.source import INPUTS
from muster.signature import Column, Json, Parameter, Scalar, Signature, Task, type_from_json

__all__ = ["FILE", "Manifest", "read_manifest"]

FILE = "model.toml"
KEYS = (
    "task",
    "target",
    "classes",
    "input",
    "file",
    "trusted",
    "python",
    "requirements",
    "signature",
    "parameters",
    "runtime",
    "network",
    "output",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """`file` is the model's own, where it is not `model.py`; `trusted` the types that a skops file may have.

    `runtime` has each runtime parameter's `type`, `value` and perhaps `description`; a secret's value is where it is.
    """

    task: Task | None = None
    target: str | None = None
    classes: tuple[Scalar, ...] = ()
    input: str | None = None
    file: str | None = None
    trusted: tuple[str, ...] = ()
    python: str | None = None
    requirements: tuple[str, ...] = ()
    signature: Signature | None = None
    runtime: Mapping[str, Json] = field(default_factory=dict)
    network: bool = False
    output: Mapping[str, Json] = field(default_factory=dict)


def read_manifest(folder: Path, wrong: list[str]) -> Manifest:
    """Empty where there is none. All that is wrong with it is added to `wrong`."""
    file = folder / FILE
    if not file.is_file():
        return Manifest()
    try:
        body = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        wrong.append(f"{FILE} is not TOML: {error}")
        return Manifest()
    read = _Reader(body, wrong)
    columns, parameters = read.table("signature", _column), read.table("parameters", _parameter)
    return Manifest(
        task=read.one_of("task", get_args(Task)),
        target=read.text("target"),
        classes=read.classes(),
        input=read.one_of("input", INPUTS),
        file=read.text("file"),
        trusted=read.texts("trusted"),
        python=read.text("python"),
        requirements=read.texts("requirements"),
        signature=Signature(tuple(columns), tuple(parameters)) if columns or parameters else None,
        runtime=dict(read.table("runtime", _runtime)),
        network=read.switch("network"),
        output=read.output(),
    )


class _Reader:
    """Takes values of their kinds out of the file, and notes all that are of another."""

    def __init__(self, body: Mapping[str, Any], wrong: list[str]) -> None:
        self._body, self._wrong = body, wrong
        self._wrong += [f"{FILE} has no key `{k}`{near(k, KEYS)}" for k in body if k not in KEYS]

    def text(self, key: str) -> str | None:
        value = self._body.get(key)
        if value is None or (isinstance(value, str) and value):
            return value
        self._wrong.append(f"`{key}` in {FILE} is {value!r}, and should be a text")
        return None

    def one_of(self, key: str, known: tuple[str, ...]) -> Any:
        value = self._body.get(key)
        if value is None or value in known:
            return value
        self._wrong.append(f"`{key}` in {FILE} is {value!r}, and can be {', '.join(known)}")
        return None

    def switch(self, key: str) -> bool:
        value = self._body.get(key, False)
        if not isinstance(value, bool):
            self._wrong.append(f"`{key}` in {FILE} is {value!r}, and can be true or false")
        return value is True

    def texts(self, key: str) -> tuple[str, ...]:
        value = self._body.get(key, [])
        if isinstance(value, list) and all(isinstance(v, str) for v in value):
            return tuple(value)
        self._wrong.append(f"`{key}` in {FILE} should be a list of texts")
        return ()

    def classes(self) -> tuple[Scalar, ...]:
        value = self._body.get("classes", [])
        if isinstance(value, list) and all(isinstance(v, str | int) for v in value):
            return tuple(value)
        self._wrong.append(f"`classes` in {FILE} should be a list of texts, whole numbers or booleans")
        return ()

    def table(self, key: str, entry: Callable[[str, Any], Any]) -> list[Any]:
        value = self._body.get(key, {})
        if not isinstance(value, dict):
            self._wrong.append(f"`{key}` in {FILE} should be a table: [{key}], and a line for each name")
            return []
        found = []
        for name, told in value.items():
            try:
                found.append(entry(name, told))
            except InvalidInput as error:
                self._wrong.append(f"`{name}` in [{key}] of {FILE}: {error.message}")
        return found

    def output(self) -> dict[str, Json]:
        value = self._body.get("output", {})
        if not isinstance(value, dict):
            self._wrong.append(f"`output` in {FILE} should be a table with some of {', '.join(OUTPUT_KEYS)}")
            return {}
        self._wrong += [
            f"[output] of {FILE} has no key `{k}`{near(k, OUTPUT_KEYS)}" for k in value if k not in OUTPUT_KEYS
        ]
        return {k: v for k, v in value.items() if k in OUTPUT_KEYS}


def _column(name: str, told: Any) -> Column:
    """`name = "int64"`, or a table with `type`, `required`, `nullable`."""
    given = told if isinstance(told, dict) else {"type": told}
    if unknown := [k for k in given if k not in {"type", "required", "nullable"}]:
        raise InvalidInput(f"a column has no {', '.join(unknown)}; it has type, required, nullable")
    if not all(isinstance(given.get(k, True), bool) for k in ("required", "nullable")):
        raise InvalidInput("`required` and `nullable` are true or false")
    return Column(name, type_from_json(given.get("type")), given.get("required", True), given.get("nullable", True))


def _parameter(name: str, told: Any) -> Parameter:
    """`name = 0.5`, which is its default and tells its type, or a table with `type` and perhaps `default` and `many`."""
    if not isinstance(told, dict):
        return Parameter(name, _type_of(told), told, isinstance(told, list))
    if unknown := [k for k in told if k not in {"type", "default", "many"}]:
        raise InvalidInput(f"a parameter has no {', '.join(unknown)}; it has type, default, many")
    default = told.get("default")
    kind = type_from_json(told["type"]) if "type" in told else _type_of(default)
    return Parameter(name, kind, default, told.get("many", isinstance(default, list)))


def _runtime(name: str, told: Any) -> tuple[str, dict[str, Json]]:
    """`name = 0.5`, which is its default, or a table with `type` and perhaps `default` and `description`."""
    given = told if isinstance(told, dict) else {"default": told}
    if unknown := [k for k in given if k not in {"type", "default", "description"}]:
        raise InvalidInput(f"a runtime parameter has no {', '.join(unknown)}; it has type, default, description")
    default = given.get("default")
    kind = given.get("type", _KINDS.get(type(default)))
    if kind not in TYPES:
        raise InvalidInput(f"its type is {kind!r}, and can be {', '.join(TYPES)}")
    declared: dict[str, Json] = {"type": kind, "value": None if default is None else value_of(name, kind, default)}
    return name, declared | ({"description": str(given["description"])} if "description" in given else {})


_KINDS = {str: "string", int: "number", float: "number", bool: "boolean"}


def _type_of(value: Any) -> pa.DataType:
    match value:
        case bool():
            return pa.bool_()
        case int():
            return pa.int64()
        case float():
            return pa.float64()
        case str():
            return pa.string()
        case [first, *rest] if not isinstance(first, list) and all(type(v) is type(first) for v in rest):
            return _type_of(first)
    raise InvalidInput(f"the type of {value!r} is not told: give a `type`")
