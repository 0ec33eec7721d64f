"""What the beginning of a delimited text file tells: its encoding, its delimiter, its columns."""

from __future__ import annotations

import csv
import io
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias

import pyarrow as pa
import pyarrow.csv as pa_csv

from muster.datasets.files import File, reading
from muster.datasets.formats import check_names
from muster.datasets.source import BadText, Utf8, encoding_of, unpacked

__all__ = ["ENCODING_HINT", "Layout", "layout_of", "parse_options", "read_options"]

ENCODING_HINT = "say how the file is encoded, as in `?encoding=latin-1` or `?encoding=utf-16`"

_HEAD = 256 << 10
_LONGEST_HEADER = 64 << 20
_SNIFFED = 64 << 10
_CANDIDATES = ",;\t|"

Ragged: TypeAlias = Callable[[pa_csv.InvalidRow], str]
"""What is told of a ragged row; it answers `skip`."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How one file is to be read. `block` is how much of it is parsed at once: some rows, however wide they are."""

    encoding: str
    delimiter: str
    quote: str
    header: bool
    names: tuple[str, ...]
    block: int = 1 << 20


def read_options(block: int, *, header: bool) -> pa_csv.ReadOptions:
    # Only one thread numbers the rows, and the numbers of ragged ones are needed.
    return pa_csv.ReadOptions(use_threads=False, block_size=block, autogenerate_column_names=not header)


def parse_options(delimiter: str, quote: str, ragged: Ragged, *, blank_lines: bool) -> pa_csv.ParseOptions:
    return pa_csv.ParseOptions(
        delimiter=delimiter,
        quote_char=quote or False,
        newlines_in_values=bool(quote),
        ignore_empty_lines=not blank_lines,
        invalid_row_handler=ragged,
    )


def layout_of(file: File, *, delimiter: str | None, quote: str, encoding: str | None, header: bool) -> Layout:
    """The layout; what is declared is not looked for."""
    with reading(file):
        encoding = encoding_of(file, encoding)
        text = _head(file, encoding)
    if not text.removeprefix(BOM_UTF8).strip():
        raise file.error("is empty: there is not even a header", "check the program that wrote it")
    if delimiter is None:
        delimiter = "\t" if file.suffix == ".tsv" else _delimiter(file, text, quote)
    text += b"" if text.endswith(b"\n") else b"\n"
    options = parse_options(delimiter, quote, lambda _: "skip", blank_lines=False)
    with reading(file):
        stream = pa_csv.open_csv(pa.BufferReader(text), read_options(len(text) + 1, header=header), options)
        names = tuple(stream.schema.names)
    check_names(file, names)
    width = text.find(b"\n") + 1
    return Layout(encoding, delimiter, quote, header, names, max(1 << 20, min(512 * width, 64 << 20)))


def _head(file: File, encoding: str) -> bytes:
    """The beginning, long enough for the header and some rows, up to the first byte that is no text."""
    most: int | None = None
    size = _HEAD
    while True:
        with unpacked(file) as source:
            try:
                text = b"".join(_blocks(Utf8(source, encoding, most=most), size))
            except BadText as error:
                if most is not None or error.at < 1:
                    raise file.error(f"its beginning is no {encoding} text: {error}", ENCODING_HINT) from None
                most = error.at
                continue
        if len(text) < size or 0 <= 2 * text.find(b"\n") < len(text):
            return text
        if size >= _LONGEST_HEADER:
            raise file.error(f"its first line is longer than {_LONGEST_HEADER >> 20} MB", f"is it text? {file.looks()}")
        size *= 16


def _blocks(stream: Utf8, size: int) -> Iterator[bytes]:
    got = 0
    while got < size and (block := stream.read(size - got)):
        got += len(block)
        yield block


def _delimiter(file: File, text: bytes, quote: str) -> str:
    """The sign that cuts the header in most fields and the rows in as many; a comma where none does."""
    sample = text[:_SNIFFED].decode(errors="ignore")
    fits = sorted(
        ((fit, sign) for sign in _CANDIDATES if (fit := _fit(sample, sign, quote, cut=len(text) > _SNIFFED))),
        reverse=True,
    )
    if not fits:
        return ","
    best = [sign for fit, sign in fits if fit == fits[0][0]]
    if len(best) > 1:
        raise file.error(
            f"its delimiter could be {' or '.join(repr(sign) for sign in best)}: both cut every row alike",
            "say which, as in `?delimiter=;`",
        )
    return best[0]


def _fit(sample: str, sign: str, quote: str, *, cut: bool) -> tuple[float, int] | None:
    """The share of rows with as many fields as the header, and how many; None if that is no table."""
    dialect = {"quotechar": quote} if quote else {"quoting": csv.QUOTE_NONE}
    rows = [row for row in islice(csv.reader(io.StringIO(sample, newline=""), delimiter=sign, **dialect), 500) if row]
    if cut and len(rows) > 1:
        rows = rows[:-1]
    width = len(rows[0]) if rows else 0
    if width < 2:
        return None
    share = sum(len(row) == width for row in rows[1:]) / len(rows[1:]) if rows[1:] else 1.0
    return (share, width) if share >= 0.5 else None
