"""What stands in the way of a comparison: told before any version is evaluated for it."""

from __future__ import annotations

from collections.abc import Sequence, Sized

from muster.errors import InvalidInput
from muster.evaluation.asking_several import SEVERAL
from muster.evaluation.comparison import COMPARABLE
from muster.evaluation.kinds import Kind, unlike
from muster.evaluation.result import Evaluation
from muster.registry.evaluation_job import EvaluateOptions
from muster.registry.registry import Registry

__all__ = ["check_comparable", "check_heard"]


def check_comparable(
    items: Sequence[str],
    found: Sequence[Evaluation | None],
    options: EvaluateOptions,
    registry: Registry,
) -> None:
    """InvalidInput names all of it at once. Of each item `found` has the evaluation, None where it is a version, which is to be asked
    with these options.
    """
    if len(items) < 2:
        raise InvalidInput("it takes two to compare", hint="name another evaluation or version")
    first, *others = [
        _kind(item, options, registry) if one is None else Kind.of_evaluation(one)
        for item, one in zip(items, found, strict=True)
    ]
    wrong = [fault for other in others if (fault := unlike(first, other))]
    if wrong:
        raise InvalidInput("; ".join(wrong), hint=COMPARABLE)


def check_heard(found: Sequence[Evaluation | None], data: object, options: EvaluateOptions, *, agreement: bool) -> None:
    """InvalidInput where something is asked of versions, and there are none. Data are looked at for an agreement too."""
    if None in found:
        return
    given = [name for name, value in options.items() if name != "watch" and not _nothing(value)]
    if data is not None and not agreement:
        given.insert(0, "data")
    if given:
        told = f"`{'`, `'.join(given)}`"
        raise InvalidInput(
            f"{told} would be asked of versions, and all that is compared is evaluated already",
            hint="leave it out, or name versions",
        )


def _nothing(asked: object) -> bool:
    return asked is None or asked is False or (isinstance(asked, Sized) and len(asked) == 0)


def _kind(reference: str, options: EvaluateOptions, registry: Registry) -> Kind:
    version = registry.version(reference)
    asked = options.get("target") or registry.model(version.model).target
    columns = (asked,) if isinstance(asked, str) else tuple(asked or ())
    single = columns[0] if len(columns) == 1 else None
    return Kind.of(version.ref, version.output, None if version.task in SEVERAL else single)
