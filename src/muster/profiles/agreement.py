"""How far two answers to the same rows agree, and how far what they say moved: counted in one pass in which both are known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import Self

import numpy as np
import pyarrow as pa

from muster.errors import InvalidInput
from muster.profile import OpenProfile, Rows
from muster.profiles.agreed import LabelsAgreed, NumbersAgreed
from muster.profiles.answered import Pair, answered
from muster.profiles.moved import MostMoved
from muster.profiles.stored import pack, reads, unpack
from muster.signature import Json

__all__ = ["AgreementProfile"]


class AgreementProfile:
    """`whole` measures the rows that both predicted, `moved` has those on which they are furthest apart, `rows` counts all that were
    read. `only` has how many the first alone predicted, and the second alone; `left_out` the rows of each that are not measured, by reason.

    An answer has what each predicted as a struct, under FIRST and SECOND. `digest` is as that of an evaluation, of the rows of both.
    """

    format = "muster.agreement/1"

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.rows = 0
        self.digest = 0
        self.only = (0, 0)
        self.left_out: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
        output, weighted = pair.first.output, pair.first.weight is not None
        self.whole: LabelsAgreed | NumbersAgreed
        if output.task == "regression":
            self.whole = NumbersAgreed(weighted=weighted)
        else:
            self.whole = LabelsAgreed(len(output.classes), scores=pair.scores, weighted=weighted)
        self.moved = MostMoved(pair.first.mistakes, output.classes)

    @classmethod
    def of(cls, pair: Pair) -> OpenProfile:
        return partial(cls, pair)

    @property
    def neither(self) -> int:
        """Rows that none of the two predicted, or of which the actual value or the weight is not known."""
        return self.rows - self.whole.rows - sum(self.only)

    def update(self, rows: Rows, answer: pa.RecordBatch | None = None) -> None:
        found = answered(self.pair, rows, answer)
        self.rows += rows.batch.num_rows + len(rows.unread)
        self._join(found.only, found.left_out, int(found.hashes.sum(dtype=np.uint64)))
        if len(found.places):
            self.whole.add(found)
            self.moved.add(rows, found, self.pair.shown)

    def merge(self, other: Self) -> None:
        if self.pair != other.pair:
            raise InvalidInput("these profiles measure different things", hint="merge profiles of one comparison only")
        self.rows += other.rows
        self._join(other.only, other.left_out, other.digest)
        self.whole.merge(other.whole)  # type: ignore[arg-type]  # both are of the task of the pair
        self.moved.merge(other.moved)

    def encode(self) -> bytes:
        header: dict[str, Json] = {
            "pair": self.pair.to_json(),
            "rows": self.rows,
            "digest": f"{self.digest:016x}",
            "only": [*self.only],
            "left_out": [dict(sorted(each.items())) for each in self.left_out],
            "moved": self.moved.to_json(),
        }
        return pack(self.format, header, {f"whole.{name}": a for name, a in self.whole.arrays().items()})

    @classmethod
    @reads("muster.agreement")
    def decode(cls, data: bytes) -> Self:
        _, header, arrays = unpack(data, cls.format)
        profile = cls(Pair.from_json(header["pair"]))
        profile.rows, profile.digest = int(header["rows"]), int(header["digest"], 16)
        first, second = (int(n) for n in header["only"])
        profile.only = first, second
        for mine, stored in zip(profile.left_out, header["left_out"], strict=True):
            mine.update({str(k): int(n) for k, n in stored.items()})
        profile.moved.restore(header["moved"])
        profile.whole.restore(arrays, "whole.")
        if profile.neither < 0:
            raise ValueError("more rows than were read")
        return profile

    def figures(self) -> Mapping[str, Json]:
        """`rows`, `counted` (which both predicted), `only` one of them, `neither`, and `left_out` of each by reason."""
        return {
            "rows": self.rows,
            "counted": self.whole.rows,
            "only": [*self.only],
            "neither": self.neither,
            "left_out": [dict(sorted(each.items())) for each in self.left_out],
        }

    def _join(self, only: tuple[int, int], left_out: tuple[Counter[str], Counter[str]], digest: int) -> None:
        self.only = self.only[0] + only[0], self.only[1] + only[1]
        for mine, its in zip(self.left_out, left_out, strict=True):
            mine.update(its)
        self.digest = (self.digest + digest) % 2**64
