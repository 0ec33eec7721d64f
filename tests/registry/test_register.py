"""What versions of one model must have in common, shown with real registrations."""

from __future__ import annotations

from pathlib import Path

import pytest

import muster
from muster.errors import Conflict, InvalidInput, InvalidReference
from muster.records import Version

NUMBERS = "INPUT = 'arrow'\n\n\ndef predict(data):\n    return [n % 2 for n in data['n'].to_pylist()]\n"
TEXTS = "INPUT = 'arrow'\n\n\ndef predict(data):\n    return [str(n % 2) for n in data['n'].to_pylist()]\n"
SAMPLE = {"n": [1, 2, 3, 4]}


def test_versions_answer_one_question(tmp_path: Path) -> None:
    (tmp_path / "numbers.py").write_text(NUMBERS)
    (tmp_path / "texts.py").write_text(TEXTS)
    with muster.open(tmp_path / "hub") as hub:
        first = hub.register("odd", tmp_path / "numbers.py", task="binary", target="odd", classes=[0, 1], sample=SAMPLE)
        assert (first.number, first.classes) == (1, (0, 1))
        second = hub.register("odd", tmp_path / "texts.py", classes=["1", "0"], sample=SAMPLE)
        assert (second.number, second.classes, second.task, second.target) == (2, (0, 1), "binary", "odd")
        assert hub.predict("odd:2", SAMPLE)["prediction"].to_pylist() == [1, 0, 1, 0]
        with pytest.raises(Conflict, match=r"has the classes \[0, 1\], and this version \['a', 'b'\]"):
            hub.register("odd", tmp_path / "texts.py", classes=["a", "b"], sample=SAMPLE)
        with pytest.raises(Conflict, match="has the task binary, and this version regression"):
            hub.register("odd", tmp_path / "numbers.py", task="regression", sample=SAMPLE)
        with pytest.raises(Conflict, match="has the target odd, and this version even"):
            hub.register("odd", tmp_path / "numbers.py", target="even", sample=SAMPLE)
        assert [v.number for v in hub.versions("odd")] == [2, 1]
        third = hub.register("odd", tmp_path / "numbers.py", sample=SAMPLE, if_changed=True)
        assert third.number == 1
        assert hub.delete_model("odd") == 2
        with pytest.raises(Conflict, match=r"the model `odd` was deleted on .*, and can still be restored") as refused:
            hub.register("odd", tmp_path / "numbers.py", sample=SAMPLE)
        assert "`muster model restore odd`" in refused.value.hint
        assert hub.restore_model("odd") == 2
        hub.delete_version("odd:1")
        fresh = hub.register("odd", tmp_path / "numbers.py", sample=SAMPLE, if_changed=True)
        assert fresh.number == 3, "what is deleted is not given as unchanged"
        assert hub.delete_model("odd", for_good=True) == 3
        again = hub.register("odd", tmp_path / "numbers.py", task="binary", classes=[0, 1], sample=SAMPLE)
        assert again.number == 4


def test_an_unchanged_model_gets_the_aliases_that_it_is_registered_with(tmp_path: Path) -> None:
    (tmp_path / "numbers.py").write_text(NUMBERS)
    with muster.open(tmp_path / "hub") as hub:

        def register(*aliases: str) -> Version:
            return hub.register(
                "odd",
                tmp_path / "numbers.py",
                task="binary",
                classes=[0, 1],
                sample=SAMPLE,
                aliases=aliases,
                if_changed=True,
            )

        assert register().aliases == ()
        (tmp_path / "numbers.py").write_text(NUMBERS + "# newer\n")
        assert (register("champion").number, hub.aliases("odd")) == (2, {"champion": 2})
        (tmp_path / "numbers.py").write_text(NUMBERS)
        back = register("champion", "steady")
        assert (back.number, back.aliases) == (1, ("champion", "steady"))
        assert hub.aliases("odd") == {"champion": 1, "steady": 1}
        newest = [(e.action, e.subject, e.reason) for e in hub.events(limit=2)]
        assert newest == [
            ("alias.created", "alias/odd@steady", "register"),
            ("alias.changed", "alias/odd@champion", "register"),
        ]
        events = len(list(hub.events()))
        register("champion")
        assert len(list(hub.events())) == events


def test_tags_of_a_version_follow_the_rules_of_tags(tmp_path: Path) -> None:
    with muster.open(tmp_path / "hub") as hub, pytest.raises(InvalidInput, match="keys of tags"):
        hub.register("odd", "none.py", tags={"": "x", "a=b": "c"})


def test_wrong_names_are_told_at_once_with_their_mend(tmp_path: Path) -> None:
    with muster.open(tmp_path / "hub") as hub, pytest.raises(InvalidReference) as caught:
        hub.register("My Model", "none.py", aliases=["7", "Best"])
    for told in ("`My Model`", "`7`", "`Best`"):
        assert told in caught.value.message
    assert "`my-model`" in caught.value.hint
