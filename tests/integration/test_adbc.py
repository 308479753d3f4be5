"""ADBC's Flight SQL driver, unchanged: what a Python program does with it, and what it is told."""

import datetime
import decimal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
import pyarrow.flight as flight
import pytest

from tests.integration.adbc_client import (
    NUMBERS,
    ROW_COUNT,
    THREE,
    count,
    dbapi,
    ingest,
    refused,
    rows,
    update,
)
from tests.server_process import ServerProcess, act, until

pytestmark = pytest.mark.both_fronts

# Connecting and executing


def test_connecting_says_nothing_against_transactions(
    server: ServerProcess, recwarn: pytest.WarningsRecorder
) -> None:
    dbapi.connect(server.uri).close()
    assert [str(warning.message) for warning in recwarn] == []


def test_rows_come_in_order_with_names(conn: Any) -> None:
    with conn.cursor() as cursor:
        cursor.execute("SELECT * FROM (VALUES (1, 'a'), (2, NULL)) v(x, y) ORDER BY x DESC")
        assert [column[0] for column in cursor.description] == ["x", "y"]
        assert (cursor.fetchone(), cursor.fetchmany(5), cursor.fetchone()) == (
            (2, None),
            [(1, "a")],
            None,
        )


def test_a_large_result_comes_whole(conn: Any) -> None:
    with conn.cursor() as cursor:
        cursor.execute("SELECT k FROM adbc_big")
        found = cursor.fetch_arrow_table()
    assert found.num_rows == ROW_COUNT
    assert sum(found["k"].to_pylist()) == ROW_COUNT * (ROW_COUNT - 1) // 2


def test_wide_rows_come_in_messages_that_the_driver_takes(conn: Any) -> None:
    with conn.cursor() as cursor:
        cursor.execute("SELECT repeat('x', 1000) AS s FROM adbc_big WHERE k < 60000")
        found = cursor.fetch_arrow_table()
    assert found.num_rows == 60_000
    assert found["s"].nbytes >= 60_000_000


def test_a_result_left_half_read_does_no_harm(conn: Any) -> None:
    for _ in range(5):
        with conn.cursor() as cursor:
            cursor.execute("SELECT k FROM adbc_big")
            cursor.fetchone()
    assert rows(conn, "SELECT 1") == [(1,)]


def test_the_schema_is_told_without_running(conn: Any, adbc_t: str) -> None:
    with conn.cursor() as cursor:
        schema = cursor.adbc_execute_schema("SELECT a, b FROM adbc_t")
        assert (schema.names, schema.types) == (["a", "b"], [pa.int64(), pa.string()])
        cursor.adbc_execute_schema("INSERT INTO adbc_t VALUES (1, 'x') RETURNING a")
    assert count(conn, adbc_t) == 0


# Parameters


@pytest.mark.parametrize(
    "value",
    [
        *(pa.scalar(number, kind) for kind, number in NUMBERS),
        pa.scalar(2**32 - 1, pa.uint32()),
        pa.scalar(True),
        pa.scalar(0.5, pa.float32()),
        pa.scalar(-1e300),
        pa.scalar("héé'; --"),
        pa.scalar("x" * 70_000, pa.large_string()),
        pa.scalar(b"\0\xff\x80"),
        pa.scalar(datetime.date(1900, 2, 28)),
        pa.scalar(datetime.datetime(2013, 6, 1, 1, 2, 3, 4), pa.timestamp("us")),
        pa.scalar(datetime.time(1, 2, 3), pa.time64("us")),
        pa.scalar(decimal.Decimal("-123.45"), pa.decimal128(10, 2)),
        pa.scalar([1, None, 3], pa.list_(pa.int64())),
        pa.scalar(None, pa.int64()),
        pa.scalar(None, pa.string()),
    ],
    ids=lambda value: f"{'null ' if value.as_py() is None else ''}{value.type}",
)
def test_a_parameter_of_each_type_comes_back(conn: Any, value: pa.Scalar) -> None:
    bound = pa.table({"0": pa.array([value.as_py()], value.type)})
    assert rows(conn, "SELECT ? AS x", bound) == [(value.as_py(),)]


