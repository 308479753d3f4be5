"""DoPut: rows into a table, of plain Flight and of Flight SQL alike. Every batch goes through the
kernel's ingest gate, which validates it fully before it is read.

The rows go by the connection of the call's session, and are part of its open transaction; when
another call ends that while they come, the put fails and none of them is kept. Without a
transaction each batch is there at once and stays, whatever becomes of the call after it, unless the
put is atomic: a failure leaves the batches before it and nothing of its own batch. A put that
replaces a table does so when it has ended well, and leaves the old table otherwise. The run tells
the rows that are in the table.
"""

from dataclasses import dataclass
from types import TracebackType

import msgspec
import pyarrow as pa
import pyarrow.flight as flight

from velaria._kernel import Ingest
from velaria.flight_server.calls import Call
from velaria.flight_server.errors import scrubbed
from velaria.flight_server.forms import parse_descriptor
from velaria.flight_server.limits.watched import Awaited, WatchedPut
from velaria.flight_server.permitted import permitted_put
from velaria.flight_server.queries import TrackedQuery
from velaria.flight_server.service import Service
from velaria.flight_server.wire_ends import ChunkReader, ResultWriter
from velaria.schemas import errors as codes
from velaria.schemas.batch_metadata import PutAbort, PutResultMetadata
from velaria.schemas.errors import VelariaError
from velaria.schemas.tickets import IngestCommand


@dataclass(frozen=True)
class Target:
    """What rows are put into, and how: the arguments of the kernel's ingest, `told` as the client
    said it. `catalog_schema` None: the current one."""

    told: str
    table: str
    catalog_schema: str | None
    mode: str = "append"
    temporary: bool = False
    atomic: bool = False
    query_id: str | None = None


def target_of(service: Service, descriptor: flight.FlightDescriptor) -> Target:
    """What a DoPut of plain Flight names, by path or by IngestCommand."""
    if descriptor.descriptor_type == flight.DescriptorType.PATH:
        parts = path_of(descriptor)
        if len(parts) > 2:
            raise VelariaError(
                codes.BAD_REQUEST,
                f"the path of a table to write is [table] or [schema, table]; parts: {len(parts)}",
            )
        command = IngestCommand(table=parts[-1])
        schema = parts[0] if len(parts) == 2 else None
    else:
        parsed = parse_descriptor(descriptor.command or b"")
        if not isinstance(parsed, IngestCommand):
            raise VelariaError(
                codes.BAD_REQUEST,
                "a DoPut names its table by a path of [table] or [schema, table], or by a command"
                " of type ingest",
            )
        command, schema = parsed, None
    told, table = command.table, command.table
    if schema is None:
        schema, table = _split(service, table)
    else:
        told = f"{schema}.{table}"
    return Target(
        told, table, schema, command.mode, atomic=command.atomic, query_id=command.query_id
    )


def _split(service: Service, name: str) -> tuple[str | None, str]:
    """Schema and table of one name: split at its first dot, but for a table of main whose own name
    has one."""
    schema, dot, table = name.partition(".")
    if not dot:
        return None, name
    for held in service.session.tables():
        if held.name.lower() == name.lower():
            return held.catalog_schema, held.bare_name
    if not schema or not table:
        raise VelariaError(codes.BAD_REQUEST, f"a part of the table's name is empty: {name}")
    return schema, table


def path_of(descriptor: flight.FlightDescriptor) -> list[str]:
    try:
        parts = [part.decode("utf-8") for part in descriptor.path or ()]
    except UnicodeDecodeError as fault:
        raise VelariaError(
            codes.BAD_REQUEST, f"the path is not UTF-8; first bad byte: {fault.start}"
        ) from None
    if not parts or not all(parts):
        raise VelariaError(codes.BAD_REQUEST, "the path names nothing: it is empty")
    return parts


def put(
    service: Service,
    call: Call,
    descriptor: flight.FlightDescriptor,
    reader: ChunkReader,
    writer: ResultWriter,
) -> None:
    result = take_in(service, call, target_of(service, descriptor), reader)
    try:
        writer.write(msgspec.msgpack.encode(result))
    except (pa.ArrowException, OSError) as fault:
        raise client_went() from fault


