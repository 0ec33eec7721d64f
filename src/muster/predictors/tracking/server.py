"""The server that a source means, with its credentials: named in the source, set, or as MLflow's own users name it."""

from __future__ import annotations

import os

from muster.config import Settings
from muster.errors import InvalidConfig, SourceError
from muster.predictors.tracking.address import Place, place
from muster.predictors.tracking.client import Client
from muster.predictors.tracking.login import Login, Password, databricks_login, mlflow_login
from muster.predictors.tracking.transport import Transport

__all__ = ["client", "default_place"]


def default_place(settings: Settings, *, registry: bool = True) -> Place:
    """The setting `mlflow.tracking_uri`, else MLFLOW_REGISTRY_URI for models, else MLFLOW_TRACKING_URI."""
    named = settings.text("mlflow.tracking_uri")
    named = (
        named or (registry and os.environ.get("MLFLOW_REGISTRY_URI", "")) or os.environ.get("MLFLOW_TRACKING_URI", "")
    )
    if not named:
        raise InvalidConfig(
            "no tracking server is set",
            hint="set MLFLOW_TRACKING_URI or the setting mlflow.tracking_uri, or name it in the source:"
            " mlflow+https://host/models/name/3",
        )
    return place(named)


def client(where: Place) -> Client:
    """A client of the server, of which nothing has been asked yet."""
    login = mlflow_login(where) if where.kind == "mlflow" else databricks_login(where, _machine_token)
    return Client(Transport(login), where.kind, where.profile)


def _machine_token(login: Login, name: str, secret: str) -> tuple[str, float]:
    """OAuth for a service principal; the token, and the seconds that it lives."""
    own = Login(login.url, login.how, login.context, Password(name, secret))
    fields = {"grant_type": "client_credentials", "scope": "all-apis"}
    found = Transport(own).form("/oidc/v1/token", fields)
    token = found.get("access_token")
    if not isinstance(token, str) or not token:
        raise SourceError(f"{login.url} gives no token for the client", hint="see the client's id and its secret")
    return token, float(found.get("expires_in") or 0)
