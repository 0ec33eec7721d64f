"""The suite that every Origin passes before any of its models runs. Its predictors pass `PredictorSuite`."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from muster.errors import MusterError
from muster.predictor import Description, Origin

__all__ = ["OriginSuite"]


class Touchy:
    """An object that bears no question."""

    def __getattr__(self, name: str) -> object:
        raise RuntimeError(name)


NO_SOURCES: Mapping[str, Callable[[], object]] = {
    "nothing": lambda: None,
    "empty text": lambda: "",
    "no such file": lambda: "no-such-file",
    "a null in a path": lambda: "a\0b",
    "a number": lambda: 3,
    "a list": list,
    "a mapping": dict,
    "bytes": lambda: b"model",
    "a plain object": object,
    "an object that raises": Touchy,
}


class OriginSuite:
    """Subclass it with the fixtures `origin`, and `source`: something that it claims, or None to leave out what needs one."""

    @pytest.fixture
    def origin(self) -> Origin:
        raise TypeError("give a fixture `origin`: the origin that is tested")

    @pytest.fixture
    def source(self) -> object:
        return None

    @pytest.fixture
    def description(self, origin: Origin, source: object, tmp_path: Path) -> Description:
        """What the origin says of the source."""
        return origin.describe(_given(source), _folder(tmp_path, "scratch"))

    def test_its_name_is_one_that_people_can_type(self, origin: Origin) -> None:
        assert re.fullmatch(r"[a-z][a-z0-9-]{0,31}", origin.name)

    @pytest.mark.parametrize("kind", NO_SOURCES)
    def test_what_is_no_source_is_not_claimed(self, origin: Origin, kind: str) -> None:
        assert origin.claims(NO_SOURCES[kind]()) is False

    def test_an_empty_folder_is_not_claimed(self, origin: Origin, tmp_path: Path) -> None:
        assert origin.claims(tmp_path) is False
        assert origin.claims(str(tmp_path)) is False

    def test_what_is_not_there_is_refused_with_what_to_do(self, origin: Origin, tmp_path: Path) -> None:
        with pytest.raises(MusterError) as refusal:
            origin.describe(str(tmp_path / "no-such-model"), _folder(tmp_path, "scratch"))
        assert refusal.value.message
        assert refusal.value.hint

    def test_its_source_is_claimed(self, origin: Origin, source: object) -> None:
        assert origin.claims(_given(source)) is True

    def test_a_description_names_its_source_and_what_identifies_it(self, description: Description) -> None:
        assert description.source
        assert (description.folder is None) == bool(description.specification)
        assert description.folder is None or description.folder.is_dir()

    def test_a_description_can_be_stored(self, description: Description) -> None:
        for told in (description.load, description.specification, description.output):
            assert json.loads(json.dumps(told, allow_nan=False)) == told

    def test_an_environment_can_be_resolved(self, description: Description) -> None:
        assert description.python is None or re.fullmatch(r"3\.\d+", description.python)
        for line in description.requirements:
            if not line.startswith("-") and "/" not in line:
                Requirement(line)

    def test_the_same_source_is_described_the_same(self, origin: Origin, source: object, tmp_path: Path) -> None:
        one, other = (origin.describe(_given(source), _folder(tmp_path, name)) for name in ("one", "other"))
        assert replace(one, folder=None, example=None) == replace(other, folder=None, example=None)
        assert _tree(one.folder) == _tree(other.folder)

    def test_describing_leaves_the_source_as_it_was(self, origin: Origin, source: object, tmp_path: Path) -> None:
        source = _given(source)
        place = Path(source) if isinstance(source, (str, os.PathLike)) else None
        if place is None or not place.exists():
            pytest.skip("never: the source is no file or folder")
        before = _tree(place)
        origin.describe(source, _folder(tmp_path, "scratch"))
        assert _tree(place) == before


def _given(source: object) -> object:
    if source is None:
        pytest.skip("never: no source was given")
    return source


def _folder(parent: Path, name: str) -> Path:
    folder = parent / name
    folder.mkdir()
    return folder


def _tree(place: Path | None) -> dict[str, bytes]:
    """All files below, or the file itself, with what they hold."""
    if place is None:
        return {}
    files = [place] if place.is_file() else [f for f in sorted(place.rglob("*")) if f.is_file()]
    return {str(f.relative_to(place)): f.read_bytes() for f in files}
