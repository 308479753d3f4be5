"""What belongs to a principal: to others it is as if it were not there, on either front."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.flight as flight
import pytest

from tests.conftest import FRONTS
from tests.integration import flight_sql_client as sql
from tests.integration.identity_support import As, secured
from tests.server_process import ServerProcess
from velaria.flight_server.flight_sql.messages import EndSavepoint, EndTransaction
from velaria.flight_server.shared_results import MEMORY_FOLDER

Served = tuple[ServerProcess, dict[str, str]]
OTHERS = ("viewer", "operator", "admin")  # all of them may read whatever the author reads


@pytest.fixture(scope="module", params=FRONTS)
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("files")
    with secured(request.param, tmp_path_factory.mktemp("state"), folder) as made:
        yield made


@pytest.fixture(scope="module")
def people(served: Served) -> dict[str, As]:
    server, tokens = served
    return {name: As(server, token) for name, token in tokens.items()}


@pytest.fixture
def author(people: dict[str, As]) -> As:
    return people["author"]


def refused(people: dict[str, As], code: str, call: Any) -> None:
    """`call` is given the client of each of the others."""
    for name in OTHERS:
        assert people[name].code(call, people[name].client) == code, name


def read(client: flight.FlightClient, ticket: flight.Ticket | bytes) -> pa.Table:
    made = flight.Ticket(ticket) if isinstance(ticket, bytes) else ticket
    return client.do_get(made).read_all()


def test_a_prepared_statement(people: dict[str, As], author: As) -> None:
    handle = sql.prepare(author.client, "SELECT 1 AS a").prepared_statement_handle
    command = "CommandPreparedStatementQuery"
    close = "ActionClosePreparedStatementRequest"
    for call in (
        lambda client: sql.info_of(client, command, prepared_statement_handle=handle),
        lambda client: sql.put(client, command, pa.table({}), prepared_statement_handle=handle),
        lambda client: sql.put(
            client,
            "CommandPreparedStatementUpdate",
            pa.table({}),
            prepared_statement_handle=handle,
        ),
        lambda client: sql.wrapped(
            client, "ClosePreparedStatement", close, prepared_statement_handle=handle
        ),
    ):
        refused(people, "VEL1011", call)
    info = sql.info_of(author.client, command, prepared_statement_handle=handle)
    assert read(author.client, info.endpoints[0].ticket).to_pylist() == [{"a": 1}]


def test_a_transaction_and_its_savepoints(people: dict[str, As], author: As) -> None:
    transaction = sql.begin(author.client)
    sql.update(author.client, "INSERT INTO sales.t VALUES (5)", transaction)
    savepoint = sql.wrapped(
        author.client,
        "BeginSavepoint",
        "ActionBeginSavepointRequest",
        transaction_id=transaction,
        name="s",
    ).savepoint_id
    request = "ActionEndSavepointRequest"
    for call in (
        lambda client: sql.query(client, "SELECT a FROM sales.t", transaction),
        lambda client: sql.update(client, "SELECT 1", transaction),
        lambda client: sql.prepare(client, "SELECT 1", transaction),
        lambda client: sql.end(client, transaction, EndTransaction.COMMIT),
        lambda client: sql.wrapped(
            client,
            "EndSavepoint",
            request,
            savepoint_id=savepoint,
            action=EndSavepoint.ROLLBACK,
        ),
    ):
        refused(people, "VEL1011", call)
    # The ticket of a transaction's statement is no way into it.
    command = sql.descriptor("CommandStatementQuery", query="SELECT 1", transaction_id=transaction)
    ticket = author.client.get_flight_info(command).endpoints[0].ticket
    refused(people, "VEL1005", lambda client: read(client, ticket))
    sql.end(author.client, transaction, EndTransaction.ROLLBACK)
    rows = author.read("SELECT count(*) AS n FROM sales.t WHERE a = 5")
    assert rows.to_pylist() == [{"n": 0}]


def test_tickets_of_all_kinds(people: dict[str, As], author: As) -> None:
    command = {"type": "query", "sql": "SELECT 1 AS a", "parallel": 3}
    parted = author.client.get_flight_info(
        flight.FlightDescriptor.for_command(msgspec.msgpack.encode(command))
    )
    tickets = [
        author.info("SELECT 1 AS a").endpoints[0].ticket,
        author.info("INSERT INTO sales.t VALUES (6)").endpoints[0].ticket,
        *(endpoint.ticket for endpoint in parted.endpoints),
        sql.info_of(author.client, "CommandStatementQuery", query="SELECT 1").endpoints[0].ticket,
        author.info("SELECT * FROM sales.events").endpoints[0].ticket,
        flight.Ticket(author.act("sql.execute", sql="SELECT 1")["ticket"]),
    ]
    for ticket in tickets:
        refused(people, "VEL1005", lambda client, ticket=ticket: read(client, ticket))
    assert read(author.client, tickets[0]).to_pylist() == [{"a": 1}]
    rows = [read(author.client, endpoint.ticket).num_rows for endpoint in parted.endpoints]
    assert sum(rows) == 1
    sent = {"endpoint": sql.parse("FlightEndpoint", parted.endpoints[0].serialize())}
    refused(people, "VEL1005", lambda client: sql.bare(client, "RenewFlightEndpoint", **sent))


def test_a_held_result(people: dict[str, As], author: As) -> None:
    reply = author.act("query.poll", sql="SELECT 7 AS a", wait_ms=10_000)
    assert reply["state"] == "ready"
    asked = flight.Action(
        "query.poll", msgspec.msgpack.encode({"query_id": reply["query_id"], "wait_ms": 0})
    )
    refused(people, "VEL4010", lambda client: list(client.do_action(asked)))
    refused(people, "VEL1005", lambda client: read(client, reply["ticket"]))
    assert read(author.client, reply["ticket"]).to_pylist() == [{"a": 7}]


@pytest.mark.skipif(not os.access(MEMORY_FOLDER, os.W_OK), reason="no folder in memory")
def test_a_result_in_shared_memory(people: dict[str, As], author: As) -> None:
    token = Path(author.act("server.info")["host_token_file"]).read_text()
    told = {"sql": "SELECT 1 AS a", "transport": "shared-memory", "host_token": token}
    reply = author.act("sql.execute", **told)
    path = Path(reply["shared"]["path"])
    for name in OTHERS:
        people[name].act("query.release", query_id=reply["query_id"])
    assert path.exists()
    author.act("query.release", query_id=reply["query_id"])
    assert not path.exists()


def test_a_session_by_header_by_cookie_and_by_tcp_connection(
    served: Served, people: dict[str, As], author: As
) -> None:
    server, tokens = served
    session = author.act("session.open")["session"]
    for name in OTHERS:
        who = As(server, tokens[name], session)
        assert who.code(who.read, "SELECT 1") == "VEL1011"
        assert who.code(who.act, "session.close", session=session) == "VEL1006"
        cookie = [(b"cookie", f"arrow_flight_session_id={session}".encode())]
        call = people[name].code(sql.query, people[name].client, "SELECT 1", headers=cookie)
        assert call == "VEL1011"
    owner = As(server, tokens["author"], session)
    owner.read("CREATE TEMP TABLE mine AS SELECT 1 AS a")
    assert owner.read("SELECT a FROM mine").to_pylist() == [{"a": 1}]
    owner.act("session.close", session=session)
    # All clients of this process share one TCP connection, which names a session to its owner only.
    sql.update(author.client, "CREATE TEMP TABLE near AS SELECT 2 AS a")
    assert sql.query(author.client, "SELECT a FROM near").to_pylist() == [{"a": 2}]
    for name in OTHERS:
        assert people[name].code(sql.query, people[name].client, "SELECT a FROM near") == "VEL2011"
    sql.update(people["admin"].client, "CREATE TEMP TABLE near AS SELECT 3 AS a")
    assert sql.query(author.client, "SELECT a FROM near").to_pylist() == [{"a": 2}]
    assert sql.query(people["admin"].client, "SELECT a FROM near").to_pylist() == [{"a": 3}]


def test_a_transform_under_way(people: dict[str, As], author: As) -> None:
    command = {"type": "transform", "sql": "SELECT a + 1 AS b FROM input", "query_id": "shaped"}
    descriptor = flight.FlightDescriptor.for_command(msgspec.msgpack.encode(command))
    rows = pa.table({"a": [1, 2]})
    writer, reader = author.client.do_exchange(descriptor)
    writer.begin(rows.schema)
    writer.write_table(rows)
    cancel = flight.Action("query.cancel", msgspec.msgpack.encode({"query_id": "shaped"}))
    viewer = people["viewer"]
    assert viewer.code(lambda: list(viewer.client.do_action(cancel))) == "VEL4010"
    writer.done_writing()
    batches = [chunk.data for chunk in reader if chunk.data is not None]
    assert pa.Table.from_batches(batches)["b"].to_pylist() == [2, 3]
    writer.close()


def test_cancelling_by_a_flight_info(people: dict[str, As], author: As) -> None:
    info = sql.info_of(author.client, "CommandStatementQuery", query="SELECT 1 AS a")
    told = {"info": sql.parse("FlightInfo", info.serialize())}
    refused(people, "VEL1005", lambda client: sql.bare(client, "CancelFlightInfo", **told))
    assert read(author.client, info.endpoints[0].ticket).to_pylist() == [{"a": 1}]


METADATA: dict[str, dict[str, Any]] = {
    "CommandGetDbSchemas": {},
    "CommandGetTables": {"include_schema": True},
    "CommandGetPrimaryKeys": {"table": "pay"},
}


@pytest.mark.parametrize("command", METADATA)
def test_metadata_hold_what_may_be_read(people: dict[str, As], command: str) -> None:
    def schemas(who: As) -> set[str]:
        info = sql.info_of(who.client, command, **METADATA[command])
        found = set(read(who.client, info.endpoints[0].ticket)["db_schema_name"].to_pylist())
        return found - {"temp"}  # where a session has its own

    assert "hr" in schemas(people["viewer"])
    nobody = people["nobody"]
    assert nobody.code(schemas, nobody) == "VEL1010"
    has_keys = command == "CommandGetPrimaryKeys"  # none of sales has a key
    assert schemas(people["sales_viewer"]) == (set() if has_keys else {"sales"})


def test_a_schema_that_may_not_be_read_cannot_be_made_the_current_one(
    people: dict[str, As],
) -> None:
    clerk = people["sales_viewer"]

    def faults(schema: str) -> list[str]:
        value = sql.new("SessionOptionValue", string_value=schema)
        reply = sql.bare(clerk.client, "SetSessionOptions", session_options={"schema": value})
        return list(reply.errors)

    assert faults("hr") == faults("nowhere") == ["schema"]
    assert faults("sales") == []
