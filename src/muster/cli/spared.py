"""What a command need not import."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.metadata import entry_points
from types import ModuleType

__all__ = ["spare_pandas"]

_GROUPS = ("muster.origins", "muster.datasets")


def spare_pandas() -> None:
    """Let pyarrow know that no object of pandas will come.

    It imports pandas, where that is installed, at the first Python value that it meets, to ask whether the value is one:
    0.2 s of each command, none of which has any. Other packages' implementations may, so with those nothing is done.
    """
    if "pandas" in sys.modules or any(entry_points(group=group) for group in _GROUPS):
        return
    import pyarrow as pa

    hidden = _Hidden()
    sys.meta_path.insert(0, hidden)
    try:
        pa.scalar(True)  # the first one
    finally:
        sys.meta_path.remove(hidden)


class _Hidden(MetaPathFinder):
    """Makes `import pandas` fail."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname == "pandas":
            raise ModuleNotFoundError(name="pandas")
        return None
