"""What the server keeps for its clients between calls is bounded by settings, each reached here."""

from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.flight as flight
import pytest

from tests.conftest import FRONTS
from tests.integration.flight_sql_client import begin, info_of, prepare, put, wrapped
from tests.server_process import ServerProcess, act, rows, told

BOUNDS = {
    "limits.share_percent": 100,  # one client may reach them
    "limits.results_held": 2,
    "limits.prepared_open": 3,
    "limits.prepared_bytes": 4_000,
    "limits.transactions_open": 2,
    "limits.savepoints_open": 2,
    "limits.parameters_bytes": 3_000,
    "limits.ticket_parameters_bytes": 2_000,
    "limits.shared_memory_bytes": 1_000,
    "tickets.replies_kept": 2,
    "tickets.replies_bytes": 5_000,
}


@pytest.fixture(scope="module", params=FRONTS)
def client(request: pytest.FixtureRequest) -> Iterator[flight.FlightClient]:
    words = [word for name, value in BOUNDS.items() for word in ("--set", f"{name}={value}")]
    words += ["--front", request.param]
    with ServerProcess(arguments=words) as server, server.connect() as connection:
        yield connection


def refusal(call: Callable[[], Any]) -> tuple[str, str, str]:
    """Code and retry of a call that is refused, and its text."""
    with pytest.raises((flight.FlightError, pa.ArrowException)) as caught:
        call()
    error = told(caught.value)
    return error["code"], error["retry"], error["message"]


def parameters(count: int) -> pa.Table:
    return pa.table({"0": pa.array(range(count), pa.int64())})


def close(client: flight.FlightClient, handle: bytes) -> None:
    request = "ActionClosePreparedStatementRequest"
    wrapped(client, "ClosePreparedStatement", request, prepared_statement_handle=handle)


def bind(client: flight.FlightClient, handle: bytes, count: int) -> bytes:
    """So many numbers as parameters of a query; the handle it has then."""
    name = "CommandPreparedStatementQuery"
    put(client, name, parameters(count), prepared_statement_handle=handle)
    return handle


def test_results_that_are_held(client: flight.FlightClient) -> None:
    held = [act(client, "query.poll", sql="SELECT 1 AS a", wait_ms=10_000) for _ in range(2)]
    code, retry, text = refusal(lambda: act(client, "query.poll", sql="SELECT 2 AS a"))
    assert (code, retry) == ("VEL5002", "later") and "query.poll: 2" in text
    tables = [client.do_get(flight.Ticket(reply["ticket"])).read_all() for reply in held]
    assert [table.to_pydict() for table in tables] == [{"a": [1]}] * 2
    reply = act(client, "query.poll", sql="SELECT 3 AS a", wait_ms=10_000)
    assert client.do_get(flight.Ticket(reply["ticket"])).read_all().to_pydict() == {"a": [3]}


def test_prepared_statements_and_their_bytes(client: flight.FlightClient) -> None:
    handles = [prepare(client, "SELECT ?").prepared_statement_handle for _ in range(3)]
    code, retry, text = refusal(lambda: prepare(client, "SELECT 1"))
    assert (code, retry) == ("VEL5002", "later") and "prepared statement: 3" in text
    bind(client, handles[0], 200)
    code, retry, text = refusal(lambda: bind(client, handles[1], 320))
    assert (code, retry) == ("VEL5002", "later") and "exceed 4000 bytes" in text
    for handle in handles:
        close(client, handle)
    close(client, prepare(client, "SELECT 1").prepared_statement_handle)


def test_parameters_at_once_and_in_a_ticket(client: flight.FlightClient) -> None:
    handle = prepare(client, "SELECT ?").prepared_statement_handle
    code, _, text = refusal(lambda: bind(client, handle, 400))
    assert code == "VEL1004" and "exceed 3000 bytes: 3200" in text
    bind(client, handle, 300)
    query = "CommandPreparedStatementQuery"
    code, _, text = refusal(lambda: info_of(client, query, prepared_statement_handle=handle))
    assert code == "VEL1004" and "of a query exceed 2000 bytes" in text
    close(client, handle)


def test_transactions_and_their_savepoints(client: flight.FlightClient) -> None:
    def savepoint(transaction: bytes) -> None:
        request = "ActionBeginSavepointRequest"
        wrapped(client, "BeginSavepoint", request, transaction_id=transaction, name="s")

    def roll_back(transaction: bytes) -> None:
        request = "ActionEndTransactionRequest"
        wrapped(client, "EndTransaction", request, transaction_id=transaction, action=2)

    first, second = begin(client), begin(client)
    code, retry, text = refusal(lambda: begin(client))
    assert (code, retry) == ("VEL5002", "later") and "transaction: 2" in text
    for _ in range(2):
        savepoint(first)
    code, retry, text = refusal(lambda: savepoint(first))
    assert (code, retry) == ("VEL5002", "later") and "savepoints: 2" in text
    for transaction in (first, second):
        roll_back(transaction)
    roll_back(begin(client))


def test_replies_that_are_kept(client: flight.FlightClient) -> None:
    def change(sql: str) -> flight.Ticket:
        return info_of(client, "CommandStatementQuery", query=sql).endpoints[0].ticket

    tickets = [change("CREATE OR REPLACE TABLE kept (a BIGINT)") for _ in range(3)]
    for ticket in tickets[1:]:
        assert client.do_get(ticket).read_all().num_rows == 1
    assert refusal(lambda: client.do_get(tickets[0]).read_all())[0] == "VEL1005"
    large = change("INSERT INTO kept SELECT n FROM range(1000) r(n) RETURNING a")
    assert refusal(lambda: client.do_get(tickets[2]).read_all())[0] == "VEL1005"
    assert client.do_get(large).read_all().num_rows == 1000


def test_a_result_that_does_not_fit_into_shared_memory_is_sent(
    client: flight.FlightClient,
) -> None:
    token_file = act(client, "server.info").get("host_token_file")
    if token_file is None:
        pytest.skip("the host has no folder in memory")
    with open(token_file, encoding="ascii") as file:
        host_token = file.read()

    def shared(count: int) -> bool:
        reply = act(
            client,
            "sql.execute",
            sql=f"SELECT n FROM range({count}) r(n)",
            transport="shared-memory",
            host_token=host_token,
        )
        return reply.get("shared") is not None

    assert shared(100)
    assert not shared(1000)
    assert rows(client, "SELECT 1") == [(1,)]
