"""A Chromium for the tests that look at pages: the machine's own, or Debian's package where the tests may install it.

`MUSTER_TEST_CHROMIUM` names a program instead, or is `none` to leave these tests out.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

__all__ = ["FLAGS", "CannotInstall", "chromium", "found_or_installed"]

VARIABLE = "MUSTER_TEST_CHROMIUM"
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--no-first-run",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
)
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_SECONDS = 240
"""For all of it: a test may take 300."""


class CannotInstall(Exception):
    """Why there is none."""


def chromium() -> str:
    """The program; skips the test, and says why, where there is none."""
    given = os.environ.get(VARIABLE)
    if given == "none":
        pytest.skip(f"{VARIABLE} says that there is none")
    try:
        return given or found_or_installed(_folder())
    except CannotInstall as error:
        pytest.skip(f"no Chromium here ({error}); name one with {VARIABLE}")


def found_or_installed(folder: Path) -> str:
    """CannotInstall says why not. Processes that share `folder` install once, and once find that they cannot."""
    if found := _found():
        return found
    if os.geteuid() != 0:
        raise CannotInstall("only root installs it")
    if shutil.which("apt-get") is None:
        raise CannotInstall("there is no apt-get to install it by")
    folder.mkdir(parents=True, exist_ok=True)
    failed = folder / "failed"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if found := _found():
            return found
        if not failed.exists():
            failed.write_text(_install())
        if found := _found():
            return found
        raise CannotInstall(failed.read_text())


def _found() -> str | None:
    return next(filter(None, map(shutil.which, _NAMES)), None)


def _install() -> str:
    """What apt-get said last. A machine that never looked for packages has to do so first."""
    until = time.monotonic() + _SECONDS
    install = ("install", "--yes", "--no-install-recommends", "chromium", "fonts-liberation")
    said = ""
    for command in (install, ("update",), install):
        try:
            done = subprocess.run(
                ("apt-get", "-qq", "-o", "DPkg::Lock::Timeout=60", *command),
                env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=max(1.0, until - time.monotonic()),
            )
        except subprocess.TimeoutExpired:
            return f"apt-get took more than {_SECONDS} s"
        said = (done.stderr.strip().splitlines() or ["apt-get has installed none"])[-1]
        if command is install and done.returncode == 0:
            break
    return said


def _folder() -> Path:
    """One for all processes of a run of the tests."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or str(os.getpid())
    return Path(tempfile.gettempdir()) / f"muster-chromium-{run}"
