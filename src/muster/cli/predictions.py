"""Predictions as they are printed: rows of JSON, or columns as a scored dataset has them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from muster.cli.render import Column, finite, show_list
from muster.cli.text import plural
from muster.scoring.layout import label_text

if TYPE_CHECKING:
    import pyarrow as pa

    from muster.cli.rows import Rows
    from muster.cli.session import Session
    from muster.records import Version

__all__ = ["merged", "show_predictions"]

_Row = dict[str, Any]


def merged(answer: pa.Table, rows: Rows) -> list[_Row]:
    """A prediction for every row of stdin, in order; those that could not be read have an error."""
    found = iter(answer.to_pylist())
    empty: _Row = dict.fromkeys(answer.column_names)
    return [
        {**empty, "error": rows.faults[place]} if place in rows.faults else next(found) for place in range(rows.count)
    ]


def show_predictions(session: Session, version: Version, rows: Sequence[_Row], *, terminal: bool) -> None:
    """JSON lines unless something else is asked for; on a terminal a table."""
    if session.format == "text" and not terminal:
        if rows:
            session.write("\n".join(json.dumps(finite(r), ensure_ascii=False, default=str) for r in rows))
    else:
        documents = [json.loads(json.dumps(finite(r), default=str)) for r in rows] if session.format == "json" else rows
        show_list(
            session, documents, _columns(version, rows), lambda r: r, ref=version.ref, classes=list(version.classes)
        )
    failed = sum(1 for r in rows if r.get("error") is not None)
    if failed:
        have = "has" if failed == 1 else "have"
        session.say(f"note: {failed:,} of {plural(len(rows), 'row')} {have} no prediction; `error` says why")


def _columns(version: Version, rows: Sequence[_Row]) -> list[Column[_Row]]:
    columns: list[Column[_Row]] = [Column("prediction", lambda r: r["prediction"])]
    if version.output.probabilities and version.classes:
        columns += [
            Column(f"probability_{label_text(c)}", _probability(n), "probability")
            for n, c in enumerate(version.classes)
        ]
    elif version.output.probabilities:
        columns.append(Column("probabilities", lambda r: r.get("probabilities")))
    known: Mapping[str, None] = dict.fromkeys(k for r in rows for k in r if k not in ("prediction", "probabilities"))
    return [*columns, *(Column(name, _field(name)) for name in known)]


def _field(name: str) -> Callable[[_Row], object]:
    return lambda row: row.get(name)


def _probability(place: int) -> Callable[[_Row], object]:
    def value(row: _Row) -> object:
        found = row.get("probabilities")
        return None if found is None else found[place]

    return value
