"""The suite that every Runner passes."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from muster.dataset import Chunk, Fault, Part, Written
from muster.errors import ModelFailed, RunCancelled
from muster.predictor import Call, Predictor
from muster.profile import Profile, Rows
from muster.runner import Plan, Runner
from muster.signature import Column, Json, Output, Signature

__all__ = ["RunnerSuite"]


@dataclass(frozen=True, slots=True)
class Numbers:
    """A part whose rows are the numbers from `first` on; every row that `faulty` divides cannot be read."""

    index: int
    first: int
    count: int
    faulty: int = 0

    file: str = "numbers"
    offset: int = 0

    @property
    def rows(self) -> int | None:
        return self.count

    def chunks(
        self, rows: int, columns: Sequence[str] | None = None, skip: frozenset[int] = frozenset()
    ) -> Iterator[Chunk]:
        starts = range(0, max(self.count, 1), rows)
        for index, start in enumerate(starts):
            if index in skip:
                continue
            numbers = range(self.first + start, self.first + min(start + rows, self.count))
            bad = [n for n in numbers if self.faulty and n % self.faulty == 0]
            batch = pa.record_batch({"n": pa.array([n for n in numbers if n not in bad], pa.int64())})
            faults = tuple(Fault(n - self.first, "unreadable", {"n": str(n)}) for n in bad)
            yield Chunk(self.index, index, start, batch, faults, last=index == len(starts) - 1)


class Doubler:
    """Predicts twice the number; `fails_at` is a number on which it fails altogether."""

    signature = Signature((Column("n", pa.int64()),))
    output = Output("regression", pa.int64())
    abilities: frozenset[str] = frozenset()

    def __init__(self, fails_at: int | None = None) -> None:
        self._fails_at = fails_at
        self.closed = False

    def predict(self, batch: pa.RecordBatch, call: Call = Call()) -> pa.RecordBatch:
        assert not self.closed
        if self._fails_at is not None and self._fails_at in batch.column("n").to_pylist():
            raise ModelFailed(f"cannot double {self._fails_at}")
        return pa.record_batch({"prediction": pc.multiply(batch.column("n"), 2)})

    def close(self) -> None:
        self.closed = True


class Named(Doubler):
    """Fails on a call whose id is not that of the chunk: its numbers are those of their place."""

    def __init__(self, run: str) -> None:
        super().__init__()
        self._run = run

    def predict(self, batch: pa.RecordBatch, call: Call = Call()) -> pa.RecordBatch:
        run, part, index = call.id.split("/")
        first = {"0": 0, "1": 1_000, "2": 1_000, "3": 1_037}[part] + 100 * int(index)
        if run != self._run or batch.column("n").to_pylist()[:1] not in ([first], []):
            raise ModelFailed(f"the call `{call.id}` is not of the chunk from {first} on")
        return super().predict(batch, call)


@dataclass(frozen=True, slots=True)
class Kept:
    """A writer that keeps what it is given, as a file for each chunk."""

    folder: Path

    def write(self, chunk: Chunk, answer: pa.RecordBatch) -> tuple[Written, int]:
        file = self.folder / f"{chunk.part}-{chunk.index}.json"
        file.write_text(json.dumps(answer.column("prediction").to_pylist()), encoding="utf-8")
        return Written(file.name, answer.num_rows, ""), len(chunk.faults)

    @property
    def rows(self) -> dict[tuple[int, int], list[int]]:
        """The predictions by part and index."""
        found = {tuple(map(int, file.stem.split("-"))): file for file in self.folder.iterdir()}
        return {(part, index): json.loads(file.read_text("utf-8")) for (part, index), file in found.items()}


class Sum:
    """Counts rows and adds up predictions, and remembers in which order it was merged."""

    format = "muster.sum/1"

    def __init__(self) -> None:
        self.rows = 0
        self.sum = 0
        self.order: list[int] = []
        self.numbers: list[tuple[int, int]] = []

    def update(self, rows: Rows, answer: pa.RecordBatch | None = None) -> None:
        self.rows += rows.batch.num_rows
        self.numbers += [(rows.file, n) for n in rows.numbers().tolist()]
        values = (answer.column("prediction") if answer is not None else rows.batch.column("n")).to_pylist()
        self.sum += sum(values)
        self.order += values[:1]

    def merge(self, other: Self) -> None:
        self.rows += other.rows
        self.sum += other.sum
        self.order += other.order
        self.numbers += other.numbers

    def encode(self) -> bytes:
        return json.dumps([self.rows, self.sum, self.order, self.numbers]).encode()

    @classmethod
    def decode(cls, data: bytes) -> Self:
        found = cls()
        found.rows, found.sum, found.order, numbers = json.loads(data)
        found.numbers = [(file, number) for file, number in numbers]
        return found

    def figures(self) -> dict[str, Json]:
        return {"rows": self.rows, "sum": self.sum}


def _doubler(fails_at: int | None = None) -> Predictor:
    return Doubler(fails_at)


def _raise(error: Exception) -> Predictor:
    raise error


def _sum() -> Profile:
    return Sum()


class RunnerSuite:
    """Subclass it with a fixture `runner`."""

    @pytest.fixture
    def runner(self) -> Runner:
        raise TypeError("give a fixture `runner`")

    @pytest.fixture
    def parts(self) -> list[Part]:
        return [Numbers(0, 0, 1_000), Numbers(1, 1_000, 0), Numbers(2, 1_000, 37), Numbers(3, 1_037, 2_500)]

    @pytest.fixture
    def writer(self, tmp_path: Path) -> Kept:
        (tmp_path / "kept").mkdir()
        return Kept(tmp_path / "kept")

    def test_map_predicts_every_row_once(self, runner: Runner, parts: list[Part], writer: Kept) -> None:
        done = list(runner.map(parts, _doubler, writer, plan=Plan(rows=100)))
        assert sum(d.length for d in done) == 3_537
        assert len({(d.part, d.index) for d in done}) == len(done) == 10 + 1 + 1 + 25
        assert [n for _, rows in sorted(writer.rows.items()) for n in rows] == [2 * n for n in range(3_537)]
        assert {d.part for d in done if d.last} == {0, 1, 2, 3}
        assert all({"read", "predict", "write"} <= set(d.timings) for d in done)

    def test_map_leaves_out_what_is_done(self, runner: Runner, parts: list[Part], writer: Kept) -> None:
        plan = Plan(rows=100, done=frozenset({(0, 0), (0, 3), (2, 0)}), finished=frozenset({2}))
        keys = {(d.part, d.index) for d in runner.map(parts, _doubler, writer, plan=plan)}
        assert keys == {(0, i) for i in range(10) if i not in (0, 3)} | {(1, 0)} | {(3, i) for i in range(25)}
        assert set(writer.rows) == keys

    def test_map_measures_in_the_same_pass(self, runner: Runner, parts: list[Part], writer: Kept) -> None:
        done = list(runner.map(parts, _doubler, writer, _sum, plan=Plan(rows=100)))
        assert sum(int(str(d.profile.figures()["sum"])) for d in done if d.profile is not None) == 2 * sum(range(3_537))

    def test_faults_are_passed_on_with_their_rows(self, runner: Runner, writer: Kept) -> None:
        done = list(runner.map([Numbers(0, 0, 100, faulty=10)], _doubler, writer, plan=Plan(rows=30)))
        assert sum(d.rejected for d in done) == 10
        assert sum(d.length for d in done) == 100

    def test_the_first_error_ends_all_and_is_raised(self, runner: Runner, parts: list[Part], writer: Kept) -> None:
        with pytest.raises(ModelFailed, match="cannot double 2000"):
            list(runner.map(parts, partial(_doubler, 2_000), writer, plan=Plan(rows=100)))

    def test_cancelling_ends_the_work(self, runner: Runner, writer: Kept) -> None:
        seen: list[int] = []
        call = Call(cancelled=lambda: len(seen) >= 3)
        with pytest.raises(RunCancelled):
            for done in runner.map([Numbers(0, 0, 10_000_000)], _doubler, writer, plan=Plan(rows=100, call=call)):
                seen.append(done.index)  # noqa: PERF401  # its length is asked while it grows
        assert len(seen) < 100_000

    def test_closing_the_iterator_ends_the_work(self, runner: Runner, writer: Kept) -> None:
        before = threading.active_count()
        work = runner.map([Numbers(0, 0, 10_000_000)], _doubler, writer, plan=Plan(rows=100))
        next(work)
        work.close()
        assert threading.active_count() <= before

    def test_no_parts_is_no_work(self, runner: Runner, writer: Kept) -> None:
        assert list(runner.map([], _doubler, writer, plan=Plan(rows=100))) == []
        assert runner.reduce([], _sum, plan=Plan(rows=100)).figures() == {"rows": 0, "sum": 0}

    def test_reduce_merges_in_the_order_of_the_rows(self, runner: Runner, parts: list[Part]) -> None:
        total = runner.reduce(parts, _sum, _doubler, plan=Plan(rows=100))
        assert isinstance(total, Sum)
        assert (total.rows, total.sum) == (3_537, 2 * sum(range(3_537)))
        assert total.order == sorted(total.order)

    def test_an_error_is_raised_as_it_is(self, runner: Runner, parts: list[Part], writer: Kept) -> None:
        error = ModelFailed("it failed", hint="mend it", details={"rows": [1, 2], "why": {"a": None}})
        for work in (
            lambda: list(runner.map(parts, partial(_raise, error), writer, plan=Plan(rows=100))),
            lambda: runner.reduce(parts, _sum, partial(_raise, error), plan=Plan(rows=100)),
        ):
            with pytest.raises(ModelFailed) as raised:
                work()
            told = raised.value
            assert (type(told), told.message, told.hint, told.details) == (
                type(error),
                error.message,
                error.hint,
                error.details,
            )

    def test_each_call_says_of_which_chunk_it_is(self, runner: Runner, parts: list[Part], writer: Kept) -> None:
        plan = Plan(rows=100, call=Call(id="run"))
        for work in (
            lambda: runner.reduce(parts, _sum, partial(Named, "run"), plan=plan),
            lambda: list(runner.map(parts, partial(Named, "run"), writer, plan=plan)),
        ):
            work()  # a call of another id raises

    def test_reduce_leaves_out_what_is_done_and_nothing_else(self, runner: Runner, parts: list[Part]) -> None:
        plan = Plan(rows=100, done=frozenset({(0, 0), (0, 9), (3, 4)}), finished=frozenset({1, 2}))
        total = runner.reduce(parts, _sum, plan=plan)
        everything = runner.reduce(parts, _sum, plan=Plan(rows=100))
        assert isinstance(total, Sum)
        assert isinstance(everything, Sum)
        left_out = [
            c.batch for p in parts for c in p.chunks(100) if (p.index, c.index) in plan.done or p.index in (1, 2)
        ]
        assert everything.rows - total.rows == sum(b.num_rows for b in left_out)
        assert total.order == [n for n in everything.order if n not in {b["n"][0].as_py() for b in left_out if len(b)}]

    def test_a_profile_knows_each_row_by_its_file_and_its_number_there(self, runner: Runner) -> None:
        """However the dataset is cut, and with rows that cannot be read."""
        whole = [Numbers(0, 0, 50, faulty=7, file="a"), Numbers(1, 50, 30, file="b")]
        cut = [
            Numbers(0, 0, 20, faulty=7, file="a"),
            Numbers(1, 20, 30, faulty=7, file="a", offset=20),
            Numbers(2, 50, 30, file="b"),
        ]
        expected = [(0, n) for n in range(50) if n % 7] + [(1, n) for n in range(30)]
        for parts, rows in ((whole, 100), (whole, 9), (cut, 9)):
            total = runner.reduce(parts, _sum, plan=Plan(rows=rows))
            assert isinstance(total, Sum)
            assert total.numbers == expected

    def test_reduce_without_a_model_and_with_a_watcher(self, runner: Runner, parts: list[Part]) -> None:
        seen: list[int] = []
        total = runner.reduce(parts, _sum, plan=Plan(rows=100), watch=seen.append)
        assert total.figures()["sum"] == sum(range(3_537))
        assert sum(seen) == 3_537
