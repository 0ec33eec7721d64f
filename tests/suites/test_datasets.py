"""The suites of datasets and sinks over every one."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import WriterProperties, write_deltalake

from muster.dataset import Dataset, Sink
from muster.datasets import DATASETS, SINKS
from muster.datasets.delta import DeltaTables
from muster.datasets.delta_sink import DeltaSinks
from muster.datasets.encode import Encoding
from muster.datasets.formats import FORMATS
from muster.datasets.object_sink import ObjectSinks
from muster.datasets.objects import Objects
from muster.datasets.sink import FileSinks
from muster.datasets.table import Files
from muster.errors import DatasetNotFound
from muster.objects.bucket import bucket_of
from muster.objects.faults import ObjectNotFound
from muster.objects.place import Place
from muster.testing.dataset import RUN, DatasetSuite, SinkSuite
from tests.clouds.fixtures import upload

Store = Callable[[Path, pa.Table], str]
"""Stores a table in a folder and gives the URI of it."""


@dataclass
class OneFile:
    name: str
    format: str
    packing: str | None = None

    def __call__(self, folder: Path, table: pa.Table) -> str:
        (folder / self.name).write_bytes(Encoding(self.format, self.packing).encode(table))
        return str(folder / self.name)


def row_groups(folder: Path, table: pa.Table) -> str:
    pq.write_table(table, folder / "groups.parquet", row_group_size=64)
    return str(folder / "groups.parquet")


def arrow_stream(folder: Path, table: pa.Table) -> str:
    with pa.OSFile(str(folder / "s.arrow"), "wb") as out, pa.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table, max_chunksize=50)
    return str(folder / "s.arrow")


def arrow_batches(folder: Path, table: pa.Table) -> str:
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with (
        pa.OSFile(str(folder / "b.feather"), "wb") as out,
        pa.ipc.new_file(out, table.schema, options=options) as writer,
    ):
        writer.write_table(table, max_chunksize=50)
    return f"file://{folder}/b.feather"


@dataclass
class Several:
    """A table in files, of which some hold nothing."""

    suffix: str
    encoding: Encoding
    sizes: tuple[int, ...] = field(default=(0, 70, 1, 0, 150, 19))

    def __call__(self, folder: Path, table: pa.Table) -> str:
        start = 0
        for i, size in enumerate(self.sizes):
            path = folder / f"d{i // 2}" / f"part-{i}{self.suffix}"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(self.encoding.encode(table.slice(start, size)))
            start += size
        (folder / "_ignored.txt").write_text("hidden")
        return str(folder)


def glob(folder: Path, table: pa.Table) -> str:
    return Several(".parquet", Encoding("parquet"))(folder, table) + "/**/*.parquet"


STORES: dict[str, Store] = {
    "parquet": OneFile("x.parquet", "parquet"),
    "parquet in row groups": row_groups,
    "parquet in a folder": Several(".pq", Encoding("parquet")),
    "parquet by a glob": glob,
    "csv": OneFile("x.csv", "csv"),
    "csv.gz": OneFile("x.CSV.GZ", "csv", "gzip"),
    "csv.zst": OneFile("x.csv.zst", "csv", "zstd"),
    "csv in a folder": Several(".csv", Encoding("csv")),
    "jsonl": OneFile("x.jsonl", "jsonl"),
    "jsonl.gz": OneFile("x.ndjson.gz", "jsonl", "gzip"),
    "jsonl.zst": OneFile("x.json.zst", "jsonl", "zstd"),
    "jsonl in a folder": Several(".jsonl", Encoding("jsonl")),
    "arrow": OneFile("x.arrow", "arrow"),
    "arrow stream": arrow_stream,
    "arrow in batches": arrow_batches,
    "arrow in a folder": Several(".ipc", Encoding("arrow")),
}


REMOTE = [
    "parquet in row groups", "parquet by a glob", "csv in a folder", "csv.gz", "jsonl.zst", "arrow in batches",
]  # fmt: skip


@pytest.mark.parametrize("store", STORES.values(), ids=STORES)
class TestFiles(DatasetSuite):
    @pytest.fixture
    def make(self, store: Store, tmp_path: Path) -> Callable[[pa.Table], Dataset]:
        numbers = itertools.count()

        def make(table: pa.Table) -> Dataset:
            folder = tmp_path / f"data{next(numbers)}"
            folder.mkdir()
            return Files().open(store(folder, table), {})

        return make


@pytest.mark.parametrize("store", [STORES[name] for name in REMOTE], ids=REMOTE)
class TestObjects(DatasetSuite):
    @pytest.fixture
    def make(self, store: Store, tmp_path: Path, bucket: str) -> Callable[[pa.Table], Dataset]:
        numbers = itertools.count()

        def make(table: pa.Table) -> Dataset:
            folder = tmp_path / f"data{next(numbers)}"
            folder.mkdir()
            uri = store(folder, table).removeprefix("file://").replace(str(tmp_path), bucket)
            upload(tmp_path, bucket, folder)
            return Objects().open(uri, {})

        return make

    @pytest.fixture(autouse=True)
    def _cloud(self, bucket: str) -> None:
        self.cloud = bucket.partition(":")[0]

    def test_the_fingerprint_is_that_of_the_content(self, make: Callable[[pa.Table], Dataset], table: pa.Table) -> None:
        """Azure's tags are of the time at which an object was put: the same content put again counts as another."""
        if self.cloud != "az":
            super().test_the_fingerprint_is_that_of_the_content(make, table)
            return
        first = make(table)
        assert first.fingerprint() == first.fingerprint()
        assert make(table.slice(1)).fingerprint() != first.fingerprint()


