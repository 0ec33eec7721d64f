"""One pass over a delimited text file: its rows as text, with the ragged ones set apart under their own numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.csv as pa_csv

from muster.dataset import Fault
from muster.datasets.chunks import Piece, nothing
from muster.datasets.files import File, reading
from muster.datasets.sniff import ENCODING_HINT, Layout, parse_options, read_options
from muster.datasets.source import BadText, Utf8, unpacked
from muster.errors import DatasetError

__all__ = ["text_pieces"]

_LARGEST_BLOCK = 256 << 20
_QUOTE_HINT = "close the quote, or say with `?quote=none` that quotes are plain signs"
_END = "muster:end-of-file:6f1d0c5e"
"""A row behind the last one. Where it is not met as a row, an open quote has swallowed it, and rows before it."""


def text_pieces(file: File, layout: Layout, names: Sequence[str], nulls: Sequence[str]) -> Iterator[Piece]:
    """The rows with these columns as strings."""
    yield nothing(pa.schema([(name, pa.string()) for name in names]))
    block, done = layout.block, 0
    while block <= _LARGEST_BLOCK:
        try:
            for piece in _without(done, _Pass(file, layout, names, nulls, block).pieces()):
                yield piece
                done += piece.length
            return
        except _RowTooLong:
            block *= 16
    raise file.error(
        f"row {done} or one soon after it has over {block >> 24} MB, or a quote in it is never closed", _QUOTE_HINT
    )


def _without(done: int, pieces: Iterator[Piece]) -> Iterator[Piece]:
    start = 0
    for piece in pieces:
        if start + piece.length > done:
            yield piece.split(done - start)[1] if start < done else piece
        start += piece.length


class _RowTooLong(Exception):
    """A row does not fit in a block."""


@dataclass(slots=True)
class _Pass:
    """Reads the file once, up to byte `most`, with blocks of one size."""

    file: File
    layout: Layout
    names: Sequence[str]
    nulls: Sequence[str]
    block: int
    most: int | None = None
    ragged: list[Fault] = field(default_factory=list)
    total: int | None = None

    def pieces(self) -> Iterator[Piece]:
        start = 0
        try:
            with reading(self.file), unpacked(self.file) as source:
                for batch in self._batches(source):
                    piece = self._with_ragged(Piece(batch.num_rows, batch.select(self.names)), start)
                    yield piece
                    start += piece.length
        except BadText as error:
            raise self._located(error) from None
        if self.total is None and self.most is None:
            raise self.file.error(f"a quote is never closed: what follows it is all in row {start - 1}", _QUOTE_HINT)
        if self.ragged:
            yield self._with_ragged(nothing(pa.schema([(name, pa.string()) for name in self.names])), start)

    def _batches(self, source: pa.NativeFile) -> Iterator[pa.RecordBatch]:
        try:
            yield from self._open(source)
        except pa.ArrowInvalid as error:
            if "straddl" in str(error):
                raise _RowTooLong from None
            raise

    def _open(self, source: pa.NativeFile) -> pa_csv.CSVStreamingReader:
        layout = self.layout
        ending = f"{_END}{layout.delimiter * len(layout.names)}\n".encode()
        text = Utf8(source, layout.encoding, ending, self.most)
        # The first column tells how many rows there are where no column is wanted.
        picked = list(self.names) or [layout.names[0]]
        return pa_csv.open_csv(
            pa.PythonFile(text, "r"),
            read_options(self.block, header=layout.header),
            parse_options(layout.delimiter, layout.quote, self._note, blank_lines=len(layout.names) == 1),
            pa_csv.ConvertOptions(
                include_columns=picked,
                column_types=dict.fromkeys(picked, pa.string()),
                null_values=["", *self.nulls],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                check_utf8=False,
            ),
        )

    def _note(self, row: pa_csv.InvalidRow) -> str:
        ordinal = row.number - (2 if self.layout.header else 1)
        if row.text.startswith(_END):
            self.total = ordinal
        else:
            told = f"the line has {row.actual_columns} field{'s' * (row.actual_columns != 1)}, the header {row.expected_columns}"
            self.ragged.append(Fault(ordinal, told, {"line": row.text}))
        return "skip"

    def _with_ragged(self, piece: Piece, start: int) -> Piece:
        """The piece with the ragged rows between its own; the parser is ahead, so those of later rows stay."""
        faults: list[Fault] = []
        while self.ragged and self.ragged[0].row <= start + piece.length + len(faults):
            found = self.ragged.pop(0)
            faults.append(Fault(found.row - start, found.error, found.values))
        return Piece(piece.length + len(faults), piece.batch, tuple(faults))

    def _located(self, error: BadText) -> DatasetError:
        """The error with the row that the byte is in, found by counting those before it."""
        if error.at < 0:
            return self.file.error(f"is no {self.layout.encoding} text: {error}", ENCODING_HINT)
        before = _Pass(self.file, self.layout, self.names, self.nulls, self.block, most=error.at)
        row = sum(piece.length for piece in before.pieces()) - (not error.begins_line)
        return self.file.error(f"row {row} is no {self.layout.encoding} text: {error}", ENCODING_HINT)
