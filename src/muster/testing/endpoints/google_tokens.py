"""Google's token service: JWT grants, tokens that a service account signs itself, impersonation, and federated identities."""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from muster.errors import MissingExtra
from muster.testing.endpoints.account import Account, Visit
from muster.testing.endpoints.refusal import Refused
from muster.testing.endpoints.server import Outgoing, said
from muster.testing.endpoints.tokens import Tokens

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

__all__ = ["EMAIL", "PROJECT", "TARGET", "Google"]

PROJECT = "muster-tests"
EMAIL = f"caller@{PROJECT}.iam.gserviceaccount.com"
TARGET = f"scorer@{PROJECT}.iam.gserviceaccount.com"
"""The service account that may be impersonated."""

_POOL = "locations/global/workforcePools/tests/providers/tests"
"""Of a workforce: for one of workloads, clients would ask another service for the name of its project."""

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_AUDIENCE = "https://oauth2.googleapis.com/token"
"""What clients put in a grant, wherever they send it."""


def _key() -> RSAPrivateKey:
    try:
        from cryptography.hazmat.primitives.asymmetric import rsa
    except ImportError:
        raise MissingExtra.named("testing", "a local server of Vertex AI") from None
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Google:
    """One service account with its key, and the tokens that it has."""

    def __init__(self, account: Account, auth: str) -> None:
        self._account = account
        self._auth = auth
        self._private = _key()
        self._id = secrets.token_hex(20)
        self.tokens = Tokens()
        self._subject = secrets.token_urlsafe(32)
        self._signed: set[str] = set()
        self._ended: set[str] = set()

    def open(self) -> None:
        file = self._account.folder / "credentials.json"
        file.write_text(json.dumps(self._credentials()))
        self._account.environ["GOOGLE_APPLICATION_CREDENTIALS"] = str(file)
        self._account.settings["credentials"] = str(file)
        if self._auth == "impersonation":
            self._account.settings |= {"impersonate": TARGET, "iam_endpoint": self._impersonation_url}

    @property
    def _impersonation_url(self) -> str:
        return f"{self._account.url}/v1/projects/-/serviceAccounts/{TARGET}:generateAccessToken"

    def expire(self) -> None:
        self.tokens.expire()
        self._ended |= self._signed

    def _credentials(self) -> dict[str, Any]:
        url = self._account.url
        if self._auth == "federation":
            subject = self._account.folder / "subject-token"
            subject.write_text(self._subject)
            return {
                "type": "external_account", "audience": f"//iam.googleapis.com/{_POOL}",
                "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "token_url": f"{url}/v1/token",
                "credential_source": {"file": str(subject)}, "service_account_impersonation_url": self._impersonation_url,
            }  # fmt: skip
        return self._service_account()

    def _service_account(self) -> dict[str, Any]:
        from cryptography.hazmat.primitives import serialization

        pem = self._private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return {
            "type": "service_account", "project_id": PROJECT, "private_key_id": self._id, "private_key": pem.decode(),
            "client_email": EMAIL, "client_id": "123456789012345678901", "token_uri": f"{self._account.url}/token",
        }  # fmt: skip

    def answer(self, visit: Visit) -> Outgoing | None:
        """What the token services say; None if it is none of theirs."""
        path, form = visit.incoming.path, visit.incoming.form
        if visit.incoming.method != "POST" or not path.startswith(
            ("/token", "/v1/token", "/v1/projects/-/serviceAccounts/")
        ):
            return None
        visit.operation = "token"
        if path.startswith("/v1/projects/-/"):
            return self._impersonate(visit, path.partition("/serviceAccounts/")[2].partition(":")[0])
        if form.get("grant_type") == _EXCHANGE and secrets.compare_digest(form.get("subject_token", ""), self._subject):
            visit.identity = "principal://federated"
            kind = {"issued_token_type": "urn:ietf:params:oauth:token-type:access_token"}
        elif form.get("grant_type") == _GRANT:
            visit.identity, kind = self._grant(form.get("assertion", "")), {}
        else:
            raise Refused("login", "Unsupported grant or wrong subject token.", code="invalid_grant")
        self._account.permit(visit, "token")
        token = self.tokens.issue(visit.identity)
        return said({"access_token": token, "expires_in": self.tokens.seconds, "token_type": "Bearer", **kind})

    def refuse(self, refused: Refused) -> Outgoing:
        code = refused.code or {"denied": "access_denied"}.get(refused.what, "temporarily_unavailable")
        status = refused.status or (400 if refused.code else 403 if refused.what == "denied" else 503)
        return said({"error": code, "error_description": refused.message}, status, refused.retry_after)

    def _grant(self, assertion: str) -> str:
        claims = self._claims(assertion)
        if claims is None:
            raise Refused("login", "Invalid JWT Signature.", code="invalid_grant")
        if claims.get("iss") != EMAIL:
            raise Refused("login", "Invalid grant: account not found", code="invalid_grant")
        if claims.get("aud") not in {_AUDIENCE, f"{self._account.url}/token"}:
            raise Refused("login", "Invalid JWT: audience is not the token endpoint.", code="invalid_grant")
        if not claims.get("scope"):
            raise Refused("login", "Invalid OAuth scope or ID token audience provided.", code="invalid_scope")
        return EMAIL

    def _impersonate(self, visit: Visit, email: str) -> Outgoing:
        visit.identity = self.who(visit.incoming.bearer) or ""
        if not visit.identity:
            raise Refused("unsigned")
        self._account.permit(visit, "token")
        if email != TARGET:
            raise Refused("denied", "iam.serviceAccounts.getAccessToken")
        asked: Mapping[str, Any] = visit.incoming.json()
        seconds = int(str(asked.get("lifetime", "3600s")).rstrip("s"))
        token = self.tokens.issue(TARGET, seconds=seconds)
        until = datetime.fromtimestamp(int(time.time()) + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return said({"accessToken": token, "expireTime": until})

    def who(self, token: str) -> str | None:
        """Whose token it is: one that was given out, or one that the service account has signed itself."""
        if known := self.tokens.who(token):
            return known
        claims = None if token in self._ended else self._claims(token)
        if claims is None or claims.get("iss") != EMAIL or claims.get("sub") != EMAIL:
            return None
        if "aiplatform" not in str(claims.get("aud", "")) and _SCOPE not in str(claims.get("scope", "")):
            return None
        self._signed.add(token)
        return EMAIL

    def _claims(self, token: str) -> dict[str, Any] | None:
        """What a JWT says, if the service account's key has signed it and it is of now."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        try:
            head, body, signature = token.split(".")
            self._private.public_key().verify(
                _decoded(signature), f"{head}.{body}".encode(), padding.PKCS1v15(), hashes.SHA256()
            )
            claims: dict[str, Any] = json.loads(_decoded(body))
        except (ValueError, InvalidSignature):
            return None
        now = time.time()
        return claims if claims.get("iat", now) - 600 <= now < claims.get("exp", 0) <= now + 3900 else None


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
