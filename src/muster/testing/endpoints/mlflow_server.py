"""MLflow's scoring server, which has one model: `/invocations`, `/ping`, `/health`, `/version`.

The first endpoint is at the root, each also below `/NAME`. Options of the account: `auth`, as a proxy before it asks for it, and
`version` (that of MLflow).
"""

from __future__ import annotations

from collections.abc import Mapping

from muster.testing.endpoints.account import Account, Visit
from muster.testing.endpoints.gate import Gate
from muster.testing.endpoints.invoking import Most, Target, written
from muster.testing.endpoints.mlflow_containers import SERVER
from muster.testing.endpoints.refusal import ColumnsMissing, Refused
from muster.testing.endpoints.served import Container
from muster.testing.endpoints.server import Outgoing, plain, said

__all__ = ["MlflowServer"]

_CODES = {
    "throttled": (429, "REQUEST_LIMIT_EXCEEDED"), "starting": (503, "TEMPORARILY_UNAVAILABLE"),
    "unavailable": (503, "TEMPORARILY_UNAVAILABLE"), "too_large": (413, "BAD_REQUEST"), "denied": (403, "PERMISSION_DENIED"),
    "unsigned": (401, "UNAUTHENTICATED"), "expired": (401, "UNAUTHENTICATED"),
}  # fmt: skip
_UNEXPECTED = (
    "Encountered an unexpected error while evaluating the model. Verify that the serialized input Dataframe is compatible with"
    " the model for inference."
)


class MlflowServer:
    FIRST_VARIANT = "model"
    TLS = False
    CONTAINERS: Mapping[str, Container] = SERVER

    def __init__(self, account: Account, *, auth: str = "none", version: str = "3.17.2") -> None:
        self._account = account
        self._version = version
        self.gate = Gate(auth)

    def open(self) -> None:
        self._account.settings["url"] = self._account.url
        self.gate.open(self._account)

    def expire(self) -> None:
        self.gate.expire()

    def answer(self, visit: Visit) -> Outgoing:
        name, _, route = visit.incoming.path.strip("/").rpartition("/")
        name = name or next(iter(self._account.places), "")
        visit.operation = "invoke" if route == "invocations" else "describe"
        self.gate.check(visit)
        place = self._account.places.get(name)
        method = {"ping": "GET", "health": "GET", "version": "GET", "invocations": "POST"}.get(route)
        if place is None or method is None:
            return said({"detail": "Not Found"}, 404)
        if visit.incoming.method != method:
            return said({"detail": "Method Not Allowed"}, 405, {"Allow": method})
        if route != "invocations":
            self._account.permit(visit, "describe", name)
            text = self._version if route == "version" else "\n"
            return Outgoing(200, text.encode(), {"Content-Type": "application/json"})
        self._account.permit(visit, "invoke", name)
        variant = next(iter(place.variants))
        target = Target(place, variant, place.variants[variant])
        container = target.served.within(self.CONTAINERS)
        kind, body = written(self._account, visit, target, container, most=Most(seconds=60))
        return Outgoing(200, body, {"Content-Type": kind})

    def refuse(self, refused: Refused, visit: Visit) -> Outgoing:
        if refused.what == "missing":
            return said({"detail": "Not Found"}, 404)
        if refused.what == "timeout":
            return Outgoing(504, b"Request processing time exceeded limit", {"Content-Type": "application/json"})
        if refused.status == 415:
            return plain(refused.message, 415)
        status, code = _CODES.get(refused.what, (400, "BAD_REQUEST"))
        found = {"error_code": code, "message": refused.message}
        if refused.what == "model_error":
            found |= _details(refused)
            status = 400 if refused.status in (None, 500) else refused.status
        elif refused.status:
            status = refused.status
        challenge = self.gate.challenge if status == 401 else {}
        return said(found, status, {**refused.retry_after, **challenge})


def _details(refused: Refused) -> dict[str, str]:
    """What MLflow adds to say what kind of error it is; all that a model raises is a bad request."""
    if isinstance(refused, ColumnsMissing):
        return {
            "error_code": "INVALID_PARAMETER_VALUE",
            "sqlstate": "KAM01",
            "error_class": "SCHEMA_ENFORCEMENT_FAILED",
        }
    known = {"sqlstate": "KAM00", "error_class": "INVALID_PARAMETER_VALUE"}
    if refused.status == 500:
        trace = f"Traceback (most recent call last):\n{refused.message}\n"
        return {**known, "message": _UNEXPECTED, "stack_trace": trace}
    return known
