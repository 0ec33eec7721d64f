"""Holds what a local server answers against the model of the service that botocore ships: more strictly than botocore does."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import botocore.session

__all__ = ["wrong"]


@cache
def _service(name: str) -> Any:
    return botocore.session.get_session().get_service_model(name)


def wrong(service: str, operation: str, answer: Mapping[str, Any]) -> list[str]:
    """What in an answer as it came over the wire is not as the service's model has it."""
    return list(_walk(_service(service).operation_model(operation).output_shape, answer, operation))


def _walk(shape: Any, value: Any, at: str) -> Iterator[str]:
    match shape.type_name:
        case "structure":
            yield from (f"{at}.{name} is missing" for name in shape.required_members if name not in value)
            for name, inner in value.items():
                if name not in shape.members:
                    yield f"{at}.{name} is unknown"
                else:
                    yield from _walk(shape.members[name], inner, f"{at}.{name}")
        case "list":
            yield from _bounds(shape, len(value), at)
            for item in value:
                yield from _walk(shape.member, item, f"{at}[]")
        case "map":
            for item in value.values():
                yield from _walk(shape.value, item, f"{at}{{}}")
        case kind:
            yield from _scalar(shape, kind, value, at)


_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,), "timestamp": (float,), "float": (float,), "integer": (int,), "long": (int,), "boolean": (bool,),
}  # fmt: skip


def _scalar(shape: Any, kind: str, value: Any, at: str) -> Iterator[str]:
    fits = isinstance(value, _TYPES[kind])
    if not fits:
        yield f"{at} is {value!r}, which is no {kind}"
        return
    if kind == "string":
        yield from _bounds(shape, len(value), at)
        if shape.enum and value not in shape.enum:
            yield f"{at} is {value!r}, which is none of {shape.enum}"
        pattern = shape.metadata.get("pattern")
        if pattern and "\\p" not in pattern and not re.fullmatch(pattern, value):
            yield f"{at} is {value!r}, which does not match {pattern}"
    elif kind != "timestamp":
        yield from _bounds(shape, value, at)


def _bounds(shape: Any, size: float, at: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if (least is not None and size < least) or (most is not None and size > most):
        yield f"{at} has {size}, which is not within {least} and {most}"
