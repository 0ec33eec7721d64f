"""The classes of a confusion matrix in the order that is chosen, and how sure predictions are."""

from __future__ import annotations

import html as escapes
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from muster.charts import drawing
from muster.charts.chart import Chart
from muster.charts.confusion import confusion_chart, natural
from muster.charts.density import confidence_chart
from muster.charts.page import assets
from muster.errors import NotApplicable
from muster.metrics.confusion import confusion
from muster.metrics.density import confidence
from muster.profiles.classification import Classification
from muster.profiles.keys import hash_rows
from muster.profiles.tally import Classified
from tests.charts.browsing import browse
from tests.metrics.classified import binary, several

NAMES = ["class 10", "class 9", "b"]
SVG = "{http://www.w3.org/2000/svg}"


def matrix() -> Chart:
    """`class 9` has the most rows, `b` is confused most."""
    actual = [0] * 10 + [1] * 40 + [2] * 20
    predicted = [0] * 9 + [2] + [1] * 36 + [2] * 4 + [2] * 4 + [1] * 8 + [0] * 8
    profile = Classification(3, scores=False)
    profile.add(Classified(np.array(actual), np.array(predicted)), hash_rows(0, np.arange(len(actual))))
    return confusion_chart(confusion(profile, NAMES))


def across(drawn: str) -> list[str]:
    """The classes along the lower axis, by where they stand."""
    found = re.search(r"<svg.*?</svg>", drawn, re.DOTALL)
    assert found
    texts = [t for t in ET.fromstring(found.group()).iter() if t.tag in ("text", f"{SVG}text")]
    at = {}
    for text in texts:
        place = re.match(r"translate\(([-\d.]+),", text.get("transform", ""))
        words = "".join(text.itertext())
        if place and words in NAMES and text.get("text-anchor") == "middle":
            at[words] = float(place[1])
    return sorted(at, key=lambda name: at[name])


def test_a_file_has_the_order_of_the_classes() -> None:
    assert across(drawing.svg(matrix())) == NAMES


CHOOSE = """
const wait = setInterval(() => {
  if (document.documentElement.dataset.charts !== "drawn") return;
  clearInterval(wait);
  const select = document.querySelector(".vega-bind select");
  select.value = "CHOSEN";
  select.dispatchEvent(new Event("change"));
}, 50);
"""


@pytest.mark.parametrize(
    ("chosen", "order"),
    [
        ("by name", ["b", "class 9", "class 10"]),
        ("most rows first", ["class 9", "b", "class 10"]),
        ("most confused first", ["b", "class 9", "class 10"]),
        ("as declared", NAMES),
    ],
)
def test_on_a_page_another_order_is_chosen(tmp_path: Path, chosen: str, order: list[str]) -> None:
    script = CHOOSE.replace("CHOSEN", chosen)
    page = drawing.html(matrix())
    page = page.replace(escapes.escape(assets().policy()), escapes.escape(assets().policy(script)))
    drawn, said = browse(page.replace("</body>", f"<script>{script}</script></body>"), tmp_path / "page.html")
    assert said == ""
    assert across(drawn) == order


def test_names_are_ordered_as_people_do() -> None:
    assert sorted(["a10", "a9", "b"], key=natural) == ["a9", "a10", "b"]


def test_more_than_thirty_classes_are_taken_together_in_the_last_place() -> None:
    chart = confusion_chart(confusion(several(1, 40, 4_000).profile(), [f"class {n}" for n in range(40)]))
    places = chart["datasets"]["places"]
    assert len(places) == 30
    assert places[-1] == {"class": "11 others", "0": 29, "1": 29, "2": 29, "3": 29}
    assert len(chart["datasets"]["cells"]) == 900


@pytest.mark.parametrize("weighted", [False, True])
def test_how_sure_predictions_are_is_that_of_the_rows(weighted: bool) -> None:
    d = several(3, 4, 1_500, weighted=weighted)
    found = confidence(d.profile(), bins=20)
    top, right = d.given.max(1), d.actual == d.predicted
    mass = np.ones(len(top)) if d.weight is None else d.weight
    place = np.clip(np.ceil(top * 20).astype(int) - 1, 0, 19)
    for mine, rows in ((found.own, right), (found.others, ~right)):
        assert mine == pytest.approx(np.bincount(place[rows], mass[rows], 20))
    sure = top > 0.9
    assert found.sure.value == pytest.approx(np.average(~right[sure], weights=mass[sure]))
    assert (found.sure.low is None) == weighted
    chart = confidence_chart(found)
    assert "are wrong" in chart.reading


def test_profiles_of_before_and_of_two_classes_have_no_highest_scores() -> None:
    profile = several(3, 4, 200).profile()
    older = Classification(4, scores=True)
    older.restore({name: a for name, a in profile.arrays().items() if name != "top"})
    again = Classification(4, scores=True)
    again.restore(profile.arrays())
    assert again.top is not None
    assert profile.top is not None
    assert (again.top == profile.top).all()
    again.merge(older)
    for without in (older, again, binary(1, 50).profile()):
        assert without.top is None
        with pytest.raises(NotApplicable, match="not kept"):
            confidence(without)
