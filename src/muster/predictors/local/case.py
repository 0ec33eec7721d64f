"""What is known of a model before its answer is looked at, and where in the answer things are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import get_args

import pyarrow as pa

from muster.errors import InvalidInput
from muster.predictors.local.objectives import Activation, Objective
from muster.predictors.local.raw import flat, is_list, texts
from muster.signature import Scalar, Task

__all__ = ["POSITIVE_LAST", "Case", "Form", "ask", "overrides"]

POSITIVE_LAST = "classes=[…] in the order of the probabilities, the positive one last if there are two"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The columns of the raw answer that hold each; `names` are classes that the columns' own names tell."""

    label: str | None = None
    probabilities: tuple[str, ...] = ()
    value: str | None = None
    activation: Activation = "none"
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What declarations and facts say. `kind` is what an estimator calls itself: `classifier`, `regressor`, `clusterer`.

    `native` are the classes in the model's own order, `targets` the classes of each target of an estimator with several.
    `pair` are the columns that the model says are its labels and probabilities. `scores` is what a network's answers are by its
    last layer: `probabilities`, `logarithms` of these, or `unknown`; `activated`: the activation is declared.
    """

    raw: pa.RecordBatch
    task: Task | None = None
    native: tuple[Scalar, ...] = ()
    declared: tuple[Scalar, ...] = ()
    inherited: bool = False
    targets: tuple[tuple[Scalar, ...], ...] = ()
    kind: str | None = None
    multilabel: bool = False
    objective: Objective | None = None
    pair: tuple[str | None, str] | None = None
    scores: str | None = None
    activated: bool = False
    given: Form = field(default_factory=Form)

    @property
    def names(self) -> list[str]:
        return self.raw.schema.names

    @property
    def classes(self) -> tuple[Scalar, ...]:
        return self.native or self.declared

    @property
    def single(self) -> str | None:
        return self.names[0] if len(self.names) == 1 else None

    def type(self, name: str) -> pa.DataType:
        """The type of a column's values; of lists of one value, that of the value."""
        kind = flat(self.raw.column(name)).type
        return kind.value_type if pa.types.is_dictionary(kind) else kind

    def width(self, name: str) -> int:
        """Values in a row of the column: 1 for a plain one, 0 where its type does not tell."""
        kind = self.type(name)
        if pa.types.is_fixed_size_list(kind):
            return int(kind.list_size)
        return 0 if is_list(kind) or pa.types.is_struct(kind) else 1


def ask(what: str, *needs: str) -> InvalidInput:
    """The error that names all that must be declared."""
    return InvalidInput(what, hint=f"declare {', or '.join(needs)}", details={"declare": list(needs)})


_ACTIVATIONS: Mapping[str, Activation] = {a: a for a in get_args(Activation)}


def overrides(told: Mapping[str, object], names: Sequence[str], wrong: list[str]) -> Form:
    """The form that is declared; what is wrong with it is added to `wrong`."""
    label, value, given = told.get("label"), told.get("value"), told.get("probabilities")
    columns = tuple(given) if isinstance(given, (list, tuple)) else (given,) if given is not None else ()
    wrong += [
        f"the model's answer has no column `{name}`; it has {texts(names)}"
        for name in (label, value, *columns)
        if name is not None and name not in names
    ]
    return Form(
        label=label if isinstance(label, str) else None,
        value=value if isinstance(value, str) else None,
        probabilities=tuple(c for c in columns if isinstance(c, str)),
        activation=_ACTIVATIONS.get(str(told.get("activation")), "none"),
    )
