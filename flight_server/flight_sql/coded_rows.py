"""Rows of a query on their way to a Flight SQL client, whose driver reads errors off the status.

Every error has the status of its code, in mid-stream, too. But for a cancelled query, whose status
is as in plain Flight: pyarrow's read_all takes the status CANCELLED for Ctrl-C, and interrupts its
program.
"""

from collections.abc import Iterator
from functools import partial

import pyarrow as pa

from velaria.flight_server.calls import Call
from velaria.flight_server.errors import status_boundary
from velaria.flight_server.result_batches import AS_IT_IS, stream_of_batches
from velaria.flight_server.results import Crossing, DataStream
from velaria.schemas.results import ResultOptions


def stream(
    call: Call,
    schema: pa.Schema,
    batches: Iterator[pa.RecordBatch],
    options: ResultOptions = AS_IT_IS,
) -> DataStream:
    """`batches` have `schema`, and record their own failure."""
    return stream_of_batches(schema, batches, options, crossing(call))


def crossing(call: Call) -> Crossing:
    """How a failure of the call's rows leaves."""
    assert call.context is not None  # it lasts until the last batch
    return partial(status_boundary, call.context, cancelled_apart=True)
