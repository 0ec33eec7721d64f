"""What a report says, whatever form it is written in: facts, tables and charts, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import TypeAlias

from muster.charts.chart import Chart
from muster.evaluation.tables import Table

__all__ = ["Block", "Document"]

Block: TypeAlias = Table | Chart


@dataclass(frozen=True, slots=True)
class Document:
    """`facts` stand under the title, by name; `made` is when what it tells of was made."""

    title: str
    facts: Sequence[tuple[str, str]]
    blocks: Sequence[Block]
    made: datetime

    def runs(self) -> Iterator[Table | list[Chart]]:
        """The blocks in their order, charts that follow each other together."""
        for charts, found in groupby(self.blocks, key=lambda block: isinstance(block, Chart)):
            if charts:
                yield [block for block in found if isinstance(block, Chart)]
            else:
                yield from (block for block in found if isinstance(block, Table))
