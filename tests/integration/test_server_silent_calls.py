"""A call that waits for its client's message is ended in its time, whichever message that is; and
one client cannot take all places of a listener by calls that say nothing."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import grpc
import msgspec
import pyarrow as pa
import pyarrow.flight as flight
import pytest

from tests.integration import flight_sql_client as sql_client
from tests.integration.identity_support import As, make_tokens
from tests.limited_server import metric
from tests.server_process import ServerProcess, act, put, rows, told_in, until
from tests.tcp_proxy import TcpProxy
from velaria.flight_server.grpc_front.wire import DESCRIPTOR, field

PREFIX = "/arrow.flight.protocol.FlightService/"
BOTH = pytest.mark.parametrize("front", ["native", "grpcio"])
SLOW = "SELECT count(*) FROM generate_series(1, 100000) a(i), generate_series(1, 100000) b(i)"


class SilentCall:
    """Sends what it is given, and then nothing more while it is open."""

    def __init__(
        self, channel: grpc.Channel, method: str, *first: bytes, headers: Any = None
    ) -> None:
        self._is_closed = threading.Event()
        self.rpc = channel.stream_stream(PREFIX + method)(
            self._messages(first), timeout=60, metadata=headers
        )

    def is_open(self) -> bool:
        return bool(self.rpc.is_active())

    def error(self) -> tuple[grpc.StatusCode, str]:
        """Status and code that it ends with; waits for them."""
        with suppress(grpc.RpcError):
            for _ in self.rpc:
                continue
        told = dict(self.rpc.trailing_metadata()).get("grpc-status-details-bin")
        return self.rpc.code(), told_in(told)["code"] if told else ""

    def close(self) -> None:
        self._is_closed.set()
        self.rpc.cancel()

    def _messages(self, first: tuple[bytes, ...]) -> Iterator[bytes]:
        yield from first
        self._is_closed.wait()


def serving(front: str, *settings: str, data_dir: Path | None = None) -> ServerProcess:
    words = [word for setting in settings for word in ("--set", setting)]
    return ServerProcess(data_dir=data_dir, arguments=["--front", front, *words])


@contextmanager
def channel_to(server: ServerProcess | TcpProxy) -> Iterator[grpc.Channel]:
    """A connection of its own."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(server.uri.removeprefix("grpc://"), options) as channel:
        yield channel


def begun(server: ServerProcess) -> dict[str, tuple[str, bytes]]:
    """Calls that say what they are about and not what their batches look like."""
    client = server.connect()
    handle = sql_client.prepare(client, "SELECT $1 + 1").prepared_statement_handle
    bind = sql_client.descriptor("CommandPreparedStatementQuery", prepared_statement_handle=handle)
    transform = msgspec.msgpack.encode({"type": "transform", "sql": "SELECT * FROM input"})
    over_input = flight.FlightDescriptor.for_command(transform)
    told = {
        "put": ("DoPut", flight.FlightDescriptor.for_path("silent_t")),
        "bind": ("DoPut", bind),
        "transform": ("DoExchange", over_input),
    }
    return {
        name: (method, field(DESCRIPTOR, descriptor.serialize()))
        for name, (method, descriptor) in told.items()
    }


@BOTH
def test_a_call_whose_schema_does_not_come_is_ended(front: str) -> None:
    with serving(front, "limits.put_idle_s=0.3") as server, channel_to(server) as channel:
        first = begun(server)
        calls = [SilentCall(channel, method, message) for method, message in first.values()]
        assert until(lambda: not any(call.is_open() for call in calls), 20)
        asking = server.connect()
        assert until(lambda: metric(asking, "puts_open") == 0)
        assert metric(asking, "calls_idle_total") == len(first)
        told = "SELECT count(*) FROM system.runs WHERE error_code = 'VEL5009'"
        assert until(lambda: rows(asking, told) == [(2,)])  # a bind is no run of its own
        if front == "grpcio":
            ends = [call.error() for call in calls]
            assert ends == [(grpc.StatusCode.DEADLINE_EXCEEDED, "VEL5009")] * len(calls)
            assert metric(asking, "connections_cut_total") == 0
        for call in calls:
            call.close()


