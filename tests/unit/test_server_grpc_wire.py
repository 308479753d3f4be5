"""FlightData by hand: what it takes apart and puts together, and what it refuses."""

import pyarrow as pa
import pytest

from velaria.flight_server.grpc_front.incoming import Incoming, WireReader
from velaria.flight_server.grpc_front.outgoing import BatchSender
from velaria.flight_server.grpc_front.wire import (
    BODY,
    DESCRIPTOR,
    HEADER,
    METADATA,
    body_bytes_of,
    field,
    flight_data,
    parse_flight_data,
)
from velaria.schemas.errors import VelariaError

TABLE = pa.table(
    {
        "n": pa.array([1, None, 3], pa.int64()),
        "s": ["a", "", None],
        "d": pa.array(["x", "y", "x"]).dictionary_encode(),
    }
)


def sent(table: pa.Table, metadata: bytes | None = None) -> list[bytes]:
    """The messages of a table, the second time with another dictionary."""
    messages: list[bytes] = []
    sender = BatchSender(messages.append)
    sender.begin(table.schema)
    for batch in table.to_batches():
        sender.write_with_metadata(batch, metadata)
    return messages


def reader_of(messages: list[bytes]) -> WireReader:
    incoming = Incoming(iter(messages))
    first = incoming.next()
    assert first is not None
    return WireReader(incoming, first)


def test_a_message_is_read_as_it_was_written() -> None:
    data = parse_flight_data(flight_data(b"head", [b"bo", b"dy"], 4, b"told"))
    assert (bytes(data.header), bytes(data.body), bytes(data.metadata)) == (
        b"head",
        b"body",
        b"told",
    )
    assert data.descriptor is None


def test_unknown_fields_of_every_kind_are_skipped() -> None:
    known = field(HEADER, b"head")
    unknown = b"\x38\x96\x01" + b"\x41" + bytes(8) + field(9, b"text") + b"\x55" + bytes(4)
    assert bytes(parse_flight_data(unknown + known + unknown).header) == b"head"


BAD = {
    "a tag cut short": b"\x92",
    "a length cut short": b"\x12\xff",
    "longer than the message": b"\x12\x7fabc",
    "of 2^63 bytes": b"\x12" + b"\xff" * 9 + b"\x7f",
    "a number without end": b"\x12" + b"\xff" * 11,
    "field 0": b"\x02\x01a",
    "a group": b"\x13",
    "a kind that is not": b"\x17",
    "a header that is a number": b"\x10\x01",
    "a body twice": field(BODY, b"a") + field(BODY, b"b"),
    "a descriptor twice": field(DESCRIPTOR, b"") + field(DESCRIPTOR, b""),
    "metadata twice": field(METADATA, b"a") * 2,
    "four fixed bytes cut": b"\x55\x00\x00",
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_flight_data_is_refused(name: str) -> None:
    with pytest.raises(VelariaError) as caught:
        parse_flight_data(BAD[name])
    assert caught.value.code == "VEL1001"


def test_batches_with_dictionaries_come_back_as_they_went() -> None:
    other = TABLE.set_column(2, "d", pa.array(["z", "z", None]).dictionary_encode())
    messages = sent(pa.concat_tables([TABLE, other]), b"told")
    reader = reader_of(messages)
    assert reader.schema == TABLE.schema
    chunks = list(reader)
    assert [chunk.data.to_pydict() for chunk in chunks if chunk.data] == [
        TABLE.to_pydict(),
        other.to_pydict(),
    ]
    assert [chunk.app_metadata.to_pybytes() for chunk in chunks if chunk.app_metadata] == [
        b"told",
        b"told",
    ]


def test_metadata_without_a_batch_is_a_chunk_of_its_own() -> None:
    schema, *rest = sent(TABLE)
    reader = reader_of([schema, flight_data(b"", (), 0, b"alone"), *rest])
    first, second = list(reader)
    assert first.data is None
    assert first.app_metadata is not None
    assert first.app_metadata.to_pybytes() == b"alone"
    assert second.data is not None


def test_the_schema_is_sent_before_any_batch() -> None:
    messages = sent(TABLE.slice(0, 0))
    data = parse_flight_data(messages[0])
    assert body_bytes_of(bytes(data.header)) == 0
    assert reader_of(messages).schema == TABLE.schema


@pytest.mark.parametrize("start", [[], [flight_data(b"", (), 0, b"alone")]], ids=["", "metadata"])
def test_a_stream_without_schema_is_refused(start: list[bytes]) -> None:
    _, batch = sent(TABLE.select(["n"]))
    for messages in (start + [batch], start + [flight_data(b"\x00" * 64, (), 0)], start + [b""]):
        with pytest.raises(VelariaError) as caught:
            _ = reader_of(messages).schema
        assert caught.value.code == "VEL4006"


def test_a_body_shorter_than_its_header_says_is_an_error_and_a_longer_one_is_cut() -> None:
    schema, batch = sent(TABLE.select(["n"]))
    data = parse_flight_data(batch)
    header, body = bytes(data.header), bytes(data.body)
    short = flight_data(header, [body[:-8]], len(body) - 8)
    with pytest.raises((pa.ArrowException, OSError)):
        list(reader_of([schema, short, batch]))
    long = flight_data(header, [body, b"more"], len(body) + 4)
    chunks = list(reader_of([schema, long, batch]))
    assert sum(chunk.data.num_rows for chunk in chunks if chunk.data is not None) == 6


def test_another_descriptor_in_a_later_message_is_refused() -> None:
    schema, batch = sent(TABLE.select(["n"]))
    path = b"\x08\x01" + field(3, b"t")
    incoming = Incoming(
        iter([field(DESCRIPTOR, path) + schema, field(DESCRIPTOR, b"\x08\x02") + batch])
    )
    descriptor, first = incoming.first_descriptor()
    assert descriptor.path == [b"t"]
    with pytest.raises(VelariaError, match="another descriptor"):
        list(WireReader(incoming, first))
