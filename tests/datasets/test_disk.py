from __future__ import annotations

import errno
import threading
from pathlib import Path

import pytest

import muster.datasets.disk as module
from muster.datasets.disk import can_exchange, create, exchange, move_new, remove, writing
from muster.errors import Conflict, DatasetError
from tests.conftest import Mount
from tests.stores.conftest import fill


def test_a_file_is_there_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"old")
    with create(path) as stream:
        stream.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_a_file_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), create(tmp_path / "x") as stream:
        stream.write(b"half")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_nothing_and_says_what_to_do(tmp_path: Path, mount: Mount) -> None:
    mount(tmp_path / "disk", "size=256k")
    filler = fill(tmp_path / "disk")
    with (
        pytest.raises(DatasetError, match=r"no space is left on the disk of .*/x") as caught,
        create(tmp_path / "disk" / "x") as stream,
    ):
        stream.write(b"x" * 100_000)
    assert "make room" in caught.value.hint
    assert [p.name for p in (tmp_path / "disk").iterdir()] == ["filler"]
    filler.unlink()
    with create(tmp_path / "disk" / "x") as stream:
        stream.write(b"x" * 100_000)


@pytest.mark.parametrize(
    ("code", "hint"), [(errno.EROFS, "another place"), (errno.EIO, "check the disk"), (errno.EDQUOT, "make room")]
)
def test_errors_name_the_path(tmp_path: Path, code: int, hint: str) -> None:
    with pytest.raises(DatasetError, match="/x") as caught, writing(tmp_path / "x"):
        raise OSError(code, "told by the system")
    assert hint in caught.value.hint


def test_two_names_change_places(tmp_path: Path) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    a.mkdir()
    (a / "inside").touch()
    b.write_bytes(b"file")
    exchange(a, b)
    assert a.read_bytes() == b"file"
    assert (b / "inside").exists()
    with pytest.raises(FileNotFoundError):
        exchange(a, tmp_path / "nowhere")
    assert can_exchange(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"a", "b"}


def test_someone_who_looks_sees_one_or_the_other(tmp_path: Path) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    for folder in (a, b):
        folder.mkdir()
        (folder / folder.name).touch()
    ended, seen = threading.Event(), set()

    def look() -> None:
        while not ended.is_set():
            seen.add(tuple(p.name for p in b.iterdir()))

    thread = threading.Thread(target=look)
    thread.start()
    for _ in range(300):
        exchange(a, b)
    ended.set()
    thread.join()
    assert seen <= {("a",), ("b",)}


def test_a_disk_that_cannot_exchange_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EINVAL, "no")

    monkeypatch.setattr(module, "_rename", refuse)
    assert not can_exchange(tmp_path)
    assert not can_exchange(tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("plain", [False, True], ids=["renameat2", "plain rename"])
def test_a_new_name_is_taken_only_where_nothing_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, plain: bool
) -> None:
    if plain:

        def refuse(*_: object) -> None:
            raise OSError(errno.EINVAL, "no")

        monkeypatch.setattr(module, "_rename", refuse)
    file, folder = tmp_path / "file", tmp_path / "folder"
    file.write_bytes(b"new")
    folder.mkdir()
    (folder / "inside").touch()
    move_new(file, tmp_path / "f")
    move_new(folder, tmp_path / "d")
    assert (tmp_path / "f").read_bytes() == b"new"
    file.write_bytes(b"newer")
    folder.mkdir()
    (folder / "other").touch()
    for source in (file, folder):
        for target in ("f", "d"):
            with pytest.raises(Conflict, match="has come to exist"):
                move_new(source, tmp_path / target)
    assert (tmp_path / "f").read_bytes() == b"new"
    assert [p.name for p in (tmp_path / "d").iterdir()] == ["inside"]
    (tmp_path / "empty").mkdir()
    move_new(folder, tmp_path / "empty")
    assert (tmp_path / "empty" / "other").exists()


def test_anything_can_be_removed(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "f").touch()
    (tmp_path / "link").symlink_to(tmp_path / "d")
    remove(tmp_path / "link")
    assert (tmp_path / "d" / "f").exists()
    remove(tmp_path / "d")
    remove(tmp_path / "d")
    assert list(tmp_path.iterdir()) == []
