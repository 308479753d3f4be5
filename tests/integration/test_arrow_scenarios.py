"""Arrow's integration scenarios for Flight and Flight SQL, each asked of this server.

In Arrow's suite each scenario has a server made for it, which knows a few fixed words. Here the
same thing is asked for in SQL, and where a scenario asks for what this server does not offer, the
refusal and its code are the answer. The names are Arrow's.
"""

from collections.abc import Callable
from typing import Any

import grpc
import msgspec
import pyarrow as pa
import pyarrow.flight as flight
import pytest

from tests.flight_sql import SERVICE, listed
from tests.integration.flight_sql_client import (
    bare,
    begin,
    descriptor,
    end,
    info_of,
    prepare,
    put,
    query,
    update,
    wrapped,
)
from tests.server_process import ServerProcess, act, rows, told, until
from velaria.flight_server.flight_sql.messages import (
    CancelStatus,
    EndSavepoint,
    EndTransaction,
    SessionCloseStatus,
    SessionOptionError,
    new,
    pack,
    parse,
)
from velaria.flight_server.grpc_front.wire import bytes_field, fields_of

pytestmark = pytest.mark.both_fronts

REUSE = "arrow-flight-reuse-connection://?"


def refused(code: str, call: Callable[[], object]) -> None:
    with pytest.raises((flight.FlightError, pa.ArrowException)) as caught:
        call()
    assert told(caught.value)["code"] == code


def sql_info(client: flight.FlightClient, sql: str) -> flight.FlightInfo:
    return client.get_flight_info(flight.FlightDescriptor.for_command(sql.encode()))


def as_message(info: flight.FlightInfo) -> Any:
    return parse("FlightInfo", info.serialize())


class SeenHeaders(flight.ClientMiddleware):  # type: ignore[misc]
    def __init__(self, seen: dict[str, list[str]]) -> None:
        self._seen = seen

    def sending_headers(self) -> dict[str, str]:
        return {"x-middleware": "expected value"}

    def received_headers(self, headers: dict[str, list[str]]) -> None:
        self._seen.update(headers)


class SeesHeaders(flight.ClientMiddlewareFactory):  # type: ignore[misc]
    def __init__(self) -> None:
        self.seen: dict[str, list[str]] = {}

    def start_call(self, info: flight.CallInfo) -> SeenHeaders:
        return SeenHeaders(self.seen)


class BasicAuth(flight.ClientAuthHandler):  # type: ignore[misc]
    """User and password as the one message of a Handshake."""

    token = b""

    def authenticate(self, outgoing: Any, incoming: Any) -> None:
        outgoing.write(flight.BasicAuth(b"arrow", b"flight").serialize())
        self.token = bytes(incoming.read())

    def get_token(self) -> bytes:
        return self.token


def test_auth_basic_proto(client: flight.FlightClient) -> None:
    """Who one is stands in headers here; a Handshake by messages is refused, and nothing hangs."""
    with pytest.raises(NotImplementedError, match="VEL1008 this server asks nobody who they are"):
        client.authenticate(BasicAuth())
    assert rows(client, "SELECT 1") == [(1,)]


def test_middleware(server: ServerProcess) -> None:
    """A client's headers are taken on calls that fail and on those that do not, and it is given the
    server's: the cookie that names a session is such a header."""
    factory = SeesHeaders()
    with flight.connect(server.uri, middleware=[factory]) as client:
        missing = flight.FlightDescriptor.for_command(b"")
        refused("VEL2006", lambda: client.get_flight_info(missing))
        assert sql_info(client, "SELECT 1 AS a").schema.names == ["a"]
        factory.seen.clear()
        bare(client, "SetSessionOptions", session_options={"schema": {"string_value": "main"}})
        assert any("set-cookie" in name.lower() for name in factory.seen)
        bare(client, "CloseSession")


