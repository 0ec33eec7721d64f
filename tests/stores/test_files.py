from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from muster.errors import Corrupt, StoreError
from muster.stores.files import FileBlobs
from tests.conftest import Mount
from tests.stores.conftest import fill

BIG = b"0123456789abcdef" * (1 << 17)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "blobs"


@pytest.fixture
def blobs(folder: Path) -> FileBlobs:
    return FileBlobs(folder)


def _file(folder: Path, digest: str) -> Path:
    return folder / digest[:2] / digest[2:]


def test_a_blob_is_a_read_only_file_named_by_its_digest(blobs: FileBlobs, folder: Path) -> None:
    digest = blobs.put(BIG)
    path = _file(folder, digest)
    assert path.read_bytes() == BIG
    assert stat.S_IMODE(path.stat().st_mode) & 0o222 == 0
    assert [f.name for f in folder.iterdir()] == [digest[:2]]


def test_a_store_opens_again_with_what_is_in_it(blobs: FileBlobs, folder: Path) -> None:
    digest = blobs.put(b"a")
    assert list(FileBlobs(folder)) == [digest]


def test_putting_again_writes_nothing(blobs: FileBlobs, folder: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(BIG)
    for content in (b"a", BIG, source):
        path = _file(folder, blobs.put(content))
        before = path.stat()
        blobs.put(content)
        assert (path.stat().st_ino, path.stat().st_size) == (before.st_ino, before.st_size)
        assert path.stat().st_mtime_ns > before.st_mtime_ns, "it is as young as if it had been stored now"


@pytest.mark.parametrize("content", [b"content", BIG], ids=["small", "big"])
def test_changed_bytes_are_found(blobs: FileBlobs, folder: Path, tmp_path: Path, content: bytes) -> None:
    digest = blobs.put(content)
    path = _file(folder, digest)
    path.chmod(0o644)
    path.write_bytes(content[:-1] + b"X")
    with pytest.raises(Corrupt, match=digest):
        blobs.read(digest)
    with pytest.raises(Corrupt, match=digest):
        blobs.fetch(digest, tmp_path / "target")
    assert not (tmp_path / "target").exists()


@pytest.mark.parametrize("content", [b"content", BIG], ids=["small", "big"])
def test_a_cut_blob_is_found_and_mended_by_putting_it_again(blobs: FileBlobs, folder: Path, content: bytes) -> None:
    digest = blobs.put(content)
    path = _file(folder, digest)
    path.chmod(0o644)
    os.truncate(path, 3)
    with pytest.raises(Corrupt):
        blobs.read(digest)
    assert blobs.put(content) == digest
    assert blobs.read(digest) == content


def test_other_files_are_not_listed(blobs: FileBlobs, folder: Path) -> None:
    digest = blobs.put(b"a")
    for name in (
        ".put-1-x",
        "README",
        "ab",
        "zz/" + "0" * 62,
        "00/short",
        "00/" + "0" * 61 + "X",
        "ab.tmp/" + "0" * 62,
    ):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    assert list(blobs) == [digest]


def test_what_a_killed_put_left_goes_after_a_day(folder: Path) -> None:
    FileBlobs(folder)
    old, fresh = folder / ".put-1-old", folder / ".put-2-fresh"
    for path in (old, fresh):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    blobs = FileBlobs(folder)
    blobs.put(b"a")
    assert not old.exists()
    assert fresh.exists()
    assert blobs.sweep(older=-1.0) == 1
    assert blobs.sweep(older=-1.0) == 0


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path, mount: Mount) -> None:
    disk = tmp_path / "disk"
    mount(disk, "size=6m")
    blobs = FileBlobs(disk / "blobs")
    kept = blobs.put(b"kept")
    source = tmp_path / "source"
    source.write_bytes(BIG * 4)
    for content in (BIG * 4, source):
        with pytest.raises(StoreError, match=f"the disk of {disk}.* is full"):
            blobs.put(content)
        assert list(blobs) == [kept]
        assert [f.name for f in (disk / "blobs").iterdir()] == [kept[:2]]
    digest = blobs.put(BIG)
    filler = fill(disk)
    with pytest.raises(StoreError, match=f"the disk of {disk}.* is full"):
        blobs.fetch(digest, disk / "target")
    assert not (disk / "target").exists()
    filler.unlink()
    blobs.fetch(digest, disk / "target")


def test_a_disk_that_cannot_be_written(tmp_path: Path, mount: Mount) -> None:
    disk = tmp_path / "disk"
    mount(disk, "size=4m")
    blobs = FileBlobs(disk / "blobs")
    digest = blobs.put(b"a")
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    for act in (lambda: blobs.put(b"b"), lambda: blobs.delete(digest), lambda: FileBlobs(disk / "new")):
        with pytest.raises(StoreError, match=str(disk)):
            act()
    assert blobs.read(digest) == b"a"


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="file"):
        FileBlobs(tmp_path / "file")
