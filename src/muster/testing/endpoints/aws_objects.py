"""S3, as far as answers are read from it: objects of buckets, at `/bucket/key`, by requests that are signed for it."""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from xml.sax.saxutils import escape

from muster.testing.endpoints.account import Account, Visit
from muster.testing.endpoints.aws_signing import Key, service_of, verify
from muster.testing.endpoints.refusal import Refused
from muster.testing.endpoints.server import Incoming, Outgoing

__all__ = ["Objects", "is_for_objects"]

_CODES = {
    "throttled": (503, "SlowDown", "Please reduce your request rate."),
    "unavailable": (500, "InternalError", "We encountered an internal error. Please try again."),
    "denied": (403, "AccessDenied", "Access Denied"),
    "expired": (400, "ExpiredToken", "The provided token has expired."),
    "unsigned": (403, "AccessDenied", "Access Denied"),
}
_OF_S3 = {
    "UnrecognizedClientException": (403, "InvalidAccessKeyId"),
    "InvalidSignatureException": (403, "SignatureDoesNotMatch"),
    "ExpiredTokenException": (400, "ExpiredToken"),
    "MissingAuthenticationTokenException": (403, "AccessDenied"),
    "IncompleteSignatureException": (400, "AuthorizationHeaderMalformed"),
}
"""S3 has names of its own for what is wrong with a signature."""


def is_for_objects(incoming: Incoming) -> bool:
    return service_of(incoming) == "s3"


class Objects:
    """Operations are `fetch`, and `list-bucket` for what is not there: who may not list is not told that. Safe from several threads."""

    def __init__(self, account: Account, region: str, key_of: Callable[[str], Key | None]) -> None:
        self._account, self._region, self._key_of = account, region, key_of
        self._held: dict[str, tuple[bytes, str, datetime]] = {}
        self._lock = threading.Lock()

    def put(self, place: str, body: bytes, kind: str) -> None:
        """At `s3://bucket/key`, with its content type."""
        with self._lock:
            self._held[place.removeprefix("s3://")] = body, kind, datetime.now(UTC)

    def read(self, place: str) -> bytes:
        with self._lock:
            found = self._held.get(place.removeprefix("s3://"))
        if found is None:
            raise Refused("invalid", f"Could not find the object {place}.")
        return found[0]

    def answer(self, visit: Visit, buckets: Collection[str]) -> Outgoing:
        incoming = visit.incoming
        visit.operation = "fetch"
        place = incoming.path.lstrip("/")
        visit.identity = verify(incoming, "s3", self._region, self._key_of).identity
        if "x-amz-content-sha256" not in incoming.headers:
            raise Refused("invalid", "Missing required header for this request: x-amz-content-sha256")
        self._account.permit(visit, "fetch")
        if incoming.method not in ("GET", "HEAD"):
            raise Refused(
                "invalid",
                "The specified method is not allowed against this resource.",
                status=405,
                code="MethodNotAllowed",
            )
        if place.partition("/")[0] not in buckets:
            raise Refused("invalid", "The specified bucket does not exist", status=404, code="NoSuchBucket")
        with self._lock:
            found = self._held.get(place)
        if found is None:
            self._account.permit(visit, "list-bucket")
            visit.operation = "fetch"
            raise Refused("invalid", "The specified key does not exist.", status=404, code="NoSuchKey")
        body, kind, at = found
        tag = hashlib.md5(body, usedforsecurity=False).hexdigest()
        return Outgoing(
            200,
            body,
            {
                "Content-Type": kind,
                "ETag": f'"{tag}"',
                "Last-Modified": at.strftime("%a, %d %b %Y %H:%M:%S GMT"),
                "Accept-Ranges": "bytes",
            },
        )

    def refuse(self, refused: Refused) -> Outgoing:
        status, code, said = _CODES.get(refused.what, (400, "InvalidRequest", "Invalid Request"))
        if refused.code in _OF_S3:
            status, code = _OF_S3[refused.code]
        elif refused.code:
            code = refused.code
        told = refused.message if refused.message not in (refused.what, "fetch", "list-bucket") else said
        body = (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{escape(told)}</Message>'
            f"<RequestId>{secrets.token_hex(8).upper()}</RequestId><HostId>{secrets.token_hex(16)}</HostId></Error>"
        )
        return Outgoing(
            refused.status or status, body.encode(), {"Content-Type": "application/xml", **refused.retry_after}
        )
