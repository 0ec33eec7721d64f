"""How the scores of each class are spread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from muster.errors import NotApplicable
from muster.metrics.labels import share
from muster.metrics.quality import quality
from muster.metrics.screen import Screen
from muster.profiles.classification import EQUAL_WIDTHS, Classification
from muster.profiles.keys import Floats

__all__ = ["Density", "density"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Density(Screen):
    """Bins of equal width between `edges`, each with its upper end: rows (or weights) of the class and of the others, and their shares.

    `own_share` and `others_share` each add up to 1; NaN where there is no such row.
    """

    edges: Floats
    own: Floats
    others: Floats
    own_share: Floats
    others_share: Floats


def density(profile: Classification, lane: int = 0, bins: int = 50) -> Density:
    """Of a lane's scores; the density of the highest probability, right or wrong, is not kept in profiles and so not given."""
    if (counted := quality(profile).bins) is None:
        raise NotApplicable("this needs probabilities, and there are only labels")
    others, own = counted[lane, :, :2].reshape(bins, EQUAL_WIDTHS // bins, 2).sum(1).T
    return Density(
        rows=profile.rows,
        edges=np.arange(bins + 1) / bins,
        own=own,
        others=others,
        own_share=share(own, own.sum(keepdims=True)),
        others_share=share(others, others.sum(keepdims=True)),
    )