def test_ordered(client: flight.FlightClient) -> None:
    """`ordered` is said of the endpoints whose order is that of the rows."""
    update(client, "CREATE OR REPLACE TABLE scenario_n AS SELECT range AS n FROM range(0, 1000)")
    info = sql_info(client, "SELECT n FROM scenario_n ORDER BY n")
    assert info.ordered
    assert [endpoint.locations for endpoint in info.endpoints] == [[]]
    parts = [client.do_get(endpoint.ticket).read_all() for endpoint in info.endpoints]
    assert pa.concat_tables(parts)["n"].to_pylist() == list(range(1000))
    several = {"type": "query", "sql": "SELECT n FROM scenario_n", "parallel": 3}
    raw = msgspec.msgpack.encode(several)
    info = client.get_flight_info(flight.FlightDescriptor.for_command(raw))
    assert (len(info.endpoints), info.ordered) == (3, False)


def test_expiration_time_do_get(client: flight.FlightClient) -> None:
    """An endpoint with a time is read again until then; one that is no ticket of ours is not."""
    info = info_of(client, "CommandStatementQuery", query="SELECT 7 AS x")
    (endpoint,) = info.endpoints
    assert endpoint.expiration_time is not None
    for _ in range(2):
        assert client.do_get(endpoint.ticket).read_all().to_pydict() == {"x": [7]}
    told_of = as_message(info).endpoint[0].ticket.ticket
    cut = flight.Ticket(told_of[:-1] + bytes([told_of[-1] ^ 1]))
    with pytest.raises((flight.FlightError, pa.ArrowException)) as caught:
        client.do_get(cut).read_all()
    assert told(caught.value)["code"] in ("VEL1005", "VEL1003", "VEL1001")


def test_expiration_time_list_actions(client: flight.FlightClient) -> None:
    assert {"CancelFlightInfo", "RenewFlightEndpoint"} <= {a.type for a in client.list_actions()}


def test_expiration_time_cancel_flight_info(client: flight.FlightClient) -> None:
    info = info_of(client, "CommandStatementQuery", query="SELECT 7 AS x")
    reply = bare(client, "CancelFlightInfo", info=as_message(info))
    assert reply.status == CancelStatus.CANCELLED
    for endpoint in info.endpoints:
        refused("VEL3010", lambda ticket=endpoint.ticket: client.do_get(ticket).read_all())


def test_expiration_time_renew_flight_endpoint(client: flight.FlightClient) -> None:
    before = as_message(info_of(client, "CommandStatementQuery", query="SELECT 7 AS x")).endpoint[0]
    renewed: list[Any] = []

    def nanoseconds(endpoint: Any) -> int:
        return int(endpoint.expiration_time.seconds) * 10**9 + int(endpoint.expiration_time.nanos)

    def is_later() -> bool:
        # Told in milliseconds, of which a call takes less than one.
        renewed.append(bare(client, "RenewFlightEndpoint", endpoint=before))
        return nanoseconds(renewed[-1]) > nanoseconds(before)

    assert until(is_later)
    table = client.do_get(flight.Ticket(renewed[-1].ticket.ticket)).read_all()
    assert table.to_pydict() == {"x": [7]}


def test_do_exchange_echo(client: flight.FlightClient) -> None:
    """What is sent comes back; a DoExchange that names no transform is refused."""
    raw = msgspec.msgpack.encode({"type": "transform", "sql": "SELECT * FROM input"})
    sent = pa.table({"a": pa.array([1, 2, 3], pa.int32())})
    writer, reader = client.do_exchange(flight.FlightDescriptor.for_command(raw))
    with writer:
        writer.begin(sent.schema)
        writer.write_table(sent)
        writer.done_writing()
        chunks = list(reader)
    batches = [chunk.data for chunk in chunks if chunk.data is not None]
    assert pa.Table.from_batches(batches) == sent
    (last,) = [chunk.app_metadata for chunk in chunks if chunk.data is None]
    assert msgspec.msgpack.decode(last.to_pybytes())["row_count"] == 3
    echo = flight.FlightDescriptor.for_command(b"echo")
    writer, reader = client.do_exchange(echo)
    # The refusal may be there before the schema is sent.
    with pytest.raises((flight.FlightError, pa.ArrowException), match="VEL1001"):
        writer.begin(sent.schema)
        reader.read_chunk()


