"""Providers, opened against the local servers, and asked as the transport asks them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from muster.endpoint import Endpoint, Listed, Step
from muster.errors import MusterError
from muster.predictors.external.exchange import Answer, Later, Payload, Refusal, RefusalKind, Reply
from muster.predictors.external.opening import discover, open_provider, steps_of
from muster.predictors.external.provider import Described, Provider, Send
from muster.records import Connection
from muster.testing.endpoints import Account, Models, Served, serving

__all__ = ["COLUMNS", "FRAME", "MODEL", "Case", "Client", "account_of", "reply", "risk", "secrets_of"]

COLUMNS = ("age", "visits")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FRAME = Payload(
    json.dumps({"dataframe_split": {"columns": list(COLUMNS), "data": [[41.0, 2.0], [20.0, 5.0]]}}).encode(),
    "application/json",
)
"""Two rows, as servers of MLflow's models take them."""


def risk(rows: list[Any]) -> list[list[float]]:
    found = []
    for row in rows:
        age, visits = (row[c] for c in COLUMNS) if isinstance(row, dict) else row
        p = min(1.0, float(age) / 100 + float(visits) / 100)
        found.append([1 - p, p])
    return found


MODEL = Served(predict=risk, columns=COLUMNS)


@dataclass(frozen=True)
class Client:
    """A connection to an account, with settings of its own where the test gives some."""

    account: Account
    settings: Mapping[str, Any]

    @property
    def connection(self) -> Connection:
        return Connection(name="c", kind=self.account.kind, settings=self.settings, created_at=NOON, created_by="ada")

    def but(self, **settings: Any) -> Client:
        """With other settings; None leaves one out."""
        return Client(self.account, {k: v for k, v in {**self.settings, **settings}.items() if v is not None})

    @contextmanager
    def opened(self) -> Iterator[tuple[Provider, Send]]:
        provider, send = open_provider(self.connection)
        try:
            yield provider, send
        finally:
            provider.close()
            send.close()

    def describe(self, name: str | None = "churn", variant: str | None = None) -> Described:
        with self.opened() as (provider, _):
            return provider.describe(Endpoint("c", name, variant))

    def discover(self, name: str = "") -> list[Listed]:
        return list(discover(self.connection, name))

    def steps(self, endpoint: str | None = None) -> list[Step]:
        return list(steps_of(self.connection, None if endpoint is None else Endpoint("c", endpoint)))

    def failed(self, endpoint: str | None = None) -> Step:
        """The step that fails, which is the last one."""
        *before, last = self.steps(endpoint)
        assert all(step.passed for step in before)
        assert not last.passed
        assert last.told
        assert last.hint
        return last

    def refused(self) -> MusterError:
        """What discovering raises: one sentence, and a hint."""
        with pytest.raises(MusterError) as caught:
            self.discover()
        assert caught.value.message
        assert "\n" not in caught.value.message
        assert caught.value.hint
        return caught.value


class Asked:
    """A provider that is kept open, and asked for predictions."""

    def __init__(self, provider: Provider, send: Send, payload: Payload, endpoint: Endpoint) -> None:
        self.provider, self.send, self.payload = provider, send, payload
        self.route = provider.describe(endpoint).route

    def once(self) -> Answer | Refusal:
        request = self.provider.request(self.route, self.payload, "id-1")
        found = self.provider.read(self.send(request, 10.0))
        assert not isinstance(found, Later)
        return found

    def answer(self) -> Answer:
        """As the transport does: once more with new credentials, where those that are held have run out."""
        found = self.once()
        if isinstance(found, Refusal) and found.kind == "expired":
            self.provider.renew()
            found = self.once()
        assert isinstance(found, Answer), found
        return found


@contextmanager
def asking(client: Client, payload: Payload, name: str | None = "churn", variant: str | None = None) -> Iterator[Asked]:
    with client.opened() as (provider, send):
        yield Asked(provider, send, payload, Endpoint("c", name, variant))


@contextmanager
def account_of(
    kind: str, patch: pytest.MonkeyPatch, models: Models | None = None, *, environ: bool = True, **options: Any
) -> Iterator[Client]:
    """An account of its own with the endpoint `churn`, unless others are given, and its variables in the environment."""
    with ExitStack() as block:
        account = block.enter_context(serving(kind, {"churn": MODEL} if models is None else models, **options))
        if environ:
            for name, value in account.environ.items():
                patch.setenv(name, value)
        yield Client(account, dict(account.settings))


def secrets_of(account: Account) -> list[str]:
    """What may be seen nowhere."""
    words = ("SECRET", "TOKEN", "KEY", "PASSWORD")
    found = [v for n, v in account.environ.items() if any(w in n for w in words)]
    return [v for v in found if len(v) > 8 and not v.startswith("/")]


@dataclass(frozen=True)
class Case:
    """A reply, and what it means."""

    status: int
    body: Any
    kind: RefusalKind
    said: str
    headers: Mapping[str, str] | None = None
    wait: float | None = None


def reply(case: Case) -> Reply:
    body = case.body if isinstance(case.body, bytes) else json.dumps(case.body).encode()
    return Reply(case.status, case.headers or {}, body)
