"""Calls that go on as long as their client likes end soon after what they came with has ended."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.flight as flight
import pytest

from tests.conftest import FRONTS
from tests.integration.identity_support import As
from tests.server_process import ServerProcess, told, until
from velaria.flight_server.identity.principals import parse_binding
from velaria.flight_server.identity.tokens import TokenFile

BATCH = pa.record_batch({"a": pa.array([1, 2, 3], pa.int32())})
TOLD_WITHIN_S = 60.0


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="module", params=FRONTS)
def server(request: pytest.FixtureRequest, data_dir: Path) -> Iterator[ServerProcess]:
    arguments = ["--auth", "--front", request.param]
    with ServerProcess(data_dir=data_dir, arguments=arguments) as process:
        yield process


@pytest.fixture
def guest(server: ServerProcess, data_dir: Path) -> Iterator[As]:
    file = TokenFile(data_dir)
    yield As(server, file.create_token("guest", (parse_binding("author"),)))


def revoke(data_dir: Path) -> None:
    TokenFile(data_dir).revoke("guest")


def writes_until_told(writer: Any) -> None:
    def is_told() -> bool:
        try:
            writer.write_batch(BATCH)
        except (flight.FlightError, pa.ArrowException):
            return True
        return False

    assert until(is_told, TOLD_WITHIN_S)


def test_a_subscription(guest: As, data_dir: Path) -> None:
    guest.read("CREATE OR REPLACE STREAM revoked_s (a INT)")
    reader = guest.client.do_get(flight.Ticket(b"SELECT a FROM revoked_s"), guest.options)
    assert reader.schema.names == ["a"]
    revoke(data_dir)
    with pytest.raises(flight.FlightUnauthenticatedError) as caught:
        while True:
            reader.read_chunk()
    assert told(caught.value)["code"] == "VEL1009"


def test_a_put(guest: As, data_dir: Path) -> None:
    guest.read("CREATE OR REPLACE TABLE revoked_t (a INT)")
    where = flight.FlightDescriptor.for_path("revoked_t")
    writer, _ = guest.client.do_put(where, BATCH.schema, guest.options)
    writer.write_batch(BATCH)
    revoke(data_dir)
    writes_until_told(writer)
    with pytest.raises(flight.FlightUnauthenticatedError) as caught:
        writer.close()
    assert told(caught.value)["code"] == "VEL1009"


def test_a_transform(guest: As, data_dir: Path) -> None:
    command = msgspec.msgpack.encode({"type": "transform", "sql": "SELECT a FROM input"})
    where = flight.FlightDescriptor.for_command(command)
    writer, reader = guest.client.do_exchange(where, guest.options)
    writer.begin(BATCH.schema)
    ended: dict[str, Any] = {}

    def is_told() -> bool:
        writer.write_batch(BATCH)
        chunk = reader.read_chunk()
        if chunk.app_metadata is not None:
            ended.update(msgspec.msgpack.decode(chunk.app_metadata.to_pybytes()))
        return bool(ended)

    assert not is_told()
    revoke(data_dir)
    assert until(is_told, TOLD_WITHIN_S)
    assert ended["error"]["code"] == "VEL1009"
    writer.done_writing()
    with pytest.raises(flight.FlightError):
        reader.read_all()


def test_a_call_whose_token_holds_goes_on(guest: As, server: ServerProcess, data_dir: Path) -> None:
    """Looked up anew, it is the same: rotation with a grace lets both tokens hold."""
    guest.read("CREATE OR REPLACE STREAM revoked_g (a INT)")
    reader = guest.client.do_get(flight.Ticket(b"SELECT a FROM revoked_g"), guest.options)
    TokenFile(data_dir).rotate("guest", grace_s=3600)
    kinds: list[str] = []
    while len(kinds) < 2:  # heartbeats, each after the time in which it was looked up
        chunk = reader.read_chunk()
        kinds.append(msgspec.msgpack.decode(chunk.app_metadata.to_pybytes())["kind"])
    assert kinds == ["heartbeat", "heartbeat"]
    reader.cancel()
    revoke(data_dir)
