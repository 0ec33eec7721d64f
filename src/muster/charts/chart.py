"""A chart: a Vega-Lite dict with its data in it, that says what it shows, and shows and saves itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from muster.charts import theme
from muster.charts.saving import check_place, save
from muster.charts.words import NOTHING
from muster.errors import InvalidInput
from muster.signature import Json

__all__ = ["Chart", "Row", "escaped", "without"]

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
NOTE = "note"
BELOW = 60
"""Pixels from the plot to the words under it: the labels and the title of the axis stand between."""
MIME = "application/vnd.vegalite.v{}+json"

Row = Mapping[str, Json]
"""What is said of one line of a table, by column."""


class Chart(dict[str, Any]):
    """The dict is Vega-Lite, light. `name` says which screen it is; `heading` stands above it, `reading` and `note` under it.

    `text` says all of it in words, and `table` has the figures as rows: what a screen reader gets, and whoever cannot see the drawing.
    """

    def __init__(
        self,
        spec: Mapping[str, Any],
        *,
        name: str,
        heading: str,
        reading: str,
        note: str,
        table: Sequence[Row],
        below: int = BELOW,
    ) -> None:
        self.name, self.heading, self.reading, self.note, self.table = name, heading, reading, note, list(table)
        self._spec, self._below = _numbered(dict(spec), count()), below
        words = {"$schema": SCHEMA, "description": self.text, "title": heading}
        super().__init__({**words, **_noted(self._spec, reading, note, below), "config": theme.config()})

    @property
    def text(self) -> str:
        return f"{self.heading}. {self.reading} ({self.note}.)"

    def titled(self, name: str, heading: str) -> Chart:
        """The same under another name and heading."""
        return Chart(
            self._spec,
            name=name,
            heading=heading,
            reading=self.reading,
            note=self.note,
            table=self.table,
            below=self._below,
        )

    def themed(self, *, dark: bool) -> dict[str, Any]:
        """The same chart on either ground."""
        return {**self, "config": theme.config(dark=dark)}

    def bare(self) -> dict[str, Any]:
        """Without words above and below and without a look, for a page that has its own."""
        return {"$schema": SCHEMA, "description": self.text, **self._spec}

    def save(self, path: str | Path, *, dark: bool = False) -> None:
        """As `.svg`, `.png`, `.pdf`, `.html` or `.json` (Vega-Lite), by the end of the name."""
        from muster.charts import drawing

        target = Path(path)
        forms: Mapping[str, Callable[[], str | bytes]] = {
            ".svg": lambda: drawing.svg(self, dark=dark),
            ".png": lambda: drawing.png(self, dark=dark),
            ".pdf": lambda: drawing.pdf(self, dark=dark),
            ".html": lambda: drawing.html(self),
            ".json": lambda: json.dumps(self.themed(dark=dark), ensure_ascii=False),
        }
        if (form := target.suffix.lower()) not in forms:
            raise InvalidInput(
                f"no chart is saved as `{form or target.name}`",
                hint="end the name in .svg, .png, .pdf, .html or .json",
            )
        check_place(target)
        save(target, forms[form]())

    def __repr__(self) -> str:
        return f"Chart({self.name!r}: {self.text})"

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        """For notebooks: those that know Vega-Lite draw it, others show the words and the table."""
        older = {**self, "$schema": SCHEMA.replace("v6", "v5")}
        return {MIME.format(6): dict(self), MIME.format(5): older, "text/html": self._html(), "text/plain": repr(self)}

    def _html(self) -> str:
        from muster.charts.page import table

        return f"<p>{escaped(self.text)}</p>{table(self)}"


def wrapped(text: str, width: int = 72) -> list[str]:
    """Lines of at most 72 characters."""
    lines = [""]
    for word in text.split(" "):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def escaped(value: object) -> str:
    """As text in HTML; what is not known is a dash."""
    import html

    return html.escape(NOTHING if value is None else str(value))


def _noted(spec: dict[str, Any], reading: str, note: str, below: int) -> dict[str, Any]:
    """With the words under it: a layer of text below the x axis, in the last of those charts that stand below each other."""
    if "vconcat" in spec:
        *parts, last = spec["vconcat"]
        return {**spec, "vconcat": [*parts, _noted(last, reading, note, below)]}
    for kind in ("concat", "hconcat"):
        if kind in spec:  # the words stand below all of them, where they push none aside
            own = [key for key in (kind, "columns", "spacing", "bounds") if key in spec]
            whole = {key: value for key, value in spec.items() if key not in own}
            row = spec[kind][: spec.get("columns")]
            width = sum(part["width"] + spec["spacing"] for part in row)
            under = _noted({"width": width, "height": 1, "view": {"stroke": None}, "layer": []}, reading, note, 0)
            return {**whole, "vconcat": [{key: spec[key] for key in own}, under], "spacing": 14}
    width = max(40, int(spec["width"] / 6))
    words = {
        "name": NOTE,
        "data": {"values": [{}]},
        "mark": {"type": "text", "style": "note", "text": [*wrapped(reading, width), *wrapped(note, width)]},
        "encoding": {"x": {"value": 0}, "y": {"value": spec["height"] + below}},
    }
    return {**spec, "layer": [*spec["layer"], words]}


def _numbered(spec: dict[str, Any], numbers: Iterator[int]) -> dict[str, Any]:
    """With a number behind each name of a layer that does not say which it is: no two views of one chart may have the same."""
    if "layer" in spec:
        named = [
            {**one, "name": f"{one['name']}:{next(numbers)}"} if ":" not in one.get("name", ":") else one
            for one in spec["layer"]
        ]
        return {**spec, "layer": named}
    for beside in ("vconcat", "hconcat", "concat"):
        if beside in spec:
            return {**spec, beside: [_numbered(part, numbers) for part in spec[beside]]}
    return spec


def without(spec: dict[str, Any], *names: str) -> dict[str, Any]:
    """Without the layers of these names; of several charts in one, the name is followed by a colon and which it is."""
    if "layer" in spec:
        kept = [layer for layer in spec["layer"] if layer.get("name", "").partition(":")[0] not in names]
        return {**spec, "layer": kept}
    for beside in ("vconcat", "hconcat", "concat"):
        if beside in spec:
            parts = [without(part, *names) for part in spec[beside]]
            return {**spec, beside: [part for part in parts if part.get("layer") != []]}
    return spec
