"""Charts on a page of their own: one HTML file that needs no network, and runs under a policy that allows nothing but its own scripts.

Words and tables are there before anything is drawn. The drawing is Vega's, from files beside this one; its expressions are
interpreted, so that no text is ever run as code.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from bisect import bisect_left
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files

from muster.charts import theme
from muster.charts.chart import Chart, escaped
from muster.charts.thresholds import THRESHOLD
from muster.charts.words import NOTHING, number, told

__all__ = ["Assets", "assets", "document", "figure", "html", "table"]

_SCRIPTS = ("vega/vega.js", "vega/vega-lite.js", "vega/vega-interpreter.js", "page.js")
_MOVED = (
    ("precision", "Precision", ".1%"),
    ("recall", "Recall", ".1%"),
    ("f1", "F1", ".3f"),
    ("tp", "True positives", ",.0f"),
    ("fp", "False positives", ",.0f"),
    ("fn", "False negatives", ",.0f"),
)


@dataclass(frozen=True, slots=True)
class Assets:
    """What a page with charts takes into it: the `style`; `themes`, JSON in a script of the id `muster-themes`; `scripts` at its end."""

    style: str
    themes: str
    scripts: tuple[str, ...]

    def policy(self, *more: str) -> str:
        """A content security policy that allows these, and `more` scripts, by their digests, and nothing else."""
        scripts = " ".join(_digest(script) for script in (*self.scripts, *more))
        return (
            f"default-src 'none'; script-src {scripts}; style-src {_digest(self.style)}; img-src data:; "
            "base-uri 'none'; form-action 'none'"
        )


@cache
def assets() -> Assets:
    here = files("muster.charts")
    style = here.joinpath("page.css").read_text(encoding="utf-8").replace("FONT", theme.FONT)
    for name, tokens in (("LIGHT", theme.LIGHT), ("DARK", theme.DARK)):
        colours = {key: value for key, value in asdict(tokens).items() if isinstance(value, str)}
        style = style.replace(name, " ".join(f"--{key}: {value};" for key, value in colours.items()))
    themes = {
        kind: {**theme.config(dark=kind == "dark"), "background": "transparent", "padding": 4}
        for kind in ("light", "dark")
    }
    scripts = (here.joinpath(*name.split("/")).read_text(encoding="utf-8") for name in _SCRIPTS)
    return Assets(style, _data(themes), tuple(scripts))


def html(*charts: Chart, title: str = "Charts") -> str:
    """A whole document of charts alone."""
    return document(title, f'<div class="charts">\n{"".join(figure(chart) for chart in charts)}</div>')


def document(title: str, body: str) -> str:
    """A whole document, whose charts are drawn once its words are there."""
    parts = assets()
    scripts = "\n".join(f"<script>{script}</script>" for script in parts.scripts)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{escaped(parts.policy())}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escaped(title)}</title>
<style>{parts.style}</style>
</head>
<body>
<h1>{escaped(title)}</h1>
{body}
<script type="application/json" id="muster-themes">{parts.themes}</script>
{scripts}
</body>
</html>
"""


def figure(chart: Chart) -> str:
    """One chart as a `<figure>`: its words, its place, its Vega-Lite, and the table."""
    moved = any(param["name"] == THRESHOLD for param in chart.get("params", ()))
    return f"""<figure class="chart" id="chart-{_slug(chart.name)}">
<figcaption><h2>{escaped(chart.heading)}</h2></figcaption>
<div role="img" aria-label="{escaped(chart.text)}"><div class="light"></div><div class="dark"></div></div>
{_slider(chart) if moved else ""}<div class="words"><p>{escaped(chart.reading)}</p><p class="note">{escaped(chart.note)}</p></div>
<script type="application/json">{_data(chart.bare())}</script>
{table(chart)}
</figure>
"""


def table(chart: Chart) -> str:
    """The figures of a chart as a table, one click away."""
    if not chart.table:
        return ""
    columns = list(chart.table[0])
    numbers = {name: all(isinstance(row[name], (int, float, type(None))) for row in chart.table) for name in columns}
    mark = {name: "" if numbers[name] else ' class="word"' for name in columns}
    head = "".join(f'<th scope="col"{mark[name]}>{escaped(name)}</th>' for name in columns)
    body = "".join(
        f"<tr>{''.join(f'<td{mark[name]}>{escaped(_cell(row[name]))}</td>' for name in columns)}</tr>"
        for row in chart.table
    )
    return (
        f"<details><summary>The figures as a table</summary><table><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></details>"
    )


def _cell(value: object) -> object:
    if isinstance(value, float):
        return number(value, 0) if value.is_integer() and abs(value) > 1 else told(value, 4)
    return number(value, 0) if isinstance(value, int) else NOTHING if value is None else value


def _slider(chart: Chart) -> str:
    at = next(param["value"] for param in chart["params"] if param["name"] == THRESHOLD)
    thresholds = sorted(row[THRESHOLD] for row in chart["datasets"]["table"])
    place = min(bisect_left(thresholds, at), max(len(thresholds) - 1, 0))
    cells = "".join(
        f'<div><span>{title}</span> <b data-field="{field}" data-format="{form}">{NOTHING}</b></div>'
        for field, title, form in (("threshold", "Threshold", ".4~g"), *_MOVED)
    )
    return (
        f'<div class="threshold"><label>Threshold <input type="range" min="0" max="{max(len(thresholds) - 1, 0)}" step="1" '
        f'value="{place}" data-at="{at!r}"></label>'
        f"{cells}</div>\n"
    )


def _slug(name: str) -> str:
    return re.sub(r"\W+", "-", name)


def _data(value: object) -> str:
    """JSON that cannot end the script it stands in."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _digest(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
