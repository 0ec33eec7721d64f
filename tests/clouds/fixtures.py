"""Buckets for tests: a test that asks for `bucket` runs over S3, and with `--deep` over the other clouds too."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest

from muster.objects.bucket import bucket_of
from muster.objects.place import Place
from tests.clouds import azure, google, s3

__all__ = ["CLOUDS", "bucket", "clouds", "new_bucket", "over_clouds", "upload"]


@dataclass(frozen=True)
class Cloud:
    serving: Callable[[], AbstractContextManager[str]]
    environ: Callable[[str, Iterable[str]], Mapping[str, str]]
    endpoint: str
    """The variable that says where the service is."""
    plain: str
    """The variable that allows to reach it without encryption."""


CLOUDS = {
    "s3": Cloud(s3.serving, s3.s3_environ, "AWS_ENDPOINT_URL", "AWS_ALLOW_HTTP"),
    "az": Cloud(azure.serving, azure.azure_environ, "AZURE_STORAGE_ENDPOINT", "AZURE_ALLOW_HTTP"),
    "gs": Cloud(google.serving, google.google_environ, "GOOGLE_BASE_URL", "GOOGLE_ALLOW_HTTP"),
}
"""By the scheme of their URLs."""

over_clouds = [pytest.param(name, marks=() if name == "s3" else pytest.mark.deep, id=name) for name in CLOUDS]

_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def clouds() -> Iterator[Callable[[str], str]]:
    """Gives the URL of a cloud's server, which starts when it is first asked for."""
    started: dict[str, tuple[AbstractContextManager[str], str]] = {}

    def url(name: str) -> str:
        if name not in started:
            server = CLOUDS[name].serving()
            started[name] = (server, server.__enter__())
        return started[name][1]

    yield url
    for server, _ in started.values():
        server.__exit__(None, None, None)


@pytest.fixture(params=over_clouds)
def bucket(request: pytest.FixtureRequest) -> str:
    """A new bucket, by URL, which the environment gives the right to use."""
    return new_bucket(request.param, request)


def new_bucket(cloud: str, request: pytest.FixtureRequest) -> str:
    monkeypatch: pytest.MonkeyPatch = request.getfixturevalue("monkeypatch")
    for variable in [n for n in os.environ if n.startswith(("AWS_", "AZURE_", "GOOGLE_"))]:
        monkeypatch.delenv(variable)
    name = f"bucket-{os.getpid()}-{next(_NUMBERS)}"
    for variable, value in CLOUDS[cloud].environ(request.getfixturevalue("clouds")(cloud), [name]).items():
        monkeypatch.setenv(variable, value)
    return f"{cloud}://{name}"


def upload(root: Path, url: str, below: Path | None = None) -> None:
    """Put the files of a folder, or those below one in it, under a URL."""
    place = Place.parse(url)
    for file in sorted((below or root).rglob("*")):
        if file.is_file():
            bucket_of(place).put(place.below(file.relative_to(root).as_posix()).key, file.read_bytes())
