from __future__ import annotations

from pathlib import Path

import pytest

from muster.config import Settings
from muster.errors import InvalidConfig, InvalidInput, NotFound, SourceDenied, SourceError
from muster.predictors.tracking.source import TrackingSource
from tests.tracking import Tracking


def fetched(source: TrackingSource, uri: str, place: Path) -> dict[str, bytes]:
    place.mkdir()
    path = source.fetch(uri, place).path
    return {f.relative_to(path).as_posix(): f.read_bytes() for f in path.rglob("*") if f.is_file()}


def files(folder: Path) -> dict[str, bytes]:
    return {f.relative_to(folder).as_posix(): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


@pytest.mark.parametrize(
    "uri",
    [
        "models:/Churn Model/2",
        "models:/Churn Model@Champion",
        "models:/Churn Model/latest",
        "models:/Churn Model@latest",
        "models:/Churn Model/Production",
        "runs:/00000000000000000000000000000002/model",
        "mlflow-artifacts:/1/00000000000000000000000000000002/artifacts/model",
        "models:/m-0123456789abcdef0123456789abcdef",
    ],
)
def test_every_name_of_a_model_brings_its_files(
    uri: str, source: TrackingSource, server: Tracking, model: Path, tmp_path: Path
) -> None:
    server.add("Churn Model", tmp_path / "home")
    server.add("Churn Model", model, "Champion", current_stage="Production")
    info = {"model_id": "m-0123456789abcdef0123456789abcdef", "artifact_uri": server.uris["Churn Model", 2]}
    server.logged[info["model_id"]] = {"info": info, "data": {}}
    assert source.claims(uri)
    assert fetched(source, uri, tmp_path / "here") == files(model)


def test_the_server_may_stand_in_the_source(server: Tracking, model: Path, tmp_path: Path) -> None:
    server.add("Churn Model", model, "Champion")
    source = TrackingSource(Settings.load({}), lambda _: None)
    assert fetched(source, f"mlflow+{server.url}/models/Churn%20Model@Champion", tmp_path / "here") == files(model)


def test_what_is_known_of_a_version_is_kept_without_secrets(
    source: TrackingSource, server: Tracking, model: Path, tmp_path: Path
) -> None:
    server.add("Churn", model, "Champion", tags={"team": "ops"}, current_stage="Staging")
    (tmp_path / "here").mkdir()
    found = source.fetch("models:/Churn@Champion", tmp_path / "here")
    told = found.lineage
    assert found.imported == f"{server.url}/Churn:1"
    assert found.source == f"mlflow+{server.url}/models/Churn/1"
    assert (told["server"], told["name"], told["version"], told["aliases"], told["stage"]) == (
        server.url, "Churn", 1, ["Champion"], "Staging",
    )  # fmt: skip
    assert told["tags"] == {"team": "ops"}
    run = told["run"]
    assert isinstance(run, dict)
    assert run["metrics"] == {"auc": 0.81, "loss": "nan"}
    assert run["params"] == {"depth": "1"}
    assert run["tags"] == {"mlflow.source.git.repoURL": "https://git.example/churn", "mlflow.user": "ada"}
    assert run["started_at"] == "2026-03-01T12:00:00.000Z"


def test_the_model_of_a_run_of_mlflow_3_lies_apart_from_its_artifacts(
    source: TrackingSource, server: Tracking, model: Path, tmp_path: Path
) -> None:
    server.add("Churn", model)
    run, logged = "00000000000000000000000000000001", "m-0123456789abcdef0123456789abcdef"
    server.artifacts["1/models/m-1/artifacts"] = server.artifacts.pop(f"1/{run}/artifacts/model")
    server.runs[run]["outputs"] = {"model_outputs": [{"model_id": logged, "step": "0"}]}
    info = {"model_id": logged, "name": "model", "artifact_uri": "mlflow-artifacts:/1/models/m-1/artifacts"}
    server.logged[logged] = {"info": info, "data": {}}
    assert fetched(source, f"runs:/{run}/model", tmp_path / "here") == files(model)


def test_one_file_of_a_run_comes_alone(source: TrackingSource, server: Tracking, model: Path, tmp_path: Path) -> None:
    server.add("Churn", model)
    (tmp_path / "here").mkdir()
    found = source.fetch("runs:/00000000000000000000000000000001/model/data/weights", tmp_path / "here")
    assert found.path.name == "weights"
    assert found.path.read_bytes() == (model / "data/weights").read_bytes()


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("models:/Nope/3", "not found"),
        ("models:/Churn/9", "version=9"),
        ("models:/Churn@nope", "alias nope not found"),
        ("models:/Churn/Staging", "no version in the stage `Staging`"),
        ("runs:/abc/model", "id=abc"),
        ("runs:/00000000000000000000000000000001/other", "there are no files at"),
    ],
)
def test_what_is_not_there_is_named(uri: str, told: str, source: TrackingSource, server: Tracking, model: Path) -> None:
    server.add("Churn", model)
    with pytest.raises(NotFound, match=told) as caught:
        source.fetch(uri, model.parent)
    assert caught.value.hint


