"""Models that are reported: registered by what is declared of them, and never asked."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from muster.errors import InvalidInput, InvalidModel, NotApplicable
from muster.hub import Hub

SAMPLE = pa.table({"age": [41.0], "visits": [2], "left": ["no"]})
DECLARED: dict[str, Any] = {
    "origin": "reported", "task": "binary", "target": "left", "classes": ["no", "yes"], "sample": SAMPLE,
}  # fmt: skip


def test_it_is_registered_by_what_is_declared(hub: Hub) -> None:
    version = hub.register("mainframe", "on the mainframe in Lyon", **DECLARED)
    assert (version.origin, version.source, version.task) == ("reported", "on the mainframe in Lyon", "binary")
    assert version.signature.names == ("age", "visits")
    assert version.classes == ("no", "yes")
    assert version.output.probabilities
    assert not version.artifact
    again = hub.register("mainframe", "on the mainframe in Lyon", **DECLARED, if_changed=True)
    assert again.ref == version.ref
    moved = hub.register("mainframe", "in Oslo", **DECLARED, if_changed=True)
    assert moved.number == 2


def test_what_needs_to_ask_it_says_why_not(hub: Hub) -> None:
    hub.register("mainframe", "on the mainframe in Lyon", **DECLARED)
    for ask in (lambda: hub.predict("mainframe:1", SAMPLE), lambda: hub.score("mainframe:1", SAMPLE, "out.parquet")):
        with pytest.raises(NotApplicable, match="is reported: it runs where Muster cannot ask it") as error:
            ask()
        assert "score there" in error.value.hint
    with pytest.raises(NotApplicable, match="is reported"):
        hub.snapshot("mainframe:1")
    assert not list(hub.runs())


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"task": None, "classes": []}, "what a reported model answers is not told"),
        ({"classes": []}, "the classes of a reported model are not told"),
        ({"task": "other", "classes": []}, "cannot have the task other"),
        ({"sample": None}, "columns"),
    ],
)
def test_what_is_missing_is_told(hub: Hub, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        hub.register("mainframe", "on the mainframe in Lyon", **{**DECLARED, **changes})
    assert [m.name for m in hub.models()] == ["numbers"]


def test_it_says_where_it_runs(hub: Hub) -> None:
    with pytest.raises(InvalidModel, match="says where it runs"):
        hub.register("mainframe", "  ", **DECLARED)
