"""FlightInfo has one maker, and what it does not know is told as not known."""

import msgspec
import pyarrow as pa
import pyarrow.flight as flight
import pytest

from tests.contract.tools.house import ROOT
from velaria.flight_server.flight_infos import info_of

SCHEMA = pa.schema([("a", pa.int64())])
DESCRIPTOR = flight.FlightDescriptor.for_command(b"SELECT 1")


@pytest.mark.parametrize(
    ("tickets", "is_ordered"), [([], True), ([b"one"], True), ([b"one", b"two"], False)]
)
def test_rows_of_several_endpoints_have_no_order(tickets: list[bytes], is_ordered: bool) -> None:
    info = info_of(SCHEMA, DESCRIPTOR, tickets, "q-1")
    assert info.ordered is is_ordered
    assert [endpoint.ticket.ticket for endpoint in info.endpoints] == tickets
    assert [endpoint.locations for endpoint in info.endpoints] == [[]] * len(tickets)


def test_what_is_not_known_is_told_so() -> None:
    info = info_of(SCHEMA, DESCRIPTOR, [b"one"])
    assert (info.total_records, info.total_bytes, info.app_metadata) == (-1, -1, b"")
    told = info_of(SCHEMA, DESCRIPTOR, [b"one"], "q-1", 0, 7)
    assert (told.total_records, told.total_bytes) == (0, 7)
    assert msgspec.msgpack.decode(told.app_metadata) == {"query_id": "q-1"}


def test_an_endpoint_of_another_make_stays_as_it_is() -> None:
    until = pa.scalar(1, pa.timestamp("ns"))
    info = info_of(SCHEMA, DESCRIPTOR, [flight.FlightEndpoint(b"wrapped", [], until)])
    assert info.endpoints[0].expiration_time == until.cast(pa.timestamp("ns", "UTC"))


def test_no_other_place_makes_one() -> None:
    folder = ROOT / "flight_server"
    makers = [
        str(path.relative_to(folder))
        for path in folder.rglob("*.py")
        if "flight.FlightInfo(" in path.read_text("utf-8")
    ]
    assert makers == ["flight_infos.py"]
