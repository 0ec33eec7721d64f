"""What Databricks tells of its serving endpoints: summaries, descriptions, and the schema of one as OpenAPI."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from muster.testing.endpoints.place import BEGIN, Place
from muster.testing.endpoints.served import Served

__all__ = ["described", "schema", "summary"]

_CREATOR = "ada@example.com"


def _entity(place: Place, name: str, served: Served) -> dict[str, Any]:
    """What is served under one name, as lists have it."""
    return {"name": name, "entity_name": served.model or f"main.models.{place.name}", "entity_version": served.version}


def _external(place: Place) -> list[dict[str, Any]]:
    name = place.option("external")
    if not name:
        return []
    return [{"name": name, "external_model": {"name": name, "provider": "openai", "task": "llm/v1/chat"}}]


def _state(place: Place) -> dict[str, str]:
    ready = "NOT_READY" if place.status in ("NOT_READY", "UPDATE_FAILED") else "READY"
    update = place.status if place.status in ("IN_PROGRESS", "UPDATE_FAILED", "UPDATE_CANCELED") else "NOT_UPDATING"
    return {"ready": ready, "config_update": update}


def summary(place: Place) -> dict[str, Any]:
    """As lists have it: without the configuration's version, sizes and traffic."""
    entities = [_entity(place, name, served) for name, served in place.variants.items()]
    models = [
        {"name": e["name"], "model_name": e["entity_name"], "model_version": e["entity_version"]} for e in entities
    ]
    return {
        "name": place.name, "id": hashlib.sha256(place.name.encode()).hexdigest()[:32], "creator": _CREATOR,
        "creation_timestamp": place.made * 1000, "last_updated_timestamp": place.changed * 1000, "state": _state(place),
        "config": {"served_entities": [*entities, *_external(place)], "served_models": models}, "permission_level": "CAN_MANAGE",
    }  # fmt: skip


def _detailed(place: Place, name: str, served: Served) -> dict[str, Any]:
    ready = place.status not in ("NOT_READY", "UPDATE_FAILED")
    return {
        "workload_size": served.instance or "Small", "workload_type": "CPU", "scale_to_zero_enabled": True, "creator": _CREATOR,
        "creation_timestamp": (BEGIN + place.since.get(name, 1)) * 1000,
        "state": {
            "deployment": "DEPLOYMENT_READY" if ready else "DEPLOYMENT_FAILED", "deployment_state_message": "" if ready else place.status,
        },
    }  # fmt: skip


def described(place: Place, own_url: str) -> dict[str, Any]:
    details = {name: _detailed(place, name, served) for name, served in place.variants.items()}
    entities = [{**_entity(place, name, served), **details[name]} for name, served in place.variants.items()]
    models = [
        {"name": e["name"], "model_name": e["entity_name"], "model_version": e["entity_version"], **details[e["name"]]}
        for e in entities
    ]
    routes = [
        {"served_model_name": name, "traffic_percentage": round(w)} for name, w in _percent(place.weights).items()
    ]
    found = summary(place) | {
        "config": {
            "config_version": place.revision, "served_entities": [*entities, *_external(place)], "served_models": models,
            "traffic_config": {"routes": routes},
        },
        "route_optimized": bool(own_url), "tags": [], "description": "",
    }  # fmt: skip
    if own_url:
        details_ = json.dumps([_permission(found["id"])])
        found |= {
            "endpoint_url": own_url.removesuffix("/invocations"),
            "data_plane_info": {"query_info": {"authorization_details": details_, "endpoint_url": own_url}},
        }
    return found


def _permission(id: str) -> dict[str, Any]:
    """What a token for the endpoint's own address must be good for."""
    return {
        "type": "workspace_permission", "object_type": "serving-endpoints", "object_path": f"/serving-endpoints/{id}",
        "actions": ["query_inference_endpoint"],
    }  # fmt: skip


def _percent(weights: Mapping[str, float]) -> dict[str, float]:
    total = sum(weights.values()) or 1
    return {name: 100 * weight / total for name, weight in weights.items()}


def schema(place: Place, url: str) -> dict[str, Any]:
    """The request of each way to send rows, for the first model, as OpenAPI."""
    served = next(iter(place.variants.values()))
    kinds = {name: "string" if served.is_text(name) else "double" for name in served.columns}
    properties = {
        name: {"type": "string"} if kind == "string" else {"type": "number", "format": "double"}
        for name, kind in kinds.items()
    }
    row = {"type": "object", "required": list(kinds), "properties": properties}
    split = {
        "type": "object",
        "properties": {
            "columns": {"type": "array", "items": {"type": "string", "enum": list(kinds)}},
            "data": {"type": "array", "items": {"type": "array", "prefixItems": list(properties.values())}},
        },
    }  # fmt: skip
    requests = [
        {"type": "object", "properties": {"dataframe_split": split}},
        {"type": "object", "properties": {"dataframe_records": {"type": "array", "items": row}}},
    ]
    post = {
        "requestBody": {"content": {"application/json": {"schema": {"oneOf": requests}}}},
        "responses": {"200": {"description": "Successful operation"}},
    }
    return {
        "openapi": "3.1.0", "info": {"title": place.name, "version": str(place.revision)},
        "servers": [{"url": f"{url}/serving-endpoints/{place.name}"}],
        "paths": {f"/served-models/{name}/invocations": {"post": post} for name in place.variants},
    }  # fmt: skip
