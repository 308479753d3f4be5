"""What transactions of several connections see of each other, and how their conflicts end."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pytest

import velaria
from velaria.connection import Connection


@contextmanager
def refused(code: str, hint: str = "") -> Iterator[None]:
    with pytest.raises(velaria.KernelError) as caught:
        yield
    assert caught.value.code == code, caught.value.message
    assert hint in caught.value.hint


def rows(connection: velaria.Session | Connection, sql: str) -> list[tuple[Any, ...]]:
    return connection.sql(sql).to_rows()


@pytest.fixture
def pair(session: velaria.Session) -> Iterator[tuple[Connection, Connection]]:
    session.sql("CREATE TABLE t(k INTEGER PRIMARY KEY, v INTEGER)")
    session.sql("INSERT INTO t VALUES (1, 10), (2, 20)")
    with session.connect() as one, session.connect() as other:
        yield one, other


def test_uncommitted_changes_are_seen_by_nobody_else(
    session: velaria.Session, pair: tuple[Connection, Connection]
) -> None:
    one, other = pair
    one.sql("BEGIN")
    one.sql("UPDATE t SET v = 11 WHERE k = 1")
    one.sql("CREATE TABLE made(a INTEGER)")
    assert rows(one, "SELECT v FROM t WHERE k = 1") == [(11,)]
    assert rows(other, "SELECT v FROM t WHERE k = 1") == [(10,)]
    assert rows(session, "SELECT v FROM t WHERE k = 1") == [(10,)]
    with refused("VEL2011"):
        other.sql("SELECT * FROM made")
    one.sql("COMMIT")
    assert rows(other, "SELECT v FROM t WHERE k = 1") == [(11,)]
    assert rows(other, "SELECT count(*) FROM made") == [(0,)]


def test_a_transaction_reads_one_snapshot_from_its_first_statement_on(
    session: velaria.Session, pair: tuple[Connection, Connection]
) -> None:
    one, other = pair
    one.sql("BEGIN")
    other.sql("UPDATE t SET v = 99 WHERE k = 2")  # before the first statement: seen
    assert rows(one, "SELECT sum(v) FROM t") == [(109,)]
    other.sql("DELETE FROM t WHERE k = 2")
    other.sql("INSERT INTO t VALUES (3, 30)")
    session.put(pa.table({"k": pa.array([4], pa.int32()), "v": pa.array([40], pa.int32())}), "seen")
    other.sql("CREATE TABLE later(a INTEGER)")
    other.sql("ALTER TABLE t ADD COLUMN w INTEGER")
    assert rows(one, "SELECT * FROM t ORDER BY k") == [(1, 10), (2, 99)]
    for name in ("later", "seen"):
        one.sql("SAVEPOINT s")
        with refused("VEL2011"):
            one.sql(f"SELECT * FROM {name}")
        one.sql("ROLLBACK TO s")
    one.sql("COMMIT")
    assert rows(one, "SELECT k, w FROM t ORDER BY k") == [(1, None), (3, None)]


def test_a_refused_begin_starts_no_snapshot(pair: tuple[Connection, Connection]) -> None:
    one, other = pair
    one.sql("BEGIN")
    with refused("VEL2031"):
        one.sql("BEGIN")
    other.sql("UPDATE t SET v = 99 WHERE k = 2")  # still before the first statement
    assert rows(one, "SELECT sum(v) FROM t") == [(109,)]


def test_no_update_is_lost(pair: tuple[Connection, Connection]) -> None:
    one, other = pair
    for connection in pair:
        connection.sql("BEGIN")
        connection.sql("UPDATE t SET v = v + 1 WHERE k = 1")
    one.sql("COMMIT")
    with refused("VEL3014", "Run the transaction again."):
        other.sql("COMMIT")
    assert not other.in_transaction
    assert rows(other, "SELECT v FROM t WHERE k = 1") == [(11,)]


@pytest.mark.parametrize("change", ["DELETE FROM t WHERE k = 1", "UPDATE t SET k = 5 WHERE k = 1"])
def test_who_changes_a_row_that_has_gone_fails(
    pair: tuple[Connection, Connection], change: str
) -> None:
    one, other = pair
    one.sql("BEGIN")
    assert one.sql("UPDATE t SET v = 0 WHERE k = 1").to_rows() == [(1,)]
    other.sql(change)
    with refused("VEL3014"):
        one.sql("COMMIT")


@pytest.mark.parametrize(
    "changes",
    [
        ("UPDATE t SET v = 7 WHERE k = 1",),
        ("UPDATE t SET k = 3 - k",),
        ("DELETE FROM t WHERE k = 1", "INSERT INTO t VALUES (1, 7)"),
        ("INSERT INTO t VALUES (1, 7) ON CONFLICT (k) DO UPDATE SET v = excluded.v",),
        ("INSERT INTO t VALUES (1, 7) ON CONFLICT DO NOTHING",),
        ("INSERT OR REPLACE INTO t VALUES (1, 7)",),
    ],
)
@pytest.mark.parametrize(
    "first",
    [
        ("UPDATE t SET v = 5 WHERE k = 1",),
        ("DELETE FROM t WHERE k = 1", "INSERT INTO t VALUES (1, 5)"),
    ],
)
def test_who_changes_a_row_that_was_changed_since_the_snapshot_fails_as_a_conflict(
    pair: tuple[Connection, Connection], first: tuple[str, ...], changes: tuple[str, ...]
) -> None:
    """The new row of the one who was first has the same key: that is not the loser's fault."""
    one, other = pair
    one.sql("BEGIN")
    rows(one, "SELECT count(*) FROM t")
    for sql in first:
        other.sql(sql)
    with pytest.raises(velaria.KernelError) as caught:
        for sql in (*changes, "COMMIT"):
            one.sql(sql)
    assert (caught.value.code, caught.value.retry) == ("VEL3014", "later")
    if one.in_transaction:
        one.sql("ROLLBACK")
    assert rows(one, "SELECT v FROM t WHERE k = 1") == [(5,)]


