"""How the tests come by a browser."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.chromium import CannotInstall, found_or_installed

LOG = 'echo "$@" >> "$LOG"\n'
FIRST_ASKS_FOR_UPDATE = """
case "$*" in
  *update) touch "$HERE/updated" ;;
  *install*) [ -e "$HERE/updated" ] || { echo "E: Unable to locate package chromium" >&2; exit 100; }
     printf '#!/bin/sh\\n' > "$HERE/chromium"; chmod +x "$HERE/chromium" ;;
esac
"""
REFUSES = 'echo "E: no network" >&2; exit 100\n'


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The one folder of programs of a machine that has touch, chmod and a shell, and on which one is root."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("touch", "chmod"):
        (folder / name).symlink_to(f"/bin/{name}")
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("HERE", str(folder))
    monkeypatch.setenv("LOG", str(tmp_path / "log"))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return folder


def _program(file: Path, text: str) -> None:
    file.write_text(f"#!/bin/sh\n{text}")
    file.chmod(0o755)


def test_the_machines_own_is_taken(machine: Path, tmp_path: Path) -> None:
    _program(machine / "google-chrome", "")
    assert found_or_installed(tmp_path / "run") == str(machine / "google-chrome")
    assert not (tmp_path / "run").exists()


def test_it_is_installed_once_also_where_no_packages_are_known_yet(machine: Path, tmp_path: Path) -> None:
    _program(machine / "apt-get", LOG + FIRST_ASKS_FOR_UPDATE)
    for _ in range(2):
        assert found_or_installed(tmp_path / "run") == str(machine / "chromium")
    asked = [line.split()[3] for line in (tmp_path / "log").read_text().splitlines()]
    assert asked == ["install", "update", "install"]


def test_where_it_cannot_be_installed_that_is_tried_once_and_told(machine: Path, tmp_path: Path) -> None:
    _program(machine / "apt-get", LOG + REFUSES)
    for _ in range(2):
        with pytest.raises(CannotInstall, match="no network"):
            found_or_installed(tmp_path / "run")
    assert len((tmp_path / "log").read_text().splitlines()) == 3


def test_nothing_is_installed_by_others_than_root_or_without_apt(
    machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CannotInstall, match="no apt-get"):
        found_or_installed(tmp_path / "run")
    _program(machine / "apt-get", LOG)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(CannotInstall, match="only root"):
        found_or_installed(tmp_path / "run")
    assert not (tmp_path / "log").exists()
