"""FlightInfo, made in this place alone, so that each tells the same things in the same way."""

from collections.abc import Sequence

import msgspec
import pyarrow as pa
import pyarrow.flight as flight

from velaria.schemas.batch_metadata import FlightInfoMetadata


def info_of(
    schema: pa.Schema,
    descriptor: flight.FlightDescriptor,
    tickets: Sequence[bytes | flight.FlightEndpoint],
    query_id: str | None = None,
    row_count: int | None = None,
    byte_count: int | None = None,
) -> flight.FlightInfo:
    """Rows as one endpoint for each ticket, to be read from where the info came from; none while
    there is nothing to read. Rows of several endpoints have no order. `query_id` is what tells and
    cancels the query; a count is None while it is not known."""
    return flight.FlightInfo(
        schema,
        descriptor,
        [
            flight.FlightEndpoint(ticket, []) if isinstance(ticket, bytes) else ticket
            for ticket in tickets
        ],
        row_count,
        byte_count,
        len(tickets) <= 1,
        msgspec.msgpack.encode(FlightInfoMetadata(query_id=query_id)) if query_id else b"",
    )
