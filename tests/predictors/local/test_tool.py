from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from muster.errors import EnvironmentFailed
from muster.predictors.local.tool import Uv


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in the place of uv: what uv is given, and how it behaves, can be chosen."""
    file = tmp_path / "uv"
    file.touch(mode=0o755)
    monkeypatch.setattr("uv.find_uv_bin", lambda: str(file))
    return file


def _run(talk: list[str] | None = None, seconds: float = 30, *, sources: bool = False) -> str:
    told = talk if talk is not None else []
    return Uv(told.append)("pip", "sync", until=time.monotonic() + seconds, sources=sources).out


def test_nothing_turns_it_to_another_environment(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script.write_text("#!/bin/sh\nenv; pwd\n")
    monkeypatch.setenv("UV_NO_VERIFY_HASHES", "1")
    monkeypatch.setenv("VIRTUAL_ENV", "/elsewhere")
    monkeypatch.setenv("UV_HTTP_TIMEOUT", "7")
    monkeypatch.setenv("TOKEN_OF_SOMETHING", "hush")
    out = _run()
    assert "UV_NO_VERIFY_HASHES" not in out
    assert "VIRTUAL_ENV" not in out
    assert "UV_HTTP_TIMEOUT=7" in out
    assert "TOKEN_OF_SOMETHING=hush" in out
    assert not out.endswith(f"{Path.cwd()}\n")
    kept = _run(sources=True)
    assert "UV_HTTP_TIMEOUT=7" in kept
    assert "TOKEN_OF_SOMETHING" not in kept


def test_downloads_are_told_and_secrets_are_not(script: Path) -> None:
    url = "https://me:hush@host.example"
    script.write_text(
        f"#!/bin/sh\necho 'Downloading torch (2.1GiB) {url}' >&2\necho 'Resolved 3' >&2\necho '{url} failed' >&2\nexit 2\n"
    )
    told: list[str] = []
    ran = Uv(told.append)("pip", "sync", until=time.monotonic() + 30)
    assert told == ["downloading torch (2.1GiB) https://****@host.example"]
    assert not ran.ok
    assert ran.said.endswith("https://****@host.example failed\n")


def test_it_ends_in_time_with_all_that_it_started(script: Path, tmp_path: Path) -> None:
    script.write_text(f"#!/bin/sh\nsleep 60 &\necho $! > {tmp_path}/child\nwait\n")
    began = time.monotonic()
    with pytest.raises(EnvironmentFailed, match=r"`uv pip sync` was stopped") as caught:
        _run(seconds=0.3)
    assert time.monotonic() - began < 5
    assert "environment.build_seconds" in caught.value.hint
    child = int((tmp_path / "child").read_text())
    deadline = time.monotonic() + 5
    while _lives(child):
        assert time.monotonic() < deadline


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "zombie" not in Path(f"/proc/{pid}/status").read_text() if Path("/proc/self").exists() else True


def test_much_output_on_both_ends_does_not_block(script: Path) -> None:
    script.write_text("#!/bin/sh\nhead -c 1000000 /dev/zero | tr '\\0' x\nhead -c 1000000 /dev/zero | tr '\\0' y >&2\n")
    assert len(_run()) == 1_000_000
