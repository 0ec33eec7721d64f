"""What was predicted: how many rows of each class, or the spread of a number."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc

from muster.errors import Corrupt, InvalidInput, TooNew
from muster.profile import Rows
from muster.signature import Json, Output, Scalar

__all__ = ["PredictionProfile"]


class PredictionProfile:
    """Rows, rows without a prediction, and per class its rows, or for numbers their smallest, largest and sum; and who gave how many.

    All counts are exact; the sum of numbers is a float sum in the order of the parts.
    """

    format = "muster.predictions/2"

    def __init__(self, classes: Sequence[Scalar] = (), *, numbers: bool = False) -> None:
        self._classes = tuple(classes)
        self._numbers = numbers
        self._counts = [0] * len(self._classes)
        self._rows = self._errors = 0
        self._served: Counter[str] = Counter()
        self._sum, self._min, self._max = 0.0, math.inf, -math.inf

    @classmethod
    def of(cls, output: Output) -> Self:
        """An empty profile that fits what a version returns."""
        scalar_classes = output.classes if output.task in ("binary", "multiclass") else ()
        return cls(scalar_classes, numbers=output.task == "regression")

    def update(self, rows: Rows, answer: pa.RecordBatch | None = None) -> None:
        self._rows += rows.batch.num_rows
        if answer is None:
            return
        prediction = answer.column("prediction")
        self._errors += prediction.null_count
        if "served_by" in answer.schema.names:
            told = answer.column("served_by").drop_null().value_counts()
            self._served.update({str(v["values"]): v["counts"] for v in told.to_pylist()})
        for i, label in enumerate(self._classes):
            self._counts[i] += pc.sum(pc.equal(prediction, pa.scalar(label, prediction.type)), min_count=0).as_py()
        if self._numbers and prediction.null_count < len(prediction):
            values = prediction.cast(pa.float64())
            low, high = pc.min_max(values).as_py().values()
            self._sum += pc.sum(values).as_py()
            self._min, self._max = min(self._min, low), max(self._max, high)

    def merge(self, other: Self) -> None:
        if (self._classes, self._numbers) != (other._classes, other._numbers):
            raise InvalidInput(
                "these profiles measure different predictions", hint="merge profiles of one version only"
            )
        self._rows += other._rows
        self._errors += other._errors
        self._served.update(other._served)
        self._counts = [a + b for a, b in zip(self._counts, other._counts, strict=True)]
        self._sum += other._sum
        self._min, self._max = min(self._min, other._min), max(self._max, other._max)

    def encode(self) -> bytes:
        body = {
            "format": self.format,
            "classes": list(self._classes),
            "numbers": self._numbers,
            "rows": self._rows,
            "errors": self._errors,
            "counts": self._counts,
            "served": dict(self._served),
            "sum": self._sum.hex(),
            "min": self._min.hex(),
            "max": self._max.hex(),
        }
        return json.dumps(body, separators=(",", ":"), sort_keys=True).encode()

    @classmethod
    def decode(cls, data: bytes) -> Self:
        try:
            body = json.loads(data)
            name, _, version = body["format"].rpartition("/")
            if name != "muster.predictions":
                raise Corrupt(f"expected a muster.predictions profile, found `{body['format']}`")
            if int(version) > 2:
                raise TooNew(f"this profile was written as `{body['format']}`", hint="upgrade Muster to read it")
            profile = cls(body["classes"], numbers=body["numbers"])
            profile._rows, profile._errors, profile._counts = body["rows"], body["errors"], body["counts"]
            profile._served.update({str(n): int(count) for n, count in body.get("served", {}).items()})
            profile._sum, profile._min, profile._max = (float.fromhex(body[k]) for k in ("sum", "min", "max"))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Corrupt(f"these bytes are no profile of predictions: {error}") from None
        return profile

    def figures(self) -> Mapping[str, Json]:
        """`rows`, `errors`, and `classes` (a list of class and rows) or `mean` (None past the largest float), `min`, `max`.

        Where it is told, `served_by` has the rows that each model behind an endpoint gave.
        """
        figures: dict[str, Json] = {"rows": self._rows, "errors": self._errors}
        if self._classes:
            figures["classes"] = [{"class": c, "rows": n} for c, n in zip(self._classes, self._counts, strict=True)]
        counted = self._rows - self._errors
        if self._numbers and counted:
            # The sum of numbers near the largest that there is may be none.
            mean = self._sum / counted if math.isfinite(self._sum) else None
            figures |= {"mean": mean, "min": self._min, "max": self._max}
        if self._served:
            figures["served_by"] = dict(sorted(self._served.items()))
        return figures
