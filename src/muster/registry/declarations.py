"""What a user says of models that are imported together and do not tell it themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from muster.errors import InvalidInput, near
from muster.source import Catalogue, Entry

__all__ = ["KEYS", "Declarations"]

KEYS = ("task", "target", "classes", "sample", "signature", "output", "threshold", "environment", "origin")
"""As `hub.register` takes them."""


@dataclass(frozen=True, slots=True)
class Declarations:
    """By the name of a model, there or here, or of one version: `churn`, `churn:3`."""

    by_name: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, given: Mapping[str, Any], catalogue: Catalogue, mended: Callable[[str], str]) -> Declarations:
        """Everything that is wrong is told at once: a slip would be found only after hours."""
        names = {
            n for e in catalogue.entries for name in (e.name, mended(e.name)) for n in (name, f"{name}:{e.number}")
        }
        wrong = [f"there is no model or version `{n}`{near(n, names)}" for n in given if n not in names]
        for name, told in given.items():
            if not isinstance(told, Mapping):
                wrong.append(f"`{name}` is no table of what is declared")
                continue
            wrong += [f"`{name}` has no key `{k}`{near(k, KEYS)}" for k in told if k not in KEYS]
        if wrong:
            raise InvalidInput(
                "; ".join(wrong),
                hint=f"a table for each model, with the keys {', '.join(KEYS)}",
                details={"problems": wrong},
            )
        return cls(given)

    def options(self, entry: Entry, name: str) -> dict[str, Any]:
        """What is declared of a version: that of the model, then its own."""
        found: dict[str, Any] = {}
        for key in (entry.name, name, f"{entry.name}:{entry.number}", f"{name}:{entry.number}"):
            found |= self.by_name.get(key, {})
        return found
