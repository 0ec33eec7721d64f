"""Delta tables as they are met: old versions, deleted rows, partitions, mapped names, and what cannot be read."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from muster.datasets.delta import DeltaDataset, DeltaTables
from muster.datasets.delta_sink import DeltaSinks
from muster.datasets.table import Files
from muster.errors import Conflict, DatasetError, DatasetNotFound, InvalidInput
from muster.testing.dataset import OTHER_RUN, RUN, sent
from tests.clouds.fixtures import new_bucket
from tests.datasets import delta_tables


def opened(place: Path, options: str = "") -> DeltaDataset:
    return DeltaTables().open(f"delta:{place}{options}", {})


def rows_of(dataset: DeltaDataset, rows: int = 1_000) -> list[dict[str, Any]]:
    return [row for part in dataset.parts(rows) for chunk in part.chunks(rows) for row in chunk.batch.to_pylist()]


def numbers(*values: int) -> pa.Table:
    return pa.table({"n": pa.array(values, pa.int64())})


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for n in (1, 2, 3):
        write_deltalake(tmp_path / "t", numbers(n), mode="overwrite")
    return tmp_path / "t"


class TestVersions:
    def test_the_latest_is_read_unless_another_is_named(self, place: Path) -> None:
        assert rows_of(opened(place)) == [{"n": 3}]
        assert rows_of(opened(place, "?version=0")) == [{"n": 1}]

    def test_the_version_stays_while_others_write(self, place: Path) -> None:
        dataset = opened(place)
        write_deltalake(place, numbers(4), mode="overwrite")
        assert rows_of(dataset) == rows_of(sent(dataset)) == rows_of(DeltaTables().open(dataset.uri, {})) == [{"n": 3}]
        assert DeltaTables().open(dataset.uri, {}).fingerprint() == dataset.fingerprint() != opened(place).fingerprint()

    def test_by_time(self, place: Path) -> None:
        logged = DeltaTable(place).history()
        at = {h["version"]: dt.datetime.fromtimestamp(h["timestamp"] / 1000, dt.UTC) for h in logged}
        later = at[2] + dt.timedelta(days=1)
        assert rows_of(opened(place, f"?timestamp={later.isoformat().replace('+', '%2B')}")) == [{"n": 3}]
        assert rows_of(opened(place, f"?timestamp={later.date()}")) in ([{"n": 3}], [{"n": 1}])
        with pytest.raises(
            DatasetNotFound, match=r"no version of 2001-02-03T00:00:00.00:00: the first that its log knows is of"
        ):
            opened(place, "?timestamp=2001-02-03")

    @pytest.mark.parametrize(
        ("options", "told"),
        [
            ("?version=9", r"has no version 9 \(latest is 2\)"),
            ("?version=-1", "`version=-1` is no version"),
            ("?version=1&timestamp=2024-01-01", "both `version` and `timestamp`"),
            ("?timestamp=yesterday", "`timestamp=yesterday` is no time"),
            ("?versoin=1", "no option `versoin`; did you mean `version`"),
        ],
    )
    def test_what_cannot_be_is_refused(self, place: Path, options: str, told: str) -> None:
        with pytest.raises((DatasetNotFound, InvalidInput), match=told):
            opened(place, options)

    def test_one_that_was_vacuumed_is_told_before_any_row(self, place: Path) -> None:
        DeltaTable(place).vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
        assert rows_of(opened(place)) == [{"n": 3}]
        old = opened(place, "?version=1")
        with pytest.raises(
            DatasetError, match=r"version 1 of the Delta table .* lacks its file .*: it was vacuumed"
        ) as error:
            old.rows()
        assert error.value.details["resume"] is False


class TestContent:
    def test_deleted_rows_are_no_rows(self, tmp_path: Path) -> None:
        delta_tables.with_deletions(tmp_path / "t", numbers(*range(20)), [0, 3, 19])
        left = [{"n": n} for n in range(20) if n not in (0, 3, 19)]
        for rows in (1, 4, 17, 100):
            dataset = opened(tmp_path / "t")
            assert rows_of(dataset, rows) == left
            assert dataset.rows() == sum(p.rows for p in dataset.parts(rows)) == 17
        assert len(rows_of(opened(tmp_path / "t", "?version=0"))) == 20
        (part,) = opened(tmp_path / "t").parts(100)
        assert [c.start for c in part.chunks(5, skip=frozenset({0, 2}))] == [5, 15]

    def test_partition_columns_have_the_types_of_the_table(self, tmp_path: Path) -> None:
        days = [dt.date(2024, 2, 28), dt.date(2024, 2, 29), None]
        table = pa.table({"n": [1, 2, 3], "day": days, "p q": ["a b/ü%", "a b/ü%", None]})
        write_deltalake(tmp_path / "t t", table, partition_by=["day", "p q"])
        dataset = opened(tmp_path / "t t")
        assert dataset.schema == pa.schema([("n", pa.int64()), ("day", pa.date32()), ("p q", pa.string())])
        assert sorted(rows_of(dataset), key=lambda r: r["n"]) == table.to_pylist()
        (chunk,) = dataset.parts(9)[0].chunks(9, ["day"])
        assert chunk.batch.schema.names == ["day"]

    def test_mapped_names_and_columns_that_came_later(self, tmp_path: Path) -> None:
        delta_tables.mapped(tmp_path / "t")
        day = dt.date(2024, 2, 29)
        assert rows_of(opened(tmp_path / "t")) == [
            {"my n": 1, "s": {"in ner": 10}, "day": day, "later": None},
            {"my n": 2, "s": None, "day": day, "later": None},
            {"my n": 3, "s": {"in ner": 30}, "day": None, "later": "x"},
        ]

    def test_a_feature_to_come_is_refused_by_its_name(self, tmp_path: Path) -> None:
        delta_tables.with_features(tmp_path / "t", ["madeUpFeature"])
        with pytest.raises(DatasetError, match="madeUpFeature") as error:
            opened(tmp_path / "t")
        assert "upgrade" in error.value.hint
        delta_tables.with_features(tmp_path / "u", ["variantType"])
        with pytest.raises(DatasetError, match="needs the features variantType, which Muster does not read"):
            opened(tmp_path / "u")

    def test_no_table(self, tmp_path: Path) -> None:
        with pytest.raises(DatasetNotFound, match="there is no Delta table at"):
            opened(tmp_path / "nowhere")
        (tmp_path / "plain").mkdir()
        with pytest.raises(DatasetNotFound, match="there is no Delta table at") as error:
            opened(tmp_path / "plain")
        assert "_delta_log" in error.value.hint
        with pytest.raises(InvalidInput, match="names no table"):
            DeltaTables().open("delta:", {})


class TestSinks:
    def write(self, uri: str, table: pa.Table, run: str = RUN, *, overwrite: bool = False) -> None:
        sink = DeltaSinks().create(uri, run, table.schema, overwrite=overwrite)
        sink.begin()
        sink.write(0, 0, table)
        sink.commit([(0, 0)], {"rows": table.num_rows}, {0: 0})
        assert sink.committed()
        sink.discard()

    def test_a_commit_tells_of_its_run(self, tmp_path: Path) -> None:
        self.write(f"delta:{tmp_path}/t", numbers(1, 2))
        (entry,) = DeltaTable(tmp_path / "t").history()
        assert entry["_muster"] == {"format": "muster.output/1", "run": RUN, "rows": 2}
        assert sorted(p.name for p in tmp_path.iterdir()) == ["t"]

    def test_appending_adds_and_overwriting_keeps_the_old_version(self, tmp_path: Path) -> None:
        uri = f"delta:{tmp_path}/t"
        self.write(f"{uri}?mode=append", numbers(1, 2))
        self.write(f"{uri}?mode=append", numbers(3), OTHER_RUN)
        assert rows_of(opened(tmp_path / "t")) == [{"n": 1}, {"n": 2}, {"n": 3}]
        self.write(uri, pa.table({"other": ["x"]}), "01JD0000000000000000000002", overwrite=True)
        assert rows_of(opened(tmp_path / "t")) == [{"other": "x"}]
        assert rows_of(opened(tmp_path / "t", "?version=1")) == [{"n": 1}, {"n": 2}, {"n": 3}]
        assert DeltaTable(tmp_path / "t").version() == 2

    def test_a_commit_that_was_made_but_not_recorded_is_made_once(self, tmp_path: Path) -> None:
        """As after a kill between the commit and its rejects: staging stands as it was."""
        sink = DeltaSinks().create(f"delta:{tmp_path}/t?mode=append", RUN, numbers().schema)
        sink.begin()
        reject = {"row": 1, "file": "f", "stage": "read", "error": "e", "values": {}}
        sink.write(0, 0, numbers(1, 2), [reject])
        staged = {p: p.read_bytes() for p in sink.staging.rglob("*") if p.is_file()}
        sink.commit([(0, 0)], {}, {0: 0})
        for path, content in staged.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        Path(sink.rejects).unlink()
        again = sent(sink)
        assert not again.committed()
        again.begin()
        again.commit([(0, 0)], {}, {0: 0})
        assert again.committed()
        assert json.loads(Path(again.rejects).read_text())["row"] == 1
        assert rows_of(opened(tmp_path / "t")) == [{"n": 1}, {"n": 2}]

    def test_types_that_delta_has_not(self, tmp_path: Path) -> None:
        table = pa.table(
            {
                "u": pa.array([2**64 - 1], pa.uint64()),
                "b": pa.array([255], pa.uint8()),
                "d": pa.array(["x"]).dictionary_encode(),
                "ns": pa.array([10**18], pa.timestamp("ns")),
                "zoned": pa.array([dt.datetime(2024, 1, 1, tzinfo=dt.UTC)], pa.timestamp("s", "Europe/Berlin")),
                "fixed": pa.array([[1.0, 2.0]], pa.list_(pa.float64(), 2)),
            }
        )
        self.write(f"delta:{tmp_path}/t", table)
        (row,) = rows_of(opened(tmp_path / "t"))
        assert row == {**table.to_pylist()[0], "u": 2**64 - 1}
        sink = DeltaSinks().create(
            f"delta:{tmp_path}/u", RUN, pa.schema([("t", pa.time64("us")), ("x", pa.null()), ("X", pa.int8())])
        )
        with pytest.raises(DatasetError, match=r"`t` is time64.*`x` is null.*`x`, `X` differ only in case"):
            sink.check()

    def test_a_time_that_would_lose_something_is_refused(self, tmp_path: Path) -> None:
        table = pa.table({"t": pa.array([1], pa.timestamp("ns"))})
        sink = DeltaSinks().create(f"delta:{tmp_path}/t", RUN, table.schema)
        sink.begin()
        with pytest.raises(DatasetError, match="cannot hold a value of the output"):
            sink.write(0, 0, table)

    def test_what_stands_in_the_way_is_told_at_once(self, tmp_path: Path) -> None:
        write_deltalake(
            tmp_path / "t",
            pa.table({"n": [1], "p": ["a"]}),
            partition_by=["p"],
            configuration={"delta.appendOnly": "true"},
        )
        for options, overwrite, told in (
            ("", False, "the Delta table .*t exists already"),
            ("?mode=append", False, "is partitioned by `p`.*no column `p`.*`n` is int64 there and string here"),
            ("", True, "rows that may only be added to"),
        ):
            schema = pa.schema([("n", pa.string())])
            sink = DeltaSinks().create(f"delta:{tmp_path}/t{options}", RUN, schema, overwrite=overwrite)
            with pytest.raises((Conflict, DatasetError), match=told):
                sink.check()
            assert not sink.staging.exists()

    def test_a_table_with_constraints_is_not_written_to(self, tmp_path: Path) -> None:
        write_deltalake(tmp_path / "t", numbers(1))
        DeltaTable(tmp_path / "t").alter.add_constraint({"positive": "n > 0"})
        with pytest.raises(DatasetError, match=r"constraints \(positive\), which Muster does not follow"):
            DeltaSinks().create(f"delta:{tmp_path}/t?mode=append", RUN, numbers().schema).check()

    def test_a_folder_of_other_things_is_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "t").mkdir()
        (tmp_path / "t" / "x.txt").write_text("mine")
        with pytest.raises(Conflict, match="a folder of other things, not a Delta table"):
            DeltaSinks().create(f"delta:{tmp_path}/t", RUN, numbers().schema, overwrite=True).check()

    def test_rejects_of_a_table_that_is_added_to_keep_their_names(self, tmp_path: Path) -> None:
        sinks = [
            DeltaSinks().create(f"delta:{tmp_path}/t?mode=append", run, numbers().schema) for run in (RUN, OTHER_RUN)
        ]
        assert sinks[0].rejects != sinks[1].rejects

    def test_giving_up_takes_back_the_files_that_were_not_committed(self, tmp_path: Path) -> None:
        self.write(f"delta:{tmp_path}/t?mode=append", numbers(1))
        before = sorted((tmp_path / "t").iterdir())
        sink = DeltaSinks().create(f"delta:{tmp_path}/t?mode=append", OTHER_RUN, numbers().schema)
        sink.begin()
        sink.write(0, 0, numbers(2))
        sink._add(f"part-{OTHER_RUN}-000000.parquet", [sink.staging / "chunks" / "000000-000000.parquet"])
        sink.discard()
        assert sorted((tmp_path / "t").iterdir()) == before

    def test_files_do_not_count_as_an_input_in_the_output(self, tmp_path: Path) -> None:
        write_deltalake(tmp_path / "t", numbers(1))
        for uri, refused in ((f"{tmp_path}/t", True), (f"delta:{tmp_path}/t?version=0", False)):
            sink = DeltaSinks().create(f"delta:{tmp_path}/t", RUN, numbers().schema, overwrite=True, inputs=[uri])
            if refused:
                with pytest.raises(DatasetError, match="lies in the output"):
                    sink.check()
            else:
                sink.check()


class TestObjectStorage:
    """Not on Google's: the library reads no token that a server here could check."""

    @pytest.fixture(params=["s3", pytest.param("az", marks=pytest.mark.deep)])
    def bucket(self, request: pytest.FixtureRequest) -> str:
        return new_bucket(request.param, request)

    def test_a_table_is_written_added_to_and_read(self, bucket: str, tmp_path: Path) -> None:
        uri = f"delta:{bucket}/folder/t"
        for run, values in ((RUN, (1, 2)), (OTHER_RUN, (3,))):
            sink = DeltaSinks().create(f"{uri}?mode=append", run, numbers().schema, scratch=tmp_path)
            sink.begin()
            sink.write(0, 0, numbers(*values))
            sink.commit([(0, 0)], {}, {0: 0})
            assert sent(sink).committed()
            sink.discard()
        dataset = DeltaTables().open(uri, {})
        assert rows_of(sent(dataset)) == [{"n": 1}, {"n": 2}, {"n": 3}]
        assert dataset.uri == f"{uri}?version=1"
        assert rows_of(DeltaTables().open(f"{uri}?version=0", {})) == [{"n": 1}, {"n": 2}]
        assert not list(tmp_path.iterdir())
        with pytest.raises(Conflict, match="exists already"):
            DeltaSinks().create(uri, RUN, numbers().schema, scratch=tmp_path).check()

    def test_one_that_is_not_there(self, bucket: str) -> None:
        with pytest.raises(DatasetNotFound, match="there is no Delta table at"):
            DeltaTables().open(f"delta:{bucket}/nothing", {})


def test_a_table_is_not_taken_for_a_folder_of_parquet(tmp_path: Path) -> None:
    """Old versions' rows would be read with those of the new one."""
    write_deltalake(tmp_path / "t", numbers(1))
    with pytest.raises(DatasetError, match="is a Delta table") as error:
        Files().open(str(tmp_path / "t"), {})
    assert f"delta:{tmp_path}/t" in error.value.hint


def test_without_deltalake_one_sentence_names_the_extra() -> None:
    program = """
import sys
sys.modules["deltalake"] = None
from muster.datasets.delta import DeltaTables
from muster.errors import MissingExtra
try:
    DeltaTables().open("delta:x", {})
except MissingExtra as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n\n") == [
        "a Delta table needs an optional library",
        "hint: install it with `pip install 'muster-ml[delta]'`\n",
    ]
