"""Whether the first rows of the data have the labels, or the values of targets, that a model predicts."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from muster.casts.rule import is_list
from muster.evaluation.asking import Asked
from muster.evaluation.columns_at_hand import is_number, single_values
from muster.profiles.label_columns import FLAGS, Flags, are_flags, flags_of
from muster.profiles.nested import is_text, parsed
from muster.signature import Output, canonical

__all__ = ["wrong_targets"]


def wrong_targets(asked: Asked, output: Output, head: pa.Table) -> list[str]:
    """What is wrong with the columns of the target, all of which the data has."""
    if wrong := single_values("the target", asked.targets, head):
        return wrong
    if output.task == "multilabel":
        return _wrong_columns(asked, head) if asked.targets else _wrong_lists(str(asked.target), output, head)
    return _wrong_values(asked, output, head)


def _wrong_columns(asked: Asked, head: pa.Table) -> list[str]:
    return [
        f"the target `{name}` is {head.schema.field(name).type}, and has neither true and false nor 1 and 0"
        for name in asked.targets
        if (found := {canonical(v) for v in pc.unique(head[name].drop_null()).to_pylist()}) and not found & FLAGS
    ]


def _wrong_lists(target: str, output: Output, head: pa.Table) -> list[str]:
    kind, labels = head.schema.field(target).type, len(output.classes)
    if not is_list(kind) and not is_text(kind):
        needed = f"a list of {labels} flags, a list of names, or a column for each"
        return [f"the target `{target}` is {kind}, and the labels of a row are {needed}"]
    column = parsed(head[target].combine_chunks())
    if is_list(column.type) and not are_flags(column.type, output.classes) and _look_like_flags(column, labels):
        return [
            f"the target `{target}` may be flags or names: {labels} numbers in each list, all 0 or 1, and the labels are numbers"
        ]
    found = flags_of(column, output.classes)
    if not _nothing(found):
        return []
    if found.unknown:
        names = ", ".join(canonical(c) for c in output.classes[:10])
        return [f"the target `{target}` holds none of the labels {names}, but {', '.join([*found.unknown][:5])}"]
    return [f"the target `{target}` has no list of {labels} flags in the order of the labels, and no list of names"]


def _look_like_flags(column: pa.Array, labels: int) -> bool:
    some = column.drop_null()
    items = pc.list_flatten(some)
    if not len(items) or not is_number(items.type):
        return False
    return set(pc.unique(items).to_pylist()) <= {0, 1} and set(pc.list_value_length(some).to_pylist()) == {labels}


def _nothing(found: Flags) -> bool:
    """Whether no row of those that have a value can be measured."""
    bad = found.wrong.copy()
    for mask in found.unknown.values():
        bad |= mask
    return bool(len(bad) and not found.absent.all() and (bad | found.absent).all())


def _wrong_values(asked: Asked, output: Output, head: pa.Table) -> list[str]:
    if asked.targets:
        columns = {name: head[c] for name, c in zip(output.targets, asked.targets, strict=True)}
    else:
        whole = parsed(head[str(asked.target)].combine_chunks(), output.type)
        if not pa.types.is_struct(whole.type):
            return [
                f"the target `{asked.target}` is {whole.type}, and several targets are a struct or a column for each"
            ]
        missing = [name for name in output.targets if whole.type.get_field_index(name) < 0]
        if missing:
            return [f"the target `{asked.target}` has no field {', '.join(f'`{n}`' for n in missing)}"]
        columns = {name: pc.struct_field(whole, name) for name in output.targets}
    wrong = []
    for name, one in output.targets.items():
        values = columns[name].drop_null()
        if one.task == "regression" and not is_number(values.type) and len(values):
            wrong.append(f"the target `{name}` is {values.type}, and a regression needs numbers")
        known = {canonical(c) for c in one.classes}
        found = {canonical(v) for v in pc.unique(values).to_pylist()} if known else set()
        if found and not found & known:
            shown = ", ".join(sorted(found)[:5])
            wrong.append(f"the target `{name}` holds none of the classes {', '.join(sorted(known))}, but {shown}")
    return wrong
