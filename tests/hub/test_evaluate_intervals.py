"""Predicted intervals that stand in scored data, and the rows that are predicted too low and too high, from end to end."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import muster
from muster.errors import InvalidInput, NotApplicable
from muster.hub import Hub
from muster.registry.evaluation_job import EvaluateOptions


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Hub:
    return muster.open(tmp_path_factory.mktemp("intervals") / "hub")


def prices(low: str = "prediction_low", high: str = "prediction_high") -> pa.Table:
    random = np.random.default_rng(8)
    actual = random.gamma(2, 50, 3_000)
    told = actual * random.lognormal(0, 0.2, 3_000)
    return pa.table({"price": actual, "prediction": told, low: told - 30, high: told + 20, "label": ["a"] * 3_000})


def test_columns_of_an_interval_are_found_or_named(hub: Hub, tmp_path: Path) -> None:
    table = prices()
    error = table["price"].to_numpy() - table["prediction"].to_numpy()
    inside = float(((error >= -30) & (error <= 20)).mean())
    found = hub.evaluate(table, target="price", level=0.9)
    named = hub.evaluate(prices("lo", "hi"), target="price", interval=("lo", "hi"))
    for one, level in ((found, 0.9), (named, None)):
        assert one.coverage is not None
        assert one.coverage.level == level
        assert one.coverage.inside.value == one.metrics["interval_coverage"].value == pytest.approx(inside)
        assert one.coverage.width.value == pytest.approx(50)
        assert one.charts["coverage"].table[9]["tenth"] == 10
        assert not {"lo", "hi", "prediction_low"} & set(one.mistakes[0].values)
        kept = hub.evaluation(one.id)
        assert kept.to_json() == one.to_json()
        json.dumps(one.to_json(), allow_nan=False)
    assert found.coverage is not None
    assert found.coverage.verdict == "too few"
    assert "too narrow" in found.charts["coverage"].reading
    found.report(tmp_path / "prices.md")
    said = (tmp_path / "prices.md").read_text()
    assert "Coverage of predicted intervals" in said
    assert "Predicted too low and too high" in said


def test_a_prediction_of_another_name_takes_no_interval_by_chance(hub: Hub) -> None:
    table = prices().append_column("other", prices()["prediction"])
    found = hub.evaluate(table, target="price", prediction="other", task="regression")
    assert found.coverage is None
    assert "coverage" not in found.charts


def test_rows_with_half_an_interval_are_left_out(hub: Hub) -> None:
    table = pa.table(
        {"y": [1.0, 2.0, 3.0, 4.0], "prediction": [1.0] * 4, "lo": [0.0, None, 5.0, 0.0], "hi": [2.0, 2.0, 4.0, 0.5]}
    )
    found = hub.evaluate(table, target="y", interval=["lo", "hi"])
    why = "have a predicted interval without an end, or with its ends the wrong way round"
    assert found.left_out == {why: 2}
    assert found.metrics["interval_coverage"].value == 0.5


def test_sides_are_told_for_any_band(hub: Hub) -> None:
    table = prices()
    found = hub.evaluate(table, target="price")
    error = table["prediction"].to_numpy() - table["price"].to_numpy()
    told = found.sides(10)
    assert told["too high"].rows == (error > 10).sum()
    assert told["within"].share.value == pytest.approx((np.abs(error) <= 10).mean())
    assert found.to_json()["sides"] == found.sides().to_json()
    assert found.sides().band == pytest.approx(7.0)
    classes = hub.evaluate(pa.table({"y": ["a", "b"], "prediction": ["a", "a"]}), target="y", classes=["a", "b"])
    for ask in (classes.sides, lambda: classes.coverage):
        with pytest.raises(NotApplicable, match="only predicted numbers"):
            ask()


def test_sides_are_told_of_each_part(hub: Hub, tmp_path: Path) -> None:
    table = prices()
    part = np.where(np.arange(len(table)) % 4 == 0, "a", "b")
    told = np.where(part == "a", table["prediction"].to_numpy() + 40, table["prediction"].to_numpy())
    table = pa.table({"price": table["price"], "prediction": told, "part": part})
    found = hub.evaluate(table, target="price", segments=["part"])
    error, band = told - table["price"].to_numpy(), found.sides().band
    for name, sides in found.sides_of("part").items():
        assert sides.band == band
        assert sides["too high"].share.value == pytest.approx((error[part == name] > band).mean(), abs=sides.bound)
        assert sides.rows == (part == name).sum()
    assert set(found.sides_of("part", 5.0)) == {"a", "b"}
    with pytest.raises(InvalidInput, match=r"`pat` was no segment of this evaluation; did you mean `part`\?"):
        found.sides_of("pat")
    found.report(tmp_path / "report.md")
    lines = (tmp_path / "report.md").read_text().splitlines()
    (row,) = [line for line in lines[lines.index("## Too low and too high by part") :] if line.startswith("| a |")]
    share = float(row.split("|")[9].replace("\u202f", "").replace("%", ""))
    assert share == pytest.approx(100 * (error[part == "a"] > band).sum() / (error > band).sum(), abs=0.5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"interval": ["prediction_low"]}, "an interval has two columns, its lower and its upper end, not prediction_low"),
        ({"interval": ["prediction_low", "high"]}, "the data lacks `high`"),
        ({"interval": ["prediction_low", "label"]}, "the end `label` of the interval is string, and ends are numbers"),
        ({"level": 90.0}, "the level 90 of the interval is no share between 0 and 1"),
        ({"level": float("nan")}, "the level nan of the interval"),
        ({"task": "binary", "classes": ["a", "b"], "target": "label", "prediction": "label", "level": 0.9}, "go with predicted numbers"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_interval_is_told(hub: Hub, options: EvaluateOptions, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        asked: EvaluateOptions = {"target": "price"}
        asked.update(options)
        hub.evaluate(prices(), **asked)
