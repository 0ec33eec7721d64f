"""Amazon S3: moto's server."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

__all__ = ["s3_environ", "serving"]

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
