from __future__ import annotations

import hashlib
import json
import os
import socket
from pathlib import Path

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from muster.errors import Corrupt, InvalidModel, StoreError, TooNew
from muster.predictors.local.artifact import fetch, manifest, specify, store
from muster.stores.files import FileBlobs
from muster.stores.memory import MemoryBlobs

_EMPTY = hashlib.sha256(b"").hexdigest()


@pytest.fixture
def blobs(tmp_path: Path) -> FileBlobs:
    return FileBlobs(tmp_path / "blobs")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    for path, text in {
        "MLmodel": "flavors",
        "data/model.pkl": "x" * 5_000,
        "data.bin": "\0",
        "Ärger/ß": "ü",
        "run.sh": "#!",
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    (folder / "run.sh").chmod(0o700)
    (folder / "empty").mkdir()
    (folder / "data" / "__pycache__").mkdir()
    (folder / "data" / "__pycache__" / "a.pyc").write_text("cache")
    return folder


def _tree(folder: Path) -> dict[str, tuple[bytes, int]]:
    files = [p for p in folder.rglob("*") if p.is_file()]
    return {p.relative_to(folder).as_posix(): (p.read_bytes(), p.stat().st_mode & 0o777) for p in files}


def test_a_folder_comes_back_as_it_was(model: Path, blobs: FileBlobs, tmp_path: Path) -> None:
    digest, size = store(model, blobs)
    assert size == 5_000 + 7 + 1 + 2 + 2
    fetch(digest, blobs, tmp_path / "copy")
    wanted = {p: (b, 0o555 if p == "run.sh" else 0o444) for p, (b, _) in _tree(model).items() if "__pycache__" not in p}
    assert _tree(tmp_path / "copy") == wanted


def test_the_manifest_is_canonical_and_sorted_bytewise(model: Path, blobs: FileBlobs) -> None:
    digest, _ = store(model, blobs)
    body = json.loads(blobs.read(digest))
    assert body["format"] == "muster.artifact/1"
    assert [f["path"] for f in body["files"]] == ["MLmodel", "data.bin", "data/model.pkl", "run.sh", "Ärger/ß"]
    assert body["files"][0] == {
        "path": "MLmodel",
        "mode": "0644",
        "size": 7,
        "sha256": hashlib.sha256(b"flavors").hexdigest(),
    }
    assert body["files"][3]["mode"] == "0755"
    assert blobs.read(digest) == rfc8785.dumps(body)


def test_the_digest_is_of_names_bytes_and_the_executable_bit_alone(model: Path, blobs: FileBlobs) -> None:
    digest, _ = store(model, blobs)
    os.utime(model / "MLmodel", (1, 1))
    (model / "MLmodel").chmod(0o600)
    (model / "empty").rmdir()
    assert store(model, blobs)[0] == digest
    assert store(model, MemoryBlobs())[0] == digest
    (model / "MLmodel").chmod(0o755)
    changed = {digest, store(model, blobs)[0]}
    (model / "MLmodel").write_text("flavour")
    changed.add(store(model, blobs)[0])
    (model / "MLmodel").rename(model / "mlmodel")
    changed.add(store(model, blobs)[0])
    assert len(changed) == 4


def test_links_that_stay_inside_are_stored_as_copies(model: Path, blobs: FileBlobs, tmp_path: Path) -> None:
    (model / "link").symlink_to("data/model.pkl")
    (model / "folder").symlink_to(model / "data")
    digest, _ = store(model, blobs)
    fetch(digest, blobs, tmp_path / "copy")
    assert (tmp_path / "copy" / "link").read_text() == "x" * 5_000
    assert (tmp_path / "copy" / "folder" / "model.pkl").read_text() == "x" * 5_000
    assert not any(p.is_symlink() for p in (tmp_path / "copy").rglob("*"))


def test_all_that_cannot_be_stored_is_named_at_once(model: Path, blobs: FileBlobs, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hush")
    (model / "out").symlink_to(tmp_path / "secret")
    (model / "up").symlink_to("../secret")
    (model / "lost").symlink_to("nowhere")
    (model / "loop").symlink_to(".")
    (model / "data" / "loop").symlink_to("../data")
    os.mkfifo(model / "pipe")
    (model / "back\\slash").touch()
    (model / os.fsdecode(b"\xff")).touch()
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(model)  # the path of a socket is short
        server.bind("socket")
        os.chdir(here)
    with pytest.raises(InvalidModel) as caught:
        store(model, blobs)
    assert caught.value.details["problems"] == [
        "`back\\slash` has a backslash in its name",
        "`data/loop` is a link to a folder that it lies in",
        "`loop` is a link to a folder that it lies in",
        "`lost` is a link to nothing",
        "`out` is a link that leads out of the folder",
        "`pipe` is no file (a device, pipe or socket)",
        "`socket` is no file (a device, pipe or socket)",
        "`up` is a link that leads out of the folder",
        "`\\xff` has a name that is not UTF-8",
    ]
    assert list(blobs) == []


def test_a_folder_without_files_or_none_at_all(tmp_path: Path, blobs: FileBlobs) -> None:
    (tmp_path / "empty" / "deeper").mkdir(parents=True)
    with pytest.raises(InvalidModel, match="holds no file"):
        store(tmp_path / "empty", blobs)
    with pytest.raises(InvalidModel, match="No such file or directory"):
        store(tmp_path / "missing", blobs)


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../up", "a/../../up", "a//b", "", ".", "a/.", "a\0b", "a\\b", 3, "MLmodel/x"]
)
def test_a_manifest_that_leads_elsewhere_is_refused(tmp_path: Path, blobs: FileBlobs, path: object) -> None:
    blobs.put(b"")
    files = [{"path": p, "mode": "0644", "size": 0, "sha256": _EMPTY} for p in ("MLmodel", path)]
    digest = blobs.put(json.dumps({"format": "muster.artifact/1", "files": files}).encode())
    with pytest.raises(Corrupt, match="unsound entries"):
        fetch(digest, blobs, tmp_path / "a" / "copy")
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    "body",
    [
        b"no JSON",
        b"{}",
        b"[]",
        b'{"format": "muster.version/1", "files": []}',
        b'{"format": "muster.artifact/1", "files": [{"path": "a"}]}',
        b'{"format": "muster.artifact/1", "files": 3}',
        b'{"format": "muster.artifact/1", "files": [{"path": "a", "mode": "0777", "size": 0, "sha256": ""}]}',
    ],
)
def test_what_is_no_manifest(blobs: FileBlobs, body: bytes) -> None:
    with pytest.raises(Corrupt):
        manifest(blobs.put(body), blobs)


