"""Batches put through a connection: its transaction, its schema, its temporary tables."""

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
import pytest

from velaria._kernel import Connection, KernelError, Session

ROWS = pa.record_batch({"a": pa.array([1, 2, 3], pa.int64())})


@contextmanager
def refused(code: str) -> Iterator[None]:
    with pytest.raises(KernelError) as caught:
        yield
    assert caught.value.code == code, caught.value.message


@pytest.fixture
def session() -> Iterator[Session]:
    kernel_session = Session(threads=1)
    yield kernel_session
    kernel_session.close()


def count(source: Session | Connection, table: str) -> int:
    counted: int = source.execute(f"SELECT count(*) FROM {table}").read_all()[0][0].as_py()
    return counted


def put(source: Session | Connection, table: str, **options: object) -> None:
    ingest = source.ingest(table, ROWS.schema, **options)  # type: ignore[arg-type]
    ingest.write(ROWS)
    ingest.commit()


@pytest.mark.parametrize("mode", ["append", "existing", "create", "replace"])
@pytest.mark.parametrize("ends", ["COMMIT", "ROLLBACK"])
def test_rows_are_part_of_the_open_transaction(session: Session, mode: str, ends: str) -> None:
    if mode != "create":
        put(session, "t")
    before = None if mode == "create" else 3
    connection = session.connect()
    connection.execute("BEGIN")
    put(connection, "t", mode=mode)
    within = 6 if mode in ("append", "existing") else 3
    assert count(connection, "t") == within
    if before is None:
        with refused("VEL2011"):
            count(session, "t")
    else:
        assert count(session, "t") == before
    connection.execute(ends)
    expected = within if ends == "COMMIT" else before
    if expected is None:
        with refused("VEL2011"):
            count(session, "t")
    else:
        assert count(session, "t") == expected


def test_a_failed_transaction_takes_no_rows(session: Session) -> None:
    put(session, "t")
    connection = session.connect()
    connection.execute("BEGIN")
    open_before = connection.ingest("t", ROWS.schema)
    assert open_before.is_atomic
    open_before.write(ROWS)
    with refused("VEL2011"):
        connection.execute("SELECT * FROM nowhere")
    with refused("VEL2031"):
        open_before.commit()
    with refused("VEL2031"):
        connection.ingest("t", ROWS.schema)
    connection.execute("ROLLBACK")
    assert count(session, "t") == 3


@pytest.mark.parametrize("how", ["COMMIT", "ROLLBACK", "close"])
@pytest.mark.parametrize("mode", ["append", "replace"])
def test_rows_begun_in_a_transaction_do_not_come_after_it(
    session: Session, how: str, mode: str
) -> None:
    put(session, "t")
    connection = session.connect()
    connection.execute("BEGIN")
    under_way = connection.ingest("t", ROWS.schema, mode=mode)
    under_way.write(ROWS)
    if how == "close":
        connection.close()
    else:
        connection.execute(how)
        connection.execute("BEGIN")  # another one does not take them, nor does it fail
    with refused("VEL2031"):
        under_way.write(ROWS)
    with refused("VEL2031"):
        under_way.commit()
    assert count(session, "t") == 3
    if how != "close":
        assert count(connection, "t") == 3


@pytest.mark.parametrize("mode", ["append", "replace"])
@pytest.mark.parametrize("boundary", ["BEGIN", "ROLLBACK TO s"])
def test_rows_do_not_come_behind_a_boundary(session: Session, boundary: str, mode: str) -> None:
    put(session, "t")
    connection = session.connect()
    if boundary != "BEGIN":
        connection.execute("BEGIN")
        connection.execute("SAVEPOINT s")
    under_way = connection.ingest("t", ROWS.schema, mode=mode, atomic=True)
    under_way.write(ROWS)
    connection.execute(boundary)
    with refused("VEL2031"):
        under_way.write(ROWS)
    with refused("VEL2031"):
        under_way.commit()
    assert count(connection, "t") == 3
    put(connection, "t")
    assert count(connection, "t") == 6


