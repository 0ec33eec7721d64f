"""Credentials are found where each vendor's own tools look: by what a server sees that stands for the service and for who signs in."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from muster.objects.access import lent
from muster.objects.bucket import bucket_of
from muster.objects.faults import ObjectError
from muster.objects.place import Place

SECRET = "c2VjcmV0LXRoYXQtaXMtdG9sZC1ub3doZXJl"
LENT = {
    "access_token": "LENT", "expires_in": 3600, "expires_on": "4000000000", "token_type": "Bearer",
    "AccessKeyId": "AKIALENT", "SecretAccessKey": "S", "Token": "T", "Expiration": "2099-01-01T00:00:00Z",
}  # fmt: skip
"""A token, or keys, as any of those who sign in gives it."""


class Seen(BaseHTTPRequestHandler):
    """Signs everybody in, and has one empty object everywhere."""

    asked: list[tuple[str, str, str]]

    def do_GET(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        self.asked.append((self.path, self.headers.get("Authorization") or "", content + str(self.headers)))
        body = json.dumps(LENT).encode()
        if self.path.endswith("/security-credentials/"):
            body = b"the-role"
        elif "/reports/" in self.path:
            body = b""
        self.send_response(200)
        for name, value in {
            "Content-Length": len(body),
            "ETag": '"x"',
            "Last-Modified": "Sun, 29 Nov 2020 09:57:26 GMT",
        }.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_GET  # noqa: N815  # the library calls them so

    def do_CONNECT(self) -> None:
        """It may be a proxy too: whom somebody wants to reach is enough to know."""
        self.asked.append((self.path, "", ""))
        self.send_error(502)

    def log_message(self, *args: object) -> None:
        pass


class Service:
    def __init__(self, port: int, asked: list[tuple[str, str, str]]) -> None:
        self.host, self.url, self.asked = f"127.0.0.1:{port}", f"http://127.0.0.1:{port}", asked

    def read(self, scheme: str) -> str:
        """How the request for an object is signed."""
        place = Place.parse(f"{scheme}://reports/x")
        assert bucket_of(place).read(place.key) == b""
        return next(f"{path} {signed}" for path, signed, _ in reversed(self.asked) if "/reports/" in path)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Service]:
    """In an environment with nothing of any cloud but where it is."""
    for name in [n for n in os.environ if n.startswith(("AWS_", "AZURE_", "GOOGLE_", "CLOUDSDK_"))]:
        monkeypatch.delenv(name)
    asked: list[tuple[str, str, str]] = []
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Seen", (Seen,), {"asked": asked})) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        found = Service(server.server_port, asked)
        for name, value in {
            "HOME": str(tmp_path), "NO_PROXY": "127.0.0.1", "AWS_ALLOW_HTTP": "true", "AWS_REGION": "eu-west-1",
            "AWS_ENDPOINT_URL": found.url, "GOOGLE_BASE_URL": found.url, "AZURE_STORAGE_ENDPOINT": f"{found.url}/account",
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        yield found
        server.shutdown()


def written(path: Path, content: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return str(path)


AZURE = {"AZURE_STORAGE_ACCOUNT_NAME": "account"}
PRINCIPAL = {**AZURE, "AZURE_CLIENT_ID": "app", "AZURE_TENANT_ID": "tenant", "AZURE_AUTHORITY_HOST": "{url}"}
FOUND = {
    "the role of a container": (
        "s3", {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "{url}/keys", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "{token}"},
        "Credential=AKIALENT/", "a-token-in-a-file",
    ),
    "the role of a machine": ("s3", {"AWS_METADATA_ENDPOINT": "{url}"}, "Credential=AKIALENT/", "security-credentials/the-role"),
    "an account's key": ("az", {**AZURE, "AZURE_STORAGE_ACCOUNT_KEY": SECRET}, "SharedKey account:", ""),
    "a key by the names of az": ("az", {"AZURE_STORAGE_ACCOUNT": "account", "AZURE_STORAGE_KEY": SECRET}, "SharedKey account:", ""),
    "a connection string": (
        "az", {"AZURE_STORAGE_CONNECTION_STRING": f"AccountName=account;AccountKey={SECRET};EndpointSuffix=core.windows.net"},
        "SharedKey account:", "",
    ),
    "a connection string with an endpoint": (
        "az",
        {"AZURE_STORAGE_ENDPOINT": "", "AZURE_STORAGE_CONNECTION_STRING": "BlobEndpoint={url}/there/;SharedAccessSignature=sv=1&sig=s"},
        "/there/reports/x?sv=1&sig=s ", "",
    ),
    "the emulator by a connection string": (
        "az",
        {
            "AZURE_STORAGE_ENDPOINT": "", "AZURITE_BLOB_STORAGE_URL": "{url}",
            "AZURE_STORAGE_CONNECTION_STRING": "UseDevelopmentStorage=true;",
        },
        "SharedKey devstoreaccount1:", "",
    ),
    "an account before a connection string": (
        "az",
        {**AZURE, "AZURE_STORAGE_SAS_TOKEN": "sv=2&sig=t", "AZURE_STORAGE_CONNECTION_STRING": "AccountName=b;SharedAccessSignature=s"},
        "/account/reports/x?sv=2&sig=t ", "",
    ),
    "a shared access signature": ("az", {**AZURE, "AZURE_STORAGE_SAS_TOKEN": "?sv=1&sig=s"}, "/account/reports/x?sv=1&sig=s ", ""),
    "a service principal": ("az", {**PRINCIPAL, "AZURE_CLIENT_SECRET": SECRET}, "Bearer LENT", f"client_secret={SECRET}"),
    "a workload identity": (
        "az", {**PRINCIPAL, "AZURE_FEDERATED_TOKEN_FILE": "{token}"}, "Bearer LENT", "client_assertion=a-token-in-a-file",
    ),
    "a managed identity": ("az", {**AZURE, "IDENTITY_ENDPOINT": "{url}/identity", "IDENTITY_HEADER": SECRET}, "Bearer LENT", SECRET),
    "az login": ("az", {**AZURE, "AZURE_USE_AZURE_CLI": "true", "PATH": "{bin}:{path}"}, "Bearer OF-AZ", ""),
    "a key file": ("gs", {"GOOGLE_APPLICATION_CREDENTIALS": "{key}"}, "Bearer eyJ", ""),
    "a file of gcloud": ("gs", {"HOME": "{home}"}, "Bearer eyJ", ""),
    "a file of gcloud elsewhere": ("gs", {"CLOUDSDK_CONFIG": "{home}/.config/gcloud"}, "Bearer eyJ", ""),
    "a token": ("gs", {"GOOGLE_BEARER_TOKEN": "GIVEN"}, "Bearer GIVEN", ""),
    "a machine's service account": (
        "gs", {"GCE_METADATA_HOST": "{host}"}, "Bearer LENT", "service-accounts/default/token",
    ),
}  # fmt: skip


OTHERS = {
    "AWS_ACCESS_KEY_ID": "AKIAOTHER", "AWS_SECRET_ACCESS_KEY": "o", "AWS_SESSION_TOKEN": "other-token", "AWS_SKIP_SIGNATURE": "true",
    "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "true", "AWS_ENDPOINT_URL": "http://127.0.0.1:1", "GOOGLE_BASE_URL": "http://127.0.0.1:1",
    "GOOGLE_APPLICATION_CREDENTIALS": "/no/such/file", "AZURE_STORAGE_ACCOUNT_NAME": "other", "AZURE_STORAGE_ACCOUNT_KEY": SECRET,
    "AZURE_STORAGE_SAS_TOKEN": "sv=0&sig=other", "AZURE_STORAGE_ENDPOINT": "http://127.0.0.1:1",
}  # fmt: skip
"""What an environment holds of somebody else."""
OWN = {
    "a key": ("s3", {"key_id": "AKIAOWN", "secret": SECRET, "region": "eu-west-3"}, "Credential=AKIAOWN/", "/eu-west-3/s3/"),
    "a key that ends": ("s3", {"key_id": "AKIAOWN", "secret": SECRET, "session_token": "own-token"}, "Credential=AKIAOWN/", "own-token"),
    "a token": ("gs", {"token": "OWN"}, "Bearer OWN", ""),
    "a key file": ("gs", {"credentials_file": "{key}"}, "Bearer eyJ", ""),
    "an account's key": ("az", {"account": "own", "key": SECRET}, "SharedKey own:", ""),
    "a signature": ("az", {"account": "own", "sas": "?sv=1&sig=own"}, "/own/reports/x?sv=1&sig=own ", ""),
}  # fmt: skip
"""Of connections: a cloud, settings, and by what the service knows who asks."""


SIGNING_IN = {
    "a web identity": (
        "s3", {"AWS_WEB_IDENTITY_TOKEN_FILE": "{token}", "AWS_ROLE_ARN": "arn:aws:iam::1:role/r"}, "sts.eu-west-1.amazonaws.com:443",
    ),
    "a login of gcloud": ("gs", {"GOOGLE_APPLICATION_CREDENTIALS": "{login}"}, "accounts.google.com:443"),
}  # fmt: skip


@pytest.fixture(scope="module")
def key() -> str:
    """A service account's key file."""
    made = rsa.generate_private_key(65537, 2048)
    kinds = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    account = {"type": "service_account", "client_email": "a@b", "private_key_id": "1"}
    return json.dumps({**account, "private_key": made.private_bytes(*kinds).decode()})


