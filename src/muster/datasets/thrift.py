"""Thrift's compact protocol, as far as Parquet's footers use it: structs to Python values and back, without a schema.

A struct is a list of (field, type, value). See https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

from typing import TypeAlias

__all__ = ["I64", "LIST", "STRUCT", "Struct", "Value", "decode", "elements", "encode", "integer", "struct"]

TRUE, FALSE, I8, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)

Value: TypeAlias = "bool | int | bytes | Struct | tuple[int, list[Value]]"
"""A list is its elements' type and the elements; a double is kept as its bytes."""

Struct: TypeAlias = "list[tuple[int, int, Value]]"


def decode(data: bytes) -> Struct:
    """The struct that begins the data. ValueError if it has what no footer has."""
    return _Reader(data).struct()


def integer(value: Value | None) -> int:
    """The value, which the schema says is a whole number. TypeError if it is none."""
    if not isinstance(value, int):
        raise TypeError(f"expected a whole number, found {value!r:.40}")
    return value


def struct(value: Value | None) -> Struct:
    if not isinstance(value, list):
        raise TypeError(f"expected a struct, found {value!r:.40}")
    return value


def elements(value: Value | None) -> list[Value]:
    """What a list holds."""
    if not isinstance(value, tuple):
        raise TypeError(f"expected a list, found {value!r:.40}")
    return value[1]


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def _varint(self) -> int:
        data, at, value, shift = self._data, self._at, 0, 0
        while (byte := data[at]) & 0x80:
            value |= (byte & 0x7F) << shift
            at, shift = at + 1, shift + 7
        self._at = at + 1
        return value | byte << shift

    def _int(self) -> int:
        value = self._varint()
        return value >> 1 ^ -(value & 1)

    def _bytes(self, size: int) -> bytes:
        self._at += size
        return self._data[self._at - size : self._at]

    def struct(self) -> Struct:
        fields: Struct = []
        field = 0
        while head := self._bytes(1)[0]:
            field = field + (head >> 4) if head >> 4 else self._int()
            kind = head & 0x0F
            fields.append((field, kind, kind == TRUE if kind <= FALSE else self._value(kind)))
        return fields

    def _value(self, kind: int) -> Value:
        if kind in (I16, I32, I64):
            return self._int()
        if kind == BINARY:
            return self._bytes(self._varint())
        if kind == STRUCT:
            return self.struct()
        if kind in (LIST, SET):
            head = self._bytes(1)[0]
            size = head >> 4 if head >> 4 < 15 else self._varint()
            return head & 0x0F, [self._value(head & 0x0F) for _ in range(size)]
        if kind in (TRUE, FALSE, I8, DOUBLE):
            # In a list a bool is a byte.
            return self._bytes(8 if kind == DOUBLE else 1)
        raise ValueError(f"type {kind} in a footer")


def encode(struct: Struct) -> bytes:
    out = bytearray()
    _put_struct(out, struct)
    return bytes(out)


def _put_varint(out: bytearray, value: int) -> None:
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


def _put_int(out: bytearray, value: int) -> None:
    _put_varint(out, value << 1 ^ value >> 63)


def _put_struct(out: bytearray, struct: Struct) -> None:
    last = 0
    for field, kind, value in struct:
        told = (TRUE if value else FALSE) if kind <= FALSE else kind
        if 0 < field - last < 16:
            out.append(field - last << 4 | told)
        else:
            out.append(told)
            _put_int(out, field)
        last = field
        if kind > FALSE:
            _put_value(out, kind, value)
    out.append(0)


def _put_value(out: bytearray, kind: int, value: Value) -> None:
    if isinstance(value, bytes):
        if kind == BINARY:
            _put_varint(out, len(value))
        out += value
    elif isinstance(value, int):
        _put_int(out, value)
    elif isinstance(value, list):
        _put_struct(out, value)
    else:
        inner, items = value
        out.append(min(len(items), 15) << 4 | inner)
        if len(items) >= 15:
            _put_varint(out, len(items))
        for item in items:
            _put_value(out, inner, item)
