"""Signatures as people write them, read strictly: what is not understood is refused, all of it at once.

What is stored is read by `Signature.from_json`, which passes over keys that it does not know.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa

from muster.errors import InvalidInput, near
from muster.parameters import parameter_value
from muster.signature import Column, Json, Parameter, Signature, TensorSpec, type_from_json

__all__ = ["declared_signature"]

_HINT = 'write {"x": "double", …}, or {"columns": [{"name": "x", "type": "double"}, …], "parameters": […]}'
_KEYS = ("columns", "parameters", "positional")
_COLUMN = ("name", "type", "required", "nullable", "tensor")
_PARAMETER = ("name", "type", "default", "many")
_NESTED = (("list", "size"), ("struct",), ("map", "keys"))
_TYPES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float", "double"),
    *("string", "binary", "date32", "timestamp[us]", "timestamp[us, tz=UTC]", "time64[us]", "duration[us]"),
    *("decimal128(10, 2)", "float32", "float64", "boolean", "integer", "long", "datetime", "bytes", "number"),
)
"""Types that are named where another is misspelt; all of Arrow's are taken."""


def declared_signature(document: Mapping[str, Json]) -> Signature:
    """A column's name with its type, or with an object of its type and what else there is to it; or what `Signature.to_json` writes."""
    wrong: list[str] = []
    # A column may have any name, also `columns`: then it has a type, and no list.
    whole = any(key in document and not isinstance(document[key], str) for key in ("columns", "parameters"))
    columns, parameters = _whole(document, wrong) if whole else (_short(document, wrong), [])
    positional = whole and document.get("positional") is True
    if not document:
        wrong.append("the signature has no columns")
    if wrong:
        raise InvalidInput("; ".join(wrong), hint=_HINT, details={"problems": wrong})
    return Signature(tuple(columns), tuple(parameters), positional)


def _short(given: Mapping[str, Json], wrong: list[str]) -> list[Column]:
    found = []
    for name, told in given.items():
        entry = told if isinstance(told, Mapping) and not _is_nested(told) else {"type": told}
        if "name" in entry:
            wrong.append(f"column `{name}` has no key `name`: its name stands before it")
            continue
        found += _column({"name": name, **entry}, f"column `{name}`", wrong)
    return found


def _is_nested(told: Mapping[str, Json]) -> bool:
    return "type" not in told and any(keys[0] in told for keys in _NESTED)


def _whole(given: Mapping[str, Json], wrong: list[str]) -> tuple[list[Column], list[Parameter]]:
    wrong += _unknown(given, _KEYS, "the signature")
    wrong += _no_booleans(given, ("positional",), "the signature")
    columns: list[Column] = []
    parameters: list[Parameter] = []
    for what, entry in _entries(given, "columns", wrong):
        columns += _column(entry, what, wrong)
    for what, entry in _entries(given, "parameters", wrong):
        parameters += _parameter(entry, what, wrong)
    return columns, parameters


def _entries(given: Mapping[str, Json], key: str, wrong: list[str]) -> Iterator[tuple[str, Mapping[str, Json]]]:
    """Each with what a message calls it."""
    entries = given.get(key, None if key in given else [])
    if not isinstance(entries, (list, tuple)):
        wrong.append(f"`{key}` is no list: {entries!r}")
        return
    if key in given and not entries and key == "columns":
        wrong.append("`columns` is empty: a signature has the columns that the model takes")
    for position, entry in enumerate(entries):
        name = entry.get("name") if isinstance(entry, Mapping) else None
        if isinstance(entry, Mapping) and isinstance(name, str) and name:
            yield f"{key[:-1]} `{name}`", entry
        elif isinstance(entry, Mapping):
            wrong.append(f"entry {position} of `{key}` has no name: {dict(entry)!r}")
        else:
            wrong.append(f"entry {position} of `{key}` is no object: {entry!r}")


