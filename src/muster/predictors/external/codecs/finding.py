"""Where the rows of a body are, found in the body itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from muster.errors import InvalidInput, ModelFailed, plural, shortened
from muster.predictors.external.codecs.aliases import LABELS, ROWS, SCORES, VALUES, named, plain
from muster.predictors.external.codecs.cells import nested, number
from muster.predictors.external.codecs.document import document, follow, load_json, refuse_error
from muster.predictors.external.codecs.response import ResponseSpec, Row
from muster.predictors.external.codecs.rows import ONLY, names_beside
from muster.predictors.external.codecs.scores import pair

__all__ = ["find_form", "find_rows"]

_MOST = 2
"""Texts within texts that are opened."""


def find_form(text: str, content_type: str, base: ResponseSpec) -> ResponseSpec:
    """With the format of the innermost text, and the way to it."""
    if base.format != "auto":
        return _inside(base, text) if base.format == "json" and not base.within else base
    kind = _kind(text, content_type)
    if kind is None:
        # Only an error of the parser says what is wrong with it.
        load_json(text)
    spec = replace(base, format=kind or "json")
    return _inside(spec, text) if spec.format == "json" else spec


def _kind(text: str, content_type: str) -> Literal["json", "jsonlines", "csv"] | None:
    """What the text is, None where it should be JSON and is none."""
    content_type = content_type.lower()
    framed = text.strip().startswith(("[", "{", '"'))
    says_csv, says_json = "csv" in content_type, "json" in content_type
    if framed or says_json:
        if _are_lines(text, content_type):
            return "jsonlines"
        if _parses(text) and not (says_csv and text.strip().startswith('"')):
            return "json"
    if framed and not says_csv and not text.strip().startswith('"'):
        return None
    return None if says_json and not _are_numbers(text) else "csv"


def _are_numbers(text: str) -> bool:
    """Whether there are numbers with commas between them and nothing else, which some servers call JSON."""
    return all(number(cell) is not None for line in text.strip().split("\n") for cell in line.split(","))


def _are_lines(text: str, content_type: str) -> bool:
    """Whether each line is JSON. One alone is a line only if it is said to be, and does not hold all rows."""
    lines = [line for line in text.strip().split("\n") if line.strip()]
    if not all(map(_parses, lines)):
        return False
    if len(lines) > 1:
        return True
    found = json.loads(text)
    holds = isinstance(found, list) or (
        isinstance(found, dict) and any(isinstance(found[n], list) for n in named(found, ROWS))
    )
    return any(name in content_type for name in _LINES) and not holds


_LINES = ("jsonl", "json-l", "json-seq", "ndjson")


def _parses(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _inside(spec: ResponseSpec, text: str) -> ResponseSpec:
    """The same, of the text that the document holds, if it holds one."""
    found = load_json(text)
    held = _held(found)
    if held is None or len(spec.within) >= _MOST:
        return spec
    path, inner, content_type = held
    kind = _kind(inner, content_type)
    spec = replace(spec, within=(*spec.within, path), format=kind or "json")
    return _inside(spec, inner) if spec.format == "json" else spec


def _held(found: Any) -> tuple[tuple[str | int, ...], str, str] | None:
    """A text that holds the rest: the path to it, the text, and what it says that it is."""
    if isinstance(found, str):
        return ((), found, "application/json") if _framed(found) else None
    if not isinstance(found, Mapping):
        return None
    for name in named(found, ROWS):
        value = found[name]
        if isinstance(value, Mapping) and isinstance(value.get("data"), str) and "content_type" in value:
            return (name, "data"), value["data"], str(value["content_type"])
        if isinstance(value, str) and _framed(value):
            return (name,), value, "application/json"
    return None


def _framed(text: str) -> bool:
    return text.strip().startswith(("[", "{")) and (_parses(text) or "\n" in text.strip())


def find_rows(text: str, rows: int, spec: ResponseSpec) -> tuple[Any, ResponseSpec]:
    """The document, and where its rows are and what one is."""
    found = document(text, spec)
    if spec.format == "csv":
        return found, _records(found, rows, spec)
    if spec.format == "jsonlines":
        return found, _with_row(found, spec)
    refuse_error(found)
    if spec.rows is None and (spec.row in ("tensors", "columns") or spec.single):
        spec = replace(spec, rows=())
    given = spec.rows or ()
    at = follow(found, given)
    refuse_error(at)
    if spec.rows is None or (isinstance(at, Mapping) and not spec.row and not spec.single):
        way, at, spec = _descend(at, (), rows, spec)
        spec = replace(spec, rows=(*given, *way))
    names = names_beside(found, spec)
    if (
        names
        and not spec.row
        and isinstance(at, list)
        and all(isinstance(r, list) and len(r) == len(names) for r in at)
    ):
        return found, replace(spec, row="list", columns=tuple(names))
    return found, _with_row([at] if spec.single else at, spec)


def _descend(
    found: Any, path: tuple[str | int, ...], rows: int, spec: ResponseSpec
) -> tuple[tuple[str | int, ...], Any, ResponseSpec]:
    """The path to the rows, and what is there."""
    if isinstance(found, list):
        return path, found, spec
    if not isinstance(found, Mapping):
        if rows == 1:
            return path, found, replace(spec, single=True)
        raise ModelFailed(
            f"the endpoint answered {shortened(json.dumps(found))}, one value for {plural(rows, 'row')}",
            hint="a model must answer each row that it is given, in order",
        )
    refuse_error(found)
    if _are_tensors(found.get("outputs")):
        return (*path, "outputs"), found["outputs"], replace(spec, row="tensors")
    if _are_columns(found, rows):
        return path, found, replace(spec, row="columns")
    for name in named(found, ROWS):
        value = found[name]
        if isinstance(value, Mapping):
            return _descend(value, (*path, name), rows, spec)
        if isinstance(value, list) and not (
            rows == 1 and len(value) != 1 and plain(name) in ("prediction", "output", "result")
        ):
            return (*path, name), value, spec
    return _unnamed(found, path, rows, spec)


def _are_tensors(found: Any) -> bool:
    return isinstance(found, list) and bool(found) and all(isinstance(t, Mapping) and "shape" in t for t in found)


def _are_columns(found: Mapping[str, Any], rows: int) -> bool:
    """Whether several members are lists with one item for each row, of which one by its name is a score."""
    full = [n for n, v in found.items() if isinstance(v, list) and len(v) == rows]
    return len(full) > 1 and bool(named(full, SCORES)) and bool(named(full, (*LABELS, *VALUES, *SCORES)))


def _unnamed(
    found: Mapping[str, Any], path: tuple[str | int, ...], rows: int, spec: ResponseSpec
) -> tuple[tuple[str | int, ...], Any, ResponseSpec]:
    """Without a name that leads on: the one list of as many items, columns, or a row itself."""
    full = [n for n, v in found.items() if isinstance(v, list) and len(v) == rows]
    told = named([n for n, v in found.items() if not isinstance(v, (list, dict))], (*LABELS, *VALUES, *SCORES))
    if rows == 1 and (told or not full):
        holders = [n for n, v in found.items() if isinstance(v, (list, Mapping))]
        if len(found) == 1 and holders and isinstance(found[holders[0]], Mapping) and plain(holders[0]) not in SCORES:
            return _descend(found[holders[0]], (*path, holders[0]), rows, spec)
        return path, found, replace(spec, single=True)
    if told:
        raise ModelFailed(
            f"the endpoint answered 1 row for {rows:,}: an object with `{told[0]}`",
            hint="a model must answer each row that it is given, in order; a template can send one row in each request",
        )
    if len(full) == 1:
        return (*path, full[0]), found[full[0]], spec
    if full:
        return path, found, replace(spec, row="columns")
    inner = [n for n, v in found.items() if isinstance(v, Mapping)]
    if len(found) == 1 and inner:
        return _descend(found[inner[0]], (*path, inner[0]), rows, spec)
    lists = {n: len(v) for n, v in found.items() if isinstance(v, list)}
    if len(lists) == 1:
        name, count = next(iter(lists.items()))
        raise ModelFailed(
            f"the endpoint answered {plural(count, 'row')} for {rows:,}, in `{name}`",
            hint="a model must answer each row that it is given, in order",
        )
    shown = ", ".join(f"`{n}`" for n in list(found)[:12]) or "nothing"
    raise InvalidInput(
        f"the answer has {shown}, and where the {plural(rows, 'prediction')} are is not told",
        hint='declare the path to them, such as {"rows": ["predictions"]}',
    )


def _with_row(items: Any, spec: ResponseSpec) -> ResponseSpec:
    """With what a row is, of JSON."""
    if spec.row:
        return spec
    items = [i for i in items if i is not None] if isinstance(items, list) else []
    if set(map(type, items)) == {dict}:
        return replace(spec, row="object")
    lists = [i for i in items if isinstance(i, list)]
    if lists and (spec.columns or all(_is_fields(i) for i in lists)):
        return replace(spec, row="list", columns=spec.columns or tuple(map(str, range(max(map(len, lists))))))
    return replace(spec, row="value", columns=())


def _is_fields(row: Sequence[Any]) -> bool:
    """Whether the items of a list are of different kinds: a label with its probabilities, and no list of numbers."""
    if len(row) < 2 or all(isinstance(i, (list, dict)) and pair(i) is not None for i in row):
        return False
    return len({_sort(i) for i in row}) > 1


def _sort(item: Any) -> str:
    if isinstance(item, bool) or item is None:
        return "flag"
    return "number" if isinstance(item, (int, float)) else type(item).__name__


def _records(found: list[list[str]], rows: int, spec: ResponseSpec) -> ResponseSpec:
    """What a record of CSV is."""
    if spec.row:
        return spec if spec.columns or spec.header else replace(spec, columns=_numbered(found))
    row: Row = "list"
    if spec.header or (len(found) == rows + 1 and _is_header(found[0])):
        return replace(spec, row=row, header=True, columns=())
    if len(found) == 1 and rows > 1 and len(found[0]) == rows:
        return replace(spec, row="line", columns=())
    bracketed = len(found) == 1 and rows == 1 and number(found[0][0]) is None and isinstance(nested(found[0][0]), list)
    return replace(
        spec, row=row, columns=(ONLY,) if bracketed and len(found[0]) == 1 else spec.columns or _numbered(found)
    )


def _numbered(found: list[list[str]]) -> tuple[str, ...]:
    return tuple(map(str, range(max(map(len, found), default=1))))


def _is_header(record: Sequence[str]) -> bool:
    names = [cell.strip() for cell in record]
    return all(n and number(n) is None and not isinstance(nested(n), list) for n in names) and len(set(names)) == len(
        names
    )
