"""What holds for every chart of a comparison, and what each says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft7Validator

from muster.charts import theme
from muster.charts.chart import Chart
from muster.charts.drawing import svg
from muster.metrics.residuals import error_histogram, error_histograms
from muster.profiles.regression import Regression
from tests.evaluation.compared import NOISES, comparison, table

KINDS = {
    "two": ("binary", 2, -1),
    "three": ("binary", 3, 1),
    "six": ("binary", 6, 0),
    "classes": ("multiclass", 2, -1),
    "numbers": ("regression", 2, 1),
    "five numbers": ("regression", 5, -1),
}


def charts(kind: str) -> dict[str, Chart]:
    found = comparison(*KINDS[kind]).charts
    return {name: found[name] for name in found}


ALL = [(kind, name) for kind in KINDS for name in charts(kind)]
EVERY = pytest.mark.parametrize(("kind", "name"), ALL)
SCHEMA = Draft7Validator(json.loads(files("altair.vegalite").joinpath("v6/schema/vega-lite-schema.json").read_bytes()))


def _views(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Those that have axes."""
    for part in [*spec.get("vconcat", ()), *spec.get("concat", ())]:
        yield from _views(part)
    if any("encoding" in layer and "mark" in layer and layer.get("name") != "note" for layer in spec.get("layer", ())):
        yield spec


def _layers(spec: dict[str, Any]) -> list[dict[str, Any]]:
    return [layer for view in _views(spec) for layer in view["layer"]]


def _styles(spec: dict[str, Any]) -> set[str]:
    styles = (layer["mark"].get("style", []) for layer in _layers(spec))
    return {s for found in styles for s in ([found] if isinstance(found, str) else found)}


def test_what_is_compared() -> None:
    curves = {"roc", "precision_recall", "calibration", "density"}
    assert set(charts("two")) == {"differences", *curves, "thresholds", "segments:part"}
    assert set(charts("classes")) == {"differences", *(f"{c}:{n}" for c in curves for n in range(3))}
    assert set(charts("numbers")) == {"differences", "errors", "tenths_error", "segments:part"}


@EVERY
def test_it_is_vega_lite_in_the_colours_of_the_theme(kind: str, name: str) -> None:
    chart = charts(kind)[name]
    spec = json.loads(json.dumps(chart.themed(dark=True), allow_nan=False))
    spec["datasets"] = {key: rows[:2] for key, rows in spec["datasets"].items()}
    assert SCHEMA.is_valid(spec)
    assert not re.search(r"#[0-9a-fA-F]{6}", json.dumps({**chart, "config": None, "datasets": None}))
    assert _styles(dict(chart)) <= set(theme.config()["style"])  # type: ignore[arg-type]


@EVERY
def test_no_two_layers_of_one_chart_have_the_same_name(kind: str, name: str) -> None:
    """On a page they are signals, of which there is one of each name."""
    named = [layer["name"] for layer in _layers(dict(charts(kind)[name])) if "name" in layer]
    assert len(set(named)) == len(named) > 1


@EVERY
def test_it_says_what_it_shows_and_has_its_figures_as_a_table(kind: str, name: str) -> None:
    chart = charts(kind)[name]
    assert chart.name == name
    assert chart.reading[-1] == "."
    assert re.match(r"4\u202f000 rows, (exact|counted in cells|.* ±)", chart.note), chart.note
    assert not re.search(r"\bnan\b|\binf\b|None", chart.text)
    assert chart.table
    assert all(list(row) == list(chart.table[0]) for row in chart.table)
    told = {str(row["of"]).removesuffix(", champion") for row in chart.table}
    first = 1 if name == "differences" or name.startswith("segments:") else 0
    assert told == set(comparison(*KINDS[kind]).names[first:])
    json.dumps(chart.table, allow_nan=False)
    assert sum(len(row) for rows in chart["datasets"].values() for row in rows) < 6_000


@pytest.mark.parametrize(("kind", "name"), [("two", "roc"), ("six", "density"), ("numbers", "differences")])
def test_it_is_drawn(kind: str, name: str) -> None:
    drawing = svg(charts(kind)[name])
    assert "delays:2" in drawing
    assert "4\u202f000 rows" in drawing


