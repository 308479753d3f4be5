"""The grpcio front by raw gRPC: statuses, limits, damaged messages, health and reflection."""

import random
import threading
from collections.abc import Callable, Iterator

import grpc
import pyarrow as pa
import pyarrow.flight as flight
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from tests.server_process import ServerProcess, act, put, read, rows, told_in, until
from velaria.flight_server.flight_sql.messages import new, pack
from velaria.flight_server.grpc_front.wire import (
    BODY,
    DESCRIPTOR,
    HEADER,
    field,
)

SERVICE = "arrow.flight.protocol.FlightService"
MESSAGE_BYTES_MAX = 16 << 20
SEED = 7

pytestmark = pytest.mark.parametrize("server", ["grpcio"], indirect=True)

Call = Callable[..., list[bytes]]
Status = grpc.StatusCode


@pytest.fixture
def channel(server: ServerProcess) -> Iterator[grpc.Channel]:
    options = [("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(server.uri.removeprefix("grpc://"), options) as opened:
        yield opened


@pytest.fixture
def call(channel: grpc.Channel) -> Call:
    def of(method: str, *messages: bytes) -> list[bytes]:
        rpc = channel.stream_stream(f"/{SERVICE}/{method}")
        return list(rpc(iter(messages), timeout=20))

    return of


def ended(call: Call, method: str, *messages: bytes) -> tuple[grpc.StatusCode, str]:
    """Status and code of a call that must fail."""
    with pytest.raises(grpc.RpcError) as caught:
        call(method, *messages)
    fault = caught.value
    trailers = dict(fault.trailing_metadata())
    assert "Traceback" not in fault.details()
    extra_info = trailers.get("grpc-status-details-bin")
    return fault.code(), told_in(extra_info)["code"] if extra_info else ""


def ticket(sql: str) -> bytes:
    return field(1, sql.encode())


def action(name: str, body: bytes = b"") -> bytes:
    return field(1, name.encode()) + field(2, body)


def path(name: str) -> bytes:
    return b"\x08\x01" + field(3, name.encode())


def sql_query(sql: str) -> bytes:
    """A descriptor of Flight SQL's CommandStatementQuery."""
    return b"\x08\x02" + field(2, pack(new("CommandStatementQuery", query=sql)))


def schema_header() -> bytes:
    header: bytes = pa.schema([("a", pa.int64())]).serialize().to_pybytes()[8:]
    return header


STATUSES = {
    ("DoGet", ticket("SELEC 1")): (Status.INVALID_ARGUMENT, "VEL2001"),
    ("DoGet", ticket("SELECT * FROM no_such")): (Status.NOT_FOUND, "VEL2011"),
    ("DoGet", ticket("CREATE TABLE front_t (a BIGINT)")): (Status.ALREADY_EXISTS, "VEL2024"),
    ("DoGet", ticket("SELECT 1 / 0")): (Status.INVALID_ARGUMENT, "VEL3001"),
    ("DoGet", ticket("x" * 1_100_000)): (Status.INVALID_ARGUMENT, "VEL1004"),
    ("DoAction", action("no.such")): (Status.UNIMPLEMENTED, "VEL1002"),
    ("DoAction", action("query.progress", b"\x81\xa8query_id\xa1x")): (
        Status.NOT_FOUND,
        "VEL4010",
    ),
    ("DoExchange", field(DESCRIPTOR, path("t"))): (Status.INVALID_ARGUMENT, "VEL1001"),
    ("Handshake",): (Status.UNIMPLEMENTED, "VEL1008"),
    ("GetSchema", path("no_such")): (Status.NOT_FOUND, "VEL2011"),
    ("GetFlightInfo", sql_query("SELECT * FROM no_such")): (Status.NOT_FOUND, "VEL2011"),
    ("GetFlightInfo", sql_query("CREATE TABLE front_t (a BIGINT)")): (
        Status.ALREADY_EXISTS,
        "VEL2024",
    ),
    ("GetSchema", sql_query("CREATE TABLE")): (Status.INVALID_ARGUMENT, "VEL2001"),
    ("DoAction", action("BeginSavepoint", b"junk")): (Status.INVALID_ARGUMENT, "VEL1003"),
}


@pytest.mark.parametrize("asked", STATUSES, ids=lambda asked: asked[0])
def test_a_failure_has_the_status_of_its_code(
    server: ServerProcess, client: flight.FlightClient, call: Call, asked: tuple[str, bytes]
) -> None:
    act(client, "sql.execute", sql="CREATE TABLE IF NOT EXISTS front_t (a BIGINT)")
    assert ended(call, *asked) == STATUSES[asked]


def test_an_unknown_method_is_not_there(call: Call) -> None:
    assert ended(call, "NoSuch", b"") == (Status.UNIMPLEMENTED, "")


@pytest.mark.parametrize("method", ["DoGet", "DoAction", "GetFlightInfo", "DoPut"])
def test_a_message_past_the_limit_is_refused_before_it_is_taken_in(
    client: flight.FlightClient, call: Call, method: str
) -> None:
    large = field(2, bytes(MESSAGE_BYTES_MAX + 1))
    assert ended(call, method, large) == (Status.RESOURCE_EXHAUSTED, "")
    assert rows(client, "SELECT 1") == [(1,)]


def test_a_call_without_a_message_is_refused(call: Call) -> None:
    for method in ("DoGet", "DoPut", "DoAction", "GetFlightInfo"):
        assert ended(call, method) == (Status.INVALID_ARGUMENT, "VEL1001")


HEAD = field(DESCRIPTOR, path("front_bad")) + field(HEADER, schema_header())
DAMAGE = {
    "no descriptor": ([field(HEADER, schema_header())], "VEL1001"),
    "a descriptor of noise": ([field(DESCRIPTOR, b"\xff\xff\xff") + HEAD[20:]], "VEL1001"),
    "cut": ([HEAD[:-3]], "VEL1001"),
    "a huge length": ([HEAD, b"\x12" + b"\xff" * 8 + b"\x7f"], "VEL1001"),
    "a wrong kind": ([HEAD, b"\x10\x05"], "VEL1001"),
    "no schema": ([field(DESCRIPTOR, path("front_bad"))], "VEL4006"),
    "a schema of noise": (
        [field(DESCRIPTOR, path("front_bad")) + field(HEADER, b"\x07" * 64)],
        "VEL4006",
    ),
    "a header of noise": ([HEAD, field(HEADER, b"\x07" * 64)], "VEL4006"),
    "a batch before the schema": (
        [
            field(DESCRIPTOR, path("front_bad"))
            + field(HEADER, pa.record_batch({"a": [1]}).serialize().to_pybytes()[8:])
        ],
        "VEL4006",
    ),
    "the schema twice": ([HEAD, field(HEADER, schema_header())], "VEL4006"),
    "another descriptor": ([HEAD, field(DESCRIPTOR, path("other"))], "VEL1001"),
    "a body that is not there": (
        [HEAD, field(HEADER, pa.record_batch({"a": [1]}).serialize().to_pybytes()[8:208])],
        "VEL4006",
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_put_is_refused_with_a_code(
    client: flight.FlightClient, call: Call, name: str
) -> None:
    messages, code = DAMAGE[name]
    assert ended(call, "DoPut", *messages) == (Status.INVALID_ARGUMENT, code)
    assert rows(client, "SELECT 1") == [(1,)]


def test_the_server_outlives_mutants_of_whole_messages(
    server: ServerProcess, client: flight.FlightClient, call: Call
) -> None:
    print(f"seed {SEED}")
    rng = random.Random(SEED)
    batch = pa.record_batch({"a": pa.array([1, 2, 3], pa.int64())})
    message = pa.ipc.read_message(batch.serialize())
    good = [HEAD, field(HEADER, message.metadata.to_pybytes()) + field(BODY, message.body)]
    for _ in range(300):
        sent = [bytearray(part) for part in good]
        for _ in range(rng.randint(1, 4)):
            target = rng.choice(sent)
            target[rng.randrange(min(len(target), 40))] = rng.randrange(256)
        try:
            call("DoPut", *[bytes(part) for part in sent])
        except grpc.RpcError as fault:
            assert fault.code() is Status.INVALID_ARGUMENT, fault.details()
    assert server.is_alive()
    assert "Traceback" not in server.log()
    assert rows(client, "SELECT 1") == [(1,)]


def test_cancelling_frees_the_query_without_waiting_for_a_poll(
    client: flight.FlightClient, channel: grpc.Channel
) -> None:
    endless = "SELECT a.i FROM generate_series(1, 100000) a(i), generate_series(1, 100000) b(i)"
    rpc = channel.unary_stream(f"/{SERVICE}/DoGet")(ticket(endless))
    next(rpc)
    rpc.cancel()

    def is_over() -> bool:
        found = [q for q in act(client, "query.list")["queries"] if q["sql"] == endless]
        return [query["state"] for query in found] == ["cancelled"]

    assert until(is_over)


def test_a_deadline_ends_the_query(client: flight.FlightClient, channel: grpc.Channel) -> None:
    slow = "SELECT count(*) FROM generate_series(1, 100000) a(i), generate_series(1, 100000) b(i)"
    with pytest.raises(grpc.RpcError) as caught:
        list(channel.unary_stream(f"/{SERVICE}/DoGet")(ticket(slow), timeout=0.3))
    assert caught.value.code() is Status.DEADLINE_EXCEEDED
    assert until(
        lambda: all(
            query["state"] != "running"
            for query in act(client, "query.list")["queries"]
            if query["sql"] == slow
        )
    )


def test_many_calls_at_once_all_come_to_their_end(server: ServerProcess) -> None:
    put(server.connect(), "front_many", pa.table({"a": list(range(1000))}))
    client, sums = server.connect(), []

    def ask() -> None:
        sums.append(read(client, "SELECT sum(a) AS s FROM front_many")["s"][0].as_py())

    threads = [threading.Thread(target=ask) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sums == [499_500] * 40


def test_health_and_reflection_are_on_the_same_port(channel: grpc.Channel) -> None:
    stub = health_pb2_grpc.HealthStub(channel)
    for service in ("", SERVICE):
        reply = stub.Check(health_pb2.HealthCheckRequest(service=service))
        assert reply.status == health_pb2.HealthCheckResponse.SERVING
    asked = reflection_pb2.ServerReflectionRequest(list_services="")
    (told,) = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(iter([asked]))
    assert SERVICE in {service.name for service in told.list_services_response.service}
