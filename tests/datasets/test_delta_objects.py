"""Delta tables in object storage: written, read, and what a run that is given up leaves there."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from muster.datasets.delta import DeltaTables
from muster.datasets.delta_sink import DeltaSinks
from muster.objects.bucket import bucket_of
from muster.objects.place import Place
from muster.testing.dataset import OTHER_RUN, RUN, table_of
from tests.clouds.fixtures import new_bucket


@pytest.fixture(params=["s3", pytest.param("az", marks=pytest.mark.deep)])
def place(request: pytest.FixtureRequest) -> str:
    return f"{new_bucket(request.param, request)}/out"


def test_a_table_is_written_and_read_in_a_bucket(place: str, tmp_path: Path) -> None:
    table = table_of(20)
    sink = DeltaSinks().create(f"delta:{place}", RUN, table.schema, scratch=tmp_path)
    sink.begin()
    sink.write(0, 0, table)
    sink.commit([(0, 0)], {}, {0: 0})
    assert sink.committed()
    sink.discard()
    opened = DeltaTables().open(f"delta:{place}", {})
    found = pa.Table.from_batches([c.batch for p in opened.parts(30) for c in p.chunks(30)])
    assert found.select(["n", "text"]).equals(table.select(["n", "text"]))


def test_a_run_that_is_given_up_takes_its_own_files_along(place: str, tmp_path: Path) -> None:
    bucket = bucket_of(Place.parse(place))
    for run in (RUN, OTHER_RUN):
        bucket.put(f"out/part-{run}-000000.parquet", b"put before the log was written")
    DeltaSinks().create(f"delta:{place}", RUN, table_of(1).schema, scratch=tmp_path).discard()
    assert [e.place.key for e in bucket.list("out/")] == [f"out/part-{OTHER_RUN}-000000.parquet"]
