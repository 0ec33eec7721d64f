"""`muster metric`, and `muster evaluate --metric`."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.cli.helpers import call

GAIN = """
INPUT = "arrow"


def gain(data):
    pairs = zip(data["target"].to_pylist(), data["prediction"].to_pylist())
    return [10.0 if a == b else -{} for a, b in pairs]
"""


def test_a_metric_from_its_registration_to_its_end(tmp_path: Path) -> None:
    hub = ("--hub", tmp_path / "hub")
    source = tmp_path / "gain.py"
    source.write_text(GAIN.format(5))
    made = call(
        "metric", "register", "gain", source, "--better", "higher", "--within", "-5", "10", "--title", "A gain", *hub
    )
    assert made.code == 0, made.err
    assert "gain:1" in made.out
    assert "muster evaluate REF DATA --metric gain" in made.err
    source.write_text(GAIN.format(6))
    second = call("metric", "register", "gain", source, "--json", *hub)
    assert (second.json["ref"], second.json["kind"], second.json["within"]) == ("gain:2", "batch", None)
    table = pa.table({"y": ["a", "b"] * 60, "prediction": ["a", "a"] * 60})
    pq.write_table(table, tmp_path / "data.parquet")
    asked = ("evaluate", tmp_path / "data.parquet", "--target", "y", "--classes", "a,b", *hub)
    first = call(*asked, "--metric", "gain:1", "--require", "gain>=2")
    assert first.code == 0, first.err
    lines = [" ".join(line.split()) for line in first.out.splitlines()]
    assert any(line.startswith("gain 2.5000") for line in lines), first.out
    assert any("A gain, higher is better, within -5 to 10, number 1" in line for line in lines)
    failed = call(*asked, "--metric", "gain", "--require", "gain>=1000", "--json")
    assert failed.code == 1
    assert failed.json["metrics"]["gain"]["value"] == 2.0
    assert failed.json["custom"][0]["digest"] == second.json["digest"]
    assert "gain is 2.0000, and 1000 is asked for" in failed.err
    listed = call("metric", "list", "name=gain", "--json", *hub)
    assert [m["ref"] for m in listed.json["items"]] == ["gain:1", "gain:2"]
    shown = call("metric", "show", "gain:1", *hub)
    assert "A gain" in shown.out
    assert "-5 to 10" in shown.out
    assert call("metric", "delete", "gain", *hub).code == 2, "it asks first"
    assert call("metric", "delete", "gain", "--yes", "--reason", "enough", *hub).code == 0
    gone = call("metric", "show", "gain", *hub)
    assert (gone.code, "no metric is registered as `gain`" in gone.err) == (1, True)


def test_what_fails_is_told_in_a_sentence(tmp_path: Path) -> None:
    hub = ("--hub", tmp_path / "hub")
    (tmp_path / "odd.py").write_text("INPUT = 'arrow'\n\n\ndef odd(data):\n    return 1 / 0\n")
    assert call("metric", "register", "odd", tmp_path / "odd.py", *hub).code == 0
    pq.write_table(pa.table({"y": ["a"], "prediction": ["b"]}), tmp_path / "data.parquet")
    asked = ("evaluate", tmp_path / "data.parquet", "--target", "y", "--classes", "a,b", *hub)
    failed = call(*asked, "--metric", "odd")
    assert failed.code == 1
    assert "the metric `odd` failed: ZeroDivisionError: division by zero" in failed.err
    assert "MUSTER_DEBUG=1 shows where in the metric's code" in failed.err
    assert "Traceback" not in failed.err
    wrong = call("metric", "register", "auc", tmp_path / "odd.py", *hub)
    assert (wrong.code, "defines no function `auc` or `metric`" in wrong.err) == (2, True)
