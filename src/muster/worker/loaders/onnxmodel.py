"""ONNX graphs, in onnxruntime: columns become the tensors that the graph takes, and each output is a raw answer of its own name."""

from __future__ import annotations

import os
from typing import Any, Dict, List, Sequence

import pyarrow as pa

from . import inputs
from .answers import BadAnswer, Columns, columns_of
from .loaded import Loaded

_DTYPES = {
    "float16": "float16", "float": "float32", "double": "float64", "string": "object", "bool": "bool", "int8": "int8",
    "int16": "int16", "int32": "int32", "int64": "int64", "uint8": "uint8", "uint16": "uint16", "uint32": "uint32", "uint64": "uint64",
}  # fmt: skip
_PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")


def load_onnx(spec: Dict[str, Any], folder: str) -> Loaded:
    """`file`; and what its graph told: `kind`, `classes`, and the outputs `label` and `probabilities`."""
    session = _session(os.path.join(folder, spec["file"]))
    takes, gives = session.get_inputs(), [o.name for o in session.get_outputs()]
    classes = spec.get("classes") or []
    scores = spec.get("probabilities")

    def ask(batch: pa.RecordBatch, _params: Dict[str, Any], wanted: List[str]) -> Columns:
        feed = _feed(takes, batch)
        answers = dict(zip(wanted, _run(session, wanted, feed, _size(takes), batch.num_rows)))
        columns: Columns = {}
        for name, answer in answers.items():
            columns.update(_by_class(name, answer, classes) if _is_maps(answer) else columns_of(name, answer))
        if scores in columns and pa.types.is_fixed_size_list(columns[scores].type):
            columns[scores] = columns[scores].cast(pa.list_(pa.float64(), columns[scores].type.list_size))
        return columns

    pair = [spec.get("label"), scores] if scores else None
    return Loaded(ask, gives, classes=classes or None, kind=spec.get("kind"), pair=pair, scores=spec.get("scores"))


def _session(path: str) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS") or 0)
    if inputs.has("onnxruntime_extensions"):
        import onnxruntime_extensions

        options.register_custom_ops_library(onnxruntime_extensions.get_library_path())
    usable = [p for p in _PROVIDERS if p in onnxruntime.get_available_providers()]
    try:
        return onnxruntime.InferenceSession(path, options, providers=usable)
    except Exception as error:  # noqa: BLE001  # its errors have no class of their own in every release
        told = str(error).split(" : ")[-1].strip()
        raise ValueError(f"onnxruntime {onnxruntime.__version__} cannot load the graph: {told or error}") from None


def _run(session: Any, names: List[str], feed: Dict[str, Any], size: int, rows: int) -> List[Any]:
    """The outputs; in groups where the graph was made for batches of one size, the last one filled up with its last row."""
    if size < 1 or size == rows:
        return session.run(names, feed)
    parts = []
    for start in range(0, rows, size):
        part = {n: v[start : start + size] for n, v in feed.items()}
        parts.append(
            [_cut(a, min(size, rows - start)) for a in session.run(names, {n: _full(v, size) for n, v in part.items()})]
        )
    return [_joined(list(column)) for column in zip(*parts)] if parts else session.run(names, feed)


def _full(values: Any, size: int) -> Any:
    import numpy as np

    return (
        values if len(values) == size else np.concatenate([values, np.repeat(values[-1:], size - len(values), axis=0)])
    )


def _cut(answer: Any, rows: int) -> Any:
    return answer[:rows] if hasattr(answer, "__len__") else answer


def _joined(parts: List[Any]) -> Any:
    import numpy as np

    return [row for part in parts for row in part] if isinstance(parts[0], list) else np.concatenate(parts)


def _size(takes: Sequence[Any]) -> int:
    """The number of rows that the graph is made for; 0 for any."""
    fixed = {t.shape[0] for t in takes if t.shape and isinstance(t.shape[0], int)}
    if len(fixed) > 1:
        raise BadAnswer(f"the graph takes batches of {sorted(fixed)}, which cannot be rows of one table")
    return fixed.pop() if fixed else 0


def _feed(takes: Sequence[Any], batch: pa.RecordBatch) -> Dict[str, Any]:
    """A tensor for each input: by name, or all columns side by side for the only one."""
    tensors = inputs.tensors(batch)
    if len(takes) == 1:
        only = takes[0]
        if tensors:
            return {only.name: _typed(only, next(iter(tensors.values())))}
        return {only.name: _beside(only, batch)}
    return {t.name: _typed(t, tensors[t.name]) if t.name in tensors else _single(t, batch) for t in takes}


def _beside(take: Any, batch: pa.RecordBatch) -> Any:
    import numpy as np

    columns = [_values(take, f.name, c) for f, c in zip(batch.schema, batch.columns)]
    if len(columns) == 1 and columns[0].ndim > 1:
        return columns[0]
    if len(take.shape or ()) == 1 and len(columns) == 1:
        return columns[0]
    return np.column_stack(columns)


def _single(take: Any, batch: pa.RecordBatch) -> Any:
    place = batch.schema.get_field_index(take.name)
    if place < 0:
        raise BadAnswer(f"the graph takes `{take.name}`, and there is no such column")
    values = _values(take, take.name, batch.column(place))
    return values.reshape(-1, *[1] * (len(take.shape) - 1)) if values.ndim == 1 and take.shape else values


def _values(take: Any, name: str, column: pa.Array) -> Any:
    """A column as the tensor's type. What is missing is NaN, and a fault where the type has none."""
    import numpy as np

    dtype = _dtype(take)
    if pa.types.is_fixed_size_list(column.type) or pa.types.is_list(column.type):
        return np.array(column.to_pylist(), dtype)
    if column.null_count and dtype.kind != "f":
        raise ValueError(f"`{name}` is missing in {column.null_count} rows, and the graph takes {take.type}")
    if pa.types.is_decimal(column.type) or (pa.types.is_boolean(column.type) and column.null_count):
        column = column.cast(pa.float64())
    if pa.types.is_integer(column.type) and column.null_count:
        column = column.cast(pa.float64(), safe=False)
    values = column.to_numpy(zero_copy_only=False)
    if dtype.kind == "O" and values.dtype.kind != "O":
        return values.astype(str).astype(object)
    if dtype.kind in "fiub" and values.dtype.kind == "O":
        raise ValueError(f"`{name}` is text, and the graph takes {take.type}")
    return values.astype(dtype)


def _typed(take: Any, values: Any) -> Any:
    return values.astype(_dtype(take), copy=False)


def _dtype(take: Any) -> Any:
    import numpy as np

    inner = take.type[take.type.find("(") + 1 : -1]
    if not take.type.startswith("tensor(") or inner not in _DTYPES:
        raise BadAnswer(f"the graph's input `{take.name}` is {take.type}, which no column holds")
    return np.dtype(_DTYPES[inner])


def _is_maps(answer: Any) -> bool:
    return isinstance(answer, list) and bool(answer) and all(isinstance(a, dict) for a in answer)


def _by_class(name: str, answer: List[Dict[Any, float]], classes: List[Any]) -> Columns:
    """ZipMap's answer, a map of class to probability for each row; in the order of the classes where all have these."""
    if classes and all(set(row) == set(classes) for row in answer):
        values = pa.array([row[c] for row in answer for c in classes], pa.float64())
        return {name: pa.FixedSizeListArray.from_arrays(values, len(classes))}
    return columns_of(name, answer)
