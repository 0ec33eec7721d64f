"""Who asks at Google: credentials by google-auth, whose requests go the way that all others of the connection go."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import Any

from muster.config import expanded
from muster.connecting import Options
from muster.errors import InvalidInput, MissingExtra, SourceDenied
from muster.predictors.external.exchange import Request
from muster.predictors.external.provider import Send
from muster.predictors.external.transport.unreachable import Unreachable

__all__ = ["Google"]

_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
_SECONDS = 30.0


class Google:
    """Default credentials, a file, or either acting for a service account. Safe from several threads."""

    def __init__(self, options: Options, send: Send) -> None:
        self._options = options
        self._lock = threading.Lock()
        self._found, self.project = self._opened()
        self._ask = _asking(send)

    def headers(self) -> Mapping[str, str]:
        from google.auth.exceptions import GoogleAuthError

        with self._lock:
            try:
                if not self._found.valid:
                    self._found.refresh(self._ask)
            except GoogleAuthError as error:
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
            found, project = _from_file(file.removeprefix("file:")) if file else google.auth.default(scopes=_SCOPES)
        except (GoogleAuthError, ValueError) as error:
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
    return None if host is None else f"{host.rstrip('/')}/v1/projects/-/serviceAccounts/{acts}:generateAccessToken"


def _from_file(name: str) -> tuple[Any, str]:
    """Credentials of a file, by the kind that it says; and its project."""
    from google.auth import aws, identity_pool, impersonated_credentials, pluggable
    from google.oauth2 import credentials, service_account

    told = _read(name)
    source = told.get("credential_source") or {}
    match told.get("type"):
        case "service_account":
            found = service_account.Credentials.from_service_account_info(told, scopes=_SCOPES)
        case "authorized_user":
            found = credentials.Credentials.from_authorized_user_info(told, scopes=_SCOPES)
        case "impersonated_service_account":
            found = impersonated_credentials.Credentials.from_impersonated_service_account_info(told, scopes=_SCOPES)
        case "external_account" if str(source.get("environment_id", "")).startswith("aws"):
            found = aws.Credentials.from_info(told, scopes=_SCOPES)
        case "external_account" if "executable" in source:
            found = pluggable.Credentials.from_info(told, scopes=_SCOPES)
        case "external_account":
            found = identity_pool.Credentials.from_info(told, scopes=_SCOPES)
        case other:
            raise ValueError(f"{name} holds credentials of the kind {other!r}, which are not known")
    return found, str(told.get("project_id") or told.get("quota_project_id") or "")


def _read(name: str) -> dict[str, Any]:
    try:
        told = json.loads(expanded(name).read_bytes())
        return dict(told)
    except OSError as error:
        raise ValueError(f"{name} cannot be read: {error.strerror}") from None
    except (ValueError, TypeError):
        raise ValueError(f"{name} holds no object of JSON") from None


class _Answered:
    """A reply as google-auth reads one."""

    def __init__(self, status: int, headers: Mapping[str, str], data: bytes) -> None:
        self.status, self.headers, self.data = status, headers, data


def _asking(send: Send) -> Any:
    """google-auth's own idea of a transport, over that of the connection."""
    from google.auth.exceptions import TransportError

    def ask(url: str, method: str = "GET", body: Any = None, headers: Any = None, timeout: Any = None, **_: Any) -> Any:
        content = body.encode() if isinstance(body, str) else body or b""
        try:
            reply = send(Request(method, url, dict(headers or {}), content), float(timeout or _SECONDS))
        except Unreachable as error:
            raise TransportError(error.message) from None
        return _Answered(reply.status, reply.headers, reply.body)

    return ask


def _first(error: Exception) -> str:
    return str(error.args[0] if error.args else error).partition("\n")[0]
