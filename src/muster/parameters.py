"""Inference parameters: those that a signature declares, with what was given for them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import date, datetime

import pyarrow as pa

from muster.casts import rule, type_name
from muster.errors import InvalidInput, near
from muster.signature import Json, Parameter, Signature

__all__ = ["parameter_value", "parameters", "read_parameters"]

_FINE = re.compile(r"[.,][0-9]{6}0*[1-9]")
"""What Python leaves out of a time without a word."""


def parameters(signature: Signature, given: Mapping[str, Json]) -> dict[str, Json]:
    """Every declared parameter with its value, cast to its type, or its default; one with neither is left out.

    The values are JSON: a timestamp is ISO 8601 text. InvalidInput names every unknown name and every value that does not cast.
    """
    if not given and not signature.parameters:
        return {}
    declared = {p.name: p for p in signature.parameters}
    wrong = [f"no parameter `{n}`{near(n, declared)}" for n in given if n not in declared]
    values: dict[str, Json] = {}
    for parameter in signature.parameters:
        if parameter.name not in given:
            if parameter.default is not None:
                values[parameter.name] = parameter.default
            continue
        try:
            values[parameter.name] = parameter_value(parameter, given[parameter.name])
        except InvalidInput as error:
            wrong.append(f"`{parameter.name}`: {error.message}")
    if wrong:
        raise InvalidInput("; ".join(wrong), hint=_hint(signature))
    return values


def read_parameters(signature: Signature, texts: Mapping[str, str]) -> dict[str, Json]:
    """The same of texts, as a command line gives them: text for a text parameter, else JSON (`3`, `true`, `[1, 2]`)."""
    declared = {p.name: p for p in signature.parameters}
    return parameters(signature, {n: _read(declared[n], t) if n in declared else t for n, t in texts.items()})


def _read(parameter: Parameter, text: str) -> Json:
    if not parameter.many and _is_text(parameter.type):
        return text
    try:
        value: Json = json.loads(text)
    except json.JSONDecodeError:
        return text
    if isinstance(value, float) and pa.types.is_integer(parameter.type) and abs(value) >= 2**53:
        return text  # what was meant may be another whole number than this float
    return value


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_temporal(kind))


def _hint(signature: Signature) -> str:
    if not signature.parameters:
        return "the model takes no parameters"
    known = ", ".join(f"{p.name} ({'list of ' if p.many else ''}{type_name(p.type)})" for p in signature.parameters)
    return f"the model takes {known}"


def parameter_value(parameter: Parameter, given: Json) -> Json:
    """What is given, cast to the parameter's type; InvalidInput says what it is not."""
    if given is None:
        return None
    if not parameter.many:
        return _scalar(given, parameter.type)
    if not isinstance(given, list | tuple):
        raise InvalidInput(f"{given!r} is no list")
    return [_scalar(v, parameter.type) for v in given]


def _scalar(given: Json, kind: pa.DataType) -> Json:
    """By the rules for columns, but that text is read as a time, since JSON has no other way to write one."""
    if isinstance(given, str) and (pa.types.is_timestamp(kind) or pa.types.is_date(kind)):
        moment = _moment(given)
        source = pa.array([moment], pa.timestamp("us", "UTC" if moment.tzinfo else None))
    else:
        try:
            source = pa.array([given])
        except (pa.ArrowInvalid, OverflowError):
            raise InvalidInput(f"{given!r} is no {type_name(kind)}") from None
    result = rule(source.type, kind)(source)
    if result.faults is not None:
        raise InvalidInput(f"{given!r} is no {type_name(kind)}")
    value = result.array[0].as_py()
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidInput(f"{given!r} is no number that JSON can tell")
    return value.isoformat() if isinstance(value, date) else value


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"{text!r} is no time as ISO 8601 writes it") from None
    if _FINE.search(text):
        raise InvalidInput(f"{text!r} is finer than microseconds")
    return moment
