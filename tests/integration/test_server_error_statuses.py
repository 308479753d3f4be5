"""Errors as clients of any make read them: the trailer grpc-status-details-bin of a failed call."""

from collections.abc import Callable
from typing import Any

import grpc
import msgspec
import pyarrow.flight as flight
import pytest

from tests.flight_sql import SERVICE, descriptor_of
from tests.server_process import ServerProcess, told_in
from velaria.flight_server.flight_sql.messages import new, pack

pytestmark = pytest.mark.both_fronts

Failed = Callable[..., tuple[grpc.RpcError, dict[str, Any]]]


@pytest.fixture
def failed(server: ServerProcess) -> Failed:
    """The failure of one call by bare gRPC, and what its trailer tells."""

    def of(method: str, raw: bytes) -> tuple[grpc.RpcError, dict[str, Any]]:
        with grpc.insecure_channel(server.uri.removeprefix("grpc://")) as channel:
            with pytest.raises(grpc.RpcError) as caught:
                list(channel.stream_stream(SERVICE + method)(iter([raw]), timeout=20))
            (extra_info,) = (
                value
                for name, value in caught.value.trailing_metadata()
                if name == "grpc-status-details-bin"
            )
            return caught.value, told_in(extra_info)

    return of


def query(sql: str) -> bytes:
    serialized: bytes = descriptor_of("CommandStatementQuery", query=sql).serialize()
    return serialized


@pytest.mark.parametrize("method", ["GetFlightInfo", "GetSchema"])
@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT a\nFROM range(3) r(n)", "VEL2012"),
        ("SELECT '" + "ü" * 3000 + "'::INTERVAL::nowhere", "VEL2"),
        ('SELECT "' + "ü" * 1500 + '"', "VEL2"),
        ("SELECT % FROM", "VEL2"),
    ],
)
def test_code_text_and_place_are_in_a_google_rpc_status(
    failed: Failed, method: str, sql: str, code: str
) -> None:
    fault, error = failed(method, query(sql))
    assert error["status"] == fault.code().value[0]
    assert error["code"].startswith(code)
    assert error["retry"] == "never"
    assert fault.details().startswith(error["text"].split("\n")[0][:100])
    if code == "VEL2012":
        assert (error["line"], error["column"]) == ("1", "8")
        assert error["text"].startswith("VEL2012 unknown column: a\nSELECT a\n       ^")
        assert error["message"] == "unknown column: a"


def test_an_error_in_the_middle_of_a_result_is_one_too(
    failed: Failed, client: flight.FlightClient
) -> None:
    sql = "SELECT 1 / (n - 400000) AS x FROM range(500000) r(n)"
    info = client.get_flight_info(descriptor_of("CommandStatementQuery", query=sql))
    fault, error = failed("DoGet", info.endpoints[0].ticket.serialize())
    assert error["status"] == fault.code().value[0]
    assert error["code"] == "VEL3001"


def test_an_action_tells_it_alike(failed: Failed) -> None:
    body = pack(new("ActionClosePreparedStatementRequest", prepared_statement_handle=b"none"))
    fault, error = failed("DoAction", flight.Action("ClosePreparedStatement", body).serialize())
    assert error["status"] == fault.code().value[0]
    assert error["code"] == "VEL1011"


def test_plain_flight_has_a_map_there(failed: Failed, client: flight.FlightClient) -> None:
    plain = flight.FlightDescriptor.for_command(b"SELECT a FROM range(3) r(n)")
    _, error = failed("GetFlightInfo", plain.serialize())
    assert (error["code"], error["line"], error["column"]) == ("VEL2012", 1, 8)
    with pytest.raises(flight.FlightError) as caught:
        client.get_flight_info(plain)
    assert msgspec.msgpack.decode(caught.value.extra_info)["code"] == "VEL2012"
