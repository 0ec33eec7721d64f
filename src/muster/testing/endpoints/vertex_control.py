"""What Vertex AI tells of endpoints and models. Both have numbers for names, made here from the names that a test gives."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from muster.testing.endpoints.account import Account, page_of
from muster.testing.endpoints.google_tokens import EMAIL, PROJECT
from muster.testing.endpoints.place import BEGIN, Place
from muster.testing.endpoints.refusal import Refused
from muster.testing.endpoints.served import Served
from muster.testing.endpoints.vertex_containers import PREBUILT

__all__ = ["NUMBER", "Control", "number", "time_of"]

NUMBER = "123456789012"
"""The project's number, which is in the names of its resources."""

_FILTER = re.compile(r'\s*(?:display_?name|displayName)\s*=\s*"?([^"]*?)"?\s*$', re.IGNORECASE)


def number(*parts: str) -> str:
    """A name of nineteen digits, the same for the same parts."""
    found = int.from_bytes(hashlib.sha256("/".join(parts).encode()).digest()[:8])
    return str(10**18 + found % (8 * 10**18))


def time_of(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Control:
    def __init__(self, account: Account, region: str) -> None:
        self._account = account
        self._region = region

    @property
    def parent(self) -> str:
        return f"projects/{NUMBER}/locations/{self._region}"

    def place(self, id: str) -> Place:
        for place in self._account.places.values():
            if number(place.name) == id:
                return place
        raise Refused("missing", f"The Endpoint {self.parent}/endpoints/{id} is not found.")

    def deployed_id(self, place: Place, variant: str) -> str:
        """That of a deployed model, which another one never has."""
        return number(place.name, variant, str(place.since.get(variant, 1)))

    def model_name(self, place: Place, served: Served) -> str:
        return f"{self.parent}/models/{number('model', served.model or place.name)}"

    def endpoints(self, asked: Mapping[str, str]) -> dict[str, Any]:
        found = list(self._account.places.values())
        if asked.get("filter"):
            wanted = _FILTER.match(asked["filter"])
            if wanted is None:
                raise Refused("invalid", f"Invalid filter expression: {asked['filter']}")
            found = [place for place in found if place.name == wanted[1]]
        token = asked.get("pageToken", "")
        if token and not token.isdecimal():
            raise Refused("invalid", "Invalid page token.")
        size = min(self._account.page, int(asked.get("pageSize") or 50) or 50)
        shown, after = page_of(found, token, size)
        return {"endpoints": [self.endpoint(place) for place in shown], **({"nextPageToken": after} if after else {})}

    def endpoint(self, place: Place) -> dict[str, Any]:
        split = {self.deployed_id(place, name): share for name, share in _split(place).items()}
        etag = hashlib.sha256(f"{place.name}/{place.revision}/{place.changed}".encode()).hexdigest()[:16]
        dedicated = place.has("dedicated")
        return {
            "name": f"{self.parent}/endpoints/{number(place.name)}", "displayName": place.name, "etag": etag,
            "createTime": time_of(place.made), "updateTime": time_of(place.changed),
            "deployedModels": [self._deployed(place, name, served) for name, served in place.variants.items()],
            "trafficSplit": split, "dedicatedEndpointEnabled": dedicated,
            **({"dedicatedEndpointDns": self._account.url.partition("://")[2].replace("127.0.0.1", "localhost")} if dedicated else {}),
        }  # fmt: skip

    def _deployed(self, place: Place, name: str, served: Served) -> dict[str, Any]:
        machine = {"machineType": served.instance or "n1-standard-4"}
        return {
            "id": self.deployed_id(place, name), "model": self.model_name(place, served), "modelVersionId": served.version,
            "displayName": name, "createTime": time_of(BEGIN + place.since.get(name, 1)), "serviceAccount": EMAIL,
            "dedicatedResources": {"machineSpec": machine, "minReplicaCount": served.count, "maxReplicaCount": served.count},
            **({"explanationSpec": {"parameters": {"sampledShapleyAttribution": {"pathCount": 10}}}} if place.has("explains") else {}),
        }  # fmt: skip

    def _models(self, id: str) -> list[tuple[Place, str, Served]]:
        return [
            (place, name, served) for place in self._account.places.values() for name, served in place.variants.items()
            if self.model_name(place, served).endswith(f"/{id}")
        ]  # fmt: skip

    def version(self, reference: str) -> tuple[Place, str, Served]:
        """A model of that number, and of the version or alias after its `@`; the newest if there is none."""
        id, _, version = reference.partition("@")
        found = self._models(id)
        wanted = [one for one in found if one[2].version == version] if version not in ("", "default") else found
        if not wanted:
            raise Refused("missing", f"The Model {self.parent}/models/{reference} does not exist.")
        return max(wanted, key=lambda one: one[2].version)

    def model(self, reference: str) -> dict[str, Any]:
        id = reference.partition("@")[0]
        found = self._models(id)
        place, name, served = self.version(reference)
        read, written = self.formats(served)
        newest = served.version == max(one[2].version for one in found)
        made = time_of(BEGIN + place.since.get(name, 1))
        return {
            "name": f"{self.parent}/models/{id}", "displayName": served.model or place.name, "versionId": served.version,
            "versionAliases": ["default"] if newest else [], "versionCreateTime": made, "versionUpdateTime": made,
            "createTime": made, "updateTime": made, "etag": number(id, served.version)[:16],
            "supportedDeploymentResourcesTypes": ["DEDICATED_RESOURCES"], "supportedInputStorageFormats": read,
            "supportedOutputStorageFormats": written, **self._contents(place, served),
            "deployedModels": [
                {"endpoint": f"{self.parent}/endpoints/{number(p.name)}", "deployedModelId": self.deployed_id(p, n)}
                for p, n, s in found if s.version == served.version
            ],
        }  # fmt: skip

    def formats(self, served: Served) -> tuple[list[str], list[str]]:
        """What batch predictions of a model read and write. Tables' are no lines of JSON."""
        if served.container == "automl":
            return ["bigquery", "csv"], ["bigquery", "csv"]
        return ["jsonl", "bigquery", "csv", "tf-record", "tf-record-gzip", "file-list"], ["jsonl", "bigquery"]

    def _contents(self, place: Place, served: Served) -> dict[str, Any]:
        if served.container == "automl":
            tables = "gs://google-cloud-aiplatform/schema/model/metadata/automl_tabular_1.0.0.yaml"
            return {
                "metadataSchemaUri": tables,
                "metadata": {"targetColumn": served.target, "problemType": served.task},
            }
        own = f"{self._region}-docker.pkg.dev/{PROJECT}/models/{place.name}:{served.version}"
        image = PREBUILT.get(served.container, own) if isinstance(served.container, str) else own
        return {
            "containerSpec": {"imageUri": image, "predictRoute": "/predict", "healthRoute": "/health"},
            "artifactUri": f"gs://{PROJECT}/models/{place.name}/{served.version}",
            "predictSchemata": {"instanceSchemaUri": f"gs://{PROJECT}/models/{place.name}/instance.yaml"},
        }  # fmt: skip


def _split(place: Place) -> dict[str, int]:
    """Whole percent that add up to a hundred: the last has what is left."""
    total = sum(place.weights.values())
    if not total:
        return {}
    shares = {name: round(100 * weight / total) for name, weight in place.weights.items()}
    last = next(reversed(shares))
    shares[last] += 100 - sum(shares.values())
    return {name: share for name, share in shares.items() if share}
