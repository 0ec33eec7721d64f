"""What a provider's batch jobs must do. Rounds, cutting, staging and decoding are shared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from muster.objects.place import Place
from muster.predictors.external.batch.staged import Piece, Staged
from muster.predictors.external.exchange import Payload

__all__ = ["Answered", "Seen", "Service", "Work"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One job: the requests in a folder, to be answered into another. `largest` are the bytes of the largest request.

    `alone`: each row is to be asked for by itself.
    """

    name: str
    source: Place
    target: Place
    content_type: str
    accept: str
    largest: int
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """A job as it is now. `word` is the provider's own for its state, `message` what it says of a failure.

    `rows_to_blame`: whether what it failed of may lie in the rows that it was given.
    """

    state: Literal["working", "done", "failed", "stopped"]
    word: str
    message: str = ""
    rows_to_blame: bool = True


@dataclass(frozen=True, slots=True)
class Answered:
    """What a job answered to a piece: the body of a response to the rows that are not in `refused`, which has what was said of those."""

    body: bytes = field(repr=False)
    refused: Mapping[int, str] = field(default_factory=dict)


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

    def body(self, piece: Piece, payload: Payload) -> bytes:
        """What is put for a piece whose request is this."""
        ...

    def start(self, work: Work) -> None:
        """Start the job. No error if one of this name was started already."""
        ...

    def look(self, name: str) -> Seen | None:
        """The job of this name; None if there is none."""
        ...

    def stop(self, name: str) -> None: ...

    def settle(self, job: str, staged: Staged, number: int) -> None:
        """Put in order what the round's job has written, once it has ended."""
        ...

    def answers(self, staged: Staged, number: int) -> Mapping[Piece, str]:
        """The pieces that were answered, each with the key of the object that `read` takes."""
        ...

    def read(self, content: bytes) -> Answered: ...

    def close(self) -> None: ...
