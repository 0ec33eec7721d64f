"""A report on paper: PDF, set by Typst from `paper.typ`, its charts drawn by Vega.

All texts reach Typst as data, never as markup. The font is a file beside the charts, so that the same report has the same bytes on
every machine; for scripts that it lacks, those of the machine are taken, and what no font has is written by its number.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict
from importlib.resources import as_file, files
from pathlib import Path
from types import ModuleType

from muster.charts import theme
from muster.charts.chart import Chart
from muster.charts.drawing import drawn
from muster.charts.texts import changed
from muster.errors import MissingExtra, plural
from muster.evaluation.document import Document
from muster.evaluation.tables import Table
from muster.scratch import scratch
from muster.signature import Json

__all__ = ["check_libraries", "pdf"]

_FONT = "Liberation Sans"
_STANDARD = "ua-1"
"""PDF/UA: tagged for screen readers, and refused by Typst where a character has no glyph."""

_PAGE, _GAP, _LETTER, _LONGEST, _HEAD = 493.0, 11.0, 4.4, 26, 14
"""In points: the width of a page without its margins, the gap between columns, a letter; and the letters at which cells and heads wrap."""


def pdf(document: Document) -> bytes:
    """Tables break over pages with their heads repeated; charts are vectors. The same document gives the same bytes."""
    typst = _typst()
    with scratch() as folder, as_file(files("muster.charts") / "fonts") as fonts:
        rare = sorted(filter(_is_rare, set().union(*_letters(document))))
        press = _Press(typst, folder, typst.Fonts(include_system_fonts=False, font_paths=[str(fonts)]))
        missing = foreign = press.lacking(rare)
        if foreign:
            press = _Press(typst, folder, typst.Fonts(font_paths=[str(fonts)]))
            missing = press.lacking(foreign)
        return press.printed(document, [_Written(letters) for letters in (missing, foreign, rare)])


class _Press:
    """Typst with some fonts, in a folder of its own."""

    def __init__(self, typst: ModuleType, folder: Path, fonts: object) -> None:
        self._typst, self._folder, self._fonts = typst, folder, fonts

    def lacking(self, letters: Sequence[str]) -> list[str]:
        """Those that no font has."""
        if not letters or self._sets('#text(json("probe.json"))', " ".join(letters)):
            return []
        if len(letters) == 1:
            return list(letters)
        half = len(letters) // 2
        return self.lacking(letters[:half]) + self.lacking(letters[half:])

    def printed(self, document: Document, ways: Sequence[_Written]) -> bytes:
        """Written in the first of the ways in which all of it has glyphs: where scripts are mixed, a font may have each letter, and yet
        not be found for all of them together.
        """
        charts = [block for block in document.blocks if isinstance(block, Chart)]
        drawings = [self._drawn(chart, f"{n}.svg", ways) for n, chart in enumerate(charts)]
        for written in ways[:-1]:
            try:
                return self._printed(document, drawings, written)
            except self._typst.TypstError:
                continue
        return self._printed(document, drawings, ways[-1])

    def _printed(self, document: Document, drawings: Sequence[Json], written: _Written) -> bytes:
        left = iter(drawings)
        told: dict[str, Json] = {
            "title": written.text(document.title),
            "facts": [[written.text(name), written.text(value)] for name, value in _facts(document, written)],
            "runs": [
                _table(run, written) if isinstance(run, Table) else {"charts": [next(left) for _ in run]}
                for run in document.runs()
            ],
            "look": {k: v for k, v in asdict(theme.LIGHT).items() if isinstance(v, str)},
            "font": _FONT,
        }
        (self._folder / "report.json").write_text(json.dumps(told), encoding="utf-8")
        main = self._folder / "paper.typ"
        main.write_bytes((files("muster.evaluation") / "paper.typ").read_bytes())
        return self._compile(main, int(document.made.timestamp()))

    def _drawn(self, chart: Chart, name: str, ways: Sequence[_Written]) -> Json:
        """The chart as a file, and its words."""
        told = {"heading": chart.heading, "reading": chart.reading, "note": chart.note, "text": chart.text}
        spec = {**chart.bare(), "config": {**theme.config(), "font": _FONT, "padding": 0}}
        for written in ways:
            drawing = drawn(changed(spec, written.text))
            (self._folder / name).write_text(drawing, encoding="utf-8")
            words = changed(told, written.text)
            if self._sets(f'#image("{name}", alt: "a chart") #json("probe.json")', " ".join(words.values())):
                break
        found = re.search(r'<svg[^>]*? width="([\d.]+)"', drawing)
        assert found is not None
        return {"file": name, "width": float(found[1]), **words}

    def _sets(self, what: str, text: str) -> bool:
        """Whether there is a glyph for all of it; `text` stands in probe.json."""
        probe = self._folder / "probe.typ"
        probe.with_suffix(".json").write_text(json.dumps(text), encoding="utf-8")
        probe.write_text(
            f'#set document(title: "probe")\n#set text(lang: "en", font: "{_FONT}")\n{what}', encoding="utf-8"
        )
        try:
            self._compile(probe, 0)
        except self._typst.TypstError:
            return False
        return True

    def _compile(self, main: Path, timestamp: int) -> bytes:
        made = self._typst.compile(
            main,
            root=self._folder,
            font_paths=self._fonts,
            ignore_system_fonts=True,  # those that are given have them where they are wanted
            format="pdf",
            pdf_standards=[_STANDARD],
            timestamp=timestamp,
        )
        return bytes(made)


class _Written:
    """Texts as they can be printed: a character that no font has by its number, and long words with places to break them."""

    def __init__(self, missing: Collection[str]) -> None:
        self.missing = sorted(missing)
        self._numbers = str.maketrans({c: f"[U+{ord(c):04X}]" for c in missing})

    def text(self, text: str) -> str:
        return text.translate(self._numbers)

    def cell(self, text: str) -> str:
        return re.sub(r"\S{25,}", lambda word: "\u200b".join(re.findall(".{1,12}", word[0])), self.text(text))


def _facts(document: Document, written: _Written) -> Iterator[tuple[str, str]]:
    yield from document.facts
    if missing := written.missing:
        told = ", ".join(f"U+{ord(c):04X}" for c in missing[:10]) + (", …" if len(missing) > 10 else "")
        yield "Without a glyph", f"{told}: {plural(len(missing), 'character')}, written like [U+{ord(missing[0]):04X}]"


def _table(table: Table, written: _Written) -> dict[str, Json]:
    """With its columns in as many pieces as the page needs, each with the first column."""
    rows = [[written.cell(cell) for cell in row] for row in table.rows]
    pieces: list[Json] = [
        {
            "columns": [written.text(table.columns[n]) for n in places],
            "words": [n in table.left for n in places],
            "rows": [[row[n] for n in places] for row in rows],
        }
        for places in _pieces(table)
    ]
    return {
        "heading": written.text(table.heading),
        "words": written.text(table.words),
        "quiet": [n in table.quiet for n in range(len(rows))],
        "pieces": pieces,
    }


def _pieces(table: Table) -> list[list[int]]:
    cells = [max(map(len, column), default=0) for column in zip(*table.rows, strict=True)] or [0] * len(table.columns)
    heads = [max(len(max(name.split(), key=len, default="")), min(len(name), _HEAD)) for name in table.columns]
    widths = [_GAP + _LETTER * min(max(both), _LONGEST) for both in zip(cells, heads, strict=True)]
    groups: list[list[int]] = []
    for n in range(1, len(widths)):
        if groups and table.columns[n].endswith("interval"):  # stays with its figure
            groups[-1].append(n)
        else:
            groups.append([n])
    pieces, used = [[0]], widths[0]
    for group in groups:
        wide = sum(widths[n] for n in group)
        if used + wide > _PAGE and len(pieces[-1]) > 1:
            pieces.append([0])
            used = widths[0]
        pieces[-1] += group
        used += wide
    return pieces


def _letters(document: Document) -> Iterator[str]:
    yield document.title
    for fact in document.facts:
        yield from fact
    for block in document.blocks:
        if isinstance(block, Chart):
            yield json.dumps([block, block.reading, block.note], ensure_ascii=False)
        else:
            yield from (block.heading, block.words, *block.columns)
            for row in block.rows:
                yield from row


def _is_rare(letter: str) -> bool:
    return not letter.isascii() or not (letter.isprintable() or letter.isspace())


def check_libraries() -> None:
    """MissingExtra where one is not installed."""
    _typst()


def _typst() -> ModuleType:
    try:
        import typst
        import vl_convert  # noqa: F401  # named now, rather than by the first chart
    except ImportError:
        raise MissingExtra.named("pdf", "a report as PDF") from None
    return typst
