"""Endpoints as an origin: one for all kinds of connections, whose providers differ and nothing else."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pyarrow as pa

from muster.endpoint import Reached
from muster.errors import InvalidModel
from muster.predictor import Description, Draft, Finding, Observed, Predictor, Site
from muster.records import Version
from muster.signature import Json

__all__ = ["EndpointOrigin"]


class EndpointOrigin:
    """Claims an endpoint that comes with its connection; which kind it is, the connection says."""

    name = "endpoint"

    def claims(self, source: object) -> bool:
        return isinstance(source, Reached)

    def describe(self, source: object, scratch: Path) -> Description:
        """What the provider tells of it now; nothing is predicted yet."""
        from muster.predictors.external.opening import open_provider

        if not isinstance(source, Reached):
            raise InvalidModel(
                f"a {type(source).__name__} is no endpoint",
                hint="give muster.Endpoint(connection, name), or --connection",
            )
        endpoint, connection = source.endpoint, source.connection
        provider, send = open_provider(connection)
        try:
            told = provider.describe(endpoint)
            where: dict[str, Json] = dict(provider.where)
        finally:
            provider.close()
            send.close()
        address: dict[str, Json] = {"name": endpoint.name, "variant": endpoint.variant}
        return Description(
            source=str(endpoint),
            specification={
                "format": "muster.endpoint/1",
                "kind": connection.kind,
                "where": where,
                "route": dict(told.route),
                "configuration": dict(told.configuration),
            },
            task=told.task,
            classes=told.classes,
            signature=told.signature,
            load={
                "connection": connection.name,
                "endpoint": address,
                "where": where,
                "route": dict(told.route),
                "limits": asdict(told.limits),
                "configuration": dict(told.configuration),
                "request": told.request,
                "response": told.response,
            },
            notes=told.notes,
            lineage={k: v for k, v in told.lineage.items() if v is not None},
        )

    def probe(self, draft: Draft, site: Site, sample: pa.Table | None) -> Finding:
        from muster.predictors.external.probe import probe

        return probe(draft, site, sample)

    def observe(self, version: Version, site: Site, known: Observed) -> Observed:
        """What stands behind it now, asked about the rows that were pinned in what is known."""
        from muster.predictors.external.observing import observe

        return observe(version, site.connection(str(version.load["connection"])), known, site.shares)

    def open(self, version: Version, site: Site, workers: int = 1) -> Predictor:
        from muster.predictors.external.predictor import EndpointPredictor
        from muster.predictors.external.transport.stored import StoredCheckpoint

        kept = None if site.answers is None else StoredCheckpoint(site.answers)
        return EndpointPredictor(version, site.connection(str(version.load["connection"])), kept, site.shares)