def test_only_insert_is_told_of_on_conflict(pair: tuple[Connection, Connection]) -> None:
    one, _ = pair
    for begins in (False, True):
        for sql, has_hint in (
            ("UPDATE t SET k = 2 WHERE k = 1", False),
            ("INSERT INTO t VALUES (1, 7)", True),
        ):
            if begins:
                one.sql("BEGIN")
            with pytest.raises(velaria.KernelError) as caught:
                one.sql(sql)
            assert caught.value.code == "VEL3005"
            assert ("ON CONFLICT" in caught.value.hint) is has_hint, sql
            if begins:
                one.sql("ROLLBACK")
    one.sql("BEGIN")
    one.sql("INSERT INTO t VALUES (3, 30)")
    with pytest.raises(velaria.KernelError) as caught:
        one.sql("UPDATE t SET k = 3 WHERE k = 1")  # against a row of the transaction's own
    assert (caught.value.code, caught.value.hint) == ("VEL3005", "")


def test_a_failed_commit_leaves_no_table_half_written(
    session: velaria.Session, pair: tuple[Connection, Connection]
) -> None:
    """Tables are prepared one after the other: each of them is the last to fail once."""
    one, other = pair
    session.sql("CREATE TABLE u(k INTEGER PRIMARY KEY, v INTEGER)")
    session.sql("INSERT INTO u VALUES (1, 10), (2, 20)")
    for loser in ("t", "u"):
        one.sql("BEGIN")
        one.sql("INSERT INTO t VALUES (7, 70)")
        one.sql("INSERT INTO u VALUES (7, 70)")
        one.sql(f"UPDATE {loser} SET v = v + 1 WHERE k = 1")
        one.sql("CREATE TABLE made(a INTEGER)")
        other.sql(f"UPDATE {loser} SET v = v + 1 WHERE k = 1")
        with refused("VEL3014"):
            one.sql("COMMIT")
        for table in ("t", "u"):
            assert rows(other, f"SELECT count(*) FROM {table} WHERE k = 7") == [(0,)]
            # The key is free: what the commit had noted was taken back.
            other.sql(f"INSERT INTO {table} VALUES (7, 71)")
            other.sql(f"DELETE FROM {table} WHERE k = 7")
        with refused("VEL2011"):
            other.sql("SELECT * FROM made")


def test_write_skew_is_possible_as_the_page_says(pair: tuple[Connection, Connection]) -> None:
    one, other = pair
    for connection in pair:
        connection.sql("BEGIN")
        assert rows(connection, "SELECT count(*) FROM t WHERE v > 0") == [(2,)]
    one.sql("UPDATE t SET v = 0 WHERE k = 1")
    other.sql("UPDATE t SET v = 0 WHERE k = 2")
    one.sql("COMMIT")
    other.sql("COMMIT")
    assert rows(one, "SELECT count(*) FROM t WHERE v > 0") == [(0,)]


