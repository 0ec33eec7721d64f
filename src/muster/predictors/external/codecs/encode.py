"""Rows to the body of a request."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from muster.casts import type_name
from muster.errors import InvalidInput, near
from muster.predictors.external.codecs.commas import csv_bytes
from muster.predictors.external.codecs.request import RequestSpec
from muster.predictors.external.codecs.template import OMIT, Rows, each, fill
from muster.predictors.external.codecs.tensors import tensor_document
from muster.predictors.external.codecs.wire import plain_column, wire_column
from muster.predictors.external.exchange import Payload
from muster.signature import Json, type_from_json

__all__ = ["encode"]


def encode(
    batch: pa.RecordBatch, spec: RequestSpec, params: Mapping[str, Json] | None = None, identity: str = ""
) -> Payload:
    """The batch as the request that the specification describes. InvalidInput says what cannot be sent so."""
    given = {**spec.params, **(params or {})}
    if given and not spec.carries_params:
        raise InvalidInput(
            f"the request format `{spec.format}` carries no parameters ({', '.join(given)})",
            hint="leave them out, or use a format that does",
        )
    fields, arrays = _sent(batch, spec)
    columns = [wire_column(a, f, spec) for a, f in zip(arrays, fields, strict=True)]
    names = tuple(spec.rename.get(f.name, f.name) for f in fields)
    _check_names(names)
    sparse = spec.nan == "omit" and any(OMIT in c for c in columns)
    rows = Rows(names, columns, batch.num_rows, given, identity, spec.input or spec.about.input, sparse)
    content_type = spec.content_type or spec.about.content_type
    return Payload(_body(rows, fields, spec), content_type, spec.accept or spec.about.accept)


def _sent(batch: pa.RecordBatch, spec: RequestSpec) -> tuple[list[pa.Field], list[pa.Array]]:
    """The columns that are sent, of the types that they are sent as."""
    names = spec.columns or tuple(batch.schema.names)
    have = batch.schema.names
    if lacking := [n for n in names if n not in have]:
        told = ", ".join(f"`{n}`{near(n, have)}" for n in lacking)
        raise InvalidInput(f"the batch lacks columns that are sent: {told}", hint="add them, or mend `columns`")
    fields, arrays = [], []
    for name in names:
        field, array = batch.schema.field(name), plain_column(batch.column(name))
        if name in spec.dtypes:
            array = _cast(array, name, type_from_json(spec.dtypes[name]))
        fields.append(pa.field(name, array.type, metadata=field.metadata))
        arrays.append(array)
    return fields, arrays


def _cast(array: pa.Array, name: str, kind: pa.DataType) -> pa.Array:
    try:
        return array.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InvalidInput(
            f"the column `{name}` is {type_name(array.type)} and cannot be sent as {type_name(kind)}: {error}",
            hint="mend its type in `dtypes`",
        ) from None


def _check_names(names: Sequence[str]) -> None:
    if twice := sorted({n for n in names if names.count(n) > 1}):
        raise InvalidInput(
            f"two columns would be sent as {', '.join(f'`{n}`' for n in twice)}", hint="give each its own in `rename`"
        )


def _body(rows: Rows, fields: Sequence[pa.Field], spec: RequestSpec) -> bytes:
    match spec.about.frame:
        case "csv":
            return csv_bytes(rows, spec)
        case "tensors":
            document = tensor_document(rows, fields, spec)
            return _json(_whole({"id": rows.identity, **document} if rows.identity else document, rows, spec), spec)
    if spec.lines:
        return b"\n".join(_json(_whole(one, rows, spec), spec) for one in each(spec.document, rows))
    return _json(_whole(fill(spec.document, rows), rows, spec), spec)


def _whole(document: Any, rows: Rows, spec: RequestSpec) -> Any:
    """With the parameters and the further members."""
    member = spec.about.params
    if member and rows.params:
        document[member] = {**document.get(member, {}), **rows.params}
    if not spec.extra:
        return document
    if not isinstance(document, dict):
        raise InvalidInput(
            "`extra` members are given, and the document is no object", hint="put them into the template"
        )
    extra = {k: fill(v, rows) for k, v in spec.extra.items()}
    return {**document, **{k: v for k, v in extra.items() if v is not OMIT}}


def _json(document: Any, spec: RequestSpec) -> bytes:
    try:
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=spec.nan == "NaN")
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidInput(f"the request cannot be written as JSON: {error}", hint="mend the parameters") from None
    try:
        return text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can spell and UTF-8 cannot
        return json.dumps(document, separators=(",", ":"), allow_nan=spec.nan == "NaN").encode()
