"""Vertex AI: endpoints, models and predictions of one project and region, with Google's tokens.

Options of an endpoint: `dedicated` (its own host alone, which is `localhost` where the shared one is 127.0.0.1), `explains`,
`rows` and `limit` (at most, in a request), `timeout` (seconds). Options of the account: `region`, `auth`: `service-account`;
`impersonation` of another one, for which clients need the setting `iam_endpoint`; `federation` of an identity from elsewhere, which
impersonates that one too; `storage` and `partly`.
Batch predictions read and write buckets as the environment says: those of Google, or with `storage="s3"` those of S3 in their place,
by its URLs, for tests that have no other; the service itself takes `gs://` alone. `account.jobs` has its jobs by number, and how long they
take. One that lost some instances ends as SUCCEEDED, or as `partly` says. Operations of its own are `submit`, `poll`, `stop` and
`delete`; a fault on `job` fails a whole job.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from muster.errors import InvalidInput
from muster.testing.endpoints.account import Account, Visit
from muster.testing.endpoints.google_tokens import PROJECT, Google
from muster.testing.endpoints.invoking import Most, Target, written
from muster.testing.endpoints.place import Place
from muster.testing.endpoints.refusal import Refused
from muster.testing.endpoints.served import Container, Served
from muster.testing.endpoints.server import Outgoing, said
from muster.testing.endpoints.vertex_batches import Batches
from muster.testing.endpoints.vertex_containers import CONTAINERS, PREBUILT
from muster.testing.endpoints.vertex_control import NUMBER, Control, number

__all__ = ["Vertex"]

_MOST_BYTES, _MOST_BYTES_DEDICATED = 1_572_864, 10 * 1024 * 1024
_MOST_SECONDS, _MOST_SECONDS_DEDICATED = 60, 600
_STATUS = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 501: "UNIMPLEMENTED", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED",
}  # fmt: skip
_VERBS = {"invoke": "predict", "list": "list", "submit": "create", "stop": "cancel", "delete": "delete"}
_EXPECTED = "Expected OAuth 2 access token, login cookie or other valid authentication credential."
_REFUSALS: Mapping[str, tuple[int, str]] = {
    "throttled": (429, "Quota exceeded for aiplatform.googleapis.com/online_prediction_requests_per_base_model."),
    "starting": (503, "The model is not ready to serve yet."),
    "unavailable": (503, "The service is currently unavailable."),
    "too_large": (400, "Request payload size exceeds the limit: 1572864 bytes."),
    "timeout": (504, "Deadline exceeded."),
    "missing": (404, "Requested entity was not found."),
    "unsigned": (401, f"Request is missing required authentication credential. {_EXPECTED}"),
    "expired": (401, f"Request had invalid authentication credentials. {_EXPECTED}"),
}  # fmt: skip


class Vertex:
    FIRST_VARIANT = "model"
    TLS = False
    CONTAINERS: Mapping[str, Container] = CONTAINERS

    def __init__(
        self,
        account: Account,
        *,
        region: str = "europe-west4",
        auth: str = "service-account",
        storage: str = "gs",
        partly: str = "SUCCEEDED",
    ) -> None:
        ways = ("service-account", "impersonation", "federation")
        if auth not in ways:
            raise InvalidInput(f"there is no auth `{auth}` for vertex", hint=f"one of: {', '.join(ways)}")
        self._account = account
        self._region = region
        self.google = Google(account, auth)
        self.control = Control(account, region)
        self._batches = Batches(account, self.control, region, scheme=storage, partly=partly)

    def open(self) -> None:
        account = self._account
        account.settings |= {"project_id": PROJECT, "region": self._region, "endpoint_url": account.url}
        account.names = number
        self.google.open()

    def expire(self) -> None:
        self.google.expire()

    def answer(self, visit: Visit) -> Outgoing:
        if (answer := self.google.answer(visit)) is not None:
            return answer
        parts = visit.incoming.path.strip("/").split("/")
        visit.operation = "invoke" if ":" in parts[-1] else "list" if parts[-1] == "endpoints" else "describe"
        token = visit.incoming.bearer
        visit.identity = self.google.who(token) or ""
        if not visit.identity:
            raise Refused("expired" if token else "unsigned")
        if (
            len(parts) < 6
            or [parts[0], parts[1], parts[3]] != ["v1", "projects", "locations"]
            or parts[2] not in (PROJECT, NUMBER)
        ):
            raise Refused("missing")
        if parts[4] != self._region:
            raise Refused("missing", f"The location {parts[4]} has no such resource.")
        return self._resource(visit, parts[5], "/".join(parts[6:]))

    def _resource(self, visit: Visit, kind: str, rest: str) -> Outgoing:
        incoming = visit.incoming
        if kind == "batchPredictionJobs":
            return self._batches.answer(visit, rest)
        id, _, verb = rest.partition(":")
        if verb and kind == "endpoints" and incoming.method == "POST":
            return self._predict(visit, id, verb)
        if verb or incoming.method != "GET" or kind not in ("endpoints", "models"):
            raise Refused("missing")
        if kind == "models":
            self._account.permit(visit, "describe", id)
            return said(self.control.model(id))
        if not id:
            self._account.permit(visit, "list")
            return said(self.control.endpoints(incoming.query))
        self._account.permit(visit, "describe")
        place = self.control.place(id)
        visit.endpoint = place.name
        return said(self.control.endpoint(place))

    def _predict(self, visit: Visit, id: str, verb: str) -> Outgoing:
        known = [place for place in self._account.places.values() if number(place.name) == id]
        self._account.permit(visit, "invoke", known[0].name if known else id)
        place = self.control.place(id)
        if verb not in ("predict", "rawPredict", "explain"):
            raise Refused("missing", status=501)
        self._host(visit, place)
        variant = place.next_variant()
        if variant is None or place.status:
            raise Refused(
                "invalid", f"Endpoint {self.control.parent}/endpoints/{id} has no deployed models with traffic."
            )
        served = place.variants[variant]
        container = served.within(self.CONTAINERS)
        kind, body = written(self._account, visit, Target(place, variant, served), container, most=_most(place))
        rows: Any = place.option("rows")
        if rows is not None and visit.rows > rows:
            raise Refused("invalid", f"The request has {visit.rows} instances; at most {rows} are allowed.")
        if verb == "rawPredict":
            return Outgoing(200, body, {"Content-Type": kind, **self._headers(place, variant, served)})
        return said(self._told(place, variant, served, json.loads(body), explain=verb == "explain"))

    def _host(self, visit: Visit, place: Place) -> None:
        """A dedicated endpoint has its own host, and others have none."""
        own = visit.incoming.headers.get("host", "").startswith("localhost")
        if place.has("dedicated") and not own:
            name = self.control.endpoint(place)["dedicatedEndpointDns"]
            raise Refused(
                "invalid",
                "This endpoint is a dedicated endpoint and cannot be accessed through the shared domain. Please access the"
                f" endpoint using its dedicated dns name '{name}'",
                code="FAILED_PRECONDITION",
            )

    def _told(self, place: Place, variant: str, served: Served, found: Any, *, explain: bool) -> dict[str, Any]:
        predictions = found["predictions"] if isinstance(found, dict) else found
        answer = {
            "predictions": predictions, "deployedModelId": self.control.deployed_id(place, variant),
            "model": self.control.model_name(place, served), "modelDisplayName": served.model or place.name,
            "modelVersionId": served.version,
        }  # fmt: skip
        if not explain:
            return answer
        if not place.has("explains"):
            raise Refused("invalid", "Explanations are not enabled for this deployed model.")
        one = {
            "baselineOutputValue": 0.0, "instanceOutputValue": 0.0, "outputIndex": [0], "approximationError": 0.0,
            "featureAttributions": dict.fromkeys(served.columns, 0.0),
        }  # fmt: skip
        del answer["model"], answer["modelDisplayName"], answer["modelVersionId"]
        return answer | {"explanations": [{"attributions": [one]} for _ in predictions]}

    def _headers(self, place: Place, variant: str, served: Served) -> dict[str, str]:
        return {
            "X-Vertex-AI-Endpoint-Id": number(place.name), "X-Vertex-AI-Deployed-Model-Id": self.control.deployed_id(place, variant),
            "X-Vertex-AI-Model": self.control.model_name(place, served), "X-Vertex-AI-Model-Version-Id": served.version,
        }  # fmt: skip

    def refuse(self, refused: Refused, visit: Visit) -> Outgoing:
        if visit.operation == "token" and not visit.incoming.path.startswith("/v1/projects/"):
            return self.google.refuse(refused)
        if refused.what == "denied":
            return _denied(refused, visit)
        status, words = _REFUSALS.get(refused.what, (400, refused.message))
        if refused.what == "model_error":
            status = self._model_status(refused, visit)
        elif refused.status:
            status = refused.status
        given = refused.message if refused.message not in ("", refused.what) and refused.what != "too_large" else words
        error = {"code": status, "message": given, "status": refused.code or _STATUS.get(status, "UNKNOWN")}
        challenge = {"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/"'} if status == 401 else {}
        return said({"error": error}, status, {**refused.retry_after, **challenge})

    def _model_status(self, refused: Refused, visit: Visit) -> int:
        """An error in a container of Google's is an invalid argument; one's own container has the status that it gives."""
        place = self._account.places.get(visit.endpoint)
        served = place.variants.get(visit.variant) if place else None
        google_s = served is not None and (served.container in PREBUILT or served.container == "automl")
        return 400 if google_s or refused.status is None else refused.status


def _denied(refused: Refused, visit: Visit) -> Outgoing:
    kind = "batchPredictionJobs" if "/batchPredictionJobs" in visit.incoming.path else "endpoints"
    permission = (
        refused.message if "." in refused.message else f"aiplatform.{kind}.{_VERBS.get(visit.operation, 'get')}"
    )
    resource = f"//aiplatform.googleapis.com{visit.incoming.path.partition(':')[0].removeprefix('/v1')}"
    details = [{
        "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "IAM_PERMISSION_DENIED", "domain": "aiplatform.googleapis.com",
        "metadata": {"permission": permission, "resource": resource.removeprefix("//aiplatform.googleapis.com/")},
    }]  # fmt: skip
    text = f"Permission '{permission}' denied on resource '{resource}' (or it may not exist)."
    return said({"error": {"code": 403, "message": text, "status": "PERMISSION_DENIED", "details": details}}, 403)


def _most(place: Place) -> Most:
    dedicated = place.has("dedicated")
    limit: Any = place.option("limit", _MOST_BYTES_DEDICATED if dedicated else _MOST_BYTES)
    seconds: Any = place.option("timeout", _MOST_SECONDS_DEDICATED if dedicated else _MOST_SECONDS)
    return Most(limit, seconds)
