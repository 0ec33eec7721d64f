"""Databases as they are met: what a URL may hold, queries that write, keys, types, and what is not there."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import adbc_driver_postgresql.dbapi
import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.datasets.options import joined, split_options
from muster.datasets.sql import SqlDataset, SqlTables
from muster.datasets.sql_sink import SqlSinks
from muster.datasets.sql_source import source
from muster.errors import Conflict, DatasetError, DatasetNotFound, InvalidInput, MusterError
from muster.testing.dataset import OTHER_RUN, RUN, sent


def opened(uri: str, **options: str) -> SqlDataset:
    return SqlTables().open(uri, options)


def rows_of(dataset: SqlDataset, rows: int = 1_000) -> list[dict[str, Any]]:
    return [row for part in dataset.parts(rows) for chunk in part.chunks(rows) for row in chunk.batch.to_pylist()]


@pytest.fixture
def lite(tmp_path: Path) -> str:
    """Ten rows, whose key leaves gaps."""
    with sqlite3.connect(tmp_path / "x.db") as connection:
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, x REAL, n, day DATE, yes BOOLEAN)")
        rows = [(i * i, f"n{i % 3}", i / 2, i, f"2024-02-{i + 1:02}", i % 2) for i in range(10)]
        connection.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?, ?)", rows)
    connection.close()
    return f"sqlite:///{tmp_path}/x.db"


def change(uri: str, *statements: str) -> None:
    connection = sqlite3.connect(uri.removeprefix("sqlite:///"))
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


@pytest.fixture
def server(postgres_database: str) -> str:
    with adbc_driver_postgresql.dbapi.connect(postgres_database) as connection, connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE t (id integer PRIMARY KEY, price numeric(10, 2), free numeric, at timestamptz, code uuid, doc json)"
        )
        cursor.execute(
            "INSERT INTO t SELECT i, i / 100.0, i / 3.0, '2024-02-29 12:00:00+02', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{}'"
            " FROM generate_series(1, 10) i"
        )
        connection.commit()
    return postgres_database


class TestUrls:
    @pytest.mark.parametrize(
        "uri",
        [
            "postgresql://ann:hunter2@host/db?table=t",
            "postgres://ann:hunter2@host/db?query=select 1",
            "postgresql://host/db?table=t&password=hunter2",
            "postgresql://host/db?table=t&sslpassword=hunter2",
            "adbc:adbc_driver_snowflake?uri=ann:hunter2@account/db&table=t",
            "adbc:adbc_driver_snowflake?uri=snow://ann:hunter2@account/db&table=t",
            "adbc:adbc_driver_snowflake?uri=x&adbc.snowflake.sql.auth_token=hunter2&table=t",
        ],
    )
    def test_a_password_is_refused_and_not_repeated(self, uri: str, tmp_path: Path) -> None:
        for use in (opened, lambda u: SqlSinks().create(u, RUN, pa.schema([]), scratch=tmp_path)):
            with pytest.raises(InvalidInput, match="the URL holds a password") as error:
                use(uri)
            assert "hunter2" not in str(error.value)
            assert "PGPASSWORD" in error.value.hint

    @pytest.mark.parametrize(
        ("uri", "told"),
        [
            ("sqlite:///x.db", "no table is named"),
            ("sqlite:///x.db?table=t&query=select 1", "both `table` and `query` are given"),
            ("sqlite:///x.db?table=t&key=a&order=b", "both `key` and `order`"),
            ("sqlite:///x.db?tabel=t", "sqlite has no option `tabel`; did you mean `table`.*no table is named"),
            ("sqlite:///x.db?table=t&mode=append", "there is no option `mode` here"),
            ("sqlite:///?table=t", "names no file"),
            ("sqlite:///:memory:?table=t", "names no file"),
            ("sqlite:///x.db?table=a..b", "`table=a..b` names no table"),
            ("sql:prod?table=t", "is no database that Muster reads by its URL"),
            ("adbc:../x?table=t", "is no driver"),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, uri: str, told: str) -> None:
        with pytest.raises(InvalidInput, match=told):
            opened(uri)

    @given(st.text(min_size=1), st.text(min_size=1))
    def test_a_url_that_was_written_is_read_as_it_was(self, table: str, order: str) -> None:
        options = {"table": table, "order": order}
        assert split_options(joined("sqlite:///x.db", options)) == ("sqlite:///x.db", options)

    def test_what_a_query_names_stays_when_it_is_stored(self, lite: str) -> None:
        query = "select id, name || '&%26?x=1' as w from t where x > 1 and n % 2 = 0"
        dataset = opened(joined(lite, {"query": query}))
        assert rows_of(opened(dataset.uri)) == rows_of(sent(dataset)) == rows_of(dataset) != []


class TestQueriesThatWrite:
    WRITES = (
        "delete from t",
        "insert into t values (1)",
        "drop table t",
        "select 1; delete from t",
        "select ';'; delete from t",
        "/* select */ delete from t",
        "-- select\ndelete from t",
        "with x as (select 1) delete from t",
        "with x as (select 1), y as ( delete from t returning id) select * from y",
        "select 1) as x; delete from t; --",
        "select * from t) as x; delete from t; --",
        "copy t to '/tmp/never.csv'",
        "pragma writable_schema = 1",
        "attach '/tmp/never.db' as y",
        "create table y as select * from t",
        "",
        ";",
    )

    @pytest.mark.parametrize("query", WRITES)
    def test_none_is_run(self, query: str, lite: str, server: str, tmp_path: Path) -> None:
        base = f"duckdb:///{tmp_path}/d.db"
        with duckdb.connect(f"{tmp_path}/d.db") as connection:
            connection.execute("CREATE TABLE t AS SELECT range AS id FROM range(10)")
        for uri in (lite, base, server):
            with pytest.raises(MusterError):
                opened(uri, query=query)
            assert opened(uri, table="t").rows() == 10

    @pytest.mark.parametrize(
        "query",
        [
            "select id, ';' as a, 'delete from t' as b from t -- ; delete",
            'select id, "name" as "update" from t /* ; insert */;',
            "  WITH x AS (SELECT id FROM t) SELECT * FROM x",
            "(select id from t)",
            "values (1), (2)",
        ],
    )
    def test_those_that_read_are(self, query: str, lite: str) -> None:
        assert rows_of(opened(lite, query=query))

    @pytest.mark.parametrize(
        ("query", "told"),
        [
            (
                "select * from t for update",
                "the query writes: cannot execute SELECT FOR UPDATE in a read-only transaction",
            ),
            ("select nextval('s')", r"the query writes: cannot execute nextval\(\) in a read-only transaction"),
            (
                "select set_config('transaction_read_only', 'off', true)",
                "transaction read-write mode must be set before any query",
            ),
            ("select make()", "the query writes: cannot execute INSERT in a read-only transaction"),
        ],
    )
    def test_what_the_text_does_not_tell_the_server_refuses(self, query: str, told: str, server: str) -> None:
        with adbc_driver_postgresql.dbapi.connect(server) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE SEQUENCE s")
            cursor.execute(
                "CREATE FUNCTION make() RETURNS integer LANGUAGE sql AS 'INSERT INTO t (id) VALUES (99) RETURNING id'"
            )
            connection.commit()
        with pytest.raises(MusterError, match=told):
            rows_of(opened(server, query=query))
        assert opened(server, table="t").rows() == 10

    def test_sqlite_refuses_functions_that_touch_files(self, lite: str) -> None:
        with pytest.raises(InvalidInput, match="not authorized to use function: load_extension"):
            opened(lite, query="select load_extension('x')")


class TestOrder:
    def test_parts_are_ranges_of_the_key(self, lite: str) -> None:
        parts = opened(lite, table="t").parts(3)
        assert [(p.rows, p.offset) for p in parts] == [(3, 0), (3, 3), (3, 6), (1, 9)]
        assert [[c.batch["id"].to_pylist() for c in p.chunks(3)] for p in parts] == [
            [[0, 1, 4]],
            [[9, 16, 25]],
            [[36, 49, 64]],
            [[81]],
        ]

    def test_without_a_key_all_columns_give_the_order(self, lite: str) -> None:
        dataset = opened(lite, query="select name, n from t")
        assert len(dataset.parts(3)) == 1
        found = [(r["name"], r["n"]) for r in rows_of(dataset)]
        assert found == sorted(found)

    def test_a_table_without_a_key_is_read_in_parts_all_the_same(self, lite: str) -> None:
        change(lite, "CREATE TABLE u (a TEXT)", *[f"INSERT INTO u VALUES ('{c}')" for c in "zbxay"])
        dataset = opened(lite, table="u")
        assert len(dataset.parts(2)) == 3
        assert [r["a"] for r in rows_of(dataset, 2)] == list("zbxay")

    def test_a_primary_key_of_several_columns_gives_an_order(self, lite: str) -> None:
        change(
            lite,
            "CREATE TABLE u (a TEXT, b INTEGER, PRIMARY KEY (b, a)) WITHOUT ROWID",
            "INSERT INTO u VALUES ('x', 2), ('y', 1), ('a', 2)",
        )
        assert [tuple(r.values()) for r in rows_of(opened(lite, table="u"))] == [("y", 1), ("a", 2), ("x", 2)]

    @pytest.mark.parametrize(
        ("options", "told"),
        [
            ({"key": "nmae"}, "has no column `nmae`; did you mean `name`"),
            ({"order": "name,dya"}, "has no column `dya`; did you mean `day`"),
            ({"key": "name"}, "the key `name` is string, not a whole number"),
            ({"order": "name"}, "several rows have the same `name`"),
        ],
    )
    def test_a_key_that_is_none_is_refused(self, options: dict[str, str], told: str, lite: str) -> None:
        with pytest.raises(MusterError, match=told):
            opened(lite, table="t", **options)

    def test_a_key_with_nulls_would_lose_rows(self, lite: str) -> None:
        change(lite, "CREATE TABLE u (k INTEGER)", "INSERT INTO u VALUES (1), (NULL), (2)")
        with pytest.raises(DatasetError, match="`k` is null in 1 rows"):
            opened(lite, table="u", key="k")

    def test_a_key_of_text_in_a_column_of_numbers(self, lite: str) -> None:
        change(lite, "CREATE TABLE u (k INTEGER)", "INSERT INTO u VALUES (1), ('x'), (2)")
        with pytest.raises(DatasetError, match="holds values that are no whole numbers"):
            opened(lite, table="u", key="k").parts(1)

    def test_a_type_without_order_asks_for_one(self, server: str) -> None:
        with pytest.raises(DatasetError, match="a column that has no order") as error:
            rows_of(opened(server, query="select doc from t"))
        assert "order=a,b" in error.value.hint


class TestContent:
    def test_values_that_are_not_of_their_column_are_faults_of_their_row(self, lite: str) -> None:
        change(
            lite,
            "UPDATE t SET x = 'many' WHERE id = 4",
            "UPDATE t SET day = 'soon' WHERE id = 9",
            "UPDATE t SET yes = 7 WHERE id = 16",
            "UPDATE t SET x = 2 WHERE id = 25",
        )
        (part,) = opened(lite, table="t").parts(100)
        (chunk,) = part.chunks(100)
        assert [(f.row, f.error) for f in chunk.faults] == [
            (2, "`x`: 'many' is not of the type double"),
            (3, "`day`: 'soon' is not of the type date32[day]"),
            (4, "`yes`: 7 is not of the type bool"),
        ]
        assert chunk.batch["id"].to_pylist() == [0, 1, 25, 36, 49, 64, 81]
        assert chunk.batch["x"].to_pylist()[2] == 2.0

    def test_columns_without_a_type_are_looked_at(self, lite: str) -> None:
        dataset = opened(
            lite, query="select n, x * 2 as d, case when n < 5 then n else 'x' end as mixed, null as none from t"
        )
        assert dataset.schema == pa.schema(
            [("n", pa.int64()), ("d", pa.float64()), ("mixed", pa.string()), ("none", pa.null())]
        )
        assert rows_of(dataset)[9]["mixed"] == "x"

    def test_types_of_postgresql(self, server: str) -> None:
        dataset = opened(server, table="t")
        assert [str(t) for t in dataset.schema.types] == [
            "int32",
            "decimal128(10, 2)",
            "double",
            "timestamp[us, tz=UTC]",
            "string",
            "string",
        ]
        row = rows_of(dataset)[0]
        assert (str(row["price"]), row["free"], row["at"].isoformat(), row["code"][:8]) == (
            "0.01",
            1 / 3,
            "2024-02-29T10:00:00+00:00",
            "a0eebc99",
        )

    def test_any_driver(self, lite: str) -> None:
        path = lite.removeprefix("sqlite:///")
        dataset = opened(f"adbc:adbc_driver_sqlite?uri={path}&table=t&key=id")
        assert [r["id"] for r in rows_of(dataset, 4)] == [i * i for i in range(10)]
        assert dataset.fingerprint() == opened(dataset.uri).fingerprint()

    @pytest.mark.parametrize(
        "statement",
        ["UPDATE t SET x = x + 1 WHERE id = 1", "DELETE FROM t WHERE id = 1", "INSERT INTO t (id) VALUES (-1)"],
    )
    @pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
    def test_every_change_changes_stamp_and_fingerprint(
        self, statement: str, engine: str, lite: str, request: pytest.FixtureRequest
    ) -> None:
        uri = lite if engine == "sqlite" else str(request.getfixturevalue("server"))
        dataset = opened(uri, table="t")
        before = dataset.stamp(), dataset.fingerprint()
        assert before == (dataset.stamp(), dataset.fingerprint())
        if engine == "sqlite":
            change(lite, "CREATE TABLE other (a)")
            assert before == (dataset.stamp(), dataset.fingerprint())
            change(lite, statement)
        else:
            with adbc_driver_postgresql.dbapi.connect(uri) as connection, connection.cursor() as cursor:
                cursor.execute(statement.replace("x = x + 1", "price = price + 1"))
                connection.commit()
        assert before[0] != dataset.stamp()
        assert before[1] != dataset.fingerprint()


class TestAbsent:
    def test_a_file(self, tmp_path: Path) -> None:
        for engine, name in (("sqlite", "SQLite"), ("duckdb", "DuckDB")):
            with pytest.raises(DatasetNotFound, match=f"there is no {name} database at {tmp_path}/no.db"):
                opened(f"{engine}:///{tmp_path}/no.db?table=t")
        assert not list(tmp_path.iterdir())

    def test_a_table(self, lite: str, server: str, tmp_path: Path) -> None:
        with duckdb.connect(f"{tmp_path}/d.db") as connection:
            connection.execute("CREATE TABLE t (id INTEGER)")
        for uri in (lite, server, f"duckdb:///{tmp_path}/d.db"):
            with pytest.raises(DatasetNotFound, match="has no table `tt`; did you mean `t`"):
                opened(uri, table="tt")

    def test_a_database_and_a_server(self, server: str) -> None:
        gone = server.replace("/muster_", "/no_muster_")
        with pytest.raises(DatasetNotFound, match=r'database "no_muster_.*" does not exist'):
            opened(gone, table="t")
        with pytest.raises(DatasetError, match="cannot be reached") as error:
            opened("postgresql://localhost:1/db?table=t")
        assert "PGPASSWORD" in error.value.hint

    def test_a_file_that_is_no_database(self, tmp_path: Path) -> None:
        (tmp_path / "x.db").write_text("hello" * 1000)
        for engine in ("sqlite", "duckdb"):
            with pytest.raises(DatasetError, match="cannot be read"):
                opened(f"{engine}:///{tmp_path}/x.db?table=t")

    @pytest.mark.parametrize(
        ("uri", "extra", "module"),
        [("duckdb:///x?table=t", "duckdb", "duckdb"), ("postgresql://h/d?table=t", "sql", "adbc_driver_postgresql")],
    )
    def test_a_library(self, uri: str, extra: str, module: str) -> None:
        program = f"""
