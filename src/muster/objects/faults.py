"""What goes wrong with object storage, told without secrets: an OSError with a hint, so that whoever reads files knows it.

The library's own messages hold addresses with signatures and whole requests, so only the service's error code is taken from them.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from muster.objects.place import SCHEMES, Place

__all__ = [
    "BucketNotFound",
    "LoginRefused",
    "ObjectChanged",
    "ObjectError",
    "ObjectExists",
    "ObjectNotFound",
    "Unreachable",
    "faults",
    "not_found",
    "unusable",
]

_CODE = re.compile(r"<Code>([A-Za-z.]+)</Code>|\"reason\": *\"([A-Za-z]+)\"|x-ms-error-code: ([A-Za-z]+)")
_STATUS = re.compile(r"status code: (\d{3})")
_DENIED = re.compile(r"status code: 40[13]\b")
_ENDPOINT = re.compile(r"\b(https?://[^/\s@]+)(?=[/\s])")

_NO_BUCKET = ("NoSuchBucket", "ContainerNotFound", "The specified bucket does not exist")
_SKEWED = ("RequestTimeTooSkewed", "RequestExpired", "must be a short-lived token")
_UNKNOWN_KEY = (
    "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "TokenRefreshRequired", "AuthenticationFailed",
    "InvalidSecurity", "InvalidAuthenticationInfo", "AuthenticationRequired", "invalid_grant", "invalid_client", "UnauthenticatedError",
)  # fmt: skip
_NO_KEY = (
    "169.254.169.254",
    "169.254.170.2",
    "metadata.google.internal",
    "No credentials",
    "MissingAccessKey",
    "MissingSecretAccessKey",
)
_ELSEWHERE = ("PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "BareRedirect")
_BUSY = ("SlowDown", "TooManyRequests", "ServerBusy", "status code: 429", "status code: 503")

_KEYS = {
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give the machine a role",
    "gs": "set GOOGLE_APPLICATION_CREDENTIALS to a key file, or run `gcloud auth application-default login`",
    "az": "set AZURE_STORAGE_ACCOUNT_NAME with AZURE_STORAGE_ACCOUNT_KEY, or AZURE_STORAGE_CONNECTION_STRING, "
    "or run `az login` and set AZURE_USE_AZURE_CLI=true",
}
_ENDPOINTS = {"s3": "AWS_ENDPOINT_URL", "gs": "GOOGLE_BASE_URL", "az": "AZURE_STORAGE_ENDPOINT"}
_PLAIN = {"s3": "AWS_ALLOW_HTTP", "gs": "GOOGLE_ALLOW_HTTP", "az": "AZURE_ALLOW_HTTP"}


class ObjectError(OSError):
    """What happened, and in `hint` what to do. `errno` is that of a file with the same trouble."""

    def __init__(self, message: str, hint: str = "", code: int = errno.EIO) -> None:
        super().__init__(code, message)
        self.hint = hint

    def __str__(self) -> str:
        return str(self.strerror)


class ObjectNotFound(ObjectError, FileNotFoundError):
    """No such object, or no such bucket."""


class BucketNotFound(ObjectNotFound):
    """No such bucket."""


class ObjectExists(ObjectError, FileExistsError):
    """Something is there already."""


class Unreachable(ObjectError):
    """No answer came: whether it was done is not known."""


class LoginRefused(ObjectError):
    """Who asks is not known there, or nobody."""


class ObjectChanged(ObjectError):
    """It is another one than it was when it was listed."""


def not_found(place: Place) -> ObjectNotFound:
    return ObjectNotFound(f"there is no object {place}", "check its name; names are case-sensitive", errno.ENOENT)


def unusable(place: Place) -> ObjectError:
    """Where not even a client can be made: what is missing or wrong is the user's, so its text, which may hold it, is not shown."""
    scheme = place.bucket.partition(":")[0]
    who = "the environment" if place.access is None else "the connection"
    return LoginRefused(
        f"what {who} says of {SCHEMES[scheme]} cannot be used for {place.bucket}", _keys(place), errno.EACCES
    )


def _keys(place: Place) -> str:
    """What to do about credentials, where they are looked for."""
    return _KEYS[place.bucket.partition(":")[0]] if place.access is None else place.access.hint


