"""The whole signature of a model: what it says itself, completed by the columns of a sample or of its own example."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pyarrow as pa

from muster.errors import InvalidInput, SignatureMismatch, near, plural
from muster.predictor import Declared, Description
from muster.predictors.local.case import ask
from muster.predictors.local.raw import is_list, is_number, texts
from muster.signature import Column, Json, Signature

__all__ = ["complete"]

_HOW = "a sample (some rows of the model's input)", "signature={'columns': [{'name': …, 'type': …}, …]}"


def complete(
    facts: Mapping[str, Json],
    declared: Declared,
    description: Description,
    sample: pa.Schema | None,
    example: pa.Schema | None,
) -> Signature:
    """InvalidInput if the types are not known, SignatureMismatch if the sample lacks columns: all of them are named."""
    own = description.signature or Signature()
    parameters = (declared.signature and declared.signature.parameters) or own.parameters
    if declared.signature is not None and declared.signature.columns:
        return replace(declared.signature, parameters=parameters)
    target = declared.target or description.target
    schema = _inputs(sample, target) if sample is not None else example
    columns, positional = own.columns, own.positional
    if own.positional and sample is not None:
        columns = _unnamed(own.columns, _inputs(sample, target))
    elif not own.columns:
        columns, positional = _from_facts(facts, schema, given=sample is not None)
    return Signature(_typed(columns, schema), parameters, positional)


def _inputs(sample: pa.Schema, target: str | None) -> pa.Schema:
    return pa.schema([f for f in sample if f.name != target])


def _from_facts(facts: Mapping[str, Json], schema: pa.Schema | None, *, given: bool) -> tuple[tuple[Column, ...], bool]:
    """Columns without a signature: those that the model was fitted with, else all that there are."""
    features, count = facts.get("features"), facts.get("n_features")
    if isinstance(features, list):
        names = [str(f) for f in features]
        if facts.get("renamed") is True and schema is not None:
            names = _renamed(names, schema.names)
        if schema is not None and given:
            _check_has(schema, names)
        return tuple(Column(n, pa.null()) for n in names), False
    if schema is None:
        raise ask("the model does not tell which columns it takes, and it has no input example", *_HOW)
    if isinstance(count, int) and _width(schema) != count:
        raise SignatureMismatch(
            f"the model takes {plural(count, 'column')}, which it has no names for,"
            f" and the sample has {_width(schema)}: {texts(schema.names)}",
            hint="give a sample of exactly these columns in their order (and name the target, if it is one of them), or a signature",
        )
    return tuple(Column(f.name, pa.null()) for f in schema), isinstance(count, int)


def _width(schema: pa.Schema) -> int:
    """Numbers in a row: a list of fixed size counts for its values."""
    return sum(f.type.list_size if pa.types.is_fixed_size_list(f.type) else 1 for f in schema)


def _renamed(features: Sequence[str], names: Sequence[str]) -> list[str]:
    """The data's names of columns that the model knows with `_` for blanks; it does not look at names when it predicts."""
    known = {re.sub(r"\s", "_", n): n for n in names}
    return [f if f in names else known.get(f, f) for f in features]


def _check_has(schema: pa.Schema, names: Sequence[str]) -> None:
    missing = [n for n in names if n not in schema.names]
    if not missing:
        return
    what = f"the sample lacks {len(missing)} of the {len(names)} columns that the model takes: {texts(missing)}"
    if len(missing) == len(names):
        what = f"the sample has none of the columns that the model takes: it has {texts(schema.names)}, and the model takes {texts(names)}"
    raise SignatureMismatch(
        f"{what}{near(missing[0], schema.names)}",
        hint="give a sample that has the model's columns, by their names",
        details={"columns": [{"column": n, "problem": "is missing"} for n in missing]},
    )


def _unnamed(columns: tuple[Column, ...], schema: pa.Schema) -> tuple[Column, ...]:
    """Columns that the model has no names for, by the sample's names: lists for a tensor, or one column for each of its numbers."""
    lists = [f for f in schema if is_list(f.type)]
    tensor = columns[0].tensor
    if tensor is None:
        if len(schema) != len(columns):
            raise _other_count(len(columns), schema)
        return tuple(replace(c, name=f.name) for c, f in zip(columns, schema, strict=True))
    if len(lists) == 1:
        return (replace(columns[0], name=lists[0].name),)
    if len(tensor.shape) == 2 and not lists:
        if tensor.shape[1] not in {-1, len(schema)}:
            raise _other_count(tensor.shape[1], schema)
        kind = columns[0].type.value_type
        return tuple(Column(f.name, kind if is_number(kind) else pa.null()) for f in schema)
    raise SignatureMismatch(
        f"the model takes a tensor of shape {list(tensor.shape)}, and the sample has the columns {texts(schema.names)}",
        hint="give a sample with one column of lists, each the tensor of a row",
    )


def _other_count(count: int, schema: pa.Schema) -> SignatureMismatch:
    return SignatureMismatch(
        f"the model takes {plural(count, 'column')}, which it has no names for, and the sample has {len(schema)}: {texts(schema.names)}",
        hint="give a sample of exactly these columns in their order; name the target, if it is one of them",
    )


def _typed(columns: tuple[Column, ...], schema: pa.Schema | None) -> tuple[Column, ...]:
    """Types that the model does not tell, from the data."""
    known = {} if schema is None else {f.name: _plain(f.type) for f in schema}
    typed = tuple(replace(c, type=known.get(c.name, c.type)) if pa.types.is_null(c.type) else c for c in columns)
    unknown = [c.name for c in typed if pa.types.is_null(c.type)]
    if not unknown:
        return typed
    if schema is None:
        raise ask(f"the model takes the columns {texts(unknown)}, and does not tell their types", *_HOW)
    raise InvalidInput(
        f"the types of {texts(unknown)} cannot be told: the sample has only nulls there, or lacks them",
        hint="give a sample with values in every column, or declare the signature",
        details={"declare": list(_HOW)},
    )


def _plain(kind: pa.DataType) -> pa.DataType:
    """The type of the values, however they lie in memory."""
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return _plain(kind.value_type)
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind):
        return pa.binary()
    return pa.list_(_plain(kind.value_type)) if pa.types.is_large_list(kind) else kind
