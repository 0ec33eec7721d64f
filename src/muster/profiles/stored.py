"""How a profile is stored: a line of JSON that names its format and its arrays, then the arrays, compressed.

docs/profile-format.md describes the bytes, so that others can read them.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np
import numpy.typing as npt

from muster.errors import Corrupt, MusterError, TooNew
from muster.signature import Json

__all__ = ["Arrays", "fitting", "pack", "reads", "unpack"]

Arrays = Mapping[str, npt.NDArray[Any]]

_TYPES: dict[str, np.dtype[Any]] = {
    "<i8": np.dtype("<i8"),
    "<f8": np.dtype("<f8"),
    "<u8": np.dtype("<u8"),
    "|u1": np.dtype("|u1"),
}
_MOST_BYTES = 1 << 32
_MOST_HEADER = 1 << 24

P = ParamSpec("P")
R = TypeVar("R")


def pack(form: str, header: Mapping[str, Json], arrays: Arrays) -> bytes:
    """`header` holds names, counts and texts; floats go into arrays, where every bit of them is kept."""
    kept = {name: np.ascontiguousarray(a, a.dtype.newbyteorder("<")) for name, a in sorted(arrays.items())}
    listed = [{"name": name, "type": a.dtype.str, "shape": list(a.shape)} for name, a in kept.items()]
    assert all(a["type"] in _TYPES for a in listed), listed
    first = json.dumps(
        {"format": form, **header, "arrays": listed}, allow_nan=False, ensure_ascii=False, separators=(",", ":")
    )
    packer = zlib.compressobj(6)
    body = [packer.compress(a.tobytes()) for a in kept.values()]
    return b"".join([first.encode(), b"\n", *body, packer.flush()])


def unpack(data: bytes, form: str) -> tuple[int, dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """The number of its format, the header and the arrays, writable. TooNew and Corrupt as `Profile.decode` says."""
    name, _, newest = form.rpartition("/")
    line, _, body = data[:_MOST_HEADER].partition(b"\n")
    try:
        header = json.loads(line)
        found, _, number = str(header["format"]).rpartition("/")
        version = int(number)
    except (ValueError, KeyError, TypeError):
        raise Corrupt(f"these bytes are no {name} profile: they do not begin with its header") from None
    if found != name:
        raise Corrupt(f"expected a {name} profile, found `{header['format']}`")
    if version > int(newest):
        raise TooNew(f"this profile was written as `{header['format']}`", hint="upgrade Muster to read it")
    body = data[len(line) + 1 :]
    try:
        arrays = _arrays(header.pop("arrays"), body)
    except (ValueError, KeyError, TypeError, zlib.error) as error:
        raise Corrupt(f"this {name} profile is damaged: {error}") from None
    return version, header, arrays


def _arrays(listed: Any, body: bytes) -> dict[str, npt.NDArray[Any]]:
    kinds = [(str(a["name"]), _TYPES[a["type"]], tuple(int(n) for n in a["shape"])) for a in listed]
    sizes = [math.prod(shape) * kind.itemsize for _, kind, shape in kinds]
    if any(n < 0 for _, _, shape in kinds for n in shape) or sum(sizes) > _MOST_BYTES:
        raise ValueError("its arrays have impossible sizes")
    unpacker = zlib.decompressobj()
    raw = unpacker.decompress(body, sum(sizes) + 1)
    if len(raw) != sum(sizes) or not unpacker.eof or unpacker.unused_data:
        raise ValueError("its arrays are cut off, or something follows them")
    arrays, at = {}, 0
    for (name, kind, shape), size in zip(kinds, sizes, strict=True):
        arrays[name] = np.frombuffer(raw, kind, math.prod(shape), at).reshape(shape).astype(kind.newbyteorder("="))
        at += size
    return arrays


def fitting(array: npt.NDArray[Any], model: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The array, which has the shape and type of the other one; ValueError if not."""
    if array.shape != model.shape or array.dtype != model.dtype:
        raise ValueError(f"an array of shape {array.shape} where {model.shape} belongs")
    return array


def reads(kind: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A `decode` for which whatever does not fit in the header or the arrays is damage, told as such."""

    def around(decode: Callable[P, R]) -> Callable[P, R]:
        @wraps(decode)
        def careful(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return decode(*args, **kwargs)
            except MusterError:
                raise
            except (ValueError, KeyError, TypeError, AttributeError, IndexError, AssertionError) as error:
                raise Corrupt(f"this {kind} profile is damaged: {type(error).__name__}: {error}") from None

        return careful

    return around
