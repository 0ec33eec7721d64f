"""Signature version 4 as AWS checks it: recomputed from the request with the secret of the key that signed it."""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote, urlsplit

from muster.testing.endpoints.refusal import Refused
from muster.testing.endpoints.server import Incoming

__all__ = ["Key", "service_of", "signer", "verify"]

_SKEW = 300
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<day>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request, ?"
    r"SignedHeaders=(?P<signed>[^,]+), ?Signature=(?P<signature>[0-9a-f]{64})$"
)


@dataclass(frozen=True, slots=True)
class Key:
    """An access key. Those of a session carry its token, and end."""

    id: str
    secret: str
    identity: str
    token: str = ""
    until: float | None = None


def _refused(code: str, message: str) -> Refused:
    return Refused("unsigned", message, code=code)


def signer(incoming: Incoming) -> str:
    """The id of the key that a request says it is signed with."""
    found = _AUTHORIZATION.match(incoming.headers.get("authorization", ""))
    return found["key"] if found else ""


def service_of(incoming: Incoming) -> str:
    """The service that a request says it is signed for."""
    found = _AUTHORIZATION.match(incoming.headers.get("authorization", ""))
    return found["service"] if found else ""


def verify(
    incoming: Incoming,
    service: str,
    region: str,
    key_of: Callable[[str], Key | None],
    clock: Callable[[], float] = time.time,
) -> Key:
    """The key that signed it, or the refusal that AWS gives."""
    given = incoming.headers.get("authorization", "")
    if not given:
        raise _refused("MissingAuthenticationTokenException", "Missing Authentication Token")
    found = _AUTHORIZATION.match(given)
    if found is None:
        raise _refused("IncompleteSignatureException", f"Authorization header requires 'Credential' parameter. {given}")
    key = key_of(found["key"])
    if key is None or key.token != incoming.headers.get("x-amz-security-token", ""):
        raise _refused("UnrecognizedClientException", "The security token included in the request is invalid.")
    if key.until is not None and key.until <= clock():
        raise _refused("ExpiredTokenException", "The security token included in the request is expired")
    _scope(found, service, region)
    _date(incoming, found["day"], clock())
    if not hmac.compare_digest(found["signature"], _signature(incoming, found, key)):
        raise _refused(
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key"
            " and signing method. Consult the service documentation for details.",
        )
    return key


def _scope(found: re.Match[str], service: str, region: str) -> None:
    if found["region"] != region:
        raise _refused(
            "InvalidSignatureException", f"Credential should be scoped to a valid region, not '{found['region']}'. "
        )
    if found["service"] != service:
        raise _refused("InvalidSignatureException", f"Credential should be scoped to correct service: '{service}'. ")


def _date(incoming: Incoming, day: str, now: float) -> None:
    given = incoming.headers.get("x-amz-date", "")
    try:
        at = datetime.strptime(given, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise _refused("IncompleteSignatureException", f"Date in an invalid format: '{given}'") from None
    if not given.startswith(day):
        raise _refused("InvalidSignatureException", f"Date in Credential scope does not match YYYYMMDD from {given}")
    if at < now - _SKEW:
        edge = _text(now - _SKEW)
        raise _refused(
            "InvalidSignatureException",
            f"Signature expired: {given} is now earlier than {edge} ({_text(now)} - 5 min.)",
        )
    if at > now + _SKEW:
        edge = _text(now + _SKEW)
        raise _refused(
            "InvalidSignatureException",
            f"Signature not yet current: {given} is still later than {edge} ({_text(now)} + 5 min.)",
        )


def _text(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%SZ")


def _signature(incoming: Incoming, found: re.Match[str], key: Key) -> str:
    scope = f"{found['day']}/{found['region']}/{found['service']}/aws4_request"
    canonical = hashlib.sha256(_canonical(incoming, found["signed"], found["service"]).encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{incoming.headers['x-amz-date']}\n{scope}\n{canonical}"
    secret = f"AWS4{key.secret}".encode()
    for part in scope.split("/"):
        secret = hmac.new(secret, part.encode(), hashlib.sha256).digest()
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


def _canonical(incoming: Incoming, signed: str, service: str) -> str:
    """The request in the form that is signed; the path is quoted once more than it is on the wire, but for S3."""
    split = urlsplit(incoming.target)
    pairs = parse_qsl(split.query, keep_blank_values=True)
    query = "&".join(sorted(f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in pairs))
    headers = "".join(f"{name}:{' '.join(incoming.headers.get(name, '').split())}\n" for name in signed.split(";"))
    digest = hashlib.sha256(incoming.body).hexdigest()
    path = quote(split.path or "/", safe="/-_.~%" if service == "s3" else "/-_.~")
    return f"{incoming.method}\n{path}\n{query}\n{headers}\n{signed}\n{digest}"
