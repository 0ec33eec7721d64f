"""Whatever a model returned, as columns of Arrow: arrays of any library, frames, tables, dicts, lists, single values."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence

import pyarrow as pa

Columns = Dict[str, pa.Array]


class BadAnswer(Exception):
    """The model returned something that is no answer for rows."""


def to_batch(columns: Columns) -> pa.RecordBatch:
    """The columns as one batch; BadAnswer if they have different numbers of rows."""
    lengths = {len(c) for c in columns.values()}
    if len(lengths) > 1:
        told = ", ".join(f"{len(c)} for `{n}`" for n, c in columns.items())
        raise BadAnswer("the model returned different numbers of rows: " + told)
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def columns_of(name: str, answer: Any) -> Columns:
    """The answer of the method `name`, as one column of that name; a table or dict as its own columns."""
    answer = _opened(name, answer)
    if isinstance(answer, (pa.Table, pa.RecordBatch)):
        return {n: _chunk(answer.column(i)) for i, n in enumerate(_names(answer.schema.names))}
    if isinstance(answer, tuple) and answer and all(hasattr(a, "__len__") and hasattr(a, "dtype") for a in answer):
        answer = {f"{name}_{i}": a for i, a in enumerate(answer)}  # several answers, such as labels and scores
    if isinstance(answer, dict):
        return {str(n): array(n, v) for n, v in answer.items()}
    return {name: array(name, answer)}


def scores_of(name: str, answer: Any) -> Columns:
    """Probabilities: one column of lists of doubles; of structs where the answer names its columns; several for several targets."""
    if isinstance(answer, (list, tuple)) and answer and all(getattr(a, "ndim", 0) == 2 for a in answer):
        return {f"{name}_{i}": _doubles(array(name, a)) for i, a in enumerate(answer)}
    columns = columns_of(name, answer)
    if list(columns) == [name]:
        return {name: _doubles(columns[name])}
    to_batch(columns)
    return {name: pa.StructArray.from_arrays(list(columns.values()), names=list(columns))}


def _doubles(values: pa.Array) -> pa.Array:
    if pa.types.is_fixed_size_list(values.type):
        return values.cast(pa.list_(pa.float64(), values.type.list_size))
    return values


def _names(names: Sequence[str]) -> List[str]:
    """Unique names: a model may return two columns of one name."""
    return [n if n not in names[:i] else f"{n}_{i}" for i, n in enumerate(names)]


def _opened(name: str, answer: Any) -> Any:
    """Out of what other libraries wrap: frames become tables, tensors and sparse matrices arrays."""
    if answer is None:
        raise BadAnswer(f"`{name}` returned nothing")
    kind = type(answer)
    if hasattr(answer, "detach") and hasattr(answer, "cpu"):  # torch
        return answer.detach().cpu().numpy()
    if kind.__module__.startswith("scipy.sparse"):
        return answer.toarray()
    if _of(answer, "pandas", "DataFrame"):
        return {_label(n): answer.iloc[:, i] for i, n in enumerate(_names([_label(c) for c in answer.columns]))}
    if (
        hasattr(answer, "__arrow_c_stream__")
        and not isinstance(answer, (pa.Table, pa.ChunkedArray))
        and hasattr(answer, "columns")
    ):
        return pa.table(answer)
    if hasattr(answer, "numpy") and hasattr(answer, "shape"):  # tensorflow
        return answer.numpy()
    return answer


def _of(value: Any, library: str, name: str) -> bool:
    """Whether the value is of that class, or of one made from it. Its library need not be imported to ask."""
    return any(k.__module__.split(".")[0] == library and k.__name__ == name for k in type(value).__mro__)


def _label(name: Any) -> str:
    return "_".join(map(str, name)) if isinstance(name, tuple) else str(name)


def array(name: str, values: Any) -> pa.Array:
    """One value for each row, as Arrow; arrays of more dimensions are lists of a fixed size."""
    values = _opened(name, values)
    try:
        return _array(name, values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise BadAnswer(f"what `{name}` returned is of no one type: {str(error).splitlines()[0]}") from None


def _array(name: str, values: Any) -> pa.Array:
    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        return _chunk(values)
    if _of(values, "pandas", "Series") or _of(values, "pandas", "Index") or _of(values, "pandas", "ExtensionArray"):
        return _series(name, values)
    if hasattr(values, "__arrow_c_stream__"):  # a series of polars
        return _chunk(pa.chunked_array(values))
    if _of(values, "numpy", "ndarray") or _of(values, "numpy", "matrix"):
        return _numpy(name, values)
    if isinstance(values, (str, bytes)) or not hasattr(values, "__iter__"):
        return pa.array([_value(values)])
    if hasattr(values, "__array__"):
        import numpy as np

        return _numpy(name, np.asarray(values))
    return _listed(name, list(values))


def _listed(name: str, values: List[Any]) -> pa.Array:
    if values and all(getattr(v, "ndim", 0) > 0 for v in values):
        import numpy as np

        if len({v.shape for v in values}) == 1:
            return _numpy(name, np.stack(values))
    return pa.array([_value(v) for v in values])


def _value(value: Any) -> Any:
    """One row's value: objects with fields become dicts, keys become text, arrays lists."""
    if hasattr(value, "model_dump"):  # pydantic
        value = value.model_dump()
    if isinstance(value, dict):
        return {str(k): _value(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [_value(v) for v in value]
    return value.tolist() if hasattr(value, "tolist") else value


def _series(name: str, values: Any) -> pa.Array:
    _check_index(name, values)
    kind = getattr(values.dtype, "kind", "O")
    if str(values.dtype) == "object" or kind not in "biufM" or not _of(values.dtype, "numpy", "dtype"):
        if str(values.dtype) == "object":
            return _listed(name, [None if _missing(v) else v for v in values])
        return _chunk(pa.array(values, from_pandas=True))
    return pa.array(values.to_numpy())


def _check_index(name: str, values: Any) -> None:
    """Rows go by their place. An index that is the data's own in another order says that the model sorted or shuffled them."""
    index = getattr(values, "index", None)
    if index is None or type(index).__name__ == "RangeIndex" or getattr(index.dtype, "kind", "O") not in "iu":
        return
    import numpy as np

    places, rows = np.asarray(index), np.arange(len(index))
    if (places != rows).any() and (np.sort(places) == rows).all():
        raise BadAnswer(
            f"`{name}` returned its rows in another order than they were given in, as its index tells: "
            "sort the answer by its index, or reset the index if the rows are in order"
        )


def _missing(value: Any) -> bool:
    """None, or one of the values that stand for it and equal nothing."""
    return value is None or (not hasattr(value, "__len__") and bool(value != value))  # noqa: PLR0124  # NaN and NaT equal nothing


def _numpy(name: str, values: Any) -> pa.Array:
    import numpy as np

    values = np.asarray(values)
    if values.dtype.names:
        return pa.StructArray.from_arrays(
            [_numpy(name, values[n]) for n in values.dtype.names], names=list(values.dtype.names)
        )
    if values.ndim == 0:
        return _numpy(name, values.reshape(1))
    if values.ndim > 1:
        inner = _numpy(name, np.ascontiguousarray(values).reshape(-1))
        for size in reversed(values.shape[1:]):
            if size == 0:
                raise BadAnswer(f"`{name}` returned an array without columns")
            inner = pa.FixedSizeListArray.from_arrays(inner, size)
        return inner
    if values.dtype.kind == "O":
        return _listed(name, values.tolist())
    return pa.array(values)


def _chunk(values: Any) -> pa.Array:
    """One array; text of any layout as plain text."""
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
        if isinstance(values, pa.ChunkedArray):  # older pyarrow: none or several chunks
            values = pa.concat_arrays(values.chunks) if values.num_chunks else pa.array([], values.type)
    if isinstance(values, pa.ExtensionArray):
        values = values.storage
    return values.cast(pa.string()) if str(values.type) in ("large_string", "string_view") else values
