"""A model's graph: what it takes and gives, which classes it names, which files it needs. Nothing of it is run."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from muster.errors import InvalidModel
from muster.predictors.onnxfile.wire import Broken, Message

__all__ = ["Graph", "Node", "Value", "read_graph"]

_TENSOR, _EXTERNAL = 1, 1
_DTYPES = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 8: "string", 9: "bool",
    10: "float16", 11: "float64", 12: "uint32", 13: "uint64",
}  # fmt: skip
_KINDS = {4: "a sequence", 5: "a map", 7: "an opaque value", 8: "a sparse tensor", 9: "an optional value"}


@dataclass(frozen=True, slots=True)
class Value:
    """An input or output. `dtype` is numpy's name of a tensor's type, or None with what it is instead; -1 is a free axis."""

    name: str
    dtype: str | None
    shape: tuple[int, ...] | None
    instead: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """One operator of the graph."""

    op: str
    domain: str
    inputs: tuple[str, ...]
    message: Message

    def attribute(self, name: str) -> Message | None:
        return next((a for a in self.message.all(5) if a.text(1) == name), None)

    def texts(self, name: str) -> list[str]:
        found = self.attribute(name)
        return [] if found is None else [str(t) for t in found.all(9)]

    def ints(self, name: str) -> list[int]:
        found = self.attribute(name)
        return [] if found is None else found.numbers(8)


@dataclass(frozen=True, slots=True)
class Graph:
    """What one file says. `external` are the files that its weights lie in, relative to it; `domains` its operators by their domain."""

    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    metadata: dict[str, str]
    producer: str
    external: tuple[str, ...]
    domains: dict[str, tuple[str, ...]]
    nodes: dict[str, Node] = field(repr=False)
    """By the names of what they give."""
    constants: dict[str, Message] = field(repr=False)

    def constant(self, name: str) -> list[str] | list[int]:
        """The texts or whole numbers of an initializer; nothing for one of another type."""
        tensor = self.constants.get(name)
        if tensor is None or tensor.number(14) == _EXTERNAL:
            return []
        kind, raw = _DTYPES.get(tensor.number(2)), tensor.one(9)
        if kind == "string":
            return [str(t) for t in tensor.all(6)]
        if kind not in {"int32", "int64"}:
            return []
        if raw is None:
            return tensor.numbers(7 if kind == "int64" else 5)
        size, data = (8 if kind == "int64" else 4), raw.bytes()
        return [int.from_bytes(data[i : i + size], "little", signed=True) for i in range(0, len(data), size)]


def read_graph(file: Path) -> Graph:
    """InvalidModel if the file is no ONNX model, or is cut short."""
    try:
        with file.open("rb") as opened:
            if not opened.read(1):
                raise Broken("it is empty")
            data = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
        return _read(Message(data, 0, len(data)))
    except Broken as error:
        raise InvalidModel(
            f"{file.name} is no whole ONNX model: {error}", hint="export it, or copy it, again; its size may tell"
        ) from None


def _read(model: Message) -> Graph:
    graph = model.one(7)
    if graph is None or not model.number(1):
        raise Broken("it has no graph")
    constants = {t.text(8): t for t in graph.all(5)}
    nodes = [_node(n) for n in graph.all(1)]
    own = {f.text(10) for f in model.all(25)}
    domains: dict[str, set[str]] = {}
    for node in _everywhere(graph):
        domains.setdefault(node.domain, set()).add(node.op)
    return Graph(
        inputs=tuple(v for v in map(_value, graph.all(11)) if v.name not in constants),
        outputs=tuple(map(_value, graph.all(12))),
        metadata={p.text(1): p.text(2) for p in model.all(14)},
        producer=f"{model.text(2)} {model.text(3)}".strip(),
        external=tuple(sorted({_location(t) for t in _tensors(graph) if t.number(14) == _EXTERNAL})),
        domains={d: tuple(sorted(ops)) for d, ops in domains.items() if d not in own},
        nodes={str(name): n for n in nodes for name in n.message.all(2)},
        constants=constants,
    )


def _node(message: Message) -> Node:
    return Node(message.text(4), message.text(7), tuple(str(i) for i in message.all(1)), message)


def _value(message: Message) -> Value:
    name, told = message.text(1), message.one(2)
    for number, kind in told or ():
        if number == _TENSOR and isinstance(kind, Message):
            dtype = _DTYPES.get(kind.number(1))
            shape = kind.one(2)
            axes = None if shape is None else tuple(_axis(d) for d in shape.all(1))
            return Value(name, dtype, axes, "" if dtype else "a tensor of a type that no column has")
        if number in _KINDS:
            return Value(name, None, None, _KINDS[number])
    return Value(name, None, None, "of no type")


def _axis(dimension: Message) -> int:
    return dimension.number(1) or -1


def _everywhere(graph: Message) -> Iterator[Node]:
    """The nodes of a graph, and of those in its loops and branches."""
    for message in graph.all(1):
        yield _node(message)
        for attribute in message.all(5):
            for inner in (*attribute.all(6), *attribute.all(11)):
                yield from _everywhere(inner)


def _tensors(graph: Message) -> Iterator[Message]:
    """All constants, also those of loops and branches."""
    yield from graph.all(5)
    for sparse in graph.all(15):
        yield from (*sparse.all(1), *sparse.all(2))
    for message in graph.all(1):
        for attribute in message.all(5):
            yield from (*attribute.all(5), *attribute.all(10))
            for inner in (*attribute.all(6), *attribute.all(11)):
                yield from _tensors(inner)


def _location(tensor: Message) -> str:
    told = {e.text(1): e.text(2) for e in tensor.all(13)}
    return told.get("location", "")
