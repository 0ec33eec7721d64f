"""Objects read from anywhere, in ranges, and in order with what follows on its way."""

from __future__ import annotations

import io
import os
import random

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from muster.datasets.objects import Objects
from muster.objects.bucket import PIECE, Bucket, bucket_of
from muster.objects.faults import ObjectChanged
from muster.objects.place import Place
from muster.objects.stream import ObjectStream, pieces


@pytest.mark.parametrize("size", [0, 1, 300_000, 2 * PIECE + 12_345])
def test_any_read_gives_what_a_file_gives(bucket: str, size: int) -> None:
    content, place = os.urandom(size), Place.parse(f"{bucket}/x")
    bucket_of(place).put(place.key, content)
    chance, file, stream = random.Random(size), io.BytesIO(content), ObjectStream(bucket_of(place).head("x"))
    for _ in range(12):
        whence = chance.choice((io.SEEK_SET, io.SEEK_CUR, io.SEEK_END))
        offset = -chance.randrange(size + 1) if whence == io.SEEK_END else chance.randrange(size // 2 + 1)
        length = chance.choice((-1, 0, 1, 100, 1 << 20))
        assert stream.seek(offset, whence) == file.seek(offset, whence)
        assert stream.read(length) == file.read(length)
        assert stream.tell() == file.tell()
    assert b"".join(pieces(bucket_of(place).head("x"))) == content


def test_an_object_that_was_replaced_is_not_read_on(bucket: str) -> None:
    place = Place.parse(f"{bucket}/x")
    bucket_of(place).put("x", os.urandom(2 * PIECE))
    coming = pieces(bucket_of(place).head("x"))
    next(coming)
    bucket_of(place).put("x", os.urandom(2 * PIECE))
    with pytest.raises(ObjectChanged):
        list(coming)


def test_of_parquet_only_the_columns_that_are_wanted_come_over_the_wire(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = 200_000
    wide = pa.table({"a": pc.random(rows), "b": pc.random(rows), "c": pc.random(rows), "d": pc.random(rows)})
    sink = pa.BufferOutputStream()
    pq.write_table(wide, sink, row_group_size=rows // 4)
    content = sink.getvalue().to_pybytes()
    place = Place.parse(f"{bucket}/x.parquet")
    bucket_of(place).put(place.key, content)
    came: list[int] = []
    read = Bucket.read

    def counted(self: Bucket, *args: object, **options: object) -> bytes:
        found = read(self, *args, **options)  # type: ignore[arg-type]
        came.append(len(found))
        return found

    monkeypatch.setattr(Bucket, "read", counted)
    parts = Objects().open(str(place), {}).parts(rows // 4)
    assert len(parts) == 4
    found = pa.Table.from_batches([c.batch for p in parts for c in p.chunks(rows // 4, ["b"])])
    assert found.equals(wide.select(["b"]))
    assert sum(came) < len(content) / 2
    assert len(came) < 20
