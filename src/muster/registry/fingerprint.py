"""The fingerprint of an input, taken while it is scored."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

from muster.dataset import Dataset
from muster.registry.runs import Held

__all__ = ["Fingerprint"]


class Fingerprint:
    """Reads the input through for its fingerprint while it is scored."""

    def __init__(self, dataset: Dataset, held: Held) -> None:
        self._dataset = dataset
        self._held = held
        self._value: str | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._read, name="muster-fingerprint", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:  # else nobody asks for it any more, and a large input takes long to read
            self._thread.join()

    def _read(self) -> None:
        try:
            self._value = self._dataset.fingerprint()
            self._held.note(fingerprint=self._value)
        except BaseException as error:  # noqa: BLE001  # raised again where the result is asked for
            self._error = error

    def result(self) -> str:
        self._thread.join()
        if self._error is not None:
            raise self._error
        assert self._value is not None
        return self._value
