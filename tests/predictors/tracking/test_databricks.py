"""Databricks' workspace registry and Unity Catalog, by a server that answers as they document it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from muster.config import Settings
from muster.errors import InvalidConfig, NotFound, SourceDenied, SourceError
from muster.predictors.tracking.source import TrackingSource
from tests.clouds.fixtures import new_bucket
from tests.clouds.google import TOKEN
from tests.predictors.tracking.test_source import fetched, files
from tests.tracking import Tracking


@pytest.fixture
def source(server: Tracking, monkeypatch: pytest.MonkeyPatch) -> TrackingSource:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "databricks")
    monkeypatch.setenv("DATABRICKS_HOST", server.url)
    monkeypatch.setenv("DATABRICKS_TOKEN", "dapi-s3cr3t")
    server.auth = "Bearer dapi-s3cr3t"
    return TrackingSource(Settings.load({}), lambda _: None)


@pytest.mark.parametrize(
    "uri", ["models:/churn/1", "models:/churn@champion", "models:/churn/Production", "models://databricks/churn/1"]
)
def test_the_workspace_registry_gives_signed_addresses(
    uri: str, source: TrackingSource, server: Tracking, model: Path, tmp_path: Path
) -> None:
    server.add("churn", model, "champion", current_stage="Production")
    assert fetched(source, uri, tmp_path / "here") == files(model)
    assert any(call.startswith("GET /signed/") for call in server.seen)


def test_a_run_gives_signed_addresses(source: TrackingSource, server: Tracking, model: Path, tmp_path: Path) -> None:
    server.add("churn", model)
    assert fetched(source, f"runs:/{1:032x}/model", tmp_path / "here") == files(model)


@pytest.mark.parametrize(
    "uri", ["models:/main.risk.churn/1", "models:/main.risk.churn@champion", "models:/main.risk.churn/latest"]
)
def test_unity_catalog_lends_its_own_storage(
    uri: str, source: TrackingSource, server: Tracking, model: Path, tmp_path: Path
) -> None:
    server.add("main.risk.churn", model, "champion")
    server.lent = {"storage_mode": "DEFAULT_STORAGE"}
    assert fetched(source, uri, tmp_path / "here") == files(model)
    registry = [call for call in server.seen if "registered-models" in call or "model-versions" in call]
    assert all("/unity-catalog/" in call for call in registry)


S3_LENT = {"aws_temp_credentials": {"access_key_id": "lent", "secret_access_key": "s3cr3t", "session_token": "t0k"}}
CLOUDS = {
    "s3": (("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), S3_LENT),
    "gs": (("GOOGLE_BEARER_TOKEN",), {"gcp_oauth_token": {"oauth_token": TOKEN}}),
}


@pytest.mark.parametrize("cloud", ["s3", pytest.param("gs", marks=pytest.mark.deep)])
def test_unity_catalog_lends_credentials_of_a_bucket(  # noqa: PLR0917  # fixtures
    cloud: str,
    source: TrackingSource,
    server: Tracking,
    model: Path,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from muster.objects.bucket import bucket_of
    from muster.objects.place import Place

    own, lent = CLOUDS[cloud]
    bucket = new_bucket(cloud, request)
    for name, content in files(model).items():
        bucket_of(Place.parse(bucket)).put(f"uc/1/{name}", content)
    for name in own:
        monkeypatch.delenv(name)
    server.add("main.risk.churn", model)
    server.uris["main.risk.churn", 1] = f"{bucket}/uc/1"
    server.lent = lent
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", "databricks-uc")
    assert fetched(source, "models:/main.risk.churn/1", tmp_path / "here") == files(model)


def test_credentials_that_nobody_knows_are_told(
    source: TrackingSource, server: Tracking, model: Path, tmp_path: Path
) -> None:
    server.add("main.risk.churn", model)
    server.uris["main.risk.churn", 1] = "gs://bucket/1"
    server.lent = {"r2_temp_credentials": {"access_key_id": "a", "secret_access_key": "s3cr3t"}}
    with pytest.raises(SourceError, match="lends no credentials") as caught:
        source.fetch("models:/main.risk.churn/1", tmp_path)
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    "variables",
    [
        {"DATABRICKS_TOKEN": "t0k"},
        {"DATABRICKS_CLIENT_ID": "robot", "DATABRICKS_CLIENT_SECRET": "s3cr3t"},
        {"DATABRICKS_CONFIG_PROFILE": "work", "DATABRICKS_HOST": ""},
        {"MLFLOW_TRACKING_URI": "databricks://work"},
        {"MLFLOW_TRACKING_URI": "databricks://robot"},
        {"DATABRICKS_HOST": ""},
    ],
    ids=["token", "client", "profile by variable", "profile by address", "client of a profile", "default profile"],
)
def test_credentials_are_found_where_databricks_has_them(
    variables: Mapping[str, str], server: Tracking, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.add("churn", model)
    server.auth, server.clients = "Bearer t0k", {"robot": "s3cr3t"}
    profile = f"host = {server.url}\ntoken = t0k\n"
    (tmp_path / "home/.databrickscfg").write_text(
        f"[DEFAULT]\n{profile}\n[work]\n{profile}\n[robot]\nhost = {server.url}\ntoken =\nclient_id = robot\nclient_secret = s3cr3t\n"
    )
    for name, value in {"MLFLOW_TRACKING_URI": "databricks", "DATABRICKS_HOST": server.url, **variables}.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "here").mkdir()
    found = TrackingSource(Settings.load({}), lambda _: None).fetch("models:/churn/1", tmp_path / "here")
    assert found.imported == f"{server.url}/churn:1"
    assert found.lineage["server"] == server.url


def test_what_is_missing_is_told(server: Tracking, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "databricks")
    source = TrackingSource(Settings.load({}), lambda _: None)
    with pytest.raises(InvalidConfig, match="no Databricks workspace is set"):
        source.fetch("models:/churn/1", tmp_path)
    monkeypatch.setenv("DATABRICKS_HOST", server.url)
    with pytest.raises(InvalidConfig, match="neither a token nor a client"):
        source.fetch("models:/churn/1", tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "databricks://nope")
    with pytest.raises(InvalidConfig, match="has no profile `nope`"):
        source.fetch("models:/churn/1", tmp_path)


def test_a_wrong_secret_of_a_client_is_one_clear_error(
    server: Tracking, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "MLFLOW_TRACKING_URI": "databricks", "DATABRICKS_HOST": server.url,
        "DATABRICKS_CLIENT_ID": "robot", "DATABRICKS_CLIENT_SECRET": "wr0ng",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    with pytest.raises(SourceDenied, match="as the client `robot`") as caught:
        TrackingSource(Settings.load({}), lambda _: None).fetch("models:/churn/1", tmp_path)
    assert "wr0ng" not in str(caught.value)


def test_a_catalogue_of_unity_has_aliases_and_tags(server: Tracking, model: Path, source: TrackingSource) -> None:
    for name in ("main.risk.churn", "main.risk.fraud", "main.risk.price"):
        server.add(name, model)
        server.add(name, model, "champion")
    server.models["main.risk.churn"]["tags"] = [{"key": "owner", "value": "ada"}]
    found = source.catalogue("databricks-uc")
    assert [(e.name.rpartition(".")[2], e.number, e.aliases) for e in found.entries] == [
        (name, number, ("champion",) if number == 2 else ())
        for name in ("churn", "fraud", "price")
        for number in (1, 2)
    ]
    assert found.models["main.risk.churn"].tags == {"owner": "ada"}
    assert found.entries[0].source == "models://databricks-uc/main.risk.churn/1"
    assert source.claims(found.entries[0].source)


def test_a_version_that_is_gone_is_told(source: TrackingSource, server: Tracking, model: Path, tmp_path: Path) -> None:
    server.add("churn", model)
    server.artifacts.clear()
    with pytest.raises(NotFound, match="there are no files at models:/churn/1"):
        source.fetch("models:/churn/1", tmp_path)
