"""Protocol buffers as they lie in a file: fields by number, read one by one, weights passed over.

Enough of the format for ONNX, and nothing of it is built in memory: a model of gigabytes is looked at in milliseconds.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Broken", "Message"]


class Broken(ValueError):
    """The bytes are no protocol buffer, or end too early."""


@dataclass(frozen=True, slots=True)
class Message:
    """A stretch of bytes: a message, a text, or a packed list, as the reader knows."""

    data: bytes | mmap.mmap
    start: int
    end: int

    def __iter__(self) -> Iterator[tuple[int, int | Message]]:
        """The fields in order: numbers as they are, and what has a length as another stretch."""
        place = self.start
        while place < self.end:
            key, place = self._varint(place)
            number, kind = key >> 3, key & 7
            if number == 0:
                raise Broken("a field has the number 0")
            if kind == 0:
                value, place = self._varint(place)
                yield number, value
            elif kind in _FIXED:
                place = self._within(place + _FIXED[kind])
                yield number, Message(self.data, place - _FIXED[kind], place)
            elif kind == 2:
                size, place = self._varint(place)
                end = self._within(place + size)
                yield number, Message(self.data, place, end)
                place = end
            else:
                raise Broken(f"a field has the wire type {kind}")

    def all(self, number: int) -> list[Message]:
        """The messages of one field."""
        return [v for n, v in self if n == number and isinstance(v, Message)]

    def one(self, number: int) -> Message | None:
        return next(iter(self.all(number)), None)

    def text(self, number: int) -> str:
        """The text of a field, empty where there is none."""
        found = self.one(number)
        return "" if found is None else str(found)

    def number(self, number: int) -> int:
        """The last whole number of a field, 0 where there is none."""
        return next((v for n, v in reversed(list(self)) if n == number and isinstance(v, int)), 0)

    def numbers(self, number: int) -> list[int]:
        """The whole numbers of a repeated field, packed or not; negative ones too."""
        found: list[int] = []
        for n, value in self:
            if n == number:
                found += value.packed() if isinstance(value, Message) else [_signed(value)]
        return found

    def packed(self) -> list[int]:
        place, found = self.start, []
        while place < self.end:
            value, place = self._varint(place)
            found.append(_signed(value))
        return found

    def bytes(self) -> bytes:
        return bytes(self.data[self.start : self.end])

    def __str__(self) -> str:
        try:
            return self.bytes().decode()
        except UnicodeDecodeError:
            raise Broken("a text is not UTF-8") from None

    def _varint(self, place: int) -> tuple[int, int]:
        value = shift = 0
        while True:
            self._within(place + 1)
            byte = self.data[place]
            place += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value, place
            shift += 7
            if shift > 63:
                raise Broken("a number has no end")

    def _within(self, place: int) -> int:
        if place > self.end:
            raise Broken("it is cut short")
        return place


_FIXED = {1: 8, 5: 4}


def _signed(value: int) -> int:
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value
