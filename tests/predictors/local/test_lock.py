from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import canonicalize_name

from muster.errors import EnvironmentFailed
from muster.predictors.local.interpreters import current
from muster.predictors.local.lock import Lock, Pin, key_of, resolve, same_version
from muster.predictors.local.requirements import Requirements, read_lines
from muster.predictors.local.tool import Uv
from tests.predictors.local.packages import digest, lone_machine, make_source, make_wheel


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return lone_machine(tmp_path, monkeypatch)


def _resolve(wanted: Requirements | list[str], prefer: dict[str, str] | None = None) -> tuple[Lock, tuple[str, ...]]:
    asked = read_lines(wanted) if isinstance(wanted, list) else wanted
    preferred = {canonicalize_name(n): v for n, v in (prefer or {}).items()}
    return resolve(asked, current(), Uv(lambda _: None), seconds=60, prefer=preferred)


def _refused(wanted: Requirements | list[str]) -> EnvironmentFailed:
    with pytest.raises(EnvironmentFailed) as caught:
        _resolve(wanted)
    assert caught.value.hint
    return caught.value


def test_a_lock_has_versions_and_hashes_and_names_no_place(shelf: Path) -> None:
    helper = make_wheel(shelf, "helper", "1.0")
    tool = make_wheel(shelf, "Tool_Box", "2.1", requires=["helper>=1", "absent; python_version < '3'"])
    lock, notes = _resolve(["tool.box[extra] >= 2"])
    assert lock.pins == (
        Pin(canonicalize_name("helper"), "1.0", (digest(helper),)),
        Pin(canonicalize_name("tool-box"), "2.1", (digest(tool),)),
    )
    assert "--only-binary :all:\n" in lock.text
    assert str(shelf) not in lock.text
    assert "://" not in lock.text
    assert notes == ()
    assert not lock.builds_sources


def test_what_is_preferred_is_taken_where_it_fits(shelf: Path) -> None:
    for version in ("1.0", "1.1", "2.0"):
        make_wheel(shelf, "lib", version)
    assert str(_resolve(["lib"])[0].pins[0]) == "lib==2.0"
    assert str(_resolve(["lib"], {"Lib": "1.1", "other": "9"})[0].pins[0]) == "lib==1.1"
    assert str(_resolve(["lib>1.5"], {"lib": "1.1"})[0].pins[0]) == "lib==2.0"


def test_constraints_count_and_add_nothing(shelf: Path) -> None:
    for version in ("1.0", "2.0"):
        make_wheel(shelf, "lib", version)
    lock, _ = _resolve(Requirements(lines=("lib",), constraints=("lib<2", "nowhere==1")))
    assert [str(p) for p in lock.pins] == ["lib==1.0"]


def test_everything_that_is_wrong_is_told_at_once(shelf: Path) -> None:
    make_wheel(shelf, "fine", "1.0")
    make_wheel(shelf, "old", "1.0", tag="cp38-cp38-manylinux_2_17_x86_64")
    error = _refused(["fine", "fine2==3", "fine>=1", "old==1.0", "fine==7"])
    told = error.message
    assert f"no environment with Python {current().minor} meets the requirements" in told
    assert "`fine2` is in no index that this machine uses" in told
    assert "old==1.0 has wheels for Python 3.8, none for" in told
    assert error.details["requirements"] == ["fine", "fine2==3", "fine>=1", "old==1.0", "fine==7"]


def test_requirements_that_exclude_each_other_are_both_named(shelf: Path) -> None:
    make_wheel(shelf, "base", "1.0")
    make_wheel(shelf, "base", "2.0")
    make_wheel(shelf, "top", "1.0", requires=["base>=2"])
    error = _refused(["top==1.0", "base<2"])
    assert "depend on base>=2 and the requirements say top==1.0" in error.message
    assert "base<2" in error.message
    assert "No solution found" in str(error.details["uv"])


def test_a_package_without_any_wheel_is_built_and_the_lock_says_so(shelf: Path) -> None:
    source = make_source(shelf, "ancient", "0.6")
    make_wheel(shelf, "top", "1.0", requires=["ancient"])
    lock, notes = _resolve(["top"])
    assert lock.text.startswith("--only-binary :all:\n--no-binary ancient\n")
    assert Pin(canonicalize_name("ancient"), "0.6", (digest(source),)) in lock.pins
    assert notes == ("ancient==0.6 is built from source: no wheels of it exist",)
    assert lock.builds_sources