def test_parameters_stand_in_conditions_and_are_never_read_as_sql(conn: Any) -> None:
    assert rows(conn, "SELECT k + ? FROM adbc_big WHERE k = ?", (10, 5)) == [(15,)]
    assert rows(conn, "SELECT ?", ("x'; DROP TABLE adbc_big; --",)) == [
        ("x'; DROP TABLE adbc_big; --",)
    ]
    assert count(conn, "adbc_big") == ROW_COUNT


def test_rows_of_parameters_run_a_query_one_after_the_other(conn: Any) -> None:
    bound = pa.table({"0": pa.array([3, 1, None, 2], pa.int64())})
    found = rows(
        conn,
        "SELECT k, CAST(? AS BIGINT) FROM adbc_big WHERE k < ? ORDER BY k",
        pa.table({"0": bound["0"], "1": bound["0"]}),
    )
    assert found == [(0, 3), (1, 3), (2, 3), (0, 1), (0, 2), (1, 2)]


def test_a_statement_is_prepared_once_and_run_often(conn: Any) -> None:
    sql = "SELECT CAST(? AS BIGINT) * 2 AS y"
    with conn.cursor() as cursor:
        cursor.adbc_prepare(sql)
        for number in range(10):
            cursor.execute(sql, (number,))
            assert cursor.fetchall() == [(2 * number,)]


def test_preparing_tells_the_types_of_parameters(conn: Any) -> None:
    with conn.cursor() as cursor:
        schema = cursor.adbc_prepare("SELECT k FROM adbc_big WHERE k = ? AND v > ?")
    assert schema.types == [pa.int64(), pa.int64()]


def test_too_few_and_too_many_parameters_are_refused(conn: Any) -> None:
    for params in ((1,), (1, 2, 3)):
        with refused("VEL1006"):
            rows(conn, "SELECT ?, ?", params)


def test_parameters_too_large_for_a_ticket_are_refused(conn: Any) -> None:
    with refused("VEL1004"):
        rows(conn, "SELECT ?", ("x" * (9 << 20),))


# Sessions


def test_temporary_tables_belong_to_the_connection(conn: Any, other: Any) -> None:
    update(conn, "CREATE TEMP TABLE adbc_own AS SELECT 42 AS x")
    assert rows(conn, "SELECT x FROM adbc_own") == [(42,)]
    with refused("VEL2011"):
        rows(other, "SELECT x FROM adbc_own")


@pytest.fixture
def side(conn: Any) -> Iterator[str]:
    update(conn, "CREATE SCHEMA adbc_side")
    update(conn, "CREATE TABLE adbc_side.only_here AS SELECT 42 AS x")
    yield "adbc_side"
    update(conn, "DROP SCHEMA adbc_side CASCADE")


def test_the_current_schema_is_the_connections_own(conn: Any, other: Any, side: str) -> None:
    assert (conn.adbc_current_catalog, conn.adbc_current_db_schema) == ("velaria", "main")
    conn.adbc_current_db_schema = side
    assert conn.adbc_current_db_schema == side
    assert rows(conn, "SELECT x FROM only_here") == [(42,)]
    ingest(conn, "adbc_in_side", THREE, "create")
    assert count(other, "adbc_side.adbc_in_side") == 3
    assert other.adbc_current_db_schema == "main"
    with refused("VEL2011"):
        rows(other, "SELECT x FROM only_here")


def test_a_transaction_goes_on_in_the_schema_that_is_made_current(inside: Any, side: str) -> None:
    inside.adbc_current_db_schema = side
    assert rows(inside, "SELECT x FROM only_here") == [(42,)]
    inside.rollback()
    assert rows(inside, "SELECT x FROM only_here") == [(42,)]


def test_what_cannot_be_made_current_is_refused(conn: Any) -> None:
    with pytest.raises(dbapi.Error):
        conn.adbc_current_db_schema = "adbc_nowhere"
    with pytest.raises(dbapi.Error):
        conn.adbc_current_catalog = "another"
    conn.adbc_current_catalog = "velaria"
    assert conn.adbc_current_db_schema == "main"


# Cancelling, partitions, errors

ENDLESS = "SELECT count(*) FROM adbc_big a, adbc_big b WHERE (a.v * b.k) % 1000003 = 17"


