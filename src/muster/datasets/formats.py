"""What a file format does for a dataset, and which format a file has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Protocol

import pyarrow as pa

from muster.dataset import Fault
from muster.datasets.chunks import Piece
from muster.datasets.files import File
from muster.errors import DatasetError, InvalidInput, near
from muster.signature import type_from_json

__all__ = [
    "COMPRESSED",
    "FORMATS",
    "SUFFIXES",
    "Format",
    "Inferred",
    "Survey",
    "Wanted",
    "check_names",
    "format_of",
    "load_format",
    "refuse_options",
    "typed_options",
]

FORMATS: Mapping[str, str] = {
    "parquet": "muster.datasets.parquet:Parquet",
    "csv": "muster.datasets.csv:Csv",
    "jsonl": "muster.datasets.jsonl:JsonLines",
    "arrow": "muster.datasets.arrow:Arrow",
}
"""A format is one file and one line here; its suffixes stand in SUFFIXES."""

SUFFIXES: Mapping[str, str] = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".arrow": "arrow",
    ".ipc": "arrow",
    ".feather": "arrow",
}

COMPRESSED = frozenset({"csv", "jsonl"})

Wanted = Callable[[int, int], bool]
"""Whether anyone wants one of the rows from `start` to before `stop` of a part."""


@dataclass(frozen=True, slots=True)
class Inferred:
    """Types found by reading all values, and the rows of each file."""

    types: Mapping[str, pa.DataType]
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Survey:
    """What files tell before their rows are read.

    For each file `counts` has its rows, and `groups` those of each piece of it that can be read apart; None where it does
    not tell. `infer` finds the types of the columns that `types` lacks.
    """

    names: tuple[str, ...]
    types: Mapping[str, pa.DataType] = field(default_factory=dict)
    counts: tuple[int | None, ...] = ()
    groups: tuple[tuple[int, ...] | None, ...] = ()
    infer: Callable[[tuple[str, ...]], Inferred] | None = None


class Format(Protocol):
    """A file format with its options: a frozen, picklable, hashable value."""

    def __hash__(self) -> int: ...

    @property
    def declarable(self) -> bool:
        """Whether types are taken from outside, because the files have none of their own."""
        ...

    @property
    def declared(self) -> tuple[tuple[str, pa.DataType], ...]:
        """Types that the options give."""
        ...

    def survey(self, files: Sequence[File]) -> Survey: ...

    def pieces(self, file: File, groups: range | None, schema: pa.Schema, wanted: Wanted) -> Iterator[Piece]:
        """The rows of these groups (None: all of the file), with the columns of `schema` as they are stored. At least one piece."""
        ...

    def convert(self, batch: pa.RecordBatch, schema: pa.Schema) -> tuple[pa.RecordBatch, tuple[Fault, ...]]:
        """A piece's batch in the types of `schema`: the rows that could be converted, and the others by their row in `batch`."""
        ...


class FormatKind(Protocol):
    def configure(self, options: Mapping[str, str]) -> Format:
        """InvalidInput names every wrong option."""
        ...


def format_of(files: Sequence[File], options: Mapping[str, str]) -> Format:
    """The one format of all files, by their suffixes or by the option `format`."""
    given = {k: v for k, v in options.items() if k != "format"}
    if "format" in options:
        # Outputs are named with the packing too, as in `csv.gz`; the files' own names tell readers that.
        return load_format(options["format"].removesuffix(".gz").removesuffix(".zst")).configure(given)
    by_format: dict[str, list[str]] = {}
    for file in files:
        name = SUFFIXES.get(file.suffix, "")
        by_format.setdefault(name if file.compression is None or name in COMPRESSED else "", []).append(file.name)
    if "" in by_format:
        raise DatasetError(
            f"no format is known for {_some(by_format[''])}",
            hint=f"the suffix tells the format ({', '.join(SUFFIXES)}, text also with .gz or .zst); "
            "name it with `?format=csv`, or pick files with a glob",
        )
    if len(by_format) > 1:
        shown = "; ".join(f"{name}: {_some(found)}" for name, found in sorted(by_format.items()))
        raise DatasetError(
            f"the files have different formats: {shown}",
            hint="pick those of one format with a glob: `folder/**/*.parquet`",
        )
    return load_format(next(iter(by_format))).configure(given)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def load_format(name: str) -> FormatKind:
    if name not in FORMATS:
        raise InvalidInput(
            f"there is no format `{name}`{near(name, FORMATS)}", hint=f"formats are {', '.join(FORMATS)}"
        )
    module, _, kind = FORMATS[name].partition(":")
    found: FormatKind = getattr(import_module(module), kind)
    return found


def typed_options(options: Mapping[str, str], wrong: list[str]) -> tuple[tuple[str, pa.DataType], ...]:
    """The options `type.COLUMN=TYPE`; those that are no type are added to `wrong`."""
    types: dict[str, pa.DataType] = {}
    for key, value in options.items():
        if key.startswith("type."):
            try:
                types[key.removeprefix("type.")] = type_from_json(value)
            except InvalidInput as error:
                wrong.append(f"`{key}`: {error.message}")
    return tuple(types.items())


def refuse_options(
    format_name: str, options: Mapping[str, str], known: Iterable[str], wrong: Sequence[str] = ()
) -> None:
    """InvalidInput with all that is wrong: options that the format does not have, and values that it found wrong itself."""
    names = list(known)
    unknown = [k for k in options if k.split(".")[0] not in names or ("." in k) != (k.split(".")[0] == "type")]
    problems = [*wrong, *(f"{format_name} has no option `{k}`{near(k, names)}" for k in unknown)]
    if problems:
        shown = ", ".join("type.COLUMN" if n == "type" else n for n in names)
        raise InvalidInput(
            "; ".join(problems), hint=f"its options are {shown}" if names else "it takes no options but `format`"
        )


def check_names(file: File, names: Sequence[str]) -> None:
    """Columns go by name, so each must have one of its own."""
    twice = sorted(f"`{name}`" for name, count in Counter(names).items() if count > 1 and name.strip())
    empty = [str(i + 1) for i, n in enumerate(names) if not n.strip()]
    problems = [f"column {', '.join(empty)} has no name"] if empty else []
    problems += [f"there is more than one column {', '.join(twice)}"] if twice else []
    if problems:
        raise file.error(
            "; ".join(problems), "give every column a name of its own; pandas leaves the index out with `index=False`"
        )
