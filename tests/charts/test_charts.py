"""What holds for every chart, of every kind of profile."""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft7Validator

from muster.charts import theme
from muster.charts.chart import Chart
from muster.charts.screens import classification_charts
from muster.charts.words import within
from muster.errors import InvalidInput, NotApplicable
from tests.charts.pairs import PAIRS
from tests.charts.parts import NAMES, PARTS
from tests.charts.past import PAST
from tests.charts.shown import ALL, COSTS, charts, profiles
from tests.metrics.classified import binary, scored, several

EVERY = pytest.mark.parametrize(("kind", "name"), ALL)


@cache
def schema() -> Draft7Validator:
    """Vega-Lite's own, as Altair carries it."""
    return Draft7Validator(
        json.loads(files("altair.vegalite").joinpath("v6/schema/vega-lite-schema.json").read_bytes())
    )


@EVERY
@pytest.mark.parametrize("dark", [False, True])
def test_it_is_vega_lite(kind: str, name: str, dark: bool) -> None:
    spec = json.loads(json.dumps(charts(kind)[name].themed(dark=dark), allow_nan=False))
    spec["datasets"] = {key: rows[:2] for key, rows in spec["datasets"].items()}
    assert schema().is_valid(spec)


def test_the_schema_refuses_what_is_not() -> None:
    spec = json.loads(json.dumps(charts("exact")["roc"]))
    spec["layer"][0]["mark"] = {"type": "squiggle"}
    assert not schema().is_valid(spec)


def test_what_a_profile_shows() -> None:
    confusions = {"confusion", "confusion_by_column", "confusion_by_count"}
    scores = {"roc", "precision_recall", "calibration", "calibration_by_rows", "density", "gain", "lift", "tenths"}
    assert set(charts("exact")) == scores | confusions | {"thresholds", "net_benefit", "cost", "confusion_by_cost"}
    assert set(charts("labels alone")) == confusions | {"confusion_by_cost"}
    assert set(charts("three")) == {f"{name}:a" for name in scores} | confusions | {"classes", "confidence", "mistakes"}
    made = classification_charts(binary(1).profile(), NAMES)
    assert len(made) == len(list(made)) == 13
    assert made["roc"] is made["roc"]
    assert "cost" not in made
    assert "roc" in repr(made)


@EVERY
def test_it_says_what_it_shows(kind: str, name: str) -> None:
    chart = charts(kind)[name]
    assert chart.name == name
    assert chart["title"] == chart.heading
    assert chart["description"] == chart.text
    assert chart.reading[-1] == "."
    assert chart.reading in chart.text
    assert chart.note in chart.text
    assert re.match(r"[\d\u202f]+ rows?, (exact|counted in cells|.* ± ?\u202f?[\de.-]+)", chart.note), chart.note
    assert " ".join(_words(chart)).replace(" ", "") == f"{chart.reading} {chart.note}".replace(" ", "")
    assert not re.search(r"\bnan\b|\binf\b|None", chart.text)


def _words(chart: Chart) -> list[str]:
    """What stands under the drawing."""
    found = [mark["text"] for mark in _marks(dict(chart)) if isinstance(mark, dict) and mark.get("style") == "note"]
    assert len(found) == 1
    return list(found[0])


def _marks(spec: dict[str, Any]) -> Iterator[Any]:
    for part in [*spec.get("layer", ()), *spec.get("vconcat", ()), *spec.get("hconcat", ())]:
        yield from _marks(part)
    if "mark" in spec:
        yield spec["mark"]


@EVERY
def test_its_table_has_the_figures_that_are_drawn(kind: str, name: str) -> None:
    chart = charts(kind)[name]
    columns = [list(row) for row in chart.table]
    assert all(row == columns[0] for row in columns)
    json.dumps(chart.table, allow_nan=False)
    if kind in ("exact", "in cells", "three", "forty", "numbers", "numbers in cells", "weighted numbers"):
        assert chart.table
        main = max(chart["datasets"].values(), key=len)
        assert len(chart.table) >= 0.19 * len(main)
        assert any(isinstance(value, float) for row in chart.table for value in row.values())


def _names(spec: dict[str, Any]) -> list[str]:
    parts = [part for kind in ("layer", "vconcat", "hconcat") for part in spec.get(kind, ())]
    return [name for part in parts for name in _names(part)] + ([spec["name"]] if "name" in spec else [])


@EVERY
def test_no_two_views_have_one_name(kind: str, name: str) -> None:
    """Vega-Lite gives them the data of the last one, where it is not told otherwise."""
    names = _names(dict(charts(kind)[name]))
    assert len(names) == len(set(names))


