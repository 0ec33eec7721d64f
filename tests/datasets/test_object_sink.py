"""Outputs in object storage: cut off at every request, beside other writers, and seen by readers all the while."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pytest

from muster.datasets.object_sink import ObjectSinks
from muster.datasets.objects import Objects
from muster.errors import Conflict, DatasetError, DatasetNotFound
from muster.objects.bucket import Bucket, bucket_of
from muster.objects.place import Place
from muster.testing.dataset import OTHER_RUN, RUN

OLD, NEW = pa.table({"a": [0] * 3}), pa.table({"a": range(6)})
REJECT = {"row": 1, "file": "f", "stage": "read", "error": "e", "values": {}}


class Killed(BaseException):
    """The process is gone."""


@contextmanager
def killed_after(requests: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """All that changes something counts; the one after so many never reaches the service."""
    left = itertools.count(requests, -1)

    def counted(act: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **options: Any) -> Any:
            if next(left) <= 0:
                raise Killed
            return act(*args, **options)

        return wrapped

    with monkeypatch.context() as patch:
        for name in ("put", "delete"):
            patch.setattr(Bucket, name, counted(getattr(Bucket, name)))
        yield


def write(uri: str, run: str, table: pa.Table, *, overwrite: bool = False) -> None:
    sink = ObjectSinks().create(uri, run, table.schema, overwrite=overwrite)
    if not sink.committed():
        sink.begin()
        half = table.num_rows // 2
        sink.write(0, 0, table.slice(0, half), [REJECT])
        sink.write(1, 0, table.slice(half))
        sink.commit([(0, 0), (1, 0)], {"rows": table.num_rows}, {0: 0, 1: half})
    sink.discard()


def read(uri: str) -> list[int] | None:
    try:
        found = Objects().open(uri, {})
    except DatasetNotFound:
        return None
    return [row["a"] for part in found.parts(100) for chunk in part.chunks(100) for row in chunk.batch.to_pylist()]


def keys(url: str) -> list[str]:
    return [e.place.key for e in bucket_of(Place.parse(url)).list("")]


@pytest.mark.parametrize("name", ["out/", "out.parquet"])
@pytest.mark.parametrize("before", [None, OLD], ids=["new", "replaced"])
def test_cut_off_at_any_request_readers_see_the_old_or_the_new_and_going_on_ends_well(
    name: str, before: pa.Table | None, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = None if before is None else before.column("a").to_pylist()
    new = NEW.column("a").to_pylist()
    for requests in itertools.count():
        uri = f"{bucket}/{requests}/{name}"
        if before is not None:
            write(uri, OTHER_RUN, before)
        try:
            with killed_after(requests, monkeypatch):
                write(uri, RUN, NEW, overwrite=before is not None)
            over = True
        except Killed:
            over = False
        assert read(uri) in (old, new)
        write(uri, RUN, NEW, overwrite=before is not None)
        assert read(uri) == new
        assert len([k for k in keys(bucket) if k.startswith(f"{requests}/")]) == (4 if name == "out/" else 2)
        if over:
            assert requests > 5
            return


@pytest.mark.parametrize("name", ["out/", "out.parquet"])
def test_of_two_runs_with_one_output_the_second_to_commit_is_refused(name: str, bucket: str) -> None:
    first, second = (ObjectSinks().create(f"{bucket}/{name}", run, NEW.schema) for run in (RUN, OTHER_RUN))
    for sink in (first, second):
        sink.begin()
        sink.write(0, 0, NEW)
    first.commit([(0, 0)], {}, {0: 0})
    with pytest.raises(Conflict, match="has come to exist while the run was at work"):
        second.commit([(0, 0)], {}, {0: 0})
    second.discard()
    first.discard()
    assert read(f"{bucket}/{name}") == list(range(6))
    assert len(keys(bucket)) == (2 if name == "out/" else 1)


def test_of_two_that_replace_an_output_one_is_refused_and_nothing_is_mixed(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(f"{bucket}/out/", OTHER_RUN, OLD)
    sink = ObjectSinks().create(f"{bucket}/out/", RUN, NEW.schema, overwrite=True)
    sink.begin()
    sink.write(0, 0, NEW)
    put = Bucket.put

    def meanwhile(self: Bucket, key: str, *args: Any, **options: Any) -> None:
        if key == "out/_muster.json":
            monkeypatch.setattr(Bucket, "put", put)
            put(self, key, b'{"format": "muster.output/1", "run": "of somebody else", "files": []}')
        put(self, key, *args, **options)

    monkeypatch.setattr(Bucket, "put", meanwhile)
    with pytest.raises(Conflict, match="has come to exist while the run was at work"):
        sink.commit([(0, 0)], {}, {0: 0})
    assert not sink.committed()


def test_what_a_replaced_output_left_is_removed_but_nothing_that_came_later(bucket: str) -> None:
    place = Place.parse(f"{bucket}/out/")
    write(f"{bucket}/out/", OTHER_RUN, OLD)
    bucket_of(place).put("out/mine.parquet", b"old")
    sink = ObjectSinks().create(f"{bucket}/out/", RUN, NEW.schema, overwrite=True)
    sink.begin()
    sink.write(0, 0, NEW)
    sink.commit([(0, 0)], {}, {0: 0})
    assert "out/mine.parquet" not in keys(bucket)
    bucket_of(place).put("out/mine.parquet", b"new, by somebody else")
    sink.discard()
    assert bucket_of(place).read("out/mine.parquet") == b"new, by somebody else"


def test_a_folder_that_holds_more_than_data_is_not_replaced(bucket: str) -> None:
    bucket_of(Place.parse(bucket)).put("out/thesis.docx", b"years of work")
    sink = ObjectSinks().create(f"{bucket}/out/", RUN, NEW.schema, overwrite=True)
    with pytest.raises(Conflict, match=r"holds more than data \(thesis.docx\)"):
        sink.check()


def test_parts_that_are_not_committed_are_no_data(bucket: str) -> None:
    sink = ObjectSinks().create(f"{bucket}/out/", RUN, NEW.schema)
    sink.begin()
    sink.write(0, 0, NEW)
    for uri in (f"{bucket}/out/", f"{bucket}/out/*.parquet", f"{bucket}/o*"):
        with pytest.raises(DatasetNotFound):
            Objects().open(uri, {})
    sink.commit([(0, 0)], {}, {0: 0})
    for uri in (f"{bucket}/out/", f"{bucket}/out", f"{bucket}/out/*.parquet", f"{bucket}/o*"):
        assert read(uri) == list(range(6))


def test_the_manifest_tells_of_every_part_its_size_and_digest(bucket: str) -> None:
    write(f"{bucket}/out/", RUN, NEW)
    place = Place.parse(f"{bucket}/out/")
    manifest = json.loads(bucket_of(place).read("out/_muster.json"))
    assert manifest["format"] == "muster.output/1"
    assert manifest["rows"] == 6
    for file in manifest["files"]:
        assert bucket_of(place).head(f"out/{file['path']}").size == file["size"]
        assert len(file["sha256"]) == 64


@pytest.mark.parametrize(
    ("output", "told"),
    [
        ("data/out/", "lies in"),
        ("data/", "would replace"),
        ("data/x.parquet", "lies in"),
        ("", None),
        ("data-2/out/", None),
    ],
)
def test_an_output_over_its_input_is_refused(output: str, told: str | None, bucket: str) -> None:
    bucket_of(Place.parse(bucket)).put("data/x.parquet", b"")
    for uri in (f"{bucket}/data/", f"{bucket}/data/**/*.parquet", f"{bucket}/d*a/"):
        sink = ObjectSinks().create(f"{bucket}/{output or 'out/'}", RUN, NEW.schema, overwrite=True, inputs=[uri])
        if told is None:
            sink.check()
        else:
            with pytest.raises(DatasetError, match="choose an output outside of the input"):
                sink.check()


def test_a_delta_table_is_neither_read_as_a_folder_nor_replaced_by_one(bucket: str) -> None:
    for name in ("_delta_log/00000000000000000000.json", "part-0.parquet"):
        bucket_of(Place.parse(bucket)).put(f"table/{name}", b"{}")
    with pytest.raises(DatasetError, match="is a Delta table") as caught:
        Objects().open(f"{bucket}/table/", {})
    assert f"delta:{bucket}/table/" in caught.value.hint
    sink = ObjectSinks().create(f"{bucket}/table/", RUN, NEW.schema, overwrite=True)
    with pytest.raises(Conflict, match="is a Delta table"):
        sink.check()
