"""Writes an object of this process to a pickle that another can load."""

from __future__ import annotations

import pickle
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import cloudpickle

from muster.errors import InvalidModel
from muster.predictors.local.pickled import modules_in
from muster.predictors.local.pins import pins

__all__ = ["dump"]

Pins = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]
"""Requirements, modules that no package has, notes."""

# cloudpickle keeps what it pickles by value for the whole process.
_registering = threading.Lock()


def dump(model: object, file: Path, more: Iterable[str] = ()) -> Pins:
    """Pickle it; what the modules that the pickle refers to need, and `more` modules with them.

    Code of the user's own, which no package has, goes into the pickle by value.
    """
    kinds = {kind.__module__ for kind in _kinds(model)} | set(more)
    with _registering:
        own: list[ModuleType] = []
        try:
            while True:
                data = _dumps(model)
                found = pins(modules_in(data) | kinds)
                fresh = _own(found[1], own)
                if not fresh:
                    break
                for module in fresh:
                    cloudpickle.register_pickle_by_value(module)
                own += fresh
        finally:
            for module in own:
                cloudpickle.unregister_pickle_by_value(module)
    file.write_bytes(data)
    tops = {m.__name__ for m in own}
    return found[0], tuple(name for name in found[1] if name.partition(".")[0] not in tops), found[2]


def _dumps(model: object) -> bytes:
    try:
        return bytes(cloudpickle.dumps(model))
    except (pickle.PicklingError, TypeError, AttributeError, ValueError, RecursionError, NotImplementedError) as error:
        raise InvalidModel(
            f"the object of type {type(model).__name__} cannot be pickled: {error}",
            hint="keep what cannot be pickled out of it, or write a model.py whose `load` makes it",
        ) from error


def _own(local: Iterable[str], known: list[ModuleType]) -> list[ModuleType]:
    """Top packages of modules that belong to no distribution, and are imported here, so that their code is at hand."""
    tops = dict.fromkeys(name.partition(".")[0] for name in local)
    found = [sys.modules[t] for t in tops if t in sys.modules and t != "__main__"]
    return [m for m in found if m not in known]


def _kinds(model: object) -> list[type]:
    """The classes that an object is made from: they may need libraries that its pickle does not name."""
    kind = model if isinstance(model, type) else type(model)
    return [k for k in kind.__mro__ if k.__module__ not in {"builtins", "__main__"}]
