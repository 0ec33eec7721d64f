"""Azure Blob Storage: Azurite, Microsoft's own emulator, which npm installs."""

from __future__ import annotations

import base64
import email.utils
import hashlib
import hmac
import os
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

__all__ = ["azure_environ", "serving"]

FOLDER = Path(__file__).parents[2] / ".venv/azurite"
WANTED = "azurite@3.35.0"
ACCOUNT = "someone"
KEY = base64.b64encode(b"a-secret-that-is-told-nowhere").decode()

_ENDS = 'data:text/javascript,process.stdin.on("end",()=>process.exit()).resume()'
"""Ends with the process that holds its input."""


def _installed() -> Path:
    """The emulator's program; installed once."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"Azurite needs {program}, which is not on this machine")
    mark = FOLDER / "wanted.txt"
    if not (mark.is_file() and mark.read_text() == WANTED):
        shutil.rmtree(FOLDER, ignore_errors=True)
        done = subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund", "--prefix", FOLDER, WANTED],
            capture_output=True, text=True, check=False, timeout=600,
        )  # fmt: skip
        if done.returncode:
            pytest.skip(f"npm cannot install {WANTED} here: {done.stderr.strip()[-300:]}")
        mark.write_text(WANTED)
    return FOLDER / "node_modules/azurite/dist/src/blob/main.js"


@contextmanager
def serving() -> Iterator[str]:
    """A server that ends with the block; the URL of its one account."""
    with subprocess.Popen(
        ["node", "--import", _ENDS, _installed(), "--blobPort", "0", "--inMemoryPersistence", "--silent", "--disableTelemetry"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"},
    ) as server:  # fmt: skip
        assert server.stdout is not None
        found = (re.search(r"successfully listens on (http://\S+)", line) for line in server.stdout)
        try:
            yield f"{next(filter(None, found))[1]}/{ACCOUNT}"
        finally:
            server.kill()


def azure_environ(server: str, containers: Iterable[str]) -> dict[str, str]:
    """Makes containers, and gives the variables by which a user may use them."""
    for name in containers:
        urllib.request.urlopen(_make(server, name)).close()
    return {
        "AZURE_STORAGE_ENDPOINT": server,
        "AZURE_ALLOW_HTTP": "true",
        "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT,
        "AZURE_STORAGE_ACCOUNT_KEY": KEY,
    }


def _make(server: str, name: str) -> urllib.request.Request:
    """A request that makes a container, signed with the account's key."""
    headers = {"x-ms-date": email.utils.formatdate(usegmt=True), "x-ms-version": "2021-12-02"}
    signed = "".join(f"{k}:{v}\n" for k, v in headers.items()) + f"/{ACCOUNT}/{ACCOUNT}/{name}\nrestype:container"
    digest = hmac.new(base64.b64decode(KEY), f"PUT{12 * chr(10)}{signed}".encode(), hashlib.sha256).digest()
    headers |= {"Authorization": f"SharedKey {ACCOUNT}:{base64.b64encode(digest).decode()}", "Content-Length": "0"}
    return urllib.request.Request(f"{server}/{name}?restype=container", method="PUT", headers=headers)
