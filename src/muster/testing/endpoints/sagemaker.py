"""SageMaker: the runtime at `/endpoints/…`, the control plane at `/`, and the token service and S3 beside it.

Options of an endpoint: `serverless` (its configuration), `components` (variants are inference components), `explainer`, `async`
(where its answers go in S3; with `failures`, `after` how many seconds, and `seconds` for a request), `shadow` (models by name),
`packages` (models are those of a model package), `limit` (bytes).
Batch transform reads and writes S3 as the environment says; `account.jobs` has its jobs by name, and how long they take. Operations
of its own are `submit`, `poll` and `stop`; a fault on `job` fails a whole job.
Options of the account: `region`, `auth` (`keys`, `role`, `web-identity`), `external_id`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from muster.errors import InvalidInput
from muster.testing.endpoints.account import Account, Visit
from muster.testing.endpoints.aws_objects import Objects, is_for_objects
from muster.testing.endpoints.aws_signing import verify
from muster.testing.endpoints.aws_tokens import ACCOUNT, ROLE, Keys
from muster.testing.endpoints.invoking import Most, Target, written
from muster.testing.endpoints.place import Place
from muster.testing.endpoints.refusal import Refused
from muster.testing.endpoints.sagemaker_containers import CONTAINERS, explained
from muster.testing.endpoints.sagemaker_control import Control
from muster.testing.endpoints.sagemaker_queue import Queue, bucket_of, output_config
from muster.testing.endpoints.served import Container, Served
from muster.testing.endpoints.server import Outgoing, said

__all__ = ["SageMaker"]

_MOST_BYTES, _MOST_BYTES_SERVERLESS, _MOST_SECONDS = 6_291_456, 4 * 1024 * 1024, 60
_SERVES = ("", "InService", "Updating", "SystemUpdating", "RollingBack", "UpdateRollbackFailed")
_HEAD = "x-amzn-sagemaker-"
_RUNTIME: Mapping[str, tuple[int, str]] = {
    "throttled": (400, "ThrottlingException"),
    "starting": (429, "ModelNotReadyException"),
    "unavailable": (503, "ServiceUnavailable"),
    "missing": (400, "ValidationError"),
    "invalid": (400, "ValidationError"),
    "denied": (403, "AccessDeniedException"),
    "expired": (403, "ExpiredTokenException"),
    "unsigned": (403, "InvalidSignatureException"),
    "too_large": (413, ""),
}
_BY_STATUS = {500: "InternalFailure", 503: "ServiceUnavailable", 530: "InternalDependencyException"}
_WORDS = {
    "throttled": "Rate exceeded",
    "starting": "Model for this endpoint is not ready for inference request.",
    "unavailable": "Service is currently unavailable",
    "expired": "The security token included in the request is expired",
}


class SageMaker:
    FIRST_VARIANT = "AllTraffic"
    TLS = False
    CONTAINERS: Mapping[str, Container] = CONTAINERS

    def __init__(
        self, account: Account, *, region: str = "eu-west-1", auth: str = "keys", external_id: str = ""
    ) -> None:
        if auth not in ("keys", "role", "web-identity"):
            raise InvalidInput(f"there is no auth `{auth}` for sagemaker", hint="one of: keys, role, web-identity")
        self._account = account
        self._region = region
        self._auth = auth
        self.keys = Keys(account, region)
        self.keys.external_id = external_id
        self._control = Control(account, region)
        self.objects = Objects(account, region, self.keys.get)
        self._known: set[str] = set()
        self._queue = Queue(account, self.objects, lambda refused, visit: self._of_model(refused, visit)["Message"])

    def open(self) -> None:
        account, url = self._account, self._account.url
        account.settings |= {"region": self._region, "endpoint_url": url, "s3_url": url}
        account.environ |= {"AWS_ENDPOINT_URL_STS": url, "AWS_REGION": self._region, "AWS_DEFAULT_REGION": self._region}
        if self._auth == "web-identity":
            token = account.folder / "web-identity-token"
            token.write_text(self.keys.web_token)
            account.environ |= {"AWS_WEB_IDENTITY_TOKEN_FILE": str(token), "AWS_ROLE_ARN": ROLE}
            return
        user = self.keys.user
        account.environ |= {"AWS_ACCESS_KEY_ID": user.id, "AWS_SECRET_ACCESS_KEY": user.secret}
        if self._auth == "role":
            account.settings["role_arn"] = ROLE
            if self.keys.external_id:
                account.settings["external_id"] = self.keys.external_id

    def expire(self) -> None:
        self.keys.expire()

    def answer(self, visit: Visit) -> Outgoing:
        incoming = visit.incoming
        if incoming.content_type == "application/x-www-form-urlencoded":
            return self.keys.answer(visit)
        if is_for_objects(incoming):
            return self.objects.answer(visit, self._buckets())
        target = incoming.headers.get("x-amz-target", "").rpartition(".")[2]
        kind, _, rest = incoming.path.strip("/").partition("/")
        name, _, verb = rest.rpartition("/")
        visit.operation = "invoke" if verb else "list" if target.startswith("List") else "describe"
        visit.identity = verify(incoming, "sagemaker", self._region, self.keys.get).identity
        if target:
            answer = self._control.answer(visit, target)
            return said(answer, headers={"Content-Type": "application/x-amz-json-1.1"})
        if incoming.method != "POST" or kind != "endpoints" or verb not in ("invocations", "async-invocations"):
            raise Refused(
                "invalid", f"Unknown operation {incoming.method} {incoming.path}", code="UnknownOperationException"
            )
        return self._invoke(visit, name, batch=verb == "async-invocations")

    def _invoke(self, visit: Visit, name: str, *, batch: bool) -> Outgoing:
        headers = visit.incoming.headers
        self._account.permit(visit, "invoke", name)
        place = self._place(name)
        if batch != place.has("async"):
            raise Refused("invalid", f"Endpoint {name} does not support {'a' if batch else ''}synchronous invocations.")
        variant, served = self._target(place, headers)
        if batch:
            return self._queue.take(visit, Target(place, variant, served), served.within(self.CONTAINERS))
        if not place.has("components") and headers.get(f"{_HEAD}target-model"):
            served = self._model(place, headers[f"{_HEAD}target-model"])
        container = served.within(self.CONTAINERS)
        accept = headers.get("accept", "").partition(";")[0]
        explainer = place.has("explainer")
        answer = written(
            self._account, visit, Target(place, variant, served), container, most=_most(place),
            accept="text/csv" if explainer else accept,
        )  # fmt: skip
        if explainer:
            asked = headers.get(f"{_HEAD}enable-explanations", "").strip("`") != "false"
            answer = explained(answer, explain=asked, columns=served.columns)
        shown = self.FIRST_VARIANT if place.has("components") else variant
        echoed = headers.get(f"{_HEAD}custom-attributes")
        return Outgoing(
            200,
            answer[1],
            {"Content-Type": answer[0], "x-Amzn-Invoked-Production-Variant": shown}
            | ({"X-Amzn-SageMaker-Custom-Attributes": echoed} if echoed else {}),
        )

    def _buckets(self) -> set[str]:
        """Those that answers and failures go to, or went to: they outlive the endpoint."""
        queued = [place for place in self._account.places.values() if place.has("async")]
        self._known |= {bucket_of(told) for place in queued for told in output_config(place).values()}
        return self._known

    def _place(self, name: str) -> Place:
        place = self._account.places.get(name)
        if place is None:
            raise Refused("missing", f"Endpoint {name} of account {ACCOUNT} not found.")
        if place.status not in _SERVES:
            raise Refused(
                "invalid", f"Endpoint {name} of account {ACCOUNT} is not in service; its status is {place.status}."
            )
        return place

    def _target(self, place: Place, headers: Mapping[str, str]) -> tuple[str, Served]:
        component, variant = headers.get(f"{_HEAD}inference-component"), headers.get(f"{_HEAD}target-variant")
        if place.has("components"):
            if component is None:
                raise Refused(
                    "invalid",
                    "Inference Component Name header is required for endpoints to which you plan to deploy inference components.",
                )
            if component not in place.variants:
                raise Refused("invalid", f"Inference Component {component} of endpoint {place.name} not found.")
            return component, place.variants[component]
        if component is not None:
            raise Refused("invalid", f"Endpoint {place.name} has no inference components.")
        if variant is not None and variant not in place.variants:
            raise Refused("invalid", f"Variant {variant} not found for Request.")
        variant = variant or place.next_variant() or next(iter(place.variants))
        return variant, place.variants[variant]

    def _model(self, place: Place, name: str) -> Served:
        if not place.deployed.models:
            raise Refused("invalid", "Invocation should not contain target model header for single model endpoint.")
        if name not in place.deployed.models:
            raise Refused(
                "invalid",
                f"Failed to download model data (bucket: models, key: {name}). Please ensure that there is an object located at the URL.",
            )
        return place.deployed.models[name]

    def refuse(self, refused: Refused, visit: Visit) -> Outgoing:
        incoming = visit.incoming
        if incoming.content_type == "application/x-www-form-urlencoded":
            code = refused.code or _RUNTIME.get(refused.what, (0, "AccessDenied"))[1]
            return self.keys.refuse(code, _text(refused, visit))
        if is_for_objects(incoming):
            return self.objects.refuse(refused)
        if "x-amz-target" in incoming.headers:
            return self._control.refuse(refused, _text(refused, visit))
        if refused.what in ("model_error", "timeout"):
            return self._model_error(refused, visit)
        status, code = _RUNTIME.get(refused.what, (400, "ValidationError"))
        if refused.status:
            status, code = refused.status, _BY_STATUS.get(refused.status, code)
        shown = refused.code or code
        headers = {**refused.retry_after, **({"x-amzn-ErrorType": shown} if shown else {})}
        return said({"Message": _text(refused, visit)}, status, headers)

    def _model_error(self, refused: Refused, visit: Visit) -> Outgoing:
        return said(self._of_model(refused, visit), 424, {"x-amzn-ErrorType": "ModelError"})

    def _of_model(self, refused: Refused, visit: Visit) -> dict[str, Any]:
        late = refused.what == "timeout"
        status = 0 if late else refused.status or 500
        whose = "client" if 400 <= status < 500 else "server"
        text = (
            "Your invocation timed out while waiting for a response from container primary. Review the latency metrics for each"
            " container in Amazon CloudWatch, resolve the issue, and try again."
        )
        said_by_model = text if late else refused.message
        log = f"arn:aws:logs:{self._region}:{ACCOUNT}:log-group:/aws/sagemaker/Endpoints/{visit.endpoint}"
        return {
            "ErrorCode": "CLIENT_ERROR_FROM_MODEL" if whose == "client" else "SERVER_ERROR_FROM_MODEL",
            "LogStreamArn": log,
            "Message": f'Received {whose} error ({status}) from primary with message "{said_by_model}".'
            f" See the log group /aws/sagemaker/Endpoints/{visit.endpoint} in account {ACCOUNT} for more information.",
            "OriginalMessage": said_by_model,
            "OriginalStatusCode": status,
        }


def _most(place: Place) -> Most:
    serverless: Any = place.option("serverless")
    limit: Any = place.option("limit")
    if serverless:
        return Most(limit or _MOST_BYTES_SERVERLESS, _MOST_SECONDS, serverless["MaxConcurrency"])
    return Most(limit or _MOST_BYTES, _MOST_SECONDS)


def _text(refused: Refused, visit: Visit) -> str:
    if refused.what == "denied":
        action = visit.incoming.headers.get("x-amz-target", "InvokeEndpoint").rpartition(".")[2]
        return (
            f"User: {visit.identity} is not authorized to perform: sagemaker:{action} on resource: {visit.endpoint or '*'}"
            f" because no identity-based policy allows the sagemaker:{action} action"
        )
    if refused.what == "too_large":
        return f"HTTP content length exceeded {_MOST_BYTES} bytes."
    given = refused.message if refused.message != refused.what else ""
    return given or _WORDS.get(refused.what, refused.what)
