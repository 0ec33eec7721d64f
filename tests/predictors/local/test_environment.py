"""Environments, built by the real uv: of tiny packages from a folder where that shows the same, else from the index."""

from __future__ import annotations

import hashlib
import multiprocessing
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import pytest

from muster.config import Settings
from muster.errors import EnvironmentFailed, InvalidConfig, InvalidInput
from muster.predictors.local.environment import Environments
from muster.predictors.local.indexes import sources_of
from muster.predictors.local.interpreters import current
from muster.predictors.local.tool import Uv
from muster.records import Environment
from muster.stores.files import FileBlobs
from tests.predictors.local.packages import lone_machine, make_source, make_wheel

_HERE = current().minor
Builders: TypeAlias = "Callable[[Environment], multiprocessing.Queue[str]]"


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return lone_machine(tmp_path, monkeypatch)


def _environments(folder: Path, talk: Callable[[str], None] = lambda _: None, **settings: object) -> Environments:
    given = {name.replace("__", "."): value for name, value in settings.items()}
    return Environments(folder / "environments", FileBlobs(folder / "blobs"), Settings.load(given, environ={}), talk)


def _run(python: Path, code: str) -> str:
    return subprocess.run([python, "-E", "-s", "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def _left(folder: Path) -> list[str]:
    return sorted(p.name for p in (folder / "environments").iterdir())


def test_an_environment_from_the_index_is_built_and_has_what_is_locked(tmp_path: Path) -> None:
    told: list[str] = []
    environments = _environments(tmp_path, told.append)
    environment = environments.resolve(["six==1.16.0"], python=_HERE)
    assert environment.kind == "built"
    assert environment.python == _HERE
    assert environment.requirements[0] == "six==1.16.0"
    assert environment.lock is not None
    lock = FileBlobs(tmp_path / "blobs").read(environment.lock).decode()
    assert lock.count("--hash=sha256:") > 3
    assert "://" not in lock
    python = environments.interpreter(environment)
    assert (
        _run(python, "import six, pyarrow; print(six.__version__, pyarrow.array([1, 2]).to_pylist())")
        == "1.16.0 [1, 2]"
    )
    assert told[1].startswith(f"building environment (2 packages, Python {_HERE})")
    assert told[2].startswith("environment built in ")
    assert environments.interpreter(environment) == python
    assert len(told) == 3
    (info,) = environments.list()
    assert info.key == environment.key
    assert info.packages[1] == "six==1.16.0"
    assert info.python.startswith(_HERE)
    assert info.size > 100_000_000
    assert info.path == python.parent.parent
    assert abs(time.time() - info.used_at.timestamp()) < 60


def test_the_current_python_serves_where_it_has_every_version(tmp_path: Path) -> None:
    environments = _environments(tmp_path)
    environment = environments.resolve(["iniconfig"], python=_HERE)
    assert environments.interpreter(environment) == Path(sys.executable)


def _version(name: str) -> str:
    return _run(Path(sys.executable), f"import importlib.metadata as m; print(m.version('{name}'))")


def test_current_locks_what_is_installed_and_tells_the_differences(tmp_path: Path) -> None:
    environments = _environments(tmp_path)
    environment = environments.resolve(["iniconfig<1", "click>=8"], python=_HERE, choice="current")
    assert environment.requirements == ("iniconfig<1", "click>=8", "pyarrow>=0.16")
    assert environment.notes == (f"iniconfig {_version('iniconfig')} is installed here; the model asks for <1",)
    assert environments.interpreter(environment) == Path(sys.executable)
    other = environments.resolve(["iniconfig"], python="3.8", choice="current")
    assert other.python == _HERE
    assert other.notes == (f"made for Python 3.8, runs under {_HERE} as asked",)
    with pytest.raises(EnvironmentFailed, match=r"only under Python 3\.8"):
        environments.resolve(["iniconfig"], python="3.8", exact=True, choice="current")
    with pytest.raises(EnvironmentFailed, match="installed from a folder of this machine: muster-ml") as caught:
        environments.resolve(["muster-ml"], python=_HERE, choice="current")
    assert sys.executable in caught.value.hint


def test_another_python_of_the_machine_is_found_and_used(tmp_path: Path, shelf: Path) -> None:
    environments = _environments(tmp_path)
    minor = next((m for m in ("3.8", "3.9", "3.10", "3.12", "3.13") if m != _HERE and _has(m)), None)
    if minor is None:
        pytest.skip("never: this machine has only one Python")
    make_wheel(shelf, "lib", "1.0")
    environment = environments.resolve(["lib"], python=f"{minor}.1", exact=True)
    assert (environment.python, environment.notes) == (minor, ())
    code = "import sys, lib; print('%d.%d' % sys.version_info[:2], lib.VERSION)"
    assert _run(environments.interpreter(environment), code) == f"{minor} 1.0"


def _has(minor: str) -> bool:
    from muster.predictors.local.interpreters import choose

    try:
        return choose(minor, Uv(lambda _: None), exact=True, seconds=60)[0].minor == minor
    except EnvironmentFailed:
        return False


def test_a_python_that_is_nowhere(tmp_path: Path, shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    environments = _environments(tmp_path)
    with pytest.raises(EnvironmentFailed, match=r"only under Python 3\.99, which is not on this machine") as caught:
        environments.resolve([], python="3.99", exact=True)
    found = caught.value.details["found"]
    assert isinstance(found, list)
    assert _HERE in found
    environment = environments.resolve([], python="3.99")
    assert environment.python == max(found, key=lambda m: int(m.split(".")[1]))
    assert "made for Python 3.99, which is not on this machine" in environment.notes[0]
    with pytest.raises(EnvironmentFailed, match=r"runs under Python 3\.7, which is older than what Muster can start"):
        environments.interpreter(replace(environment, python="3.7", key="0" * 64))


def test_a_requirements_file_replaces_the_models(tmp_path: Path, shelf: Path) -> None:
    make_wheel(shelf, "lib", "1.0")
    (tmp_path / "base.txt").write_text("lib\n")
    (tmp_path / "requirements.txt").write_text("-r base.txt\npyarrow==99.0\n")
    environments = _environments(tmp_path)
    environment = environments.resolve(["nowhere"], python=_HERE, choice=tmp_path / "requirements.txt")
    assert environment.requirements == ("lib", "pyarrow==99.0")
    assert _run(environments.interpreter(environment), "import lib; print(lib.VERSION)") == "1.0"


def test_an_index_of_a_requirements_file_reaches_the_build(tmp_path: Path, shelf: Path) -> None:
    make_wheel(tmp_path / "beside", "extra", "1.0")
    (tmp_path / "requirements.txt").write_text("--find-links beside\nextra\n")
    environments = _environments(tmp_path)
    environment = environments.resolve([], python=_HERE, choice=str(tmp_path / "requirements.txt"))
    assert environment.requirements[0] == f"--find-links {tmp_path}/beside"
    assert _run(environments.interpreter(environment), "import extra; print(extra.VERSION)") == "1.0"


def test_where_an_index_needs_its_secret_the_environment_is_built_at_once(tmp_path: Path, shelf: Path) -> None:
    make_wheel(shelf, "lib", "1.0")
    environments = _environments(tmp_path)
    asked = ["--extra-index-url https://me:hush@host.invalid/simple", "lib"]
    environment = environments.resolve(asked, python=_HERE)
    assert environment.requirements[0] == "--extra-index-url https://host.invalid/simple"
    assert [info.key for info in environments.list()] == [environment.key]
    assert not [f for f in (tmp_path / "environments").rglob("*") if f.is_file() and b"hush" in f.read_bytes()]


def test_a_wheel_of_the_model_is_installed_from_the_blobs(tmp_path: Path, shelf: Path) -> None:
    make_wheel(tmp_path / "model", "mine", "1.0")
    environments = _environments(tmp_path)
    environment = environments.resolve(["mine-1.0-py3-none-any.whl"], python=_HERE, folder=tmp_path / "model")
    (tmp_path / "model" / "mine-1.0-py3-none-any.whl").unlink()
    assert _run(environments.interpreter(environment), "import mine; print(mine.VERSION)") == "1.0"


def test_a_package_is_built_from_source_where_it_has_no_wheel(tmp_path: Path, shelf: Path) -> None:
    make_source(shelf, "ancient", "0.6")
    told: list[str] = []
    environments = _environments(tmp_path, told.append)
    environment = environments.resolve(["ancient"], python=_HERE)
    assert environment.notes == ("ancient==0.6 is built from source: no wheels of it exist",)
    assert _run(environments.interpreter(environment), "import ancient; print(ancient.VERSION)") == "0.6"


def test_a_python_that_the_user_names(tmp_path: Path) -> None:
    environments = _environments(tmp_path)
    environment = environments.resolve(["iniconfig<1", "click"], python="3.8", choice=sys.executable)
    assert environment.kind == "executable"
    assert environment.executable == sys.executable
    assert environment.notes == (
        f"made for Python 3.8, runs under {_HERE} as asked",
        f"the model asks for iniconfig<1; the Python that was named has {_version('iniconfig')}",
    )
    assert environment.lock is not None
    assert f"iniconfig=={_version('iniconfig')}\n" in FileBlobs(tmp_path / "blobs").read(environment.lock).decode()
    assert environments.interpreter(environment) == Path(sys.executable)
    assert environments.resolve([], python=None, choice=Path(sys.prefix)).executable == str(
        Path(sys.prefix) / "bin" / "python"
    )
    with pytest.raises(EnvironmentFailed, match=r"only under Python 3\.8"):
        environments.resolve([], python="3.8", exact=True, choice=sys.executable)


def test_a_python_that_cannot_be_used(tmp_path: Path, shelf: Path) -> None:
    uv = Uv(lambda _: None)
    assert uv("venv", "--quiet", "--python", sys.executable, tmp_path / "venv", until=time.monotonic() + 60).ok
    environments = _environments(tmp_path)
    with pytest.raises(EnvironmentFailed, match="cannot import pyarrow") as caught:
        environments.resolve([], python=None, choice=tmp_path / "venv")
    assert caught.value.hint == f"install it: {tmp_path}/venv/bin/python -m pip install pyarrow"
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho no; exit 3\n")
    broken.chmod(0o755)
    with pytest.raises(EnvironmentFailed, match="does not run as a Python"):
        environments.resolve([], python=None, choice=broken)
    gone = Environment(kind="executable", python=_HERE, key="0" * 64, lock=None, executable=str(tmp_path / "gone"))
    with pytest.raises(EnvironmentFailed, match="is not on this machine"):
        environments.interpreter(gone)


def test_a_named_python_that_changed_is_told_of(tmp_path: Path) -> None:
    told: list[str] = []
    environments = _environments(tmp_path, told.append)
    environment = environments.resolve([], python=None, choice=sys.executable)
    other = FileBlobs(tmp_path / "blobs").put(b"click==0.1\nlost==1.0\n")
    environments.interpreter(replace(environment, lock=other, key="1" * 64))
    assert told == [
        f"{sys.executable}: click==0.1 was installed at registration, now {_version('click')}",
        f"{sys.executable}: lost==1.0 was installed at registration, now it is not",
    ]
    with pytest.raises(EnvironmentFailed, match=r"was Python 3\.8 when"):
        environments.interpreter(replace(environment, python="3.8", key="2" * 64))


@pytest.mark.parametrize("choice", ["automatic", "missing.txt", "missing.yaml", "pyproject.txt/x"])
def test_what_is_no_environment(tmp_path: Path, choice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidInput, match="is no environment") as caught:
        _environments(tmp_path).resolve([], python=None, choice=choice)
    assert "auto, current" in caught.value.hint


def _write(file: Path, text: str) -> Path:
    file.write_text(text)
    return file


def test_a_conda_file_says_the_python_and_the_packages(tmp_path: Path, shelf: Path) -> None:
    make_wheel(shelf, "torch", "2.1.3")
    file = _write(
        tmp_path / "conda.yaml", f"dependencies: [python={_HERE}.1, pip, mkl, pytorch=2.1, {{pip: [pyarrow]}}]"
    )
    environment = _environments(tmp_path).resolve(["lost"], python=None, choice=file)
    assert environment.python == _HERE
    assert environment.requirements == ("torch==2.1.*", "pyarrow")
    assert _environments(tmp_path).packages(environment) == ("pyarrow==99.0", "torch==2.1.3")
    other = "3.8" if _HERE != "3.8" else "3.9"
    file.write_text(f"dependencies: [python={other}]")
    with pytest.raises(EnvironmentFailed, match=rf"loads only under Python {_HERE}, and .* asks for {other}"):
        _environments(tmp_path).resolve([], python=_HERE, exact=True, choice=file)


def test_a_file_of_virtualenv_may_ask_for_another_python(tmp_path: Path, shelf: Path) -> None:
    other = next((m for m in ("3.12", "3.10", "3.9") if m != _HERE and _has(m)), None)
    if other is None:
        pytest.skip("never: there is no other Python here")
    make_wheel(shelf, "six", "1.0")
    file = _write(tmp_path / "python_env.yaml", f"python: '{other}'\nbuild_dependencies: [pip]\ndependencies: [six]")
    environments = _environments(tmp_path)
    environment = environments.resolve([], python=_HERE, choice=file)
    assert environment.python == other
    code = "import sys, six; print('%d.%d' % sys.version_info[:2])"
    assert _run(environments.interpreter(environment), code) == other


def test_a_lock_with_hashes_is_used_as_it_is(tmp_path: Path, shelf: Path) -> None:
    wheels = [make_wheel(shelf, "pyarrow", "20.0"), make_wheel(shelf, "six", "1.0")]
    make_wheel(shelf, "six", "2.0")
    pyarrow, six = (hashlib.sha256(w.read_bytes()).hexdigest() for w in wheels)
    lock = _write(
        tmp_path / "requirements.lock",
        f"six==1.0 \\\n    --hash=sha256:{'0' * 64} \\\n    --hash=sha256:{six}\n    # via mine\n"
        f"pyarrow==20.0 --hash=sha256:{pyarrow}\n",
    )
    told: list[str] = []
    environments = _environments(tmp_path, told.append)
    environment = environments.resolve([], python=_HERE, choice=lock)
    assert not told, "nothing is resolved"
    assert environment.notes == ("the lock is used as it was given",)
    assert environment.lock is not None
    text = FileBlobs(tmp_path / "blobs").read(environment.lock).decode()
    assert text.count("--hash=sha256:") == 3
    assert _run(environments.interpreter(environment), "import six; print(six.VERSION)") == "1.0"


def test_a_lock_whose_hashes_no_file_has_is_refused_by_the_build(tmp_path: Path, shelf: Path) -> None:
    make_wheel(shelf, "pyarrow", "20.0")
    lock = _write(tmp_path / "requirements.txt", f"pyarrow==20.0 --hash=sha256:{'0' * 64}\n")
    environments = _environments(tmp_path)
    environment = environments.resolve([], python=_HERE, choice=lock)
    with pytest.raises(EnvironmentFailed, match="pyarrow"):
        environments.interpreter(environment)


@pytest.mark.parametrize("name", ["uv.lock", "poetry.lock", "pylock.toml"])
def test_locks_of_other_forms_are_refused_with_how_to_export_them(tmp_path: Path, name: str) -> None:
    file = _write(tmp_path / name, "version = 1\n")
    with pytest.raises(InvalidInput, match="in a form of its own tool") as refused:
        _environments(tmp_path).resolve([], python=None, choice=file)
    assert "> requirements.txt" in refused.value.hint


def test_own_settings_say_where_packages_come_from(
    tmp_path: Path, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of wheels and no index, whatever pip and uv are told."""
    monkeypatch.setenv("UV_FIND_LINKS", "")
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    wheels = tmp_path / "wheels"
    make_wheel(wheels, "pyarrow", "20.0")
    environments = _environments(tmp_path, environment__find_links=str(wheels), environment__index="none")
    environment = environments.resolve([], python=_HERE)
    assert environments.packages(environment) == ("pyarrow==20.0",)
    assert environments.interpreter(environment).exists()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"environment.index": "https://me:hush@index.example/simple"}, "has a user name or password"),
        ({"environment.find_links": "/nowhere, https://wheels.example"}, "names /nowhere, where there is no folder"),
    ],
)
def test_settings_that_cannot_be_are_told(given: dict[str, str], said: str) -> None:
    with pytest.raises(InvalidConfig, match=said) as wrong:
        sources_of(Settings.load(given, environ={}))
    assert "hush" not in str(wrong.value)


def test_too_old_a_pyarrow_is_refused(tmp_path: Path, shelf: Path) -> None:
    make_wheel(shelf, "pyarrow", "0.15.1")
    with pytest.raises(EnvironmentFailed, match=r"would have pyarrow 0\.15\.1"):
        _environments(tmp_path).resolve(["pyarrow<0.16"], python=_HERE)


def _build(folder: Path, environment: Environment, told: multiprocessing.Queue[str]) -> None:
    told.put(str(_environments(folder, told.put).interpreter(environment)))


@pytest.fixture
def builders(tmp_path: Path) -> Iterator[Builders]:
    """Starts a process that asks for an environment; gives what it says, of which the last is the interpreter."""
    spawn = multiprocessing.get_context("spawn")
    started = []

    def start(environment: Environment) -> multiprocessing.Queue[str]:
        told: multiprocessing.Queue[str] = spawn.Queue()
        started.append(spawn.Process(target=_build, args=(tmp_path, environment, told)))
        started[-1].start()
        return told

    yield start
    for process in started:
        process.kill()
        process.join()


def _until(told: multiprocessing.Queue[str], part: str) -> list[str]:
    lines = [told.get(timeout=30)]
    while part not in lines[-1]:
        lines.append(told.get(timeout=30))
    return lines


def test_two_processes_that_ask_at_once_build_once(tmp_path: Path, shelf: Path, builders: Builders) -> None:
    _slow(shelf, tmp_path / "go")
    environment = _environments(tmp_path).resolve(["--no-binary slow", "slow"], python=_HERE)
    first = builders(environment)
    assert _until(first, "building slow")[0] == f"building environment (2 packages, Python {_HERE}) …"
    second = builders(environment)
    assert _until(second, "waiting") == ["another process builds the environment; waiting for it …"]
    (tmp_path / "go").touch()
    python = str(_place(tmp_path, environment) / "bin" / "python")
    assert _until(first, "bin/python")[-1] == python
    assert _until(second, "bin/python") == [python]
    assert _left(tmp_path) == [environment.key]


def test_threads_that_ask_at_once_build_once(tmp_path: Path, shelf: Path) -> None:
    told: list[str] = []
    environments = _environments(tmp_path, told.append)
    environment = environments.resolve([], python=_HERE)
    threads = [threading.Thread(target=environments.interpreter, args=(environment,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum("building environment (" in line for line in told) == 1


def test_a_build_that_is_killed_leaves_nothing_that_looks_whole(
    tmp_path: Path, shelf: Path, builders: Builders
) -> None:
    _slow(shelf, tmp_path / "go")
    environments = _environments(tmp_path)
    environment = environments.resolve(["--no-binary slow", "slow"], python=_HERE)
    _until(builders(environment), "building slow")
    (builder,) = multiprocessing.active_children()
    builder.kill()
    builder.join()
    assert any(".tmp-" in name for name in _left(tmp_path))
    assert environments.list() == []
    (tmp_path / "go").touch()
    assert _run(environments.interpreter(environment), "import slow; print(slow.VERSION)") == "1.0"
    deadline = time.monotonic() + 30
    while _left(tmp_path) != [environment.key]:  # the killed one's uv may still be writing
        assert environments.collect([environment.key]) == []
        assert time.monotonic() < deadline


def _slow(shelf: Path, go: Path) -> None:
    """A package that is not built before `go` exists."""
    make_source(shelf, "slow", "1.0", building=f"while not os.path.exists({str(go)!r}): time.sleep(0.02)")


def _place(folder: Path, environment: Environment) -> Path:
    return folder / "environments" / environment.key


def test_an_environment_whose_base_python_went_is_built_again(tmp_path: Path, shelf: Path) -> None:
    told: list[str] = []
    environments = _environments(tmp_path, told.append)
    environment = environments.resolve([], python=_HERE)
    python = environments.interpreter(environment)
    assert python.is_relative_to(tmp_path)
    python.unlink()
    python.symlink_to(tmp_path / "gone" / "python")
    assert environments.interpreter(environment) == python
    assert _run(python, "print(1)") == "1"
    assert sum("building environment (" in line for line in told) == 2
    assert _left(tmp_path) == [environment.key]


def test_a_package_that_was_changed_in_the_index_is_refused(
    tmp_path: Path, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_wheel(shelf, "lib", "1.0")
    environments = _environments(tmp_path)
    environment = environments.resolve(["lib"], python=_HERE)
    make_wheel(shelf, "lib", "1.0", requires=["evil"])
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "another-cache"))
    with pytest.raises(EnvironmentFailed, match=r"cannot be built: .*lib==1\.0") as caught:
        environments.interpreter(environment)
    assert caught.value.details["kind"] == "hash"
    assert _left(tmp_path) == []


def test_a_lock_without_a_hash_is_not_built(tmp_path: Path, shelf: Path) -> None:
    make_wheel(shelf, "lib", "1.0")
    lock = FileBlobs(tmp_path / "blobs").put(b"lib==1.0\n")
    with pytest.raises(EnvironmentFailed, match="must have a hash"):
        _environments(tmp_path).interpreter(Environment(python=_HERE, lock=lock, key="0" * 64))


def test_a_build_that_takes_too_long_is_stopped_and_leaves_nothing(tmp_path: Path, shelf: Path) -> None:
    _slow(shelf, tmp_path / "never")
    environment = _environments(tmp_path).resolve(["--no-binary slow", "slow"], python=_HERE)
    with pytest.raises(EnvironmentFailed, match=r"longer than environment\.build_seconds"):
        _environments(tmp_path, environment__build_seconds=1.0).interpreter(environment)
    assert _left(tmp_path) == []


def test_a_full_disk_is_named(tmp_path: Path, shelf: Path) -> None:
    make_wheel(shelf, "lib", "1.0")
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=12k", "tmpfs", small], capture_output=True, check=False
    ).returncode:
        pytest.skip("never: this account may not mount a small disk")
    try:
        blobs = FileBlobs(tmp_path / "blobs")
        environments = Environments(small, blobs, Settings.load(environ={}), lambda _: None)
        environment = environments.resolve(["lib"], python=_HERE)
        with pytest.raises(EnvironmentFailed, match=r"no space is left on the disk|cannot be written") as caught:
            environments.interpreter(environment)
        assert "environment.folder" in caught.value.hint
        assert [p for p in small.iterdir() if p.is_dir()] == []
    finally:
        subprocess.run(["umount", small], check=True)


def test_collecting_removes_what_is_not_kept_nor_used(tmp_path: Path, shelf: Path) -> None:
    told: list[str] = []
    environments = _environments(tmp_path, told.append)
    wanted: list[Sequence[str]] = [[], ["lib"], ["lib", "helper"]]
    make_wheel(shelf, "lib", "1.0")
    make_wheel(shelf, "helper", "1.0")
    kept, used, free = (environments.resolve(w, python=_HERE) for w in wanted)
    pythons = [environments.interpreter(e) for e in (kept, used, free)]
    assert environments.collect([]) == []
    assert sum("it was just used" in line for line in told) == 3
    (tmp_path / "environments" / f"{'e' * 64}.tmp-0123").mkdir()
    pipe = subprocess.PIPE
    with subprocess.Popen([pythons[1], "-c", "print(flush=True); input()"], stdin=pipe, stdout=pipe) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdout.readline()
        gone = environments.collect([kept.key], idle=0)
        assert [info.key for info in gone] == [free.key]
        assert any(f"process {worker.pid} runs in it" in line for line in told)
        assert any(f"removed environment {free.key[:12]}" in line for line in told)
        worker.stdin.write(b"\n")
    assert _left(tmp_path) == sorted([kept.key, used.key])
    assert [info.key for info in environments.collect([kept.key], idle=0)] == [used.key]
    assert environments.collect([kept.key], idle=0) == []
    assert _run(environments.interpreter(used), "import lib; print(lib.VERSION)") == "1.0"


def test_without_uv_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("uv.find_uv_bin", _raise)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(EnvironmentFailed, match="is not installed") as caught:
        Uv(lambda _: None)("--version", until=time.monotonic() + 5)
    assert caught.value.hint == "install it with `pip install uv`"


def _raise() -> str:
    raise FileNotFoundError


def test_the_files_of_a_package_that_is_data_are_there_without_what_it_needs(shelf: Path, tmp_path: Path) -> None:
    make_wheel(shelf, "flights", "1.0", requires=["pandas-of-nowhere"])
    _environments(tmp_path).unpack("flights==1.0", tmp_path / "files")
    assert (tmp_path / "files" / "flights.py").read_text() == "VERSION = '1.0'\n"
    assert not (tmp_path / "environments").exists()


@pytest.mark.usefixtures("shelf")
def test_a_package_that_is_nowhere_is_named(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFailed, match=r"the files of flights==9 cannot be had: .*flights"):
        _environments(tmp_path).unpack("flights==9", tmp_path / "files")
