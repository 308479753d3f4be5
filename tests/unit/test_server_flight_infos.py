"""FlightInfo has one maker, and what it does not know is told as not known."""

import re
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.flight as flight
import pytest

from tests.contract.tools.house import ROOT
from velaria.flight_server.flight_infos import endpoint_of, info_of

SCHEMA = pa.schema([("a", pa.int64())])
DESCRIPTOR = flight.FlightDescriptor.for_command(b"SELECT 1")


def sent(*told: Any) -> flight.FlightInfo:
    """As a client reads it."""
    return flight.FlightInfo.deserialize(info_of(SCHEMA, *told).serialize())


@pytest.mark.parametrize(
    "descriptor", [DESCRIPTOR, flight.FlightDescriptor.for_path("s", "t")], ids=str
)
def test_schema_and_descriptor_are_told(descriptor: flight.FlightDescriptor) -> None:
    info = sent(descriptor, [])
    assert info.schema == SCHEMA and info.descriptor == descriptor


@pytest.mark.parametrize(
    ("tickets", "is_ordered"), [([], True), ([b"one"], True), ([b"one", b"two"], False)]
)
def test_rows_of_several_endpoints_have_no_order(tickets: list[bytes], is_ordered: bool) -> None:
    info = sent(DESCRIPTOR, tickets, "q-1")
    assert info.ordered is is_ordered
    assert [endpoint.ticket.ticket for endpoint in info.endpoints] == tickets
    assert [endpoint.locations for endpoint in info.endpoints] == [[]] * len(tickets)


def test_what_is_not_known_is_told_so() -> None:
    info = sent(DESCRIPTOR, [b"one"])
    assert (info.total_records, info.total_bytes, info.app_metadata) == (-1, -1, b"")
    told = sent(DESCRIPTOR, [b"one"], "q-1", 0, 7)
    assert (told.total_records, told.total_bytes) == (0, 7)
    assert msgspec.msgpack.decode(told.app_metadata) == {"query_id": "q-1"}


def test_an_endpoint_tells_until_when_it_can_be_read() -> None:
    info = sent(DESCRIPTOR, [endpoint_of(b"wrapped", 1_700_000_000_123)])
    until = pa.scalar(1_700_000_000_123_000_000, pa.timestamp("ns", "UTC"))
    assert info.endpoints[0].expiration_time == until


def test_no_other_place_makes_one() -> None:
    folder = ROOT / "flight_server"
    makers = [
        str(path.relative_to(folder))
        for path in folder.rglob("*.py")
        if re.search(r"flight\.FlightInfo\(|new\(\s*\"FlightInfo\"", path.read_text("utf-8"))
    ]
    assert makers == ["flight_infos.py"]
