"""A record batch as a model takes it: a pandas DataFrame, a numpy array, an Arrow table.

What a model gets is its own: nothing in it shares memory with the batch in a way that lets the model write to it.
"""

from __future__ import annotations

import importlib.util
import json
import re
from typing import Any, Dict, List, Sequence, Tuple

import pyarrow as pa
import pyarrow.compute as pc

TENSOR = b"muster.tensor"
"""The key of a field's metadata that tells a tensor: `dtype`, and `shape` with the rows first."""


def has(module: str) -> bool:
    """Whether the environment has the library."""
    return importlib.util.find_spec(module) is not None


def choose(wanted: str | None) -> str:
    """The form of input: what is asked for, else pandas where the environment has it, else Arrow."""
    return wanted or ("pandas" if has("pandas") else "arrow")


def check_form(form: str | None) -> None:
    """ImportError if the environment lacks the library of this form: here, and not for each row."""
    if form in ("pandas", "numpy") and not has(form):
        raise ImportError(
            f"the model takes its data as {form}, and its environment has no {form}: add it to its requirements, and register it again"
        )


def build(batch: pa.RecordBatch, form: str, *, named: bool = False) -> Any:
    """The batch in that form; tensors are arrays whatever the form: one by itself, several or `named` ones by name."""
    found = tensors(batch)
    if found:
        return found if named or len(found) > 1 else next(iter(found.values()))
    if form == "pandas":
        return frame(batch)
    return matrix(batch) if form == "numpy" else pa.Table.from_batches([batch])


def ordered(batch: pa.RecordBatch, names: Sequence[str] | None) -> pa.RecordBatch:
    """The columns in the order of these names, if it has all of them: not every library looks at names when it predicts.

    A library may know blanks in names as `_`.
    """
    if not names or batch.schema.names == names:
        return batch
    known = {re.sub(r"\s", "_", n): i for i, n in enumerate(batch.schema.names)}
    known.update((n, i) for i, n in enumerate(batch.schema.names))
    if not all(n in known for n in names):
        return batch
    places = [known[n] for n in names]
    return pa.RecordBatch.from_arrays(
        [batch.column(i) for i in places], schema=pa.schema([batch.schema.field(i) for i in places])
    )


def frame(batch: pa.RecordBatch) -> Any:
    """A pandas DataFrame; columns of floats alone are put into one block by hand, in half of the time for a single row."""
    kinds = set(batch.schema.types)
    if any("map<" in str(kind) for kind in kinds):
        return _with_dicts(batch)
    if len(kinds) != 1 or next(iter(kinds)) not in (pa.float64(), pa.float32()):
        return batch.to_pandas()  # always a copy, since blocks of columns are not split
    import numpy as np
    import pandas as pd

    block = np.empty((batch.num_columns, batch.num_rows), next(iter(kinds)).to_pandas_dtype())
    for place, column in enumerate(batch.columns):
        block[place] = column.to_numpy(zero_copy_only=False)
    return pd.DataFrame(block.T, columns=batch.schema.names, copy=False)


def _with_dicts(batch: pa.RecordBatch) -> Any:
    """A frame whose maps are dicts, as models know them: pandas has pairs in their place."""
    try:
        return batch.to_pandas(maps_as_pydicts="strict")
    except TypeError:  # releases before 13
        data = batch.to_pandas()
    for field, column in zip(batch.schema, batch.columns):
        if pa.types.is_map(field.type):
            data[field.name] = [None if pairs is None else dict(pairs) for pairs in column.to_pylist()]
    return data


def categorise(data: Any, names: Sequence[str], batch: pa.RecordBatch) -> Any:
    """The frame with these columns as categories, of the values that are there: models know their own, and look these up."""
    for name in names:
        column = batch.column(batch.schema.get_field_index(name))
        if pa.types.is_integer(column.type) and column.null_count:
            data[name] = _whole_categories(
                column
            )  # pandas has such a column as floats, and categories were whole numbers
        else:
            data[name] = data[name].astype("category")
    return data


def flags_as_numbers(data: Any, batch: pa.RecordBatch) -> Any:
    """The frame with flags that are missing somewhere as 1, 0 and NaN: pandas has these as objects, which not every library takes."""
    for field, column in zip(batch.schema, batch.columns):
        if pa.types.is_boolean(field.type) and column.null_count:
            data[field.name] = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return data


