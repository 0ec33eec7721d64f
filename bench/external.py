"""An endpoint of known capacity, called by Muster and by the best of fixed settings: rows a second, and calls that are rejected.

The endpoint has 4 workers that take 15 ms and 30 µs a row, behind a network of 10 ms, and rejects what comes while 8 requests are in
flight. A size is the most rows that it takes in a request. The limit is the quickest of a grid of fixed numbers of connections
and rows; 64 fixed connections show what not knowing costs. Both try again with full jitter. Nothing is learnt before a measurement:
each of Muster's begins with a new process, 4 requests at once and 64 rows.
"""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pyarrow as pa
from harness import arguments, finish, machine, show

from muster.endpoint import Endpoint, Listed, Step
from muster.predictors.external.exchange import Answer, Limits, Payload, Refusal, Reply, Request
from muster.predictors.external.provider import Described
from muster.predictors.external.transport.caller import Caller
from muster.predictors.external.transport.retry import retry_after
from muster.predictors.external.transport.sender import Sender
from muster.signature import Json

WORKERS, FIXED, EACH, NETWORK, MOST = 4, 0.015, 30e-6, 0.010, 8
SECONDS = 10.0
"""How long a measurement takes about, at the endpoint's capacity."""
CHUNK, LANES = 65_536, 4
"""As a scoring does: so many rows a chunk, and so many chunks at once."""
CONNECTIONS = (4, 6, 7, 8)
WAYS = ("muster", "muster, told to wait", "64 fixed")


def main() -> None:
    options = arguments(__doc__ or "", [20, 200, 1_000, 1_000_000])
    table: list[dict[str, object]] = []
    for size in options.sizes:
        table += compare(size, options.rounds)
    if not options.json:
        show("rows a second, as a share of the best fixed setting; calls that were rejected", table)
    finish({"machine": machine("muster-ml", "urllib3"), "endpoints": table}, options.json)


def compare(size: int, rounds: int) -> Iterator[dict[str, object]]:
    """The grid once, then all in turn."""
    ways = [f"{n} fixed × {rows}" for n in CONNECTIONS for rows in sorted({size, min(size, 8_192)})]
    best = max(ways, key=lambda way: run(way, size)["rows_per_second"])
    found: dict[str, list[dict[str, float]]] = {}
    for _ in range(rounds):
        for way in (best, *WAYS):
            found.setdefault(way, []).append(run(way, size))
    limit = middle(found[best], "rows_per_second")
    ignorant = middle(found["64 fixed"], "rejected")
    for way, times in found.items():
        speeds = [t["rows_per_second"] for t in times]
        yield {
            "rows_at_most": size,
            "way": way,
            "rows_per_second": round(statistics.median(speeds)),
            "spread": round(max(speeds) - min(speeds)),
            "share": round(statistics.median(speeds) / limit, 3),
            "calls": round(middle(times, "calls")),
            "rejected": round(middle(times, "rejected")),
            "of_64_fixed": round(middle(times, "rejected") / max(1.0, ignorant), 3),
            "cpu_seconds": round(middle(times, "cpu"), 2),
        }


def middle(times: list[dict[str, float]], name: str) -> float:
    return statistics.median(t[name] for t in times)


def run(way: str, size: int) -> dict[str, float]:
    """One measurement in a new process, against a new endpoint."""
    with endpoint(waits=way.endswith("wait")) as url:
        done = subprocess.run(
            [sys.executable, __file__, "client", url, way, str(size)], check=True, stdout=subprocess.PIPE, text=True
        )
    return json.loads(done.stdout)


@contextmanager
def endpoint(*, waits: bool) -> Iterator[str]:
    with subprocess.Popen(
        [sys.executable, __file__, "server", str(int(waits))], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}/"
        finally:
            process.kill()


