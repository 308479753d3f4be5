"""Flight SQL's statements by its messages: queries, prepared statements, savepoints,
cancelling, renewing. What ADBC's driver does is in test_adbc."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.flight as flight
import pytest

from tests.integration.flight_sql_client import (
    bare,
    begin,
    descriptor,
    end,
    info_of,
    prepare,
    put,
    query,
    refused,
    update,
    wrapped,
)
from tests.server_process import ServerProcess, act
from velaria.flight_server.flight_sql.messages import (
    CancelStatus,
    EndSavepoint,
    EndTransaction,
    TableExistsOption,
    TableNotExistOption,
    new,
    pack,
    parse,
)

pytestmark = pytest.mark.both_fronts

COMMIT, ROLLBACK = EndTransaction.COMMIT, EndTransaction.ROLLBACK


@pytest.fixture
def table(client: flight.FlightClient) -> Iterator[str]:
    update(client, "CREATE OR REPLACE TABLE fsql_t(a BIGINT)")
    yield "fsql_t"
    update(client, "DROP TABLE IF EXISTS fsql_t")


def values(client: flight.FlightClient, transaction: bytes = b"") -> list[int]:
    found: list[int] = query(client, "SELECT a FROM fsql_t ORDER BY a", transaction)[
        "a"
    ].to_pylist()
    return found


# Queries


def test_a_query_is_told_before_it_runs_and_reads_what_stood_then(
    client: flight.FlightClient, table: str
) -> None:
    info = info_of(client, "CommandStatementQuery", query="SELECT count(*) AS n FROM fsql_t")
    (endpoint,) = info.endpoints
    for _ in range(2):
        found = client.do_get(endpoint.ticket).read_all()
        assert found.schema == info.schema
        assert found["n"].to_pylist() == [0]
        update(client, "INSERT INTO fsql_t VALUES (1)")
    assert endpoint.expiration_time is not None
    assert msgspec.msgpack.decode(info.app_metadata)["query_id"].startswith("q-")


def test_a_change_asked_as_a_query_runs_at_get_flight_info(
    client: flight.FlightClient, table: str
) -> None:
    info = info_of(client, "CommandStatementQuery", query="INSERT INTO fsql_t VALUES (1), (2)")
    assert values(client) == [1, 2]
    for _ in range(2):
        reply = client.do_get(info.endpoints[0].ticket).read_all()
        assert reply.to_pydict() == {"rows_affected": [2]}
    assert values(client) == [1, 2]


def test_returned_rows_of_a_change_are_told_again(client: flight.FlightClient, table: str) -> None:
    sql = "INSERT INTO fsql_t VALUES (1), (2) RETURNING a"
    info = info_of(client, "CommandStatementQuery", query=sql)
    for _ in range(2):
        assert client.do_get(info.endpoints[0].ticket).read_all().to_pydict() == {"a": [1, 2]}
    assert values(client) == [1, 2]


def test_no_rows_of_parameters_return_no_rows(client: flight.FlightClient, table: str) -> None:
    handle = prepare(client, "INSERT INTO fsql_t VALUES (?) RETURNING a").prepared_statement_handle
    none = pa.table({"1": pa.array([], pa.int32())})
    put(client, "CommandPreparedStatementUpdate", none, prepared_statement_handle=handle)
    put(client, "CommandPreparedStatementQuery", none, prepared_statement_handle=handle)
    info = info_of(client, "CommandPreparedStatementQuery", prepared_statement_handle=handle)
    assert client.do_get(info.endpoints[0].ticket).read_all().to_pydict() == {"a": []}
    assert values(client) == []


def test_a_continuous_query_takes_one_row_of_parameters(client: flight.FlightClient) -> None:
    update(client, "CREATE STREAM IF NOT EXISTS fsql_stream(a INTEGER)")
    update(client, "CREATE STREAM IF NOT EXISTS fsql_sink(a INTEGER)")
    two = pa.table({"1": pa.array([1, 2], pa.int32())})
    read = prepare(client, "SELECT a FROM fsql_stream WHERE a = ?").prepared_statement_handle
    put(client, "CommandPreparedStatementQuery", two, prepared_statement_handle=read)
    with refused("VEL1006"):
        info_of(client, "CommandPreparedStatementQuery", prepared_statement_handle=read)
    sql = "INSERT INTO fsql_sink SELECT a FROM fsql_stream WHERE a = ?"
    write = prepare(client, sql).prepared_statement_handle
    with refused("VEL1006"):
        put(client, "CommandPreparedStatementUpdate", two, prepared_statement_handle=write)
    assert not any("fsql_stream" in told["sql"] for told in act(client, "stream.list")["streams"])
    put(client, "CommandPreparedStatementUpdate", two[:1], prepared_statement_handle=write)
    (started,) = (
        told for told in act(client, "stream.list")["streams"] if "fsql_stream" in told["sql"]
    )
    act(client, "stream.stop", query_id=started["query_id"], mode="now")


def test_get_schema_runs_nothing(client: flight.FlightClient, table: str) -> None:
    sql = "INSERT INTO fsql_t VALUES (1) RETURNING a"
    schema = client.get_schema(descriptor("CommandStatementQuery", query=sql)).schema
    assert schema.names == ["a"]
    handle = prepare(client, "SELECT a FROM fsql_t").prepared_statement_handle
    command = descriptor("CommandPreparedStatementQuery", prepared_statement_handle=handle)
    assert client.get_schema(command).schema.names == ["a"]
    assert values(client) == []


def test_a_plain_client_reads_the_ticket_inside(client: flight.FlightClient) -> None:
    """The signed ticket is the same with and without Flight SQL's wrapping."""
    info = info_of(client, "CommandStatementQuery", query="SELECT 7 AS x")
    raw = parse("Any", info.endpoints[0].ticket.ticket).value
    inner = parse("TicketStatementQuery", raw).statement_handle
    assert client.do_get(flight.Ticket(inner)).read_all().to_pydict() == {"x": [7]}


