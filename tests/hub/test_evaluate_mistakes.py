"""The worst mistakes by their kind, and evaluations that keep no text of the rows."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import muster
from muster.errors import RunFailed
from muster.evaluation.result import Evaluation
from muster.hub import Hub

ROWS = 4_000
SECRET = "Mrs Secret"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with muster.open(tmp_path_factory.mktemp("mistakes") / "hub") as opened:
        yield opened


def flights() -> pa.Table:
    """Late flights are few and hard to find: all of the 50 worst mistakes are of them."""
    random = np.random.default_rng(5)
    late = random.random(ROWS) < 0.1
    p = np.where(late, random.random(ROWS) ** 6 * 0.9, random.random(ROWS) * 0.6) + 0.01
    when = pa.array(random.integers(0, 10**9, ROWS)).cast(pa.timestamp("s"))
    return pa.table(
        {
            "late": np.where(late, "yes", "no"),
            "p": p,
            "distance": random.integers(1, 99, ROWS),
            "note": [f"{SECRET} {n}" for n in range(ROWS)],
            "tags": [[f"{SECRET} {n}"] for n in range(ROWS)],
            "coded": pa.array([f"{SECRET} {n % 9}" for n in range(ROWS)]).dictionary_encode(),
            "raw": [f"{SECRET} {n}".encode() for n in range(ROWS)],
            "when": when,
            "row": random.random(ROWS),
        }
    )


def prices() -> pa.Table:
    random = np.random.default_rng(6)
    price = random.gamma(2, 50, ROWS)
    return pa.table({"price": price, "prediction": price * random.lognormal(0.1, 0.3, ROWS), "name": ["x"] * ROWS})


def of_flights(hub: Hub, **more: object) -> Evaluation:
    found = hub.evaluate(flights(), target="late", probabilities=["p"], classes=["no", "yes"], **more)  # type: ignore[call-overload]
    assert isinstance(found, Evaluation)
    return found


def test_each_kind_of_two_classes_has_its_worst_whatever_the_other_has(hub: Hub) -> None:
    found = hub.evaluation(of_flights(hub).id)
    assert len(found.mistakes) == 50
    table = flights()
    late, p = np.asarray(table["late"].to_pylist()) == "yes", table["p"].to_numpy()
    wrong = {"false positives": ~late & (p >= 0.5), "false negatives": late & (p < 0.5)}
    own = np.where(late, p, 1 - p)
    for kind, rows in wrong.items():
        expected = np.flatnonzero(rows)[np.argsort(own[rows], kind="stable")][:25].tolist()
        told = found.mistakes.kinds[kind]
        assert [m.row for m in told] == expected
        assert [m.score for m in told] == pytest.approx(own[expected])
    worst = np.flatnonzero(wrong["false positives"] | wrong["false negatives"])
    expected = worst[np.argsort(own[worst], kind="stable")][:50].tolist()
    assert [m.row for m in found.mistakes] == expected
    assert {m.predicted for m in found.mistakes} == {"no"}, (
        "without a list of their own there would be no false positives"
    )


def test_numbers_have_the_greatest_errors_both_ways(hub: Hub) -> None:
    table = prices()
    found = hub.evaluate(table, target="price")
    error = table["prediction"].to_numpy() - table["price"].to_numpy()
    up, down = np.argsort(-error)[:25].tolist(), np.argsort(error)[:25].tolist()
    assert [m.row for m in found.mistakes.kinds["too high"]] == up
    assert [m.row for m in found.mistakes.kinds["too low"]] == down
    assert repr(found.mistakes) == "<25 too high, 25 too low>"


def test_they_are_a_frame_and_json(hub: Hub) -> None:
    found = of_flights(hub)
    frame = found.mistakes.to_frame()
    assert len(frame) == 50
    assert list(frame.columns[:7]) == ["kind", "file", "row", "actual", "predicted", "probability", "loss"]
    assert "row of the row" in frame.columns, "a column of the data that is called like one of these keeps its values"
    told = json.loads(json.dumps(found.mistakes.to_json(), allow_nan=False))
    assert told[0]["kind"] == "false positives"
    assert told[0]["values"]["note"] == f"{SECRET} {told[0]['row']}"


def test_a_report_has_a_table_of_each_kind(hub: Hub, tmp_path: Path) -> None:
    for found, headings in (
        (of_flights(hub), ("Worst false positives", "Worst false negatives")),
        (hub.evaluate(prices(), target="price"), ("Predicted too high", "Predicted too low")),
    ):
        found.report(tmp_path / "report.md")
        found.report(tmp_path / "report.html")
        for heading in headings:
            assert f"## {heading}\n" in (tmp_path / "report.md").read_text()
            assert f"<h2>{heading}</h2>" in (tmp_path / "report.html").read_text()
    right = pa.table({"y": ["a", "b"], "prediction": ["a", "b"]})
    hub.evaluate(right, target="y", classes=["a", "b"]).report(tmp_path / "right.md")
    assert "Worst" not in (tmp_path / "right.md").read_text()


def stored(hub: Hub, found: Evaluation) -> bytes:
    header, _, body = (
        hub.folder.joinpath("blobs", found.record.profile[:2], found.record.profile[2:]).read_bytes().partition(b"\n")
    )
    return header + zlib.decompress(body)


def test_without_texts_none_of_the_rows_is_stored(hub: Hub) -> None:
    kept, bare = (of_flights(hub, weak_segments=True, texts=texts) for texts in (True, False))
    secret = SECRET.encode()
    assert secret in stored(hub, kept)
    assert secret not in stored(hub, bare)
    assert set(bare.mistakes[0].values) == {"distance", "when", "row"}
    assert bare.profile.question.search is not None
    assert ("coded", "no texts of the rows are kept") in bare.profile.question.search.left_out
    assert bare.metrics["roc_auc"] == kept.metrics["roc_auc"]
    (coded,) = [c for n, c in bare.profile.columns.figures().items() if n == "coded"]
    assert isinstance(coded, dict)
    assert coded["distinct"] == kept.profile.columns.figures()["coded"]["distinct"]  # type: ignore[index,call-overload]
    assert hub.evaluation(bare.id).to_json() == bare.to_json()


def test_a_label_that_is_no_class_is_not_told_without_texts(hub: Hub) -> None:
    table = pa.table({"y": ["a", "b", SECRET, "b"], "prediction": ["a", "a", "a", "b"]})
    found = hub.evaluate(table, target="y", classes=["a", "b"], texts=False)
    assert found.left_out == {"are of a class that the model does not know": 1}
    assert SECRET.encode() not in stored(hub, found)
    many = pa.table({"y": [f"{SECRET} {n}" for n in range(2_000)] + ["a"], "prediction": ["a"] * 2_001})
    head = pc.take(many, pa.array([2_000, *range(2_000)]))
    for texts in (True, False):
        with pytest.raises(RunFailed) as caught:
            hub.evaluate(head, target="y", classes=["a", "b"], texts=texts)
        assert (SECRET in str(caught.value)) == texts


@pytest.mark.parametrize("asked", [None, True])
def test_the_setting_holds_unless_something_else_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: bool | None
) -> None:
    monkeypatch.setenv("MUSTER_PROFILES_TEXTS", "false")
    with muster.open(tmp_path / "hub") as hub:
        found = of_flights(hub, texts=asked)
        assert (SECRET.encode() in stored(hub, found)) == bool(asked)
        assert found.profile.question.texts == bool(asked)