import sys
sys.modules[{module!r}] = None
from muster.datasets.sql import SqlTables
from muster.errors import MissingExtra
try:
    SqlTables().open({uri!r}, {{}})
except MissingExtra as error:
    print(error.hint)
"""
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert done.stdout == f"install it with `pip install 'muster-ml[{extra}]'`\n"


class TestSinks:
    SCHEMA = pa.schema([("n", pa.int64()), ("label", pa.string())])

    def sink(self, uri: str, tmp_path: Path, run: str = RUN, **options: Any) -> Any:
        return SqlSinks().create(uri, run, options.pop("schema", self.SCHEMA), scratch=tmp_path / "scratch", **options)

    def write(self, sink: Any, *rows: tuple[int, str]) -> None:
        sink.begin()
        table = pa.table({"n": [n for n, _ in rows], "label": [label for _, label in rows]}, schema=self.SCHEMA)
        sink.write(0, 0, table, [{"row": 5, "file": "f", "stage": "read", "error": "e", "values": {}}])

    def test_a_transaction_that_fails_leaves_all_as_it_was(self, lite: str, tmp_path: Path) -> None:
        change(lite, "CREATE TABLE out (n INTEGER UNIQUE, label TEXT)", "INSERT INTO out VALUES (2, 'old')")
        sink = self.sink(f"{lite}?table=out&mode=append", tmp_path)
        self.write(sink, (1, "a"), (2, "b"))
        with pytest.raises(DatasetError, match="UNIQUE constraint failed"):
            sink.commit([(0, 0)], {}, {0: 0})
        assert not sink.committed()
        assert [r["label"] for r in rows_of(opened(lite, table="out"))] == ["old"]
        change(lite, "DELETE FROM out")
        sink.commit([(0, 0)], {}, {0: 0})
        assert [r["label"] for r in rows_of(opened(lite, table="out"))] == ["a", "b"]

    def test_a_commit_that_was_made_but_not_recorded_is_made_once(self, lite: str, server: str, tmp_path: Path) -> None:
        for base in (lite, server):
            sink = self.sink(f"{joined(base, {'table': 'out'})}&mode=append", tmp_path)
            self.write(sink, (1, "a"))
            staged = {p: p.read_bytes() for p in sink.staging.rglob("*") if p.is_file()}
            sink.commit([(0, 0)], {"rows": 1}, {0: 0})
            for path, content in staged.items():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            Path(sink.rejects).unlink()
            again = sent(sink)
            assert not again.committed()
            again.begin()
            again.commit([(0, 0)], {}, {0: 0})
            assert again.committed()
            assert Path(again.rejects).exists()
            assert opened(base, table="out").rows() == 1
            (noted,) = rows_of(opened(base, table="muster_outputs"))
            assert (noted["run"], noted["name"]) == (RUN, "out")

    def test_appending_adds(self, server: str, tmp_path: Path) -> None:
        for run, row in ((RUN, (1, "a")), (OTHER_RUN, (2, "b"))):
            sink = self.sink(f"{joined(server, {'table': 'out'})}&mode=append", tmp_path, run)
            self.write(sink, row)
            sink.commit([(0, 0)], {}, {0: 0})
        assert rows_of(opened(server, table="out", key="n")) == [{"n": 1, "label": "a"}, {"n": 2, "label": "b"}]

    @pytest.mark.parametrize(
        ("options", "given", "told"),
        [
            ("", {}, "table `t` of .* exists already"),
            ("&mode=append", {}, "cannot be added to: it has no column `label`"),
            ("", {"overwrite": True, "inputs": ["{uri}?table=t"]}, "is the input"),
            ("", {"schema": pa.schema([("d", pa.duration("s"))])}, "`d` is duration"),
        ],
    )
    def test_what_stands_in_the_way_is_told_before(
        self, options: str, given: dict[str, Any], told: str, lite: str, tmp_path: Path
    ) -> None:
        given = {**given, "inputs": [u.format(uri=lite) for u in given.get("inputs", [])]}
        with pytest.raises((Conflict, DatasetError), match=told):
            self.sink(f"{lite}?table=t{options}", tmp_path, **given).check()

    def test_rights_and_names_are_told_before(self, server: str, tmp_path: Path) -> None:
        with pytest.raises(DatasetError, match="there is no schema `nowhere`"):
            self.sink(joined(server, {"table": "nowhere.t"}), tmp_path).check()
        with pytest.raises(DatasetError, match="no names of more than 63 bytes"):
            self.sink(joined(server, {"table": "out"}), tmp_path, schema=pa.schema([("x" * 64, pa.int8())])).check()

    def test_nothing_is_written_through_any_driver(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidInput, match="nothing is written to adbc:adbc_driver_sqlite"):
            self.sink("adbc:adbc_driver_sqlite?uri=x.db&table=t", tmp_path)


def test_the_key_of_a_source_is_part_of_its_name() -> None:
    assert source("sqlite:////x.db?table=t&key=id", {}, ("table", "key")).uri == "sqlite:////x.db?table=t&key=id"