def test_a_ticket_is_not_to_be_made_up(client: flight.FlightClient) -> None:
    info = info_of(client, "CommandStatementQuery", query="SELECT 7 AS x")
    raw = parse("Any", info.endpoints[0].ticket.ticket).value
    inner = parse("TicketStatementQuery", raw).statement_handle
    for handle, code in (
        (inner.replace(b"SELECT 7", b"SELECT 8"), "VEL1005"),
        (b"SELECT 1", "VEL1003"),
        (b"", "VEL1003"),
        (inner[:-3], "VEL1003"),
    ):
        ticket = flight.Ticket(pack(new("TicketStatementQuery", statement_handle=handle)))
        with refused(code):
            client.do_get(ticket).read_all()


# Prepared statements


def test_preparing_tells_result_and_parameters(client: flight.FlightClient, table: str) -> None:
    reply = prepare(client, "SELECT a FROM fsql_t WHERE a = ?")
    assert pa.ipc.read_schema(pa.py_buffer(reply.dataset_schema)) == pa.schema({"a": pa.int64()})
    parameters = pa.ipc.read_schema(pa.py_buffer(reply.parameter_schema))
    assert (parameters.names, parameters.types) == (["$1"], [pa.int64()])
    change = prepare(client, "INSERT INTO fsql_t VALUES (?)")
    assert change.dataset_schema == b""
    assert len(pa.ipc.read_schema(pa.py_buffer(change.parameter_schema))) == 1


def test_bound_rows_are_run_one_after_the_other(client: flight.FlightClient) -> None:
    handle = prepare(client, "SELECT CAST(? AS BIGINT) * 2 AS x").prepared_statement_handle
    for numbers in ([3, 1, 2], [], [5]):
        bound = pa.table({"0": pa.array(numbers, pa.int64())})
        command = "CommandPreparedStatementQuery"
        reply = put(client, command, bound, prepared_statement_handle=handle)
        assert reply is not None
        assert parse("DoPutPreparedStatementResult", reply).prepared_statement_handle == handle
        info = info_of(client, command, prepared_statement_handle=handle)
        found = client.do_get(info.endpoints[0].ticket).read_all()
        assert found.schema == info.schema
        assert found["x"].to_pylist() == [2 * number for number in numbers]


