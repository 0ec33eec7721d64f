"""What goes wrong with object storage, told plainly and without secrets: a server that answers as the vendors do."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from muster.objects.bucket import bucket_of
from muster.objects.faults import ObjectError, ObjectNotFound
from muster.objects.place import Place

SECRET, TOKEN = "wJalrXUtnFEMI-the-secret", "FwoGZXIvYXdzEBYaD-the-token"


class Answer(BaseHTTPRequestHandler):
    status, body = 200, ""

    def do_GET(self) -> None:
        content = self.body.encode()
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_HEAD = do_GET  # noqa: N815  # the library calls it so

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Answer]]:
    answer = type("Answer", (Answer,), {})
    with ThreadingHTTPServer(("127.0.0.1", 0), answer) as serving:
        threading.Thread(target=serving.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{serving.server_port}")
        monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)
        yield answer
        serving.shutdown()


def xml(code: str) -> str:
    return (
        f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>about {SECRET}</Message>"
        f"<StringToSign>AWS4-HMAC-SHA256 {TOKEN}</StringToSign></Error>"
    )


def told(url: str = "s3://reports/a.csv") -> ObjectError:
    place = Place.parse(url)
    with pytest.raises(ObjectError) as caught:
        bucket_of(place).read(place.key)
    shown = f"{caught.value} {caught.value.hint} {caught.value!r} {caught.value.__cause__}"
    assert SECRET not in shown
    assert TOKEN not in shown
    return caught.value


@pytest.mark.parametrize(
    ("status", "code", "message", "hint"),
    [
        (404, "NoSuchBucket", "there is no bucket s3://reports", "check its name"),
        (404, "NoSuchKey", "there is no object s3://reports/a.csv", "case-sensitive"),
        (403, "AccessDenied", "access to s3://reports/a.csv is denied (AccessDenied, 403)", "ask for the right"),
        (403, "InvalidAccessKeyId", "does not accept the credentials", "renew them"),
        (403, "SignatureDoesNotMatch", "does not accept the credentials", "renew them"),
        (400, "ExpiredToken", "does not accept the credentials", "renew them"),
        (403, "RequestTimeTooSkewed", "the clock of this machine is wrong", "set the clock"),
        (301, "PermanentRedirect", "lies in another region", "AWS_REGION"),
        (400, "AuthorizationHeaderMalformed", "lies in another region", "AWS_REGION"),
        (400, "SomethingNew", "Amazon S3 failed for s3://reports/a.csv (SomethingNew, 400)", "try again"),
    ],
)
def test_what_the_service_refuses_is_told_with_what_to_do(
    server: type[Answer], status: int, code: str, message: str, hint: str
) -> None:
    server.status, server.body = status, xml(code)
    error = told()
    assert message in str(error)
    assert hint in error.hint


def test_a_denied_look_without_a_body_is_told_too(server: type[Answer]) -> None:
    server.status = 403
    place = Place.parse("s3://reports/a.csv")
    with pytest.raises(ObjectError, match=r"access to s3://reports/a\.csv is denied"):
        bucket_of(place).head(place.key)


@pytest.mark.parametrize("status", [401, 403])
def test_a_denied_listing_is_told_as_denied(server: type[Answer], status: int) -> None:
    server.status, server.body = status, xml("AccessDenied")
    place = Place.parse("s3://reports/")
    with pytest.raises(ObjectError, match="access to s3://reports is denied") as caught:
        list(bucket_of(place).list(place.folder))
    assert "ask for the right to list" in caught.value.hint


def test_a_bucket_that_is_not_there_is_told_when_it_is_listed(server: type[Answer]) -> None:
    server.status, server.body = 404, xml("NoSuchBucket")
    place = Place.parse("s3://reports/")
    with pytest.raises(ObjectNotFound, match="there is no bucket s3://reports"):
        list(bucket_of(place).list(place.folder))


def test_without_encryption_and_without_a_network(server: type[Answer], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    error = told()
    assert "Amazon S3 cannot be reached for s3://reports/a.csv (at http://127.0.0.1:9)" in str(error)
    assert "AWS_ENDPOINT_URL" in error.hint
    monkeypatch.delenv("AWS_ALLOW_HTTP")
    assert "AWS_ALLOW_HTTP=true" in told().hint


@pytest.fixture
def profiles(server: type[Answer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    (tmp_path / "credentials").write_text(
        f"[default]\naws_access_key_id=AKIADEFAULT\naws_secret_access_key={SECRET}%\n"
        f"[work]\naws_access_key_id = AKIAWORK\naws_secret_access_key = {SECRET}\naws_session_token = {TOKEN}\n"
    )
    (tmp_path / "config").write_text(
        "[default]\nregion=eu-west-1\n[profile work]\nregion = eu-north-1\n[profile sso]\nsso_session = x\n"
    )
    return tmp_path


def signed(server: type[Answer]) -> str:
    """Who asks, by the header that S3 reads."""
    seen: list[str] = []

    def answer(self: Answer) -> None:
        seen.append(str(self.headers["Authorization"]))
        Answer.do_GET(self)

    server.do_GET = answer  # type: ignore[method-assign]
    place = Place.parse("s3://reports/a.csv")
    assert bucket_of(place).read(place.key) == b""
    return seen[0]


def test_keys_are_taken_from_the_profile_that_is_chosen(
    server: type[Answer], profiles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "AKIADEFAULT/" in (header := signed(server))
    assert "/eu-west-1/s3/" in header
    monkeypatch.setenv("AWS_PROFILE", "work")
    assert "AKIAWORK/" in (header := signed(server))
    assert "/eu-north-1/s3/" in header
    renewed = (profiles / "credentials").read_text().replace("AKIAWORK", "AKIARENEWED")
    (profiles / "credentials").write_text(renewed)
    assert "AKIARENEWED/" in signed(server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    assert "AKIAENVIRONMENT/" in signed(server)


def test_a_profile_that_is_not_there_or_cannot_sign_in_is_told(profiles: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "wrok")
    assert "there is no AWS profile `wrok`" in str(told())
    monkeypatch.setenv("AWS_PROFILE", "sso")
    assert "`sso`" in str(told())
    (profiles / "credentials").write_text("no section\n")
    assert "cannot be read as AWS's tools write it" in str(told())


@pytest.mark.parametrize("url", ["gs://reports/a.csv", "az://reports/a.csv"])
def test_settings_that_make_no_client_are_told_with_those_that_would(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in os.environ if n.startswith(("AZURE_", "GOOGLE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/key.json")
    error = told(url)
    assert f"cannot be used for {url.removesuffix('/a.csv')}" in str(error)
    assert ("GOOGLE_APPLICATION_CREDENTIALS" if url.startswith("gs") else "AZURE_STORAGE_ACCOUNT_NAME") in error.hint
