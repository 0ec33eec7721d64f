from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import muster.datasets.sink as module
from muster.datasets import disk
from muster.datasets.sink import FileSink, FileSinks
from muster.errors import Conflict, DatasetError
from tests.conftest import Mount
from tests.datasets.tables import opened, rows, table, written
from tests.stores.conftest import fill

SCHEMA = pa.schema([("n", pa.int64()), ("s", pa.string())])
CHUNKS = [(0, i) for i in range(4)]
OUTPUTS = ["out", "out.parquet", "out.csv", "out.csv.gz", "out.jsonl", "out.arrow"]
REJECT = {"row": 1, "file": "f", "stage": "read", "error": "e", "values": {}}


def sink(folder: Path, name: str, run: str = "01A", *, overwrite: bool = False) -> FileSink:
    return FileSinks().create(f"{folder}/{name}", run, SCHEMA, overwrite=overwrite)


def chunk(index: int) -> pa.Table:
    numbers = range(index * 100, index * 100 + 100)
    return pa.table({"n": pa.array(numbers, pa.int64()), "s": [f"s{n}" for n in numbers]})


def filled(out: FileSink) -> FileSink:
    out.begin()
    for _, index in CHUNKS:
        out.write(0, index, chunk(index), [REJECT] if index == 2 else [])
    return out


def commit(out: FileSink) -> None:
    out.commit(CHUNKS, {"version": "m:1"}, {0: 50})


def whole(out: FileSink) -> bool:
    numbers = [r["n"] for r in rows(opened(out.output))]
    rejects = [json.loads(line)["row"] for line in Path(out.rejects).read_text().splitlines()]
    return numbers == list(range(400)) and rejects == [51]


@pytest.mark.parametrize("count", [1, 100_000, 100_001])
def test_parts_are_named_in_their_order(count: int) -> None:
    names = module._part_names(count, ".csv")
    assert (len(set(names)), sorted(names)) == (count, names)
    assert names[0].startswith("part-00000")


class Killed(BaseException):
    """Stands for the end of the process at this very step."""


STEPS: list[tuple[object, str]] = [
    (Path, "replace"), (Path, "rename"), (disk, "_rename"), (disk, "sync_folder"), (os, "fsync"),
    (module, "sync_folder"), (module, "digest_of"), (module, "remove"),
]  # fmt: skip


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("name", OUTPUTS)
def test_a_commit_that_ends_at_any_step_can_be_done_again(tmp_path: Path, name: str, *, overwrite: bool) -> None:
    """Every call that touches the disk is once the last one of its process, before and after its work."""
    old = None
    if overwrite:
        old = filled(sink(tmp_path / "steps", name, "OLD"))
        commit(old)
        old.discard()
    for after in (False, True):
        for step in range(200):
            folder = tmp_path / f"{after}{step}"
            if overwrite:
                subprocess.run(["cp", "-r", str(tmp_path / "steps"), str(folder)], check=True)
            out = filled(sink(folder, name, overwrite=overwrite))
            if not _stopped(lambda: commit(out), step, after=after):  # noqa: B023  # called at once
                break
            again = sink(folder, name, overwrite=overwrite)
            assert again.target.exists() or not overwrite, "the old output is there or the new one"
            if not again.committed():
                again.begin()
                commit(again)
            assert again.committed()
            assert whole(again)
            again.discard()
            assert {p.name for p in folder.iterdir()} <= {name, f"{name}.rejects.jsonl"}
        assert step > 8
        assert whole(out)


def _stopped(act: Callable[[], None], step: int, *, after: bool) -> bool:
    """Whether the act came as far as its call number `step` that touches the disk, which was then its last."""
    calls = 0

    def wrap(original: Callable[..., object]) -> Callable[..., object]:
        def wrapped(*args: object, **kwargs: object) -> object:
            nonlocal calls
            calls += 1
            last = calls == step + 1
            if last and not after:
                raise Killed
            result = original(*args, **kwargs)
            if last:
                raise Killed
            return result

        return wrapped

    with pytest.MonkeyPatch.context() as patch:
        for owner, function in STEPS:
            patch.setattr(owner, function, wrap(getattr(owner, function)))
        try:
            act()
        except Killed:
            return True
    return False


CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from tests.datasets.test_sink import CHUNKS, REJECT, chunk, sink
out = sink(Path(sys.argv[2]), sys.argv[3])
out.begin()
print("ready", flush=True)
while True:
    for _, index in CHUNKS:
        out.write(0, index, chunk(index), [REJECT] if index == 2 else [])
        print("wrote", index, flush=True)
