"""A query that runs as it was described, and what the error of a wrong statement has named."""

import pytest

from velaria._kernel import Connection, Session, SqlError


@pytest.fixture
def kernel() -> Session:
    session = Session()
    session.execute("CREATE SCHEMA hr")
    session.execute("CREATE TABLE t AS SELECT 1 AS a")
    return session


def rows(on: Session | Connection, sql: str, **how: object) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in on.execute(sql, **how).read_all().to_pylist()]  # type: ignore[arg-type]


def test_a_described_query_reads_the_rows_of_its_description(kernel: Session) -> None:
    sql = "SELECT a FROM t ORDER BY a"
    info = kernel.describe(sql)
    kernel.execute("INSERT INTO t VALUES (2)")
    kernel.execute("UPDATE t SET a = 7 WHERE a = 1")
    assert rows(kernel, sql, described=info) == [(1,)]
    assert rows(kernel, sql, described=info) == [(1,)]  # and again
    assert rows(kernel, sql) == [(2,), (7,)]


def test_a_described_query_knows_the_names_of_its_description(kernel: Session) -> None:
    kernel.execute("CREATE VIEW v AS SELECT a + 10 AS b FROM t")
    info = kernel.describe("SELECT * FROM v, t")
    kernel.execute("DROP VIEW v")
    kernel.execute("DROP TABLE t")
    kernel.execute("CREATE TABLE t AS SELECT 'x' AS a, 2 AS b")
    result = kernel.execute("SELECT * FROM v, t", described=info)
    assert result.schema == info.schema
    assert result.read_all().to_pylist() == [{"b": 11, "a": 1}]


def test_a_described_query_of_a_connection_reads_its_temporary_tables(kernel: Session) -> None:
    connection = kernel.connect()
    connection.execute("SET schema = 'hr'")
    connection.execute("CREATE TEMP TABLE mine AS SELECT 5 AS a")
    info = connection.describe("SELECT a FROM mine")
    connection.execute("DELETE FROM mine")
    connection.execute("SET schema = 'main'")
    assert rows(connection, "SELECT a FROM mine", described=info) == [(5,)]
    assert rows(connection, "SELECT a FROM mine") == []


def test_in_a_transaction_a_query_reads_what_the_transaction_has_changed(kernel: Session) -> None:
    connection = kernel.connect()
    connection.execute("BEGIN")
    info = connection.describe("SELECT a FROM t")
    connection.execute("INSERT INTO t VALUES (2)")
    assert rows(connection, "SELECT a FROM t ORDER BY a", described=info) == [(1,), (2,)]
    connection.execute("ROLLBACK")
    assert rows(connection, "SELECT a FROM t", described=info) == [(1,)]


def test_parameters_are_those_of_the_run(kernel: Session) -> None:
    info = kernel.describe("SELECT a + $1 FROM t", [1])
    assert rows(kernel, "SELECT a + $1 FROM t", params=[5], described=info) == [(6,)]


def test_a_description_outlives_its_session() -> None:
    info = Session().describe("SELECT name FROM system.tables")
    assert info.kind == "query"


WRONG_EITHER_WAY = [
    ("SELECT nocol FROM hr.pay", ("hr", "pay")),
    ("SELECT 1 FROM HR.Pay JOIN t ON nocol", ("hr", "pay")),
    ("SELECT (SELECT nocol FROM hr.pay)", ("hr", "pay")),
    ("INSERT INTO hr.pay VALUES (1)", ("hr", "pay")),
    ("DELETE FROM hr.pay WHERE nocol", ("hr", "pay")),
    ("UPDATE hr.pay SET nocol = 1", ("hr", "pay")),
]
WRONG_WITHOUT_THE_TABLE = [
    *WRONG_EITHER_WAY,
    ("SELECT 1 FROM nowhere.pay", ("nowhere", "pay")),
    ("SELECT 1 FROM pay", ("main", "pay")),
    ("ALTER TABLE hr.pay DROP COLUMN a", ("hr", "pay")),
    ("DROP TABLE hr.pay", ("hr", "pay")),
    ("DESCRIBE hr.pay", ("hr", "pay")),
]


@pytest.mark.parametrize(("sql", "named"), WRONG_WITHOUT_THE_TABLE)
def test_an_error_has_the_relations_that_are_not_there(
    kernel: Session, sql: str, named: tuple[str, str]
) -> None:
    with pytest.raises(SqlError) as caught:
        kernel.describe(sql)
    assert named in caught.value.named


@pytest.mark.parametrize(("sql", "named"), WRONG_EITHER_WAY)
def test_an_error_has_the_relations_that_are_there(
    kernel: Session, sql: str, named: tuple[str, str]
) -> None:
    kernel.execute("CREATE TABLE hr.pay (id INTEGER, name TEXT)")
    with pytest.raises(SqlError) as caught:
        kernel.describe(sql)
    assert named in caught.value.named


def test_what_is_no_statement_names_nothing(kernel: Session) -> None:
    with pytest.raises(SqlError) as caught:
        kernel.describe("SELECT id + FROM hr.pay")
    assert caught.value.named == []


def test_a_wrong_statement_fails_its_transaction_unless_that_is_spared(kernel: Session) -> None:
    connection = kernel.connect()
    connection.execute("BEGIN")
    connection.execute("INSERT INTO t VALUES (2)")
    with pytest.raises(SqlError):
        connection.describe("SELECT nocol FROM t", spares=True)
    assert rows(connection, "SELECT a FROM t ORDER BY a") == [(1,), (2,)]
    with pytest.raises(SqlError):
        connection.describe("SELECT nocol FROM t")
    with pytest.raises(SqlError, match="VEL2031"):
        connection.execute("SELECT a FROM t")


def test_an_error_of_a_run_has_named_nothing(kernel: Session) -> None:
    with pytest.raises(SqlError) as caught:
        kernel.execute("SELECT nocol FROM t")
    assert not hasattr(caught.value, "named")
