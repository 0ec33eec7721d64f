"""Microsoft's token service: secrets and certificates of an application, and the managed identity of a machine."""

from __future__ import annotations

import base64
import json
import secrets
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from muster.errors import MissingExtra
from muster.testing.endpoints.account import Account, Visit
from muster.testing.endpoints.refusal import Refused
from muster.testing.endpoints.server import Outgoing, said
from muster.testing.endpoints.tokens import Tokens

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

__all__ = ["CLIENT", "MANAGEMENT", "SCORING", "TENANT", "Entra"]

TENANT = "8a1b2c3d-0000-4000-8000-000000000001"
CLIENT = "8a1b2c3d-0000-4000-8000-000000000002"
MANAGEMENT, SCORING = "https://management.azure.com", "https://ml.azure.com"
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_MACHINE = "/metadata/identity/oauth2/token"
_SERVICE = "/msi/token"


class Entra:
    """One tenant with one application, which is also the identity of the machine."""

    def __init__(self, account: Account, auth: str) -> None:
        self._account = account
        self._auth = auth
        self.secret = secrets.token_urlsafe(30)
        self.tokens = Tokens()
        self._header = secrets.token_hex(16)
        self._key: RSAPublicKey | None = None

    def open(self) -> None:
        account, url = self._account, self._account.url
        account.settings |= {"tenant_id": TENANT, "client_id": CLIENT, "authority": url}
        account.environ |= {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": CLIENT, "AZURE_AUTHORITY_HOST": url}
        match self._auth:
            case "secret":
                account.settings |= {"client_secret": "env:AZURE_CLIENT_SECRET"}
                account.environ["AZURE_CLIENT_SECRET"] = self.secret
            case "certificate":
                file = account.folder / "application.pem"
                self._key = _certificate(file)
                account.environ["AZURE_CLIENT_CERTIFICATE_PATH"] = str(file)
            case _:
                account.environ |= {"IDENTITY_ENDPOINT": f"{url}{_SERVICE}", "IDENTITY_HEADER": self._header}
                account.environ["AZURE_POD_IDENTITY_AUTHORITY_HOST"] = url

    def expire(self) -> None:
        self.tokens.expire()

    def answer(self, visit: Visit) -> Outgoing | None:
        """What the token service says; None if it is nothing of it."""
        incoming, path = visit.incoming, visit.incoming.path
        if path in (_MACHINE, _SERVICE):
            return self._managed(visit)
        tenant, _, rest = path.strip("/").partition("/")
        if rest == "v2.0/.well-known/openid-configuration":
            return self._configuration(tenant)
        if rest == "oauth2/v2.0/token" and incoming.method == "POST":
            return self._login(visit, tenant)
        if path == "/common/discovery/instance":
            where = incoming.query.get("authorization_endpoint", "").replace("/oauth2/v2.0/authorize", "")
            return said(
                {
                    "tenant_discovery_endpoint": f"{where}/v2.0/.well-known/openid-configuration",
                    "api-version": "1.1",
                    "metadata": [],
                }
            )
        return None

    def refuse(self, refused: Refused) -> Outgoing:
        status = refused.status or (
            401 if refused.code == "invalid_client" else 403 if refused.what == "denied" else 400
        )
        if not refused.code and refused.what != "denied":
            status = refused.status or {"throttled": 429}.get(refused.what, 503)
        found = {
            "error": refused.code or "temporarily_unavailable", "error_description": refused.message, "error_codes": [],
            "timestamp": "2026-03-01 12:00:00Z", "trace_id": str(uuid.uuid4()), "correlation_id": str(uuid.uuid4()),
        }  # fmt: skip
        return said(found, status, refused.retry_after)

    def _configuration(self, tenant: str) -> Outgoing:
        base = f"{self._account.url}/{tenant}"
        return said({
            "token_endpoint": f"{base}/oauth2/v2.0/token", "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode", "issuer": f"{base}/v2.0",
            "jwks_uri": f"{base}/discovery/v2.0/keys", "response_types_supported": ["code", "id_token"],
            "subject_types_supported": ["pairwise"], "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        })  # fmt: skip

    def _login(self, visit: Visit, tenant: str) -> Outgoing:
        visit.operation = "token"
        form = visit.incoming.form
        if tenant != TENANT:
            raise Refused("login", f"AADSTS90002: Tenant '{tenant}' not found.", code="invalid_request")
        if form.get("client_id") != CLIENT:
            raise Refused(
                "login", f"AADSTS700016: Application with identifier '{form.get('client_id')}' was not found in the directory.",
                code="unauthorized_client",
            )  # fmt: skip
        self._prove(form)
        visit.identity = CLIENT
        self._account.permit(visit, "token")
        audience = self._audience(form.get("scope", ""))
        return said({
            "token_type": "Bearer", "expires_in": self.tokens.seconds, "ext_expires_in": self.tokens.seconds,
            "access_token": self.tokens.issue(CLIENT, audience),
        })  # fmt: skip

    def _prove(self, form: dict[str, str]) -> None:
        if form.get("grant_type") != "client_credentials":
            raise Refused(
                "login", "AADSTS70003: The app requested an unsupported grant type.", code="unsupported_grant_type"
            )
        if self._auth == "secret" and secrets.compare_digest(form.get("client_secret", ""), self.secret):
            return
        if form.get("client_assertion_type") == _ASSERTION and self._signed(form.get("client_assertion", "")):
            return
        if "client_assertion" in form:
            raise Refused(
                "login",
                "AADSTS700027: The certificate used to sign the client assertion is not registered on application.",
                code="invalid_client",
            )
        raise Refused(
            "login", f"AADSTS7000215: Invalid client secret provided for app '{CLIENT}'.", code="invalid_client"
        )

    def _signed(self, assertion: str) -> bool:
        """Whether the application's certificate has signed it, for this token service and for now. Both paddings are in use."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        if self._key is None:
            return False
        try:
            head, body, signature = assertion.split(".")
            pss = json.loads(_decoded(head))["alg"] == "PS256"
            how = padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256().digest_size) if pss else padding.PKCS1v15()
            self._key.verify(_decoded(signature), f"{head}.{body}".encode(), how, hashes.SHA256())
            claims: dict[str, Any] = json.loads(_decoded(body))
        except (ValueError, KeyError, InvalidSignature):
            return False
        url = f"{self._account.url}/{TENANT}"
        fits = claims.get("iss") == claims.get("sub") == CLIENT and str(claims.get("aud", "")).startswith(url)
        return fits and claims.get("nbf", 0) - 300 <= time.time() < claims.get("exp", 0)

    def _audience(self, scope: str) -> str:
        """What a token is for. In a cloud of one's own the manager of resources is meant by its address."""
        found = scope.removesuffix("/.default").rstrip("/")
        return MANAGEMENT if found == self._account.url else found

    def _managed(self, visit: Visit) -> Outgoing:
        """The identity of a machine, or of a service that runs in one."""
        visit.operation = "token"
        query, headers = visit.incoming.query, visit.incoming.headers
        of_machine = visit.incoming.path == _MACHINE
        known = headers.get("metadata") == "true" if of_machine else headers.get("x-identity-header") == self._header
        if self._auth != "managed-identity" or not known:
            raise Refused("login", "Identity not found, or a header is missing", code="invalid_request")
        visit.identity = CLIENT
        self._account.permit(visit, "token")
        token, until = (
            self.tokens.issue(CLIENT, self._audience(query.get("resource", ""))),
            int(time.time()) + self.tokens.seconds,
        )
        return said({
            "access_token": token, "client_id": CLIENT, "expires_in": str(self.tokens.seconds), "expires_on": str(until),
            "not_before": str(until - self.tokens.seconds), "resource": query.get("resource", ""), "token_type": "Bearer",
        })  # fmt: skip


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _certificate(file: Path) -> RSAPublicKey:
    """A certificate that an application signs with, and its key, in one file."""
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import rsa
        from cryptography.x509.oid import NameOID
    except ImportError:
        raise MissingExtra.named("testing", "a certificate of an application") from None

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Muster application")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(hours=1))
    certificate = made.not_valid_after(now + timedelta(days=1)).sign(key, hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    file.chmod(0o600)
    return key.public_key()
