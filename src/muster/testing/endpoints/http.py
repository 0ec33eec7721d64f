"""Any HTTP server that answers predictions: each endpoint at `/NAME`, the first of them in the settings as `url`.

Containers: `json` (rows as records, lists or a split frame; the answer under `predictions`), `records` (the answer is a list of
records), `csv` (with a header, both ways), `labels`, `probabilities`. Options of the account: `auth` (`none`, `basic`, `bearer`,
`api-key`, `mtls`), and `header` or `query` (where the key stands); of an endpoint: `limit` (bytes), `timeout` (seconds).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from muster.testing.endpoints.account import Account, Visit
from muster.testing.endpoints.gate import Gate
from muster.testing.endpoints.invoking import Most, Target, written
from muster.testing.endpoints.reading import csv_rows, document, features, frame, items, table
from muster.testing.endpoints.refusal import Malformed, Refused
from muster.testing.endpoints.served import Container, Outcome, Served, Told, Written
from muster.testing.endpoints.server import Incoming, Outgoing, said
from muster.testing.endpoints.writing import by_class, csv_text, json_text, labelled, probabilities

__all__ = ["CONTAINERS", "Http"]

_STATUS = {
    "throttled": 429, "starting": 503, "unavailable": 503, "too_large": 413, "timeout": 504, "missing": 404, "denied": 403,
    "expired": 401, "unsigned": 401, "method": 405,
}  # fmt: skip


def _read(incoming: Incoming, served: Served) -> list[Any]:
    if incoming.content_type != "application/json":
        raise Malformed(f"Unsupported Media Type: {incoming.content_type}", 415)
    found = document(incoming.body)
    if isinstance(found, list):
        return [features(item, served) for item in found]
    if isinstance(found, Mapping):
        if {"columns", "data"} <= found.keys():
            return table(found["columns"], found["data"], served)
        for key in ("instances", "inputs", "data", "rows"):
            if key in found:
                return [features(item, served) for item in items(found, key)]
        if "records" in found:
            return frame(items(found, "records"), served)
    raise Malformed("the request has no rows")


def _read_csv(incoming: Incoming, served: Served) -> list[Any]:
    if incoming.content_type != "text/csv":
        raise Malformed(f"Unsupported Media Type: {incoming.content_type}", 415)
    return csv_rows(incoming.body, served, header=True)


def _told(outcome: Outcome, served: Served) -> dict[str, Any]:
    if not served.classifies:
        return {"prediction": outcome.prediction}
    return {"prediction": outcome.prediction, "probabilities": by_class(outcome, served)}


def _json(told: Told) -> Written:
    return json_text({"predictions": [_told(o, told.served) for o in told.outcomes]})


def _records(told: Told) -> Written:
    return json_text([_told(o, told.served) for o in told.outcomes])


def _csv(told: Told) -> Written:
    found = [labelled(o, told.served) for o in told.outcomes]
    return csv_text([list(found[0]) if found else [], *(list(one.values()) for one in found)])


def _labels(told: Told) -> Written:
    return json_text({"predictions": [o.prediction for o in told.outcomes]})


def _probabilities(told: Told) -> Written:
    return json_text({"predictions": [probabilities(o, told.served) for o in told.outcomes]})


CONTAINERS: Mapping[str, Container] = {
    "json": Container(_read, _json),
    "records": Container(_read, _records),
    "csv": Container(_read_csv, _csv),
    "labels": Container(_read, _labels),
    "probabilities": Container(_read, _probabilities),
}


class Http:
    FIRST_VARIANT = "default"
    TLS = False
    CONTAINERS: Mapping[str, Container] = CONTAINERS

    def __init__(self, account: Account, *, auth: str = "none", header: str = "X-API-Key", query: str = "") -> None:
        self._account = account
        self.gate = Gate(auth, header, query)

    def open(self) -> None:
        self._account.settings["url"] = f"{self._account.url}/{next(iter(self._account.places), '')}"
        self.gate.open(self._account)

    def expire(self) -> None:
        self.gate.expire()

    def answer(self, visit: Visit) -> Outgoing:
        self.gate.check(visit)
        name = visit.incoming.path.strip("/")
        if visit.incoming.method != "POST":
            raise Refused("method", "Method Not Allowed")
        self._account.permit(visit, "invoke", name)
        place = self._account.places.get(name)
        if place is None:
            raise Refused("missing", "Not Found")
        if place.status:
            raise Refused("unavailable", place.status)
        variant = place.next_variant() or next(iter(place.variants))
        served = place.variants[variant]
        limit: Any = place.option("limit")
        seconds: Any = place.option("timeout")
        container = served.within(self.CONTAINERS)
        target = Target(place, variant, served)
        kind, body = written(self._account, visit, target, container, most=Most(limit, seconds))
        return Outgoing(200, body, {"Content-Type": kind})

    def refuse(self, refused: Refused, visit: Visit) -> Outgoing:
        status = refused.status or _STATUS.get(refused.what, 400)
        challenge = self.gate.challenge if status == 401 else {}
        return said({"error": refused.message}, status, {**refused.retry_after, **challenge})
