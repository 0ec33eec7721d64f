"""An endpoint for each test, and no proxies or certificates from outside."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.predictors.external.transport.local import Server, handler, serving


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
            monkeypatch.delenv(name)


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()
    with serving(handler(state)) as url:
        state.url = url
        yield state
