"""Weights of any size: only their ratios count, and what is too large or too small for sums is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import muster
from muster.errors import RunFailed
from muster.hub import Hub

_RANDOM = np.random.default_rng(1)
_N = 500
_Y = _RANDOM.gamma(2, 50, _N)
_W = _RANDOM.random(_N)
TABLE = {"y": _Y, "prediction": _Y * _RANDOM.lognormal(0, 0.2, _N)}


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with muster.open(tmp_path / "hub") as opened:
        yield opened


@pytest.mark.parametrize("scale", [1e-90, 1e90])
def test_only_the_ratios_of_weights_count(hub: Hub, scale: float) -> None:
    one, other = (hub.evaluate({**TABLE, "w": _W * by}, target="y", weight="w") for by in (1.0, scale))
    for name, figure in one.metrics.items():
        same = other.metrics[name]
        for mine, its in ((figure.value, same.value), (figure.low, same.low), (figure.high, same.high)):
            assert its == (None if mine is None else pytest.approx(mine, rel=1e-6)), name


@pytest.mark.parametrize(("scale", "told"), [(1e308, "inf"), (1e200, r"2\.\d+e\+202"), (1e-320, r"2\.\d+e-318")])
def test_weights_of_which_sums_are_no_numbers_are_refused(hub: Hub, scale: float, told: str) -> None:
    with pytest.raises(RunFailed, match=rf"the weights in `w` add up to {told}") as caught:
        hub.evaluate({**TABLE, "w": _W * scale}, target="y", weight="w")
    assert "divide them all by one number" in caught.value.hint
    with pytest.raises(RunFailed, match="the weights in `w` add up to"):
        flags = pa.table({"y": _Y > 100, "prediction": _Y > 90, "w": _W * scale})
        hub.evaluate(flags, target="y", weight="w")
    assert list(hub.evaluations()) == []


def test_single_weights_may_be_tiny(hub: Hub) -> None:
    """As those that fade with age."""
    fading = 0.5 ** np.arange(_N * 4)[::4]
    found = hub.evaluate({**TABLE, "w": fading}, target="y", weight="w")
    assert found.metrics["mae"].value == pytest.approx(
        np.average(np.abs(TABLE["prediction"] - _Y), weights=fading), rel=1e-9
    )
