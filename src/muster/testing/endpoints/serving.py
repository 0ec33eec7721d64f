"""serving: a local server of one provider, for as long as a block lasts."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from muster.errors import InvalidInput, near
from muster.testing.endpoints.account import Account, Kind, held
from muster.testing.endpoints.azureml import AzureMl
from muster.testing.endpoints.certificates import certificates
from muster.testing.endpoints.databricks import Databricks
from muster.testing.endpoints.http import Http
from muster.testing.endpoints.mlflow_server import MlflowServer
from muster.testing.endpoints.openinference import OpenInference
from muster.testing.endpoints.sagemaker import SageMaker
from muster.testing.endpoints.served import Models, deployed
from muster.testing.endpoints.server import Server
from muster.testing.endpoints.vertex import Vertex

__all__ = ["KINDS", "serving"]

KINDS: Mapping[str, Callable[..., Kind]] = {
    "azureml": AzureMl,
    "databricks": Databricks,
    "http": Http,
    "mlflow-server": MlflowServer,
    "openinference": OpenInference,
    "sagemaker": SageMaker,
    "vertex": Vertex,
}
"""By the names that `hub.connect` takes. Another provider is one file and one line here."""


@contextmanager
def serving(
    kind: str, models: Models, *, tls: bool | None = None, page: int = 2, port: int = 0, **options: Any
) -> Iterator[Account]:
    """A server of that kind on a port of this machine, any that is free without one, with these endpoints behind it.

    Lists come in pages of `page`. With `tls` it has a certificate of an authority of its own, whose file is
    `account.ca_bundle`. `options` are those of the account, which the kind's module lists.
    """
    if kind not in KINDS:
        raise InvalidInput(f"there is no kind `{kind}`{near(kind, KINDS)}", hint="one of: " + ", ".join(KINDS))
    with tempfile.TemporaryDirectory(prefix="muster-endpoints-") as folder:
        account = Account(kind, Path(folder), page)
        account.served_by = KINDS[kind](account, **options)
        for name, given in models.items():
            account.deploy(name, deployed(given, account.served_by.FIRST_VARIANT))
        asks = options.get("auth") == "mtls"
        server = _server(account, tls=account.served_by.TLS or asks if tls is None else tls, asks=asks, port=port)
        account.closing = server.closing
        account.served_by.open()
        server.start()
        try:
            with held(account):
                yield account
        finally:
            server.close()


def _server(account: Account, *, tls: bool, asks: bool, port: int) -> Server:
    if not tls:
        server = Server(account.answer, port=port)
    else:
        made = certificates(account.folder)
        server = Server(account.answer, made.context(ask=asks), port)
        account.ca_bundle = made.authority
        account.settings["ca_bundle"] = str(made.authority)
        if asks:
            account.settings |= {"certificate": str(made.client[0]), "key": str(made.client[1])}
    account.url = server.url
    return server
