"""Who asks: headers that are made anew for every request, so that a secret that was changed, or a token that ran out, is taken up."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol
from urllib.parse import quote, urlencode

from muster.errors import InvalidInput, SourceDenied, SourceUnavailable
from muster.predictors.external.exchange import Reply, Request
from muster.predictors.external.provider import Send
from muster.predictors.external.rest import message_of
from muster.predictors.external.transport.unreachable import Unreachable

__all__ = ["ApiKey", "Basic", "Bearer", "InAddress", "Lent", "Login", "Nobody", "ask_token", "sendable"]

_EARLY = 60.0
_SECONDS = 30.0
_TELLING = 16
"""Characters of a key that nothing else is by chance."""


class Login(Protocol):
    """Credentials of one kind. Safe from several threads."""

    def headers(self) -> Mapping[str, str]: ...
    def renew(self) -> None: ...
    def how(self) -> str:
        """In words, without the credentials; they are looked for, or asked for, if they were not yet."""
        ...


class Nobody:
    """No credentials in a request; what stands for them, if something does, is `told`."""

    def __init__(self, told: str = "without credentials") -> None:
        self._told = told

    def headers(self) -> Mapping[str, str]:
        return {}

    def renew(self) -> None:
        return None

    def how(self) -> str:
        return self._told


class ApiKey:
    """A secret in a header of its own; `find` reads it each time."""

    def __init__(self, header: str, find: Callable[[], str], told: str, prefix: str = "") -> None:
        self._header, self._find, self._told, self._prefix = header, find, told, prefix

    def headers(self) -> Mapping[str, str]:
        return {self._header: self._prefix + sendable(self._find())}

    def renew(self) -> None:
        return None

    def how(self) -> str:
        self._find()
        return self._told


class InAddress:
    """A key in a parameter of the address, where the other side takes it nowhere else; `find` reads it each time."""

    def __init__(self, name: str, find: Callable[[], str]) -> None:
        self._name, self._find = name, find

    def headers(self) -> Mapping[str, str]:
        return {}

    def address(self, url: str) -> str:
        """With the key: to be sent, and shown to nobody."""
        return f"{url}{'&' if '?' in url else '?'}{self._name}={quote(self._find(), safe='')}"

    def hidden(self, reply: Reply) -> Reply:
        """What comes back may quote the address: without the key, as it is and as it was sent.

        In an answer a short key may be what something else is, as a number.
        """
        key, body = self._find(), reply.body
        if reply.status < 300 and len(key) < _TELLING:
            return reply
        for shown in {key, quote(key, safe="")}:
            body = body.replace(shown.encode(), b"***")
        return replace(reply, body=body)

    def renew(self) -> None:
        return None

    def how(self) -> str:
        self._find()
        return "with an API key in the address"


def Bearer(find: Callable[[], str], told: str) -> ApiKey:  # noqa: N802  # one more kind of login to who reads it
    return ApiKey("authorization", find, told, "Bearer ")


class Basic:
    def __init__(self, user: str, find: Callable[[], str]) -> None:
        self._user, self._find = user, find

    def headers(self) -> Mapping[str, str]:
        both = f"{self._user}:{self._find()}".encode()
        return {"authorization": "Basic " + base64.b64encode(both).decode("ascii")}

    def renew(self) -> None:
        return None

    def how(self) -> str:
        self._find()
        return f"as the user `{self._user}`"


class Lent:
    """A token that somebody lends for a time: `ask` gives it with the seconds that it holds; it is asked for again before that."""

    def __init__(self, ask: Callable[[], tuple[str, float]], told: str) -> None:
        self._ask, self._told = ask, told
        self._lock = threading.Lock()
        self._token, self._until = "", 0.0

    def token(self) -> str:
        with self._lock:
            if time.monotonic() >= self._until:
                self._token, seconds = self._ask()
                self._until = time.monotonic() + max(1.0, seconds - _EARLY)
            return self._token

    def headers(self) -> Mapping[str, str]:
        return {"authorization": f"Bearer {sendable(self.token())}"}

    def renew(self) -> None:
        with self._lock:
            self._until = 0.0

    def how(self) -> str:
        self.token()
        return self._told


def ask_token(
    send: Send, url: str, form: Mapping[str, str], who: str, headers: Mapping[str, str] | None = None
) -> tuple[str, float]:
    """A token by OAuth's grant in `form`, and the seconds that it holds; SourceDenied says what the other side says."""
    told = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json", **(headers or {})}
    try:
        reply = send(Request("POST", url, told, urlencode(form).encode()), _SECONDS)
    except Unreachable as error:
        raise SourceUnavailable(error.message, hint=error.hint) from None
    try:
        found = json.loads(reply.body) if reply.status == 200 else {}
    except ValueError:
        found = {}
    token = found.get("access_token") if isinstance(found, dict) else None
    if not isinstance(token, str):
        code, said = message_of(reply)
        problem = f"{who} gives no token: {': '.join(p for p in (code, said) if p) or f'status {reply.status}'}"
        if reply.status == 429 or reply.status >= 500:
            raise SourceUnavailable(problem, hint="try again later", details={"status": reply.status})
        raise SourceDenied(
            problem,
            hint="see the client's id and secret, and that it may log in there",
            details={"status": reply.status, "resume": True},
        )
    return token, float(found.get("expires_in") or 3600)


def sendable(secret: str) -> str:
    """A secret that a header can carry: one with a line end in it would be quoted by whoever refuses it."""
    if not secret.isprintable() or not secret.isascii():
        raise InvalidInput(
            "the token or password has a line end or another character that no request can carry",
            hint="set it again without the line end: `$(cat file)` leaves it out",
        )
    return secret
