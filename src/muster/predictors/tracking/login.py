"""Who asks: credentials from where MLflow's and Databricks' own users have them. They go into one header and nowhere else."""

from __future__ import annotations

import base64
import configparser
import os
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from muster.config import expanded
from muster.errors import InvalidConfig
from muster.predictors.tracking.address import Place, place

__all__ = ["Login", "Machine", "Password", "Token", "databricks_login", "mlflow_login", "tls"]

_YES = ("1", "true", "yes")
_EARLY = 60.0


@dataclass(frozen=True, slots=True)
class Token:
    secret: str = field(repr=False)

    def header(self) -> str:
        return f"Bearer {self.secret}"


@dataclass(frozen=True, slots=True)
class Password:
    user: str
    secret: str = field(repr=False)

    def header(self) -> str:
        return "Basic " + base64.b64encode(f"{self.user}:{self.secret}".encode()).decode("ascii")


class Machine:
    """OAuth of a service principal: a token for its secret, asked for again before it ends."""

    def __init__(self, client: str, secret: str, ask: Callable[[str, str], tuple[str, float]]) -> None:
        self._client, self._secret, self._ask = client, secret, ask
        self._lock = threading.Lock()
        self._token, self._until = "", 0.0

    def header(self) -> str:
        with self._lock:
            if time.monotonic() >= self._until:
                self._token, seconds = self._ask(self._client, self._secret)
                self._until = time.monotonic() + max(0.0, seconds - _EARLY)
            return f"Bearer {self._token}"


@dataclass(frozen=True, slots=True)
class Login:
    """How a server is talked to. `how` says which credentials there are, without them."""

    url: str
    how: str
    context: ssl.SSLContext | None = None
    credentials: Token | Password | Machine | None = field(default=None, repr=False)


def mlflow_login(where: Place, environ: Mapping[str, str] | None = None) -> Login:
    """As MLflow's own client: the address, the variables, the file `~/.mlflow/credentials`."""
    environ = os.environ if environ is None else environ
    if environ.get("MLFLOW_TRACKING_AUTH") or environ.get("MLFLOW_TRACKING_AWS_SIGV4", "").lower() in _YES:
        raise InvalidConfig(
            "MLFLOW_TRACKING_AUTH and MLFLOW_TRACKING_AWS_SIGV4 name plugins of MLflow's, which Muster does not run",
            hint="unset them, and give a user and password, or MLFLOW_TRACKING_TOKEN",
        )
    told = _credentials_file()
    user = where.user or environ.get("MLFLOW_TRACKING_USERNAME") or told.get("mlflow_tracking_username", "")
    password = where.password or environ.get("MLFLOW_TRACKING_PASSWORD") or told.get("mlflow_tracking_password", "")
    token = environ.get("MLFLOW_TRACKING_TOKEN", "")
    context = tls(
        environ,
        insecure=environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in _YES,
        bundle=environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH", ""),
        client=environ.get("MLFLOW_TRACKING_CLIENT_CERT_PATH", ""),
    )
    if user and password:
        return Login(where.url, f"as the user `{user}`", context, Password(user, _sendable(password)))
    if token:
        return Login(where.url, "with the token of MLFLOW_TRACKING_TOKEN", context, Token(_sendable(token)))
    return Login(where.url, "without a user or token", context)


def databricks_login(
    where: Place, ask: Callable[[Login, str, str], tuple[str, float]], environ: Mapping[str, str] | None = None
) -> Login:
    """As Databricks' own tools: the variables, else a profile of `~/.databrickscfg`. `ask` gets a token for a client's secret."""
    environ = os.environ if environ is None else environ
    named = where.profile or environ.get("DATABRICKS_CONFIG_PROFILE", "")
    told = _profile(named, environ) if where.profile or not environ.get("DATABRICKS_HOST") else {}

    def value(name: str) -> str:
        return told.get(name, "") if told else environ.get(f"DATABRICKS_{name.upper()}", "")

    origin = f"the profile `{named or 'DEFAULT'}`" if told else "DATABRICKS_HOST"
    host, token, client, secret = (value(n) for n in ("host", "token", "client_id", "client_secret"))
    if not host:
        raise InvalidConfig(
            "no Databricks workspace is set",
            hint="set DATABRICKS_HOST and DATABRICKS_TOKEN (or DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET), or write"
            " a profile into ~/.databrickscfg and name it: databricks://PROFILE",
        )
    url = place(host if "://" in host else f"https://{host}").url
    context = tls(environ)
    if token:
        return Login(url, f"with the token of {origin}", context, Token(_sendable(token)))
    if client and secret:
        plain = Login(url, f"as the client `{client}` of {origin}", context)
        return Login(url, plain.how, context, Machine(client, secret, lambda c, s: ask(plain, c, s)))
    raise InvalidConfig(
        f"{origin} names {url}, and neither a token nor a client's id and secret",
        hint="set DATABRICKS_TOKEN, or DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET, or write them into the profile",
    )


def tls(environ: Mapping[str, str], *, insecure: bool = False, bundle: str = "", client: str = "") -> ssl.SSLContext:
    """Certificates by the usual variables: REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE; OpenSSL itself looks at SSL_CERT_FILE."""
    if insecure:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    bundle = bundle or environ.get("REQUESTS_CA_BUNDLE", "") or environ.get("CURL_CA_BUNDLE", "")
    try:
        context = ssl.create_default_context(
            cafile=bundle if bundle and not Path(bundle).is_dir() else None,
            capath=bundle if bundle and Path(bundle).is_dir() else None,
        )
        if client:
            context.load_cert_chain(client)
    except OSError as error:
        named = client if bundle == "" else bundle
        raise InvalidConfig(
            f"the certificates of `{named}` cannot be read: {error.strerror or error}",
            hint="see MLFLOW_TRACKING_SERVER_CERT_PATH, MLFLOW_TRACKING_CLIENT_CERT_PATH and REQUESTS_CA_BUNDLE",
        ) from None
    return context


def _sendable(secret: str) -> str:
    """A secret that a header can carry: one with a line end in it would be quoted by whoever refuses it."""
    if not secret.isprintable():
        raise InvalidConfig(
            "the token or password has a line end or another character that no request can carry",
            hint="set it again without the line end: `$(cat file)` leaves it out",
        )
    return secret


def _credentials_file() -> Mapping[str, str]:
    return _section(expanded("~/.mlflow/credentials"), "mlflow") or {}


def _profile(name: str, environ: Mapping[str, str]) -> Mapping[str, str]:
    file = expanded(environ.get("DATABRICKS_CONFIG_FILE") or "~/.databrickscfg")
    found = _section(file, name or configparser.DEFAULTSECT)
    if found is None and name:
        raise InvalidConfig(
            f"{file} has no profile `{name}`",
            hint=f"write one, or log in with `databricks auth login --profile {name}`",
        )
    return found or {}


def _section(file: Path, name: str) -> Mapping[str, str] | None:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(file, encoding="utf-8")
    except (configparser.Error, OSError, UnicodeDecodeError):
        raise InvalidConfig(f"{file} cannot be read", hint="mend it, or move it away") from None
    return dict(parser[name]) if name in parser else None