def test_a_ticket_holds_the_parameters_it_was_made_with(
    client: flight.FlightClient, server: ServerProcess
) -> None:
    handle = prepare(client, "SELECT CAST(? AS BIGINT) AS x").prepared_statement_handle
    infos = []
    for number in (1, 2):
        bound = pa.table({"0": pa.array([number], pa.int64())})
        put(client, "CommandPreparedStatementQuery", bound, prepared_statement_handle=handle)
        command = "CommandPreparedStatementQuery"
        infos.append(info_of(client, command, prepared_statement_handle=handle))
    request = "ActionClosePreparedStatementRequest"
    wrapped(client, "ClosePreparedStatement", request, prepared_statement_handle=handle)
    with server.connect() as other:
        found = [other.do_get(info.endpoints[0].ticket).read_all() for info in infos]
    assert [rows["x"].to_pylist() for rows in found] == [[1], [2]]
    with refused("VEL1011"):
        info_of(client, "CommandPreparedStatementQuery", prepared_statement_handle=handle)


def test_an_update_takes_its_rows_or_those_bound_before(
    client: flight.FlightClient, table: str
) -> None:
    handle = prepare(client, "INSERT INTO fsql_t VALUES (?)").prepared_statement_handle

    def run(data: pa.Table) -> int:
        command = "CommandPreparedStatementUpdate"
        reply = put(client, command, data, prepared_statement_handle=handle)
        assert reply is not None
        return int(parse("DoPutUpdateResult", reply).record_count)

    assert run(pa.table({"0": [1, 2, 3]})) == 3
    put(
        client,
        "CommandPreparedStatementQuery",
        pa.table({"0": [4]}),
        prepared_statement_handle=handle,
    )
    assert run(pa.table({})) == 1
    assert run(pa.table({"0": pa.array([], pa.int64())})) == 0
    assert values(client) == [1, 2, 3, 4]


def test_a_result_that_changes_its_types_in_the_middle_is_refused(
    client: flight.FlightClient,
) -> None:
    """A union's children give each row a type of its own; a later row must not slip through."""
    handle = prepare(client, "SELECT ? AS x").prepared_statement_handle
    kinds = pa.array([0, 1], pa.int8())
    union = pa.UnionArray.from_sparse(kinds, [pa.array([1, 2]), pa.array(["a", "b"])])
    with pytest.raises(pa.ArrowException) as caught:
        put(
            client,
            "CommandPreparedStatementQuery",
            pa.table({"0": union}),
            prepared_statement_handle=handle,
        )
        info = info_of(client, "CommandPreparedStatementQuery", prepared_statement_handle=handle)
        client.do_get(info.endpoints[0].ticket).read_all()
    assert "VEL" in str(caught.value)
    assert "VEL9001" not in str(caught.value)


# Transactions and savepoints


def test_two_transactions_of_one_client_go_beside_each_other(
    client: flight.FlightClient, table: str
) -> None:
    first, second = begin(client), begin(client)
    update(client, "INSERT INTO fsql_t VALUES (1)", first)
    update(client, "INSERT INTO fsql_t VALUES (2)", second)
    assert (values(client, first), values(client, second), values(client)) == ([1], [2], [])
    end(client, first, COMMIT)
    end(client, second, ROLLBACK)
    assert values(client) == [1]
    with refused("VEL1011"):
        end(client, first, COMMIT)


def test_a_ticket_is_read_in_its_transaction(
    client: flight.FlightClient, server: ServerProcess, table: str
) -> None:
    transaction = begin(client)
    update(client, "INSERT INTO fsql_t VALUES (1)", transaction)
    sql = "SELECT a FROM fsql_t"
    info = info_of(client, "CommandStatementQuery", query=sql, transaction_id=transaction)
    with server.connect() as other:
        assert other.do_get(info.endpoints[0].ticket).read_all()["a"].to_pylist() == [1]
        end(client, transaction, ROLLBACK)
        with refused("VEL1011"):
            other.do_get(info.endpoints[0].ticket).read_all()


