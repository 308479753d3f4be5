"""Damaged Arrow by raw gRPC: refused with a code, nothing of it stays, the server lives."""

import random
import struct
from collections.abc import Iterator

import grpc
import pyarrow as pa
import pyarrow.flight as flight
import pytest

from tests.server_process import ServerProcess, rows

pytestmark = pytest.mark.both_fronts

DO_PUT = "/arrow.flight.protocol.FlightService/DoPut"


@pytest.fixture
def do_put(server: ServerProcess) -> Iterator[grpc.StreamStreamMultiCallable]:
    with grpc.insecure_channel(server.uri.removeprefix("grpc://")) as channel:
        yield channel.stream_stream(
            DO_PUT, request_serializer=lambda raw: raw, response_deserializer=lambda raw: raw
        )


def varint(number: int) -> bytes:
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def field(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def flight_data(messages: list[tuple[bytes, bytes]], path: str) -> list[bytes]:
    """FlightData by hand, so that nothing on this side repairs the damage."""
    descriptor = varint(1 << 3) + varint(1) + field(3, path.encode())
    return [
        (field(1, descriptor) if index == 0 else b"") + field(2, head) + field(1000, body)
        for index, (head, body) in enumerate(messages)
    ]


def messages_of(batch: pa.RecordBatch) -> list[tuple[bytes, bytes]]:
    parts = [batch.schema.serialize(), batch.serialize()]
    read = [pa.ipc.read_message(part) for part in parts]
    return [(m.metadata.to_pybytes(), m.body.to_pybytes() if m.body else b"") for m in read]


def with_body(old: bytes, new: bytes) -> list[tuple[bytes, bytes]]:
    """A batch of three short strings with a pattern of its body exchanged."""
    schema, (head, body) = messages_of(pa.record_batch({"c": ["aa", "bb", "cc"]}))
    assert old in body
    return [schema, (head, body.replace(old, new, 1))]


def with_head(old: bytes, new: bytes) -> list[tuple[bytes, bytes]]:
    schema, (head, body) = messages_of(pa.record_batch({"c": pa.array(range(777), pa.int64())}))
    assert old in head
    return [schema, (head.replace(old, new, 1), body)]


OFFSETS = struct.pack("<4i", 0, 2, 4, 6)
PLACE = struct.pack("<qq", 0, 777 * 8)

DAMAGE = {
    "an offset past the end": with_body(OFFSETS, struct.pack("<4i", 0, 2, 4, 1 << 30)),
    "a negative offset": with_body(OFFSETS, struct.pack("<4i", 0, -1_000_000, 4, 6)),
    "offsets that go down": with_body(OFFSETS, struct.pack("<4i", 0, 6, 2, 6)),
    "text that is not UTF-8": with_body(b"aabbcc", b"\xff\xfe\xc3\x28\x80\xf5"),
    "a buffer shorter than its rows": with_head(PLACE, struct.pack("<qq", 0, 8)),
    "more nulls than rows": with_head(struct.pack("<qq", 777, 0), struct.pack("<qq", 777, 1 << 40)),
    "a body cut short": [
        *messages_of(pa.record_batch({"c": pa.array(range(777), pa.int64())}))[:1],
        (messages_of(pa.record_batch({"c": pa.array(range(777), pa.int64())}))[1][0], b"\0" * 64),
    ],
    "a head of noise": [
        messages_of(pa.record_batch({"c": [1]}))[0],
        (random.Random(1).randbytes(200), b""),
    ],
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_batch_is_refused_and_leaves_nothing(
    server: ServerProcess,
    client: flight.FlightClient,
    do_put: grpc.StreamStreamMultiCallable,
    name: str,
) -> None:
    table = "damaged_" + name.replace(" ", "_").replace("-", "_")
    with pytest.raises(grpc.RpcError) as caught:
        list(do_put(iter(flight_data(DAMAGE[name], table)), timeout=20))
    assert "Traceback" not in caught.value.details()
    assert ".py" not in caught.value.details()
    assert server.is_alive()
    stored = {t[0] for t in rows(client, "SELECT name FROM system.tables WHERE row_count > 0")}
    assert table not in stored


def test_batches_before_a_damaged_one_stay(
    client: flight.FlightClient, do_put: grpc.StreamStreamMultiCallable
) -> None:
    schema, good = messages_of(pa.record_batch({"c": ["aa", "bb", "cc"]}))
    bad = DAMAGE["an offset past the end"][1]
    with pytest.raises(grpc.RpcError) as caught:
        list(do_put(iter(flight_data([schema, good, bad], "damaged_second")), timeout=20))
    assert "VEL4006" in caught.value.details()
    assert rows(client, "SELECT c FROM damaged_second") == [("aa",), ("bb",), ("cc",)]
    run = rows(client, "SELECT state, rows FROM system.runs WHERE text = 'DoPut damaged_second'")
    assert run == [("failed", 3)]
