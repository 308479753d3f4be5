"""One statement for many rows of parameters: all of them or none, and what it means row by row."""

import datetime
import decimal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import ipc

from tests.faults.malformed_streams import MUST_REJECT
from velaria._kernel import Connection, KernelError, Session


@pytest.fixture
def session() -> Iterator[Session]:
    kernel_session = Session(threads=1)
    kernel_session.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b VARCHAR)")
    yield kernel_session
    kernel_session.close()


@contextmanager
def refused(code: str) -> Iterator[None]:
    with pytest.raises(KernelError) as caught:
        yield
    assert caught.value.code == code, caught.value.message


def parameters(*columns: list[Any]) -> pa.Table:
    return pa.table({str(i): column for i, column in enumerate(columns)})


def rows(session: Session | Connection, sql: str) -> list[tuple[Any, ...]]:
    table = session.execute(sql).read_all()
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def test_insert_takes_every_row(session: Session) -> None:
    done = session.execute_many(
        "INSERT INTO t VALUES (?, ?)", parameters([1, 2, 3], ["x", "y", None])
    )
    assert (done.rows_affected, done.schema) == (3, None)
    assert rows(session, "SELECT * FROM t ORDER BY a") == [(1, "x"), (2, "y"), (3, None)]


def test_values_are_computed_for_each_row(session: Session) -> None:
    session.execute("CREATE TABLE u (a BIGINT, d DATE, c VARCHAR DEFAULT 'none', e DECIMAL(10, 2))")
    sql = "INSERT INTO u VALUES ($2 * 10 + $2, $1, DEFAULT, '1.5'), (length($1), $1, upper($1), 2)"
    assert (
        session.execute_many(sql, parameters(["2013-01-01", "2014-02-03"], [1, 2])).rows_affected
        == 4
    )
    one, two = datetime.date(2013, 1, 1), datetime.date(2014, 2, 3)
    number = decimal.Decimal
    assert sorted(rows(session, "SELECT * FROM u")) == [
        (10, one, "2013-01-01", number(2)),
        (10, two, "2014-02-03", number(2)),
        (11, one, "none", number("1.5")),
        (22, two, "none", number("1.5")),
    ]


def test_a_row_that_breaks_a_rule_leaves_nothing(session: Session) -> None:
    with refused("VEL3005"):
        session.execute_many("INSERT INTO t VALUES (?, 'x')", parameters([1, 2, 1]))
    with refused("VEL3003"):
        session.execute_many("INSERT INTO t VALUES (?, 'x')", parameters(["1", "two"]))
    assert rows(session, "SELECT * FROM t") == []


def test_update_and_delete_run_once_for_each_row(session: Session) -> None:
    session.execute("INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')")
    update = "UPDATE t SET b = ? WHERE a = ?"
    assert session.execute_many(update, parameters(["x", "y", "z"], [1, 2, 9])).rows_affected == 2
    assert session.execute_many("DELETE FROM t WHERE a >= ?", parameters([3, 2])).rows_affected == 2
    assert rows(session, "SELECT * FROM t") == [(1, "x")]


def each_and_at_once(sql: str, *columns: list[Any]) -> tuple[Any, ...]:
    """What a statement does when it is run for each row of parameters, and when it gets them all:
    the count of changed rows, or the code of its error, and the rows of the table."""
    outcomes = []
    for at_once in (False, True):
        session = Session(threads=1)
        session.execute("CREATE TABLE t (k INTEGER PRIMARY KEY, g BIGINT, v INTEGER, s VARCHAR)")
        session.execute("ALTER TABLE t ADD CHECK (v < 1000)")
        session.execute(
            "INSERT INTO t SELECT i, i % 3, i * 10, 's' || (i % 4) FROM generate_series(0, 9) x(i)"
        )
        given = parameters(*columns)
        told: Any = 0
        connection = session.connect()
        connection.execute("BEGIN")
        try:
            if at_once:
                told = connection.execute_many(sql, given).rows_affected
            else:
                for row in given.to_pylist():
                    told += connection.execute(sql, list(row.values())).rows_affected or 0
            connection.execute("COMMIT")
        except KernelError as fault:
            told = fault.code
            connection.execute("ROLLBACK")
        outcomes.append((told, rows(session, "SELECT * FROM t ORDER BY k")))
        session.close()
    assert outcomes[0] == outcomes[1]
    return outcomes[0]