def _whole_categories(column: pa.Array) -> Any:
    import pandas as pd

    found = column.dictionary_encode()
    return pd.Categorical.from_codes(found.indices.fill_null(-1).to_numpy(), categories=found.dictionary.to_numpy())


def texts(batch: pa.RecordBatch) -> List[str]:
    """The columns of text, in order."""
    return [f.name for f in batch.schema if pa.types.is_string(f.type) or pa.types.is_large_string(f.type)]


def only_texts(batch: pa.RecordBatch) -> List[str]:
    """The values of the only column, of text, none of them missing."""
    if batch.num_columns != 1:
        raise ValueError(
            "the model takes one column of text, and the data has: {}".format(", ".join(batch.schema.names))
        )
    return all_texts(batch)[0]


def all_texts(batch: pa.RecordBatch) -> List[List[str]]:
    """The values of each column, all of them of text, none of them missing."""
    other = [n for n in batch.schema.names if n not in texts(batch)]
    if other:
        raise ValueError("the model takes text, and {} of the data hold none".format(", ".join(other)))
    missing = [n for n, c in zip(batch.schema.names, batch.columns) if c.null_count]
    if missing:
        raise ValueError("`{}` is missing, and the model takes text".format("`, `".join(missing)))
    return [c.to_pylist() for c in batch.columns]


def matrix(batch: pa.RecordBatch) -> Any:
    """A numpy array, rows by columns: of the smallest type that holds all numbers, of objects where there is text. Nulls are NaN."""
    import numpy as np

    columns = [_array(c) for c in batch.columns]
    if not columns:
        return np.empty((batch.num_rows, 0))
    result = np.empty(
        (batch.num_rows, len(columns)), np.result_type(*columns) if _numeric(columns) else object, order="F"
    )
    for place, column in enumerate(columns):
        result[:, place] = column
    return result


def _array(column: pa.Array) -> Any:
    if pa.types.is_decimal(column.type) or (pa.types.is_boolean(column.type) and column.null_count):
        column = column.cast(pa.float64())
    return column.to_numpy(zero_copy_only=False)


def _numeric(columns: List[Any]) -> bool:
    return all(c.dtype.kind in "biuf" for c in columns)


def tensors(batch: pa.RecordBatch) -> Dict[str, Any]:
    """The columns that carry tensors, as arrays by name."""
    found = {}
    for field, column in zip(batch.schema, batch.columns):
        if field.metadata and TENSOR in field.metadata:
            told = json.loads(field.metadata[TENSOR].decode())
            found[field.name] = _tensor(column, told["dtype"], told["shape"])
    return found


def _tensor(column: pa.Array, dtype: str, shape: Sequence[int]) -> Any:
    import numpy as np

    values = column
    while (
        pa.types.is_list(values.type) or pa.types.is_large_list(values.type) or pa.types.is_fixed_size_list(values.type)
    ):
        _check_lengths(values)
        values = values.flatten()
    flat = values.to_numpy(zero_copy_only=False).astype(_dtype(dtype))
    return np.array(flat).reshape(_sizes(len(column), list(shape[1:])))


def _check_lengths(lists: pa.Array) -> None:
    """Refuse what would be put together from other rows' values: the number of all values may fit where those of rows do not."""
    if lists.null_count:
        raise ValueError("a tensor is null, which is no array")
    if not pa.types.is_fixed_size_list(lists.type) and len(pc.unique(pc.list_value_length(lists))) > 1:
        raise ValueError("the rows have tensors of several sizes, which are no one array")


def _dtype(name: str) -> Any:
    import numpy as np

    return np.dtype(object) if name in ("str", "string", "object") else np.dtype(name)


def _sizes(rows: int, shape: List[int]) -> Tuple[int, ...]:
    """The shape with one free axis filled in. Several free axes, or rows of several lengths, have no one shape."""
    if shape.count(-1) > 1:
        raise ValueError(
            f"a tensor with several free axes beside the rows cannot be built from a column: its shape is {shape}"
        )
    return (rows, *shape) if rows else (0, *(max(s, 0) for s in shape))
