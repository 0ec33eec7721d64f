"""What an OpenAPI document, or Swagger's, says of the rows that an endpoint takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from muster.signature import Column, Json, Signature

__all__ = ["signature_of", "signature_of_row"]

_DEEPEST = 24
_TYPES: Mapping[tuple[str, str], pa.DataType] = {
    ("integer", "int32"): pa.int32(),
    ("integer", ""): pa.int64(),
    ("number", "float"): pa.float32(),
    ("number", ""): pa.float64(),
    ("boolean", ""): pa.bool_(),
    ("string", "date-time"): pa.timestamp("us"),
    ("string", "date"): pa.date32(),
    ("string", "byte"): pa.binary(),
    ("string", ""): pa.string(),
}


def signature_of(document: Mapping[str, Json]) -> Signature | None:
    """The columns of the first body of a request whose rows are objects of plain values; None where no row is described so."""
    for body in _bodies(document):
        for rows in (*_row_objects(body, document, 0), *_split_rows(body, document, 0)):
            columns = _columns(rows, document)
            if columns:
                return Signature(columns)
    return None


def signature_of_row(schema: Mapping[str, Any]) -> Signature | None:
    """That of a schema which describes one row."""
    columns = _columns(schema, schema) if isinstance(schema.get("properties"), dict) else ()
    return Signature(columns) if columns else None


def _bodies(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The schemas of what is posted, as OpenAPI 3 and Swagger 2 have them."""
    for path in (document.get("paths") or {}).values():
        post = path.get("post") if isinstance(path, dict) else None
        if not isinstance(post, dict):
            continue
        for content in ((post.get("requestBody") or {}).get("content") or {}).values():
            yield content.get("schema") or {}
        for parameter in post.get("parameters") or ():
            if parameter.get("in") == "body":
                yield parameter.get("schema") or {}


def _row_objects(schema: Any, document: Mapping[str, Any], depth: int) -> Iterator[Mapping[str, Any]]:
    """Objects that stand in a list, whatever is wrapped around the list."""
    schema = _resolved(schema, document)
    if depth > _DEEPEST or not isinstance(schema, dict):
        return
    items = _resolved(schema.get("items"), document)
    if isinstance(items, dict) and isinstance(items.get("properties"), dict):
        yield items
    inner = [
        *(schema.get("properties") or {}).values(),
        *(v for k in ("oneOf", "anyOf", "allOf") for v in schema.get(k) or ()),
    ]
    for each in [*inner, items]:
        yield from _row_objects(each, document, depth + 1)


def _split_rows(schema: Any, document: Mapping[str, Any], depth: int) -> Iterator[Mapping[str, Any]]:
    """The same of a frame that has its columns' names apart from the rows, each of which is a list with a schema for every place."""
    schema = _resolved(schema, document)
    if depth > _DEEPEST or not isinstance(schema, dict):
        return
    inner = schema.get("properties") or {}
    names, data = (_resolved(inner.get(key), document) or {} for key in ("columns", "data"))
    known = _resolved(names.get("items"), document) or {}
    each = _resolved(data.get("items"), document) or {}
    if isinstance(known.get("enum"), list) and isinstance(each.get("prefixItems"), list):
        if len(known["enum"]) == len(each["prefixItems"]):
            yield {"properties": dict(zip(known["enum"], each["prefixItems"], strict=True))}
        return
    for one in [*inner.values(), *(v for k in ("oneOf", "anyOf", "allOf") for v in schema.get(k) or ())]:
        yield from _split_rows(one, document, depth + 1)


def _resolved(schema: Any, document: Mapping[str, Any]) -> Any:
    for _ in range(_DEEPEST):
        reference = schema.get("$ref") if isinstance(schema, dict) else None
        if not isinstance(reference, str) or not reference.startswith("#/"):
            return schema
        schema = document
        for part in reference[2:].split("/"):
            schema = schema.get(part.replace("~1", "/").replace("~0", "~"), {}) if isinstance(schema, Mapping) else {}
    return schema


def _columns(rows: Mapping[str, Any], document: Mapping[str, Any]) -> tuple[Column, ...]:
    """All of them, or none where one is of a kind that no column has: half a signature would be a wrong one."""
    required, found = rows.get("required"), []
    for name, told in rows["properties"].items():
        schema = _resolved(told, document)
        kind = _type(schema) if isinstance(schema, dict) else None
        if kind is None:
            return ()
        found.append(Column(str(name), kind, required=not isinstance(required, list) or name in required))
    return tuple(found)


def _type(schema: Mapping[str, Any]) -> pa.DataType | None:
    kinds = schema.get("type")
    names = [k for k in (kinds if isinstance(kinds, list) else [kinds]) if k != "null"]
    if len(names) != 1:
        return None
    name, shape = str(names[0]), str(schema.get("format") or "")
    return _TYPES.get((name, shape)) or _TYPES.get((name, ""))
