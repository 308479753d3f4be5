"""Refusals that come before a call's message is read, as clients of any make see them."""

from collections.abc import Iterator
from pathlib import Path

import grpc
import pyarrow.flight as flight
import pytest

from tests.conftest import FRONTS
from tests.flight_sql import SERVICE, descriptor_of
from tests.server_process import ServerProcess
from velaria.flight_server.flight_sql.messages import new, pack, parse


@pytest.fixture(scope="module", params=FRONTS)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    data_dir: Path = tmp_path_factory.mktemp("state")
    arguments = ["--auth", "--front", request.param]
    with ServerProcess(data_dir=data_dir, arguments=arguments) as process:
        yield process


ASKED_BY_FLIGHT_SQL = {
    "GetFlightInfo": descriptor_of("CommandStatementQuery", query="SELECT 1").serialize(),
    "GetSchema": descriptor_of("CommandStatementQuery", query="SELECT 1").serialize(),
    "DoGet": flight.Ticket(pack(new("TicketStatementQuery", statement_handle=b"x"))).serialize(),
    "DoAction": flight.Action("CancelFlightInfo", b"").serialize(),
    "DoPut": b"",
}


@pytest.mark.parametrize("method", list(ASKED_BY_FLIGHT_SQL))
def test_a_stranger_is_refused_in_words_that_every_client_of_grpc_shows(
    server: ServerProcess, method: str
) -> None:
    """What he asks for is in a message that is not read: the detail is a google.rpc.Status, which
    clients of gRPC look for: others pass over it, and status and text stand."""
    with grpc.insecure_channel(server.uri.removeprefix("grpc://")) as channel:
        asking = channel.stream_stream(SERVICE + method)
        with pytest.raises(grpc.RpcError) as caught:
            list(asking(iter([ASKED_BY_FLIGHT_SQL[method]]), timeout=20))
    fault = caught.value
    assert fault.code() is grpc.StatusCode.UNAUTHENTICATED
    first, hint = fault.details().split("\n")[:2]
    assert first == "VEL1009 the call says not who it is from"
    assert hint.startswith("hint: Send `authorization: Bearer TOKEN`")
    detail = dict(fault.trailing_metadata())["grpc-status-details-bin"]
    (told,) = parse("Status", detail).details
    assert parse("ErrorInfo", told.value).reason == "VEL1009"