def test_a_package_with_wheels_elsewhere_is_not_built_unless_asked(shelf: Path) -> None:
    make_wheel(shelf, "dual", "1.0", tag="cp38-cp38-manylinux_2_17_x86_64")
    make_source(shelf, "dual", "1.0")
    assert "allow building it with `--no-binary dual`" in _refused(["dual"]).hint
    lock, _ = _resolve(["--no-binary dual", "dual"])
    assert "--no-binary dual\n" in lock.text


def test_building_sees_no_secrets_that_were_meant_for_others(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCORES_TOKEN", "hush")
    make_source(shelf, "nosy", "1.0", looking="assert 'SCORES_TOKEN' not in os.environ and 'PATH' in os.environ")
    _resolve(["nosy"])
    make_source(shelf, "nosier", "1.0", looking="assert 'SCORES_TOKEN' in os.environ, 'it is not there'")
    assert "it is not there" in _refused(["nosier"]).message


def test_hashes_of_the_requirements_are_the_only_ones_locked(shelf: Path) -> None:
    wheel = make_wheel(shelf, "lib", "1.0")
    assert _resolve([f"lib==1.0 --hash={digest(wheel)}"])[0].pins[0].hashes == (digest(wheel),)
    assert "no file of lib==1.0" in _refused(["lib==1.0 --hash=sha256:" + "0" * 64]).message


def test_of_several_files_of_an_index_only_those_with_the_given_hash_are_locked() -> None:
    _, _, one, *_ = _resolve(["pyarrow==26.0.1"])[0].pins[0].hashes
    lock, _ = _resolve([f"pyarrow==26.0.1 --hash={one}"])
    assert lock.text == f"--only-binary :all:\npyarrow==26.0.1 \\\n    --hash={one}\n"


def test_a_wheel_of_the_model_is_locked_by_its_hash(shelf: Path, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path / "model", "mine", "1.0", requires=["helper"])
    make_wheel(shelf, "mine", "1.0")
    make_wheel(shelf, "helper", "1.0")
    lock, _ = _resolve(read_lines(["mine-1.0-py3-none-any.whl"], tmp_path / "model"))
    assert lock.pins[1] == Pin(canonicalize_name("mine"), "1.0", (digest(wheel),), "mine-1.0-py3-none-any.whl")
    assert str(tmp_path) not in lock.text
    build = lock.to_build({"mine-1.0-py3-none-any.whl": Path("/there/mine-1.0-py3-none-any.whl")})
    assert "\nmine @ file:///there/mine-1.0-py3-none-any.whl \\\n" in build


@contextmanager
def _index(status: int) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://me:hush@127.0.0.1:{server.server_port}/simple"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (401, "refuses access (401)"),
        (403, "refuses access (403)"),
        (500, "answered 500"),
        (404, "`lib` is in no index"),
    ],
)
def test_an_index_that_does_not_give(
    shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, told: str
) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with _index(status) as url:
        monkeypatch.setenv("PIP_INDEX_URL", url)
        error = _refused(["lib"])
    assert told in error.message
    assert "hush" not in str(error) + str(error.details)


def test_without_a_network_it_says_so(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("PIP_INDEX_URL", "http://me:hush@127.0.0.1:9/simple")
    error = _refused(["lib"])
    assert "127.0.0.1:9 cannot be reached" in error.message
    assert "hush" not in str(error) + str(error.details)


def test_a_resolution_that_takes_too_long_is_stopped(shelf: Path) -> None:
    make_source(shelf, "slow", "1.0", looking="time.sleep(60)")
    began = time.monotonic()
    with pytest.raises(EnvironmentFailed, match=r"longer than environment\.build_seconds"):
        resolve(read_lines(["--no-binary slow", "slow"]), current(), Uv(lambda _: None), seconds=1.5)
    assert time.monotonic() - began < 10


def test_keys_and_versions() -> None:
    assert key_of("a", "3.11") == key_of("a", "3.11")
    assert len({key_of("a", "3.11"), key_of("a", "3.12"), key_of("b", "3.11"), key_of("a", "3.11", "/bin/python")}) == 4
    assert same_version("1.0", "1.0.0")
    assert same_version("1.0rc1", "1.0.RC1")
    assert not same_version("1.0", "1.0+cpu")
    assert same_version("not a version", "not a version")


@given(st.integers(0, 99), st.integers(0, 99))
def test_equal_versions_are_the_same_however_they_are_written(major: int, minor: int) -> None:
    assert same_version(f"{major}.{minor}", f"{major}.{minor}.0")
    assert not same_version(f"{major}.{minor}", f"{major}.{minor + 1}")
