"""A result's batches in the form that the client asked for: cut, decoded, compressed.

Without a wish about the batches themselves the kernel's reader goes out as it is, with no Python
per batch. Otherwise each batch passes through here.
"""

from collections.abc import Iterable, Iterator

import pyarrow as pa

from velaria._kernel import QueryResult
from velaria.flight_server.batch_cutting import pieces
from velaria.flight_server.errors import boundary
from velaria.flight_server.limits.metered import Meter
from velaria.flight_server.plain_types import plain_schema
from velaria.flight_server.pulling import pulled
from velaria.flight_server.results import BatchStream, Crossing, DataStream, Part, ResultStream
from velaria.schemas.results import BATCH_BYTES_MAX, BATCH_ROWS_MAX, ResultOptions

AS_IT_IS = ResultOptions()


def is_as_it_is(options: ResultOptions) -> bool:
    """Whether the kernel's batches need not be looked at."""
    is_cut = options.batch_bytes is not None or options.batch_rows is not None
    return options.keep_dictionaries and not is_cut


def write_options(options: ResultOptions) -> pa.ipc.IpcWriteOptions:
    is_packed = options.compression != "none"
    return pa.ipc.IpcWriteOptions(compression=options.compression if is_packed else None)


def asked_schema(schema: pa.Schema, options: ResultOptions) -> pa.Schema:
    """The schema of FlightInfo and DoGet alike."""
    return schema if options.keep_dictionaries else plain_schema(schema)


def stream_of_result(
    result: QueryResult, options: ResultOptions, meter: Meter, crossing: Crossing = boundary
) -> DataStream:
    """Of a statement that returns rows."""
    if is_as_it_is(options) and not meter.is_needed:
        return ResultStream(result, meter.told, crossing, write_options(options))
    return stream_of_batches(result.schema, meter.batches(pulled(result)), options, crossing)


def stream_of_batches(
    schema: pa.Schema,
    batches: Iterable[pa.RecordBatch],
    options: ResultOptions,
    crossing: Crossing = boundary,
) -> DataStream:
    """`batches` have `schema`, and raise coded errors only, which leave by `crossing`."""
    asked = asked_schema(schema, options)

    def sent() -> Iterator[Part]:
        with crossing():
            for batch in batches:
                plain = batch if asked is schema else batch.cast(asked)
                for piece in cut(plain, options):
                    yield piece, None

    return BatchStream(asked, sent(), write_options(options))


def cut(batch: pa.RecordBatch, options: ResultOptions) -> Iterator[pa.RecordBatch]:
    """Pieces in order, each within the bounds or of one row. Values that slices share, as those of
    string views, are not divided, and so a batch is not cut for their sake."""
    rows_max, bytes_max = (
        options.batch_rows or BATCH_ROWS_MAX,
        options.batch_bytes or BATCH_BYTES_MAX,
    )
    if batch.num_rows <= rows_max and batch.get_total_buffer_size() <= bytes_max:
        return iter((batch,))
    return pieces(batch, rows_max, bytes_max, _own_bytes)


def _own_bytes(batch: pa.RecordBatch) -> int:
    """Bytes that a slice has fewer of: those of dictionaries and of views' texts are shared."""
    return sum(_array_bytes(column) for column in batch.columns)


def _array_bytes(column: pa.Array) -> int:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return int(column.indices.nbytes)
    if pa.types.is_string_view(kind) or pa.types.is_binary_view(kind):
        return 16 * len(column)
    return int(column.nbytes)