def test_a_key_that_was_committed_meanwhile_is_in_the_way(
    pair: tuple[Connection, Connection],
) -> None:
    one, other = pair
    one.sql("BEGIN")
    rows(one, "SELECT * FROM t")
    other.sql("INSERT INTO t VALUES (3, 30)")
    with refused("VEL3005"):
        one.sql("INSERT INTO t VALUES (3, 31)")
    one.sql("ROLLBACK")
    one.sql("BEGIN")
    one.sql("INSERT INTO t VALUES (4, 40)")
    other.sql("INSERT INTO t VALUES (4, 41)")
    with refused("VEL3005"):
        one.sql("COMMIT")
    one.sql("BEGIN")
    rows(one, "SELECT * FROM t")
    other.sql("INSERT INTO t VALUES (5, 50)")
    with refused("VEL3014"):
        one.sql("INSERT INTO t VALUES (5, 51) ON CONFLICT (k) DO UPDATE SET v = 0")
    one.sql("ROLLBACK")
    assert rows(one, "SELECT v FROM t WHERE k > 3 ORDER BY k") == [(41,), (50,)]


@pytest.mark.parametrize(
    "change",
    [
        "DROP TABLE t",
        "ALTER TABLE t ADD COLUMN w INTEGER",
        "TRUNCATE t",
        "CREATE UNIQUE INDEX i ON t(v)",
        "CREATE OR REPLACE TABLE t(k INTEGER, v INTEGER)",
    ],
)
def test_rows_for_a_table_that_was_replaced_are_refused(
    pair: tuple[Connection, Connection], change: str
) -> None:
    one, other = pair
    one.sql("BEGIN")
    one.sql("INSERT INTO t VALUES (3, 30)")
    other.sql(change)
    with refused("VEL3014"):
        one.sql("COMMIT")


def test_a_change_of_a_table_that_has_new_rows_is_refused(
    pair: tuple[Connection, Connection],
) -> None:
    one, other = pair
    one.sql("BEGIN")
    one.sql("ALTER TABLE t ADD COLUMN w INTEGER")
    other.sql("INSERT INTO t VALUES (3, 30)")
    with refused("VEL3014"):
        one.sql("COMMIT")
    assert rows(one, "SELECT * FROM t WHERE k = 3") == [(3, 30)]


def test_names_conflict_like_rows(session: velaria.Session) -> None:
    with session.connect() as one, session.connect() as other:
        for first, second in (
            ("CREATE TABLE a(x INTEGER)", "CREATE TABLE a(y INTEGER)"),
            ("DROP TABLE a", "ALTER TABLE a RENAME TO b"),
            ("CREATE SCHEMA s", "CREATE SCHEMA s"),
            ("DROP SCHEMA s", "CREATE TABLE s.t(a INTEGER)"),
        ):
            one.sql("BEGIN")
            one.sql(second)
            other.sql(first)
            with refused("VEL3014"):
                one.sql("COMMIT")


def test_an_index_of_a_table_that_was_dropped_meanwhile_is_refused(
    pair: tuple[Connection, Connection],
) -> None:
    one, other = pair
    one.sql("BEGIN")
    one.sql("CREATE INDEX i ON t(v)")
    other.sql("DROP TABLE t")
    with refused("VEL3014"):
        one.sql("COMMIT")


def test_a_statement_reads_all_of_a_commit_or_nothing(session: velaria.Session) -> None:
    """A reader outside of any transaction, over two tables, while money moves between them."""
    session.sql("CREATE TABLE left_side(v BIGINT)")
    session.sql("CREATE TABLE right_side(v BIGINT)")
    session.sql("INSERT INTO left_side VALUES (1000)")
    session.sql("INSERT INTO right_side VALUES (1000)")
    stop = threading.Event()
    sums: list[int] = []

    def read() -> None:
        with session.connect() as reader:
            while not stop.is_set():
                found = rows(
                    reader,
                    "SELECT (SELECT sum(v) FROM left_side) + (SELECT sum(v) FROM right_side)",
                )
                sums.append(int(found[0][0]))

    thread = threading.Thread(target=read)
    thread.start()
    try:
        with session.connect() as writer:
            for _ in range(150):
                writer.sql("BEGIN")
                writer.sql("UPDATE left_side SET v = v - 1")
                writer.sql("UPDATE right_side SET v = v + 1")
                writer.sql("COMMIT")
    finally:
        stop.set()
        thread.join()
    assert sums
    assert set(sums) == {2000}


