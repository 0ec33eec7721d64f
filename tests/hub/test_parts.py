"""Fairness and weak segments from end to end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from muster.errors import InvalidInput, NotApplicable
from muster.evaluation.result import Evaluation
from muster.hub import Hub
from muster.registry.evaluation_job import EvaluateOptions

ROWS = 12_000
SCORED: EvaluateOptions = {"target": "y", "probabilities": ["p"], "classes": ["no", "yes"]}


def asked(**more: Unpack[EvaluateOptions]) -> EvaluateOptions:
    return {**SCORED, **more}


def people(rows: int = ROWS) -> pa.Table:
    """Women are selected less often; flights of EV in the evening are predicted the wrong way round."""
    random = np.random.default_rng(6)
    sex = random.choice(["F", "M"], rows, p=[0.4, 0.6])
    sex[:20] = "X"
    carrier, hour = random.choice(["AA", "EV", "UA"], rows), random.integers(0, 24, rows)
    x = random.normal(np.where(sex == "M", 0.5, -0.2), 1.0)
    p = 1 / (1 + np.exp(-x))
    turned = (carrier == "EV") & (hour >= 18)
    y = random.random(rows) < np.where(turned, 1 - p, p)
    return pa.table(
        {
            "sex": sex,
            "age": random.integers(18, 80, rows),
            "carrier": carrier,
            "hour": hour,
            "same": np.zeros(rows),
            "note": pa.array([None] * rows, pa.string()),
            "p": p,
            "y": np.where(y, "yes", "no"),
        }
    )


@pytest.fixture
def found(hub: Hub) -> Evaluation:
    protected: list[str | dict[str, list[float]]] = ["sex", {"age": [30, 50]}]
    return hub.evaluate(people(), **asked(segments=["carrier", "sex"], protected=protected, weak_segments=True))


def test_a_protected_column_is_a_segment_too_and_its_groups_are_compared(hub: Hub, found: Evaluation) -> None:
    assert set(found.segments) == {"carrier", "sex", "age"}
    assert list(found.fairness) == ["sex", "age"]
    sex, table = found.fairness["sex"], people().to_pandas()
    selected = (table["p"] >= 0.5).groupby(table["sex"]).mean()
    assert {g: sex[g]["selection_rate"].value for g in sex} == pytest.approx(selected.to_dict(), abs=1e-12)
    assert sex["F"]["true_positive_rate"].value == found.segments["sex"]["F"]["recall"].value
    assert sex.measures["demographic_parity_ratio"].value == pytest.approx(selected["F"] / selected["M"])
    assert (sex.four_fifths.passed, sex.four_fifths.failing) == (False, ("F",))
    assert sex["X"].small
    assert found.fairness["age"].four_fifths.passed
    strict = sex.at(0.7).measures["demographic_parity_ratio"]
    again_selected = (table["p"] >= 0.7).groupby(table["sex"]).mean()
    assert strict.value is not None
    assert abs(strict.value - again_selected["F"] / again_selected["M"]) <= strict.bound < 0.1
    again = hub.evaluation(found.id)
    assert again.to_json() == found.to_json()
    json.dumps(found.to_json(), allow_nan=False)


def test_the_planted_segment_is_found(found: Evaluation) -> None:
    for metric in ("log_loss", "error_rate"):
        weak = found.weak_segments.by(metric)
        (one,) = weak  # of two bins
        assert one.columns == ("carrier", "hour")
        assert one.condition == "carrier = EV and hour 18 or more"
        table = people()
        both = (table["carrier"].to_numpy() == "EV") & (table["hour"].to_numpy() >= 18)
        assert one.rows == both.sum()
        assert weak[0].adjusted < 1e-6
        assert weak[0].there.value is not None
        assert weak[0].elsewhere.value is not None
        assert weak[0].there.value > weak[0].elsewhere.value + 0.1
    assert found.weak_segments.metric == "log_loss"
    assert dict(found.weak_segments.left_out) == {
        "same": "the rows looked at first have one value in it",
        "note": "the rows looked at first have no value in it",
    }
    assert "y" not in found.weak_segments.columns
    told = found.to_json()["weak_segments"]
    assert isinstance(told, dict)
    assert told["left_out"] == dict(found.weak_segments.left_out)


def test_without_being_asked_nothing_is_looked_for(hub: Hub) -> None:
    plain = hub.evaluate(people(500), **SCORED)
    assert plain.fairness == {}
    with pytest.raises(NotApplicable, match="did not look for weak segments"):
        _ = plain.weak_segments
    assert plain.to_json()["weak_segments"] is None


def test_what_cannot_be_asked_is_told_at_once(hub: Hub) -> None:
    with pytest.raises(InvalidInput) as caught:
        hub.evaluate(people(500), **asked(protected=["gender", {"carrier": [1.0]}], weight="hour", weak_segments=True))
    assert "`gender` is no column of the data" in str(caught.value)
    assert "`carrier` has edges, and is no number" in str(caught.value)
    assert "weak segments are found by rows, and these have weights" in str(caught.value)
    with pytest.raises(InvalidInput, match="`age` is asked for with different edges"):
        hub.evaluate(people(500), **asked(segments=["age"], protected=[{"age": [40.0]}]))


def test_a_version_is_searched_in_its_inputs_and_by_chunks(hub: Hub, tmp_path: Path) -> None:
    random = np.random.default_rng(8)
    n = np.arange(ROWS)
    p = (n & 1023) / 1023.0
    late = random.random(ROWS) < np.where((n & 1023) >= 900, 1 - p, p)
    table = pa.table({"n": n & 1023, "late": np.where(late, "yes", "no"), "side": random.choice(["a", "b"], ROWS)})
    pq.write_table(table, tmp_path / "rows.parquet", row_group_size=5_000)
    found = hub.evaluate("numbers", tmp_path / "rows.parquet", target="late", protected=["side"], weak_segments=True)
    assert found.weak_segments.columns == ("n",)
    assert found.weak_segments[0].condition.startswith("n ")
    assert found.weak_segments[0].condition.endswith(" or more")
    assert found.fairness["side"].four_fifths.passed
    compared = hub.compare([found.id, "numbers"])
    assert list(compared.contests[0].other.fairness) == ["side"]
    assert compared.contests[0].other.weak_segments.to_json() == found.weak_segments.to_json()


def test_columns_of_every_type_are_searched_or_said_not_to_be(hub: Hub) -> None:
    random = np.random.default_rng(10)
    n = 1_000
    columns: dict[str, pa.Array] = {
        "null": pa.nulls(n),
        "flag": pa.array([None if i % 3 == 0 else bool(i % 2) for i in range(n)]),
        "infinite": pa.array(np.where(random.random(n) < 0.3, np.inf, random.normal(size=n))),
        "date": pa.array(random.integers(15_000, 16_000, n).astype("datetime64[D]")),
        "view": pa.array(random.choice(["a", "b"], n).tolist(), pa.string_view()),
        "dictionary": pa.array(random.integers(0, 4, n)).dictionary_encode(),
        "list": pa.array([[1.0, 2.0]] * n),
        "id": pa.array([f"id {i}" for i in range(n)]),
    }
    p = random.random(n)
    table = pa.table(columns | {"p": p, "y": np.where(random.random(n) < p, "yes", "no")})
    found = hub.evaluate(table, **asked(weak_segments=True))
    assert found.weak_segments.columns == ("flag", "infinite", "date", "view", "dictionary")
    assert dict(found.weak_segments.left_out) == {
        "null": "its values are null",
        "list": "its values are list<item: double>",
        "id": "none of its values is frequent",
    }
    assert found.mistakes[0].values["view"] in {"a", "b"}


def test_of_very_many_columns_the_first_are_searched_and_the_others_named(hub: Hub) -> None:
    random = np.random.default_rng(11)
    p = random.random(500)
    many = {f"x{n}": random.normal(size=500) for n in range(60)}
    found = hub.evaluate(
        pa.table(many | {"p": p, "y": np.where(random.random(500) < p, "yes", "no")}), **asked(weak_segments=True)
    )
    weak = found.weak_segments
    assert weak.columns == tuple(f"x{n}" for n in range(50))
    assert weak.unpaired == tuple(f"x{n}" for n in range(16, 50))
    assert list(weak.left_out) == [f"x{n}" for n in range(50, 60)]
    assert set(weak.left_out.values()) == {"it stands behind the first 50 columns that can be looked at"}


def test_requirements_can_be_of_all_groups_or_of_one(found: Evaluation) -> None:
    verdicts = found.require(
        "demographic_parity_ratio>=0.8 for sex",
        "demographic_parity_ratio>=0.8 for age",
        "true_positive_rate>=0.1 for sex=F",
        "equal_opportunity_difference.high<=0.001 for sex",
        "recall>=0.1 for sex=F",
    )
    assert [v.passed for v in verdicts] == [False, True, True, False, True]
    assert verdicts[0].reason.startswith("demographic_parity_ratio is 0.")
    with pytest.raises(InvalidInput) as caught:
        found.require("demographic_parity_ratio>=0.8", "demographic_parity_ratio>=0.8 for carrier", "parity>=1 for sex")
    assert "is of all groups together: write `demographic_parity_ratio>=0.8 for COLUMN`" in str(caught.value)
    assert "`carrier` was no protected column of this evaluation: they are `sex`, `age`" in str(caught.value)
    assert "there is no metric `parity`" in str(caught.value)


def test_a_rate_of_one_group_is_said_to_be_one(found: Evaluation) -> None:
    with pytest.raises(InvalidInput) as caught:
        found.require(
            "accuracy.low>=0.5 for sex",
            "selection_rate>=0.1 for sex",
            "selection_rate>=0.1",
            "accuracy>=0.5 for carrier",
        )
    assert caught.value.message.split("; ") == [
        "`accuracy` is of one part of the rows: write `accuracy.low>=0.5 for sex=VALUE`",
        "`selection_rate` is of one part of the rows: write `selection_rate>=0.1 for sex=VALUE`",
        "`selection_rate` is of a group of a protected column: write `selection_rate>=0.1 for COLUMN=VALUE`",
        "`accuracy` is of one part of the rows: write `accuracy>=0.5 for carrier=VALUE`",
    ]


def test_an_undefined_measure_does_not_meet_a_requirement(hub: Hub) -> None:
    table = people(400)
    found = hub.evaluate(table.set_column(0, "sex", pa.array(["M"] * 400)), **asked(protected=["sex"]))
    (verdict,) = found.require("demographic_parity_ratio>=0.8 for sex")
    assert not verdict.passed
    assert verdict.reason == "demographic_parity_ratio has no value: fewer than two groups have 30 rows"


def test_charts_and_reports_tell_of_parts(found: Evaluation, tmp_path: Path) -> None:
    names = {name for name in found.charts if name.startswith(("segment", "fairness", "weak"))}
    assert names == {
        "segment:carrier", "segment:sex", "segment:age", "fairness:sex", "fairness:age", "weak_segments", "weak_segments:error_rate",
    }  # fmt: skip
    found.report(tmp_path / "all.md")
    text = (tmp_path / "all.md").read_text(encoding="utf-8")
    assert "## Fairness by sex" in text
    assert "## Over the groups of sex" in text
    assert "## Weak segments" in text
    assert "not at all: same and note" in text
    found.report(tmp_path / "all.html")
    page = (tmp_path / "all.html").read_text(encoding="utf-8")
    for name in names:
        assert f'id="chart-{name.replace(":", "-")}"' in page
    assert len(page) < 2_000_000


def test_numbers_and_several_classes_have_their_own(hub: Hub) -> None:
    random = np.random.default_rng(9)
    value = random.gamma(2.0, 3.0, 4_000)
    sex = random.choice(["F", "M"], 4_000)
    told = value + random.normal(np.where(sex == "F", 1.0, 0.0), np.where(sex == "F", 2.0, 0.5))
    numbers = hub.evaluate(
        pa.table({"y": value, "told": told, "sex": sex}),
        target="y", prediction="told", task="regression", protected=["sex"], weak_segments=True,
    )  # fmt: skip
    assert numbers.weak_segments.metric == "mae"
    assert [one.condition for one in numbers.weak_segments] == ["sex = F"]
    assert numbers.fairness["sex"]["F"]["mean_error"].value == pytest.approx((told - value)[sex == "F"].mean())
    assert {"segment:sex", "fairness:sex", "weak_segments"} <= set(numbers.charts)
    label = random.choice(["a", "b", "c"], 4_000)
    guess = np.where(random.random(4_000) < np.where(sex == "F", 0.5, 0.9), label, "a")
    several = hub.evaluate(
        pa.table({"y": label, "told": guess, "sex": sex}),
        target="y", prediction="told", classes=["a", "b", "c"], protected=["sex"], weak_segments=True,
    )  # fmt: skip
    assert several.weak_segments.metrics == ("error_rate",)
    assert [one.condition for one in several.weak_segments] == ["sex = F"]
    fairness = several.fairness["sex"]
    assert fairness.worst["equal_opportunity_difference"] in {"b", "c"}
    assert fairness.of("b").measures["equal_opportunity_difference"].value is not None
    charts: Any = several.charts
    assert charts["fairness:sex"].heading.startswith("Fairness by sex, ")
