"""How far a number lies from what was expected of it, by what a distribution makes of it; nothing cancels where the two are near."""

from __future__ import annotations

import numpy as np

from muster.profiles.keys import Floats

__all__ = ["TWEEDIE_POWER", "deviances", "log_errors"]

TWEEDIE_POWER = 1.5

_NEAR = 0.1
"""Of y / c - 1: so near to 0 its logarithm is a series, of which the first term is taken out by hand."""

_SERIES = (1 / 13, 1 / 11, 1 / 9, 1 / 7, 1 / 5, 1 / 3)


def deviances(y: Floats, c: Floats, apart: Floats) -> tuple[Floats, Floats, Floats]:
    """The unit deviances of `y` from its expectation `c` by Poisson, gamma and Tweedie (power 1.5) distributions; `apart` is y - c.

    They are scikit-learn's. 0 where they are not defined: of c at 0 or below, of y below 0, and for gamma of y at 0.
    """
    defined = (y >= 0) & (c > 0)
    if not defined.all():
        y, c, apart = np.where(defined, y, 1.0), np.where(defined, c, 1.0), np.where(defined, apart, 0.0)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        q = apart / c
        near, logs = np.abs(q) < _NEAR, _log_ratio(y, c)
        rest = np.where(near, _beyond(q), q - logs)
        poisson = np.where(near, c * (q * (q - rest) - rest), np.where(y > 0, y * logs, 0.0) - apart)
        root = np.sqrt(c)
        tweedie = (apart / (np.sqrt(y) + root)) ** 2 / root
    return 2 * poisson, np.where(y > 0, 2 * rest, 0.0), 4 * tweedie


def log_errors(y: Floats, f: Floats, error: Floats) -> Floats:
    """log(1 + f) - log(1 + y), where `error` is f - y; 0 where one of them is -1 or below."""
    defined = (y > -1) & (f > -1)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        part = error / (1 + y)
        near = np.abs(part) < 0.5
        logs = np.log1p(np.where(near & defined, part, 0.0))
    far = defined & ~near
    logs[far] = np.log1p(f[far]) - np.log1p(y[far])
    return logs


def _beyond(q: Floats) -> Floats:
    """q - log(1 + q), near 0: of log(1 + q) = 2 atanh(s), s = q / (2 + q), the first term with q is q s."""
    s = q / (2 + q)
    square = s * s
    series = np.zeros_like(s)
    for term in _SERIES:
        series *= square
        series += term
    return q * s - 2 * s * square * series


def _log_ratio(y: Floats, c: Floats) -> Floats:
    ratio = y / c
    logs = np.log(ratio)
    odd = ~((ratio > 1e-300) & (ratio < 1e300)) & (y > 0)
    if odd.any():
        logs[odd] = np.log(y[odd]) - np.log(c[odd])
    return logs
