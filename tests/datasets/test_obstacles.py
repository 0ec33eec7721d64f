from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

import muster.datasets.obstacles as module
from muster.datasets.sink import FileSink, FileSinks
from muster.errors import Conflict, DatasetError, InvalidInput
from tests.conftest import Mount
from tests.datasets.tables import written

SCHEMA = pa.schema([("n", pa.int64())])
Make = Callable[..., FileSink]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def make(uri: str, *inputs: str, overwrite: bool = False) -> FileSink:
        def absolute(name: str) -> str:
            return name if name.startswith(("/", "sqlite:")) else f"{tmp_path}/{name}"

        return FileSinks().create(
            absolute(uri), "01J", SCHEMA, overwrite=overwrite, inputs=[absolute(i) for i in inputs]
        )

    return make


@pytest.mark.parametrize(
    ("output", "data", "told"),
    [
        ("data/out", "data", "lies in"),
        ("data/a/b/out.parquet", "data", "lies in"),
        ("data", "data", "lies in"),
        ("data/out.parquet", "data/*.parquet", "lies in"),
        ("data/out", "data/**/*.parquet", "lies in"),
        ("data/sub/out", "data/*", "lies in"),
        ("data/x.parquet", "data/x.parquet", "would replace"),
        ("data", "data/x.parquet", "would replace"),
        ("link", "link", "would replace"),
        ("data/same.parquet", "data/x.parquet", "would replace"),
        ("linked/out", "data", "lies in"),
    ],
)
def test_outputs_over_the_input_are_refused(tmp_path: Path, make: Make, output: str, data: str, told: str) -> None:
    written(tmp_path / "data" / "x.parquet", "x")
    written(tmp_path / "data" / "sub" / "y.parquet", "y")
    (tmp_path / "linked").symlink_to(tmp_path / "data")
    (tmp_path / "data" / "same.parquet").hardlink_to(tmp_path / "data" / "x.parquet")
    (tmp_path / "link").symlink_to(tmp_path / "data")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DatasetError, match=f"the output .* {told} the input"):
        make(output, data, overwrite=True).begin()
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("output", "data"),
    [
        ("out", "data"),
        ("data-2/out", "data"),
        ("data/out", "data/x.parquet"),
        ("data/out.parquet", "data/x.parquet"),
        ("data/out", "data/*.parquet"),
        ("data/sub/out.csv", "data/**/*.parquet"),
        ("out", "sqlite:///x"),
        ("out", "data/nowhere.parquet"),
    ],
)
def test_outputs_beside_the_input_are_not(tmp_path: Path, make: Make, output: str, data: str) -> None:
    written(tmp_path / "data" / "x.parquet", "x")
    written(tmp_path / "data" / "sub" / "y.parquet", "y")
    make(output, data).begin()


def test_an_empty_folder_is_no_output_yet(tmp_path: Path, make: Make) -> None:
    (tmp_path / "out").mkdir()
    make("out").begin()
    with pytest.raises(Conflict, match=r"out\.parquet exists already"):
        (tmp_path / "out.parquet").mkdir()
        make("out.parquet").begin()


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_link_is_no_output(tmp_path: Path, make: Make, *, overwrite: bool) -> None:
    """Neither cut by the rename nor followed to a place that nobody named."""
    written(tmp_path / "old.parquet", "old")
    (tmp_path / "folder").mkdir()
    for name, leads in (
        ("out.parquet", "old.parquet"),
        ("gone.parquet", "nowhere"),
        ("me.csv", "me.csv"),
        ("dir", "folder"),
    ):
        (tmp_path / name).symlink_to(tmp_path / leads)
        with pytest.raises(DatasetError, match=f"{name} is a link to ") as caught:
            make(name, overwrite=overwrite).begin()
        assert "--overwrite" not in caught.value.hint
        assert (tmp_path / name).is_symlink()
    with pytest.raises(DatasetError, match=r"is a link to .*old\.parquet"):
        make("out.parquet", overwrite=overwrite).check()


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_device_a_pipe_or_a_socket_is_never_replaced(tmp_path: Path, make: Make, *, overwrite: bool) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    os.mkfifo(tmp_path / "out.csv.rejects.jsonl")
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(tmp_path)  # the name of a socket is short
        try:
            server.bind("socket.csv")
        finally:
            os.chdir(here)
        for name in ("pipe.csv", "socket.csv", "out.csv", "/dev/null"):
            with pytest.raises(DatasetError, match="neither a file nor a folder") as caught:
                make(name + ("?format=csv" if name == "/dev/null" else ""), overwrite=overwrite).check()
            assert "--overwrite" not in caught.value.hint


