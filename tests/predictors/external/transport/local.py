"""An endpoint on this machine that does what it is told, and a provider that speaks its language: rows in, twice their value out."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pyarrow as pa

from muster.endpoint import Endpoint, Listed, Step
from muster.errors import ModelFailed
from muster.predictors.external.exchange import Answer, Limits, Payload, Refusal, Reply, Request
from muster.predictors.external.provider import Described
from muster.predictors.external.transport.caller import Caller
from muster.predictors.external.transport.checkpoint import Checkpoint
from muster.predictors.external.transport.means import Decode, Encode
from muster.predictors.external.transport.rate import Caps
from muster.predictors.external.transport.retry import Patience, retry_after
from muster.predictors.external.transport.sender import Sender
from muster.signature import Json

NAME = "scores/churn"
SCHEMA = pa.schema([("prediction", pa.float64())])


@dataclass
class Say:
    """What the endpoint answers. `cut` leaves the last bytes out, `drop` closes without a word, `seconds` is how long it thinks."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    drop: bool = False
    seconds: float = 0.0


@dataclass
class Seen:
    rows: list[float]
    identity: str
    token: str
    size: int


Rule = Callable[[Seen, int], Say | None]
"""Of what was asked, and how often anything was before; None is the right answer."""


class Server:
    """Counts what it is asked, and how much at once."""

    def __init__(self) -> None:
        self.rule: Rule = lambda seen, number: None
        self.seen: list[Seen] = []
        self.flying = self.most_flying = self.answered_rows = 0
        self.url = ""
        self.lock = threading.Lock()

    def ask(self, seen: Seen) -> Say:
        with self.lock:
            number = len(self.seen)
            self.seen.append(seen)
            self.flying += 1
            self.most_flying = max(self.most_flying, self.flying)
        try:
            said = self.rule(seen, number)
            if said is None or not (said.status != 200 or said.body or said.drop):
                said = Say(body=right(seen.rows), seconds=said.seconds if said else 0.0, cut=bool(said and said.cut))
            time.sleep(said.seconds)
        finally:
            with self.lock:
                self.flying -= 1
        return said


def right(rows: list[float]) -> bytes:
    return json.dumps([2 * row for row in rows]).encode()


def handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            token, identity = self.headers.get("Authorization", ""), self.headers.get("X-Identity", "")
            said = server.ask(Seen(json.loads(body)["rows"], identity, token, len(body)))
            if said.drop:
                self.close_connection = True
                return
            self.send_response(said.status)
            for name, value in {"Content-Type": "application/json", **said.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(said.body)))
            self.end_headers()
            self.wfile.write(said.body[: len(said.body) // 2] if said.cut else said.body)
            self.close_connection = self.close_connection or said.cut

        def log_request(self, code: object = "-", size: object = "-") -> None:
            """Tests read what is counted."""

    return Handler


class Quiet(ThreadingHTTPServer):
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that do not wait are no news."""


@contextmanager
def serving(kind: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with Quiet(("127.0.0.1", 0), kind) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{http.server_address[1]}"
        http.shutdown()
        thread.join()


class Local:
    """The provider."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.renewed = 0

    @property
    def where(self) -> Mapping[str, str]:
        return {}

    def request(self, route: Mapping[str, Json], payload: Payload, identity: str) -> Request:
        headers = {
            "X-Identity": identity,
            "Authorization": f"token {self.renewed}",
            "Content-Type": payload.content_type,
        }
        return Request("POST", f"{self.url}/score?signature=geheim", headers, payload.body)

    def read(self, reply: Reply) -> Answer | Refusal:
        message = reply.body.decode()
        match reply.status:
            case 200:
                return Answer(reply.body, reply.headers["content-type"], reply.headers.get("x-served-by"))
            case 429:
                return Refusal("throttled", message, retry_after(reply.headers))
            case 425:
                return Refusal("starting", message)
            case 413:
                return Refusal("too_large", message)
            case 401:
                return Refusal("expired", message)
            case 403:
                return Refusal("denied", message)
            case 404:
                return Refusal("missing", message)
            case 400:
                return Refusal("rows", message)
        return Refusal("unavailable", message, retry_after(reply.headers))

    def renew(self) -> None:
        self.renewed += 1

    def discover(self, name: str = "") -> Iterator[Listed]:
        return iter(())

    def describe(self, endpoint: Endpoint) -> Described:
        return Described(route={}, configuration={}, limits=LIMITS)

    def check(self, endpoint: Endpoint | None = None) -> Iterator[Step]:
        return iter(())

    def close(self) -> None:
        pass


LIMITS = Limits(bytes=1 << 20, seconds=10.0)
HASTE = Patience(begin=0.001, cap=0.005)


def encode(batch: pa.RecordBatch, params: Mapping[str, Json], identity: str) -> Payload:
    return Payload(json.dumps({"rows": batch.column("x").to_pylist(), **params}).encode(), "application/json")


def decode(answer: Answer, rows: int) -> pa.RecordBatch:
    try:
        values = json.loads(answer.body)
    except ValueError:
        raise ModelFailed("the endpoint answered something else than JSON") from None
    if not isinstance(values, list) or len(values) != rows:
        raise ModelFailed(f"the endpoint answered {answer.body[:40]!r} for {rows} rows")
    return pa.record_batch({"prediction": pa.array(values, pa.float64())})


def batch_of(rows: int) -> pa.RecordBatch:
    return pa.record_batch({"x": [float(n) for n in range(rows)]})


@contextmanager
def calling(
    server: Server,
    *,
    limits: Limits = LIMITS,
    patience: Patience = HASTE,
    answered: Checkpoint | None = None,
    provider: Local | None = None,
    cap: int | None = None,
    caps: Caps | None = None,
    grace: float = 10.0,
    encode: Encode = encode,
    decode: Decode = decode,
) -> Iterator[Caller]:
    with Sender() as send:
        caller = Caller(
            provider or Local(server.url),
            {},
            limits,
            send,
            name=NAME,
            encode=encode,
            decode=decode,
            schema=SCHEMA,
            key=server.url,
            patience=patience,
            answered=answered,
            cap=cap,
            caps=caps,
            grace=grace,
        )
        try:
            yield caller
        finally:
            caller.close()


def predictions(answer: pa.RecordBatch) -> list[float | None]:
    return answer.column("prediction").to_pylist()


def errors(answer: pa.RecordBatch) -> dict[int, str]:
    """By row."""
    if "error" not in answer.schema.names:
        return {}
    return {row: told for row, told in enumerate(answer.column("error").to_pylist()) if told is not None}
