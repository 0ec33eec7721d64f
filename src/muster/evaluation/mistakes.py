"""The rows that were predicted worst, as a list: all of them, and by the kind of their mistake."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, overload

from muster.errors import MissingExtra
from muster.profiles.mistakes import Mistake, Mistakes
from muster.signature import Json

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["WorstMistakes"]


class WorstMistakes(Sequence[Mistake]):
    """The worst first, whatever their kind. `kinds` has those of each kind by its name, also where all the worst are of the other: false
    positives and false negatives of two classes, predicted too high and too low of numbers; of more classes there is one kind.
    """

    def __init__(self, kept: Mistakes) -> None:
        self._worst = kept.worst
        self.kinds: Mapping[str, Sequence[Mistake]] = {"mistakes": kept.worst}
        if kept.each:
            names = ("false positives", "false negatives") if kept.classes else ("too high", "too low")
            self.kinds = {name: kept.of_side(positive=n == 0) for n, name in enumerate(names)}

    @overload
    def __getitem__(self, place: int) -> Mistake: ...
    @overload
    def __getitem__(self, place: slice) -> list[Mistake]: ...
    def __getitem__(self, place: int | slice) -> Mistake | list[Mistake]:
        return self._worst[place]

    def __len__(self) -> int:
        return len(self._worst)

    def rows(self) -> Iterator[dict[str, Json]]:
        """Each mistake of each kind, with the values of its row last; one whose name is taken is `NAME of the row`."""
        for kind, found in self.kinds.items():
            for one in found:
                told: dict[str, Json] = {"kind": kind, "file": one.file, "row": one.row}
                told |= {"actual": one.actual, "predicted": one.predicted, **_measured(one)}
                yield told | {f"{n} of the row" if n in told else n: v for n, v in one.values.items()}

    def to_json(self) -> list[Json]:
        """The same, with the values apart."""
        return [
            {
                "kind": kind,
                "file": one.file,
                "row": one.row,
                "actual": one.actual,
                "predicted": one.predicted,
                **_measured(one),
                "values": one.values,
            }
            for kind, found in self.kinds.items()
            for one in found
        ]

    def to_frame(self) -> pd.DataFrame:
        """All of it as a pandas DataFrame, a row per mistake."""
        try:
            import pandas as pd
        except ImportError:
            raise MissingExtra.named("pandas", "`to_frame()`") from None
        return pd.DataFrame(list(self.rows()))

    def __repr__(self) -> str:
        told = ", ".join(f"{len(found)} {name}" for name, found in self.kinds.items())
        return f"<{told}>"


def _measured(one: Mistake) -> dict[str, Json]:
    if isinstance(one.actual, float) and isinstance(one.predicted, float):
        return {"error": one.predicted - one.actual}
    return {"probability": one.score, "loss": one.loss}
