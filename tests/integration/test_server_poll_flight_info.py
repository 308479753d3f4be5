"""PollFlightInfo: a statement is started once, asked about, and read when it has rows; by plain SQL
and by Flight SQL, and by ADBC's driver, which polls by itself."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import msgspec
import pyarrow as pa
import pyarrow.flight as flight
import pytest

from tests.flight_sql import SERVICE
from tests.integration.flight_sql_client import begin, descriptor, prepare, put
from tests.server_process import ServerProcess, act, rows, told_in
from velaria.flight_server.flight_sql.messages import parse
from velaria.flight_server.options import Options
from velaria.flight_server.tickets import TicketOffice

LONG = (
    "SELECT count(*) AS n FROM generate_series(1, 200000) a(x), generate_series(1, 20000) b(y)"
    " WHERE (x * y) % 7 = 3"
)
Descriptor = flight.FlightDescriptor
pytestmark = pytest.mark.both_fronts
Poll = Callable[[bytes], Any]


@pytest.fixture
def poll(server: ServerProcess) -> Iterator[Poll]:
    """One PollInfo for a serialized descriptor."""
    with grpc.insecure_channel(server.uri.removeprefix("grpc://")) as channel:
        rpc = channel.unary_unary(SERVICE + "PollFlightInfo")
        yield lambda asked: parse("PollInfo", rpc(asked, timeout=60))


FORMS: dict[str, Callable[[str], bytes]] = {
    "plain SQL": lambda sql: Descriptor.for_command(sql.encode()).serialize(),
    "Flight SQL": lambda sql: descriptor("CommandStatementQuery", query=sql).serialize(),
}
both_forms = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)


def to_the_end(poll: Poll, asked: bytes) -> Any:
    """The last answer; every one before it names a descriptor and no endpoint."""
    answer = poll(asked)
    while answer.HasField("flight_descriptor"):
        assert not answer.info.endpoint and not answer.HasField("progress")
        answer = poll(answer.flight_descriptor.SerializeToString())
    assert answer.progress == 1
    return answer


def read(client: flight.FlightClient, answer: Any) -> pa.Table:
    """The rows of the one endpoint; their schema was told."""
    info = flight.FlightInfo.deserialize(answer.info.SerializeToString())
    table = client.do_get(info.endpoints[0].ticket).read_all()
    assert table.schema == info.schema
    return table


def refusal(poll: Poll, asked: bytes) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as caught:
        to_the_end(poll, asked)
    extra = dict(caught.value.trailing_metadata())["grpc-status-details-bin"]
    return caught.value.code(), told_in(extra)["code"]


def plain_status(
    client: flight.FlightClient, form: Callable[[str], bytes], status: grpc.StatusCode
) -> grpc.StatusCode:
    """The native front has UNKNOWN for what is told over plain Flight."""
    is_native = act(client, "server.settings")["settings"]["server.front"] == "native"
    return grpc.StatusCode.UNKNOWN if is_native and form is FORMS["plain SQL"] else status


@both_forms
def test_rows_are_told_when_they_are_there(
    client: flight.FlightClient, poll: Poll, form: Callable[[str], bytes]
) -> None:
    answer = to_the_end(poll, form("SELECT 7 AS n, 'x' AS s"))
    assert answer.expiration_time.seconds > time.time()
    query_id = msgspec.msgpack.decode(answer.info.app_metadata)["query_id"]
    assert act(client, "query.progress", query_id=query_id)["state"] == "running"
    assert read(client, answer).to_pydict() == {"n": [7], "s": ["x"]}
    assert act(client, "query.progress", query_id=query_id)["state"] == "finished"


def test_it_is_counted_by_its_own_name(client: flight.FlightClient, poll: Poll) -> None:
    def counted() -> float:
        metrics = act(client, "server.metrics")["metrics"]
        name = 'calls_ended_total{method="PollFlightInfo",action="",status="ok"}'
        return float(metrics.get(name, 0))

    before = counted()
    to_the_end(poll, FORMS["plain SQL"]("SELECT 1"))
    assert counted() > before


@both_forms
def test_what_runs_is_asked_about_by_the_descriptor_that_was_told(
    client: flight.FlightClient, poll: Poll, form: Callable[[str], bytes]
) -> None:
    first = poll(form(LONG))
    assert first.HasField("flight_descriptor") and not first.info.endpoint
    assert pa.ipc.read_schema(pa.py_buffer(first.info.schema)).names == ["n"]
    query_id = msgspec.msgpack.decode(first.info.app_metadata)["query_id"]
    assert act(client, "query.poll", query_id=query_id, wait_ms=0)["state"] == "running"
    assert act(client, "query.cancel", query_id=query_id)["state"] == "cancelled"
    again = first.flight_descriptor.SerializeToString()
    # Plain Flight tells it by another status than CANCELLED, which pyarrow takes for Ctrl-C.
    is_plain = form is FORMS["plain SQL"]
    status = grpc.StatusCode.ABORTED if is_plain else grpc.StatusCode.CANCELLED
    assert refusal(poll, again) == (plain_status(client, form, status), "VEL3010")


@both_forms
def test_a_change_is_done_once_and_its_rows_are_counted(
    client: flight.FlightClient, poll: Poll, form: Callable[[str], bytes]
) -> None:
    rows(client, "CREATE OR REPLACE TABLE polled (a BIGINT)")
    answer = to_the_end(poll, form("INSERT INTO polled VALUES (1), (2)"))
    for _ in range(2):
        assert read(client, answer).to_pydict() == {"rows_affected": [2]}
    assert rows(client, "SELECT count(*) FROM polled") == [(2,)]
    answer = to_the_end(poll, form("INSERT INTO polled VALUES (3) RETURNING a"))
    assert read(client, answer).to_pydict() == {"a": [3]}
    assert rows(client, "SELECT count(*) FROM polled") == [(3,)]


@both_forms
def test_a_failure_is_told_at_the_start_and_by_the_end(
    client: flight.FlightClient, poll: Poll, form: Callable[[str], bytes]
) -> None:
    assert refusal(poll, form("SELECT nope"))[1] == "VEL2012"
    status = plain_status(client, form, grpc.StatusCode.INVALID_ARGUMENT)
    assert refusal(poll, form("SELECT 1 / 0")) == (status, "VEL3001")


@both_forms
def test_rows_that_were_cancelled_before_they_were_read_are_told_so(
    client: flight.FlightClient, poll: Poll, form: Callable[[str], bytes]
) -> None:
    answer = to_the_end(poll, form("SELECT n FROM range(10000000) r(n)"))
    query_id = msgspec.msgpack.decode(answer.info.app_metadata)["query_id"]
    act(client, "query.cancel", query_id=query_id)
    asked = Descriptor.for_command(answer.info.endpoint[0].ticket.ticket)
    assert refusal(poll, asked.serialize())[1] == "VEL3010"


@both_forms
def test_rows_that_fail_late_tell_the_code(
    server: ServerProcess, poll: Poll, form: Callable[[str], bytes]
) -> None:
    # What stands before the failure is more than a result holds (32 MiB) until it is read.
    late = "SELECT 1 / (n - 900000) AS a, repeat('x', 100) AS pad FROM range(1000000) r(n)"
    answer = to_the_end(poll, form(late))
    with grpc.insecure_channel(server.uri.removeprefix("grpc://")) as channel:
        get = channel.unary_stream(SERVICE + "DoGet")
        with pytest.raises(grpc.RpcError) as caught:
            list(get(answer.info.endpoint[0].ticket.SerializeToString(), timeout=60))
    details = dict(caught.value.trailing_metadata())["grpc-status-details-bin"]
    is_status = details[:1] == b"\x08"
    assert told_in(details)["code"] == "VEL3001"
    assert is_status == (form is FORMS["Flight SQL"])


def test_a_descriptor_that_was_not_told_is_refused(poll: Poll) -> None:
    foreign = TicketOffice(Options()).issue("", None, "q-1", "held")
    assert refusal(poll, Descriptor.for_command(foreign).serialize())[1] == "VEL1005"


def test_what_cannot_be_held_is_told_at_once(client: flight.FlightClient, poll: Poll) -> None:
    put_table = pa.table({"a": pa.array([1, 2], pa.int64())})
    rows(client, "CREATE OR REPLACE TABLE polled_by_path (a BIGINT)")
    act(client, "sql.execute", sql="INSERT INTO polled_by_path VALUES (1), (2)")
    by_path = poll(Descriptor.for_path("polled_by_path").serialize())
    assert not by_path.HasField("flight_descriptor")
    assert read(client, by_path) == put_table
    listed = poll(descriptor("CommandGetTableTypes").serialize())
    assert not listed.HasField("flight_descriptor")
    assert read(client, listed).num_rows == 4
    handle = prepare(client, "SELECT ? AS a").prepared_statement_handle
    asked = "CommandPreparedStatementQuery"
    put(client, asked, pa.table({"0": put_table["a"]}), prepared_statement_handle=handle)
    answer = poll(descriptor(asked, prepared_statement_handle=handle).serialize())
    assert read(client, answer).to_pydict() == {"a": [1, 2]}
    transaction = begin(client)
    fields = {"query": "INSERT INTO polled_by_path VALUES (3)", "transaction_id": transaction}
    poll(descriptor("CommandStatementQuery", **fields).serialize())
    assert rows(client, "SELECT count(*) FROM polled_by_path") == [(2,)]


def test_the_driver_polls_a_statement_to_its_end(server: ServerProcess) -> None:
    dbapi = pytest.importorskip("adbc_driver_flightsql.dbapi")
    with dbapi.connect(server.uri, autocommit=True) as connection:
        told = {"adbc.statement.exec.incremental": "true"}
        with connection.cursor(adbc_stmt_kwargs=told) as cursor:
            partitions, schema = cursor.adbc_execute_partitions(
                "SELECT n FROM range(1000) r(n) ORDER BY n DESC"
            )
            assert schema.names == ["n"]
            (partition,) = partitions
            cursor.adbc_read_partition(partition)
            assert cursor.fetch_arrow_table()["n"][0].as_py() == 999