def test_the_reference_is_grey_the_champion_blue_and_the_challenger_vermilion() -> None:
    for name in ("roc", "precision_recall", "calibration", "density", "thresholds"):
        assert {"reference", "challenger"} <= _styles(dict(charts("two")[name]))
        assert "champion" not in _styles(dict(charts("two")[name]))
        assert {"reference", "champion", "challenger"} <= _styles(dict(charts("three")[name]))
        assert {"champion", "challenger"} <= _styles(dict(charts("six")[name]))
    assert theme.config()["style"]["champion"] == {"color": "#0072B2"}  # type: ignore[index,call-overload]
    shown = json.dumps(charts("three")["roc"])
    assert "delays:2, champion" in shown
    assert "delays:1, champion" not in shown


def test_more_than_four_are_small_multiples_on_the_same_scales() -> None:
    assert len(list(_views(dict(charts("three")["roc"])))) == 1
    views = list(_views(dict(charts("six")["roc"])))
    assert len(views) == 5
    scales = [
        [layer["encoding"]["y"].get("scale") for layer in view["layer"] if layer["mark"]["type"] == "line"]
        for view in views
    ]
    assert all(scale == scales[0] for scale in scales)
    assert len(list(_views(dict(charts("six")["segments:part"])))) == 5
    domains = {json.dumps(layer["encoding"]["x"]["scale"]["domain"]) for layer in _layers(dict(charts("six")["segments:part"]))
               if layer["mark"]["type"] == "point" and "scale" in layer["encoding"]["x"]}  # fmt: skip
    assert len(domains) == 1


def test_names_stand_beside_lines_only_where_there_is_no_doubt() -> None:
    texts = [layer for layer in _layers(dict(charts("two")["roc"])) if layer["mark"].get("style") == ["direct"]]
    swatches = [layer for layer in _layers(dict(charts("two")["roc"])) if layer["mark"].get("strokeWidth") == 3]
    assert bool(swatches) != any("field" in layer["encoding"].get("text", {}) for layer in texts)
    assert [layer for layer in _layers(dict(charts("three")["roc"])) if layer["mark"].get("strokeWidth") == 3]


def test_differences_say_which_way_is_better_and_what_may_be_chance() -> None:
    rows = {row["metric"]: row for row in charts("two")["differences"].table}
    assert rows["ROC AUC (higher is better)"]["so"] == "worse"
    loss = rows["Log loss (lower is better)"]
    assert float(str(loss["from"])) > 0
    assert loss["so"] == "worse"
    drawn = [row for rows in charts("three")["differences"]["datasets"].values() for row in rows]
    for row in drawn:
        chance = row["low"] <= 0 <= row["high"]
        assert (row["style"] == "reference") == chance
        assert (row["said"] == "may be chance") == (chance and row["low"] < row["high"])
    assert any(row["style"] == "challenger" for row in drawn)
    assert charts("two")["differences"].reading.startswith("delays:2 ranks worse: ROC AUC \u22120.")


def test_parts_that_say_little_are_grey() -> None:
    for kind in ("two", "numbers"):
        drawn = {row["what"]: row for row in charts(kind)["segments:part"]["datasets"]["u0"]}
        assert drawn["few <b>"]["style"] == "reference"
        assert drawn["north"]["style"] in ("challenger", "champion")
        table = {row["part"]: row for row in charts(kind)["segments:part"].table}
        assert table["few <b>"]["rows"] == 20
        assert sum(int(str(row["rows"])) for row in table.values()) == 4_000
    assert "worse in north" in charts("two")["segments:part"].reading


def test_errors_of_several_share_their_bins() -> None:
    profiles = [e.profile.whole for e in comparison("regression", 2).evaluations]
    assert all(isinstance(p, Regression) for p in profiles)
    found = error_histograms([p for p in profiles if isinstance(p, Regression)])
    for noise, one in zip(NOISES, found, strict=False):
        assert one is not None
        assert found[0] is not None
        assert (one.edges == found[0].edges).all()
        rows = table("regression", noise)
        errors = rows["p"].to_numpy() - rows["y"].to_numpy()
        counted, _ = np.histogram(errors, one.edges)
        assert np.abs(one.mass - counted).max() <= one.bound + 1e-6
    assert isinstance(profiles[0], Regression)
    alone, again = error_histogram(profiles[0]), error_histograms([profiles[0]])[0]
    assert alone is not None
    assert again is not None
    assert (alone.mass == again.mass).all()
    shares = [row["part"] for row in charts("numbers")["errors"]["datasets"]["s1"][:-1]]
    assert 0.95 < sum(shares) <= 1 + 1e-9
