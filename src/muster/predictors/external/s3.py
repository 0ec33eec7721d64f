"""Objects of S3, read with the credentials of who asks."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from muster.errors import NotFound, SourceDenied, SourceError, SourceUnavailable, shortened
from muster.predictors.external.aws import Aws
from muster.predictors.external.exchange import Reply, Request
from muster.predictors.external.provider import Send
from muster.predictors.external.transport.unreachable import Unreachable

__all__ = ["S3", "Location"]

_SECONDS = 60.0
_CODE, _MESSAGE = re.compile(rb"<Code>([^<]*)</Code>"), re.compile(rb"<Message>([^<]*)</Message>")
_EXPIRED = frozenset({"ExpiredToken", "InvalidToken", "InvalidAccessKeyId", "SignatureDoesNotMatch", "RequestExpired"})
_PASSING = frozenset({"SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable", "Throttling"})
_ACCESS = "allow s3:GetObject and s3:ListBucket there: without the second, S3 does not tell what is not there yet"


class Location:
    """`s3://bucket/key`."""

    def __init__(self, told: str) -> None:
        split = urlsplit(told)
        if split.scheme != "s3" or not split.netloc:
            raise SourceError(
                f"`{shortened(told, 200)}` is no place in S3", hint="see the endpoint's AsyncInferenceConfig"
            )
        self.bucket, self.key = split.netloc, told.partition("://")[2].partition("/")[2]


class S3:
    """The objects of one region. `url` is where S3 is, for private links; buckets are then named in the path. Safe from several threads."""

    def __init__(self, aws: Aws, send: Send, url: str, domain: str) -> None:
        self._aws, self._send, self._url, self._domain = aws, send, url.rstrip("/"), domain

    def get(self, location: Location) -> Reply | None:
        """The object, or None where there is none. SourceUnavailable where that may pass; else SourceDenied, NotFound, SourceError."""
        reply = self._reply(location)
        if reply.status >= 400 and _code(reply) in _EXPIRED:
            self._aws.renew()
            reply = self._reply(location)
        if reply.status == 200:
            return reply
        code = _code(reply)
        if reply.status == 404 and code != "NoSuchBucket":
            return None
        raise self._refused(location, reply, code)

    def _reply(self, location: Location) -> Reply:
        try:
            return self._send(self._aws.sign_for_s3(Request("GET", self._address(location))), _SECONDS)
        except Unreachable as error:
            if error.kind == "redirect":
                raise SourceError(
                    f"S3 in {self._aws.region} sends on to another region for the bucket `{location.bucket}`",
                    hint="give the endpoint a bucket in its own region, or see `s3_url` of the connection",
                    details={"resume": True},
                ) from None
            if error.passes:
                raise SourceUnavailable(error.message, hint=error.hint) from None
            raise SourceError(error.message, hint=error.hint, details={"resume": True}) from None

    def _address(self, location: Location) -> str:
        key = quote(location.key, safe="/-_.~")
        if self._url:
            return f"{self._url}/{location.bucket}/{key}"
        if "." in location.bucket:  # which a certificate for all buckets does not cover
            return f"https://s3.{self._domain}/{location.bucket}/{key}"
        return f"https://{location.bucket}.s3.{self._domain}/{key}"

    def _refused(self, location: Location, reply: Reply, code: str) -> Exception:
        found = _MESSAGE.search(reply.body)
        told = shortened(": ".join(p for p in (code, found[1].decode(errors="replace") if found else "") if p), 300)
        told = (
            f"S3 in {self._aws.region} refuses what is asked of the bucket `{location.bucket}`: {told or reply.status}"
        )
        if reply.status >= 500 or reply.status == 429 or code in _PASSING:
            return SourceUnavailable(told, hint="try again later")
        if code == "NoSuchBucket":
            return NotFound(told, hint="see the endpoint's AsyncInferenceConfig", details={"resume": True})
        if reply.status in (401, 403) or code in _EXPIRED:
            hint = "see the connection's credentials" if code in _EXPIRED else _ACCESS
            return SourceDenied(told, hint=hint, details={"resume": True, "status": reply.status})
        hint = "give the endpoint a bucket in its own region, or see `s3_url` of the connection"
        return SourceError(told, hint=hint, details={"resume": True, "status": reply.status})


def _code(reply: Reply) -> str:
    found = _CODE.search(reply.body) if reply.status >= 300 else None
    return found[1].decode(errors="replace") if found else ""