def test_parts_are_drawn_beside_the_whole_and_small_ones_in_grey() -> None:
    chart = charts("parts")["segment:group"]
    small = {row["line"]: row["quiet"] for rows in chart["datasets"].values() for row in rows}
    assert small == {"large": False, "larger": False, "small": True, "single": True}
    assert "Grey: 2 parts of fewer than 30 rows." in chart.reading
    many = charts("many parts")["segment:group"]
    assert max(len(rows) for rows in many["datasets"].values()) == 30
    assert len(many.table) == 45
    assert "15 parts more are in the table only" in many.note
    fairness = charts("parts")["fairness:group"]
    assert fairness.reading.startswith("The four-fifths rule is kept: ")
    assert "Grey: 2 groups of fewer than 30 rows, which decide nothing." in fairness.reading
    assert "the line is larger" in fairness.note
    assert reading("one part", "fairness:group").startswith(
        "Whether the four-fifths rule is kept cannot be told: fewer than two"
    )
    assert charts("parts of three")["fairness:group"].heading.startswith("Fairness by group, ")
    weak = charts("parts")["weak_segments"]
    assert "carrier = EV and dep_time 1800 or more" in [row["segment"] for row in weak.table]
    assert "not at all: note" in weak.note


@EVERY
def test_its_data_is_aggregated(kind: str, name: str) -> None:
    numbers = [
        value
        for rows in charts(kind)[name]["datasets"].values()
        for row in rows
        for value in row.values()
        if isinstance(value, (int, float))
    ]
    assert len(numbers) < 5_000


def test_of_a_million_rows_it_is_as_small() -> None:
    made = classification_charts(binary(1, 1_000_000).profile(), NAMES, costs=COSTS)
    sizes = {name: len(json.dumps(made[name])) for name in made}
    assert max(sizes.values()) < 60_000
    assert made["roc"].note.startswith("1\u202f000\u202f000 rows, AUC ±")
    assert made["thresholds"].note.startswith("1\u202f000\u202f000 rows, exact")


@EVERY
def test_colours_come_from_the_theme_alone(kind: str, name: str) -> None:
    chart = charts(kind)[name]
    assert not re.search(r"#[0-9a-fA-F]{6}", json.dumps({**chart, "config": None, "datasets": None}))
    light, dark = chart.themed(dark=False), chart.themed(dark=True)
    assert light == dict(chart)
    assert {key: value for key, value in light.items() if key != "config"} == {
        key: value for key, value in dark.items() if key != "config"
    }
    styles = {
        style
        for mark in _marks(dict(chart))
        for style in ([mark.get("style", [])] if isinstance(mark.get("style", []), str) else mark.get("style", []))
    }
    assert styles <= set(theme.config()["style"])  # type: ignore[arg-type]


def test_notebooks_get_vega_lite_and_words() -> None:
    chart = charts("exact")["roc"]
    bundle = chart._repr_mimebundle_(include=None, exclude=None)
    assert bundle["application/vnd.vegalite.v6+json"] == dict(chart)
    assert bundle["application/vnd.vegalite.v5+json"]["$schema"].endswith("/v5.json")
    assert "<table>" in bundle["text/html"]
    assert chart.reading in bundle["text/html"]
    assert bundle["text/plain"] == repr(chart)
    assert "AUC" in repr(chart)
    assert "<script" not in charts("odd names")["confusion"]._repr_mimebundle_()["text/html"]


def test_it_is_a_dict_and_can_be_kept() -> None:
    chart = charts("exact")["calibration"]
    assert isinstance(chart, dict)
    assert json.loads(json.dumps(chart))["$schema"].startswith("https://vega.github.io/schema/vega-lite/")
    again = pickle.loads(pickle.dumps(chart))
    assert (dict(again), again.text, again.table) == (dict(chart), chart.text, chart.table)
    assert chart.titled("calibration:x", "Calibration: x").text.startswith("Calibration: x.")
    assert chart.text.startswith("Calibration.")


def test_bare_charts_have_no_words_and_no_look() -> None:
    for name in ("roc", "calibration"):
        bare = charts("exact")[name].bare()
        assert not {"title", "config"} & set(bare)
        assert not [mark for mark in _marks(bare) if mark.get("style") == "note"]


def reading(kind: str, name: str) -> str:
    return charts(kind)[name].reading