def test_a_later_releases_manifest_is_refused_with_the_hint_to_upgrade(blobs: FileBlobs) -> None:
    with pytest.raises(TooNew) as caught:
        manifest(blobs.put(b'{"format": "muster.artifact/2", "files": []}'), blobs)
    assert "upgrade" in caught.value.hint


def test_damaged_blobs_are_never_fetched_and_leave_nothing(model: Path, blobs: FileBlobs, tmp_path: Path) -> None:
    digest, _ = store(model, blobs)
    victim = manifest(digest, blobs)[2].sha256
    place = tmp_path / "blobs" / victim[:2] / victim[2:]
    place.chmod(0o644)
    for damage in (b"y" * 5_000, b"", None):
        if damage is None:
            place.unlink()
        else:
            place.write_bytes(damage)
        with pytest.raises(Corrupt):
            fetch(digest, blobs, tmp_path / "copy")
        assert not (tmp_path / "copy").exists()


def test_a_manifest_that_lies_about_a_size(tmp_path: Path, blobs: FileBlobs) -> None:
    blobs.put(b"")
    files = [{"path": "a", "mode": "0644", "size": 1, "sha256": _EMPTY}]
    digest = blobs.put(json.dumps({"format": "muster.artifact/1", "files": files}).encode())
    with pytest.raises(Corrupt, match="another size"):
        fetch(digest, blobs, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_where_nothing_can_be_written(model: Path, blobs: FileBlobs, tmp_path: Path) -> None:
    digest, _ = store(model, blobs)
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be written"):
        fetch(digest, blobs, tmp_path / "file" / "copy")


def test_a_specification_is_stored_in_one_form(blobs: FileBlobs) -> None:
    one = specify({"url": "https://host.example", "rows": 2}, blobs)
    assert one == specify({"rows": 2, "url": "https://host.example"}, blobs)
    assert blobs.read(one) == b'{"rows":2,"url":"https://host.example"}'


_NAME = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\\\0"), min_size=1, max_size=8).filter(
    lambda n: n not in (".", "..", "__pycache__") and len(n.encode()) < 64
)


@given(st.dictionaries(_NAME, st.binary(max_size=100), min_size=1, max_size=5))
def test_any_names_and_bytes_come_back(tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]) -> None:
    folder = tmp_path_factory.mktemp("artifact")
    (folder / "in" / "deep").mkdir(parents=True)
    for name, content in files.items():
        (folder / "in" / "deep" / name).write_bytes(content)
    blobs = MemoryBlobs()
    digest, size = store(folder / "in", blobs)
    fetch(digest, blobs, folder / "out")
    assert {n: b for n, (b, _) in _tree(folder / "out").items()} == {f"deep/{n}": b for n, b in files.items()}
    assert size == sum(map(len, files.values()))