def test_a_call_without_a_first_message_is_ended_alone() -> None:
    methods = ("DoPut", "DoExchange", "DoAction", "DoGet", "GetFlightInfo", "ListActions")
    with serving("grpcio", "limits.put_idle_s=0.3") as server, channel_to(server) as channel:
        ticket = flight.Ticket(SLOW.encode()).serialize()
        beside = SilentCall(channel, "DoGet", ticket)
        calls = [SilentCall(channel, method) for method in methods]
        ends = [call.error() for call in calls]
        assert ends == [(grpc.StatusCode.DEADLINE_EXCEEDED, "VEL5009")] * len(calls)
        assert beside.is_open(), "others of the connection go on"
        beside.close()
        late = SilentCall(channel, "DoAction", flight.Action("server.health", b"").serialize())
        assert late.error()[0] is grpc.StatusCode.OK
        assert metric(server.connect(), "calls_idle_total") == len(methods)
        assert "Traceback" not in server.log()


def test_a_call_whose_first_message_arrow_waits_for_ends_with_its_connection() -> None:
    with (
        serving("native", "limits.put_idle_s=0.3") as server,
        channel_to(server) as silent,
        channel_to(server) as busy,
        server.connect() as session,
    ):
        act(session, "sql.execute", sql="CREATE SCHEMA kept")
        sql_client.bare(
            session, "SetSessionOptions", session_options={"schema": {"string_value": "kept"}}
        )
        beside = SilentCall(busy, "DoGet", flight.Ticket(SLOW.encode()).serialize())
        calls = [SilentCall(silent, method) for method in ("DoPut", "DoExchange", "DoPut")]
        assert until(lambda: not any(call.is_open() for call in calls), 20)
        assert beside.is_open(), "other connections are left"
        kept = sql_client.bare(session, "GetSessionOptions").session_options["schema"]
        assert kept.string_value == "kept", "and so are those that tell a session"
        beside.close()
        asking = server.connect()
        assert metric(asking, "calls_idle_total") == len(calls)
        put(asking, "silent_later", pa.table({"a": [1]}))


def test_only_so_many_calls_wait_for_their_first_message() -> None:
    with (
        serving("native", "limits.puts_open=2", "limits.share_percent=100") as server,
        channel_to(server) as channel,
    ):
        calls = [SilentCall(channel, "DoPut") for _ in range(4)]
        assert until(lambda: sum(call.is_open() for call in calls) == 2)
        refused = [call.error()[1] for call in calls if not call.is_open()]
        assert refused == ["VEL5002"] * 2
        for call in calls:
            call.close()
        asking = server.connect()
        assert until(lambda: can_put(asking))


def can_put(client: flight.FlightClient) -> bool:
    try:
        put(client, "silent_put", pa.table({"a": [1]}))
    except flight.FlightError:
        return False
    return True


def test_one_host_cannot_take_all_places_of_a_listener() -> None:
    with (
        serving("grpcio", "grpc.calls_max=8", "limits.share_percent=50") as server,
        channel_to(server) as channel,
        channel_to(server) as second,
        TcpProxy(server.uri, source="127.0.0.2") as proxy,
        channel_to(proxy) as other,
    ):
        silent = [SilentCall(each, "DoPut") for each in [channel, second] * 4]
        assert until(lambda: sum(call.is_open() for call in silent) == 4)
        refused = [call.error() for call in silent if not call.is_open()]
        assert refused == [(grpc.StatusCode.UNAVAILABLE, "VEL5002")] * 4
        health = flight.Action("server.health", b"").serialize()
        assert SilentCall(other, "DoAction", health).error()[0] is grpc.StatusCode.OK
        for call in silent:
            call.close()
        assert until(
            lambda: SilentCall(channel, "DoAction", health).error()[0] is grpc.StatusCode.OK
        )


def test_one_principal_cannot_take_all_places_of_a_listener(tmp_path: Path) -> None:
    tokens = make_tokens(tmp_path)
    headers = (("authorization", f"Bearer {tokens['viewer']}"),)
    with (
        serving("grpcio", "grpc.calls_max=8", data_dir=tmp_path) as server,
        channel_to(server) as channel,
        channel_to(server) as second,
    ):
        silent = [
            SilentCall(each, "DoPut", headers=headers)
            for each in (channel, channel, channel, channel, second, second, second)
        ]
        assert until(lambda: sum(call.is_open() for call in silent) == 6)
        assert act(As(server, tokens["admin"]).client, "server.health")["state"] == "serving"
        viewer = As(server, tokens["viewer"])
        assert viewer.code(viewer.act, "server.health") == "VEL5002"
        for call in silent:
            call.close()
