"""What endpoints of one address have in common: how they are logged in at, and how their refusals read."""

from __future__ import annotations

from functools import partial

from muster.connecting import Options, Setting
from muster.errors import InvalidInput
from muster.predictors.external.exchange import Refusal, RefusalKind, Reply
from muster.predictors.external.logins import ApiKey, Basic, Bearer, InAddress, Login, Nobody
from muster.predictors.external.rest import message_of, wait_of

__all__ = ["SETTINGS", "auth_of", "login_of", "plain_refusal"]

AUTH = ("none", "basic", "bearer", "api-key", "mtls")

SETTINGS = (
    Setting("url", "the address, https://…", required=True, url=True),
    Setting("auth", "how to log in", choices=AUTH),
    Setting("username", "who logs in, with `auth=basic`"),
    Setting("secret", "the password, token or key", secret=True),
    Setting("header", "the header of an API key; `X-API-Key` without"),
    Setting("certificate", "a file with the client's certificate, with `auth=mtls`"),
    Setting("key", "a file with the certificate's key, where that is another one"),
)


def auth_of(options: Options) -> str:
    """How to log in: as `auth` says, else what the other settings are for."""
    told = "basic" if "username" in options else "bearer" if "secret" in options else "none"
    if "query" in options:
        told = "api-key"
    return options.get("auth", "mtls" if "certificate" in options and told == "none" else told)


def login_of(options: Options) -> Login:
    """As `auth` says; InvalidInput tells what it lacks."""
    auth = auth_of(options)
    needs = {"basic": ("username", "secret"), "bearer": ("secret",), "api-key": ("secret",), "mtls": ("certificate",)}
    missing = [f"`{n}`" for n in needs.get(auth, ()) if n not in options]
    if missing:
        raise InvalidInput(f"a login by {auth} needs {' and '.join(missing)}", hint="add it to the connection")
    find = partial(_found, options)
    match auth:
        case "basic":
            return Basic(options["username"], find)
        case "bearer":
            return Bearer(find, "with a token")
        case "api-key" if "query" in options:
            return InAddress(options["query"], find)
        case "api-key":
            return ApiKey(options.get("header", "x-api-key").lower(), find, "with an API key")
        case "mtls":
            return Nobody("with its certificate")
    return Nobody()


def _found(options: Options) -> str:
    found = options.secret("secret")
    assert found is not None, "login_of looked"
    return found


_KINDS: dict[int, RefusalKind] = {
    401: "expired", 403: "denied", 404: "missing", 405: "missing", 408: "unavailable", 410: "missing", 413: "too_large",
    425: "unavailable", 429: "throttled", 407: "denied", 501: "missing",
}  # fmt: skip


def plain_refusal(reply: Reply) -> Refusal:
    """By the status, as the standard means it: what is below 500 lies in the request, what is above it passes."""
    code, said = message_of(reply)
    told = said or code or f"status {reply.status}"
    if reply.status < 400:
        place = reply.headers.get("location", "").partition("?")[0]
        return Refusal("missing", f"it sends elsewhere, to {place or 'an unknown place'}: give that address")
    if (kind := _KINDS.get(reply.status)) is not None:
        return Refusal(kind, told, wait_of(reply))
    if reply.status == 500 and code:  # a server that tells an error of its own: the model's
        return Refusal("rows", told)
    return Refusal("rows" if reply.status < 500 else "unavailable", told, wait_of(reply))