def client(url: str, way: str, size: int) -> dict[str, float]:
    """All rows, by one way; every answer must be right."""
    capacity = WORKERS / (FIXED + EACH * min(size, 8_192)) * min(size, 8_192)
    rows = max(CHUNK, int(capacity * SECONDS) // CHUNK * CHUNK)
    values = np.random.default_rng(1).normal(size=rows)
    chunks = [pa.record_batch({"x": values[start : start + CHUNK]}) for start in range(0, rows, CHUNK)]
    encode(chunks[0], {}, "")  # whatever pyarrow imports for that is no part of it
    call = muster(url, size) if way.startswith("muster") else fixed(url, way, size)
    before, began = time.process_time(), time.perf_counter()
    counts = call(chunks)
    seconds = time.perf_counter() - began
    return {**counts, "rows_per_second": rows / seconds, "cpu": time.process_time() - before}


def muster(url: str, size: int) -> Callable[[list[pa.RecordBatch]], dict[str, float]]:
    def call(chunks: list[pa.RecordBatch]) -> dict[str, float]:
        with Sender() as send:
            limits = Limits(bytes=6 << 20, seconds=60.0, rows=size)
            caller = Caller(Fake(url), {}, limits, send, name="bench", encode=encode, decode=decode)
            with ThreadPoolExecutor(LANES) as threads:
                for chunk, answer in zip(chunks, threads.map(caller.ask, chunks), strict=True):
                    assert answer.column("prediction").equals(chunk.column("x"))
            counts = caller.counts
            caller.close()
        return {"calls": counts.tries, "rejected": counts.throttled}

    return call


def fixed(url: str, way: str, size: int) -> Callable[[list[pa.RecordBatch]], dict[str, float]]:
    """So many connections, each of which sends requests of so many rows, and again after a while those that were rejected."""
    told = way.split(" fixed × ")
    connections, rows = int(told[0].split()[0]), int(told[1]) if len(told) > 1 else min(size, 8_192)

    def call(chunks: list[pa.RecordBatch]) -> dict[str, float]:
        pieces = iter([c.slice(n, rows) for c in chunks for n in range(0, c.num_rows, rows)])
        lock, counts = threading.Lock(), {"calls": 0.0, "rejected": 0.0}

        def work() -> None:
            while True:
                with lock:
                    piece = next(pieces, None)
                if piece is None:
                    return
                tries = again(send, provider, piece)
                with lock:
                    counts["calls"] += tries
                    counts["rejected"] += tries - 1

        provider = Fake(url)
        with Sender() as send, ThreadPoolExecutor(connections) as threads:
            for done in [threads.submit(work) for _ in range(connections)]:
                done.result()
        return counts

    return call


def again(send: Sender, provider: Fake, piece: pa.RecordBatch) -> int:
    tries = 0
    while True:
        tries += 1
        payload = encode(piece, {}, "")
        outcome = provider.read(send(provider.request({}, payload, ""), 70.0))
        if isinstance(outcome, Answer):
            assert decode(outcome, piece.num_rows).column("prediction").equals(piece.column("x"))
            return tries
        time.sleep(random.uniform(0, min(20.0, 0.1 * 2**tries)))


def encode(batch: pa.RecordBatch, _params: Mapping[str, Json], _identity: str) -> Payload:
    return Payload(batch.column("x").to_numpy().tobytes(), "application/octet-stream")


def decode(answer: Answer, _rows: int) -> pa.RecordBatch:
    return pa.record_batch({"prediction": np.frombuffer(answer.body)})


class Fake:
    """The provider of the endpoint below."""

    def __init__(self, url: str) -> None:
        self._url = url

    @property
    def where(self) -> Mapping[str, str]:
        return {}

    def request(self, route: Mapping[str, Json], payload: Payload, identity: str) -> Request:
        return Request("POST", self._url, {"Content-Type": payload.content_type}, payload.body)

    def read(self, reply: Reply) -> Answer | Refusal:
        if reply.status == 200:
            return Answer(reply.body, "application/octet-stream")
        return Refusal("throttled", "too many requests", retry_after(reply.headers))

    def renew(self) -> None:
        """There are no credentials."""

    def discover(self, name: str = "") -> Iterator[Listed]:
        return iter(())

    def describe(self, endpoint: Endpoint) -> Described:
        return Described(route={}, configuration={}, limits=Limits(6 << 20, 60.0))

    def check(self, endpoint: Endpoint | None = None) -> Iterator[Step]:
        return iter(())

    def close(self) -> None:
        """It holds nothing."""


async def server(*, waits: bool) -> None:
    workers, flying = asyncio.Semaphore(WORKERS), 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal flying
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
                body = await reader.readexactly(length)
                await asyncio.sleep(NETWORK / 2)
                if flying >= MOST:
                    await asyncio.sleep(NETWORK / 2)
                    wait = b"Retry-After: 1\r\n" if waits else b""
                    writer.write(b"HTTP/1.1 429 Too Many Requests\r\n" + wait + b"Content-Length: 0\r\n\r\n")
                    continue
                flying += 1
                async with workers:
                    await asyncio.sleep(FIXED + EACH * (length // 8))
                flying -= 1
                await asyncio.sleep(NETWORK / 2)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % length + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, limit=64 << 20, backlog=256)
    print(listening.sockets[0].getsockname()[1], flush=True)
    await listening.serve_forever()


if __name__ == "__main__":
    if sys.argv[1:2] == ["server"]:
        asyncio.run(server(waits=sys.argv[2] == "1"))
    elif sys.argv[1:2] == ["client"]:
        print(json.dumps(client(sys.argv[2], sys.argv[3], int(sys.argv[4]))))
    else:
        main()
