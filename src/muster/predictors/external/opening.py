"""Connections, opened: the provider of each, with what sends its requests."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from muster.config import expanded
from muster.connecting import Options, Setting, checked
from muster.endpoint import Endpoint, Listed, Step
from muster.errors import Conflict, InvalidInput, near
from muster.extensions import load
from muster.predictors import PROVIDERS
from muster.predictors.external.provider import Provider
from muster.records import Connection
from muster.signature import Json

if TYPE_CHECKING:
    from muster.predictors.external.transport.sender import Sender

__all__ = ["SHARED", "checked_settings", "discover", "open_provider", "open_there", "place_of", "steps_of"]

SHARED = (
    Setting("ca_bundle", "a file with the certificates to trust, in place of the system's"),
    Setting(
        "proxy",
        "the proxy to go through, `http://host:port`, or where that is, if it has a password; that of the environment without",
        may_refer=True,
    ),
)
"""What every kind of endpoint takes."""


def checked_settings(kind: str, given: Mapping[str, Json], beside: Collection[str] = ()) -> dict[str, Json]:
    """The settings of a connection as they are stored; InvalidInput says everything that is wrong with them.

    `beside` are names that may be given too, and are no settings.
    """
    return checked(kind, (*_provider(kind).settings, *SHARED), given, beside=beside)


def open_there(connection: Connection, load: Mapping[str, Json]) -> tuple[Provider, Sender]:
    """The provider of a version's connection; Conflict if that leads elsewhere than when the version was registered."""
    provider, send = open_provider(connection)
    before, now = load.get("where"), dict(provider.where)
    if before == now:
        return provider, send
    provider.close()
    send.close()
    told = before if isinstance(before, dict) else {}
    changed = ", ".join(
        f"{n} is {now.get(n)!r} and was {told.get(n)!r}" for n in sorted({*now, *told}) if now.get(n) != told.get(n)
    )
    raise Conflict(
        f"the connection `{connection.name}` leads elsewhere than when the version was registered: {changed}",
        hint="a version is one endpoint for ever: register what is there as the next version, or mend the environment",
        details={"resume": True},
    )


def place_of(kind: str) -> tuple[str, ...]:
    """The settings that say where a connection leads, whoever asks and by whichever way."""
    found: tuple[str, ...] = _provider(kind).place
    return found


def open_provider(connection: Connection) -> tuple[Provider, Sender]:
    """Nothing is asked of the other side yet. What sends requests is loaded here, so that a hub opens without it."""
    from muster.predictors.external.transport.sender import Sender

    options = Options(connection.settings)
    kind = _provider(connection.kind)
    shown = _own_certificate(options) if any(s.name == "auth" for s in kind.settings) else ("", "")
    send = Sender(
        ca_bundle=_file(options.get("ca_bundle", "")),
        certificate=shown[0],
        key=shown[1],
        proxy=options.proxy,
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


def _own_certificate(options: Options) -> tuple[str, str]:
    """That of a client that logs in by it, and its key."""
    from muster.predictors.external.plain import auth_of

    by_it = auth_of(options) == "mtls"
    return (_file(options.get("certificate", "")), _file(options.get("key", ""))) if by_it else ("", "")


def _file(name: str) -> str:
    return str(expanded(name.removeprefix("file:"))) if name else ""


def _provider(kind: str) -> Any:
    if kind not in PROVIDERS:
        raise InvalidInput(
            f"there is no kind of connection `{kind}`{near(kind, PROVIDERS)}", hint=f"kinds are {', '.join(PROVIDERS)}"
        )
    return load(PROVIDERS[kind])
