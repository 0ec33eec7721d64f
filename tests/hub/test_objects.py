"""A hub whose blobs, data and outputs lie in object storage, at each of the clouds."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import muster
from muster.config import Settings
from muster.errors import Conflict, Corrupt, DatasetError, DatasetNotFound, InvalidInput, MusterError, StoreError
from muster.hub import Hub
from muster.objects.bucket import bucket_of
from muster.objects.place import Place
from muster.predictors.objects import ObjectSource
from tests.clouds.fixtures import CLOUDS
from tests.hub.conftest import MODEL, numbers


def keys(url: str) -> list[str]:
    place = Place.parse(url)
    return [place.relative(e.place.key) for e in bucket_of(place).list(place.folder)]


def table(hub: Hub, uri: str) -> pa.Table:
    found = hub.open_dataset(uri)
    return pa.Table.from_batches([c.batch for p in found.parts(10_000) for c in p.chunks(10_000)])


def put(url: str, content: bytes) -> str:
    place = Place.parse(url)
    bucket_of(place).put(place.key, content)
    return url


def no_bucket(bucket: str) -> str:
    return f"{bucket.partition(':')[0]}://no-such-bucket"


@pytest.fixture
def stored(bucket: str, data: Path) -> str:
    return put(f"{bucket}/in/{data.name}", data.read_bytes())


def test_a_hub_keeps_its_blobs_in_a_bucket_and_another_machine_runs_its_models(bucket: str, tmp_path: Path) -> None:
    blobs = f"{bucket}/hub/blobs"
    with muster.open(tmp_path / "hub", blobs=blobs) as hub:
        shutil.copyfile(MODEL, tmp_path / "model.py")
        version = hub.register("numbers", tmp_path / "model.py", task="binary", sample={"n": [1, 2, 3]})
    assert not (tmp_path / "hub" / "blobs").exists()
    assert f"{version.digest[:2]}/{version.digest[2:]}" in keys(blobs)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copyfile(tmp_path / "hub" / "muster.db", elsewhere / "muster.db")
    with muster.open(elsewhere, blobs=blobs) as hub:
        assert hub.predict("numbers", {"n": [1000]}).column("prediction").to_pylist() == ["yes"]
        assert (elsewhere / "artifacts" / version.digest).is_dir()


def test_a_blob_that_was_changed_in_the_bucket_is_not_loaded(bucket: str, tmp_path: Path) -> None:
    with muster.open(tmp_path / "hub", blobs=f"{bucket}/blobs") as hub:
        shutil.copyfile(MODEL, tmp_path / "model.py")
        hub.register("numbers", tmp_path / "model.py", task="binary", sample={"n": [1, 2, 3]})
    place = Place.parse(f"{bucket}/blobs")
    for entry in list(bucket_of(place).list(place.folder)):
        content = bucket_of(place).read(entry.place.key)
        if b"class Model" in content:
            bucket_of(place).put(entry.place.key, content.replace(b'"yes", "no"', b'"no", "yes"'))
    shutil.rmtree(tmp_path / "hub" / "artifacts", ignore_errors=True)
    with (
        muster.open(tmp_path / "hub", blobs=f"{bucket}/blobs") as hub,
        pytest.raises(Corrupt, match="damaged: its bytes have the digest"),
    ):
        hub.predict("numbers", {"n": [1000]})


def test_what_nothing_uses_goes_from_the_bucket_and_the_rest_can_be_backed_up(bucket: str, tmp_path: Path) -> None:
    blobs, program = f"{bucket}/hub/blobs", tmp_path / "model.py"
    with muster.open(tmp_path / "hub", blobs=blobs, retention__deleted_days=0, retention__unused_hours=0) as hub:
        program.write_text(MODEL.read_text())
        hub.register("numbers", program, task="binary", sample={"n": [1, 2, 3]})
        before = keys(blobs)
        program.write_text(f"{MODEL.read_text()}\n# another\n")
        hub.delete_version(hub.register("numbers", program, sample={"n": [1, 2, 3]}).ref)
        expected, found = hub.collect(dry_run=True), hub.collect()
        assert found.blobs == expected.blobs > 0
        assert keys(blobs) == before
        hub.backup(tmp_path / "backup")
    with muster.open(tmp_path / "again", blobs=f"{bucket}/again") as hub:
        hub.restore(tmp_path / "backup")
        assert set(before) <= set(keys(f"{bucket}/again"))
        assert hub.predict("numbers:1", {"n": [1000]}).column("prediction").to_pylist() == ["yes"]


@pytest.mark.parametrize("output", ["out/", "out.csv.gz"])
def test_scoring_from_and_to_a_bucket_gives_what_files_give(
    hub: Hub, bucket: str, data: Path, stored: str, output: str
) -> None:
    pq.write_table(numbers(20_000).set_column(0, "n", pa.array([-1, *range(1, 20_000)])), data, row_group_size=3_000)
    put(stored, data.read_bytes())
    local = hub.score("numbers", data, data.parent / output, keep="all")
    remote = hub.score("numbers", stored, f"{bucket}/{output}", keep="all")
    assert (remote.rows, remote.rejected) == (local.rows, local.rejected) == (20_000, 1)
    assert table(hub, f"{bucket}/{output}").equals(table(hub, str(data.parent / output)))
    assert remote.rejects is not None
    rejects = Place.parse(remote.rejects)
    (line,) = bucket_of(rejects).read(rejects.key).decode().splitlines()
    assert json.loads(line) == {**json.loads(Path(str(local.rejects)).read_text()), "file": "numbers.parquet"}
    assert not [key for key in keys(bucket) if "muster-" in key], "nothing is left in staging"


@pytest.mark.parametrize("output", ["out/", pytest.param("out.parquet", marks=pytest.mark.deep)])
def test_a_killed_scoring_goes_on_in_the_bucket(place: Path, bucket: str, stored: str, output: str) -> None:
    command = [sys.executable, "-m", "muster", "score", "numbers", stored, f"{bucket}/{output}", "--hub", str(place)]
    environ = {**os.environ, "MUSTER_SCORE_CHUNK_ROWS": "1024", "MUSTER_WORKER_COUNT": "1", "MUSTER_NO_PROGRESS": "1"}
    with subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, start_new_session=True) as process:
        while sum(key.endswith(".parquet") for key in keys(bucket)) < 3:
            assert process.poll() is None, "it was over before it could be killed"
        process.kill()
    with muster.open(place) as hub:
        with pytest.raises(DatasetNotFound):
            hub.open_dataset(f"{bucket}/{output}")
        (run,) = [r for r in hub.runs() if r.status != "done"]
        done = hub.resume(run.id)
        assert (done.rows, done.rejected) == (20_000, 0)
        found = table(hub, f"{bucket}/{output}")
        expected = hub.score("numbers", stored, place.parent / "expected.parquet")
        assert found.equals(table(hub, str(expected.output)))
    assert not [key for key in keys(bucket) if "muster-" in key], "nothing is left in staging"


def test_an_output_in_a_bucket_is_refused_unless_it_may_be_replaced(hub: Hub, bucket: str, stored: str) -> None:
    first = hub.score("numbers", stored, f"{bucket}/out/")
    with pytest.raises(Conflict, match=f"{bucket}/out/ exists already"):
        hub.score("numbers", stored, f"{bucket}/out/")
    before = keys(f"{bucket}/out")
    second = hub.score("numbers", stored, f"{bucket}/out/", keep=["n"], overwrite=True)
    assert not set(before).intersection(keys(f"{bucket}/out")).difference({"_muster.json"})
    assert "n" in table(hub, f"{bucket}/out/").schema.names
    assert first.id != second.id


def test_what_is_wrong_with_a_place_is_told_before_any_work(hub: Hub, bucket: str, stored: str) -> None:
    nowhere = no_bucket(bucket)
    with pytest.raises(DatasetNotFound, match=f"there is no bucket {nowhere}"):
        hub.score("numbers", f"{nowhere}/x.parquet", f"{bucket}/out/")
    with pytest.raises(DatasetNotFound, match=f"there is no bucket {nowhere}"):
        hub.score("numbers", stored, f"{nowhere}/out/")
    with pytest.raises(DatasetNotFound, match=r"no object .*/in/nubmers.parquet") as caught:
        hub.score("numbers", f"{bucket}/in/nubmers.parquet", f"{bucket}/out/")
    assert "numbers.parquet" in caught.value.hint
    with pytest.raises(DatasetError, match=r"lies in the input"):
        hub.score("numbers", f"{bucket}/in/", f"{bucket}/in/out/")
    with pytest.raises(InvalidInput, match="credentials"):
        hub.score("numbers", f"{bucket.replace('://', '://key:secret@')}/x.parquet", f"{bucket}/out/")
    assert keys(bucket) == ["in/numbers.parquet"]


def test_data_that_is_replaced_while_it_is_scored_fails_the_run(hub: Hub, bucket: str, stored: str) -> None:
    place = Place.parse(stored)
    found = hub.open_dataset(stored)
    content = bucket_of(place).read(place.key)
    bucket_of(place).put(place.key, content + b"PAR1")
    with pytest.raises(DatasetError, match="was changed while it was read"):
        list(found.parts(1_000)[0].chunks(1_000))


def test_a_store_that_cannot_be_used_says_why(bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(blobs: str) -> StoreError:
        with muster.open(tmp_path / "hub", blobs=blobs) as hub, pytest.raises(StoreError) as caught:
            hub.register("numbers", MODEL, task="binary", sample={"n": [1, 2, 3]})
        assert "a-secret" not in str(caught.value)
        return caught.value

    assert f"there is no bucket {no_bucket(bucket)}" in refused(f"{no_bucket(bucket)}/blobs").message
    cloud = CLOUDS[bucket.partition(":")[0]]
    monkeypatch.setenv(cloud.endpoint, "http://127.0.0.1:9")
    told = refused(f"{bucket}/blobs")
    assert "cannot be reached" in told.message
    assert "http://127.0.0.1:9" in told.message
    assert cloud.endpoint in told.hint
    monkeypatch.delenv(cloud.plain)
    assert cloud.plain in refused(f"{bucket}/blobs").hint


@pytest.mark.parametrize("name", ["model/", "model.py"])
def test_a_model_is_registered_from_a_bucket(place: Path, bucket: str, name: str) -> None:
    source = f"{bucket}/models/{name}"
    put(source if name.endswith(".py") else f"{source}model.py", MODEL.read_bytes())
    with muster.open(place) as hub:
        version = hub.register("numbers", source, task="binary", sample={"n": [1, 2, 3]})
        assert version.source == source
        assert version.number == 2
        assert hub.version("numbers:1").signature == version.signature


def test_an_archive_in_a_bucket_is_fetched_as_it_is(bucket: str, tmp_path: Path) -> None:
    content = os.urandom(20 << 20)
    fetched = ObjectSource(Settings.load({}), print).fetch(put(f"{bucket}/models/m.zip", content), tmp_path)
    assert fetched.path == tmp_path / "m.zip"
    assert fetched.path.read_bytes() == content


def test_a_model_that_is_not_in_the_bucket_is_told_and_leaves_nothing(hub: Hub, bucket: str) -> None:
    for source, told in (
        (f"{bucket}/models/none/", f"no files at {bucket}/models/none/"),
        (f"{no_bucket(bucket)}/m.zip", f"there is no bucket {no_bucket(bucket)}"),
        (f"{bucket}/", "names a whole bucket"),
    ):
        with pytest.raises(MusterError, match=told):
            hub.register("other", source, task="binary")
    assert [m.name for m in hub.models()] == ["numbers"]
    assert not list((hub.folder / "scratch").iterdir())


def test_what_is_wrong_with_a_fetched_model_names_where_it_came_from(hub: Hub, bucket: str) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("notes.txt", "no model")
    source = put(f"{bucket}/models/m.zip", packed.getvalue())
    with pytest.raises(MusterError) as caught:
        hub.register("other", source, task="binary")
    assert source in caught.value.message
    assert "scratch" not in caught.value.message


def test_a_name_stands_for_data_in_a_bucket(hub: Hub, bucket: str, stored: str) -> None:
    record = hub.dataset("flights", stored)
    assert record.uri == stored
    run = hub.score("numbers", "data:flights", f"{bucket}/out.parquet")
    assert run.rows == 20_000
    assert run.fingerprint == hub.open_dataset(stored).fingerprint()
