"""A disk that fills while a run works, and one that cannot be written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from muster.errors import MusterError, RunFailed
from muster.hub import Hub

Mount = Callable[..., None]


@pytest.mark.parametrize("output", ["scored", "scored.csv", "scored.parquet"])
def test_a_full_disk_fails_the_run_which_goes_on_when_there_is_room(
    hub: Hub, tmp_path: Path, mount: Mount, output: str
) -> None:
    disk, data = tmp_path / "disk", tmp_path / "in.parquet"
    pq.write_table(pa.table({"n": pa.array(range(200_000), pa.int64())}), data, row_group_size=20_000)
    mount(disk, "size=600k")
    with pytest.raises(RunFailed) as caught:
        hub.score("numbers", data, disk / output, keep="n")
    identity = caught.value.details["run"]
    assert str(disk) in caught.value.message
    assert f"muster run resume {identity}" in caught.value.hint
    assert caught.value.hint.count("resume") == 1
    assert not (disk / output).exists()
    assert hub.run(str(identity)).status == "failed"
    mount(disk, "remount,size=200m")
    run = hub.resume(str(identity))
    assert (run.status, run.rows) == ("done", 200_000)
    table = pa.concat_tables(
        [
            pa.Table.from_batches([c.batch])
            for p in hub.open_dataset(str(disk / output)).parts(50_000)
            for c in p.chunks(50_000)
        ]
    )
    assert table["n"].to_pylist() == list(range(200_000))
    assert [p.name for p in disk.iterdir()] == [output]


def test_an_output_that_cannot_be_written_is_refused_before_anything_is_made(
    hub: Hub, data: Path, tmp_path: Path, mount: Mount
) -> None:
    disk = tmp_path / "disk"
    mount(disk, "size=1m,ro")
    with pytest.raises(MusterError) as caught:
        hub.score("numbers", data, disk / "scored")
    assert str(disk) in caught.value.message
    assert list(hub.runs()) == []


@pytest.mark.parametrize(
    ("source", "output"),
    [("in", "in/scored"), ("in", "in"), ("in/numbers.parquet", "in/numbers.parquet"), ("in/part", "in")],
)
def test_an_output_in_or_around_its_input_is_refused(
    hub: Hub, data: Path, tmp_path: Path, source: str, output: str
) -> None:
    (tmp_path / "in" / "part").mkdir(parents=True)
    for name in ("numbers.parquet", "part/numbers.parquet"):
        (tmp_path / "in" / name).write_bytes(data.read_bytes())
    with pytest.raises(MusterError):
        hub.score("numbers", tmp_path / source, tmp_path / output, overwrite=True)
    assert (tmp_path / "in" / "numbers.parquet").read_bytes() == data.read_bytes()
    assert list(hub.runs()) == []


def test_the_manifest_tells_the_digest_of_every_file(hub: Hub, data: Path, tmp_path: Path) -> None:
    hub.score("numbers", data, tmp_path / "scored")
    manifest = json.loads((tmp_path / "scored" / "_muster.json").read_text())
    assert [f["path"] for f in manifest["files"]] == sorted(p.name for p in (tmp_path / "scored").glob("part-*"))
