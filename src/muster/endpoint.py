"""Endpoint: a model that someone else runs, as people name it, and as its account lists it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Literal, TypeAlias

from muster.errors import InvalidInput
from muster.records import Connection, Record
from muster.signature import Json

__all__ = ["NAMES", "Endpoint", "Listed", "Reached", "Step", "StepName"]


NAMES = ("name", "endpoint_name", "endpoint_id", "endpointName")
"""How configurations call the name of an endpoint."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Something to register: an endpoint of a named connection.

    `name` may be left out where the connection is the endpoint. `variant` is one of several models behind it: a variant or
    component of SageMaker, a deployment of Azure ML, a deployed model of Vertex AI, a served entity of Databricks.
    """

    connection: str
    name: str | None = None
    variant: str | None = None

    @classmethod
    def of(cls, told: Mapping[str, Json]) -> Endpoint:
        """From the words that Dataiku's configurations have: `connection`, and the name by one of NAMES.

        What else they say is of the connection.
        """
        names = [k for k in NAMES if told.get(k)]
        if not told.get("connection") or len(names) > 1:
            wrong = f"{' and '.join(names)} name it" if len(names) > 1 else "no `connection` is named"
            raise InvalidInput(
                f"this is no endpoint: {wrong}",
                hint="give `connection`, and the endpoint's name: muster.Endpoint(connection, name)",
            )
        name = str(told[names[0]]) if names else None
        return cls(str(told["connection"]), name, str(told["variant"]) if told.get("variant") else None)

    def __str__(self) -> str:
        parts = (self.connection, self.name, self.variant)
        return "/".join(p for p in parts if p)


@dataclass(frozen=True, slots=True)
class Reached:
    """An endpoint with the connection that leads to it."""

    endpoint: Endpoint
    connection: Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed(Record):
    """An endpoint as its account lists it. `variants` are the models behind it, each with what is known of it.

    `number` is what identifies it where its name does not.
    """

    KIND: ClassVar[str] = "endpoint"
    KEY: ClassVar[tuple[str, ...]] = ("connection", "name")
    INDEXED: ClassVar[tuple[str, ...]] = ("connection", "name", "status")

    connection: str
    name: str
    number: str = ""
    status: str = ""
    model: str = ""
    version: str = ""
    instance: str = ""
    variants: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    changed_at: datetime | None = None

    def endpoint(self, variant: str | None = None) -> Endpoint:
        return Endpoint(self.connection, self.number or self.name, variant)


StepName: TypeAlias = Literal[
    "settings", "name", "connection", "TLS", "login", "permission", "endpoint", "database", "bucket"
]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the test of a connection: what was tried, whether it went well, and what was seen."""

    name: StepName
    passed: bool
    told: str = ""
    hint: str = ""
