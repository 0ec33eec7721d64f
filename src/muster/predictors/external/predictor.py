"""A Predictor whose model someone else runs."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import pyarrow as pa

from muster.errors import SourceError
from muster.predictor import Call
from muster.predictors.external.capping import caps_of
from muster.predictors.external.codecs.decode import decode
from muster.predictors.external.codecs.encode import encode
from muster.predictors.external.codecs.spec import RequestSpec, ResponseSpec
from muster.predictors.external.endless import but_endless
from muster.predictors.external.exchange import Answer, Payload
from muster.predictors.external.limits import limits_of
from muster.predictors.external.opening import open_there
from muster.predictors.external.remote import Remote
from muster.predictors.external.transport.caller import Caller
from muster.predictors.external.transport.checkpoint import Checkpoint
from muster.predictors.external.transport.counts import Counts
from muster.records import Connection, Version
from muster.sharing import Shares
from muster.signature import Json

__all__ = ["EndpointPredictor"]


class EndpointPredictor(Remote):
    """Asks a version's endpoint as the version says: its codec was fixed when it was registered, and nothing is guessed."""

    def __init__(
        self,
        version: Version,
        connection: Connection,
        kept: Checkpoint | None = None,
        shares: Shares | None = None,
    ) -> None:
        super().__init__(version)
        self._telling, self._told = threading.Lock(), Counts()
        self._request = RequestSpec.from_json(version.load["request"])
        self._response = ResponseSpec.from_json(version.load["response"])
        self._provider, self._send = open_there(connection, version.load)
        route = version.load["route"]
        assert isinstance(route, dict)
        self._expected = str(route.get("expects") or "")
        caps, most = caps_of(connection)
        self._caller = Caller(
            self._provider,
            route,
            limits_of(version.load["limits"]),
            self._send,
            encode=self._encode,
            decode=self._decode,
            schema=version.output.schema,
            key=f"{connection.kind}/{connection.name}/{version.load['endpoint']}",
            name=version.source,
            within=f"the connection {connection.name}",
            version=version.digest,
            caps=caps,
            cap=most,
            shares=shares,
            connection=connection.name,
            answered=kept,
        )

    @property
    def counts(self) -> Counts:
        """What was asked of the endpoint since this was opened."""
        return self._caller.counts

    def asked(self) -> Mapping[str, float]:
        """The same since this was last called, without what is none."""
        with self._telling:
            now = self._caller.counts
            told, self._told = now.since(self._told), now
        return {name: number for name, number in told.to_json().items() if number}

    def predict(self, batch: pa.RecordBatch, call: Call = Call()) -> pa.RecordBatch:
        return but_endless(batch, self._request, self.output, lambda good: self._caller.ask(good, call))

    def give_back(self) -> None:
        """Nothing is asked for a while: what is lent of the caps of its connection is given back before this returns."""
        self._caller.give_back()

    def retire(self) -> None:
        """Another one is asked from now on; what this one is asked just now is still answered."""
        self._caller.retire()

    def close(self) -> None:
        self._caller.close()
        self._provider.close()
        self._send.close()

    def _encode(self, batch: pa.RecordBatch, params: Mapping[str, Json], identity: str) -> Payload:
        return encode(batch, self._request, params, identity)

    def _decode(self, answer: Answer, rows: int) -> pa.RecordBatch:
        expected = self._expected
        if expected and answer.served_by is not None and answer.served_by.partition("@")[0] != expected:
            raise SourceError(
                f"{self._version.source} was answered by {answer.served_by}, and this version is {expected}",
                hint="its traffic was shifted: register what answers now as the next version",
                details={"resume": True},
            )
        return decode(answer.body, answer.content_type, rows, self.output, self._response)
