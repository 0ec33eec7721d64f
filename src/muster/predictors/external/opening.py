"""Connections, opened: the provider of each, with what sends its requests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from muster.connecting import Options, Setting, checked
from muster.endpoint import Endpoint, Listed, Step
from muster.errors import InvalidInput, near
from muster.extensions import load
from muster.predictors import PROVIDERS
from muster.predictors.external.provider import Provider
from muster.predictors.external.transport.sender import Sender
from muster.records import Connection
from muster.signature import Json

__all__ = ["SHARED", "checked_settings", "discover", "open_provider", "steps_of"]

SHARED = (
    Setting("ca_bundle", "a file with the certificates to trust, in place of the system's"),
    Setting("proxy", "the proxy to go through, `http://host:port`; that of the environment without"),
)
"""What every kind of endpoint takes."""


def checked_settings(kind: str, given: Mapping[str, Json]) -> dict[str, Json]:
    """The settings of a connection as they are stored; InvalidInput says everything that is wrong with them."""
    return checked(kind, (*_provider(kind).settings, *SHARED), given)


def open_provider(connection: Connection) -> tuple[Provider, Sender]:
    """Nothing is asked of the other side yet."""
    options = Options(connection.settings)
    kind = _provider(connection.kind)
    send = Sender(
        ca_bundle=options.get("ca_bundle", ""),
        certificate=options.get("certificate", "") if options.get("auth") == "mtls" else "",
        key=options.get("key", "") if options.get("auth") == "mtls" else "",
        proxy=options.get("proxy", ""),
    )
    try:
        provider: Provider = kind(options, send)
    except BaseException:
        send.close()
        raise
    return provider, send


def discover(connection: Connection, name: str = "") -> Iterator[Listed]:
    """The endpoints that the account serves and whose names have `name` in them."""
    provider, send = open_provider(connection)
    try:
        for found in provider.discover(name):
            yield replace(found, connection=connection.name)
    finally:
        provider.close()
        send.close()


def steps_of(connection: Connection, endpoint: Endpoint | None = None) -> Iterator[Step]:
    """The test of a connection, up to the first step that fails."""
    try:
        provider, send = open_provider(connection)
    except InvalidInput as error:
        yield Step("settings", passed=False, told=error.message, hint=error.hint)
        return
    try:
        yield from provider.check(endpoint)
    finally:
        provider.close()
        send.close()


def _provider(kind: str) -> Any:
    if kind not in PROVIDERS:
        raise InvalidInput(
            f"there is no kind of connection `{kind}`{near(kind, PROVIDERS)}", hint=f"kinds are {', '.join(PROVIDERS)}"
        )
    return load(PROVIDERS[kind])
