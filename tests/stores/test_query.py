from __future__ import annotations

import base64
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.errors import InvalidInput
from muster.records import Model, Run, Version
from muster.store import Condition, Query, Sort
from muster.stores.memory import MemoryRecords
from muster.stores.query import plan
from muster.stores.shape import shape
from muster.testing.records import a_model, insert

SORT = (Sort("target"), Sort("created_at", descending=True))


def _cursor(*place: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


@given(st.text() | st.binary().map(lambda b: base64.urlsafe_b64encode(b).decode()))
def test_any_text_is_a_cursor_or_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="cursor"):
        plan(shape(Model), Query(sort=SORT, cursor=text))


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers(), max_size=1)


@given(st.lists(VALUES, max_size=4))
def test_a_cursor_with_other_values_is_refused_or_a_place(values: list[object]) -> None:
    store = MemoryRecords()
    insert(store, a_model("a"), a_model("b", target="x"))
    cursor = store.find(Model, Query(sort=SORT, limit=1)).next
    assert cursor is not None
    print_ = json.loads(base64.urlsafe_b64decode(cursor + "=="))[0]
    try:
        page = store.find(Model, Query(sort=SORT, cursor=_cursor(print_, *values)))
    except InvalidInput:
        return
    assert len(page.items) <= 2


@given(st.lists(st.builds(Condition, st.text(), st.text(), VALUES)))
def test_any_condition_is_checked_or_refused(where: list[Condition]) -> None:
    for kind in (Model, Version, Run):
        with suppress(InvalidInput):
            assert len(plan(shape(kind), Query(tuple(where))).terms) == len(where)
