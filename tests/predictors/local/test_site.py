from __future__ import annotations

import multiprocessing
import os
import pickle
import threading
from pathlib import Path

import pytest

from muster.config import Settings
from muster.errors import Corrupt, NotFound
from muster.predictor import Site
from muster.predictors.local.artifact import store
from muster.predictors.local.environment import to_stderr
from muster.predictors.local.site import LocalSite
from muster.stores.files import FileBlobs


@pytest.fixture
def blobs(tmp_path: Path) -> FileBlobs:
    return FileBlobs(tmp_path / "blobs")


@pytest.fixture
def digest(tmp_path: Path, blobs: FileBlobs) -> str:
    model = tmp_path / "model"
    (model / "code").mkdir(parents=True)
    (model / "MLmodel").write_text("flavors")
    (model / "code" / "helper.py").write_text("VALUE = 1\n")
    return store(model, blobs)[0]


def _site(tmp_path: Path) -> LocalSite:
    return LocalSite(tmp_path / "hub", FileBlobs(tmp_path / "blobs"), Settings.load(environ={}), lambda _: None)


def _names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_the_files_of_an_artifact_are_there_and_read_only(tmp_path: Path, digest: str) -> None:
    site: Site = _site(tmp_path)
    place = site.artifact(digest)
    assert place == tmp_path / "hub" / "artifacts" / digest
    assert (place / "code" / "helper.py").read_text() == "VALUE = 1\n"
    assert all(p.stat().st_mode & 0o222 == 0 for p in (place, *place.rglob("*")))
    stamp = (place / "MLmodel").stat().st_ino
    assert site.artifact(digest) == place
    assert _site(tmp_path).artifact(digest) == place
    assert (place / "MLmodel").stat().st_ino == stamp
    assert _names(tmp_path / "hub" / "artifacts") == [digest]


def _forge(place: Path, file: str, text: str) -> None:
    """Change bytes, and nothing else that a look at the file tells."""
    path, before = place / file, (place / file).stat()
    path.chmod(0o644)
    path.write_text(text)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    path.chmod(before.st_mode)


def _add(place: Path) -> None:
    place.chmod(0o755)
    (place / "sitecustomize.py").write_text("print('evil')\n")


def _drop(place: Path) -> None:
    (place / "code").chmod(0o755)
    (place / "code" / "helper.py").unlink()


def _link(place: Path) -> None:
    _drop(place)
    (place / "code" / "helper.py").symlink_to(place.parent.parent.parent / "model" / "code" / "helper.py")


@pytest.mark.parametrize("same_process", [True, False])
@pytest.mark.parametrize(
    "harm",
    [
        lambda p: _forge(p, "MLmodel", "Flavors"),
        lambda p: _forge(p, "code/helper.py", "VALUE = 2\n"),
        _add,
        _drop,
        _link,
    ],
    ids=["forged", "forged code", "added", "dropped", "linked"],
)
def test_a_copy_that_was_tampered_with_is_fetched_again(
    tmp_path: Path, digest: str, harm: object, same_process: bool
) -> None:
    site = _site(tmp_path)
    place = site.artifact(digest)
    assert callable(harm)
    harm(place)
    again = (site if same_process else _site(tmp_path)).artifact(digest)
    assert again == place
    assert sorted(p.relative_to(place).as_posix() for p in place.rglob("*")) == ["MLmodel", "code", "code/helper.py"]
    assert (place / "MLmodel").read_text() == "flavors"
    assert (place / "code" / "helper.py").read_text() == "VALUE = 1\n"
    assert not (place / "code" / "helper.py").is_symlink()


def test_byte_code_that_nobody_stored_goes(tmp_path: Path, digest: str) -> None:
    site = _site(tmp_path)
    place = site.artifact(digest)
    inode = (place / "MLmodel").stat().st_ino
    (place / "code").chmod(0o755)
    (place / "code" / "__pycache__").mkdir()
    (place / "code" / "__pycache__" / "helper.pyc").write_text("anything")
    site.artifact(digest)
    assert not (place / "code" / "__pycache__").exists()
    assert (place / "MLmodel").stat().st_ino == inode


def test_what_a_killed_fetch_left_is_no_copy(tmp_path: Path, digest: str) -> None:
    artifacts = tmp_path / "hub" / "artifacts"
    (artifacts / f"{digest}.tmp-0123" / "code").mkdir(parents=True)
    (artifacts / digest).mkdir()
    (artifacts / digest / "MLmodel").write_text("flav")
    place = _site(tmp_path).artifact(digest)
    assert (place / "MLmodel").read_text() == "flavors"
    assert _names(artifacts) == [digest]


def _read(site: LocalSite, digest: str, told: multiprocessing.SimpleQueue[str]) -> None:
    told.put((site.artifact(digest) / "MLmodel").read_text())


def test_many_may_ask_at_once(tmp_path: Path, digest: str) -> None:
    spawn = multiprocessing.get_context("spawn")
    told = spawn.SimpleQueue()
    site = _site(tmp_path)
    processes = [spawn.Process(target=_read, args=(site, digest, told)) for _ in range(2)]
    threads = [threading.Thread(target=_read, args=(site, digest, told)) for _ in range(4)]
    asking: list[multiprocessing.process.BaseProcess | threading.Thread] = [*processes, *threads]
    for one in asking:
        one.start()
    for one in asking:
        one.join()
    assert [told.get() for _ in range(6)] == ["flavors"] * 6
    assert _names(tmp_path / "hub" / "artifacts") == [digest]


def test_a_site_travels_and_leaves_its_talk_behind(tmp_path: Path, digest: str) -> None:
    site = pickle.loads(pickle.dumps(_site(tmp_path)))
    assert (site.artifact(digest) / "MLmodel").read_text() == "flavors"
    assert site.talk is to_stderr
    assert site.settings["worker.call_seconds"] == 60.0


def test_an_artifact_that_cannot_be_had(tmp_path: Path, digest: str, blobs: FileBlobs) -> None:
    with pytest.raises(NotFound):
        _site(tmp_path).artifact("0" * 64)
    victim = next(d for d in blobs if d != digest)
    blobs.delete(victim)
    with pytest.raises(Corrupt):
        _site(tmp_path).artifact(digest)
    assert _names(tmp_path / "hub" / "artifacts") == []


def test_collecting_removes_what_is_not_kept(tmp_path: Path, digest: str, blobs: FileBlobs) -> None:
    (tmp_path / "model" / "MLmodel").write_text("other flavors")
    other, size = store(tmp_path / "model", blobs)
    site = _site(tmp_path)
    site.artifact(digest)
    site.artifact(other)
    assert site.collect([digest]) == size
    assert _names(tmp_path / "hub" / "artifacts") == [digest]
    assert site.collect([digest]) == 0
    assert (site.artifact(other) / "MLmodel").read_text() == "other flavors"


def test_environments_are_where_the_settings_say(tmp_path: Path, blobs: FileBlobs) -> None:
    named = Settings.load({"environment.folder": str(tmp_path / "else")}, environ={})
    for settings, folder in (
        (Settings.load(environ={}), tmp_path / "hub" / "environments"),
        (named, tmp_path / "else"),
    ):
        assert LocalSite(tmp_path / "hub", blobs, settings)._environments._builds._folder == folder
