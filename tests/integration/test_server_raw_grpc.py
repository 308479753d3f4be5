"""A client without any Arrow Flight library: grpcio with stubs made from our own .proto file."""

import struct
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import grpc
import msgspec
import pyarrow as pa
import pytest
from grpc_tools import protoc

from tests.server_process import ServerProcess

pytestmark = pytest.mark.both_fronts

PROTO = Path(__file__).parents[2] / "schemas/proto/flight.proto"


@pytest.fixture(scope="module")
def stubs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    """The generated message and service modules."""
    folder = tmp_path_factory.mktemp("stubs")
    target = [f"--python_out={folder}", f"--grpc_python_out={folder}"]
    assert protoc.main(["protoc", f"-I{PROTO.parent}", *target, str(PROTO)]) == 0
    sys.path.insert(0, str(folder))
    try:
        return import_module("flight_pb2"), import_module("flight_pb2_grpc")
    finally:
        sys.path.remove(str(folder))


@pytest.fixture
def stub(server: ServerProcess, stubs: tuple[Any, Any]) -> Iterator[Any]:
    with grpc.insecure_channel(server.uri.removeprefix("grpc://")) as channel:
        yield stubs[1].FlightServiceStub(channel)


def messages_of(table: pa.Table) -> Iterator[pa.ipc.Message]:
    yield pa.ipc.read_message(table.schema.serialize())
    for batch in table.to_batches():
        yield pa.ipc.read_message(batch.serialize())


def table_of(parts: Iterator[Any]) -> pa.Table:
    """Frames FlightData as an IPC stream, which is all that a client without Flight needs."""
    stream = b"".join(
        struct.pack("<Ii", 0xFFFFFFFF, len(part.data_header)) + part.data_header + part.data_body
        for part in parts
    )
    return pa.ipc.open_stream(stream).read_all()


def test_rows_go_in_and_come_back(stub: Any, stubs: tuple[Any, Any]) -> None:
    pb = stubs[0]
    table = pa.table({"n": pa.array(range(1_000), pa.int64()), "s": ["x"] * 1_000})
    path = pb.FlightDescriptor(type=pb.FlightDescriptor.PATH, path=["raw_t"])
    sent = [
        pb.FlightData(
            flight_descriptor=path if index == 0 else None,
            data_header=message.metadata.to_pybytes(),
            data_body=message.body.to_pybytes() if message.body else b"",
        )
        for index, message in enumerate(messages_of(table))
    ]
    (result,) = stub.DoPut(iter(sent))
    assert msgspec.msgpack.decode(result.app_metadata)["row_count"] == 1_000
    info = stub.GetFlightInfo(path)
    assert info.total_records == 1_000
    assert pa.ipc.read_schema(pa.py_buffer(info.schema)) == table.schema
    assert table_of(stub.DoGet(info.endpoint[0].ticket)) == table


def test_statements_and_actions_work_by_stubs(stub: Any, stubs: tuple[Any, Any]) -> None:
    pb = stubs[0]
    assert table_of(stub.DoGet(pb.Ticket(ticket=b"SELECT 40 + 2 AS n"))).to_pylist() == [{"n": 42}]
    (reply,) = stub.DoAction(pb.Action(type="server.health"))
    assert msgspec.msgpack.decode(reply.body)["state"] == "serving"
    assert "sql.execute" in {action.type for action in stub.ListActions(pb.Empty())}
    schema = stub.GetSchema(pb.FlightDescriptor(type=pb.FlightDescriptor.CMD, cmd=b"SELECT 1 AS n"))
    assert pa.ipc.read_schema(pa.py_buffer(schema.schema)).names == ["n"]
    names = [list(info.flight_descriptor.path) for info in stub.ListFlights(pb.Criteria())]
    assert ["system", "runs"] in names


def test_a_failure_carries_its_map_in_the_trailers(stub: Any, stubs: tuple[Any, Any]) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        list(stub.DoGet(stubs[0].Ticket(ticket=b"SELECT nope")))
    trailers = b"".join(
        value for _, value in caught.value.trailing_metadata() if isinstance(value, bytes)
    )
    assert b"VEL2012" in trailers
    assert "VEL2012" in caught.value.details()
