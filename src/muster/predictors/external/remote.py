"""What every Predictor of a model that someone else runs tells of its version."""

from __future__ import annotations

from muster.records import Version
from muster.signature import Output, Signature

__all__ = ["Remote"]


class Remote:
    """The part of a Predictor that needs nobody to be asked."""

    def __init__(self, version: Version) -> None:
        self._version = version

    @property
    def signature(self) -> Signature:
        return self._version.signature

    @property
    def output(self) -> Output:
        return self._version.output

    @property
    def abilities(self) -> frozenset[str]:
        found = {"calls"} | ({"probabilities"} if self.output.probabilities else set())
        return frozenset(found | ({"params"} if self.signature.parameters else set()))
