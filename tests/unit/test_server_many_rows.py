"""A change with many rows of parameters is described once for its caller, not once a row."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.calls import call_on
from velaria import _kernel
from velaria.control.ledger import open_ledger
from velaria.flight_server.calls import Call
from velaria.flight_server.flight_sql import updates
from velaria.flight_server.identity.principals import Principal, parse_binding
from velaria.flight_server.options import Options
from velaria.flight_server.service import Service
from velaria.schemas.errors import VelariaError

MANY = 100


class CountingSession:
    """A kernel session that counts the questions to it."""

    def __init__(self, session: _kernel.Session) -> None:
        self._session = session
        self.asked: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        self.asked[name] += 1
        return getattr(self._session, name)


@pytest.fixture
def session() -> CountingSession:
    kernel = _kernel.Session(threads=1)
    kernel.execute("CREATE TABLE t (a BIGINT PRIMARY KEY)")
    kernel.execute("CREATE SCHEMA hr")
    kernel.execute("CREATE TABLE hr.t (a BIGINT)")
    return CountingSession(kernel)


@pytest.fixture
def service(session: CountingSession, tmp_path: Path) -> Iterator[Service]:
    with ExitStack() as undo:
        ledger = open_ledger("none", tmp_path)
        undo.callback(ledger.close)
        made = Service(session, ledger, Options(), tmp_path)  # type: ignore[arg-type]
        undo.callback(made.shared.close)
        yield made


def call_of(service: Service, *bindings: str) -> Call:
    call = call_on(service.watcher)
    call.principal = Principal("ann", tuple(parse_binding(each) for each in bindings))
    return call


def numbers(count: int) -> pa.Table:
    return pa.table({"0": pa.array(range(count), pa.int64())})


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO t VALUES (?) RETURNING a",
        "INSERT INTO t VALUES (?)",
        "UPDATE t SET a = a + 1000 WHERE a = ? RETURNING a",
        "DELETE FROM t WHERE a = ?",
    ],
)
def test_many_rows_are_described_once(service: Service, session: CountingSession, sql: str) -> None:
    call = call_of(service, "author:main")
    session.asked.clear()
    updates.run_any(service, call, sql, numbers(MANY))
    assert session.asked["describe"] == 1


def test_each_row_is_judged_where_its_values_may_name_something(
    service: Service, session: CountingSession
) -> None:
    call = call_of(service, "author:main")
    session.asked.clear()
    sql = "EXPLAIN ANALYZE SELECT a FROM t WHERE a = ?"
    updates.run_any(service, call, sql, numbers(MANY))
    assert session.asked["describe"] >= MANY


def test_what_its_caller_may_not_change_is_refused_before_the_first_row(
    service: Service, session: CountingSession
) -> None:
    call = call_of(service, "author:main")
    with pytest.raises(VelariaError, match="VEL1010"):
        updates.run_any(service, call, "INSERT INTO hr.t VALUES (?) RETURNING a", numbers(3))
    assert session.execute("SELECT a FROM hr.t").read_all().num_rows == 0


def test_a_commit_that_fails_has_no_place_in_a_statement_nobody_has_sent(
    service: Service, session: CountingSession
) -> None:
    call = call_of(service, "author:main")
    session.execute("INSERT INTO t VALUES (1)")
    info = session.describe("UPDATE t SET a = a + 1 WHERE a = ? RETURNING a", [1])
    kernel: Any = session
    with (
        pytest.raises(VelariaError) as caught,
        updates._whole(service, call, kernel, info, numbers(2)) as own,
    ):
        own.execute("UPDATE t SET a = 2 WHERE a = 1")
        session.execute("UPDATE t SET a = 3 WHERE a = 1")
    error = caught.value
    assert (error.code, error.line, error.caret) == ("VEL3014", 0, "")
    assert session.execute("SELECT a FROM t").read_all().to_pydict() == {"a": [3]}