def test_savepoints_are_rolled_back_to_and_released(
    client: flight.FlightClient, table: str
) -> None:
    transaction = begin(client)

    def mark() -> bytes:
        request = "ActionBeginSavepointRequest"
        reply = wrapped(
            client, "BeginSavepoint", request, transaction_id=transaction, name='a "name'
        )
        return bytes(reply.savepoint_id)

    def leave(savepoint: bytes, action: int) -> None:
        request = "ActionEndSavepointRequest"
        wrapped(client, "EndSavepoint", request, savepoint_id=savepoint, action=action)

    update(client, "INSERT INTO fsql_t VALUES (1)", transaction)
    first = mark()
    update(client, "INSERT INTO fsql_t VALUES (2)", transaction)
    second = mark()
    update(client, "INSERT INTO fsql_t VALUES (3)", transaction)
    leave(second, EndSavepoint.RELEASE)
    leave(first, EndSavepoint.ROLLBACK)
    with refused("VEL1001"):
        leave(first, 9)
    with refused("VEL1011"):
        leave(second, EndSavepoint.ROLLBACK)
    update(client, "INSERT INTO fsql_t VALUES (4)", transaction)
    end(client, transaction, COMMIT)
    assert values(client) == [1, 4]


def test_a_transaction_ends_in_one_of_two_ways(client: flight.FlightClient, table: str) -> None:
    transaction = begin(client)
    for action in (EndTransaction.UNSPECIFIED, 7):
        with refused("VEL1001"):
            end(client, transaction, action)
    end(client, transaction, ROLLBACK)


# Ingest


def test_ingest_options_say_the_mode(client: flight.FlightClient) -> None:
    data = pa.table({"k": [1, 2]})

    def ingest(missing: int, there: int, **fields: Any) -> int:
        options = {"if_not_exist": missing, "if_exists": there}
        reply = put(
            client,
            "CommandStatementIngest",
            data,
            table="fsql_in",
            table_definition_options=options,
            **fields,
        )
        assert reply is not None
        return int(parse("DoPutUpdateResult", reply).record_count)

    create, fail = TableNotExistOption.CREATE, TableNotExistOption.FAIL
    assert ingest(create, TableExistsOption.FAIL) == 2
    assert ingest(fail, TableExistsOption.APPEND) == 2
    assert ingest(create, TableExistsOption.APPEND) == 2
    assert query(client, "SELECT count(*) AS n FROM fsql_in")["n"].to_pylist() == [6]
    assert ingest(create, TableExistsOption.REPLACE) == 2
    assert query(client, "SELECT count(*) AS n FROM fsql_in")["n"].to_pylist() == [2]
    for wrong in ((0, 0), (fail, TableExistsOption.FAIL), (9, 9)):
        with refused("VEL1001"):
            ingest(*wrong)
    with refused("VEL1008"):
        ingest(create, TableExistsOption.APPEND, options={"compress": "yes"})
    with refused("VEL1001"):
        put(
            client,
            "CommandStatementIngest",
            data,
            table="",
            table_definition_options={"if_not_exist": 1, "if_exists": 1},
        )
    update(client, "DROP TABLE fsql_in")


def test_an_ingest_that_names_no_transaction_is_part_of_the_sessions_only_one(
    server: ServerProcess, table: str
) -> None:
    def ingest(client: flight.FlightClient) -> None:
        options = {"if_not_exist": TableNotExistOption.FAIL, "if_exists": TableExistsOption.APPEND}
        data = pa.table({"a": [7]})
        put(
            client,
            "CommandStatementIngest",
            data,
            table="fsql_t",
            table_definition_options=options,
        )

    with server.connect() as one, server.connect() as other:
        first = begin(one)
        ingest(one)
        assert (values(one, first), values(other)) == ([7], [])
        ingest(other)
        assert values(other) == [7]
        second = begin(one)
        ingest(one)
        assert (values(one, second), values(other)) == ([7, 7], [7, 7])
        end(one, first, ROLLBACK)
        end(one, second, ROLLBACK)
        assert values(other) == [7, 7]


# Sessions


def test_closing_a_session_ends_what_belongs_to_it(server: ServerProcess, table: str) -> None:
    with server.connect() as one:
        bare(one, "SetSessionOptions", session_options={"schema": {"string_value": "main"}})
        transaction = begin(one)
        update(one, "INSERT INTO fsql_t VALUES (1)", transaction)
        handle = prepare(one, "SELECT 1").prepared_statement_handle
        bare(one, "CloseSession")
        with refused("VEL1011"):
            end(one, transaction, COMMIT)
        with refused("VEL1011"):
            info_of(one, "CommandPreparedStatementQuery", prepared_statement_handle=handle)
        assert values(one) == []


# Cancelling and renewing


def as_message(info: flight.FlightInfo) -> Any:
    return parse("FlightInfo", info.serialize())