def test_concurrent_increments_add_up(session: velaria.Session) -> None:
    session.sql("CREATE TABLE counter(n INTEGER)")
    session.sql("INSERT INTO counter VALUES (0)")
    done = []

    def add() -> None:
        with session.connect() as connection:
            for _ in range(40):
                try:
                    connection.sql("BEGIN")
                    connection.sql("UPDATE counter SET n = n + 1")
                    connection.sql("COMMIT")
                    done.append(1)
                except velaria.KernelError as fault:
                    assert fault.code == "VEL3014", fault.message
                    assert not connection.in_transaction

    threads = [threading.Thread(target=add) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert rows(session, "SELECT n FROM counter") == [(len(done),)]


def test_temporary_objects_and_the_current_schema_are_a_connections_own(
    pair: tuple[Connection, Connection],
) -> None:
    one, other = pair
    one.sql("CREATE TEMP TABLE t(only_here INTEGER)")
    assert rows(one, "SELECT count(*) FROM t") == [(0,)]
    assert rows(other, "SELECT count(*) FROM t") == [(2,)]
    one.sql("CREATE SCHEMA s")
    one.sql("SET schema = 's'")
    assert (one.schema, other.schema) == ("s", "main")
    one.sql("CREATE TABLE made(a INTEGER)")
    assert rows(other, "SELECT count(*) FROM s.made") == [(0,)]
    one.close()
    with refused("VEL2011"):
        one.sql("SELECT * FROM temp.t")


def test_closing_a_connection_rolls_back(session: velaria.Session) -> None:
    session.sql("CREATE TABLE t(a INTEGER)")
    with session.connect() as connection:
        connection.sql("BEGIN")
        connection.sql("INSERT INTO t VALUES (1)")
    assert rows(session, "SELECT count(*) FROM t") == [(0,)]


def test_a_call_of_its_own_refuses_what_it_cannot_keep(session: velaria.Session) -> None:
    kernel = session._kernel
    for sql in (
        "BEGIN",
        "CREATE TEMP TABLE t(a INTEGER)",
        "CREATE TEMP VIEW t AS SELECT 1 AS a",
        "SET schema = 'main'",
    ):
        with pytest.raises(velaria.KernelError) as caught:
            kernel.execute(sql)
        assert caught.value.code == "VEL1008"
        assert "session.open" in caught.value.hint
        assert kernel.describe(sql).needs_connection
    with refused("VEL2031"):
        kernel.execute("COMMIT")
    assert not kernel.describe("SELECT 1").needs_connection


def test_a_streaming_query_sees_the_rows_of_a_transaction_as_one_commit(
    session: velaria.Session,
) -> None:
    session.sql("CREATE STREAM s(a INTEGER)")
    session.sql("CREATE TABLE target(a INTEGER)")
    query = session.start_stream_sql("INSERT INTO target SELECT a FROM s", name="q")
    for sql in ("ALTER TABLE target ADD COLUMN b INTEGER", "TRUNCATE target", "DROP TABLE target"):
        with refused("VEL4011"):
            session.sql(sql)
        session.sql("BEGIN")
        with refused("VEL4011"):
            session.sql(sql)
        session.sql("ROLLBACK")
    session.sql("BEGIN")
    with refused("VEL2031"):
        session.start_stream_sql("SELECT a FROM s", name="other")
    session.sql("ROLLBACK")
    session.sql("INSERT INTO s VALUES (1), (2)")
    query.stop("drain")
    assert rows(session, "SELECT a FROM target ORDER BY a") == [(1,), (2,)]


def test_errors_name_their_place_and_the_nearest_name(session: velaria.Session) -> None:
    session.sql("CREATE SCHEMA sales")
    session.sql("CREATE TABLE sales.orders(total INTEGER, CONSTRAINT positive CHECK (total > 0))")
    for sql, column, near in (
        ("SELECT * FROM sale.orders", 15, "sales"),
        ("SELECT * FROM sales.ordres", 15, "sales.orders"),
        ("TRUNCATE sale.orders", 10, "sales"),
        ("ALTER TABLE sales.orders DROP COLUMN totl", 38, "total"),
        ("ALTER TABLE sales.orders DROP CONSTRAINT positiv", 42, "positive"),
        ("DROP SCHEMA sale", 13, "sales"),
    ):
        with pytest.raises(velaria.KernelError) as caught:
            session.sql(sql)
        assert caught.value.column == column, sql
        assert f"Did you mean {near}?" in caught.value.hint, sql


def test_schemas_are_shown_and_the_current_one_is_marked(session: velaria.Session) -> None:
    session.sql("CREATE SCHEMA sales")
    assert dict(rows(session, "SHOW SCHEMAS"))["main"] == "current"
    session.sql("USE sales")
    shown = dict(rows(session, "SHOW SCHEMAS"))
    assert shown["sales"] == "current"
    assert {name for name, note in shown.items() if not note} >= {"main", "system", "temp"}