def test_cancelling_ends_a_long_query(
    server: ServerProcess, conn: Any, client: flight.FlightClient
) -> None:
    seen: list[Exception] = []
    with dbapi.connect(server.uri, autocommit=True) as mine, mine.cursor() as cursor:

        def run() -> None:
            try:
                cursor.execute(ENDLESS)
                cursor.fetchall()
            except dbapi.Error as fault:
                seen.append(fault)

        def is_running() -> bool:
            queries = act(client, "query.list")["queries"]
            return any(q["sql"] == ENDLESS and q["state"] == "running" for q in queries)

        thread = threading.Thread(target=run)
        thread.start()
        assert until(is_running)
        cursor.adbc_cancel()
        thread.join(10)
        assert not thread.is_alive()
        assert until(lambda: not is_running())
    assert len(seen) == 1


def test_cancelling_nothing_is_no_error(conn: Any) -> None:
    with conn.cursor() as cursor:
        cursor.adbc_cancel()


def test_partitions_are_read_by_another_connection(conn: Any, other: Any) -> None:
    with conn.cursor() as cursor:
        parts, schema = cursor.adbc_execute_partitions("SELECT k FROM adbc_big WHERE k < ?", (9,))
    assert schema.names == ["k"]
    found = []
    for part in parts:
        with other.cursor() as cursor:
            cursor.adbc_read_partition(part)
            found += cursor.fetchall()
    assert sorted(found) == [(k,) for k in range(9)]


def test_a_partition_is_read_in_the_session_it_was_made_in(conn: Any, other: Any) -> None:
    update(conn, "CREATE TEMP TABLE adbc_own AS SELECT 42 AS x")
    with conn.cursor() as cursor:
        (part,), _ = cursor.adbc_execute_partitions("SELECT x FROM adbc_own")
    with other.cursor() as cursor:
        cursor.adbc_read_partition(part)
        assert cursor.fetchall() == [(42,)]


@pytest.mark.parametrize(
    ("sql", "code", "kind"),
    [
        ("SELEC 1", "VEL2001", dbapi.ProgrammingError),
        ("SELECT * FROM adbc_nowhere", "VEL2011", dbapi.ProgrammingError),
        ("SELECT nothing FROM adbc_big", "VEL2012", dbapi.ProgrammingError),
        ("SELECT CAST('abc' AS INTEGER)", "VEL3003", dbapi.DatabaseError),
        (
            "SELECT CAST(nullif(k, 9) || 'x' AS INTEGER) FROM adbc_big",
            "VEL3003",
            dbapi.DatabaseError,
        ),
        ("SELECT 1; SELECT 2", "VEL2001", dbapi.ProgrammingError),
        ("   ", "VEL2006", dbapi.ProgrammingError),
    ],
)
def test_a_wrong_statement_is_told_with_its_code(
    conn: Any, sql: str, code: str, kind: type[Exception]
) -> None:
    with refused(code, kind):
        rows(conn, sql)
    assert rows(conn, "SELECT 1") == [(1,)]


def test_substrait_is_refused_by_name(conn: Any) -> None:
    with refused("VEL1008", dbapi.NotSupportedError), conn.cursor() as cursor:
        cursor.adbc_statement.set_substrait_plan(b"\x0a\x01x")
        cursor.adbc_statement.execute_query()


def test_connections_leave_nothing_open(server: ServerProcess, client: flight.FlightClient) -> None:
    def held() -> list[int]:
        metrics = act(client, "server.metrics")["metrics"]
        kinds = ("sessions_open", "transactions_open", "prepared_statements_open")
        return [metrics[kind] for kind in kinds]

    before = held()
    for _ in range(20):
        with dbapi.connect(server.uri) as mine:
            mine.adbc_current_db_schema = "main"
            rows(mine, "SELECT ?", (1,))

    def is_nothing_left() -> bool:  # what other tests hold may end meanwhile
        return all(now <= then for now, then in zip(held(), before, strict=True))

    assert until(is_nothing_left)


def test_many_connections_at_once_keep_to_their_own(server: ServerProcess, adbc_t: str) -> None:
    """Each begins a transaction, in a session that is opened while others are opened and closed."""

    def one(number: int) -> list[tuple[Any, ...]]:
        with dbapi.connect(server.uri) as mine:
            update(mine, f"INSERT INTO adbc_t VALUES ({number}, 'own')")
            return rows(mine, "SELECT a FROM adbc_t")

    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(one, range(120))) == [[(number,)] for number in range(120)]
