"""Machines: what a batch job asks, the model as it was when the job was made, with nothing of the endpoint's traffic on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from muster.testing.endpoints.account import Account, Visit
from muster.testing.endpoints.invoking import Most, Target, written
from muster.testing.endpoints.jobs import Job
from muster.testing.endpoints.place import Place
from muster.testing.endpoints.refusal import Refused
from muster.testing.endpoints.served import Container, Deployed
from muster.testing.endpoints.server import Incoming, Outgoing, plain

__all__ = ["Machines"]

_STATUS = {
    "throttled": 429, "starting": 503, "unavailable": 503, "too_large": 413, "timeout": 504, "missing": 404, "denied": 403,
    "expired": 401,
}  # fmt: skip
_TRY_AGAIN = (429, 500, 502, 503, 504)


class Machines:
    """Those of one job. Faults on `invoke` meet its requests as they meet those of people."""

    def __init__(
        self, account: Account, job: Job, model: Target, known: Mapping[str, Container], *, most: Most
    ) -> None:
        alone = Deployed(variants={model.variant: model.served})
        self._account = account
        self._job = job
        self._target = replace(model, place=Place(model.place.name, alone, model.place.made))
        self._container = model.served.within(known)
        self._most = most

    def ask(self, body: bytes, content_type: str, *, accept: str = "", retries: int = 3) -> Outgoing:
        """The answer of the model; `sent` is below 1 if it did not arrive whole. What may pass is tried again."""
        answer = self._once(body, content_type, accept)
        for _ in range(retries):
            if self._job.stopping or not (answer.status in _TRY_AGAIN or answer.sent < 1):
                break
            answer = self._once(body, content_type, accept)
        return answer

    def _once(self, body: bytes, content_type: str, accept: str) -> Outgoing:
        account = self._account
        visit = Visit(Incoming("POST", "/invocations", {"content-type": content_type, "accept": accept}, body))
        account.faults.begin()
        try:
            kind, text = written(account, visit, self._target, self._container, most=self._most, accept=accept)
            answer = Outgoing(200, text, {"Content-Type": kind})
        except Refused as refused:
            answer = plain(refused.message, refused.status or _STATUS.get(refused.what, 500))
        self._job.rows.append(visit.rows)
        return account.on_its_way(visit, answer)
