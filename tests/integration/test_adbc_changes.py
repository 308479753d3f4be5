"""ADBC's Flight SQL driver, unchanged: changes, ingest and transactions."""

import datetime
import decimal
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from tests.integration.adbc_client import (
    NUMBERS,
    THREE,
    TWO,
    count,
    dbapi,
    ingest,
    refused,
    rows,
    update,
)
from tests.server_process import ServerProcess

pytestmark = pytest.mark.both_fronts

# Changes


def test_a_change_by_execute_runs_once_read_or_not(conn: Any, adbc_t: str) -> None:
    with conn.cursor() as cursor:
        cursor.execute("INSERT INTO adbc_t VALUES (1, 'read')")
        assert (cursor.rowcount, cursor.fetchall()) == (1, [])
        cursor.execute("INSERT INTO adbc_t VALUES (2, 'unread')")
    assert rows(conn, "SELECT a FROM adbc_t ORDER BY a") == [(1,), (2,)]


def test_a_change_with_parameters_runs_once(conn: Any, adbc_t: str) -> None:
    with conn.cursor() as cursor:
        cursor.execute("INSERT INTO adbc_t VALUES (?, ?)", (7, None))
    assert rows(conn, "SELECT * FROM adbc_t") == [(7, None)]


def test_returning_gives_the_rows_of_a_change_that_ran_once(conn: Any, adbc_t: str) -> None:
    sql = "INSERT INTO adbc_t VALUES (1, 'x'), (2, 'y') RETURNING a"
    assert sorted(rows(conn, sql)) == [(1,), (2,)]
    with conn.cursor() as cursor:
        cursor.execute(sql)
    assert count(conn, adbc_t) == 4


def test_execute_update_counts(conn: Any, adbc_t: str) -> None:
    assert update(conn, "INSERT INTO adbc_t SELECT k, 'x' FROM adbc_big WHERE k < 300") == 300
    assert update(conn, "UPDATE adbc_t SET b = 'y' WHERE a < 10") == 10
    assert update(conn, "DELETE FROM adbc_t WHERE a >= 100") == 200
    assert update(conn, "CREATE TABLE adbc_other(a INTEGER)") == 0
    assert update(conn, "DROP TABLE adbc_other") == 0
    assert update(conn, "SELECT 1") == -1


def test_executemany_counts_its_rows(conn: Any, adbc_t: str) -> None:
    with conn.cursor() as cursor:
        cursor.executemany("INSERT INTO adbc_t VALUES (?, ?)", [(1, "x"), (2, None), (3, "z")])
        assert cursor.rowcount == 3
        batch = pa.table({"a": pa.array(range(10_000)), "b": ["many"] * 10_000})
        cursor.executemany("INSERT INTO adbc_t VALUES (?, ?)", batch)
        assert cursor.rowcount == 10_000
        cursor.executemany("DELETE FROM adbc_t WHERE a = ?", [(1,), (2,), (77_777,)])
        assert cursor.rowcount == 4
    assert rows(conn, "SELECT * FROM adbc_t WHERE b <> 'many'") == [(3, "z")]


def test_executemany_makes_all_changes_or_none(conn: Any) -> None:
    update(conn, "CREATE TABLE adbc_keyed(a INTEGER PRIMARY KEY)")
    with refused("VEL3", dbapi.DatabaseError), conn.cursor() as cursor:
        cursor.executemany("INSERT INTO adbc_keyed VALUES (?)", [(1,), (2,), (1,)])
    assert count(conn, "adbc_keyed") == 0
    update(conn, "DROP TABLE adbc_keyed")


@pytest.mark.parametrize("schema", ["main", "adbc_place"])
def test_changes_that_return_rows_are_all_made_or_none(conn: Any, schema: str) -> None:
    """In a session of another current schema as well."""
    update(conn, f"CREATE SCHEMA IF NOT EXISTS {schema}")
    if schema != "main":
        conn.adbc_current_db_schema = schema
    update(conn, "CREATE TABLE adbc_keyed(a INTEGER PRIMARY KEY)")
    sql = "INSERT INTO adbc_keyed VALUES (?) RETURNING a"
    for ends_by in (1, None):
        with refused("VEL3", dbapi.DatabaseError), conn.cursor() as cursor:
            cursor.executemany(sql, [(1,), (2,), (ends_by,)])
        assert count(conn, "adbc_keyed") == 0
    with conn.cursor() as cursor:
        cursor.executemany(sql, [(1,), (2,), (3,)])
        assert cursor.rowcount == 3
    assert rows(conn, f"SELECT a FROM {schema}.adbc_keyed ORDER BY a") == [(1,), (2,), (3,)]
    update(conn, "DROP TABLE adbc_keyed")
    conn.adbc_current_db_schema = "main"