def _column(entry: Mapping[str, Json], what: str, wrong: list[str]) -> list[Column]:
    """The column, or none if something is wrong with it."""
    name = entry["name"]
    problems = [*_unknown(entry, _COLUMN, what), *_no_booleans(entry, ("required", "nullable"), what)]
    kind, tensor = _type(entry.get("type"), what, problems), _tensor(entry.get("tensor"), what, problems)
    if not isinstance(name, str) or not name:
        problems.append(f"a column cannot be named {name!r}")
    wrong += problems
    if problems or kind is None:
        return []
    return [Column(str(name), kind, entry.get("required") is not False, entry.get("nullable") is not False, tensor)]


def _parameter(entry: Mapping[str, Json], what: str, wrong: list[str]) -> list[Parameter]:
    problems = [*_unknown(entry, _PARAMETER, what), *_no_booleans(entry, ("many",), what)]
    kind = _type(entry.get("type"), what, problems)
    wrong += problems
    if problems or kind is None:
        return []
    parameter = Parameter(str(entry["name"]), kind, None, entry.get("many") is True)
    try:
        default = parameter_value(parameter, entry.get("default"))
    except InvalidInput as error:
        wrong.append(f"the default of {what}: {error.message}")
        return []
    return [Parameter(parameter.name, kind, default, parameter.many)]


def _unknown(entry: Mapping[str, Json], known: Sequence[str], what: str) -> list[str]:
    """A clause for each key that nothing reads."""
    return [
        f"{what} has no key `{k}`{near(str(k), known) or f': its keys are {_quoted(known)}'}"
        for k in entry
        if k not in known
    ]


def _no_booleans(entry: Mapping[str, Json], keys: Sequence[str], what: str) -> list[str]:
    return [
        f"`{k}` of {what} is true or false, and not {entry[k]!r}"
        for k in keys
        if k in entry and not isinstance(entry[k], bool)
    ]


def _tensor(told: Json, what: str, problems: list[str]) -> TensorSpec | None:
    if told is None:
        return None
    match told:
        case {"dtype": str(dtype), "shape": [_, *_] as shape, **rest} if not rest and all(
            isinstance(n, int) and not isinstance(n, bool) and n >= -1 for n in shape
        ):
            return TensorSpec(dtype, tuple(n for n in shape if isinstance(n, int)))
    problems.append(f'{told!r} is no tensor of {what}: write {{"dtype": "float32", "shape": [-1, 28, 28]}}')
    return None


def _type(told: Json, what: str, problems: list[str]) -> pa.DataType | None:
    """A type of which every part is understood."""
    if told is None:
        problems.append(f"{what} has no type")
        return None
    found = list(_no_types(told))
    try:
        kind = None if found else type_from_json(told)
    except InvalidInput as error:
        found.append(error.message)
    problems += [f"{what}: {problem}" for problem in found]
    return None if found else kind


def _no_types(told: Json) -> Iterator[str]:
    """What is wrong with a type, and with each within it."""
    if not isinstance(told, Mapping):
        yield from _no_plain_type(told)
        return
    keys = next((keys for keys in _NESTED if keys[0] in told), None)
    if keys is None:
        yield f"{told!r} is no type: a nested one has {', '.join(f'`{k[0]}`' for k in _NESTED)}"
        return
    yield from _unknown(told, keys, "the type")
    if isinstance(told.get("size"), bool):
        yield f"the size of a list is a whole number, and not {told['size']!r}"
    inner = told[keys[0]]
    if keys[0] != "struct":
        yield from _no_types(inner)
        if "keys" in told:
            yield from _no_types(told["keys"])
    elif isinstance(inner, Mapping):
        for part in inner.values():
            yield from _no_types(part)
    else:
        yield f"a struct has an object of names and types, and not {inner!r}"


def _no_plain_type(told: Json) -> Iterator[str]:
    try:
        if pa.types.is_null(type_from_json(told)):
            yield "a column of the type null would hold nothing"
    except InvalidInput:
        close = near(told, _TYPES) if isinstance(told, str) else ""
        yield f"{told!r} is no type{close or ': write one such as int64, double, string, bool, timestamp[us]'}"


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"`{n}`" for n in names)