UPSERT = "INSERT INTO t (k, v) VALUES ($1, $2) ON CONFLICT (k) DO "


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ("UPDATE t SET v = ? WHERE k = ?", ([1, 2, 3], [4, 5, 60])),
        ("UPDATE t SET v = ? WHERE k = ?", ([1, 2, 3], [4, 4, 4])),  # the last one stays
        ("UPDATE t SET v = ?, s = NULL WHERE g = ? AND k = ?", ([1, 2], [0, 1], [3, 3])),
        ("UPDATE t SET v = ? WHERE ? = t.s", ([7, 8], ["s1", "s2"])),
        ("UPDATE t SET v = ? WHERE g = ?", ([7, 8, 9], [0, 2, 0])),
        ("UPDATE t SET g = ? WHERE g = ?", ([1, 2, 9], [0, 1, 2])),  # each sees the one before
        ("UPDATE t SET g = $1, v = $1 WHERE g = $2", ([1, 2, 9], [0, 1, 2])),
        ("UPDATE t SET k = ? WHERE k = ?", ([10, 0, 9], [0, 9, 10])),
        ("UPDATE t SET k = ? WHERE k = ?", ([1, 10], [0, 1])),  # a key that is there yet
        ("UPDATE t SET v = ? WHERE k = ?", ([1000, 1], [3, 3])),  # refused, though changed again
        ("UPDATE t SET v = ? WHERE k = ?", ([1, 1000], [3, 4])),
        ("UPDATE t SET v = v + ? WHERE k = ?", ([1, 2, 3], [3, 3, 4])),
        ("UPDATE t SET v = DEFAULT WHERE k = ?", ([1, 2],)),
        ("UPDATE t SET v = ? WHERE k = ?", ([1, None, 3], [1, 2, None])),
        ("UPDATE t SET v = ? WHERE k = ?", ([1, 2], ["1", "2"])),
        ("UPDATE t SET v = ? WHERE k = ?", ([1.4, 2.6], [1.0, 2.5])),
        ("UPDATE t SET v = (SELECT max(v) FROM t) + ? WHERE k = ?", ([1, 1], [1, 2])),
        ("UPDATE t SET v = ? WHERE k = ? OR g = 1", ([1, 2], [1, 2])),
        ("UPDATE t SET v = ? WHERE k > ?", ([1, 2], [1, 5])),
        (UPSERT + "NOTHING", ([1, 20, 20, 2], [7, 8, 9, 10])),
        (UPSERT + "UPDATE SET v = excluded.v + t.v", ([1, 20, 2], [7, 8, 9])),
        (UPSERT + "UPDATE SET v = excluded.v + t.v", ([1, 20, 1, 20], [7, 8, 9, 10])),
        (UPSERT + "UPDATE SET v = $1 + $2", ([1, 20, 2], [7, 8, 9])),
        (UPSERT + "UPDATE SET k = t.k + 1", ([9, 10], [7, 8])),
        (UPSERT + "UPDATE SET v = 5 WHERE t.v > 10", ([1, 2, 30], [7, 8, 9])),
        (UPSERT + "UPDATE SET v = excluded.v", ([1, 2], [7, 1000])),
        (UPSERT + "UPDATE SET v = excluded.v", ([1, None], [7, 8])),
        ("INSERT INTO t (k, v) VALUES (?, (SELECT count(*) FROM t))", ([20, 21],)),
        (UPSERT.replace("$2", "(SELECT count(*) FROM t)") + "NOTHING", ([20, 1, 21],)),
        ("INSERT INTO t (k, v) VALUES (?, coalesce(?, (SELECT max(k) FROM t)))", ([20], [None])),
        ("INSERT OR REPLACE INTO t (k, v) VALUES (?, ?)", ([1, 20, 1], [7, 8, 9])),
        ("DELETE FROM t WHERE k = ?", ([1, 1, 2, 70, None],)),
        ("DELETE FROM t WHERE g = ? AND s = ?", ([1, 1, 2], ["s1", "s1", "s2"])),
        ("DELETE FROM t WHERE k = ? AND v = (SELECT min(v) FROM t)", ([0, 1, 3],)),
        ("DELETE FROM t WHERE v = ?", ([10, 20, "x"],)),
    ],
)
def test_all_rows_at_once_do_what_each_would(sql: str, columns: tuple[list[Any], ...]) -> None:
    if any(len({type(value) for value in column if value is not None}) > 1 for column in columns):
        columns = tuple([str(value) for value in column] for column in columns)
    each_and_at_once(sql, *columns)


