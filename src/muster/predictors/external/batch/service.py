"""What a provider's batch jobs must do. Rounds, cutting, staging and decoding are shared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from muster.objects.place import Place
from muster.predictors.external.batch.staged import Piece, Staged
from muster.predictors.external.exchange import Payload
from muster.signature import Json

__all__ = ["Answered", "Seen", "Service", "Work"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One job: the requests in a folder, to be answered into another. `first` is one of them, `largest` has the bytes of the largest.

    `alone`: each row is to be asked for by itself. `params` are those of the call, which requests hold too where they can.
    """

    name: str
    source: Place
    target: Place
    first: Place
    largest: int
    content_type: str
    accept: str
    alone: bool = False
    params: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Seen:
    """A job as it is now. `word` is the provider's own for its state, `message` what it says of a failure.

    `rows_to_blame`: whether what it failed of may lie in the rows that it was given, where it tells of none apart.
    """

    state: Literal["working", "done", "failed", "stopped"]
    word: str
    message: str = ""
    rows_to_blame: bool = True


@dataclass(frozen=True, slots=True)
class Answered:
    """What a job answered to a piece: the body of a response to the rows that are in none of the others.

    `refused` has what the model said of rows that it does not take, `tried` why asking for others has failed, and `silent` are
    those that nothing is told of. `part` gives the body for so many of the answered rows, from one on, where that can be told.
    """

    body: bytes = field(repr=False)
    refused: Mapping[int, str] = field(default_factory=dict)
    tried: Mapping[int, str] = field(default_factory=dict)
    silent: frozenset[int] = frozenset()
    part: Callable[[int, int], bytes] | None = None


class Service(Protocol):
    """The jobs of one kind of provider, for one version. Opened where it is used; safe from several threads.

    `by_row`: whether a job tells of each row apart whether it was answered; else a request is answered as a whole or not at all.
    `suffix` ends the names of the objects that are put.
    """

    by_row: bool
    suffix: str

    @property
    def served_by(self) -> str | None:
        """What answers, as the endpoint itself would name it."""
        ...

    def check(self, folder: Place) -> None:
        """InvalidInput or NotApplicable where jobs could not be started over this folder."""
        ...

    def body(self, piece: Piece, payload: Payload, order: Sequence[int]) -> bytes:
        """What is put for a piece whose request is this; its rows in an order, where they stand apart."""
        ...

    def start(self, work: Work) -> None:
        """Start the job. No error if one of this name was started already."""
        ...

    def look(self, name: str) -> Seen | None:
        """The job of this name; None if there is none."""
        ...

    def stop(self, name: str) -> None:
        """Ask for the end of the job; no error if it is over."""
        ...

    def settle(self, job: str, staged: Staged, number: int) -> None:
        """Put in order what the round's job has written, once it has ended."""
        ...

    def answers(self, staged: Staged, number: int) -> Mapping[Piece, str]:
        """The pieces that were answered, each with the key of the object that `read` takes."""
        ...

    def read(self, content: bytes) -> Answered: ...

    def close(self) -> None: ...