def take_in(service: Service, call: Call, target: Target, reader: ChunkReader) -> PutResultMetadata:
    """Rows until the client says that it is done, as a run of their own."""
    with service.promised(target.query_id) as query_id:
        tracked = service.queries.start(query_id, "ingest", f"DoPut {target.told}")
    ingest: Ingest | None = None
    try:
        with service.limits.put(call, tracked) as watched:
            schema = next_schema(reader, call, watched)
            with permitted_put(
                service, call, target.catalog_schema, target.temporary
            ) as connection:
                ingest = connection.ingest(
                    target.table,
                    schema,
                    target.mode,
                    from_wire=True,
                    catalog_schema=target.catalog_schema,
                    temporary=target.temporary,
                    atomic=target.atomic,
                )
            result = _all_batches(service, call, ingest, target, reader, tracked, watched)
    except Exception as fault:
        stays = ingest is not None and not ingest.is_atomic
        raise tracked.fail(blamed(fault, call), tracked.row_count if stays else 0) from fault
    tracked.finish(result.row_count)
    return result


def _all_batches(
    service: Service,
    call: Call,
    ingest: Ingest,
    target: Target,
    reader: ChunkReader,
    tracked: TrackedQuery,
    watched: WatchedPut,
) -> PutResultMetadata:
    batch_count = 0
    while (batch := next_batch(reader, call, watched, tracked)) is not None:
        service.limits.memory.refuse_when_high("rows")
        call.refuse_when_unknown()
        rows = ingest.write(batch)
        tracked.add_rows(rows)
        batch_count += 1
        service.metrics.add("ingest_rows_total", rows)
        service.metrics.add("ingest_batches_total")
        service.metrics.add("ingest_bytes_total", batch.nbytes)
    ingest.commit()
    return PutResultMetadata(
        table=target.told, row_count=tracked.row_count, batch_count=batch_count
    )


def next_schema(reader: ChunkReader, call: Call, watched: WatchedPut) -> pa.Schema:
    """Of the batches to come, waited for like them: VEL5009 when the client sends none in time."""
    with _Awaited(call, watched):
        return reader.schema


class _Awaited(Awaited):
    """While the server waits for the client. VEL5009 comes before whatever else ends it, since the
    server may have ended the call or cut the connection."""

    def __init__(self, call: Call, watched: WatchedPut) -> None:
        super().__init__(watched)
        self._call = call

    def __enter__(self) -> None:
        self._call.waits_for_client = True
        super().__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._call.waits_for_client = False
        super().__exit__(kind, fault, trace)


def next_batch(
    reader: ChunkReader,
    call: Call,
    watched: WatchedPut,
    tracked: TrackedQuery | None = None,
) -> pa.RecordBatch | None:
    """Skips messages that carry only metadata; None at the end; VEL3010 once it is cancelled, and
    VEL4006 when the client says that the rest of its rows cannot come."""
    while True:
        with _Awaited(call, watched):
            chunk = next(reader, None)
        if tracked is not None:
            tracked.refuse_when_cancelled()
        # A client that was killed ends its stream like one that is done: asked for now, since the
        # watcher may not have come by yet, and a replaced table would be lost.
        if call.is_cancelled or (chunk is None and call.has_lost_client()):
            raise VelariaError(codes.CANCELLED, "the DoPut was cancelled")
        if chunk is not None and chunk.data is None and _is_abort(chunk.app_metadata):
            raise VelariaError(
                codes.MALFORMED_BATCH, "the client gave its DoPut up before the last row"
            )
        if chunk is None or chunk.data is not None:
            return None if chunk is None else chunk.data


def _is_abort(metadata: pa.Buffer | None) -> bool:
    if metadata is None:
        return False
    try:
        msgspec.msgpack.decode(metadata.to_pybytes(), type=PutAbort)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True


def blamed(fault: Exception, call: Call) -> Exception:
    """What pyarrow cannot read is the sender's fault, not ours: it went away, or sent damage."""
    if isinstance(fault, pa.ArrowException | OSError | ValueError | OverflowError):
        if call.has_lost_client():
            return client_went()
        return VelariaError(
            codes.MALFORMED_BATCH, f"the batch cannot be decoded: {scrubbed(str(fault))}"
        )
    return fault


def client_went() -> VelariaError:
    return VelariaError(codes.CANCELLED, "the client went away in the middle of its DoPut")
