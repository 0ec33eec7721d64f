"""Whether it may be chance that, of rows on which two differ, one is the better on more than half of them."""

from __future__ import annotations

from dataclasses import dataclass

from muster.signature import Json

__all__ = ["SignTest", "sign_test"]


@dataclass(frozen=True, slots=True)
class SignTest:
    """`first` rows speak for the first, `second` for the second. `exact` and `mid` are two-sided p-values, None with a `reason`.

    Of classes, with rows that only one of the two has right, it is McNemar's. The exact p-value is on average too large, as counts
    go in steps; the mid-p one is not (Fagerland, Lydersen and Laake 2013).
    """

    first: int
    second: int
    exact: float | None = None
    mid: float | None = None
    reason: str = ""

    def to_json(self) -> dict[str, Json]:
        return {
            "first": self.first,
            "second": self.second,
            "exact": self.exact,
            "mid": self.mid,
            "reason": self.reason,
        }


def sign_test(first: int, second: int, *, weighted: bool) -> SignTest:
    from scipy.special import bdtr

    if weighted:
        return SignTest(first, second, reason="it counts rows, and these have weights")
    total, fewer = first + second, min(first, second)
    if not total:
        return SignTest(first, second, reason="there is no row for either")
    upto = float(bdtr(fewer, total, 0.5))
    below = float(bdtr(fewer - 1, total, 0.5)) if fewer else 0.0
    return SignTest(first, second, min(1.0, 2 * upto), min(1.0, upto + below))
