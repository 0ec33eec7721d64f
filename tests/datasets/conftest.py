"""What the tests of datasets share with those of stores."""

from __future__ import annotations

from tests.stores.conftest import mount

__all__ = ["mount"]
