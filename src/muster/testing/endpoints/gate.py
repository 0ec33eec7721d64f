"""Who is let in to a server that has no accounts: everybody, or who shows a password, a token, a key or a certificate."""

from __future__ import annotations

import base64
import hmac
import secrets
from dataclasses import dataclass, field

from muster.errors import InvalidInput
from muster.testing.endpoints.account import Account, Visit
from muster.testing.endpoints.refusal import Refused

__all__ = ["VARIABLE", "WAYS_IN", "Gate"]

WAYS_IN = ("none", "basic", "bearer", "api-key", "mtls")
VARIABLE = "ENDPOINT_SECRET"
_USER = "ada"


@dataclass
class Gate:
    """One way in. The secret stands in the environment, and what names it in the settings."""

    way: str = "none"
    header: str = "X-API-Key"
    query: str = ""
    """The parameter of the address that a key stands in, in place of the header."""
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    _environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.way not in WAYS_IN:
            raise InvalidInput(f"there is no auth `{self.way}`", hint="one of: " + ", ".join(WAYS_IN))

    def open(self, account: Account) -> None:
        account.settings["auth"] = self.way
        if self.way in ("basic", "bearer", "api-key"):
            account.settings["secret"] = f"env:{VARIABLE}"
            self._environ = account.environ
            self._environ[VARIABLE] = self.secret
        if self.way == "basic":
            account.settings["username"] = _USER
        if self.way == "api-key":
            account.settings |= {"query": self.query} if self.query else {"header": self.header}

    def check(self, visit: Visit) -> None:
        headers = visit.incoming.headers
        given = headers.get("authorization", "")
        match self.way:
            case "basic":
                wanted = "Basic " + base64.b64encode(f"{_USER}:{self.secret}".encode()).decode()
                passed, visit.identity = hmac.compare_digest(given, wanted), _USER
            case "bearer":
                passed, visit.identity = hmac.compare_digest(visit.incoming.bearer, self.secret), "bearer"
            case "api-key":
                shown = visit.incoming.query.get(self.query) if self.query else headers.get(self.header.lower())
                passed, visit.identity = hmac.compare_digest(shown or "", self.secret), self.query or self.header
            case "mtls":
                passed, visit.identity = bool(visit.incoming.certificate), visit.incoming.certificate
            case _:
                passed = True
        if not passed:
            visit.identity = ""
            raise Refused("unsigned", "Unauthorized" if given or self.way == "api-key" else "Authorization required")

    @property
    def challenge(self) -> dict[str, str]:
        """What a 401 asks for."""
        asks = {"basic": 'Basic realm="models"', "bearer": 'Bearer realm="models"'}
        return {"WWW-Authenticate": asks[self.way]} if self.way in asks else {}

    def expire(self) -> None:
        """The secret is worth nothing from now on, and another one stands in the environment."""
        if self._environ:
            self.secret = self._environ[VARIABLE] = secrets.token_urlsafe(24)