@pytest.mark.parametrize("name", FOUND)
def test_credentials_are_found_where_the_vendor_keeps_them(
    name: str, service: Service, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = json.dumps({"accessToken": "OF-AZ", "expiresOn": "2099-01-01 00:00:00.000000", "expires_on": 4000000000,
                       "subscription": "s", "tenant": "t", "tokenType": "Bearer"})  # fmt: skip
    Path(written(tmp_path / "bin/az", f"#!/bin/sh\necho '{told}'\n")).chmod(0o755)
    known = {
        "url": service.url, "host": service.host, "bin": tmp_path / "bin", "path": os.environ["PATH"], "home": tmp_path / "home",
        "token": written(tmp_path / "token", "a-token-in-a-file"), "key": written(tmp_path / "key.json", key),
    }  # fmt: skip
    written(tmp_path / "home/.config/gcloud/application_default_credentials.json", key)
    scheme, environ, signed, asked = FOUND[name]
    for variable, value in environ.items():
        monkeypatch.setenv(variable, value.format(**known)) if value else monkeypatch.delenv(variable)
    assert signed in service.read(scheme)
    assert any(asked in f"{path} {content}" for path, _, content in service.asked)


@dataclass(frozen=True)
class Own:
    """An Access with these settings."""

    settings: tuple[tuple[str, str], ...]
    hint: str = "see the connection"

    def shown(self, place: str) -> str:
        return f"own:{place}"

    def given(self) -> dict[str, str]:
        return dict(self.settings)


@pytest.mark.parametrize("name", OWN)
def test_a_connection_mixes_nothing_of_the_environment_in(
    name: str, service: Service, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in OTHERS.items():
        monkeypatch.setenv(variable, value)
    scheme, settings, signed, told = OWN[name]
    file = written(tmp_path / "key.json", key)
    at = {"endpoint_url": f"{service.url}/own" if scheme == "az" else service.url, "allow_http": "true"}
    own = Own(tuple({**at, **{n: v.format(key=file) for n, v in settings.items()}}.items()))
    place = Place(f"{scheme}://reports", "x", own)
    assert bucket_of(place).read(place.key) == b""
    asked = " ".join(map(" ".join, service.asked))
    assert signed in asked
    assert told in asked
    assert "other" not in asked.lower()


@pytest.mark.parametrize(
    ("scheme", "url"), [("s3", "https://s3.eu-west-1.amazonaws.com"), ("az", "https://own.blob.core.windows.net")]
)
def test_a_connection_without_an_address_asks_the_vendor(
    scheme: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in {**OTHERS, "AWS_REGION": "eu-west-1"}.items():
        monkeypatch.setenv(variable, value)
    given = {"s3": {"key_id": "AKIAOWN", "secret": SECRET}, "az": {"account": "own", "key": SECRET}}[scheme]
    assert lent(scheme, given)["endpoint"] == url


def test_a_token_of_the_environment_beside_a_key_file_is_refused(
    service: Service, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_BEARER_TOKEN", "OTHER")
    own = Own((("credentials_file", written(tmp_path / "key.json", key)), ("endpoint_url", service.url)))
    with pytest.raises(ObjectError, match="GOOGLE_BEARER_TOKEN would go before"):
        bucket_of(Place("gs://reports", "x", own))
    assert service.asked == []


@pytest.mark.parametrize(("scheme", "environ", "host"), SIGNING_IN.values(), ids=SIGNING_IN)
def test_who_signs_in_at_the_vendor_is_asked(  # noqa: PLR0917  # pytest gives them by name
    scheme: str, environ: dict[str, str], host: str, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = {"type": "authorized_user", "client_id": "c", "client_secret": SECRET, "refresh_token": SECRET}
    known = {"token": written(tmp_path / "t", SECRET), "login": written(tmp_path / "login.json", json.dumps(login))}
    for variable, value in {**environ, "HTTPS_PROXY": service.url}.items():
        monkeypatch.setenv(variable, value.format(**known))
    place = Place.parse(f"{scheme}://reports/x")
    with pytest.raises(ObjectError) as caught:
        bucket_of(place).read(place.key)
    assert SECRET not in f"{caught.value} {caught.value.hint}"
    assert host in {path for path, _, _ in service.asked}


@pytest.mark.parametrize("kind", ["external_account", "impersonated_service_account"])
def test_a_kind_of_credentials_that_cannot_be_used_is_told(
    kind: str, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path / "c.json", json.dumps({"type": kind, "secret": SECRET}))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", file)
    with pytest.raises(ObjectError, match=f"credentials of the kind `{kind}`, as {file} holds") as caught:
        service.read("gs")
    assert "GOOGLE_BEARER_TOKEN" in caught.value.hint


def test_another_login_is_taken_up(service: Service, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "key.json"
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", written(file, key))
    first = service.read("gs")
    file.write_text(key.replace("a@b", "c@d"))
    os.utime(file, ns=(1, 1))
    assert service.read("gs").split(".")[1] != first.split(".")[1]


@pytest.mark.parametrize("text", ["AccountName=account", f"AccountKey={SECRET}", "nothing", "BlobEndpoint=https://a.b"])
def test_a_connection_string_that_names_no_account_is_told_without_it(
    text: str, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", text)
    with pytest.raises(ObjectError, match="AZURE_STORAGE_CONNECTION_STRING names no account") as caught:
        service.read("az")
    assert SECRET not in f"{caught.value} {caught.value.hint}"
