"""Models that someone else runs: the Hub's methods over connections, what they list, and what stands behind a version."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from muster.endpoint import NAMES, Endpoint, Listed, Reached, Step
from muster.errors import InvalidInput
from muster.records import DATA_KINDS, Connection, Snapshot
from muster.registry.connections import CAPS, wrong_caps
from muster.registry.search import Listing
from muster.registry.snapshots import Snapshots, SnapshotTools
from muster.registry.workshop import Workshop
from muster.signature import Json

__all__ = ["EndpointTools", "Switchboard"]


@dataclass(frozen=True, slots=True)
class EndpointTools:
    """What the hub lends: plain functions over the providers."""

    check_settings: Callable[[str, Mapping[str, Json]], Mapping[str, Json]]
    """The settings of a kind of connection as they are stored."""
    place: Callable[[str], tuple[str, ...]]
    """The settings of a kind that say where a connection leads."""
    discover: Callable[[Connection, str], Iterator[Listed]]
    steps: Callable[[Connection, Endpoint | None], Iterator[Step]]
    snapshots: SnapshotTools


def _check_agrees(told: Mapping[str, Json], connection: Connection) -> None:
    """What a configuration says of the account must be what the connection says."""
    own = {*NAMES, "connection", "variant", "protocol"}
    other = [
        f"`{key}` is {value!r} there, and {connection.settings.get(key)!r} in the connection"
        for key, value in told.items()
        if key not in own and value is not None and value != connection.settings.get(key)
    ]
    if other:
        raise InvalidInput(
            f"the endpoint is not one of the connection `{connection.name}`: {'; '.join(other)}",
            hint="name another connection, or leave out what the connection says",
        )


def _serving(connection: Connection) -> Connection:
    """A connection that leads to models."""
    if connection.holds_data:
        raise InvalidInput(
            f"the connection `{connection.name}` is of the kind `{connection.kind}`: it leads to data, and has no endpoints",
            hint=f"it names datasets and outputs: {connection.kind}:{connection.name}{'?table=t' if connection.kind == 'sql' else '/path'}",
        )
    return connection


class Switchboard(Workshop, ABC):
    @abstractmethod
    def _endpoint_tools(self) -> EndpointTools: ...

    @abstractmethod
    def _reopen(self, versions: Collection[str]) -> None:
        """Open the versions with these ids anew when they are asked next."""

    def connect(
        self,
        name: str,
        kind: str,
        *,
        description: str = "",
        tags: Mapping[str, str] | None = None,
        replace: bool = False,
        **settings: Any,
    ) -> Connection:
        """Keep a connection under a name: to a provider of endpoints, to a database (`sql`) or a bucket (`objects`).

        Nothing is asked of it yet. Settings carry the words of the vendor's own SDK; secrets are given as where they are,
        `env:NAME` or `file:/path`. Every kind of endpoint takes `ca_bundle`, `proxy`, and caps: `concurrency`, `rate`,
        `price_per_call`, `price_per_hour`, `spend`. They hold over all processes that use the hub, and `spend` for ever:
        replace the connection with a higher one to spend more.
        """
        given = {n: v for n, v in settings.items() if v is not None}
        caps = {} if kind in DATA_KINDS else {n: given.pop(n) for n in CAPS if n in given}
        kept = self._checked(kind, given, caps)
        made = self._connections.register(
            name,
            kind,
            kept,
            caps,
            place=self._reaching.place(kind),
            description=description,
            tags=tags,
            replace=replace,
        )
        if replace:
            self._reopen({v.id for v in self._connections.versions(name)})
        return made

    def _checked(self, kind: str, settings: Mapping[str, Json], caps: Mapping[str, float]) -> Mapping[str, Json]:
        """The settings as they are stored; InvalidInput tells all that is wrong with them, and with the caps."""
        try:
            return self._reaching.check_settings(kind, settings)
        except InvalidInput as error:
            also, known = wrong_caps(caps), error.details.get("problems")
            if not also or not isinstance(known, list):
                raise
            raise InvalidInput(
                f"{error.message}; {'; '.join(also)}", hint=error.hint, details={"problems": [*known, *also]}
            ) from None

    def discover(self, connection: str, name: str = "") -> Iterator[Listed]:
        """The endpoints that a connection's account serves now, whose names have `name` in them; any of them can be registered."""
        return self._reaching.discover(_serving(self.connection(connection)), name)

    def test_connection(self, connection: str, endpoint: str | None = None) -> list[Step]:
        """Try a connection step by step, up to the first that fails: name, TLS, login, permission, and an endpoint if one is named.

        That of a database or bucket: name, login, and whether it can be read.
        """
        found = self.connection(connection)
        if endpoint is not None:
            _serving(found)
        return list(self._reaching.steps(found, None if endpoint is None else Endpoint(connection, endpoint)))

    def snapshot(self, reference: str) -> Snapshot:
        """Look at what stands behind a version that someone else runs; what has changed there marks the version, and is an event."""
        return self._snapshots.take(reference)

    def snapshots(self, reference: str, limit: int | None = None) -> Listing[Snapshot]:
        """The looks that were taken at what stands behind a version, the newest first."""
        return self._snapshots.list(reference, limit)

    def _reached(self, source: object, origin: str | None) -> tuple[object, str | None]:
        """An endpoint with its connection, whose kind is its origin; any other source as it is."""
        endpoint = source.endpoint() if isinstance(source, Listed) else source
        if isinstance(source, Mapping) and "connection" in source:
            endpoint = Endpoint.of(source)
        if not isinstance(endpoint, Endpoint):
            return source, origin
        connection = _serving(self.connection(endpoint.connection))
        if isinstance(source, Mapping):
            _check_agrees(source, connection)
        if origin not in (None, connection.kind):
            raise InvalidInput(
                f"the connection `{connection.name}` is of the kind `{connection.kind}`, and not `{origin}`",
                hint="leave the origin out: that of an endpoint is the kind of its connection",
            )
        return Reached(endpoint, connection), connection.kind

    @cached_property
    def _reaching(self) -> EndpointTools:
        return self._endpoint_tools()

    @cached_property
    def _snapshots(self) -> Snapshots:
        return Snapshots(self._records, self._registry, self._actor, self._reaching.snapshots)
