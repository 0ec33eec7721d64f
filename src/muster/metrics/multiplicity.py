"""Many tests at once: how many of those that say something may do so by chance."""

from __future__ import annotations

import numpy as np

from muster.profiles.keys import Floats

__all__ = ["adjusted"]


def adjusted(p: Floats) -> Floats:
    """p-values such that of those up to q at most the share q is expected to be chance (Benjamini and Hochberg 1995)."""
    count = len(p)
    order = np.argsort(p, kind="stable")
    scaled = p[order] * count / np.arange(1, count + 1)
    result = np.empty(count)
    result[order] = np.minimum(1.0, np.minimum.accumulate(scaled[::-1])[::-1])
    return result