def test_a_folder_where_rejects_would_stand(tmp_path: Path, make: Make) -> None:
    (tmp_path / "out.csv.rejects.jsonl").mkdir()
    with pytest.raises(DatasetError, match="is a folder, where the rejects would stand"):
        make("out.csv", overwrite=True).check()


def test_all_that_is_in_the_way_is_told_at_once(tmp_path: Path, make: Make) -> None:
    written(tmp_path / "data" / "out.csv", "x")
    written(tmp_path / "data" / "out.csv.rejects.jsonl", "x")
    with pytest.raises(Conflict) as caught:
        make("data/out.csv", "data").begin()
    for told in ("out.csv exists already", "out.csv.rejects.jsonl exists already", "lies in the input"):
        assert told in caught.value.message
    assert "--overwrite" in caught.value.hint
    assert "outside of the input" in caught.value.hint


def test_a_folder_with_more_than_data_is_never_replaced(tmp_path: Path, make: Make) -> None:
    written(tmp_path / "home" / "data.csv", "n\n1\n")
    written(tmp_path / "home" / "thesis" / "final.docx", "years")
    for output in ("home", "home/../home/"):
        with pytest.raises(Conflict, match=r"home holds more than data \(thesis/final\.docx\)"):
            make(output, overwrite=True).begin()
    (tmp_path / "home" / "thesis" / "final.docx").unlink()
    make("home", overwrite=True).begin()


def test_a_file_where_a_folder_should_be(tmp_path: Path, make: Make) -> None:
    written(tmp_path / "file", "x")
    with pytest.raises(DatasetError, match=r"/file is no folder"):
        make("file/out/x.csv").begin()


def test_a_disk_that_is_read_only(tmp_path: Path, make: Make, mount: Mount) -> None:
    mount(tmp_path / "disk", "size=256k")
    written(tmp_path / "disk" / "old.csv", "n\n1\n")
    subprocess.run(["mount", "-o", "remount,ro", str(tmp_path / "disk")], check=True)
    for output, overwrite in (("disk/out", False), ("disk/deep/er/out.csv", False), ("disk/old.csv", True)):
        with pytest.raises(DatasetError, match=r"/disk cannot be written to"):
            make(output, overwrite=overwrite).begin()
    with pytest.raises(Conflict, match=r"old\.csv exists already; .*/disk cannot be written to"):
        make("disk/old.csv").begin()
    assert [p.name for p in (tmp_path / "disk").iterdir()] == ["old.csv"]


def test_a_disk_that_cannot_exchange_is_told_before_the_work(
    tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "can_exchange", lambda _: False)
    written(tmp_path / "out" / "x.parquet", "x")
    with pytest.raises(DatasetError, match="cannot exchange a folder"):
        make("out", overwrite=True).begin()
    make("new", overwrite=True).begin()
    written(tmp_path / "out.csv", "x")
    make("out.csv", overwrite=True).begin()


@pytest.mark.parametrize(
    "uri", ["out.xlsx", "out.parquet.gz", "out.v1", "x.gz", "out?format=xml", "*.csv", "out.csv?compression=zstd", "/"]
)
def test_what_is_no_output(make: Make, uri: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        make(uri)
    assert caught.value.hint
