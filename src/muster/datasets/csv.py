"""Delimited text. Columns go by the header; types are declared, or inferred over all values.

Rules: fields in `"` may hold anything, a quote in them is doubled; an unquoted empty field is null, a quoted one is "";
blank lines are no rows, except in a file of one column, where one is a null. A line with another number of fields than the
header is a fault of its row, and so is a value that cannot be read as its declared type.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial, reduce

import pyarrow as pa

from muster.dataset import Fault
from muster.datasets.chunks import Piece
from muster.datasets.csv_reader import text_pieces
from muster.datasets.files import File, cores
from muster.datasets.formats import Inferred, Survey, Wanted, refuse_options, typed_options
from muster.datasets.infer import Kinds, decided, kinds, settled
from muster.datasets.sniff import Layout, layout_of
from muster.datasets.text import convert, without_faulty
from muster.datasets.unite import same_columns

__all__ = ["Csv"]

_OPTIONS = ("delimiter", "quote", "encoding", "null", "header", "type")
_WORDS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " ", "none": ""}


@dataclass(frozen=True, slots=True)
class Csv:
    """Options: `delimiter` and `quote` (a sign, or a word such as `tab` and `none`), `encoding`, `null` (text that is null
    in every column, several with commas between), `header` (`yes`; `no` names the columns f0, f1, …), `type.COLUMN`.
    """

    delimiter: str | None = None
    quote: str = '"'
    encoding: str | None = None
    nulls: tuple[str, ...] = ()
    header: bool = True
    declared: tuple[tuple[str, pa.DataType], ...] = ()
    declarable: bool = True

    @classmethod
    def configure(cls, options: Mapping[str, str]) -> Csv:
        wrong: list[str] = []
        declared = typed_options(options, wrong)
        delimiter = _sign("delimiter", options.get("delimiter"), wrong)
        quote = _sign("quote", options.get("quote", '"'), wrong)
        if delimiter == "":
            wrong.append("`delimiter` cannot be empty")
        elif delimiter is not None and delimiter == quote:
            wrong.append(f"`delimiter` and `quote` are both {delimiter!r}")
        encoding = options.get("encoding")
        if encoding is not None and not _is_encoding(encoding):
            wrong.append(f"`encoding`: there is no text encoding {encoding!r}")
        header = options.get("header", "yes").lower()
        if header not in ("yes", "no", "true", "false"):
            wrong.append(f"`header` is `yes` or `no`, not {header!r}")
        refuse_options("CSV", options, _OPTIONS, wrong)
        nulls = tuple(options["null"].split(",")) if "null" in options else ()
        return cls(delimiter, quote or "", encoding, nulls, header in ("yes", "true"), declared)

    def survey(self, files: Sequence[File]) -> Survey:
        with ThreadPoolExecutor(cores()) as pool:
            layouts = list(pool.map(self._layout, files))
        names = layouts[0].names
        same_columns(files, [layout.names for layout in layouts])
        nobody = (None,) * len(files)
        return Survey(names, {}, nobody, nobody, partial(self._infer, tuple(files)))

    def pieces(self, file: File, groups: range | None, schema: pa.Schema, wanted: Wanted) -> Iterator[Piece]:
        return text_pieces(file, self._layout(file), schema.names, self.nulls)

    def convert(self, batch: pa.RecordBatch, schema: pa.Schema) -> tuple[pa.RecordBatch, tuple[Fault, ...]]:
        read = {f.name: convert(batch.column(f.name), f.type) for f in schema}
        return without_faulty(read, schema, batch.num_rows, lambda row: batch.slice(row, 1).to_pylist()[0])

    def _layout(self, file: File) -> Layout:
        return _layout(self, file)

    def _infer(self, files: tuple[File, ...], names: tuple[str, ...]) -> Inferred:
        with ThreadPoolExecutor(cores()) as pool:
            scans = list(pool.map(partial(self._scan, names), files))
        found = {name: reduce(frozenset.union, (kinds[name] for kinds, _ in scans)) for name in names}
        return Inferred({name: decided(of) for name, of in found.items()}, tuple(rows for _, rows in scans))

    def _scan(self, names: tuple[str, ...], file: File) -> tuple[dict[str, Kinds], int]:
        """The kinds of values in each column, and the rows, ragged ones too."""
        found: dict[str, Kinds] = dict.fromkeys(names, frozenset())
        rows = 0
        for piece in text_pieces(file, self._layout(file), names, self.nulls):
            rows += piece.length
            for name in names:
                if not settled(found[name]):
                    found[name] |= kinds(piece.column(name), found[name])
        return found, rows


@lru_cache(maxsize=1024)
def _layout(form: Csv, file: File) -> Layout:
    return layout_of(file, delimiter=form.delimiter, quote=form.quote, encoding=form.encoding, header=form.header)


def _sign(name: str, given: str | None, wrong: list[str]) -> str | None:
    sign = _WORDS.get(given, given) if given is not None else None
    if sign is not None and (len(sign) > 1 or not sign.isascii() or sign in "\r\n" * bool(sign)):
        wrong.append(f"`{name}` is one sign, not {given!r}")
    return sign


def _is_encoding(name: str) -> bool:
    try:
        "".encode(name)
    except LookupError:
        return False
    return True
