"""A table of figures on a page is sorted by the heading that is pressed, and each slider moves its own chart."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pyarrow as pa

from muster.charts.page import document, figure
from muster.charts.several import several_charts
from muster.signature import Output
from tests.chromium import FLAGS, chromium
from tests.metrics.labelled import drawn

_TABLE = """<section class="figures"><table><thead><tr><th class="word">label</th><th>f1</th></tr></thead><tbody>
<tr><td class="word">b</td><td>–</td></tr><tr><td class="word">c</td><td>1\u202f200</td></tr>
<tr><td class="word">a</td><td>\u22120.5 to 3</td></tr><tr><td class="word">d</td><td>20</td></tr></tbody></table></section>"""

_PRESS = """
setTimeout(() => {
  const table = document.querySelector("section.figures table"), told = [];
  const press = (n) => {
    table.tHead.rows[0].cells[n].querySelector("button").click();
    told.push([...table.tBodies[0].rows].map((row) => row.cells[0].textContent).join(""));
  };
  press(1); press(1); press(0);
  const figures = [...document.querySelectorAll("figure.chart")], input = figures[0].querySelector("input");
  const rules = () => figures.map((one) => one.querySelector(".light").innerHTML);
  const before = rules();
  input.value = "0.9";
  input.dispatchEvent(new Event("input"));
  setTimeout(() => {
    const after = rules();
    told.push(before.map((at, n) => (at === after[n] ? "still" : "moved")).join(" "));
    document.title = "told " + told.join(",");
  }, 500);
}, 2500);
"""


def test_headings_sort_and_sliders_move_their_own_chart(tmp_path: Path) -> None:
    rows = drawn(1, 300, 2)
    output = Output("multilabel", pa.list_(pa.bool_(), 2), ("a", "b"), True)
    charts = several_charts(rows.profile(), output)
    page = document("told", _TABLE + figure(charts["thresholds:a"]) + figure(charts["thresholds:b"]))
    page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    (tmp_path / "page.html").write_text(page.replace("</body>", f"<script>{_PRESS}</script></body>"))
    command = [chromium(), *FLAGS, f"--user-data-dir={tmp_path / 'browser'}"]
    command += ["--virtual-time-budget=8000", "--dump-dom", (tmp_path / "page.html").as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    told = re.search(r"<title>told ([^<]*)", done.stdout)
    assert told is not None
    assert told[1] == "adcb,cdab,abcd,moved still"
