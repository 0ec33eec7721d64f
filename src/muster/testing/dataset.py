"""The suites that every Dataset and every Sink passes."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol, TypeVar

import pyarrow as pa
import pytest

from muster.dataset import Chunk, Dataset, Sink
from muster.errors import Conflict, MusterError

__all__ = ["CreateSink", "DatasetSuite", "SinkSuite", "table_of"]

T = TypeVar("T")

RUN, OTHER_RUN = "01JD0000000000000000000000", "01JD0000000000000000000001"


def table_of(rows: int) -> pa.Table:
    """A table of every common type, with nulls, empty strings, and text that formats must not trip over."""
    texts = ["plain", "", None, 'a "quote", a comma', "two\nlines", "é\u2028\U0001f600", "NA", "007", " spaces "]
    began = datetime(2024, 2, 28, 23, 59, 58, tzinfo=UTC)
    return pa.table(
        {
            "n": pa.array(range(rows), pa.int64()),
            "x": pa.array([None if i % 7 == 3 else i / 3 - 1e-9 for i in range(rows)], pa.float64()),
            "text": pa.array([texts[i % len(texts)] for i in range(rows)], pa.string()),
            "yes": pa.array([None if i % 5 == 0 else i % 2 == 0 for i in range(rows)], pa.bool_()),
            "time": pa.array(
                [(began + timedelta(hours=i)).replace(tzinfo=None) for i in range(rows)], pa.timestamp("us")
            ),
            "zoned": pa.array([began + timedelta(seconds=i) for i in range(rows)], pa.timestamp("us", "UTC")),
        }
    )


def chunks_of(
    dataset: Dataset, rows: int, columns: Sequence[str] | None = None, skip: frozenset[int] = frozenset()
) -> list[Chunk]:
    return [chunk for part in dataset.parts(rows) for chunk in part.chunks(rows, columns, skip)]


def sent(value: T) -> T:
    """As it arrives in another process."""
    arrived: T = pickle.loads(pickle.dumps(value))  # noqa: S301  # pickled in this line
    return arrived


class DatasetSuite:
    """Subclass it with a fixture `make`: it stores a table, anew each time, and opens it as a dataset."""

    @pytest.fixture
    def make(self) -> Callable[[pa.Table], Dataset]:
        raise TypeError("give a fixture `make`")

    @pytest.fixture
    def table(self) -> pa.Table:
        return table_of(240)

    @pytest.fixture
    def dataset(self, make: Callable[[pa.Table], Dataset], table: pa.Table) -> Dataset:
        opened = make(table)
        return opened.declare(dict(zip(table.schema.names, table.schema.types, strict=True)))

    @pytest.mark.parametrize("rows", [1, 7, 64, 239, 240, 241, 100_000])
    def test_all_rows_come_in_order_in_chunks_of_so_many(self, dataset: Dataset, table: pa.Table, rows: int) -> None:
        start = 0
        for part in dataset.parts(rows):
            chunks = list(part.chunks(rows))
            assert [c.index for c in chunks] == list(range(len(chunks)))
            assert [c.last for c in chunks] == [False] * (len(chunks) - 1) + [True]
            assert [c.length for c in chunks[:-1]] == [rows] * (len(chunks) - 1)
            assert [c.start for c in chunks] == [rows * i for i in range(len(chunks))]
            assert {c.part for c in chunks} == {part.index}
            assert part.rows in (None, sum(c.length for c in chunks))
            found = pa.Table.from_batches([c.batch for c in chunks]).select(table.schema.names)
            assert found.cast(table.schema).equals(table.slice(start, found.num_rows))
            start += found.num_rows
        assert start == table.num_rows

    def test_parts_are_numbered_in_order(self, dataset: Dataset) -> None:
        parts = dataset.parts(10)
        assert [p.index for p in parts] == list(range(len(parts)))

    def test_chunks_that_are_skipped_are_left_out_and_change_no_other(self, dataset: Dataset) -> None:
        for part in dataset.parts(30):
            whole = list(part.chunks(30))
            for skip in (frozenset({0}), frozenset({1, 2}), frozenset(c.index for c in whole), frozenset(range(1, 9))):
                assert list(part.chunks(30, skip=skip)) == [c for c in whole if c.index not in skip]

    @pytest.mark.parametrize("columns", [["text"], ["yes", "n"], ["zoned", "time", "text", "yes", "x", "n"], []])
    def test_columns_are_picked_and_ordered(self, dataset: Dataset, table: pa.Table, columns: list[str]) -> None:
        chunks = chunks_of(dataset, 70, columns)
        assert all(c.batch.schema.names == columns for c in chunks)
        assert sum(c.batch.num_rows for c in chunks) == table.num_rows
        if columns:
            assert pa.Table.from_batches([c.batch for c in chunks]).equals(table.select(columns))

    def test_a_column_that_is_not_there_is_refused(self, dataset: Dataset) -> None:
        with pytest.raises(MusterError, match="texd"):
            chunks_of(dataset, 300, ["n", "texd"])
        with pytest.raises(MusterError, match="texd"):
            dataset.types(["texd"])

    def test_names_and_types_agree(self, dataset: Dataset, table: pa.Table) -> None:
        assert sorted(dataset.names) == sorted(table.schema.names)
        assert tuple(dataset.schema.names) == dataset.names
        assert dataset.types(["text", "n"]) == pa.schema([("text", pa.string()), ("n", pa.int64())])

    def test_declaring_what_is_not_there_changes_nothing(self, dataset: Dataset) -> None:
        assert dataset.declare({"nowhere": pa.int8()}).schema == dataset.schema

    def test_without_rows_there_is_one_empty_chunk_with_all_columns(
        self, make: Callable[[pa.Table], Dataset], table: pa.Table
    ) -> None:
        types = dict(zip(table.schema.names, table.schema.types, strict=True))
        empty = make(table.slice(0, 0)).declare(types)
        assert empty.rows() in (None, 0)
        for part in empty.parts(10):
            (chunk,) = part.chunks(10)
            assert (chunk.start, chunk.length, chunk.last) == (0, 0, True)
            assert set(chunk.batch.schema.names) == set(empty.names)
        assert len(empty.parts(10)) >= 1

    def test_dataset_and_parts_are_values_that_can_be_sent_elsewhere(self, dataset: Dataset) -> None:
        here = chunks_of(dataset, 70)
        assert chunks_of(sent(dataset), 70) == here
        assert [c for part in sent(list(dataset.parts(70))) for c in part.chunks(70)] == here

    def test_rows_and_size(self, dataset: Dataset, table: pa.Table) -> None:
        assert dataset.rows() in (None, table.num_rows)
        assert dataset.size() > 0

    def test_the_fingerprint_is_that_of_the_content(self, make: Callable[[pa.Table], Dataset], table: pa.Table) -> None:
        first = make(table)
        before = first.fingerprint()
        assert before == first.fingerprint()
        assert make(table).fingerprint() == before
        assert make(table.slice(1)).fingerprint() != before

    def test_the_stamp_tells_that_nothing_was_touched(
        self, make: Callable[[pa.Table], Dataset], table: pa.Table
    ) -> None:
        dataset = make(table)
        assert dataset.stamp() == dataset.stamp()
        assert make(table.slice(1)).stamp() != dataset.stamp()

    def test_parts_can_be_read_by_threads_at_once(self, dataset: Dataset) -> None:
        parts = [*dataset.parts(30), *dataset.parts(30)]
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda part: list(part.chunks(30)), parts))
        half = len(parts) // 2
        assert found[:half] == found[half:]


class CreateSink(Protocol):
    def __call__(self, schema: pa.Schema, run: str = RUN, *, overwrite: bool = False) -> Sink: ...


class SinkSuite:
    """Subclass it with the fixtures `create`, which makes sinks that all have one output, and `read`, which reads it or gives None.

    `remembers` is for outputs that keep a log: they tell for ever that a run was committed, also when its rows were replaced.
    """

    remembers = False

    def staged(self, sink: Sink) -> bool:
        """Whether anything is in the sink's staging."""
        return Path(sink.staging).is_dir()

    def stands(self, sink: Sink, file: str) -> bool:
        """Whether a written chunk stands there."""
        return (Path(sink.staging) / file).is_file()

    def exists(self, place: str) -> bool:
        """Whether a file, or an object, stands there."""
        return Path(place).exists()

    def rejected(self, sink: Sink) -> str | None:
        """What the sink's rejects hold, or None if there are none."""
        path = Path(sink.rejects)
        return path.read_text() if path.exists() else None

    @pytest.fixture
    def create(self) -> CreateSink:
        raise TypeError("give a fixture `create`")

    @pytest.fixture
    def read(self) -> Callable[[], pa.Table | None]:
        raise TypeError("give a fixture `read`")

    @pytest.fixture
    def table(self) -> pa.Table:
        return table_of(100)

    @staticmethod
    def fill(sink: Sink, table: pa.Table) -> list[tuple[int, int]]:
        """Two parts of three chunks each, the later ones first; the last has no rows."""
        half = table.num_rows // 2
        for part in (1, 0):
            sink.write(part, 1, table.slice(part * half + 20, half - 20))
            sink.write(part, 0, table.slice(part * half, 20))
            sink.write(part, 2, table.slice(0, 0))
        return [(part, index) for part in (0, 1) for index in (0, 1, 2)]

    def commit(self, sink: Sink, table: pa.Table) -> None:
        sink.begin()
        sink.commit(self.fill(sink, table), {"rows": table.num_rows}, {0: 0, 1: table.num_rows // 2})

    def test_nothing_is_seen_before_the_commit_and_all_after_it(
        self, create: CreateSink, read: Callable[[], pa.Table | None], table: pa.Table
    ) -> None:
        sink = create(table.schema)
        sink.begin()
        assert self.staged(sink)
        chunks = self.fill(sink, table)
        assert read() is None
        assert not sink.committed()
        sink.commit(chunks, {"rows": 100}, {0: 0, 1: 50})
        assert sink.committed()
        assert _same(read(), table)

    def test_what_was_written_is_told(self, create: CreateSink, table: pa.Table) -> None:
        sink = create(table.schema)
        sink.begin()
        written = sink.write(0, 0, table)
        assert written.rows == 100
        assert len(written.digest) == 64
        assert self.stands(sink, written.file)

    def test_a_chunk_that_is_written_again_replaces_the_first(
        self, create: CreateSink, read: Callable[[], pa.Table | None], table: pa.Table
    ) -> None:
        sink = create(table.schema)
        sink.begin()
        reject = {"row": 3, "file": "f", "stage": "read", "error": "e", "values": {}}
        sink.write(0, 0, table.slice(0, 10), [reject])
        sink.write(0, 0, table)
        sink.commit([(0, 0)], {}, {0: 0})
        assert _same(read(), table)
        assert self.rejected(sink) is None

    def test_rejects_that_were_kept_of_a_try_that_scored_nothing_go_with_the_commit(
        self, create: CreateSink, read: Callable[[], pa.Table | None], table: pa.Table
    ) -> None:
        sink = create(table.schema)
        sink.begin()
        reject = {"row": 3, "file": "f", "stage": "read", "error": "e", "values": {}}
        sink.write(0, 0, table.slice(0, 0), [reject])
        kept = sink.keep_rejects([(0, 0)], {0: 0})
        assert self.exists(kept.place)
        sink.discard()
        self.commit(sink, table)
        assert _same(read(), table)
        assert not self.exists(kept.place)

    def test_a_commit_may_be_done_again(
        self, create: CreateSink, read: Callable[[], pa.Table | None], table: pa.Table
    ) -> None:
        sink = create(table.schema)
        self.commit(sink, table)
        sink.commit([(0, 0)], {}, {0: 0})
        assert sink.committed()
        assert _same(read(), table)

    def test_another_process_goes_on_with_the_same_sink(
        self, create: CreateSink, read: Callable[[], pa.Table | None], table: pa.Table
    ) -> None:
        sink = create(table.schema)
        sink.begin()
        chunks = self.fill(sink, table)
        elsewhere = sent(sink)
        again = create(table.schema)
        again.begin()
        elsewhere.commit(chunks, {"rows": 100}, {0: 0, 1: 50})
        assert again.committed()
        assert _same(read(), table)

    def test_discarding_after_the_commit_leaves_the_output_alone(
        self, create: CreateSink, read: Callable[[], pa.Table | None], table: pa.Table
    ) -> None:
        sink = create(table.schema)
        self.commit(sink, table)
        sink.discard()
        assert not self.staged(sink)
        assert _same(read(), table)

    def test_discarding_before_leaves_nothing(
        self, create: CreateSink, read: Callable[[], pa.Table | None], table: pa.Table
    ) -> None:
        sink = create(table.schema)
        sink.begin()
        self.fill(sink, table)
        sink.discard()
        sink.discard()
        assert not self.staged(sink)
        assert read() is None

    def test_an_output_that_exists_is_refused_and_left_as_it_is(
        self, create: CreateSink, read: Callable[[], pa.Table | None], table: pa.Table
    ) -> None:
        first = create(table.schema)
        self.commit(first, table)
        first.discard()
        other = create(table.schema, OTHER_RUN)
        with pytest.raises(Conflict, match="exists"):
            other.begin()
        assert not self.staged(other)
        assert not other.committed()
        assert _same(read(), table)

    def test_overwriting_puts_the_new_in_place_of_the_old(
        self, create: CreateSink, read: Callable[[], pa.Table | None], table: pa.Table
    ) -> None:
        first = create(table.schema)
        self.commit(first, table)
        first.discard()
        changed = table.slice(0, 60)
        other = create(table.schema, OTHER_RUN, overwrite=True)
        other.begin()
        chunks = self.fill(other, changed)
        assert not other.committed()
        assert _same(read(), table)
        other.commit(chunks, {}, {0: 0, 1: 30})
        assert other.committed()
        assert first.committed() == self.remembers
        other.discard()
        assert not self.staged(other)
        assert _same(read(), changed)

    def test_rejects_tell_the_row_of_the_dataset(self, create: CreateSink, table: pa.Table) -> None:
        sink = create(table.schema)
        sink.begin()
        values = {"x": float("nan"), "y": b"\xff", "z": datetime(2024, 1, 2, tzinfo=UTC), "n": {"a": [1, None]}}
        reject = {"file": "a.csv", "stage": "predict", "error": "no\nuse"}
        sink.write(
            1, 0, table.slice(0, 0), [{"row": 0, **reject, "values": values}, {"row": 2, **reject, "values": {}}]
        )
        sink.write(0, 0, table.slice(0, 0), [{"row": 7, **reject, "values": {}}])
        sink.commit([(0, 0), (1, 0)], {}, {0: 0, 1: 1000})
        told = self.rejected(sink)
        assert told is not None
        lines = [json.loads(line, parse_constant=pytest.fail) for line in told.splitlines()]
        assert [line["row"] for line in lines] == [7, 1000, 1002]
        assert {k: lines[1][k] for k in reject} == reject
        assert lines[1]["values"]["x"] == "nan"
        assert lines[1]["values"]["n"] == {"a": [1, None]}
        assert lines[1]["values"]["z"].startswith("2024-01-02T00:00:00")

    def test_threads_write_at_once(
        self, create: CreateSink, read: Callable[[], pa.Table | None], table: pa.Table
    ) -> None:
        sink = create(table.schema)
        sink.begin()
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda i: sink.write(0, i, table.slice(i * 4, 4)), range(25)))
        sink.commit([(0, i) for i in range(25)], {}, {0: 0})
        assert _same(read(), table)

    def test_an_output_without_rows_has_its_columns(
        self, create: CreateSink, read: Callable[[], pa.Table | None], table: pa.Table
    ) -> None:
        sink = create(table.schema)
        sink.begin()
        sink.write(0, 0, table.slice(0, 0))
        sink.commit([(0, 0)], {}, {0: 0})
        found = read()
        assert found is not None
        assert found.num_rows == 0
        # JSON lines have no place for columns but their rows.
        assert not found.schema.names or _same(found, table.slice(0, 0))


def _same(found: pa.Table | None, expected: pa.Table) -> bool:
    return found is not None and found.select(expected.schema.names).cast(expected.schema).equals(expected)
