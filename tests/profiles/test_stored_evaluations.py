"""Profiles of evaluations that earlier releases stored are opened by this one; what is damaged is never taken for one."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from muster.errors import Corrupt, TooNew
from muster.profiles.evaluation import EvaluationProfile
from tests.profiles.make_evaluations import STORED, figures, measured, questions

FILES = sorted(STORED.glob("evaluation-*.bin"))


def nearly(value: Any) -> Any:
    """Floats to rounding: sums may differ in their last bits from machine to machine."""
    match value:
        case float():
            return pytest.approx(value, rel=1e-9, abs=1e-12)
        case dict():
            return {k: nearly(v) for k, v in value.items()}
        case list():
            return [nearly(v) for v in value]
    return value


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_format_opens_with_its_figures(path: Path) -> None:
    profile = EvaluationProfile.decode(path.read_bytes())
    assert figures(profile) == nearly(json.loads(path.with_suffix(".json").read_text(encoding="utf-8")))
    rows = profile.whole.rows
    profile.merge(EvaluationProfile.decode(path.read_bytes()))
    assert profile.whole.rows == 2 * rows


def test_the_format_of_today_has_stored_profiles_with_the_figures_of_today() -> None:
    number = EvaluationProfile.format.rpartition("/")[2]
    for name, question in questions().items():
        stored = EvaluationProfile.decode((STORED / f"evaluation-{number}-{name}.bin").read_bytes())
        assert stored.question == question
        assert figures(stored) == nearly(figures(measured(question)))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_is_cut_or_changed_is_refused_or_whole(path: Path) -> None:
    data, chance = path.read_bytes(), random.Random(5)
    for cut in (0, 1, 50, len(data) // 2, len(data) - 1):
        with pytest.raises(Corrupt):
            EvaluationProfile.decode(data[:cut])
    for _ in range(60):
        place = chance.randrange(len(data))
        changed = data[:place] + bytes([data[place] ^ (1 << chance.randrange(8))]) + data[place + 1 :]
        try:
            opened = EvaluationProfile.decode(changed)
            opened.figures()
        except (Corrupt, TooNew):
            continue
        # A changed letter of a name is no damage that can be seen here: the blob's digest tells it. Few bits of a zlib stream say nothing.
        assert place < data.index(b"\n") or opened.encode() == EvaluationProfile.decode(data).encode()
