"""The names that metrics have."""

from __future__ import annotations

from muster.metrics.classes import BINARY, MULTICLASS
from muster.metrics.fairness import MEASURES
from muster.metrics.groups import RATES
from muster.metrics.multilabel import MULTILABEL
from muster.metrics.multioutput import AVERAGE
from muster.metrics.regression import REGRESSION

__all__ = ["is_built_in"]

_BUILT_IN = frozenset(
    {
        "cost",
        "rows",
        "counted",
        *(m.name for m in (*BINARY, *MULTICLASS)),
        *(m.name for m in REGRESSION),
        *(m.name for m in MULTILABEL),
        *MEASURES,
        *RATES,
    }
)


def is_built_in(name: str) -> bool:
    """Whether a metric of Muster, of any task or of groups, is called so: none of the user's own may be."""
    return name.removesuffix(AVERAGE) in _BUILT_IN