def test_location_reuse_connection(client: flight.FlightClient) -> None:
    """No location means what Arrow's word for it means: the connection that told the endpoint."""
    for info in (
        sql_info(client, "SELECT 1 AS a"),
        info_of(client, "CommandStatementQuery", query="SELECT 1 AS a"),
        info_of(client, "CommandGetCatalogs"),
    ):
        (endpoint,) = info.endpoints
        assert [location.uri.decode() for location in endpoint.locations] in ([], [REUSE])
        assert client.do_get(endpoint.ticket).read_all().num_rows == 1


def test_session_options(server: ServerProcess) -> None:
    """Options have names and values that fit or not, each told by itself; a session is closed."""
    client = server.connect()
    update(client, "CREATE SCHEMA IF NOT EXISTS scenario_s")
    wanted = {
        "schema": {"string_value": "scenario_s"},
        "lol_invalid": {"string_value": "this won't get set"},
        "catalog": {"double_value": 456.0},
    }
    reply = bare(client, "SetSessionOptions", session_options=wanted)
    faults = {name: error.value for name, error in reply.errors.items()}
    assert faults == {
        "lol_invalid": SessionOptionError.INVALID_NAME,
        "catalog": SessionOptionError.INVALID_VALUE,
    }
    options = bare(client, "GetSessionOptions").session_options
    assert options["schema"].string_value == "scenario_s"
    unset = bare(client, "SetSessionOptions", session_options={"schema": {}})
    assert unset.errors["schema"].value == SessionOptionError.INVALID_VALUE
    assert bare(client, "CloseSession").status == SessionCloseStatus.CLOSED
    options = bare(client, "GetSessionOptions").session_options
    assert options["schema"].string_value == "main"
    client.close()


def test_poll_flight_info(server: ServerProcess) -> None:
    poll = SERVICE + "PollFlightInfo"
    asked = flight.FlightDescriptor.for_command(b"SELECT 7 AS n").serialize()
    with grpc.insecure_channel(server.uri.removeprefix("grpc://")) as channel:
        reply = channel.unary_unary(poll)(asked, timeout=20)
        while again := bytes_field(reply, 2):
            reply = channel.unary_unary(poll)(again, timeout=20)
    assert 3 in {number for number, _ in fields_of(reply)}, "progress"
    raw = bytes_field(reply, 1)
    info = flight.FlightInfo.deserialize(raw)
    with server.connect() as client:
        assert client.do_get(info.endpoints[0].ticket).read_all().to_pydict() == {"n": [7]}


def test_app_metadata_flight_info_endpoint(client: flight.FlightClient) -> None:
    """The FlightInfo's metadata names the query; its endpoint has none of its own."""
    for info in (
        sql_info(client, "SELECT 1 AS a"),
        info_of(client, "CommandStatementQuery", query="SELECT 1 AS a"),
    ):
        metadata = msgspec.msgpack.decode(info.app_metadata)
        client.do_get(info.endpoints[0].ticket).read_all()
        entry = act(client, "query.progress", query_id=metadata["query_id"])
        assert entry["query_id"] == metadata["query_id"]
        assert info.endpoints[0].app_metadata == b""


