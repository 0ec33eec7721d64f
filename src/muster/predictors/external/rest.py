"""Calls of a provider's control plane, in JSON: tried again where it helps, and told in words where they are refused."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode

from muster.errors import MusterError, NotFound, SourceDenied, SourceError, SourceUnavailable, shortened
from muster.predictors.external.exchange import Reply, Request
from muster.predictors.external.provider import Send
from muster.predictors.external.transport.unreachable import Unreachable
from muster.records import now
from muster.signature import Json

__all__ = ["Rest", "message_of", "parsed", "wait_of"]

_SECONDS = 60.0
_PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0)
_LONGEST = 20.0
_TOO_MANY = 429
_AGAIN = frozenset({408, _TOO_MANY, 500, 502, 503, 504})

Sign = Callable[[Request], Request]
"""The request with the credentials of now."""


class Rest:
    """`who` is what messages call the other side, and `access` what to look at where it refuses."""

    def __init__(
        self,
        send: Send,
        sign: Sign,
        who: str,
        access: str,
        *,
        throttles: frozenset[str] = frozenset(),
        renew: Callable[[], None] | None = None,
    ) -> None:
        """`renew` drops the credentials that are held: what they are refused is asked once more with new ones."""
        self._send = send
        self._sign = sign
        self._renew = renew
        self._who = who
        self._access = access
        self._throttles = throttles

    def get(self, url: str, query: Mapping[str, str | int] | None = None) -> dict[str, Any]:
        return self.call(Request("GET", f"{url}?{urlencode(query)}" if query else url, {"accept": "application/json"}))

    def post(
        self, url: str, body: Json, headers: Mapping[str, str] | None = None, *, once: bool = False
    ) -> dict[str, Any]:
        """`once`: what may have been done is not asked for again."""
        told = {"content-type": "application/json", "accept": "application/json", **(headers or {})}
        return self._object(self.good(Request("POST", url, told, json.dumps(body).encode()), once=once))

    def call(self, request: Request) -> dict[str, Any]:
        """What it answers; SourceDenied, NotFound, SourceUnavailable or SourceError where it does not."""
        return self._object(self.good(request))

    def good(self, request: Request, *, once: bool = False) -> Reply:
        """The same, as it came."""
        reply = self.reply(request, once=once)
        code = message_of(reply)[0]
        if self._renew is not None and code not in _MAY_NOT and _is_denied(reply.status, code):
            self._renew()
            reply = self.reply(request, once=once)
        if reply.status >= 300:
            raise self._refused(reply.status, *message_of(reply))
        return reply

    def reply(self, request: Request, *, once: bool = False) -> Reply:
        """What comes back at last, whatever its status; SourceUnavailable if nothing does.

        `once`: it is sent again only where it was surely not done.
        """
        for pause in (*_PAUSES, None):
            wait: float | None = None
            try:
                reply = self._send(self._sign(request), _SECONDS)
            except Unreachable as error:
                if pause is None or not error.passes or (once and error.sent):
                    raise SourceUnavailable(error.message, hint=error.hint) from None
            else:
                passing = message_of(reply)[0] in self._throttles or (
                    reply.status == _TOO_MANY if once else reply.status in _AGAIN
                )
                if pause is None or reply.status < 300 or not passing:
                    return reply
                wait = wait_of(reply)
            assert pause is not None
            time.sleep(min(wait, _LONGEST) if wait is not None else random.uniform(0, 2 * pause))  # noqa: S311  # jitter
        raise AssertionError("the last attempt returns or raises")

    def _object(self, reply: Reply) -> dict[str, Any]:
        found = parsed(reply.body) if reply.body else {}
        if not isinstance(found, dict):
            raise SourceError(
                f"{self._who} answered something else than an object of JSON: {_beginning(reply.body)}",
                hint="see that the address is the provider's, and not a proxy's or of a page to log in at",
            )
        return found

    def _refused(self, status: int, code: str, said: str) -> MusterError:
        told = shortened(": ".join(p for p in (code, said) if p), 400) or str(status)
        details = {"status": status, **({"code": code} if code else {})}
        if _is_denied(status, code):
            return SourceDenied(f"{self._who} refuses: {told}", hint=self._access, details={**details, "resume": True})
        if status == 404 or code in _MISSING or said.startswith(_NOT_FOUND):
            return NotFound(f"{self._who}: {told}", hint="see the name, and the account and region", details=details)
        if status in _AGAIN or code in self._throttles:
            return SourceUnavailable(f"{self._who} fails: {told}", hint="try again later", details=details)
        return SourceError(f"{self._who} refuses: {told}", hint="see what it says", details=details)


_DENIED = frozenset({
    *("AccessDeniedException", "UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException"),
    *("MissingAuthenticationTokenException", "IncompleteSignature", "InvalidClientTokenId", "PERMISSION_DENIED"),
    *("IncompleteSignatureException", "ExpiredToken", "SignatureDoesNotMatch"),
})  # fmt: skip
_MAY_NOT = frozenset({"AccessDenied", "AccessDeniedException", "AuthorizationFailed", "PERMISSION_DENIED"})
"""Who asks is known there, so that new credentials of the same help nothing."""
_MISSING = frozenset({"RESOURCE_DOES_NOT_EXIST", "ResourceNotFound", "NOT_FOUND", "ENDPOINT_NOT_FOUND"})
_NOT_FOUND = ("Could not find ", "Request for unknown model")
"""How AWS and Triton say it, whose codes do not."""


def _is_denied(status: int, code: str) -> bool:
    return status in (401, 403) or (status >= 400 and code in _DENIED)


def parsed(body: bytes) -> Json:
    """The JSON of a body, or None where it is none."""
    try:
        found: Json = json.loads(body)
    except ValueError:
        return None
    return found


def message_of(reply: Reply) -> tuple[str, str]:
    """The code of an error and what is said of it, in whichever of the vendors' shapes."""
    found = parsed(reply.body)
    if not isinstance(found, dict):
        return _header_code(reply), "" if _is_page(reply.body) else _beginning(reply.body)
    inner = found.get("error")
    told = inner if isinstance(inner, dict) else found
    code = next(
        (told[k] for k in ("status", "code", "error_code", "__type", "Code") if isinstance(told.get(k), str)), ""
    )
    said = next((told[k] for k in ("message", "Message", "detail", "error") if isinstance(told.get(k), str)), "")
    if isinstance(inner, str) and isinstance(found.get("error_description"), str):  # as OAuth has it
        code, said = inner, str(found["error_description"])
    details = found.get("detail")
    if not said and isinstance(details, list):  # of a server that checks the request's shape
        said = "; ".join(str(d["msg"]) for d in details if isinstance(d, dict) and d.get("msg"))
    name = str(code).rpartition("#")[2] or _header_code(reply)
    return name, str(said)


def _header_code(reply: Reply) -> str:
    return reply.headers.get("x-amzn-errortype", "").partition(":")[0]


def wait_of(reply: Reply) -> float | None:
    """The seconds that it asks to be left alone for."""
    told = reply.headers.get("retry-after", "").strip()
    try:
        return max(0.0, float(told))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(told) - now()).total_seconds())
    except (ValueError, TypeError):
        return None


def _is_page(body: bytes) -> bool:
    return b"<html" in body[:1024].lower() or b"<!doctype html" in body[:1024].lower()


def _beginning(body: bytes) -> str:
    return shortened(body[:300].decode(errors="replace").strip().partition("\n")[0], 200)
