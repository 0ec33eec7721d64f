"""A document that a user wrote, read strictly: what is wrong with it is gathered, and told all at once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypeVar, cast

from muster.errors import InvalidInput, near, shortened
from muster.signature import Json, Scalar, canonical

__all__ = ["Given"]

_Choice = TypeVar("_Choice", bound=str)


class Given:
    """Each method reads one key. A key that is absent, or null, gives the default."""

    def __init__(self, document: Mapping[str, Json], keys: Sequence[str], what: str) -> None:
        self.document = document
        self.wrong: list[str] = []
        self._what = what
        for key in document:
            if key not in keys:
                self.wrong.append(f"`{key}` is no key of {what}{near(str(key), keys)}")

    def raise_if_wrong(self, hint: str) -> None:
        if self.wrong:
            raise InvalidInput("; ".join(self.wrong), hint=hint, details={"problems": self.wrong})

    def refuse(self, key: str, wanted: str) -> None:
        self.wrong.append(f"`{key}` of {self._what} is {shortened(repr(self.document[key]))} and not {wanted}")

    def has(self, key: str) -> bool:
        return self.document.get(key) is not None

    def text(self, key: str, default: str = "") -> str:
        value = self.document.get(key)
        if value is None:
            return default
        if not isinstance(value, str):
            self.refuse(key, "a text")
            return default
        return value

    def choice(self, key: str, choices: Sequence[_Choice], default: _Choice) -> _Choice:
        value = self.document.get(key)
        if value is None:
            return default
        if not isinstance(value, str) or value not in choices:
            self.refuse(key, f"one of {', '.join(choices)}{near(str(value), choices)}")
            return default
        return cast("_Choice", value)

    def flag(self, key: str, *, default: bool = False) -> bool:
        value = self.document.get(key)
        if value is not None and not isinstance(value, bool):
            self.refuse(key, "true or false")
        return value if isinstance(value, bool) else default

    def number(self, key: str) -> float | None:
        value = self.document.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            self.refuse(key, "a number")
            return None
        return float(value)

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts without repetition."""
        value = self.document.get(key)
        if value is None:
            return ()
        if not isinstance(value, Sequence) or isinstance(value, str) or not all(isinstance(v, str) for v in value):
            self.refuse(key, "a list of texts")
            return ()
        found = tuple(str(v) for v in value)
        if twice := sorted({v for v in found if found.count(v) > 1}):
            self.wrong.append(f"`{key}` of {self._what} names {', '.join(f'`{v}`' for v in twice)} more than once")
        return found

    def members(self, key: str) -> Mapping[str, Json]:
        value = self.document.get(key)
        if value is None:
            return {}
        if not isinstance(value, Mapping) or not all(isinstance(k, str) for k in value):
            self.refuse(key, "an object")
            return {}
        return dict(value)

    def classes(self, key: str) -> tuple[Scalar, ...]:
        """Classes in order: scalars, none of them twice."""
        value = self.document.get(key)
        if value is None:
            return ()
        if not isinstance(value, Sequence) or isinstance(value, str) or not all(isinstance(v, Scalar) for v in value):
            self.refuse(key, "a list of texts, whole numbers, or false and true")
            return ()
        found = tuple(v for v in value if isinstance(v, Scalar))
        names = [canonical(v) for v in found]
        if twice := sorted({n for n in names if names.count(n) > 1}):
            self.wrong.append(f"`{key}` of {self._what} names {', '.join(f'`{n}`' for n in twice)} more than once")
        return found
