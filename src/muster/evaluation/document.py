"""What a report says, whatever form it is written in: facts, tables and charts, one after the other."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import TypeAlias

from muster.charts.chart import Chart

__all__ = ["Block", "Document", "Table"]


class Table:
    """A heading, what it says in a sentence, and rows of text under their columns; those at the places `left` are words, no figures."""

    def __init__(self, heading: str, words: str, columns: Sequence[str], left: Collection[int] = (0,)) -> None:
        self.heading, self.words, self.columns, self.left = heading, words, tuple(columns), frozenset(left)
        self.rows: list[tuple[str, ...]] = []
        self.quiet: set[int] = set()

    def add(self, *cells: str, quiet: bool = False) -> None:
        if quiet:
            self.quiet.add(len(self.rows))
        self.rows.append(cells)


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
