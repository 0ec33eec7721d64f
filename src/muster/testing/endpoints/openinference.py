"""A server of the Open Inference Protocol (`/v2`), which speaks KServe's first protocol (`/v1`) as well.

Variants are versions of a model. Containers say what comes back: `labels`, `probabilities`, `columns` (a tensor for the label and one
for each class), `logits`. Options of an endpoint: `inputs` (`matrix`, one tensor for all columns, or `columns`, one for each, as
its metadata has them; both are taken), `nested` (data in nested lists), `platform`. Of the account: `auth`, and `server`: which
server it is (`kserve`, `mlserver`, `triton`), for they differ.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from muster.errors import InvalidInput, near
from muster.testing.endpoints.account import Account, Visit
from muster.testing.endpoints.gate import Gate
from muster.testing.endpoints.invoking import Most, Target, written
from muster.testing.endpoints.openinference_containers import CONTAINERS, PLAIN, tensors_of
from muster.testing.endpoints.openinference_servers import SERVERS
from muster.testing.endpoints.place import Place
from muster.testing.endpoints.refusal import Malformed, Refused
from muster.testing.endpoints.served import Container, Served
from muster.testing.endpoints.server import Outgoing, plain, said

__all__ = ["OpenInference"]


class OpenInference:
    FIRST_VARIANT = "1"
    TLS = False
    CONTAINERS: Mapping[str, Container] = CONTAINERS

    def __init__(self, account: Account, *, auth: str = "none", server: str = "kserve") -> None:
        if server not in SERVERS:
            raise InvalidInput(
                f"there is no server `{server}`{near(server, SERVERS)}", hint=f"one of: {', '.join(SERVERS)}"
            )
        self._account = account
        self._dialect = SERVERS[server]
        self.gate = Gate(auth)

    def open(self) -> None:
        self._account.settings["url"] = self._account.url
        self.gate.open(self._account)

    def expire(self) -> None:
        self.gate.expire()

    def answer(self, visit: Visit) -> Outgoing:
        path, method = visit.incoming.path.rstrip("/"), visit.incoming.method
        predicts = path.endswith((":predict", "/infer"))
        visit.operation = "invoke" if predicts else "list" if path in _LISTS else "describe"
        self.gate.check(visit)
        if method != ("POST" if predicts or path == "/v2/repository/index" else "GET"):
            raise Refused("method", "Method Not Allowed")
        if path.startswith("/v1/models/") and self._dialect.first:
            return self._first(visit, path.removeprefix("/v1/models/"))
        if path.startswith("/v2/models/"):
            return self._model(visit, path.removeprefix("/v2/models/"))
        known = self._known()
        if path not in known:
            raise Refused("nowhere", "Not Found")
        self._account.permit(visit, visit.operation)
        return known[path]()

    def _known(self) -> Mapping[str, Callable[[], Outgoing]]:
        """What the server itself tells, by path; not every server has all of it."""
        dialect, places = self._dialect, self._account.places
        server = {"name": dialect.name, "version": dialect.version, "extensions": list(dialect.extensions)}
        known: dict[str, Callable[[], Outgoing]] = {
            "/v2": lambda: said(server),
            "/v2/health/live": lambda: self._health({"live": True}),
            "/v2/health/ready": lambda: self._health({"ready": not any(p.status for p in places.values())}),
        }
        if dialect.first:
            known |= {"": lambda: said({"status": "alive"}), "/v1/models": lambda: said({"models": list(places)})}
        if dialect.listed:
            known["/v2/models"] = lambda: said({"models": list(places)})
        if dialect.index:
            known["/v2/repository/index"] = lambda: said(self._index())
        return known

    def _health(self, found: dict[str, Any]) -> Outgoing:
        status = 200 if found.get("ready", True) else 503
        return Outgoing(status) if self._dialect.silent else said(found, status)

    def _index(self) -> list[dict[str, str]]:
        return [
            {"name": place.name, "version": version, "state": "UNAVAILABLE" if place.status else "READY", "reason": place.status}
            for place in self._account.places.values() for version in place.variants
        ]  # fmt: skip

    def _first(self, visit: Visit, rest: str) -> Outgoing:
        """KServe's first protocol, which knows no versions and no types."""
        name, _, verb = rest.partition(":")
        if verb not in ("", "predict"):
            raise Refused("nowhere", "Not Found")
        self._account.permit(visit, "invoke" if verb else "describe", name)
        place = self._place(name)
        if not verb:
            return said({"name": name, "ready": not place.status})
        version = self._ready(place)
        served = place.variants[version]
        container = served.within(PLAIN)
        kind, body = written(self._account, visit, Target(place, version, served), container, most=Most())
        return Outgoing(200, body, {"Content-Type": kind})

    def _model(self, visit: Visit, rest: str) -> Outgoing:
        parts = rest.split("/")
        verb = parts.pop() if parts[-1] in ("infer", "ready") and len(parts) in (2, 4) else ""
        if len(parts) not in (1, 3) or (len(parts) == 3 and parts[1] != "versions"):
            raise Refused("nowhere", "Not Found")
        name, version = parts[0], parts[2] if len(parts) == 3 else ""
        self._account.permit(visit, "invoke" if verb == "infer" else "describe", name)
        place = self._place(name)
        if version and not self._dialect.versions:
            raise Refused("unversioned", "Model versioning not supported yet.")
        if version and version not in place.variants:
            raise Refused("missing", f"Model {name} with version {version} not found")
        if verb == "ready":
            return self._health({"name": name, "ready": not place.status})
        if verb == "infer":
            return self._infer(visit, place, version or self._ready(place))
        return said(self._metadata(place, version))

    def _place(self, name: str) -> Place:
        if name not in self._account.places:
            raise Refused("missing", self._dialect.unknown.format(name))
        return self._account.places[name]

    def _ready(self, place: Place) -> str:
        if place.status:
            raise Refused("unavailable", f"Model with name {place.name} is not ready.")
        return place.next_variant() or next(iter(place.variants))

    def _infer(self, visit: Visit, place: Place, version: str) -> Outgoing:
        if "inference-header-content-length" in visit.incoming.headers:
            raise Malformed("the binary tensor data extension is not supported")
        served = place.variants[version]
        container = served.within(self.CONTAINERS)
        kind, body = written(self._account, visit, Target(place, version, served), container, most=Most())
        if not isinstance(served.container, str):
            return Outgoing(200, body, {"Content-Type": kind})
        asked = visit.incoming.json()
        tensors = tensors_of(body, asked, name=place.name, nested=place.has("nested"))
        dialect = self._dialect
        found = {
            "model_name": place.name, "model_version": version if dialect.versions else None,
            "id": asked.get("id") or str(uuid.uuid4()), "outputs": [dialect.shaped(tensor) for tensor in tensors],
        }  # fmt: skip
        if dialect.checked:
            found["parameters"] = None if dialect.first else {}
        return said(found)

    def _metadata(self, place: Place, version: str) -> dict[str, Any]:
        served = place.variants[version or next(reversed(place.variants))]
        kserve, mlserver = self._dialect.first, self._dialect.columns
        found = {
            "name": place.name, "versions": None if kserve else [] if mlserver else list(place.variants),
            "platform": "" if kserve else place.option("platform", "sklearn_sklearn"),
            "inputs": _inputs(place, served), "outputs": _outputs(served),
        }  # fmt: skip
        return {**found, "parameters": {}} if mlserver else found

    def refuse(self, refused: Refused, visit: Visit) -> Outgoing:
        if refused.what == "unsigned":
            return plain(refused.message, 401, self.gate.challenge)
        return self._dialect.refuse(refused, first=visit.incoming.path.startswith("/v1/"))


_LISTS = ("/v1/models", "/v2/models", "/v2/repository/index")


def _inputs(place: Place, served: Served) -> list[dict[str, Any]]:
    if place.option("inputs", "columns") == "matrix":
        return [{"name": "input-0", "datatype": "FP64", "shape": [-1, len(served.columns) or -1]}]
    return [
        {"name": name, "datatype": "BYTES" if served.is_text(name) else "FP64", "shape": [-1, 1]}
        for name in served.columns
    ]


def _outputs(served: Served) -> list[dict[str, Any]]:
    label = {"name": "predict", "datatype": _datatype(served), "shape": [-1]}
    match served.container:
        case "columns":
            return [{**label, "name": served.target}] + [
                {"name": f"Probability_{one}", "datatype": "FP64", "shape": [-1]} for one in served.classes
            ]
        case "probabilities" | "logits":
            return [{"name": "predict", "datatype": "FP64", "shape": [-1, len(served.classes)]}]
        case _:
            return [label]


def _datatype(served: Served) -> str:
    if not served.classifies:
        return "FP64"
    return {"bool": "BOOL", "int": "INT64"}.get(type(served.classes[0]).__name__, "BYTES")
