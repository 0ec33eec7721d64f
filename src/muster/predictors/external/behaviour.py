"""How an endpoint behaves: its answers to pinned rows, kept as a table, and compared with those of another time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from muster.predictor import Observed
from muster.signature import Json, canonical

__all__ = ["changes", "decode_answers", "encode_answers", "noise_of", "pinned_rows", "with_rows"]

_ROWS = "row"
_PLAIN = 1e-6
"""How far numbers are apart, in shares of their size, that mean the same: other machines add in another order."""
_NOISY = 4.0
"""How many times as far as two answers of one moment were apart."""
_SHOWN = 6


def with_rows(rows: pa.RecordBatch, answer: pa.RecordBatch) -> pa.Table:
    """The rows and what was answered to them, in one table."""
    struct = pa.StructArray.from_arrays(list(rows.columns), fields=list(rows.schema))
    return pa.table({_ROWS: struct, **dict(zip(answer.schema.names, answer.columns, strict=True))})


def pinned_rows(answers: pa.Table) -> pa.RecordBatch:
    rows = answers.column(_ROWS).combine_chunks()
    return pa.RecordBatch.from_arrays(rows.flatten(), schema=pa.schema(list(rows.type)))


def encode_answers(answers: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, answers.schema) as writer:
        writer.write_table(answers)
    return sink.getvalue().to_pybytes()


def decode_answers(content: bytes) -> pa.Table:
    with pa.ipc.open_file(pa.BufferReader(content)) as reader:
        return reader.read_all()


def noise_of(one: pa.Table, other: pa.Table) -> float:
    """How far two answers of one moment are apart at most, over all numbers in them; 0 where they are the same."""
    return max((gap for _, gap, _ in _gaps(one, other)), default=0.0)


def changes(before: Observed, after: Observed, noise: float) -> list[str]:
    """What is different, in words: of the configuration by path, of the answers by how many rows and how far."""
    return [*_of_configuration(before.configuration, after.configuration), *_of_answers(before, after, noise)]


def _of_configuration(before: Mapping[str, Json], after: Mapping[str, Json]) -> list[str]:
    old, new = dict(_flat(before)), dict(_flat(after))
    told = []
    for path in sorted(old.keys() | new.keys()):
        if path not in old:
            told.append(f"{path} is new: {new[path]}")
        elif path not in new:
            told.append(f"{path} is gone: it was {old[path]}")
        elif old[path] != new[path]:
            told.append(f"{path} was {old[path]} and is {new[path]}")
    return told


def _flat(value: Json | Mapping[str, Json], path: str = "") -> Iterator[tuple[str, Json]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and any(isinstance(v, Mapping) for v in value):
        for index, inner in enumerate(value):
            yield from _flat(inner, f"{path}[{index}]")
    else:
        yield path, value


def _of_answers(before: Observed, after: Observed, noise: float) -> list[str]:
    if before.answers is None or after.answers is None:
        return []
    told = []
    labels = _labels_changed(before.answers, after.answers, noise)
    count = before.answers.num_rows
    if labels:
        told.append(f"the prediction of {len(labels)} of {count} pinned rows is another one (rows {_places(labels)})")
    for name, gap, rows in _gaps(before.answers, after.answers):
        scale = _scale(before.answers, name)
        if gap > max(_NOISY * noise, _PLAIN * scale):
            told.append(
                f"`{name}` of {len(rows)} of {count} pinned rows is another one, by up to {gap:.4g}"
                f"{f' (its noise is {noise:.2g})' if noise else ''}"
            )
    return told


def _labels_changed(one: pa.Table, other: pa.Table, noise: float) -> list[int]:
    """Rows whose label is another one, or that have one where they had none; numbers are compared by how far they are apart.

    Near a threshold the noise of the probabilities alone changes labels: where there is any, these tell.
    """
    if noise and "probabilities" in one.column_names:
        return []
    mine, theirs = (t.column("prediction").combine_chunks() for t in (one, other))
    both = zip(mine.to_pylist(), theirs.to_pylist(), strict=True)
    return [i for i, (a, b) in enumerate(both) if (a is None) != (b is None) or (not _is_number(a) and not _same(a, b))]


def _is_number(value: object) -> bool:
    return isinstance(value, float)


def _same(one: object, other: object) -> bool:
    return one == other or canonical(one) == canonical(other)


def _gaps(one: pa.Table, other: pa.Table) -> Iterator[tuple[str, float, list[int]]]:
    """For each column of numbers: how far the farthest are apart, and the rows in which they are at all."""
    for name in one.column_names:
        if name == _ROWS or name not in other.column_names:
            continue
        mine, theirs = _numbers(one, name), _numbers(other, name)
        if mine is None or theirs is None or mine.shape != theirs.shape:
            continue
        apart = np.abs(mine - theirs)
        apart = np.where(np.isfinite(apart), apart, 0.0)
        if apart.size and apart.max() > 0:
            yield name, float(apart.max()), np.flatnonzero(apart.reshape(len(mine), -1).max(axis=1)).tolist()


def _numbers(table: pa.Table, name: str) -> npt.NDArray[np.float64] | None:
    """A column of floats, or of lists of them, with a row each; NaN where there is none."""
    column = table.column(name).combine_chunks()
    kind = column.type
    if pa.types.is_floating(kind):
        return column.to_numpy(zero_copy_only=False).astype(np.float64)
    if pa.types.is_fixed_size_list(kind) and pa.types.is_floating(kind.value_type):
        found = np.full((len(column), kind.list_size), np.nan)
        valid = column.is_valid().to_numpy(zero_copy_only=False)
        found[valid] = column.flatten().to_numpy(zero_copy_only=False).reshape(-1, kind.list_size)
        return found
    return None


def _scale(table: pa.Table, name: str) -> float:
    values = _numbers(table, name)
    if values is None or not np.isfinite(values).any():
        return 1.0
    return float(np.nanmax(np.abs(values))) or 1.0


def _places(rows: list[int]) -> str:
    return ", ".join(map(str, rows[:_SHOWN])) + (", …" if len(rows) > _SHOWN else "")