@contextmanager
def faults(place: Place) -> Iterator[None]:
    """Turns what the library raises into an ObjectError about `place`."""
    from obstore.exceptions import BaseError

    try:
        yield
    except ObjectError:
        raise
    except (BaseError, FileNotFoundError, PermissionError) as error:
        raise _told(place, error) from None
    except OSError as error:
        raise ObjectError(f"{place} cannot be used: {error.strerror or type(error).__name__}", "try again") from None


def _told(place: Place, error: BaseException) -> ObjectError:
    from obstore.exceptions import AlreadyExistsError, PreconditionError

    text = str(error)
    if isinstance(error, AlreadyExistsError):
        return ObjectExists(f"{place} exists already", "choose another name", errno.EEXIST)
    if isinstance(error, PreconditionError):
        return ObjectChanged(f"{place} was changed meanwhile", "try again when nothing writes to it")
    if any(sign in text for sign in _NO_BUCKET):
        return BucketNotFound(
            f"there is no bucket {place.bucket}", "check its name, or make it; Muster makes no buckets", errno.ENOENT
        )
    if isinstance(error, FileNotFoundError):
        return not_found(place)
    return _refused(place, error, text)


def _refused(place: Place, error: BaseException, text: str) -> ObjectError:
    scheme = place.bucket.partition(":")[0]
    service, code = SCHEMES[scheme], _code(text)
    if any(sign in text for sign in _SKEWED):
        return ObjectError(
            f"{service} refuses {place}: the clock of this machine is wrong{code}",
            "set the clock, as with NTP; then try again",
        )
    if any(sign in text for sign in _NO_KEY):
        return LoginRefused(f"no credentials for {place} were found", _keys(place), errno.EACCES)
    if any(sign in text for sign in _UNKNOWN_KEY):
        return LoginRefused(
            f"{service} does not accept the credentials for {place}{code}", f"renew them: {_keys(place)}", errno.EACCES
        )
    if any(sign in text for sign in _ELSEWHERE) or "status code: 301" in text:
        known = None if place.access is not None else os.environ.get("AWS_REGION")
        return ObjectError(
            f"{place.bucket} lies in another region than {known or 'the one that was asked'}{code}",
            f"{_set(place, 'AWS_REGION', 'region')} to the bucket's region",
        )
    if isinstance(error, PermissionError) or _DENIED.search(text):
        hint = f"ask for the right to list, read and write there, or use other credentials: {_keys(place)}"
        return ObjectError(f"access to {place} is denied{code}", hint, errno.EACCES)
    return _failed(place, scheme, text, code)


def _failed(place: Place, scheme: str, text: str, code: str) -> ObjectError:
    service, endpoint = SCHEMES[scheme], _endpoint(text)
    if any(sign in text for sign in _BUSY):
        return ObjectError(f"{service} is too busy for {place}, after several tries{code}", "try again later")
    if "scheme is not allowed" in text or "BadScheme" in text:
        return ObjectError(
            f"{place} would be reached without encryption{endpoint}",
            f"{_set(place, _PLAIN[scheme], 'allow_http')}=true if that is meant, as for a server of your own, or give an https endpoint",
        )
    if "status code" not in text:
        return Unreachable(
            f"{service} cannot be reached for {place}{endpoint}",
            f"check the network, any proxy, and {_at(place, _ENDPOINTS[scheme], 'endpoint_url')} where you set it; then try again",
        )
    return ObjectError(
        f"{service} failed for {place}{code or endpoint}", "try again; if it lasts, see the service's own status"
    )


def _set(place: Place, variable: str, setting: str) -> str:
    return f"set {_at(place, variable, setting)}"


def _at(place: Place, variable: str, setting: str) -> str:
    """How what decides this is called, in the environment or in a connection."""
    return variable if place.access is None else f"the connection's {setting}"


def _code(text: str) -> str:
    found, status = _CODE.search(text), _STATUS.search(text)
    told = [*([next(filter(None, found.groups()))] if found else []), *([status[1]] if status else [])]
    return f" ({', '.join(told)})" if told else ""


def _endpoint(text: str) -> str:
    found = _ENDPOINT.search(text)
    return f" (at {found[1]})" if found else ""