def test_readings() -> None:
    assert re.fullmatch(r"The model ranks fairly: AUC 0\.7\d\d \[0\.7\d\d, 0\.7\d\d\]\.", reading("exact", "roc"))
    assert reading("perfect", "roc") == "The model ranks very well: AUC 1.000."
    assert reading("worthless", "roc").startswith("The model ranks hardly better than chance: AUC 0.500")
    assert reading("one class", "roc") == "There is no curve: all rows have the same actual class."
    assert reading("no row", "confusion") == "There is no row."
    assert reading("no row", "thresholds") == "There is no threshold to compare."
    assert reading("one class", "thresholds").endswith("No threshold is best: no row is of the class.")
    assert reading("one class", "lift") == "There is no lift: no row is late."
    assert "At the threshold in use, 0.4: precision" in reading("exact", "thresholds")
    turned = binary(1, 3_000)
    made = classification_charts(scored(turned.actual, 1 - turned.score).profile(), NAMES)
    assert made["roc"].reading.startswith("The model ranks the wrong way round: AUC 0.2")
    random = classification_charts(binary(1, 400, skill=0.0).profile(), NAMES)
    assert random["roc"].reading.startswith("The model does not rank better than chance: AUC")


def test_every_figure_in_cells_has_its_bound() -> None:
    notes = {name: charts("in cells")[name].note for name in charts("in cells")}
    for name, of in (
        ("roc", "AUC ±"), ("roc", "KS ±"), ("precision_recall", "average precision ±"), ("gain", "captured share ±"),
        ("lift", "lift ±"), ("tenths", "share ±"), ("calibration_by_rows", "mean score ±"), ("net_benefit", "net benefit ±"),
        ("thresholds", "thresholds within one are not looked at"), ("cost", "thresholds within one are not looked at"),
        ("calibration", "rows, exact"), ("density", "rows, exact"), ("confusion", "rows, exact"),
    ):  # fmt: skip
        assert of in notes[name], name
        assert "exact" in charts("exact")[name].note


def test_bounds_are_written_no_smaller_than_they_are() -> None:
    assert within(0.00021) == "±\u202f0.0003"
    assert within(0.5) == "±\u202f0.5"
    assert within(1.01) == "±\u202f2"
    assert within(3.2e-9) == "±\u202f4e-9"


def test_what_numbers_show() -> None:
    shown = {"predicted", "errors", "errors_along", "sides", "tenths", "tenths_error", "lift"}
    assert set(charts("numbers")) == shown
    assert set(charts("numbers with intervals")) == shown | {"coverage"}
    assert re.search(r"R² 0\.\d{3}\.$", reading("numbers", "predicted"))
    assert reading("no number", "errors") == "There is nothing to draw: there is no row."
    assert reading("negative numbers", "lift") == "There is nothing to draw: the mean of all rows is not above 0."
    assert reading("numbers of a segment", "predicted").endswith("pairs of numbers are not kept for these rows.")
    assert "exact" in charts("tied numbers")["errors"].note
    assert "exact" in charts("tied numbers")["predicted"].note
    assert "rows of a cell ±" in charts("numbers in cells")["predicted"].note
    drawn = [row["rows"] for row in charts("tied numbers")["predicted"].table]
    assert sum(drawn) == pytest.approx(500, abs=0.01)  # type: ignore[arg-type]


def test_an_unknown_chart_is_told_with_those_there_are() -> None:
    made = classification_charts(binary(1).profile(), NAMES)
    with pytest.raises(KeyError, match="no chart `rok`; there are roc, precision_recall"):
        made["rok"]


def test_calibration_says_where_it_is_off() -> None:
    random = np.random.default_rng(1)
    score = random.random(20_000)
    actual = (random.random(20_000) < np.where(score > 0.8, 0.8, score)).astype(int)
    chart = classification_charts(scored(actual, score).profile(), NAMES)["calibration"]
    assert chart.reading.startswith("The probabilities are too high above 0.80;")
    fitting = classification_charts(scored(random.random(2_000) < score[:2_000], score[:2_000]).profile(), NAMES)
    assert fitting["calibration"].reading.startswith("The probabilities fit what is observed")


def test_the_threshold_can_be_moved() -> None:
    params = charts("exact")["thresholds"]["params"]
    assert params == [{"name": "threshold", "value": 0.4}]
    assert charts("in cells")["thresholds"]["params"][0]["value"] != 0.4


def test_costs_that_were_not_given_are_not_drawn() -> None:
    from muster.charts.confusion import confusion_chart
    from muster.metrics.confusion import confusion

    with pytest.raises(NotApplicable, match="costs"):
        confusion_chart(confusion(several(1, 3).profile(), "abc"), "cost")


def test_an_unknown_end_of_a_name_is_refused(tmp_path: Any) -> None:
    with pytest.raises(InvalidInput, match=r"\.gif"):
        charts("exact")["roc"].save(tmp_path / "roc.gif")
    charts("exact")["roc"].save(tmp_path / "roc.json", dark=True)
    assert json.loads((tmp_path / "roc.json").read_text())["config"]["background"] == theme.DARK.surface


def test_profiles_of_all_kinds_are_here() -> None:
    assert {kind for kind, _ in ALL} == {*profiles(), *PARTS, *PAIRS, *PAST}