def test_a_query_is_cancelled_by_its_flight_info(client: flight.FlightClient) -> None:
    """Before it is read: the ticket is then refused. Ended ones are told from those."""
    info = info_of(client, "CommandStatementQuery", query="SELECT 1 AS x")
    reply = bare(client, "CancelFlightInfo", info=as_message(info))
    assert reply.status == CancelStatus.CANCELLED
    with refused("VEL3010"):
        client.do_get(info.endpoints[0].ticket).read_all()

    info = info_of(client, "CommandStatementQuery", query="SELECT 1 AS x")
    client.do_get(info.endpoints[0].ticket).read_all()
    reply = bare(client, "CancelFlightInfo", info=as_message(info))
    assert reply.status == CancelStatus.NOT_CANCELLABLE


def test_a_query_that_is_being_read_is_cancelled(client: flight.FlightClient) -> None:
    sql = "SELECT l.a FROM generate_series(1, 20000) l(a) CROSS JOIN generate_series(1, 20000) r(b)"
    for cancel in ("new", "old", "metadata"):
        info = info_of(client, "CommandStatementQuery", query=sql)
        reader = client.do_get(info.endpoints[0].ticket)
        reader.read_chunk()
        message = as_message(info)
        if cancel == "metadata":
            del message.endpoint[:]
        if cancel == "old":
            request = "ActionCancelQueryRequest"
            status = wrapped(client, "CancelQuery", request, info=info.serialize()).result
        else:
            status = bare(client, "CancelFlightInfo", info=message).status
        assert status in (CancelStatus.CANCELLED, CancelStatus.CANCELLING)
        with refused("VEL3010"):
            reader.read_all()


def test_what_this_server_did_not_give_is_not_cancelled(client: flight.FlightClient) -> None:
    info = as_message(info_of(client, "CommandStatementQuery", query="SELECT 1"))
    damaged = info.endpoint[0].ticket.ticket
    info.endpoint[0].ticket.ticket = damaged[:-1] + bytes([damaged[-1] ^ 1])
    with refused("VEL10"):
        bare(client, "CancelFlightInfo", info=info)
    empty = new("FlightInfo")
    with refused("VEL1003"):
        bare(client, "CancelFlightInfo", info=empty)
    empty.app_metadata = msgspec.msgpack.encode({"query_id": "q-nobody"})
    assert bare(client, "CancelFlightInfo", info=empty).status == CancelStatus.NOT_CANCELLABLE


def test_a_ticket_is_renewed(client: flight.FlightClient) -> None:
    info = as_message(info_of(client, "CommandStatementQuery", query="SELECT 7 AS x"))
    endpoint = bare(client, "RenewFlightEndpoint", endpoint=info.endpoint[0])
    assert endpoint.expiration_time.seconds >= info.endpoint[0].expiration_time.seconds > 0
    ticket = flight.Ticket(endpoint.ticket.ticket)
    assert client.do_get(ticket).read_all().to_pydict() == {"x": [7]}
    with refused("VEL1003"):
        bare(client, "RenewFlightEndpoint", endpoint={"ticket": {"ticket": b"SELECT 1"}})


# What is not offered


def test_substrait_is_refused_by_name(client: flight.FlightClient) -> None:
    command = descriptor("CommandStatementSubstraitPlan", plan={"plan": b"x"})
    with refused("VEL1008"):
        client.get_flight_info(command)
    with refused("VEL1008"):
        put(client, "CommandStatementSubstraitPlan", pa.table({"a": [1]}))
    with refused("VEL1008"):
        wrapped(client, "CreatePreparedSubstraitPlan", "ActionCreatePreparedSubstraitPlanRequest")


def test_the_actions_are_listed(client: flight.FlightClient) -> None:
    listed = {action.type: action.description for action in client.list_actions()}
    for name in ("CreatePreparedStatement", "BeginSavepoint", "CancelFlightInfo", "CloseSession"):
        assert listed[name]


def test_an_unbounded_query_is_no_update(client: flight.FlightClient) -> None:
    update(client, "CREATE STREAM IF NOT EXISTS fsql_stream(a BIGINT)")
    with refused("VEL1008"):
        update(client, "SELECT a FROM fsql_stream")
    update(client, "DROP STREAM fsql_stream")