def test_flight_sql(client: flight.FlightClient) -> None:
    """Every listing has its schema to the letter, statements and prepared ones run."""
    keys = {"catalog": "velaria", "db_schema": "main", "table": "scenario_k"}
    pk_and_fk = {"pk_table": "scenario_k", "fk_table": "scenario_k"}
    for name, fields in {
        "CommandGetCatalogs": {},
        "CommandGetDbSchemas": {"catalog": "catalog", "db_schema_filter_pattern": "p"},
        "CommandGetTables": {"table_types": ["TABLE", "VIEW"], "include_schema": True},
        "CommandGetTableTypes": {},
        "CommandGetPrimaryKeys": keys,
        "CommandGetExportedKeys": keys,
        "CommandGetImportedKeys": keys,
        "CommandGetCrossReference": pk_and_fk,
        "CommandGetXdbcTypeInfo": {},
        "CommandGetSqlInfo": {"info": [0, 3]},
    }.items():
        listed(client, name, **fields)
    assert query(client, "SELECT 1 AS id").to_pydict() == {"id": [1]}
    update(client, "CREATE OR REPLACE TABLE scenario_u (id BIGINT)")
    assert update(client, "INSERT INTO scenario_u VALUES (1), (2)") == 2
    prepared = prepare(client, "SELECT id FROM scenario_u WHERE id = $1").prepared_statement_handle
    one = pa.table({"$1": pa.array([2], pa.int64())})
    put(client, "CommandPreparedStatementQuery", one, prepared_statement_handle=prepared)
    info = info_of(client, "CommandPreparedStatementQuery", prepared_statement_handle=prepared)
    assert client.do_get(info.endpoints[0].ticket).read_all().to_pydict() == {"id": [2]}
    closing = "ActionClosePreparedStatementRequest"
    wrapped(client, "ClosePreparedStatement", closing, prepared_statement_handle=prepared)
    prepared = prepare(client, "DELETE FROM scenario_u").prepared_statement_handle
    reply = put(
        client,
        "CommandPreparedStatementUpdate",
        pa.table({}),
        prepared_statement_handle=prepared,
    )
    assert reply is not None
    assert parse("DoPutUpdateResult", reply).record_count == 2


def test_flight_sql_extension(client: flight.FlightClient) -> None:
    """What the server says of itself holds: transactions with savepoints, no Substrait."""
    told_of = listed(client, "CommandGetSqlInfo", info=[4, 5, 8, 9])
    values = dict(zip(told_of["info_name"].to_pylist(), told_of["value"].to_pylist(), strict=True))
    assert values == {4: True, 5: False, 8: 2, 9: True}
    plan = descriptor("CommandStatementSubstraitPlan", plan={"plan": b"plan", "version": "v"})
    refused("VEL1008", lambda: client.get_flight_info(plan))
    cancelled = pack(
        new(
            "ActionCancelQueryRequest",
            info=info_of(client, "CommandStatementQuery", query="SELECT 1 AS a").serialize(),
        )
    )
    (reply,) = client.do_action(flight.Action("CancelQuery", cancelled))
    assert reply.body.size > 0
    update(client, "CREATE OR REPLACE TABLE scenario_t (id BIGINT)")
    transaction = begin(client)
    savepoint = wrapped(
        client,
        "BeginSavepoint",
        "ActionBeginSavepointRequest",
        transaction_id=transaction,
        name="savepoint_name",
    ).savepoint_id
    assert update(client, "INSERT INTO scenario_t VALUES (1)", transaction) == 1
    assert query(client, "SELECT id FROM scenario_t", transaction).num_rows == 1
    ending = {"savepoint_id": savepoint, "action": EndSavepoint.ROLLBACK}
    wrapped(client, "EndSavepoint", "ActionEndSavepointRequest", **ending)
    assert query(client, "SELECT id FROM scenario_t", transaction).num_rows == 0
    assert update(client, "INSERT INTO scenario_t VALUES (2)", transaction) == 1
    end(client, transaction, EndTransaction.COMMIT)
    transaction = begin(client)
    assert update(client, "DELETE FROM scenario_t", transaction) == 1
    end(client, transaction, EndTransaction.ROLLBACK)
    assert query(client, "SELECT id FROM scenario_t").to_pydict() == {"id": [2]}


def test_flight_sql_ingestion(client: flight.FlightClient) -> None:
    """A table made and filled by one DoPut with options, in a schema and in a transaction."""
    sent = pa.table({"test_field": pa.array([1, 2, 3], pa.int64())})
    update(client, "DROP TABLE IF EXISTS main.scenario_i")
    transaction = begin(client)
    reply = put(
        client,
        "CommandStatementIngest",
        sent,
        table_definition_options={"if_not_exist": 1, "if_exists": 3},
        table="scenario_i",
        schema="main",
        catalog="velaria",
        temporary=False,
        transaction_id=transaction,
    )
    assert reply is not None
    assert parse("DoPutUpdateResult", reply).record_count == 3
    end(client, transaction, EndTransaction.COMMIT)
    assert query(client, "SELECT test_field FROM scenario_i") == sent