def test_what_is_no_boundary_does_a_put_no_harm(session: Session) -> None:
    put(session, "t")
    connection = session.connect()
    batch_by_batch = connection.ingest("t", ROWS.schema)
    connection.execute("BEGIN")
    connection.execute("SAVEPOINT s")
    under_way = connection.ingest("t", ROWS.schema)
    for harmless in ("SAVEPOINT later", "RELEASE SAVEPOINT later"):
        connection.execute(harmless)
    batch_by_batch.write(ROWS)
    under_way.write(ROWS)
    under_way.commit()
    batch_by_batch.commit()
    assert count(connection, "t") == 6
    connection.execute("ROLLBACK")
    assert count(session, "t") == 6


def test_a_read_only_transaction_takes_no_rows(session: Session) -> None:
    put(session, "t")
    connection = session.connect()
    connection.execute("BEGIN READ ONLY")
    with refused("VEL2031"):
        connection.ingest("t", ROWS.schema)


def test_rows_go_into_the_current_schema(session: Session) -> None:
    connection = session.connect()
    connection.execute("CREATE SCHEMA side")
    connection.execute("SET schema = 'side'")
    put(connection, "t")
    assert count(session, "side.t") == 3
    put(connection, "x.y", catalog_schema="main")
    assert count(session, 'main."x.y"') == 3
    put(session, "side.t")
    assert count(session, "side.t") == 6
    with refused("VEL2028"):
        connection.ingest("t", ROWS.schema, catalog_schema="nowhere")
    with refused("VEL2025"):
        connection.ingest("t", ROWS.schema, catalog_schema="system")


def test_temporary_tables_belong_to_the_connection(session: Session) -> None:
    one, other = session.connect(), session.connect()
    put(one, "t", temporary=True)
    put(one, "t", temporary=True, mode="existing")
    assert count(one, "t") == 6
    with refused("VEL2011"):
        count(other, "t")
    put(session, "t")
    assert (count(one, "t"), count(other, "t")) == (6, 3)
    put(one, "t")  # the temporary one hides the other
    assert (count(one, "t"), count(other, "t")) == (9, 3)
    with refused("VEL1008"):
        session.ingest("t", ROWS.schema, temporary=True)
    with refused("VEL1006"):
        one.ingest("t", ROWS.schema, temporary=True, catalog_schema="main")


def test_atomic_rows_are_visible_at_commit(session: Session) -> None:
    put(session, "t")
    for table, seen in (("t", 3), ("new", None)):
        ingest = session.ingest(table, ROWS.schema, atomic=True)
        ingest.write(ROWS)
        ingest.write(ROWS)
        if seen is None:
            with refused("VEL2011"):
                count(session, table)
        else:
            assert count(session, table) == seen
        ingest.commit()
        assert count(session, table) == (seen or 0) + 6
    session.ingest("gone", ROWS.schema, atomic=True).write(ROWS)
    with refused("VEL2011"):
        count(session, "gone")


def test_modes_look_at_what_is_there(session: Session) -> None:
    with refused("VEL2011"):
        session.ingest("t", ROWS.schema, mode="existing")
    with refused("VEL2011"):
        count(session, "t")
    put(session, "t", mode="create")
    with refused("VEL2024"):
        session.ingest("t", ROWS.schema, mode="create")
    with refused("VEL1006"):
        session.ingest("t", ROWS.schema, mode="upsert")
    with refused("VEL4005"):
        session.ingest("t", pa.schema([("b", pa.int64())]), mode="existing", atomic=True)
    assert count(session, "t") == 3


def test_an_ingest_outlives_its_connection(session: Session) -> None:
    connection = session.connect()
    ingest = connection.ingest("t", ROWS.schema, atomic=True)
    ingest.write(ROWS)
    del connection
    ingest.commit()
    assert count(session, "t") == 3
