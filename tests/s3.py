"""A real S3 server of this machine, started when a test first asks for it, and the variables by which users name one."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from muster.objects.bucket import bucket_of
from muster.objects.place import Place

__all__ = ["bucket", "s3", "s3_environ", "serving", "upload"]

_SERVE = """
import logging, sys
logging.disable()
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print("port", server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""
"""Ends with the process that holds its input."""

_NUMBERS = itertools.count()


@contextmanager
def serving() -> Iterator[str]:
    """A server that ends with the block; its URL."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    with subprocess.Popen(
        [sys.executable, "-c", _SERVE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=clean,
    ) as server:
        assert server.stdout is not None
        port = next(line.split()[1] for line in server.stdout if line.startswith("port "))
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.kill()


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """The server's URL."""
    with serving() as url:
        yield url


@pytest.fixture
def bucket(s3: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A new bucket, by URL, which the environment gives the right to use."""
    for variable in [n for n in os.environ if n.startswith("AWS_")]:
        monkeypatch.delenv(variable)
    name = f"bucket-{os.getpid()}-{next(_NUMBERS)}"
    for variable, value in s3_environ(s3, [name]).items():
        monkeypatch.setenv(variable, value)
    return f"s3://{name}"


def s3_environ(server: str, buckets: Iterable[str]) -> dict[str, str]:
    """Makes buckets, and gives the variables by which a user may use them."""
    for name in buckets:
        urllib.request.urlopen(urllib.request.Request(f"{server}/{name}", method="PUT")).close()
    return {
        "AWS_ENDPOINT_URL": server,
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "someone",
        "AWS_SECRET_ACCESS_KEY": "a-secret-that-is-told-nowhere",
        "AWS_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def upload(root: Path, url: str, below: Path | None = None) -> None:
    """Put the files of a folder, or those below one in it, under a URL."""
    place = Place.parse(url)
    for file in sorted((below or root).rglob("*")):
        if file.is_file():
            bucket_of(place).put(place.below(file.relative_to(root).as_posix()).key, file.read_bytes())
