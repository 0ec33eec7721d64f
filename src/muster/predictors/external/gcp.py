"""Who asks at Google: credentials by google-auth, whose requests go the way that all others of the connection go."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from muster.config import expanded
from muster.connecting import Options
from muster.errors import InvalidInput, MissingExtra, SourceDenied, SourceUnavailable, shortened
from muster.predictors.external.exchange import Reply, Request
from muster.predictors.external.provider import Send
from muster.predictors.external.rest import message_of
from muster.predictors.external.transport.unreachable import Unreachable
from muster.secrets import read_secret

if TYPE_CHECKING:
    from muster.predictors.external.transport.sender import Sender

__all__ = ["Google"]

_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
_SECONDS = 30.0
_VERB = ":generateAccessToken"


class Google:
    """Default credentials, a file, or either acting for a service account. Safe from several threads."""

    def __init__(self, options: Options, send: Send) -> None:
        self._options = options
        self._lock = threading.Lock()
        self._found, self.project = self._opened()
        self._ask = _asking(send, self._direct)
        self._sender: Sender | None = None

    def headers(self) -> Mapping[str, str]:
        from google.auth.exceptions import GoogleAuthError, TransportError

        with self._lock:
            try:
                if not self._found.valid:
                    self._found.refresh(self._ask)
            except GoogleAuthError as error:
                if isinstance(error, TransportError) or error.retryable:
                    raise SourceUnavailable(
                        f"Google gives no token: {_first(error)}",
                        hint="see that its token service can be reached, and `proxy` and `ca_bundle`",
                    ) from None
                raise SourceDenied(
                    f"Google gives no token: {_first(error)}",
                    hint="see the credentials, and `gcloud auth application-default login`",
                    details={"resume": True},
                ) from None
            return {"authorization": f"Bearer {self._found.token}"}

    def renew(self) -> None:
        """Read the credentials anew: the file may have been replaced."""
        with self._lock:
            self._found, _ = self._opened()

    def close(self) -> None:
        if self._sender is not None:
            self._sender.close()

    def _direct(self) -> Send:
        """To the machine itself, which no proxy of the connection reaches."""
        from muster.predictors.external.transport.sender import Sender

        if self._sender is None:
            self._sender = Sender()
        return self._sender

    def how(self) -> str:
        self.headers()
        acts = self._options.get("impersonate")
        who = getattr(self._found, "service_account_email", None)
        return f"as {acts or who}" if acts or who else "with the default credentials"

    def _opened(self) -> tuple[Any, str]:
        try:
            import google.auth
            from google.auth.exceptions import GoogleAuthError
        except ImportError:
            raise MissingExtra.named("gcp", "a connection to Vertex AI") from None
        file = self._options.get("credentials")
        try:
            found, project = _given(file) if file else google.auth.default(scopes=_SCOPES)
        except (GoogleAuthError, ValueError, OSError) as error:
            raise InvalidInput(
                f"there are no credentials for Google: {_first(error)}",
                hint="give `credentials`, set GOOGLE_APPLICATION_CREDENTIALS, or log in with `gcloud auth application-default login`",
            ) from None
        if acts := self._options.get("impersonate"):
            from google.auth import impersonated_credentials

            found = impersonated_credentials.Credentials(
                found,
                target_principal=acts,
                target_scopes=list(_SCOPES),
                iam_endpoint_override=_token_url(self._options.get("iam_endpoint"), acts),
            )
        return found, project or ""


def _token_url(host: str | None, acts: str) -> str | None:
    """Where tokens of a service account are asked for, if not at Google's usual place."""
    if host is None or host.endswith(_VERB):
        return host
    return f"{host.rstrip('/')}/v1/projects/-/serviceAccounts/{acts}{_VERB}"


def _given(reference: str) -> tuple[Any, str]:
    """Credentials of a file, or of a variable, by the kind that they say; and their project."""
    name, told = _read(reference)
    return _of(told, name), str(told.get("project_id") or told.get("quota_project_id") or "")


def _of(told: Mapping[str, Any], name: str) -> Any:
    from google.auth import aws, identity_pool, pluggable
    from google.oauth2 import credentials, service_account

    source = told.get("credential_source") or {}
    match told.get("type"):
        case "service_account":
            found = service_account.Credentials.from_service_account_info(told, scopes=_SCOPES)
        case "authorized_user":
            found = credentials.Credentials.from_authorized_user_info(told, scopes=_SCOPES)
        case "impersonated_service_account":
            return _impersonated(told, name)
        case "external_account" if str(source.get("environment_id", "")).startswith("aws"):
            found = aws.Credentials.from_info(told, scopes=_SCOPES)
        case "external_account" if "executable" in source:
            found = pluggable.Credentials.from_info(told, scopes=_SCOPES)
        case "external_account":
            found = identity_pool.Credentials.from_info(told, scopes=_SCOPES)
        case other:
            raise ValueError(f"{name} holds credentials of the kind {other!r}, which are not known")
    return found


def _impersonated(told: Mapping[str, Any], name: str) -> Any:
    """As google-auth does it, which does not take the address from the file."""
    from google.auth import impersonated_credentials

    url, source = str(told.get("service_account_impersonation_url", "")), told.get("source_credentials")
    target = url.partition("/serviceAccounts/")[2].removesuffix(_VERB)
    if not target or not isinstance(source, dict):
        raise ValueError(f"{name} does not say whom it impersonates, or as whom")
    return impersonated_credentials.Credentials(
        _of(source, name),
        target_principal=target,
        target_scopes=list(_SCOPES),
        delegates=told.get("delegates"),
        iam_endpoint_override=url,
    )


def _read(reference: str) -> tuple[str, dict[str, Any]]:
    """What is there, and where that is."""
    kind, _, place = reference.partition(":")
    name = f"the variable {place}" if kind == "env" else reference.removeprefix("file:")
    try:
        told = json.loads(read_secret("credentials", reference) if kind == "env" else expanded(name).read_bytes())
        return name, dict(told)
    except OSError as error:
        raise ValueError(f"{name} cannot be read: {error.strerror}") from None
    except (ValueError, TypeError):
        raise ValueError(f"{name} holds no object of JSON") from None


def _machine() -> set[str]:
    """Where a machine of Google's tells its own credentials."""
    return {"metadata.google.internal", "169.254.169.254", os.environ.get("GCE_METADATA_HOST", "169.254.169.254")}


class _Answered:
    """A reply as google-auth reads one."""

    def __init__(self, status: int, headers: Mapping[str, str], data: bytes) -> None:
        self.status, self.headers, self.data = status, headers, data


def _asking(send: Send, direct: Callable[[], Send]) -> Any:
    """google-auth's own idea of a transport, over that of the connection."""
    from google.auth.exceptions import TransportError

    def ask(url: str, method: str = "GET", body: Any = None, headers: Any = None, timeout: Any = None, **_: Any) -> Any:
        content = body.encode() if isinstance(body, str) else body or b""
        try:
            way = direct() if urlsplit(url).netloc in _machine() else send
            reply = way(Request(method, url, dict(headers or {}), content), float(timeout or _SECONDS))
        except Unreachable as error:
            raise TransportError(error.message) from None
        return _Answered(reply.status, reply.headers, reply.body)

    return ask


def _first(error: Exception) -> str:
    """What it says, in one line, with what the other side said where that is not in it."""
    told = [str(a) for a in error.args[:2] if isinstance(a, str)] or [str(error)]
    said = message_of(Reply(0, {}, told[-1].encode()))[1] if len(told) > 1 else ""
    first = told[0].partition("\n")[0]
    return shortened(f"{first}: {said}" if said and said not in first else first, 400)
