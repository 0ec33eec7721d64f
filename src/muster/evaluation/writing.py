"""A report as a file: the end of its name says in which form."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from muster import typed
from muster.charts import page
from muster.charts.chart import escaped
from muster.charts.saving import check_place, save
from muster.errors import InvalidInput
from muster.evaluation.document import Document
from muster.evaluation.paper import check_libraries, pdf
from muster.evaluation.tables import Table

__all__ = ["check", "html", "markdown", "write"]


def write(document: Document, path: str | Path) -> None:
    """As `.html`, `.md` or `.pdf`; a file that is there is replaced when all of it is written."""
    check(path)
    target = Path(path)
    save(target, _FORMS[target.suffix.lower()](document))


def check(path: str | Path) -> None:
    """What stands in the way of a report is told before anything else is done."""
    target = Path(typed.read_one("path", path, typed.PATH))
    if target.suffix.lower() not in _FORMS:
        raise InvalidInput(f"no report is written as `{target.name}`", hint="end its name in .html, .pdf or .md")
    check_place(target)
    if target.suffix.lower() == ".pdf":
        check_libraries()


def html(document: Document) -> str:
    """One page, which needs no network."""
    facts = "".join(f"<dt>{escaped(name)}</dt><dd>{escaped(value)}</dd>" for name, value in document.facts)
    runs = (
        _html_table(run) if isinstance(run, Table) else f'<div class="charts">{"".join(map(page.figure, run))}</div>'
        for run in document.runs()
    )
    return page.document(document.title, f'<dl class="facts">{facts}</dl>{"".join(runs)}')


def _html_table(table: Table) -> str:
    mark = [' class="word"' if n in table.left else "" for n in range(len(table.columns))]
    head = "".join(f'<th scope="col"{m}>{escaped(c)}</th>' for c, m in zip(table.columns, mark, strict=True))
    body = []
    for n, row in enumerate(table.rows):
        cells = "".join(f"<td{m}>{escaped(c)}</td>" for c, m in zip(row, mark, strict=True))
        body.append(f'<tr class="quiet">{cells}</tr>' if n in table.quiet else f"<tr>{cells}</tr>")
    return (
        f'<section class="figures"><h2>{escaped(table.heading)}</h2><p>{escaped(table.words)}</p>'
        f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(body)}</tbody></table></div></section>'
    )


def markdown(document: Document) -> str:
    """With the words under each chart in place of the drawing."""
    lines = [f"# {document.title}", ""]
    lines += [f"- **{name}**: {value}" for name, value in document.facts]
    for run in document.runs():
        lines.append("")
        lines += (
            _markdown_table(run)
            if isinstance(run, Table)
            else ["## Charts in words", "", *(f"- {chart.text}" for chart in run)]
        )
    return "\n".join(lines).rstrip() + "\n"


def _markdown_table(table: Table) -> list[str]:
    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(c.replace('|', chr(92) + '|').replace(chr(10), ' ') for c in cells)} |"

    sides = ["---" if n in table.left else "---:" for n in range(len(table.columns))]
    return [
        f"## {table.heading}",
        "",
        table.words,
        "",
        line(table.columns),
        f"| {' | '.join(sides)} |",
        *map(line, table.rows),
    ]


_FORMS: Mapping[str, Callable[[Document], bytes]] = {
    ".html": lambda document: html(document).encode(),
    ".htm": lambda document: html(document).encode(),
    ".md": lambda document: markdown(document).encode(),
    ".pdf": pdf,
}
