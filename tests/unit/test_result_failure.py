"""What a result tells of its failure, after its reader broke off."""

from collections.abc import Iterator

import pyarrow as pa
import pytest

from velaria._kernel import KernelError, QueryResult, Session

ROWS = 1_000_000


@pytest.fixture
def session() -> Iterator[Session]:
    kernel_session = Session(threads=2)
    yield kernel_session
    kernel_session.close()


def read_to_failure(result: QueryResult) -> KernelError:
    reader = result.reader()
    with pytest.raises((pa.ArrowException, OSError)):
        while True:
            reader.read_next_batch()
    failure = result.failure()
    assert failure is not None
    return failure


def test_a_row_far_behind_fails_with_its_code_and_hint(session: Session) -> None:
    sql = f"SELECT 1 % (i - {ROWS}) FROM generate_series(1, {ROWS + 1}) AS s(i)"
    failure = read_to_failure(session.execute(sql))
    with pytest.raises(KernelError) as raised:
        session.execute(sql).read_all()
    assert type(failure) is type(raised.value)
    assert failure.args == raised.value.args
    assert failure.code.startswith("VEL3")


def test_a_cast_tells_its_place_and_caret(session: Session) -> None:
    session.execute("CREATE TABLE texts (a VARCHAR)")
    session.execute("INSERT INTO texts VALUES ('1'), ('x')")
    sql = "SELECT 1,\n  CAST(a AS INTEGER) FROM texts"
    failure = read_to_failure(session.execute(sql))
    with pytest.raises(KernelError) as raised:
        session.execute(sql).read_all()
    assert failure.args == raised.value.args
    assert (failure.line, failure.caret) == (2, raised.value.caret)
    assert "^" in failure.caret


def test_a_cancelled_query_tells_so(session: Session) -> None:
    result = session.execute(f"SELECT i FROM generate_series(1, {100 * ROWS}) AS s(i)")
    reader = result.reader()
    reader.read_next_batch()
    assert result.failure() is None
    result.cancel()
    with pytest.raises((pa.ArrowException, OSError)):
        while True:
            reader.read_next_batch()
    failure = result.failure()
    assert failure is not None
    assert failure.code == "VEL3010"


def test_a_good_end_is_no_failure(session: Session) -> None:
    result = session.execute("SELECT 1")
    assert result.failure() is None
    assert result.reader().read_all().num_rows == 1
    assert result.failure() is None
    assert session.execute("SHOW TABLES").failure() is None
