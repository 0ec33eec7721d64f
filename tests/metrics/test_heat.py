"""What is said of cells of two numbers holds for the rows themselves."""

from __future__ import annotations

import numpy as np
import pytest

from muster.metrics.heat import heat_bound
from muster.metrics.residuals import predicted_by_actual
from tests.metrics.numbers import BINNED, KINDS, rows


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_no_cell_is_further_off_than_its_bound(kind: str) -> None:
    d = rows(kind, 4, 3_000)
    profile = d.profile(BINNED)
    found = predicted_by_actual(profile, 30)
    assert found is not None
    bound = heat_bound(profile.together, found)
    true, _, _ = np.histogram2d(d.predicted, d.actual, [found.edges, found.edges])
    assert np.abs(found.rows - true).max() <= bound + 1e-9
    assert bound < len(d)


def test_single_pairs_are_exact() -> None:
    profile = rows("ties", 4, 3_000).profile()
    found = predicted_by_actual(profile, 30)
    assert found is not None
    assert profile.together.exact
    assert heat_bound(profile.together, found) == 0.0
