"""Reports as PDF: what a reader of the file finds in it."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pypdf import PdfReader

from muster.charts.chart import Chart
from muster.errors import MissingExtra
from muster.evaluation.document import Document
from muster.evaluation.tables import INTERVAL, Table
from muster.evaluation.writing import write
from tests.charts.shown import charts

MADE = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


def table(rows: int, columns: int = 3, cell: str = "{}") -> Table:
    made = Table("Parts", "What each says.", ["part", *(f"figure {n}" for n in range(1, columns))])
    for n in range(rows):
        made.add(cell.format(n), *(f"{n}.{k}" for k in range(1, columns)), quiet=n % 2 == 1)
    return made


def document(*blocks: Table | Chart, title: str = "Evaluation of delays:3") -> Document:
    return Document(title, (("Data", "flights.parquet"), ("Rows", "20 000")), blocks, MADE)


def written(path: Path, *blocks: Table | Chart, title: str = "Evaluation of delays:3") -> PdfReader:
    write(document(*blocks, title=title), path)
    return PdfReader(path)


def text(reader: PdfReader) -> str:
    return re.sub(r"\s+", " ", " ".join(page.extract_text() for page in reader.pages)).replace("\u200b", "")


def test_facts_tables_and_charts_are_in_it_with_their_words(tmp_path: Path) -> None:
    chosen = [charts("exact")[name] for name in ("roc", "calibration", "confusion")]
    reader = written(tmp_path / "report.pdf", table(3), *chosen, table(2))
    said = text(reader)
    for expected in (
        "Evaluation of delays:3",
        "flights.parquet",
        "What each says.",
        "2.2",
        *(c.heading for c in chosen),
    ):
        assert expected in said
    for chart in chosen:
        assert re.sub(r"\s+", " ", chart.reading[:40]) in said
    assert "False positive rate" in said, "the words in a chart are text"
    assert [entry.title for entry in reader.outline[0:1]] == ["Evaluation of delays:3"]  # type: ignore[union-attr]
    assert reader.metadata is not None
    assert reader.metadata.title == "Evaluation of delays:3"
    assert reader.metadata.creation_date == MADE


def test_charts_are_vectors_and_fonts_are_inside(tmp_path: Path) -> None:
    reader = written(tmp_path / "report.pdf", charts("exact")["roc"])
    assert not [image for page in reader.pages for image in page.images]
    fonts = [font.get_object() for page in reader.pages for font in page["/Resources"]["/Font"].values()]  # type: ignore[index]
    assert fonts
    for font in fonts:
        assert "LiberationSans" in font["/BaseFont"]
        assert "/FontFile2" in font["/DescendantFonts"][0].get_object()["/FontDescriptor"]


def test_a_long_table_has_its_head_on_every_page_and_pages_have_numbers_and_the_title(tmp_path: Path) -> None:
    pages = written(tmp_path / "report.pdf", table(200)).pages
    assert len(pages) > 2
    for n, page in enumerate(pages, 1):
        said = page.extract_text()
        assert "figure 1" in said
        assert f"{n} / {len(pages)}" in said
        assert "Evaluation of delays:3" in said


def test_a_wide_table_is_cut_into_pieces_that_each_begin_with_the_first_column(tmp_path: Path) -> None:
    reader = written(tmp_path / "report.pdf", table(2, columns=30))
    said = text(reader)
    assert said.count("part") > 2
    for k in range(1, 30):
        assert f"figure {k}" in said
        assert f"1.{k}" in said


def test_an_interval_stays_with_its_figure(tmp_path: Path) -> None:
    made = Table("Parts", "What each says.", ["part", *(c for n in range(9) for c in (f"figure {n}", INTERVAL))])
    made.add("a", *(c for n in range(9) for c in (f"{n}.5", f"from {n}.123 to {n}.876")))
    said = text(written(tmp_path / "report.pdf", made))
    heads = re.findall(r"figure \d|95 % interval", said)
    assert heads == [c for n in range(9) for c in (f"figure {n}", INTERVAL)]
    assert "part 95 %" not in said


def test_no_text_is_markup(tmp_path: Path) -> None:
    odd = '#panic("no") *bold* _it_ $x$ <tag> @ref \\ // "q" `raw` [b] = h'
    reader = written(tmp_path / "report.pdf", table(2, cell=odd + " {}"), title=odd)
    assert odd in text(reader)


def test_greek_and_cyrillic_need_no_font_of_the_machine(tmp_path: Path) -> None:
    reader = written(tmp_path / "report.pdf", table(2, cell="ώρα щит Ægir Łódź {}"), charts("odd names")["confusion"])
    said = text(reader)
    assert "ώρα щит Ægir Łódź 1" in said
    assert "Without a glyph" not in said


def test_what_no_font_has_is_written_by_its_number_and_told(tmp_path: Path) -> None:
    lacking = "\U0010fffd\x07"  # a private character and a bell: no font has them
    chart = charts("exact")["confusion"].titled("confusion", f"Of {lacking}")
    said = text(written(tmp_path / "report.pdf", table(2, cell=f"a{lacking}b {{}}"), chart))
    assert "a[U+10FFFD][U+0007]b 1" in said
    assert "Of [U+10FFFD][U+0007]" in said
    assert "Without a glyph U+0007, U+10FFFD: 2 characters, written like [U+0007]" in said


def test_the_same_report_has_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "other"):
        written(tmp_path / f"{name}.pdf", table(40), charts("three")["classes"])
    assert (tmp_path / "one.pdf").read_bytes() == (tmp_path / "other.pdf").read_bytes()


def test_a_long_word_breaks_within_its_cell(tmp_path: Path) -> None:
    said = text(written(tmp_path / "report.pdf", table(1, cell="x" * 300)))
    assert said.replace(" ", "").count("x") >= 300


@pytest.mark.parametrize("absent", ["typst", "vl_convert"])
def test_without_the_libraries_it_names_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, absent: str) -> None:
    monkeypatch.setitem(sys.modules, absent, None)
    with pytest.raises(MissingExtra, match="a report as PDF needs an optional library") as caught:
        write(document(table(1)), tmp_path / "report.pdf")
    assert caught.value.hint == "install it with `pip install 'muster-ml[pdf]'`"
    assert not list(tmp_path.iterdir())