def test_rows_of_a_temporary_table_are_changed_one_by_one(conn: Any) -> None:
    update(conn, "CREATE TEMP TABLE adbc_own(a INTEGER PRIMARY KEY)")
    sql = "INSERT INTO adbc_own VALUES (?) RETURNING a"
    with conn.cursor() as cursor:
        cursor.executemany(sql, [(1,), (2,)])
        assert cursor.rowcount == 2
    assert rows(conn, "SELECT a FROM adbc_own ORDER BY a") == [(1,), (2,)]
    update(conn, "DROP TABLE adbc_own")


def test_in_a_transaction_changes_that_return_rows_are_part_of_it(server: ServerProcess) -> None:
    with dbapi.connect(server.uri) as open_transaction:
        with open_transaction.cursor() as cursor:
            cursor.execute("CREATE TABLE adbc_part(a INTEGER PRIMARY KEY)")
            cursor.executemany("INSERT INTO adbc_part VALUES (?) RETURNING a", [(1,), (2,)])
        assert count(open_transaction, "adbc_part") == 2
        open_transaction.rollback()
        with refused("VEL2011", dbapi.DatabaseError):
            count(open_transaction, "adbc_part")


# Ingest


@pytest.fixture
def target(conn: Any) -> Iterator[str]:
    update(conn, "DROP TABLE IF EXISTS adbc_in")
    yield "adbc_in"
    update(conn, "DROP TABLE IF EXISTS adbc_in")


def test_ingest_create_makes_a_table_and_leaves_one_that_is_there(conn: Any, target: str) -> None:
    assert ingest(conn, target, THREE, "create") == 3
    with refused("VEL2", dbapi.DatabaseError):
        ingest(conn, target, TWO, "create")
    assert count(conn, target) == 3


def test_ingest_append_wants_a_table_that_fits(conn: Any, target: str) -> None:
    with refused("VEL2011"):
        ingest(conn, target, TWO, "append")
    with refused("VEL2011"):
        count(conn, target)
    ingest(conn, target, THREE, "create")
    assert ingest(conn, target, TWO, "append") == 2
    with refused("VEL4", dbapi.DatabaseError):
        ingest(conn, target, pa.table({"k": ["no number"]}), "append")
    assert count(conn, target) == 5


def test_ingest_replace_takes_another_schema(conn: Any, target: str) -> None:
    assert ingest(conn, target, THREE, "replace") == 3
    assert ingest(conn, target, pa.table({"z": ["a"]}), "replace") == 1
    assert rows(conn, "SELECT * FROM adbc_in") == [("a",)]


def test_ingest_create_append_does_either(conn: Any, target: str) -> None:
    assert ingest(conn, target, THREE, "create_append") == 3
    assert ingest(conn, target, TWO, "create_append") == 2
    assert count(conn, target) == 5


def test_ingest_is_whole_or_absent(conn: Any, target: str) -> None:
    good, bad = pa.record_batch({"k": [1, 2]}), pa.record_batch({"k": [3]})

    def batches() -> Iterator[pa.RecordBatch]:
        yield good
        raise ValueError("the data ends here")

    ingest(conn, target, pa.table([bad.column(0)], ["k"]), "create")
    reader = pa.RecordBatchReader.from_batches(good.schema, batches())
    with pytest.raises(Exception, match=r"ends here|cancel|Cancel|Python"):
        ingest(conn, target, reader, "append")
    assert count(conn, target) == 1


def test_ingest_reaches_schemas_and_names_with_dots_and_quotes(conn: Any) -> None:
    update(conn, 'CREATE SCHEMA "adbc.s"')
    ingest(conn, 'we"ird.é', THREE, "create", db_schema_name="adbc.s")
    assert rows(conn, 'SELECT sum(k) FROM "adbc.s"."we""ird.é"') == [(6,)]
    update(conn, 'DROP SCHEMA "adbc.s" CASCADE')


def test_ingest_into_a_schema_or_catalog_that_is_not_there_is_refused(conn: Any) -> None:
    with refused("VEL2028"):
        ingest(conn, "t", THREE, "create", db_schema_name="adbc_nowhere")
    with refused("VEL1008", dbapi.NotSupportedError):
        ingest(conn, "t", THREE, "create", catalog_name="another")
    assert ingest(conn, "adbc_own", THREE, "create", catalog_name="velaria") == 3
    update(conn, "DROP TABLE adbc_own")


def test_ingest_into_a_temporary_table_is_the_connections_own(conn: Any, other: Any) -> None:
    assert ingest(conn, "adbc_temp", THREE, "create", temporary=True) == 3
    assert ingest(conn, "adbc_temp", TWO, "append", temporary=True) == 2
    assert count(conn, "adbc_temp") == 5
    with refused("VEL2011"):
        count(other, "adbc_temp")


