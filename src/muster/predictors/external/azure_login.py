"""Who asks at Azure: credentials by azure-identity, in all the ways that it knows."""

from __future__ import annotations

import threading
import time
from typing import Any

from muster.connecting import Options
from muster.errors import MissingExtra, SourceDenied
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
            self._found = None
            self._tokens.clear()

    def how(self) -> str:
        self.token(f"{self._options.get('management_url', 'https://management.azure.com').rstrip('/')}/.default")
        return f"by {type(self._found).__name__}"

    def _lent(self, scope: str) -> Any:
        from azure.core.exceptions import AzureError

        try:
            if self._found is None:
                self._found = self._opened()
            return self._found.get_token(scope)
        except (AzureError, ValueError) as error:
            self._found = None
            raise SourceDenied(
                f"Azure gives no token: {str(error).partition(chr(10))[0]}",
                hint="see the tenant, client and secret of the connection, or log in with `az login`",
                details={"resume": True},
            ) from None

    def _opened(self) -> Any:
        try:
            from azure import identity
        except ImportError:
            raise MissingExtra.named("azure", "a connection to Azure ML") from None
        options = self._options
        common: dict[str, Any] = {}
        if options.get("authority"):
            common |= {"authority": options["authority"], "disable_instance_discovery": True}
        if options.get("ca_bundle"):
            common["connection_verify"] = options["ca_bundle"]
        if proxy := options.get("proxy"):
            common["proxies"] = {"http": proxy, "https": proxy}
        tenant, client = options.get("tenant_id"), options.get("client_id")
        if (secret := options.secret("client_secret")) is not None:
            return identity.ClientSecretCredential(tenant, client, secret, **common)
        if certificate := options.get("certificate"):
            return identity.CertificateCredential(tenant, client, certificate, **common)
        match options.get("login", "default"):
            case "managed":
                return identity.ManagedIdentityCredential(client_id=client, **common)
            case "workload":
                return identity.WorkloadIdentityCredential(tenant_id=tenant, client_id=client, **common)
            case "cli":
                return identity.AzureCliCredential(tenant_id=tenant or "")
        return identity.DefaultAzureCredential(managed_identity_client_id=client, **common)
