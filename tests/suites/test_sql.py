"""The suites of datasets and sinks over databases."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from muster.dataset import Dataset, Sink
from muster.datasets.options import joined
from muster.datasets.sql import SqlTables
from muster.datasets.sql_sink import SqlSinks
from muster.datasets.sql_source import ENGINES
from muster.testing.dataset import RUN, DatasetSuite, SinkSuite
from tests import postgres

_numbers = itertools.count()


@pytest.fixture(scope="module")
def postgres_database(postgres_server: str) -> Iterator[str]:
    with postgres.database(postgres_server) as url:
        yield url


def a_file(engine: str) -> Callable[[Path, Any], str]:
    return lambda folder, _request: f"{engine}:///{folder}/data{next(_numbers)}.db"


DATABASES: dict[str, Callable[[Path, pytest.FixtureRequest], str]] = {
    "sqlite": a_file("sqlite"),
    "duckdb": a_file("duckdb"),
    "postgresql": lambda _, request: str(request.getfixturevalue("postgres_database")),
}
"""Names a database, which need not be there yet."""


def written(base: str, table: pa.Table, folder: Path) -> str:
    """The URI of a new table with these rows."""
    uri = joined(base, {"table": f"t{next(_numbers)}"})
    sink = SqlSinks().create(uri, f"01JD{next(_numbers):022}", table.schema, scratch=folder / "scratch")
    sink.begin()
    sink.write(0, 0, table)
    sink.commit([(0, 0)], {}, {0: 0})
    return uri


WAYS = [
    pytest.param(DATABASES[engine], options, id=f"{engine} {' '.join(options)}".strip())
    for engine, options in (
        ("sqlite", {}),
        ("sqlite", {"key": "n"}),
        ("duckdb", {}),
        ("postgresql", {"key": "n"}),
        ("postgresql", {"order": "n"}),
    )
]


@pytest.mark.parametrize(("database", "options"), WAYS)
class TestSql(DatasetSuite):
    @pytest.fixture
    def make(
        self, database: Callable[..., str], options: dict[str, str], tmp_path: Path, request: pytest.FixtureRequest
    ) -> Callable[[pa.Table], Dataset]:
        base = database(tmp_path, request)
        return lambda table: SqlTables().open(joined(written(base, table, tmp_path), options), {})


ENDS = [pytest.param(make, "", id=name) for name, make in DATABASES.items()]
ENDS += [pytest.param(DATABASES["sqlite"], "&mode=append", id="sqlite append")]


@pytest.mark.parametrize(("database", "options"), ENDS)
class TestSqlSinks(SinkSuite):
    remembers = True

    @pytest.fixture
    def uri(self, database: Callable[..., str], tmp_path: Path, request: pytest.FixtureRequest) -> str:
        return joined(database(tmp_path, request), {"table": f"out{next(_numbers)}"})

    @pytest.fixture
    def runs(self) -> dict[str, str]:
        """Runs have ids of their own also where tests share a database."""
        number = next(_numbers)
        return {RUN: f"01JE{number:022}"}

    @pytest.fixture
    def create(self, uri: str, options: str, runs: dict[str, str], tmp_path: Path) -> Callable[..., Sink]:
        def create(schema: pa.Schema, run: str = RUN, *, overwrite: bool = False) -> Sink:
            if options and (overwrite or run != RUN):
                pytest.skip("never: a table that is added to is neither refused nor replaced")
            name = runs.setdefault(run, f"01JF{next(_numbers):022}")
            return SqlSinks().create(uri + options, name, schema, overwrite=overwrite, scratch=tmp_path / "scratch")

        return create

    @pytest.fixture
    def read(self, uri: str) -> Callable[[], pa.Table | None]:
        def read() -> pa.Table | None:
            try:
                opened = SqlTables().open(joined(uri, {"order": "n"} if _has_rows(uri) else {}), {})
            except Exception:  # noqa: BLE001  # no database or no table yet
                return None
            return pa.Table.from_batches([c.batch for p in opened.parts(30) for c in p.chunks(30)])

        return read


def _has_rows(uri: str) -> bool:
    return SqlTables().open(uri, {}).rows() > 0


def test_every_engine_is_tested() -> None:
    assert set(ENGINES) - {"postgres"} == {*DATABASES, "adbc"}
