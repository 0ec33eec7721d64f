"""What is known of an answer before its meaning is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from muster.errors import InvalidInput, near
from muster.predictors.external.codecs.hints import Hints
from muster.predictors.external.codecs.natures import Cells
from muster.predictors.external.codecs.response import ResponseSpec
from muster.predictors.external.codecs.rows import Table
from muster.signature import Scalar, Task

__all__ = ["Case"]


@dataclass(frozen=True, slots=True)
class Case:
    """`only` is the one column of an answer that has no names; `positional`: there are several, told apart by their places."""

    table: Table
    hints: Hints
    classes: tuple[Scalar, ...]
    binary: bool
    together: bool
    cells: Mapping[str, Cells]
    only: str | None
    positional: bool

    @classmethod
    def of(cls, table: Table, spec: ResponseSpec, hints: Hints, classes: Sequence[Scalar], task: Task) -> Case:
        csv, lists = spec.format == "csv", task == "multilabel"
        cells = {n: Cells.of(n, table.column(n), texts_are_numbers=csv, as_lists=lists) for n in table.names}
        listed = spec.row == "list" and spec.columns == tuple(map(str, range(len(table.names))))
        unnamed = listed or spec.row in ("value", "line", "tensors")
        only = next(iter(cells)) if unnamed and len(cells) == 1 else None
        return cls(
            table, hints, tuple(classes), task == "binary", task != "multilabel", cells, only, listed and only is None
        )

    def see(self, name: str) -> Cells:
        """The cells of a column that was declared."""
        if name not in self.cells:
            have = ", ".join(f"`{n}`" for n in self.cells)
            raise InvalidInput(
                f"the answer has no `{name}`; it has {have}{near(name, self.cells)}", hint="declare one of these"
            )
        return self.cells[name]