def test_what_two_rows_change_is_counted_twice() -> None:
    count, table = each_and_at_once("UPDATE t SET v = ? WHERE k = ?", [1, 2], [4, 4])
    assert count == 2
    assert table[4] == (4, 1, 2, "s0")
    count, table = each_and_at_once("DELETE FROM t WHERE k = ?", [4, 4])
    assert (count, len(table)) == (1, 9)


def test_many_rows_are_found_at_once(session: Session) -> None:
    """A statement a row would look through the table 20,000 times."""
    count = 20_000
    session.register_arrow("many", pa.table({"k": range(count), "v": [0] * count}))
    session.execute("CREATE TABLE u AS SELECT * FROM many")
    shuffled = [(row * 7919) % count for row in range(count)]
    update = "UPDATE u SET v = ? WHERE k = ?"
    assert session.execute_many(update, parameters(shuffled, shuffled)).rows_affected == count
    assert rows(session, "SELECT count(*) FROM u WHERE v = k") == [(count,)]
    done = session.execute_many("DELETE FROM u WHERE k = ?", parameters(shuffled[1:]))
    assert done.rows_affected == count - 1


@pytest.mark.parametrize("layout", [pa.string(), pa.large_string(), pa.string_view()])
def test_texts_are_found_whatever_their_layout(session: Session, layout: pa.DataType) -> None:
    session.execute("INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, NULL)")
    data = pa.table({"p": pa.array(["b", "c", None, "B"], layout)})
    assert session.execute_many("DELETE FROM t WHERE b = ?", data).rows_affected == 1
    assert rows(session, "SELECT a FROM t ORDER BY a") == [(1,), (3,)]


def test_a_row_sees_what_the_one_before_did(session: Session) -> None:
    upsert = "INSERT INTO t VALUES (?, ?) ON CONFLICT (a) DO UPDATE SET b = t.b || excluded.b"
    assert session.execute_many(upsert, parameters([1, 1, 1], ["x", "y", "z"])).rows_affected == 3
    assert rows(session, "SELECT * FROM t") == [(1, "xyz")]


def test_a_failing_row_undoes_those_before_it(session: Session) -> None:
    session.execute("INSERT INTO t VALUES (1, 'a'), (2, 'b')")
    with refused("VEL3001"):
        session.execute_many("UPDATE t SET b = 10 / ? WHERE a = 1", parameters([5, 0]))
    assert rows(session, "SELECT b FROM t WHERE a = 1") == [("a",)]


def test_a_subquery_in_values_sees_the_parameters(session: Session) -> None:
    session.execute("CREATE TABLE names (a INTEGER, name VARCHAR)")
    session.execute("INSERT INTO names VALUES (1, 'one'), (2, 'two')")
    sql = "INSERT INTO t VALUES (?, (SELECT max(name) FROM names WHERE a = $1))".replace("?", "$1")
    session.execute_many(sql, parameters([1, 2, 3]))
    assert rows(session, "SELECT * FROM t ORDER BY a") == [(1, "one"), (2, "two"), (3, None)]


