"""Two predictors as one, whose answer to a chunk is that of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pyarrow as pa

from muster.predictor import Call, OpenPredictor, Predictor
from muster.profiles.answered import FIRST, SECOND
from muster.signature import Json, Output, Signature

__all__ = ["Both", "OpenBoth", "OpenOne"]


@dataclass(frozen=True, slots=True)
class OpenOne:
    """Opens a predictor, that is called with `params` of its own."""

    open: OpenPredictor
    params: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class OpenBoth:
    """Opens the first and the second where it is called. None has nothing to say: its predictions stand in the data."""

    first: OpenOne | None
    second: OpenOne | None

    def __call__(self) -> Both:
        opened: dict[str, tuple[Predictor, Mapping[str, Json]]] = {}
        try:
            for name, one in ((FIRST, self.first), (SECOND, self.second)):
                if one is not None:
                    opened[name] = one.open(), one.params
        except BaseException:
            _close(opened)
            raise
        return Both(opened)


class Both:
    """A Predictor that gives what each answered as a struct, under FIRST and SECOND. Its signature and output are those of one of them."""

    def __init__(self, opened: Mapping[str, tuple[Predictor, Mapping[str, Json]]]) -> None:
        assert opened, "somebody has to predict"
        self._opened = dict(opened)
        self._one = next(iter(opened.values()))[0]

    @property
    def signature(self) -> Signature:
        return self._one.signature

    @property
    def output(self) -> Output:
        return self._one.output

    @property
    def abilities(self) -> frozenset[str]:
        return frozenset()

    def predict(self, batch: pa.RecordBatch, call: Call = Call()) -> pa.RecordBatch:
        answers = {
            name: predictor.predict(batch, replace(call, params=params)).to_struct_array()
            for name, (predictor, params) in self._opened.items()
        }
        return pa.RecordBatch.from_arrays(list(answers.values()), names=list(answers))

    def close(self) -> None:
        _close(self._opened)


def _close(opened: Mapping[str, tuple[Predictor, object]]) -> None:
    """Each, also where another one fails to."""
    failed: list[Exception] = []
    for predictor, _ in opened.values():
        try:
            predictor.close()
        except Exception as error:  # noqa: BLE001  # raised below, once all are closed
            failed.append(error)
    if failed:
        raise failed[0]
