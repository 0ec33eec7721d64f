"""Rows of whatever form as columns by name, as many values in each as there were rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from muster.errors import ModelFailed, near, plural, shortened
from muster.predictors.external.codecs.document import follow, refuse_error
from muster.predictors.external.codecs.response import ResponseSpec
from muster.predictors.external.codecs.shapes import tensor_columns

__all__ = ["ONLY", "Table", "names_beside", "tabulate"]

ONLY = "0"
"""The name of a column that has none: its place."""

_FORM = "a model must answer in one form: register it again if its form has changed"


@dataclass(frozen=True, slots=True)
class Table:
    """`whole` gives a row as one value. `errors` has what rows say of themselves, by their place."""

    count: int
    names: Sequence[str]
    columns: Mapping[str, Sequence[Any]] | None
    objects: Sequence[dict[str, Any]] = ()
    whole: Callable[[], Sequence[Any]] = list
    errors: Mapping[int, str] = field(default_factory=dict)
    lengths: Mapping[str, int] = field(default_factory=dict)

    def column(self, name: str) -> Sequence[Any]:
        """The values of a column, None where a row has it not. ModelFailed if none has it."""
        if name == "":
            return self.whole()
        if self.columns is not None and name in self.columns:
            return self.columns[name]
        if self.columns is None and (not self.count or len(self.errors) == self.count):
            return [None] * self.count
        if self.columns is None and any(name in row for row in self.objects):
            return [row.get(name) for row in self.objects]
        if name in self.lengths:
            _check_count(self.lengths[name], self.count)
        have = ", ".join(f"`{n}`" for n in self.names[:12]) or "no columns"
        raise ModelFailed(f"the answer has no `{name}`; it has {have}{near(name, self.names)}", hint=_FORM)


def tabulate(found: Any, rows: int, spec: ResponseSpec) -> Table:
    """The document's rows; ModelFailed if they are not as many as were sent."""
    if spec.format == "csv":
        return _records(found, rows, spec)
    refuse_error(found)
    names: Sequence[str] = spec.columns
    if spec.format == "json":
        names = names_beside(found, spec) or names
        found = _in_order(follow(found, spec.rows or ()), rows, _index_beside(found, spec))
    if spec.single:
        refuse_error(found)
        found = [found]
    match spec.row:
        case "columns":
            return _by_column(found, rows, spec)
        case "tensors":
            columns = tensor_columns(found, rows)
            if spec.columns and len(columns) == 1:
                return _lists(next(iter(columns.values())), spec.columns, {})
            return _named(columns, rows, dict.fromkeys(columns, rows), {})
    if not isinstance(found, list):
        raise ModelFailed(
            f"the answer has {shortened(json.dumps(found))} where a list of {plural(rows, 'row')} was expected",
            hint=_FORM,
        )
    _check_count(len(found), rows)
    errors = _errors(found, spec)
    if spec.row == "object":
        return _objects(found, errors)
    if spec.row == "list":
        return _lists(found, names, errors)
    return Table(rows, (ONLY,), {ONLY: found}, whole=lambda: found, errors=errors)


def names_beside(document: Any, spec: ResponseSpec) -> list[str] | None:
    """The names that the document itself gives to the fields of its rows, beside them: a data frame in the split form."""
    if not spec.rows:
        return None
    holder = follow(document, spec.rows[:-1])
    names = holder.get("columns") if isinstance(holder, dict) else None
    if not isinstance(names, list) or not all(isinstance(n, str) for n in names) or len(set(names)) < len(names):
        return None
    return names


def _index_beside(document: Any, spec: ResponseSpec) -> list[Any] | None:
    """Which row is which, where a data frame in the split form says so."""
    if not spec.rows:
        return None
    holder = follow(document, spec.rows[:-1])
    split = isinstance(holder, dict) and isinstance(holder.get("columns"), list)
    index = holder.get("index") if split and spec.rows[-1] != "index" else None
    return index if isinstance(index, list) else None


def _in_order(found: Any, rows: int, index: list[Any] | None) -> Any:
    """The rows in the order that was sent, which counts them from 0: a frame that was sorted on its way tells it by its index."""
    if index is None or not isinstance(found, list) or len(found) != rows:
        return found
    told = range(rows)
    places = [int(i) if isinstance(i, str) and i.isdecimal() else i for i in index]
    if any(type(i) is not int for i in places) or sorted(places) != list(told):
        raise ModelFailed(
            f"the answer numbers its rows {shortened(json.dumps(index), 80)}, and was sent those from 0 to {rows - 1}",
            hint="an endpoint that answers with an index must keep that of the rows, or leave it out",
        )
    where = dict(zip(places, found, strict=True))
    return [where[place] for place in told]


