"""Archives that are sound, and all that a hostile one may try; nothing is left of one that is refused."""

from __future__ import annotations

import io
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from muster.errors import InvalidModel
from muster.predictors import archive
from muster.predictors.archive import extract, is_archive

FILES = {"model/MLmodel": b"flavors: {}", "model/data/weights.bin": os.urandom(5000), "model/empty": b""}


def tar(target: Path, files: dict[str, bytes], *more: tarfile.TarInfo) -> Path:
    with tarfile.open(target, "w:gz") as packed:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            packed.addfile(info, io.BytesIO(content))
        for info in more:
            packed.addfile(info, io.BytesIO(b"x" * info.size))
    return target


def zipped(target: Path, files: dict[str, bytes], *more: zipfile.ZipInfo) -> Path:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name, content)
        for info in more:
            packed.writestr(info, "/etc/passwd")
    return target


def left(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def test_files_come_out_as_they_went_in(tmp_path: Path) -> None:
    for packed in (tar(tmp_path / "a.tar.gz", FILES), zipped(tmp_path / "b.zip", FILES)):
        extract(packed, tmp_path / packed.stem)
        assert left(tmp_path / packed.stem) == FILES


def test_folders_and_what_systems_add_are_no_files(tmp_path: Path) -> None:
    extra = {"__MACOSX/model/._MLmodel": b"x", "model/.DS_Store": b"x", "./model/./other": b"o", "deep/": b""}
    extract(zipped(tmp_path / "a.zip", FILES | extra), tmp_path / "out")
    assert left(tmp_path / "out") == FILES | {"model/other": b"o"}
    assert (tmp_path / "out" / "deep").is_dir()


def member(name: str, kind: bytes, target: str = "", size: int = 0) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, target, size
    return info


def link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return info


def device(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, (stat.S_IFCHR | 0o777) << 16
    return info


HOSTILE: dict[str, tuple[Callable[[Path], Path], str]] = {
    "tar, absolute": (lambda p: tar(p / "a.tar.gz", FILES | {"/tmp/muster-evil": b"x"}), "is an absolute path"),
    "tar, up": (lambda p: tar(p / "a.tar.gz", FILES | {"model/../../evil": b"x"}), "leads out of its folder"),
    "tar, link": (lambda p: tar(p / "a.tar.gz", FILES, member("model/l", tarfile.SYMTYPE, "/etc/passwd")), "`model/l` is a link"),
    "tar, hard link": (lambda p: tar(p / "a.tar.gz", FILES, member("model/l", tarfile.LNKTYPE, "model/MLmodel")), "is a link"),
    "tar, device": (lambda p: tar(p / "a.tar.gz", FILES, member("model/d", tarfile.CHRTYPE)), "is a device"),
    "tar, pipe": (lambda p: tar(p / "a.tar.gz", FILES, member("model/p", tarfile.FIFOTYPE)), "is a device, pipe"),
    "tar, a file on a link": (
        lambda p: tar(p / "a.tar.gz", {}, member("m", tarfile.SYMTYPE, "/tmp"), member("m/evil", tarfile.REGTYPE)), "`m` is a link",
    ),
    "tar, twice": (lambda p: tar(p / "a.tar.gz", FILES, member("model/MLmodel", tarfile.REGTYPE)), "is in it twice"),
    "tar, a file as a folder": (lambda p: tar(p / "a.tar.gz", {"m": b"x", "m/MLmodel": b"x"}), "is in it twice"),
    "tar, a folder as a file": (lambda p: tar(p / "a.tar.gz", {"m/MLmodel": b"x", "m": b"x"}), "is in it twice"),
    "zip, absolute": (lambda p: zipped(p / "a.zip", FILES | {"/tmp/muster-evil": b"x"}), "is an absolute path"),
    "zip, drive": (lambda p: zipped(p / "a.zip", FILES | {"C:/evil": b"x"}), "is an absolute path"),
    "zip, up": (lambda p: zipped(p / "a.zip", FILES | {"model/../../evil": b"x"}), "leads out of its folder"),
    "zip, backslash": (lambda p: zipped(p / "a.zip", FILES | {"..\\evil": b"x"}), "a character that no path should have"),
    "zip, link": (lambda p: zipped(p / "a.zip", FILES, link("model/l")), "`model/l` is a link"),
    "zip, device": (lambda p: zipped(p / "a.zip", FILES, device("model/d")), "is a device"),
    "zip, a file as a folder": (lambda p: zipped(p / "a.zip", {"m": b"x", "m/MLmodel": b"x"}), "is in it twice"),
    "tar, nothing": (lambda p: tar(p / "a.tar.gz", {}), "holds no file"),
    "zip, nothing": (lambda p: zipped(p / "a.zip", {}), "holds no file"),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_archive_is_refused_and_leaves_nothing(case: str, tmp_path: Path) -> None:
    make, message = HOSTILE[case]
    packed = make(tmp_path)
    with pytest.raises(InvalidModel, match=message) as caught:
        extract(packed, tmp_path / "deep" / "out")
    assert caught.value.hint
    assert sorted(f.name for f in tmp_path.rglob("*")) == [packed.name, "deep"]
    assert not Path("/tmp/muster-evil").exists()


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    packed = zipped(tmp_path / "a.zip", FILES)
    data = bytearray(packed.read_bytes())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = data.find(mark)
        while start >= 0:
            data[start + place] |= 1
            start = data.find(mark, start + 4)
    packed.write_bytes(data)
    with pytest.raises(InvalidModel, match="encrypted"):
        extract(packed, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that a test can reach."""
    monkeypatch.setattr(archive, "FREE_BYTES", 100_000)
    monkeypatch.setattr(archive, "MOST_RATIO", 10)
    monkeypatch.setattr(archive, "MOST_FILES", 50)


def test_a_bomb_is_stopped_as_it_goes_off(tmp_path: Path, small: None) -> None:
    zeros = {"model/MLmodel": bytes(2_000_000)}
    for packed in (tar(tmp_path / "a.tar.gz", zeros), zipped(tmp_path / "b.zip", zeros)):
        assert packed.stat().st_size < 5_000
        with pytest.raises(InvalidModel, match="a bomb"):
            extract(packed, tmp_path / "out")
        assert not (tmp_path / "out").exists()
    many = {f"model/{i}": b"" for i in range(60)}
    with pytest.raises(InvalidModel, match="more than 50 files"):
        extract(zipped(tmp_path / "c.zip", many), tmp_path / "out")
    folders = {f"model/{i}/": b"" for i in range(60)}
    with pytest.raises(InvalidModel, match="more than 50 files or folders"):
        extract(zipped(tmp_path / "d.zip", folders), tmp_path / "out")
    deep = {"model/" + "a/" * 60 + "MLmodel": b""}
    with pytest.raises(InvalidModel, match="more than 50 files or folders"):
        extract(zipped(tmp_path / "e.zip", deep), tmp_path / "out")


def test_a_bomb_in_a_header_is_stopped_too(tmp_path: Path, small: None) -> None:
    """A name of megabytes stands in a header, which is read before there is a file."""
    with pytest.raises(InvalidModel, match="a bomb"):
        extract(tar(tmp_path / "a.tar.gz", {"model/" + "x" * 3_000_000: b""}), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_zip_whose_members_share_their_bytes_is_counted_as_often(tmp_path: Path, small: None) -> None:
    """All entries of the directory point to the first member's data."""
    packed = zipped(tmp_path / "a.zip", {f"f{i}": bytes(30_000) for i in range(10)})
    with zipfile.ZipFile(packed) as opened:
        first = opened.infolist()[0].header_offset
    data = bytearray(packed.read_bytes())
    start = data.find(b"PK\x01\x02")
    while start >= 0:
        data[start + 42 : start + 46] = first.to_bytes(4, "little")
        start = data.find(b"PK\x01\x02", start + 4)
    packed.write_bytes(data)
    with pytest.raises(InvalidModel):
        extract(packed, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "a.tar.zst", "a.tar.xz"])
def test_what_is_no_archive_is_refused(name: str, tmp_path: Path) -> None:
    for content in (
        b"",
        b"no archive",
        os.urandom(4096),
        b"\x1f\x8b" + os.urandom(100),
        b"\x28\xb5\x2f\xfd" + os.urandom(100),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InvalidModel) as caught:
            extract(tmp_path / name, tmp_path / "out")
        assert caught.value.hint
        assert not (tmp_path / "out").exists()
    (tmp_path / name).unlink()
    with pytest.raises(InvalidModel, match="there is no file"):
        extract(tmp_path / name, tmp_path / "out")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(data=st.data())
def test_an_archive_with_damaged_bytes_comes_out_whole_or_not_at_all(data: st.DataObject, tmp_path: Path) -> None:
    kind = data.draw(st.sampled_from(["a.zip", "a.tar.gz"]))
    packed = (zipped if kind == "a.zip" else tar)(tmp_path / kind, FILES)
    content = bytearray(packed.read_bytes())
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    else:
        for _ in range(3):
            content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    packed.write_bytes(content)
    out = tmp_path / "out"
    try:
        extract(packed, out)
    except InvalidModel:
        assert not out.exists()
    else:
        assert all(f.resolve().is_relative_to(out) for f in out.rglob("*"))
        for file in sorted(out.rglob("*"), reverse=True):
            file.rmdir() if file.is_dir() else file.unlink()
        out.rmdir()


def test_archives_are_known_by_name() -> None:
    assert all(is_archive(Path(n)) for n in ("m.zip", "m.TAR.GZ", "a/b.tgz", "x.tar.zst"))
    assert not any(is_archive(Path(n)) for n in ("m", "zip", "m.py", "m.gz", "model.tar.py"))


def test_folders_without_end_are_told_as_that(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as opened:
        opened.writestr("d/" * 1_900 + "MLmodel", "x")
    with pytest.raises(InvalidModel, match=r"`d/d/d/…` lies 1,901 folders deep, and 100 is the most"):
        extract(tmp_path / "m.zip", tmp_path / "out")
    assert not (tmp_path / "out").exists()
