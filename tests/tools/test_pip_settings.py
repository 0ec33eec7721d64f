from __future__ import annotations

import os
from pathlib import Path

import pytest

from pip_settings import as_uv_settings, pip_settings, uv_config_indexes


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder, and none of this machine's settings."""
    for name in list(os.environ):
        if name.startswith(("PIP_", "UV_", "SSL_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name in ("XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setattr("pip_settings.SYSTEM", str(tmp_path / "system"))
    return tmp_path


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(text)


def test_files_then_environment(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(home, "pip/pip.conf", "[global]\nindex-url = https://a.example/simple\ntimeout = 7\n[install]\ntimeout = 8\n")
    monkeypatch.setenv("PIP_INDEX_URL", "https://b.example/simple")
    assert pip_settings() == {"index-url": "https://b.example/simple", "timeout": "8"}


def test_the_chosen_file_is_last_and_the_null_device_means_none(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(home, "pip/pip.conf", "[global]\ntimeout = 7\n")
    write(home, "chosen.conf", "[global]\ntimeout = 9\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(home / "chosen.conf"))
    assert pip_settings()["timeout"] == "9"
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    assert "timeout" not in pip_settings()


def test_a_broken_file_is_told_and_passed_over(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(home, "pip/pip.conf", "index-url = no section\n")
    assert pip_settings() == {}
    assert "ignoring" in capsys.readouterr().err


def test_uv_is_told_in_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://a.example/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://b.example/simple\n file:///c")
    monkeypatch.setenv("PIP_FIND_LINKS", "/wheels  /more")
    monkeypatch.setenv("PIP_CERT", "/authorities.pem")
    assert as_uv_settings() == {
        "UV_DEFAULT_INDEX": "https://a.example/simple",
        "UV_INDEX": "https://b.example/simple file:///c",
        "UV_FIND_LINKS": "/wheels,/more",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "SSL_CERT_FILE": "/authorities.pem",
    }


def test_what_uv_is_told_itself_wins(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://a.example/simple")
    monkeypatch.setenv("UV_INDEX_URL", "https://uv.example/simple")
    assert as_uv_settings() == {}
    monkeypatch.delenv("UV_INDEX_URL")
    write(home, "uv/uv.toml", '[[index]]\nurl = "https://file.example/simple"\ndefault = true\n')
    assert uv_config_indexes() == ["https://file.example/simple"]
    assert as_uv_settings() == {}
