"""A probe waits for a place over its connection like any request, and not where nobody lends one any more."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from muster.errors import StoreError
from muster.predictors.external.asking import Asker
from muster.predictors.external.exchange import Answer, Payload
from muster.predictors.external.opening import open_provider
from muster.predictors.external.transport.gate import Line
from muster.records import Connection, now
from muster.sharing import Grant, Wish
from muster.signature import Json
from tests.predictors.external.transport.local import Server, handler, serving

LIMITS: dict[str, Json] = {"bytes": 1 << 20, "seconds": 10.0, "concurrency": 1, "most": 1, "rows": None}
ASKED = Payload(b'{"rows": [1.0]}', "application/json")


class Lender:
    """Lends one place, and ends with an error when it is told to."""

    place = "here"

    def __init__(self) -> None:
        self.gone = threading.Event()

    def free(self, connection: str) -> bool:
        return False

    def renew(self, connection: str, wish: Wish) -> Grant:
        if self.gone.is_set():
            raise StoreError("the database is gone")
        return Grant(flying=1)

    def leave(self, connection: str, wish: Wish) -> None:
        """Nobody asks what was left."""


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()
    with serving(handler(state)) as url:
        state.url = url
        yield state


def _asker(server: Server, lender: Lender) -> Asker:
    made = Connection(
        name="c",
        kind="http",
        settings={"url": f"{server.url}/score"},
        caps={"concurrency": 1},
        created_at=now(),
        created_by="ada",
    )
    where: dict[str, Json] = {**open_provider(made)[0].where}
    return Asker(made, {"route": {"url": f"{server.url}/score"}, "limits": LIMITS, "where": where}, 9, lender)


def test_a_probe_has_a_place_and_gives_it_back(server: Server) -> None:
    with _asker(server, Lender()) as asker:
        assert isinstance(asker.ask(ASKED), Answer)
        assert isinstance(asker.ask(ASKED), Answer)
        assert asker._together.gate.flying == 0


def test_a_probe_waits_for_its_place_and_ends_where_there_will_be_none(server: Server) -> None:
    lender = Lender()
    with _asker(server, lender) as asker, ThreadPoolExecutor(1) as threads:
        asker.ask(ASKED)
        other = Line(asker._together.gate)
        other.acquire(lambda: None)
        probe = threads.submit(asker.ask, ASKED)
        while not asker._together.gate._lines:
            assert not probe.done()
        lender.gone.set()
        asker._together.gate.until = asker._together._until = 0.0  # type: ignore[attr-defined]  # as once its part is over
        with pytest.raises(StoreError, match="is gone"):
            probe.result(60)
        other.give()
        assert len(server.seen) == 1
