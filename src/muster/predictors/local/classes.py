"""The classes of a model: those that it knows in its own order, and those that are declared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from muster.errors import InvalidInput
from muster.predictors.local.raw import texts
from muster.signature import Scalar, canonical

__all__ = ["Classes", "by_codes", "match", "numbered", "type_of"]


@dataclass(frozen=True, slots=True)
class Classes:
    """The same classes in the model's own order, in which its probabilities are read, and in the order to register.

    `codes`: the model itself knows them by their places in its order.
    """

    native: tuple[Scalar, ...]
    registered: tuple[Scalar, ...]
    note: str | None = None
    codes: bool = False


def type_of(classes: Sequence[Scalar]) -> pa.DataType:
    """The type of `prediction`."""
    match classes[0]:
        case bool():
            return pa.bool_()
        case int():
            return pa.int64()
    return pa.string()


def _are_codes(classes: tuple[Scalar, ...]) -> bool:
    return [canonical(c) for c in classes] == [str(i) for i in range(len(classes))]


def numbered(names: Sequence[Scalar]) -> bool:
    """Whether the classes are called 0, 1, … themselves, in any order."""
    return {canonical(n) for n in names} == {str(i) for i in range(len(names))}


def by_codes(names: tuple[Scalar, ...]) -> Classes:
    """These are the names of what the model knows as 0, 1, …: the numbers themselves, if they are those in any order."""
    if numbered(names):
        return Classes(names, names)
    pairs = ", ".join(f"{code} is {name}" for code, name in enumerate(names))
    return Classes(names, names, f"the model knows its classes by numbers: {pairs}", codes=True)


def match(native: tuple[Scalar, ...], declared: tuple[Scalar, ...]) -> Classes:
    """The model's classes and the declared ones as one. A model that was trained on codes 0, 1, … has them named by the declared."""
    if not native or not declared:
        return Classes(native or declared, declared or native)
    if {canonical(c) for c in native} == {canonical(c) for c in declared}:
        return Classes(native, declared)
    if len(native) == len(declared) and _are_codes(native):
        return by_codes(declared)
    if len(native) != len(declared):
        message = f"the model has {len(native)} classes ({texts(native)}), and {len(declared)} are declared ({texts(declared)})"
    else:
        message = f"the model's classes are {texts(native)}, and {texts(declared)} are declared"
    raise InvalidInput(
        message,
        hint="declare the model's own classes, in the order to register; the positive one last if there are two",
    )