"""


@pytest.mark.parametrize(("name", "lines"), [("out", 3), ("out.parquet", 5), ("out.csv.gz", 4)])
def test_a_process_that_is_killed_while_it_writes(tmp_path: Path, name: str, lines: int) -> None:
    command = [sys.executable, "-c", CHILD, str(Path(__file__).parents[2]), str(tmp_path), name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            assert [child.stdout.readline().split()[0] for _ in range(lines)] == ["ready"] + ["wrote"] * (lines - 1)
        finally:
            child.kill()
    assert not (tmp_path / name).exists()
    out = filled(sink(tmp_path, name))
    commit(out)
    assert whole(out)
    out.discard()
    assert {p.name for p in tmp_path.iterdir()} <= {name, f"{name}.rejects.jsonl"}


def test_the_parts_of_a_folder_and_its_manifest(tmp_path: Path) -> None:
    out = filled(sink(tmp_path, "out"))
    commit(out)
    assert sorted(os.listdir(tmp_path / "out")) == [  # noqa: PTH208  # names alone
        "_muster.json", "_rejects.jsonl", *(f"part-0000{i}.parquet" for i in range(4))
    ]  # fmt: skip
    manifest = json.loads((tmp_path / "out" / "_muster.json").read_text())
    assert (manifest["format"], manifest["run"], manifest["version"]) == ("muster.output/1", "01A", "m:1")
    for file in manifest["files"]:
        content = (tmp_path / "out" / file["path"]).read_bytes()
        assert file["size"] == len(content)
        assert file["sha256"] == hashlib.sha256(content).hexdigest()
    assert not out.staging.exists()


def test_a_single_parquet_file_has_a_row_group_for_each_chunk(tmp_path: Path) -> None:
    out = filled(sink(tmp_path, "out.parquet"))
    commit(out)
    file = pq.ParquetFile(tmp_path / "out.parquet")
    assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [100] * 4
    assert file.schema_arrow.equals(SCHEMA)
    assert [p.name for p in out.staging.iterdir()] == ["commit.json"], "what is left tells that it is done"


def test_headers_and_packing_of_text(tmp_path: Path) -> None:
    for name in ("out.csv", "out?format=csv"):
        commit(filled(sink(tmp_path, name)))
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert (lines[0], lines[1], len(lines)) == ('"n","s"', '0,"s0"', 401)
    assert all(p.read_text().startswith('"n","s"\n') for p in (tmp_path / "out").glob("part-*.csv"))
    commit(filled(sink(tmp_path, "x.tsv")))
    assert (tmp_path / "x.tsv").read_text().startswith('"n"\t"s"\n')


def test_a_table_of_another_order_or_layout_is_fitted(tmp_path: Path) -> None:
    out = sink(tmp_path, "out.arrow")
    out.begin()
    out.write(0, 0, pa.table({"s": pa.array(["x"]).dictionary_encode(), "n": pa.array([1], pa.int32())}))
    out.commit([(0, 0)], {}, {0: 0})
    assert table(opened(out.output)).equals(pa.table({"n": [1], "s": ["x"]}))


def test_dictionaries_of_chunks_that_differ(tmp_path: Path) -> None:
    schema = pa.schema([("d", pa.dictionary(pa.int8(), pa.string()))])
    for name in ("out.arrow", "out.parquet", "out?format=arrow"):
        out = FileSinks().create(f"{tmp_path}/{name}", "01A", schema)
        out.begin()
        for i, values in enumerate((["a", "b"], ["c", None])):
            out.write(0, i, pa.table({"d": pa.array(values).dictionary_encode()}).cast(schema))
        out.commit([(0, 0), (0, 1)], {}, {0: 0})
        assert [r["d"] for r in rows(opened(out.output))] == ["a", "b", "c", None]


def test_an_output_that_came_meanwhile_is_left_alone(tmp_path: Path) -> None:
    for name in ("out", "out.csv"):
        out = filled(sink(tmp_path, name))
        came = written(tmp_path / name / "x.csv" if name == "out" else tmp_path / name, "n\n7\n")
        with pytest.raises(Conflict, match="has come to exist"):
            commit(out)
        assert came.read_text() == "n\n7\n"
        disk.remove(tmp_path / name)
        commit(out)
        assert whole(out)


def test_other_kinds_of_old_outputs_are_replaced(tmp_path: Path) -> None:
    for name in ("out", "out.parquet"):
        out = filled(sink(tmp_path, name))
        commit(out)
        out.discard()
    (tmp_path / "out").rename(tmp_path / "folder")
    (tmp_path / "out.parquet").rename(tmp_path / "out")
    (tmp_path / "folder").rename(tmp_path / "out.parquet")
    for name in ("out", "out.parquet"):
        out = filled(sink(tmp_path, name, "01B", overwrite=True))
        commit(out)
        commit(out)
        assert out.committed()
        assert whole(out)
        out.discard()
    assert (tmp_path / "out").is_dir()
    assert (tmp_path / "out.parquet").is_file()


def test_old_rejects_go_when_there_are_no_new_ones(tmp_path: Path) -> None:
    for name in ("out", "out.csv"):
        out = filled(sink(tmp_path, name))
        commit(out)
        out.discard()
        assert Path(out.rejects).exists()
        new = sink(tmp_path, name, "01B", overwrite=True)
        new.begin()
        new.write(0, 0, chunk(0))
        new.commit([(0, 0)], {}, {0: 0})
        assert not Path(new.rejects).exists()


def test_other_runs_are_left_alone(tmp_path: Path) -> None:
    other = filled(sink(tmp_path, "out", "01B"))
    out = filled(sink(tmp_path, "out"))
    commit(out)
    out.discard()
    assert len(list(other.staging.rglob("*.parquet"))) == 4


def test_folders_that_were_made_go_with_a_run_that_is_given_up(tmp_path: Path) -> None:
    out = filled(sink(tmp_path, "deep/er/out"))
    out.discard()
    assert list(tmp_path.iterdir()) == []
    out = filled(sink(tmp_path, "deep/er/out"))
    written(tmp_path / "deep" / "mine", "x")
    out.discard()
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["deep", "mine"]
    out = filled(sink(tmp_path, "some/out.csv"))
    commit(out)
    out.discard()
    assert (tmp_path / "some" / "out.csv").exists()


def test_lost_chunks_are_told(tmp_path: Path) -> None:
    for name in ("out", "out.csv"):
        out = filled(sink(tmp_path, name))
        next((out.staging / "chunks").glob("000000-000002*")).unlink()
        with pytest.raises(DatasetError, match=r"gone.* 000000-000002|000000-000002.* gone"):
            commit(out)
        assert not (tmp_path / name).exists()


def test_a_file_that_was_changed_afterwards_is_not_ours(tmp_path: Path) -> None:
    out = filled(sink(tmp_path, "out.csv"))
    commit(out)
    content = (tmp_path / "out.csv").read_text()
    (tmp_path / "out.csv").write_text(content.replace("s7", "s8"))
    assert not out.committed()


@pytest.mark.parametrize("name", ["out", "out.csv"])
def test_a_full_disk_while_writing_and_while_committing(tmp_path: Path, mount: Mount, name: str) -> None:
    mount(tmp_path / "disk", "size=512k")
    out = filled(sink(tmp_path / "disk", name))
    filler = fill(tmp_path / "disk")
    with pytest.raises(DatasetError, match="no space is left") as caught:
        out.write(0, 4, pa.table({"n": range(20_000), "s": ["x"] * 20_000}))
    assert "make room" in caught.value.hint
    with pytest.raises(DatasetError, match="no space is left"):
        commit(out)
    assert not (tmp_path / "disk" / name).exists()
    assert not list(out.staging.rglob(".*.tmp"))
    filler.unlink()
    commit(out)
    assert whole(out)


@pytest.mark.parametrize("name", ["out", "out.csv"])
def test_readers_see_the_old_or_the_new_while_it_is_replaced(tmp_path: Path, name: str) -> None:
    first = filled(sink(tmp_path, name, "00"))
    commit(first)
    first.discard()
    marker = tmp_path / name / "_muster.json" if name == "out" else tmp_path / name
    ended = threading.Event()
    seen: list[bool] = []

    def look() -> None:
        while not ended.is_set():
            try:
                seen.append(bool(marker.read_bytes()))
            except FileNotFoundError:
                seen.append(False)

    thread = threading.Thread(target=look)
    thread.start()
    for i in range(1, 12):
        out = filled(sink(tmp_path, name, f"{i:02}", overwrite=True))
        commit(out)
        out.discard()
    ended.set()
    thread.join()
    assert seen
    assert all(seen)
