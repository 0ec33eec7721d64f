"""Reports and charts: a file is whole, or as it was before."""

from __future__ import annotations

import os
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from muster.charts.saving import save
from muster.errors import InvalidInput, MusterError, NotWritten
from tests.charts.past import PAST, past
from tests.evaluation.compared import comparison

GOOD = "good " * 1_000


@contextmanager
def little_room() -> Iterator[None]:
    """A disk that is full after 2,000 bytes of a file."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_was_there_is_there_where_a_disk_is_full(tmp_path: Path) -> None:
    for name, write in (
        ("report.html", comparison("binary", 2).evaluations[0].report),
        ("compared.md", comparison("binary", 2).report),
        ("chart.json", past(PAST[0])["roc_auc"].save),
    ):
        place = tmp_path / name
        write(place)  # which imports what it needs: byte code would be cut off too
        assert len(whole := place.read_bytes()) > 2_000
        with pytest.raises(NotWritten, match=f"{name} cannot be written: File too large"), little_room():
            write(place)
        assert place.read_bytes() == whole
        assert [p.name for p in tmp_path.iterdir()] == [name], "and nothing beside it"
        place.unlink()


def test_a_place_that_is_none_is_told(tmp_path: Path) -> None:
    chart = past(PAST[0])["roc_auc"]
    found = comparison("binary", 2)
    for write, end in ((chart.save, "json"), (found.report, "md"), (found.evaluations[0].report, "html")):
        with pytest.raises(InvalidInput, match=r"there is no folder .*/nowhere"):
            write(tmp_path / "nowhere" / f"x.{end}")
        (tmp_path / f"folder.{end}").mkdir()
        with pytest.raises(InvalidInput, match="is a folder, and a file is to be written"):
            write(tmp_path / f"folder.{end}")
        with pytest.raises(MusterError):
            write(Path(f"/proc/x.{end}"))


def test_a_file_keeps_its_mode_and_a_link_its_goal(tmp_path: Path) -> None:
    place, link = tmp_path / "there" / "a.md", tmp_path / "link.md"
    place.parent.mkdir()
    place.write_text("before")
    place.chmod(0o640)
    link.symlink_to(place)
    save(link, GOOD)
    assert (link.is_symlink(), place.read_text(), stat.S_IMODE(place.stat().st_mode)) == (True, GOOD, 0o640)
    mask = os.umask(0o027)
    try:
        save(tmp_path / "new.md", b"new")
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "new.md").stat().st_mode) == 0o640
    save(Path("/dev/null"), "nothing is replaced")
    assert Path("/dev/null").is_char_device()
