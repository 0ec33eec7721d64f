"""Named connections to databases and buckets: `sql:NAME?table=t` and `objects:NAME/path` name datasets and outputs without any secret."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from muster.endpoint import Step
from muster.errors import InvalidInput
from muster.extensions import load
from muster.records import DATA_KINDS, Connection
from muster.signature import Json

__all__ = ["NAMED", "Find", "NamedKind", "connection_of", "named_kind", "rivals"]

Find = Callable[[str], Connection]
"""The connection of a name; NotFound if there is none."""

NAMED: Mapping[str, str] = {
    "sql": "muster.datasets.sql_named:Databases",
    "objects": "muster.datasets.object_named:Buckets",
}
"""Kinds of connections that lead to data. Datasets and sinks of the same name take one."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,127}")
_HINT = "write sql:CONNECTION?table=t or objects:CONNECTION/path/; `muster connection add` makes a connection"


class NamedKind(Protocol):
    """What is decided for each kind of these connections."""

    def checked(self, given: Mapping[str, Json]) -> dict[str, Json]:
        """The settings as they are stored; InvalidInput says everything that is wrong with them."""
        ...

    def steps(self, connection: Connection) -> Iterator[Step]:
        """The test of a connection, up to the first step that fails."""
        ...

    def place(self, uri: str, connection: Connection) -> tuple[str, str]:
        """What a URI of it names as a URL without a connection, and which service has it, as far as the URL does not tell that."""
        ...

    def service(self, uri: str) -> str:
        """The same of a URL that names no connection."""
        ...


def named_kind(kind: str) -> NamedKind:
    found: NamedKind = load(NAMED[kind])()
    return found


def connection_of(uri: str, find: Find) -> Connection | None:
    """The connection that a URI begins with; None where it names none. What is no name may be a secret, and is not shown."""
    kind, mark, rest = uri.partition(":")
    kind = kind.lower()
    if not mark or kind not in DATA_KINDS:
        return None
    name = re.split(r"[/?]", rest, maxsplit=1)[0]
    if not _NAME.fullmatch(name):
        raise InvalidInput(f"behind `{kind}:` stands no name of a connection", hint=_HINT)
    found = find(name)
    if found.kind != kind:
        raise InvalidInput(
            f"the connection `{name}` is of the kind `{found.kind}`, and not `{kind}`",
            hint=_HINT
            if not found.holds_data
            else f"write {found.kind}:{name}{'?table=t' if found.kind == 'sql' else '/path'}",
        )
    return found


def rivals(inputs: Sequence[str], output: str, find: Find) -> list[str]:
    """The inputs as URLs without connections, by which a sink tells whether it would write over one.

    Those that lie at another service than the output are left out: there the same name is another thing.
    """
    _, own = _place(output, find)
    found = [_place(uri, find) for uri in inputs]
    return [url for url, service in found if not own or service in ("", own)]


def _place(uri: str, find: Find) -> tuple[str, str]:
    connection = connection_of(uri, find)
    if connection is not None:
        return named_kind(connection.kind).place(uri, connection)
    for kind in NAMED:
        if service := named_kind(kind).service(uri):
            return uri, service
    return uri, ""