def _check_count(answered: int, rows: int) -> None:
    if answered != rows:
        raise ModelFailed(
            f"the endpoint answered {plural(answered, 'row')} for {rows:,}",
            hint="a model must answer each row that it is given, in order; if this is one row, declare `single`"
            if rows == 1
            else "a model must answer each row that it is given, in order",
        )


def _errors(rows: Sequence[Any], spec: ResponseSpec) -> dict[int, str]:
    """Rows that are an error, whatever the others are."""
    if dict not in set(map(type, rows)):
        return {}
    found = {}
    for place, row in enumerate(rows):
        said = row.get(spec.error) if type(row) is dict else None
        if said and isinstance(said, (str, dict, list)):
            told = said if isinstance(said, str) else json.dumps(said)
            found[place] = f"the endpoint answered an error: {shortened(told, 300)}"
    return found


def _objects(rows: Sequence[Any], errors: dict[int, str]) -> Table:
    if set(map(type, rows)) - {dict}:
        for place, row in enumerate(rows):
            if not isinstance(row, dict):
                said = "null" if row is None else f"{shortened(json.dumps(row))} and no object"
                errors.setdefault(place, f"the endpoint answered {said} for the row")
        rows = [row if isinstance(row, dict) else {} for row in rows]
    names = dict.fromkeys(k for row in rows for k in row)
    return Table(len(rows), list(names), None, rows, lambda: rows, errors)


def _lists(rows: Sequence[Any], names: Sequence[str], errors: dict[int, str]) -> Table:
    """Rows of fields, each of which has its place: a row of another length has all of them in doubt."""
    width = len(names)
    whole = [row if isinstance(row, list) else [row] for row in rows]
    bad = [i for i, row in enumerate(whole) if len(row) != width]
    if bad and len(bad) == len(whole):
        raise ModelFailed(
            f"the endpoint answered {plural(len(whole[0]), 'field')} in a row, and {width} are expected: {', '.join(names)}",
            hint=_FORM,
        )
    for place in bad:
        errors.setdefault(
            place, f"the endpoint answered {plural(len(whole[place]), 'field')} for the row, and not {width}"
        )
        whole[place] = [None] * width
    columns = dict(zip(names, map(list, zip(*whole, strict=True)), strict=True)) if whole else {n: [] for n in names}
    return Table(len(rows), list(names), columns, whole=lambda: whole, errors=errors)


def _by_column(found: Any, rows: int, spec: ResponseSpec) -> Table:
    """Lists by name. One of another length is refused if it is asked for: others may hold what is not of rows."""
    if not isinstance(found, dict):
        raise ModelFailed(
            f"the answer has {shortened(json.dumps(found))} where columns by name were expected", hint=_FORM
        )
    lists = {n: c for n, c in found.items() if isinstance(c, list)}
    columns = {n: c for n, c in lists.items() if len(c) == rows}
    errors = _errors([{spec.error: said} for said in columns.pop(spec.error, [])], spec)
    return _named(columns, rows, {n: len(c) for n, c in lists.items() if n != spec.error}, errors)


def _named(
    columns: Mapping[str, Sequence[Any]], rows: int, lengths: Mapping[str, int], errors: Mapping[int, str]
) -> Table:
    def whole() -> Sequence[Any]:
        if not columns:
            _check_count(next(iter(lengths.values()), 0), rows)
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    return Table(rows, list(lengths), columns, whole=whole, errors=errors, lengths=lengths)


def _records(found: list[list[str]], rows: int, spec: ResponseSpec) -> Table:
    """Records of CSV: with names at their head, all on one line, or one line for each row."""
    if spec.row == "line":
        cells = [cell for record in found for cell in record]
        _check_count(len(cells), rows)
        return Table(rows, (ONLY,), {ONLY: cells}, whole=lambda: cells)
    names: Sequence[str] = spec.columns or (ONLY,)
    if spec.header:
        if not found:
            raise ModelFailed("the answer has no line with names at its head", hint=_FORM)
        names, found = [n.strip() for n in found[0]], found[1:]
        if twice := sorted({n for n in names if names.count(n) > 1}):
            raise ModelFailed(f"the answer has the column {', '.join(twice)} twice", hint="give each its own name")
    _check_count(len(found), rows)
    return _lists(found, names, {})
