"""Which columns a scored dataset has, and how an answer becomes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from muster.errors import InvalidInput, near
from muster.signature import Output, Scalar

__all__ = ["Keep", "Layout", "kept_columns", "label_text", "layout"]

Keep = Sequence[str] | Literal["all"]


@dataclass(frozen=True, slots=True)
class Layout:
    """Kept columns, then `prediction`, then a probability per class, then `served_by` where an endpoint tells it.

    Each name that is not kept has the prefix.
    """

    keep: tuple[str, ...]
    schema: pa.Schema
    classes: tuple[Scalar, ...]
    probabilities: bool
    served: bool = False

    def table(self, batch: pa.RecordBatch, answer: pa.RecordBatch) -> pa.Table:
        """The scored rows; `answer` has no faulty row any more."""
        columns = [batch.column(name) for name in self.keep] + [answer.column("prediction")]
        if self.probabilities:
            columns += _by_class(answer.column("probabilities"), len(self.classes))
        if self.served:
            told = "served_by" in answer.schema.names
            columns.append(answer.column("served_by") if told else pa.nulls(answer.num_rows, pa.string()))
        return pa.Table.from_arrays(
            [c.cast(f.type) if c.type != f.type else c for c, f in zip(columns, self.schema, strict=True)],
            schema=self.schema,
        )


def layout(data: pa.Schema, output: Output, keep: Keep, prefix: str, *, served: bool = False) -> Layout:
    """The layout; `served`: with who gave each prediction.

    InvalidInput tells every kept column that is missing and every name that would stand twice.
    """
    kept = kept_columns(data.names, keep)
    fields = [data.field(name).remove_metadata() for name in kept]
    fields.append(pa.field(f"{prefix}prediction", output.type))
    per_class = output.probabilities and output.task in ("binary", "multiclass", "multilabel")
    if per_class:
        fields += [pa.field(f"{prefix}probability_{label_text(c)}", pa.float64()) for c in output.classes]
    elif output.probabilities:
        fields.append(pa.field(f"{prefix}probabilities", output.probabilities_type))
    if served:
        fields.append(pa.field(f"{prefix}served_by", pa.string()))
    twice = [name for name, n in Counter(f.name for f in fields).items() if n > 1]
    if twice:
        raise InvalidInput(
            f"the output would have {', '.join(f'`{n}`' for n in twice)} twice",
            hint="keep fewer columns, or name the predicted ones apart with `--prefix model_` (prefix=)",
        )
    return Layout(kept, pa.schema(fields), output.classes if per_class else (), per_class, served)


def kept_columns(names: Sequence[str], keep: Keep) -> tuple[str, ...]:
    """The columns to keep, or InvalidInput with every one that is not among the data's names."""
    kept = tuple(names) if keep == "all" else tuple(keep)
    missing = [name for name in kept if name not in names]
    if missing:
        told = "; ".join(f"`{name}`{near(name, names)}" for name in missing)
        raise InvalidInput(
            f"columns to keep that the data does not have: {told}", hint="name columns of the data, or keep `all`"
        )
    return kept


def label_text(label: Scalar) -> str:
    """A class as it stands in a column name."""
    return str(label).lower() if isinstance(label, bool) else str(label)


def _by_class(probabilities: pa.Array, classes: int) -> list[pa.Array]:
    return [pc.list_element(probabilities, i) for i in range(classes)]
