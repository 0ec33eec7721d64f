"""Every flavor of every line of MLflow, in an environment that Muster builds from the model's own requirements."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pytest

import muster
from tests.zoo.build import ENVIRONMENTS, STORED, Unavailable, make, recipe
from tests.zoo.entries import Entry
from tests.zoo.lines import FLAVORS, LINES
from tests.zoo.stored import assert_same

pytestmark = [pytest.mark.deep, pytest.mark.timeout(3600)]

PAIRS = [(line, flavor) for flavor, told in FLAVORS.items() for line in told.lines if line in LINES]


def made(line: str, flavor: str) -> Path:
    """The stored ones of light flavors; others are made once, beside the environments that make them."""
    if FLAVORS[flavor].light:
        return STORED / line / flavor
    place = ENVIRONMENTS / "models" / line / flavor
    said, now = place.with_name(f"{flavor}.recipe"), recipe(line, flavor)
    if not said.is_file() or said.read_text(encoding="utf-8") != now:
        try:
            make(line, flavor, place)
        except Unavailable as error:
            pytest.skip(f"its libraries do not resolve here: {' '.join(str(error).split())[:300]}")
        said.write_text(now, encoding="utf-8")
    return place


@pytest.mark.parametrize(("line", "flavor"), PAIRS)
def test_rows_are_those_of_the_library(line: str, flavor: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = made(line, flavor)
    names = sorted(f.parent.name for f in place.glob("*/case.json"))
    assert names
    wrong = []
    try:
        for name in names:
            with muster.open(tmp_path / "hub") as hub:  # anew for each, so that no worker stays warm beside the next
                try:
                    check(hub, f"{flavor}-{name}".replace("_", "-"), Entry(place / name), f"{line}-{flavor}")
                except (AssertionError, muster.MusterError) as error:
                    wrong.append(f"{name}: {error}\n{getattr(error, 'hint', '')}\n{getattr(error, 'details', '')}")
    finally:
        shutil.rmtree(tmp_path / "hub", ignore_errors=True)  # an environment is large
    assert not wrong, "\n".join(wrong)


def check(hub: muster.Hub, name: str, model: Entry, made_in: str) -> None:
    case = model.case
    declared = dict(case.get("declare", {}))
    if case.get("own"):  # what it needs is what made it, and a second such environment would take a gigabyte
        declared["environment"] = ENVIRONMENTS / made_in / "bin/python"
    sample = model.data if case.get("sample") else None
    if "asks" in case:
        with pytest.raises(muster.MusterError) as caught:
            hub.register(name, model.source, sample=sample)
        assert case["asks"] in f"{caught.value} {caught.value.hint}"
    version = hub.register(name, model.source, sample=sample, **declared)
    assert version.task == case["task"], version.task
    assert list(version.classes) == case.get("classes", []), version.classes
    answer = hub.predict(version.ref, model.data, params=case.get("params"))
    assert isinstance(answer, pa.Table)
    assert_same(answer, model.expected, near=case.get("near", 1e-6))
