"""What a statement tells of the objects it uses: all of them, named as the catalog has them."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from velaria._kernel import Connection, KernelError, Session

SETUP = (
    "CREATE TABLE t (a INTEGER PRIMARY KEY, b VARCHAR)",
    'CREATE TABLE "Mixed" (a INTEGER)',
    'CREATE TABLE "x.u" (a INTEGER)',
    "CREATE SCHEMA x",
    "CREATE TABLE x.u (a INTEGER, b VARCHAR)",
    "CREATE TABLE x.t (a INTEGER)",
    "CREATE VIEW v AS SELECT a FROM t",
    "CREATE VIEW x.w AS SELECT a FROM main.v WHERE a IN (SELECT a FROM x.u)",
    "CREATE STREAM s (a INTEGER)",
    "CREATE INDEX i ON x.u (a)",
    "CREATE TABLE covered (a INTEGER)",
    "CREATE TEMP TABLE covered (a INTEGER)",
    "CREATE TEMP VIEW tv AS SELECT a FROM covered",
    "CREATE TABLE f USING csv OPTIONS(path: 'one.csv')",
    "PREPARE p AS INSERT INTO t SELECT a, $1 FROM x.u",
    "PREPARE q (INTEGER) AS DELETE FROM x.t WHERE a = $1",
)

# Statement, then what it uses: "r" or "w", the kind, the schema and the name, with dots between.
# A file has no schema.
TABLE: list[tuple[str, str]] = [
    # queries
    ("SELECT 1", ""),
    ("VALUES (1), (2)", ""),
    ("SELECT * FROM unnest([1, 2]), generate_series(1, 2)", ""),
    ("SELECT * FROM t", "r.table.main.t"),
    ("TABLE T", "r.table.main.t"),
    ("SELECT * FROM mixed", "r.table.main.Mixed"),
    ("SELECT * FROM X.U", "r.table.x.u"),
    ('SELECT * FROM "x.u"', "r.table.main.x.u"),
    ("SELECT * FROM t AS x, x.u AS t", "r.table.main.t r.table.x.u"),
    ("SELECT (SELECT max(a) FROM x.u) FROM t", "r.table.main.t r.table.x.u"),
    (
        "SELECT a FROM t WHERE EXISTS (SELECT 1 FROM x.u WHERE u.a = t.a)",
        "r.table.main.t r.table.x.u",
    ),
    ("SELECT a FROM t WHERE NOT a IN (SELECT a FROM x.u)", "r.table.main.t r.table.x.u"),
    (
        "SELECT * FROM t, LATERAL (SELECT u.a FROM x.u WHERE u.a = t.a)",
        "r.table.main.t r.table.x.u",
    ),
    (
        "SELECT CASE WHEN a = 1 THEN (SELECT min(a) FROM x.u) END FROM t",
        "r.table.main.t r.table.x.u",
    ),
    (
        "SELECT a FROM t GROUP BY a HAVING count(*) > (SELECT min(a) FROM x.u)",
        "r.table.main.t r.table.x.u",
    ),
    (
        "SELECT a, b FROM t GROUP BY GROUPING SETS ((a), (b)) HAVING min(a) > (SELECT 0 FROM x.u)",
        "r.table.main.t r.table.x.u",
    ),
    ("SELECT a FROM t ORDER BY a + (SELECT min(a) FROM x.u)", "r.table.main.t r.table.x.u"),
    (
        "SELECT sum(a + (SELECT min(a) FROM x.u)) OVER (ORDER BY a) FROM t",
        "r.table.main.t r.table.x.u",
    ),
    (
        "SELECT a FROM t QUALIFY row_number() OVER (ORDER BY a) < (SELECT min(a) FROM x.u)",
        "r.table.main.t r.table.x.u",
    ),
    ("SELECT a FROM t UNION ALL SELECT a FROM x.u", "r.table.main.t r.table.x.u"),
    ("SELECT a FROM t EXCEPT SELECT a FROM x.t", "r.table.main.t r.table.x.t"),
    ("SELECT * FROM t JOIN x.u TABLESAMPLE 50 PERCENT USING (a)", "r.table.main.t r.table.x.u"),
    # common tables: a name of the statement's own is no use, what it stands for is one
    ("WITH t AS (SELECT * FROM x.u) SELECT * FROM t", "r.table.x.u"),
    ("WITH unused AS (SELECT * FROM x.u) SELECT 1", "r.table.x.u"),
    (
        "WITH RECURSIVE r AS (SELECT a FROM t UNION ALL SELECT r.a + 1 FROM r, x.u WHERE r.a < 3) "
        "SELECT * FROM r",
        "r.table.main.t r.table.x.u",
    ),
    # views
    ("SELECT * FROM v", "r.view.main.v r.table.main.t"),
    ("SELECT * FROM x.w", "r.view.x.w r.view.main.v r.table.main.t r.table.x.u"),
    ("WITH t AS (SELECT 1 AS a) SELECT * FROM t, v", "r.view.main.v r.table.main.t"),
    # temporary objects before those of the same name
    ("SELECT * FROM covered", "r.temporary.temp.covered"),
    ("SELECT * FROM main.covered", "r.table.main.covered"),
    ("SELECT * FROM tv", "r.temporary.temp.tv r.temporary.temp.covered"),
    ("INSERT INTO covered VALUES (1)", "w.temporary.temp.covered"),
    # streams, system tables, files
    ("SELECT * FROM s", "r.stream.main.s"),
    ("SELECT * FROM system.tables", "r.system.system.tables"),
    ("SELECT * FROM Information_Schema.Columns", "r.system.information_schema.columns"),
    ("SELECT * FROM 'one.csv'", "r.file.one.csv"),
    ("SELECT * FROM '*.csv'", "r.file.*.csv"),
    ("SELECT * FROM read_csv(['one.csv', 'two.csv'])", "r.file.one.csv r.file.two.csv"),
    ("SELECT * FROM read_csv('o' || 'ne.csv')", "r.file.one.csv"),
    ("SELECT * FROM f", "r.table.main.f"),
    # INSERT
    ("INSERT INTO t VALUES (1, 'x')", "w.table.main.t"),
    ("INSERT INTO t DEFAULT VALUES", "w.table.main.t"),
    ("INSERT INTO t VALUES ((SELECT max(a) FROM x.u), 'x')", "w.table.main.t r.table.x.u"),
    ("INSERT INTO x.u SELECT * FROM t", "w.table.x.u r.table.main.t"),
    ("INSERT INTO t WITH c AS (SELECT * FROM x.u) SELECT * FROM c", "w.table.main.t r.table.x.u"),
    ("INSERT INTO t SELECT a, b FROM t", "w.table.main.t r.table.main.t"),
    ("INSERT INTO s VALUES (1)", "w.stream.main.s"),
    ("INSERT INTO x.t SELECT a FROM s", "w.table.x.t r.stream.main.s"),
    ("INSERT INTO t VALUES (1, 'x') RETURNING a", "w.table.main.t r.table.main.t"),
    ("INSERT INTO t VALUES (1, 'x') ON CONFLICT DO NOTHING", "w.table.main.t"),
    (
        "INSERT INTO t SELECT a, b FROM x.u ON CONFLICT (a) DO UPDATE SET b = t.b || excluded.b",
        "w.table.main.t r.table.main.t r.table.x.u",
    ),
    # UPDATE and DELETE
    ("UPDATE t SET b = 'x'", "w.table.main.t r.table.main.t"),
    ("UPDATE X.U SET b = 'x' WHERE a = 1", "w.table.x.u r.table.x.u"),
    (
        "UPDATE t SET b = (SELECT max(b) FROM x.u) WHERE a = 1",
        "w.table.main.t r.table.main.t r.table.x.u",
    ),
    ("UPDATE t SET b = u.b FROM x.u WHERE u.a = t.a", "w.table.main.t r.table.main.t r.table.x.u"),
    ("UPDATE t SET b = 'x' RETURNING a", "w.table.main.t r.table.main.t"),
    (
        "WITH c AS (SELECT a FROM v) UPDATE x.t SET a = 1 WHERE a IN (SELECT a FROM c)",
        "w.table.x.t r.table.x.t r.view.main.v r.table.main.t",
    ),
    ("DELETE FROM covered", "w.temporary.temp.covered r.temporary.temp.covered"),
    (
        "DELETE FROM t WHERE a IN (SELECT a FROM x.w)",
        "w.table.main.t r.table.main.t r.view.x.w r.view.main.v r.table.x.u",
    ),
    (
        "DELETE FROM t USING x.u WHERE u.a = t.a RETURNING t.a",
        "w.table.main.t r.table.main.t r.table.x.u",
    ),
    ("TRUNCATE x.u", "w.table.x.u"),
    # what looks at a statement or a name
    ("EXPLAIN SELECT * FROM v", "r.view.main.v r.table.main.t"),
    ("EXPLAIN DELETE FROM x.t", "w.table.x.t r.table.x.t"),
    ("EXPLAIN ANALYZE INSERT INTO t SELECT * FROM x.u", "w.table.main.t r.table.x.u"),
    ("EXPLAIN ANALYZE UPDATE x.t SET a = 1", "w.table.x.t r.table.x.t"),
    ("EXPLAIN (ANALYZE, FORMAT JSON) CREATE TABLE n AS TABLE t", "w.table.main.n r.table.main.t"),
    ("EXPLAIN ANALYZE EXECUTE q(1)", "w.table.x.t r.table.x.t"),
    ("DESCRIBE t", "r.table.main.t"),
    ("DESCRIBE v", "r.view.main.v"),
    ("DESCRIBE system.tables", "r.system.system.tables"),
    ("DESCRIBE SELECT * FROM v", "r.view.main.v r.table.main.t"),
    ("DESCRIBE 'one.csv'", "r.file.one.csv"),
    ("SHOW COLUMNS FROM x.u", "r.table.x.u"),
    ("SHOW TABLES", "r.system.system.tables"),
    ("SHOW TABLES FROM X", "r.schema.x.x r.system.system.tables"),
    ("SHOW INDEXES", "r.system.system.indexes"),
    ("SHOW SCHEMAS", "r.system.information_schema.schemata"),
    ("SHOW ALL", "r.system.system.settings"),
    ("SHOW schema", ""),
    ("SUMMARIZE x.u", "r.table.x.u"),
    ("SUMMARIZE v", "r.view.main.v r.table.main.t"),
    ("SUMMARIZE SELECT * FROM x.t", "r.table.x.t"),
    # names
    ("CREATE TABLE n (a INTEGER DEFAULT 1 CHECK (a > 0))", "w.table.main.n"),
    ("CREATE TABLE IF NOT EXISTS T (a INTEGER)", "w.table.main.t"),
    ("CREATE OR REPLACE TABLE mixed (a INTEGER)", "w.table.main.Mixed w.table.main.mixed"),
    ("CREATE TABLE X.n AS SELECT * FROM t", "w.table.x.n r.table.main.t"),
    ("CREATE TEMP TABLE n AS SELECT * FROM x.u", "w.temporary.temp.n r.table.x.u"),
    ("CREATE TABLE temp.n (a INTEGER)", "w.temporary.temp.n"),
    ("CREATE TABLE n USING csv OPTIONS(path: 'one.csv')", "w.table.main.n r.file.one.csv"),
    ("CREATE VIEW n AS SELECT * FROM v", "w.view.main.n r.view.main.v r.table.main.t"),
    ("CREATE OR REPLACE VIEW v AS SELECT a FROM x.u", "w.view.main.v r.table.x.u"),
    ("CREATE TEMP VIEW n AS SELECT a FROM covered", "w.temporary.temp.n r.temporary.temp.covered"),
    ("CREATE STREAM n (a INTEGER)", "w.stream.main.n"),
    ("CREATE SCHEMA N", "w.schema.n.n"),
    ("CREATE UNIQUE INDEX n ON x.t (a)", "w.table.x.t"),
    ("DROP TABLE t, x.u", "w.table.main.t w.table.x.u"),
    ("DROP TABLE IF EXISTS gone, x.Gone", "w.table.main.gone w.table.x.gone"),
    ("DROP TABLE covered", "w.temporary.temp.covered"),
    ("DROP VIEW x.w", "w.view.x.w"),
    ("DROP STREAM s", "w.stream.main.s"),
    ("DROP INDEX x.i", "w.table.x.u"),
    ("DROP SCHEMA X CASCADE", "w.schema.x.x"),
    ("ALTER TABLE x.u ADD COLUMN c INTEGER", "w.table.x.u"),
    ("ALTER TABLE x.u RENAME TO n", "w.table.x.u w.table.x.n"),
    ("ALTER TABLE x.u RENAME COLUMN a TO c", "w.table.x.u"),
    ("ALTER TABLE covered ALTER COLUMN a SET DEFAULT 1", "w.temporary.temp.covered"),
    ("ALTER TABLE IF EXISTS x.gone DROP COLUMN a", "w.table.x.gone"),
    ("SET schema = 'X'", "r.schema.x.x"),
    ("USE x", "r.schema.x.x"),
    ("RESET schema", "r.schema.main.main"),
    ("RESET ALL", "r.schema.main.main"),
    ("SET threads_hint_that_is_none = 1", ""),
    # files
    ("COPY t FROM 'one.csv'", "w.table.main.t r.file.one.csv"),
    ("COPY x.u TO 'out/x.csv'", "w.file.out/x.csv r.table.x.u"),
    ("COPY (SELECT * FROM v) TO 'x.csv'", "w.file.x.csv r.view.main.v r.table.main.t"),
    # prepared statements
    ("PREPARE n AS SELECT * FROM t WHERE a = $1", "r.table.main.t"),
    ("PREPARE n AS DELETE FROM x.t", "w.table.x.t r.table.x.t"),
    ("EXECUTE p('x')", "w.table.main.t r.table.x.u"),
    ("EXECUTE p(?)", "w.table.main.t r.table.x.u"),
    ("DEALLOCATE p", ""),
    # transactions
    ("BEGIN", ""),
    ("COMMIT", ""),
    ("ROLLBACK", ""),
]


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    folder: Path = tmp_path_factory.mktemp("files")
    for name in ("one.csv", "two.csv"):
        (folder / name).write_text("a,b\n1,x\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        kernel_session = Session(threads=1)
        opened = kernel_session.connect()
        for sql in SETUP:
            opened.execute(sql)
        yield opened
        opened.close()
        kernel_session.close()


def uses(connection: Connection, sql: str, params: list[object] | None = None) -> list[str]:
    told = []
    for use in connection.describe(sql, params).uses:
        parts = [use.access[0], use.kind, use.catalog_schema, use.name]
        told.append(".".join(part for part in parts if part))
    return sorted(told)


@pytest.mark.parametrize(("sql", "expected"), TABLE, ids=[sql for sql, _ in TABLE])
def test_a_statement_tells_all_that_it_reads_and_writes(
    connection: Connection, sql: str, expected: str
) -> None:
    assert uses(connection, sql) == sorted(expected.split())


def test_a_name_is_where_the_connections_schema_has_it(connection: Connection) -> None:
    connection.execute("SET schema = 'x'")
    try:
        assert uses(connection, "SELECT * FROM t") == ["r.table.x.t"]
        assert uses(connection, "SELECT * FROM main.v") == ["r.table.main.t", "r.view.main.v"]
        assert uses(connection, "CREATE TABLE n (a INTEGER)") == ["w.table.x.n"]
        assert uses(connection, "DROP TABLE IF EXISTS gone") == ["w.table.x.gone"]
    finally:
        connection.execute("SET schema = 'main'")


def test_parameters_name_what_is_used_once_they_are_given(connection: Connection) -> None:
    assert uses(connection, "SET schema = ?") == []
    assert uses(connection, "SET schema = ?", ["X"]) == ["r.schema.x.x"]
    assert uses(connection, "SELECT * FROM read_csv(?)", ["two.csv"]) == ["r.file.two.csv"]
    assert uses(connection, "UPDATE x.t SET a = ?", [1]) == ["r.table.x.t", "w.table.x.t"]


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT * FROM gone", "VEL2011"),
        ("SELECT * FROM gone.t", "VEL2028"),
        ("INSERT INTO gone VALUES (1)", "VEL2011"),
        ("UPDATE t SET b = (SELECT max(b) FROM gone)", "VEL2011"),
        ("DELETE FROM s", "VEL2025"),
        ("DROP TABLE gone", "VEL2011"),
        ("ALTER TABLE gone ADD COLUMN c INTEGER", "VEL2011"),
        ("TRUNCATE gone", "VEL2011"),
        ("SUMMARIZE gone", "VEL2011"),
        ("DESCRIBE gone", "VEL2011"),
        ("EXPLAIN SELECT * FROM gone", "VEL2011"),
        ("PREPARE n AS SELECT * FROM gone", "VEL2011"),
        ("EXECUTE gone(?)", "VEL2030"),
    ],
)
def test_an_unknown_name_is_told_as_when_the_statement_runs(
    connection: Connection, sql: str, code: str
) -> None:
    calls: tuple[Callable[..., object], ...] = (connection.describe, connection.execute)
    for call in calls:
        with pytest.raises(KernelError) as caught:
            call(sql, ["x"] if "?" in sql and call == connection.execute else None)
        assert caught.value.code == code, caught.value.message


def test_people_are_shown_what_is_scanned_and_what_is_changed(connection: Connection) -> None:
    info = connection.describe("INSERT INTO x.u SELECT v.a, o.b FROM v, 'one.csv' AS o")
    assert (info.reads, info.writes) == (["t", "'one.csv'"], ["x.u"])
    info = connection.describe("COPY covered TO 'x.csv'")
    assert (info.reads, info.writes) == (["temp.covered"], ["'x.csv'"])
    assert connection.describe("SET schema = 'x'").reads == []
    assert connection.describe("CREATE SCHEMA n").writes == ["n"]


def test_without_files_a_statement_is_refused_before_any_is_opened(tmp_path: Path) -> None:
    session = Session()
    pipe = tmp_path / "pipe.csv"  # whoever opens it waits for a writer that never comes
    os.mkfifo(pipe)
    (tmp_path / "rows.csv").write_text("a\n1\n")
    session.execute(f"CREATE VIEW over_file AS SELECT * FROM '{tmp_path / 'rows.csv'}'")
    connection = session.connect()
    connection.execute("PREPARE kept_plan AS SELECT * FROM over_file")
    session.execute(f"CREATE TABLE kept USING csv OPTIONS(path: '{tmp_path / 'rows.csv'}')")
    refused = set()
    for sql in (
        f"SELECT * FROM '{pipe}'",
        f"SELECT nope FROM read_csv('{pipe}', header := true)",
        f"SELECT * FROM '{tmp_path}/*.csv'",
        f"INSERT INTO nowhere SELECT * FROM '{pipe}'",
        f"EXPLAIN SELECT * FROM '{tmp_path / 'none.csv'}'",
        "SELECT * FROM over_file",
        f"PREPARE p AS SELECT * FROM '{pipe}'",
        "EXECUTE kept_plan",
    ):
        with pytest.raises(KernelError) as caught:
            connection.describe(sql, opens_files=False)
        refused.add((caught.value.code, caught.value.message))
    assert refused == {
        ("VEL1010", "the statement reads a file of the server"),
        ("VEL2011", "no table of that name: nowhere"),
    }
    # A table of the catalog is judged by its schema, whatever holds its rows.
    assert session.describe("SELECT * FROM kept", opens_files=False).kind == "query"
    assert session.describe("SELECT * FROM over_file").kind == "query"
