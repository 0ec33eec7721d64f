"""Who asks at Azure: credentials by azure-identity, in all the ways that it knows."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from typing import Any

from muster.config import expanded
from muster.connecting import Options
from muster.errors import InvalidInput, MissingExtra, MusterError, SourceDenied, SourceUnavailable, shortened
from muster.predictors.external.provider import Send

__all__ = ["Azure"]

_EARLY = 120.0


class Azure:
    """A service principal with its secret or certificate, a managed or workload identity, the CLI's login, or the default chain."""

    def __init__(self, options: Options, send: Send) -> None:
        self._options = options
        self._lock = threading.Lock()
        self._found: Any = None
        self._tokens: dict[str, tuple[str, float]] = {}

    def token(self, scope: str) -> str:
        """A token for this scope, kept until shortly before it ends."""
        with self._lock:
            known, until = self._tokens.get(scope, ("", 0.0))
            if time.time() < until - _EARLY:
                return known
            lent = self._lent(scope)
            self._tokens[scope] = (lent.token, float(lent.expires_on))
            return str(lent.token)

    def renew(self) -> None:
        with self._lock:
            self._drop()
            self._tokens.clear()

    def close(self) -> None:
        self.renew()

    def _drop(self) -> None:
        """Credentials keep connections open."""
        found, self._found = self._found, None
        if (close := getattr(found, "close", None)) is not None:
            close()

    def how(self) -> str:
        self.token(f"{self._options.get('management_url', 'https://management.azure.com').rstrip('/')}/.default")
        return f"by {type(self._found).__name__}"

    def _lent(self, scope: str) -> Any:
        identity, azure_error = _library()
        try:
            if self._found is None:
                self._found = self._opened(identity)
            return self._found.get_token(scope)
        except (azure_error, ValueError, OSError) as error:
            self._drop()
            raise _refused(error) from None

    def _opened(self, identity: Any) -> Any:
        options = self._options
        common: dict[str, Any] = {}
        if options.get("authority"):
            common |= {"authority": options["authority"], "disable_instance_discovery": True}
        if options.get("ca_bundle"):
            common["connection_verify"] = str(expanded(options["ca_bundle"]))
        if proxy := options.proxy:
            common["proxies"] = {"http": proxy, "https": proxy}
        tenant, client = options.get("tenant_id"), options.get("client_id")
        if (secret := options.secret("client_secret")) is not None:
            return identity.ClientSecretCredential(tenant, client, secret, **common)
        if certificate := options.get("certificate"):
            return identity.CertificateCredential(tenant, client, _file(certificate), **common)
        match options.get("login", "default"):
            case "managed":
                common.pop("proxies", None)  # the machine itself is asked
                return identity.ManagedIdentityCredential(client_id=client, **common)
            case "workload":
                return identity.WorkloadIdentityCredential(tenant_id=tenant, client_id=client, **common)
            case "cli":
                return identity.AzureCliCredential(tenant_id=tenant or "")
        return identity.DefaultAzureCredential(managed_identity_client_id=client, **common)


def _library() -> tuple[Any, Any]:
    """The library, and what all of its errors are."""
    try:
        from azure import identity
        from azure.core.exceptions import AzureError
    except ImportError:
        raise MissingExtra.named("azure", "a connection to Azure ML") from None
    return identity, AzureError


def _file(name: str) -> str:
    path = expanded(name.removeprefix("file:"))
    if not path.is_file():
        raise InvalidInput(f"the certificate {path} is no file", hint="see `certificate` of the connection")
    return str(path)


def _refused(error: Exception) -> MusterError:
    """What cannot be reached may be reached later; what is refused stays so until somebody mends it."""
    told = shortened(f"Azure gives no token: {error}".partition("\n")[0], 400)
    if any(map(_passes, _below(error))):
        return SourceUnavailable(told, hint="see that its token service can be reached, and `proxy` and `ca_bundle`")
    return SourceDenied(
        told,
        hint="see the tenant, client and secret of the connection, or log in with `az login`",
        details={"resume": True},
    )


def _passes(error: BaseException) -> bool:
    from azure.core.exceptions import HttpResponseError, ServiceRequestError, ServiceResponseError

    if isinstance(error, HttpResponseError) and error.status_code is not None:
        return error.status_code == 429 or error.status_code >= 500
    if re.fullmatch(r"HTTP Error: (429|5\d\d)", str(error)):  # what MSAL makes of it has no other trace of the status
        return True
    return isinstance(error, (ServiceRequestError, ServiceResponseError))


def _below(error: BaseException | None) -> Iterator[BaseException]:
    """It, and those that it wraps: azure-identity calls all of them failed authentication."""
    while error is not None:
        yield error
        error = error.__cause__