@pytest.mark.parametrize("uri", ["models:/Churn", "models:/", "runs:/", "models:/a/../3", "models://host/Churn/3"])
def test_what_names_nothing_is_refused_before_anything_is_asked(
    uri: str, source: TrackingSource, server: Tracking
) -> None:
    assert source.claims(uri)
    with pytest.raises(InvalidInput):
        source.fetch(uri, Path())
    assert not server.seen


def test_a_password_in_a_source_is_refused_unseen(source: TrackingSource) -> None:
    with pytest.raises(InvalidInput) as caught:
        source.fetch("mlflow+https://ada:s3cr3t@host/models/churn/3", Path())
    assert "s3cr3t" not in str(caught.value)


def test_without_a_server_the_ways_to_name_one_are_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match="no tracking server is set") as caught:
        TrackingSource(Settings.load({}), lambda _: None).fetch("models:/churn/3", tmp_path)
    assert "MLFLOW_TRACKING_URI" in caught.value.hint


def test_a_version_that_is_not_ready_says_so(
    source: TrackingSource, server: Tracking, model: Path, tmp_path: Path
) -> None:
    server.add("Churn", model, status="FAILED_REGISTRATION", status_message="no space")
    with pytest.raises(NotFound, match="FAILED_REGISTRATION: no space"):
        source.fetch("models:/Churn/1", tmp_path)


def test_a_wrong_token_is_one_clear_error(
    source: TrackingSource, server: Tracking, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.auth = "Bearer right"
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "wr0ng-and-secret")
    with pytest.raises(SourceDenied, match="does not let you in") as caught:
        source.fetch("models:/Churn/1", tmp_path)
    assert "wr0ng" not in str(caught.value)
    assert len(server.seen) == 1


def test_files_that_are_gone_are_told_as_that(
    source: TrackingSource, server: Tracking, model: Path, tmp_path: Path
) -> None:
    server.add("Churn", model)
    server.artifacts.clear()
    with pytest.raises(NotFound, match="there are no files at mlflow-artifacts:/1/"):
        source.fetch("models:/Churn/1", tmp_path)


def test_a_size_that_is_not_the_listed_one_is_refused(
    source: TrackingSource, server: Tracking, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.add("Churn", model)
    monkeypatch.setattr(server, "content", lambda path: b"short")
    with pytest.raises(SourceError, match="was listed with"):
        source.fetch("models:/Churn/1", tmp_path)


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd", "model/../../x", ".."])
def test_a_server_cannot_write_outside(
    path: str, source: TrackingSource, server: Tracking, model: Path, tmp_path: Path
) -> None:
    server.add("Churn", model)
    run = "00000000000000000000000000000001"
    server.runs[run]["info"]["artifact_uri"] = "/not/here"
    listed = {"files": [{"path": path, "is_dir": False, "file_size": 1}]}
    server.instead["artifacts/list"] = lambda _: listed
    with pytest.raises(SourceError, match="which is no file in it"):
        source.fetch(f"runs:/{run}/model", tmp_path)


def test_a_server_on_this_machine_may_keep_files_on_its_disk(
    source: TrackingSource, server: Tracking, model: Path, tmp_path: Path
) -> None:
    server.add("Churn", model)
    server.uris["Churn", 1] = model.as_uri()
    assert fetched(source, "models:/Churn/1", tmp_path / "here") == files(model)


def test_what_lies_on_the_disk_of_a_server_elsewhere_is_handed_out_by_it(
    source: TrackingSource, server: Tracking, model: Path, tmp_path: Path
) -> None:
    server.add("Churn", model)
    server.uris["Churn", 1] = "/srv/mlruns/1/model"
    assert fetched(source, "models:/Churn/1", tmp_path / "here") == files(model)


def test_files_in_object_storage_are_read_from_there(
    source: TrackingSource, server: Tracking, model: Path, tmp_path: Path, bucket: str
) -> None:
    from muster.objects.bucket import bucket_of
    from muster.objects.place import Place

    for name, content in files(model).items():
        bucket_of(Place.parse(bucket)).put(f"runs/1/{name}", content)
    server.add("Churn", model)
    server.uris["Churn", 1] = f"{bucket}/runs/1"
    assert fetched(source, "models:/Churn/1", tmp_path / "here") == files(model)


def test_a_folder_that_lists_what_is_not_in_it_is_refused(
    source: TrackingSource, server: Tracking, model: Path, tmp_path: Path
) -> None:
    server.add("Churn", model)
    run = "00000000000000000000000000000001"
    server.runs[run]["info"]["artifact_uri"] = "/not/here"
    entry = {"path": "model/data", "is_dir": True}
    aside = {"path": "model/aside", "is_dir": False, "file_size": 1}
    server.instead["artifacts/list"] = lambda asked: {"files": [aside if asked["path"] == "model/data" else entry]}
    with pytest.raises(SourceError, match="`'aside'`, which is no file in it"):
        source.fetch(f"runs:/{run}/model", tmp_path)