def test_types_with_nulls_come_back_equal(conn: Any, target: str) -> None:
    data = pa.table(
        {
            "b": pa.array([True, None]),
            **{str(kind): pa.array([number, None], kind) for kind, number in NUMBERS},
            "f": pa.array([float("inf"), None], pa.float32()),
            "s": pa.array(["", None]),
            "y": pa.array([b"\0\xff", None]),
            "d": pa.array([datetime.date(2013, 1, 1), None]),
            "t": pa.array([datetime.datetime(2013, 1, 1, 5, 6, 7, 89), None], pa.timestamp("us")),
            "n": pa.array([decimal.Decimal("-99999999.99"), None], pa.decimal128(10, 2)),
            "v": pa.array([[1.0, 0.5], None], pa.list_(pa.float32(), 2)),
        }
    )
    ingest(conn, target, data, "create")
    with conn.cursor() as cursor:
        cursor.execute("SELECT * FROM adbc_in")
        found = cursor.fetch_arrow_table()
    assert found.to_pydict() == data.to_pydict()
    assert found.schema.types == data.schema.types


# Transactions


def test_a_commit_keeps_and_a_rollback_undoes(conn: Any, inside: Any, adbc_t: str) -> None:
    update(inside, "INSERT INTO adbc_t VALUES (1, 'x')")
    assert (count(inside, adbc_t), count(conn, adbc_t)) == (1, 0)
    inside.commit()
    assert count(conn, adbc_t) == 1
    with inside.cursor() as cursor:
        cursor.execute("INSERT INTO adbc_t VALUES (2, 'y')")
        cursor.executemany("INSERT INTO adbc_t VALUES (?, ?)", [(3, "z"), (4, "z")])
    assert count(inside, adbc_t) == 4
    inside.rollback()
    assert (count(inside, adbc_t), count(conn, adbc_t)) == (1, 1)


def test_a_cursor_goes_on_in_the_next_transaction(conn: Any, inside: Any, adbc_t: str) -> None:
    """The driver keeps a prepared statement of the transaction that is over."""
    add, ask = "INSERT INTO adbc_t VALUES (?, 'x')", f"SELECT count(*) FROM {adbc_t}"
    with inside.cursor() as writing, inside.cursor() as reading:
        for seen, end, kept in [(1, "commit", 1), (2, "rollback", 1), (2, "commit", 2)]:
            writing.execute(add, (seen,))
            reading.execute(ask)
            assert reading.fetchone() == (seen,)
            getattr(inside, end)()
            assert count(conn, adbc_t) == kept


def test_closing_without_commit_rolls_back(conn: Any, server: ServerProcess, adbc_t: str) -> None:
    with dbapi.connect(server.uri) as connection:
        update(connection, "INSERT INTO adbc_t VALUES (1, 'x')")
    assert count(conn, adbc_t) == 0


def test_an_ingest_in_a_transaction_is_part_of_it(conn: Any, inside: Any, adbc_t: str) -> None:
    data = pa.table({"a": [1, 2], "b": ["x", "y"]})
    ingest(inside, adbc_t, data, "append")
    assert (count(inside, adbc_t), count(conn, adbc_t)) == (2, 0)
    inside.rollback()
    assert (count(inside, adbc_t), count(conn, adbc_t)) == (0, 0)
    ingest(inside, adbc_t, data, "append")
    inside.commit()
    assert count(conn, adbc_t) == 2


def test_after_an_error_only_a_rollback_is_taken(inside: Any, adbc_t: str) -> None:
    update(inside, "INSERT INTO adbc_t VALUES (1, 'x')")
    with refused("VEL2011"):
        rows(inside, "SELECT * FROM adbc_nowhere")
    with refused("VEL2031"):
        rows(inside, "SELECT 1")
    inside.rollback()
    assert count(inside, adbc_t) == 0
    inside.rollback()
    with refused("VEL2011"):
        rows(inside, "SELECT * FROM adbc_nowhere")
    with refused("VEL2031"):
        inside.commit()


def test_the_first_of_two_writers_of_a_row_wins(
    server: ServerProcess, inside: Any, conn: Any, adbc_t: str
) -> None:
    update(conn, "INSERT INTO adbc_t VALUES (1, 'x')")
    with dbapi.connect(server.uri) as late:
        assert count(late, adbc_t) == 1
        update(inside, "UPDATE adbc_t SET b = 'first'")
        inside.commit()
        with refused("VEL3014", dbapi.OperationalError):
            update(late, "UPDATE adbc_t SET b = 'late'")
            late.commit()
    assert rows(conn, "SELECT b FROM adbc_t") == [("first",)]


def test_begin_as_a_statement_opens_a_session(conn: Any, other: Any, adbc_t: str) -> None:
    update(conn, "BEGIN")
    update(conn, "INSERT INTO adbc_t VALUES (1, 'x')")
    assert (count(conn, adbc_t), count(other, adbc_t)) == (1, 0)
    update(conn, "ROLLBACK")
    assert count(conn, adbc_t) == 0