OUTPUTS = [
    "out", "out/", "out?format=csv", "out?format=jsonl.zst", "out?format=arrow", "out?compression=zstd", "out.parquet",
    "out.csv", "out.tsv", "out.csv.gz", "out.csv?delimiter=|", "out.jsonl", "out.jsonl.zst", "out.arrow", "new/folders/out",
]  # fmt: skip


@pytest.mark.parametrize("name", OUTPUTS)
class TestFileSinks(SinkSuite):
    @pytest.fixture
    def create(self, name: str, tmp_path: Path) -> Callable[..., Sink]:
        def create(schema: pa.Schema, run: str = RUN, *, overwrite: bool = False) -> Sink:
            return FileSinks().create(f"{tmp_path}/{name}", run, schema, overwrite=overwrite)

        return create

    @pytest.fixture
    def read(self, name: str, tmp_path: Path, table: pa.Table) -> Callable[[], pa.Table | None]:
        def read() -> pa.Table | None:
            if not (tmp_path / name.partition("?")[0]).exists():
                return None
            types = dict(zip(table.schema.names, table.schema.types, strict=True))
            opened = Files().open(f"{tmp_path}/{name}", {}).declare(types)
            return pa.Table.from_batches([c.batch for p in opened.parts(30) for c in p.chunks(30)])

        return read


REMOTE_OUTPUTS = ["out/", "new/folders/out?format=jsonl", "out.parquet", "out.jsonl.zst"]


@pytest.mark.parametrize("name", REMOTE_OUTPUTS)
class TestObjectSinks(SinkSuite):
    def staged(self, sink: Sink) -> bool:
        place = Place.parse(str(sink.staging))
        return any(True for _ in bucket_of(place).list(place.key))

    def stands(self, sink: Sink, file: str) -> bool:
        place = Place.parse(str(sink.staging))
        return bucket_of(place).head(file).size > 0

    def exists(self, place: str) -> bool:
        found = Place.parse(place)
        try:
            return bucket_of(found).head(found.key).size > 0
        except ObjectNotFound:
            return False

    def rejected(self, sink: Sink) -> str | None:
        place = Place.parse(sink.rejects)
        try:
            return bucket_of(place).read(place.key).decode()
        except ObjectNotFound:
            return None

    @pytest.fixture
    def create(self, name: str, bucket: str) -> Callable[..., Sink]:
        def create(schema: pa.Schema, run: str = RUN, *, overwrite: bool = False) -> Sink:
            return ObjectSinks().create(f"{bucket}/{name}", run, schema, overwrite=overwrite)

        return create

    @pytest.fixture
    def read(self, name: str, bucket: str, table: pa.Table) -> Callable[[], pa.Table | None]:
        def read() -> pa.Table | None:
            types = dict(zip(table.schema.names, table.schema.types, strict=True))
            try:
                opened = Objects().open(f"{bucket}/{name}", {}).declare(types)
            except DatasetNotFound:
                return None
            return pa.Table.from_batches([c.batch for p in opened.parts(30) for c in p.chunks(30)])

        return read


class TestDelta(DatasetSuite):
    @pytest.fixture
    def make(self, tmp_path: Path) -> Callable[[pa.Table], Dataset]:
        numbers = itertools.count()

        def make(table: pa.Table) -> Dataset:
            # Files have random names, and their order is that of the names: one holds all rows, in order.
            place = tmp_path / f"t{next(numbers)}"
            options = WriterProperties(max_row_group_size=64)
            write_deltalake(place, table, writer_properties=options)
            return DeltaTables().open(f"delta:{place}", {})

        return make

    def test_the_fingerprint_is_that_of_the_content(self, make: Callable[[pa.Table], Dataset], table: pa.Table) -> None:
        """Of the table's id and version, which stand for the content."""
        first = make(table)
        assert first.fingerprint() == first.fingerprint()
        assert make(table).fingerprint() != first.fingerprint()


@pytest.mark.parametrize("options", ["", "?mode=append"])
class TestDeltaSinks(SinkSuite):
    remembers = True

    @pytest.fixture
    def create(self, options: str, tmp_path: Path) -> Callable[..., Sink]:
        def create(schema: pa.Schema, run: str = RUN, *, overwrite: bool = False) -> Sink:
            if options and (overwrite or run != RUN):
                pytest.skip("never: a table that is added to is neither refused nor replaced")
            return DeltaSinks().create(f"delta:{tmp_path}/out{options}", run, schema, overwrite=overwrite)

        return create

    @pytest.fixture
    def read(self, tmp_path: Path, table: pa.Table) -> Callable[[], pa.Table | None]:
        def read() -> pa.Table | None:
            if not (tmp_path / "out" / "_delta_log").exists():
                return None
            opened = DeltaTables().open(f"delta:{tmp_path}/out", {})
            return pa.Table.from_batches([c.batch for p in opened.parts(30) for c in p.chunks(30)])

        return read


def test_every_kind_and_format_has_a_factory() -> None:
    assert set(DATASETS) == set(SINKS) == {"files", "objects", "delta", "sql"}
    assert {name.split(".")[0].split()[0] for name in STORES} == set(FORMATS)
