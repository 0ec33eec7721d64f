"""Fetching uv without venv and pip, from indexes in a folder and over HTTP."""

from __future__ import annotations

import hashlib
import http.server
import os
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fetch_uv import CannotFetch, fetch

PROGRAM = b"#!/bin/sh\necho uv 1.2.3\n"
TAGS = [
    f"{family}_{machine}"
    for family in ("manylinux_2_17", "musllinux_1_1", "macosx_11_0")
    for machine in ("x86_64", "aarch64", "arm64")
]


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(("PIP_", "UV_", "SSL_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setattr("pip_settings.SYSTEM", str(tmp_path))


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """An index with a wheel for every platform; each holds a program that is the platform's name."""
    page = tmp_path / "simple" / "uv"
    page.mkdir(parents=True)
    links = []
    for version in ("1.2.2", "1.2.3"):
        for tag in TAGS:
            wheel = page / f"uv-{version}-py3-none-{tag}.whl"
            with zipfile.ZipFile(wheel, "w") as archive:
                archive.writestr(f"uv-{version}.data/scripts/uv", PROGRAM + f"# {version} {tag}\n".encode())
            links.append(f'<a href="{wheel.name}#sha256=0&amp;x">{wheel.name}</a>')
    (page / "index.html").write_text("<html>" + "\n".join(links))
    return page.parent


@pytest.fixture
def served(index: Path) -> Iterator[tuple[str, list[str | None]]]:
    """The index over HTTP for whoever knows the password, and the passwords that were given."""
    given: list[str | None] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(index))  # type: ignore[arg-type]

        def do_GET(self) -> None:
            given.append(self.headers["Authorization"])
            super().do_GET()

        def log_message(self, *arguments: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}", given
        server.shutdown()


def hashes(index: Path) -> list[str]:
    return [hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in (index / "uv").glob("*.whl")]


def check(program: Path) -> None:
    assert subprocess.run([program], check=True, capture_output=True, text=True).stdout == "uv 1.2.3\n"
    assert f"{os.uname().machine}\n" in program.read_text()


@pytest.mark.parametrize(
    "variable", ["PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "PIP_EXTRA_INDEX_URL"]
)
def test_from_a_folder(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, ("name=" if variable == "UV_INDEX" else "") + index.as_uri())
    fetch(tmp_path / "bin" / "uv", "1.2.3", hashes(index))
    check(tmp_path / "bin" / "uv")


def test_from_find_links(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (index / "uv" / "index.html").unlink()
    monkeypatch.setenv("PIP_FIND_LINKS", str(index / "uv"))
    fetch(tmp_path / "bin" / "uv", "1.2.3", hashes(index))
    check(tmp_path / "bin" / "uv")


def test_over_http_with_a_password(
    index: Path, served: tuple[str, list[str | None]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, given = served
    monkeypatch.setenv("PIP_INDEX_URL", f"http://me:s%40cret@{host}/")
    fetch(tmp_path / "bin" / "uv", "1.2.3", hashes(index))
    check(tmp_path / "bin" / "uv")
    assert given == ["Basic bWU6c0BjcmV0"] * 2


def test_a_password_is_not_shown(
    index: Path, served: tuple[str, list[str | None]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"http://me:secret@{served[0]}/elsewhere")
    with pytest.raises(CannotFetch, match="404") as raised:
        fetch(tmp_path / "bin" / "uv", "1.2.3", hashes(index))
    assert "secret" not in str(raised.value)


def test_the_second_index_serves_when_the_first_does_not(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", (tmp_path / "nothing").as_uri())
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", index.as_uri())
    fetch(tmp_path / "bin" / "uv", "1.2.3", hashes(index))
    check(tmp_path / "bin" / "uv")


def test_another_wheel_than_the_pinned_one_is_refused(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", index.as_uri())
    with pytest.raises(CannotFetch, match="SHA-256"):
        fetch(tmp_path / "bin" / "uv", "1.2.3", ["0" * 64])
    assert not (tmp_path / "bin").exists()


def test_without_any_index_it_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(CannotFetch, match="PIP_INDEX_URL"):
        fetch(tmp_path / "uv", "1.2.3", [])
