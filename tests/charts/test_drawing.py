"""Charts are really drawn: to files by Vega in this process, on a page by a browser."""

from __future__ import annotations

import base64
import hashlib
import html as escapes
import json
import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from muster.charts import drawing, page
from muster.charts.chart import Chart
from muster.charts.page import assets
from muster.errors import MissingExtra
from tests.charts.browsing import browse
from tests.charts.shown import ALL, charts

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> list[str]:
    return ["".join(found.itertext()) for found in ET.fromstring(svg).iter(f"{SVG}text")]


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_every_chart_is_drawn(kind: str, name: str) -> None:
    chart = charts(kind)[name]
    drawn = texts(drawing.svg(chart))
    assert chart.heading in drawn
    assert f"{chart.reading}{chart.note}".replace(" ", "") in "".join(drawn).replace(" ", "")
    assert not [text for text in drawn if re.search(r"NaN|undefined|null|Infinity", text)]


def test_light_and_dark() -> None:
    chart = charts("exact")["roc"]
    light, dark = drawing.svg(chart), drawing.svg(chart, dark=True)
    assert texts(light) == texts(dark)
    assert "#171b21" in dark
    assert "#171b21" not in light
    assert "#e6e9ec" in dark


def test_files(tmp_path: Path) -> None:
    chart = charts("exact")["calibration"]
    for end, start in ((".svg", b"<svg"), (".png", b"\x89PNG"), (".pdf", b"%PDF"), (".html", b"<!doctype html>")):
        chart.save(tmp_path / f"calibration{end}")
        assert (tmp_path / f"calibration{end}").read_bytes().startswith(start)
    chart.save(str(tmp_path / "dark.png"), dark=True)
    assert (tmp_path / "dark.png").read_bytes() != (tmp_path / "calibration.png").read_bytes()


def test_what_answers_to_a_pointer_is_not_in_a_file() -> None:
    chart = charts("exact")["roc"]
    assert len(chart["datasets"]["curve"]) > 100
    assert drawing.svg(chart).count("<path") < 40


def test_without_the_library_it_names_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(MissingExtra, match=r"a chart as SVG, PNG or PDF needs an optional library") as caught:
        charts("exact")["roc"].save(tmp_path / "roc.svg")
    assert caught.value.hint == "install it with `pip install 'muster-ml[charts]'`"
    charts("exact")["roc"].save(tmp_path / "roc.html")


def test_the_libraries_on_a_page_are_those_that_were_brought() -> None:
    folder = Path(page.__file__).parent / "vega"
    listed = [line.split() for line in (folder / "VERSIONS").read_text().splitlines()]
    assert {name for _, name, _ in listed} == {file.name for file in folder.glob("*.js")}
    for digest, name, _ in listed:
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
        assert "Copyright" in (folder / name.replace(".js", ".LICENSE")).read_text()


def whole_page(*, title: str = "All of it") -> str:
    every = [charts(kind)[name] for kind, name in ALL if kind in ("exact", "three", "odd names")]
    return drawing.html(*every, title=title)


def test_a_page_has_words_and_tables_before_anything_is_drawn() -> None:
    written = re.sub(r"<script.*?</script>", "", whole_page(), flags=re.DOTALL)
    for chart in charts("exact").values():
        assert escapes.escape(chart.reading) in written
        assert escapes.escape(chart.text) in written
    assert written.count("<table>") == written.count("<figure")
    assert "<b>" not in written.replace('<b data-field="', "")


def test_a_page_allows_its_own_scripts_and_nothing_else() -> None:
    written = whole_page()
    assert len(written) < 2_000_000
    policy = escapes.unescape(re.search(r'Content-Security-Policy" content="([^"]+)"', written).group(1))  # type: ignore[union-attr]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    for script in re.findall(r"<script>(.*?)</script>", written, re.DOTALL):
        assert base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() in policy
    assert not re.search(r'(src|href)="', written)


def test_json_on_a_page_ends_no_script() -> None:
    chart = charts("odd names")["roc"]
    found = re.search(r'<script type="application/json">(.*?)</script>', page.figure(chart), re.DOTALL)
    assert found
    assert json.loads(found.group(1)) == json.loads(json.dumps(chart.bare()))


def test_a_browser_draws_all_of_it_under_its_policy(tmp_path: Path) -> None:
    written = whole_page()
    drawn, said = browse(written, tmp_path / "page.html")
    assert said == ""
    assert 'data-charts="drawn"' in drawn
    assert drawn.count("<svg") == written.count("<figure")
    dark, said = browse(written.replace('lang="en"', 'lang="en" data-theme="dark"'), tmp_path / "dark.html")
    assert said == ""
    assert dark.count("<svg") == 2 * written.count("<figure")  # paper takes the light ones


MOVE = """
const wait = setInterval(() => {
  if (document.documentElement.dataset.charts !== "drawn") return;
  clearInterval(wait);
  const input = document.querySelector("input[type='range']");
  input.value = String(PLACE);
  input.dispatchEvent(new Event("input"));
}, 50);
"""


def test_the_slider_moves_the_rule_and_tells_the_figures(tmp_path: Path) -> None:
    chart: Chart = charts("exact")["thresholds"]
    found = sorted(chart["datasets"]["table"], key=lambda row: row["threshold"])
    place = next(n for n, row in enumerate(found) if row["threshold"] >= 0.7)
    move = MOVE.replace("PLACE", str(place))
    written = drawing.html(chart).replace(escapes.escape(assets().policy()), escapes.escape(assets().policy(move)))
    still, _ = browse(drawing.html(chart), tmp_path / "still.html")
    moved, said = browse(written.replace("</body>", f"<script>{move}</script></body>"), tmp_path / "moved.html")
    assert said == ""
    for drawn, row in ((still, next(row for row in found if row["threshold"] == 0.4)), (moved, found[place])):
        shown = dict(re.findall(r'data-field="(\w+)"[^>]*>([^<]*)<', drawn))
        assert shown["threshold"] == f"{row['threshold']:.4g}"
        assert shown["recall"] == f"{100 * row['recall']:.1f}%"
        assert shown["tp"].replace("\u202f", "") == f"{row['tp']:.0f}"
        rules = re.findall(r'<line[^>]*transform="translate\(([\d.]+),[^>]*stroke="#1b1f24"', drawn)
        assert [float(rule) for rule in rules] == [pytest.approx(520 * row["threshold"], abs=0.01)]


def test_a_control_character_ends_no_process(tmp_path: Path) -> None:
    chart = charts("exact")["confusion"].titled("confusion", "a\x07b")
    assert "a\N{REPLACEMENT CHARACTER}b" in texts(drawing.svg(chart))
    chart.save(tmp_path / "confusion.png")
