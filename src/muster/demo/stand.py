"""Accounts on this machine, as long as a block lasts: a model behind endpoints of several kinds, with the keys to them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from muster.demo.fitting import Weights
from muster.demo.logistic import COLUMNS, chance
from muster.errors import MissingExtra, SourceUnavailable
from muster.testing.endpoints import Account, Served, serving

__all__ = ["ENDPOINT", "KINDS", "TARGET", "Stand", "answering", "left_out", "stands"]

ENDPOINT = "late"
TARGET = "late"
_TEXTS = dict.fromkeys(("carrier", "origin"), "string")
_KEYS = ("AWS_", "DATABRICKS_", "ENDPOINT_", "GOOGLE_")
_HERE = "127.0.0.1,localhost"


@dataclass(frozen=True, slots=True)
class Stand:
    """A kind of connection; what the model runs in there, and the shares of those behind the endpoint, where they are several."""

    kind: str
    container: str = ""
    shares: Mapping[str, int] = field(default_factory=dict)
    lists: bool = True
    options: Mapping[str, Any] = field(default_factory=dict)

    def models(self, weights: Weights) -> Served | dict[str, Served]:
        def one(version: str = "1", weight: float = 100) -> Served:
            return Served(
                predict=answering(weights),
                columns=COLUMNS,
                types=_TEXTS,
                classes=("no", "yes"),
                target=TARGET,
                container=self.container,
                model=ENDPOINT,
                version=version,
                weight=weight,
            )

        return {n: one(str(i), share) for i, (n, share) in enumerate(self.shares.items(), 1)} or one()


KINDS = (
    Stand("sagemaker", "xgboost"),
    Stand("vertex", "custom-probabilities"),
    Stand("databricks", "labels", {"late-1": 80, "late-2": 20}),
    Stand("openinference", "probabilities"),
    Stand("http", lists=False, options={"auth": "api-key"}),
)
"""One knows columns by their order alone, one divides its calls among two models, one lists nothing: see what they are asked."""


def answering(weights: Weights) -> Callable[[list[Any]], Sequence[Any]]:
    """The chances of both classes for rows as endpoints get them: by name, or in order."""

    def predict(rows: list[Any]) -> list[list[float]]:
        told = ([row[name] for name in COLUMNS] if isinstance(row, dict) else row for row in rows)
        return [[1 - p, p] for p in (chance(weights, row) for row in told)]

    return predict


@contextmanager
def stands(
    weights: Weights, talk: Callable[[str], None], ports: Mapping[str, int]
) -> Iterator[dict[str, tuple[Stand, Account]]]:
    """By kind, each on its port where it has one already.

    Keys of the user's own accounts are out of sight meanwhile, and no proxy is asked for what is here.
    """
    before = dict(os.environ)
    found = {}
    with ExitStack() as block:
        block.callback(_restore, before)
        for name in [n for n in os.environ if n.startswith(_KEYS)]:
            del os.environ[name]
        for name in ("NO_PROXY", "no_proxy"):
            os.environ[name] = ",".join(p for p in (before.get(name), _HERE) if p)
        for stand in KINDS:
            try:
                account = block.enter_context(
                    serving(
                        stand.kind,
                        {ENDPOINT: stand.models(weights)},
                        port=ports.get(stand.kind, 0),
                        **stand.options,
                    )
                )
            except MissingExtra as error:
                talk(left_out(stand.kind, error))
                continue
            except OSError as error:
                raise SourceUnavailable(
                    f"port {ports.get(stand.kind)} of this machine, where the tour's {stand.kind} was, is taken: {error.strerror}",
                    hint="wait until whatever has it is gone, or let the tour make a new folder",
                ) from None
            os.environ.update(account.environ)
            found[stand.kind] = stand, account
        yield found


def left_out(kind: str, error: MissingExtra) -> str:
    return f"left out  {kind}: {error.message}; {error.hint}"


def _restore(environ: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environ)