def test_in_a_transaction_they_are_part_of_it(session: Session) -> None:
    connection = session.connect()
    connection.execute("BEGIN")
    connection.execute_many("INSERT INTO t VALUES (?, 'x')", parameters([1, 2]))
    connection.execute_many("UPDATE t SET b = ? WHERE a = 1", parameters(["y"]))
    assert rows(connection, "SELECT * FROM t ORDER BY a") == [(1, "y"), (2, "x")]
    assert rows(session, "SELECT * FROM t") == []
    with refused("VEL3005"):
        connection.execute_many("INSERT INTO t VALUES (?, 'x')", parameters([2]))
    with refused("VEL2031"):
        connection.execute_many("INSERT INTO t VALUES (?, 'x')", parameters([3]))
    connection.execute("ROLLBACK")
    assert rows(session, "SELECT * FROM t") == []


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("INSERT INTO t VALUES (?)", "VEL2021"),
        ("INSERT INTO t VALUES (?, ?)", "VEL1006"),
        ("INSERT INTO nowhere VALUES (?)", "VEL2011"),
        ("UPDATE t SET b = ? WHERE nothing = 1", "VEL2012"),
        ("SELECT ?", "VEL1006"),
        ("BEGIN", "VEL1006"),
        ("INSERT INTO t VALUE", "VEL2001"),
    ],
)
@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_wrong_statement_is_refused_whatever_the_rows(
    session: Session, sql: str, code: str, count: int
) -> None:
    data = pa.table({"p": pa.array(list(range(count)), pa.int32())})
    with refused(code):
        session.execute_many(sql, data)
    assert rows(session, "SELECT * FROM t") == []
    assert not session.connect().in_transaction


def test_no_rows_change_nothing(session: Session) -> None:
    empty = parameters([1], ["x"]).slice(0, 0)
    assert session.execute_many("INSERT INTO t VALUES (?, ?)", empty).rows_affected == 0
    assert session.execute_many("UPDATE t SET a = ? WHERE b = ?", empty).rows_affected == 0


def test_damaged_batches_are_refused(session: Session) -> None:
    damaged = ipc.open_stream(MUST_REJECT["text offset past the end"]()).read_next_batch()
    names = ", ".join("?" for _ in damaged.columns)
    session.execute("CREATE TABLE w AS SELECT " + ", ".join("'x'" for _ in damaged.columns))
    with refused("VEL4006"):
        session.execute_many(f"INSERT INTO w VALUES ({names})", pa.Table.from_batches([damaged]))


def test_it_can_be_cancelled_between_rows(session: Session) -> None:
    session.execute("INSERT INTO t SELECT i, 'x' FROM generate_series(1, 1000) s(i)")
    caught: list[KernelError] = []

    def run() -> None:
        try:
            session.execute_many(
                "UPDATE t SET b = ? WHERE a = ?", parameters(["y"] * 100_000, [1] * 100_000), "many"
            )
        except KernelError as error:
            caught.append(error)

    worker = threading.Thread(target=run)
    worker.start()
    while worker.is_alive():
        try:
            session.cancel("many")
            break
        except KernelError:
            continue  # it has not begun
    worker.join(60)
    assert [error.code for error in caught] == ["VEL3010"]
    assert rows(session, "SELECT count(*) FROM t WHERE b = 'y'") == [(0,)]


@pytest.mark.parametrize(
    ("sql", "types"),
    [
        ("SELECT a FROM t WHERE a = ? AND b > ?", [pa.int32(), pa.string()]),
        ("INSERT INTO t VALUES (?, ?)", [pa.int32(), pa.string()]),
        ("UPDATE t SET b = $2 WHERE a = $1", [pa.int32(), pa.string()]),
        ("DELETE FROM t WHERE a IN (?, 5, ?)", [pa.int32(), pa.int32()]),
        ("SELECT CAST(? AS BIGINT) * 2", [pa.int64()]),
        ("SELECT a + ? FROM t WHERE b LIKE ?", [pa.int32(), pa.string()]),
        ("SELECT ?", [pa.null()]),
        ("SELECT 1", []),
    ],
)
def test_the_types_of_parameters_are_inferred(
    session: Session, sql: str, types: list[pa.DataType]
) -> None:
    schema = session.describe(sql).parameter_schema
    assert schema == pa.schema([(f"${i}", type_) for i, type_ in enumerate(types, 1)])


def test_the_types_of_given_parameters_are_theirs(session: Session) -> None:
    info = session.describe("SELECT ?, ?", [pa.scalar(1, pa.int8()), "x"])
    assert info.parameter_schema.types == [pa.int8(), pa.string()]
    assert info.schema is not None and info.schema.types == [pa.int8(), pa.string()]
