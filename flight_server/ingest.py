"""DoPut: every batch goes through the kernel's ingest gate, which validates it fully before it is
read.

Each acknowledged batch stays, whatever becomes of the call after it. A failure leaves the batches
before it and nothing of its own batch. A put that replaces a table does so when it has ended well,
and leaves the old table otherwise. The run tells the rows that are in the table.
"""

import msgspec
import pyarrow as pa
import pyarrow.flight as flight

from velaria.flight_server.calls import Call
from velaria.flight_server.errors import scrubbed
from velaria.flight_server.forms import parse_descriptor
from velaria.flight_server.queries import TrackedQuery, new_query_id
from velaria.flight_server.service import Service
from velaria.schemas import errors as codes
from velaria.schemas.batch_metadata import PutAbort, PutResultMetadata
from velaria.schemas.errors import VelariaError
from velaria.schemas.tickets import IngestCommand

_TEMPORARY = "temp"


def target_of(descriptor: flight.FlightDescriptor) -> IngestCommand:
    """The table a DoPut names, by path or by IngestCommand."""
    if descriptor.descriptor_type == flight.DescriptorType.PATH:
        return IngestCommand(table=name_of(path_of(descriptor)))
    command = parse_descriptor(descriptor.command or b"")
    if not isinstance(command, IngestCommand):
        raise VelariaError(
            codes.BAD_REQUEST,
            "a DoPut names its table by a path of [table] or [schema, table], or by a command of"
            " type ingest",
        )
    return command


def name_of(parts: list[str]) -> str:
    """The kernel's name of [table] or [schema, table]; it splits a name at its first dot."""
    if len(parts) > 2:
        raise VelariaError(
            codes.BAD_REQUEST,
            f"the path of a table to write is [table] or [schema, table]; parts: {len(parts)}",
        )
    if len(parts) == 2 and "." in parts[0]:
        raise VelariaError(
            codes.UNSUPPORTED_REQUEST,
            f"a DoPut does not reach a schema whose name has a dot: {parts[0]}",
            hint="Use INSERT.",
        )
    return ".".join(parts)


def refuse_unknown_schema(service: Service, name: str) -> None:
    """VEL2028 as in SQL. A table of the schema main whose own name has a dot is let through."""
    schema, dot, table = name.partition(".")
    if not dot or any(held.name.lower() == name.lower() for held in service.session.tables()):
        return
    if not schema or not table:
        raise VelariaError(codes.BAD_REQUEST, f"a part of the table's name is empty: {name}")
    if schema.lower() == _TEMPORARY:
        raise VelariaError(
            codes.UNSUPPORTED_REQUEST,
            f"a DoPut does not write temporary tables: {name}",
            hint="Use INSERT.",
        )
    rows = service.session.execute("SELECT schema_name FROM information_schema.schemata")
    schemas = sorted(rows.read_all()["schema_name"].to_pylist())
    if schema.lower() not in [known.lower() for known in schemas]:
        raise VelariaError(
            codes.UNKNOWN_SCHEMA,
            f"no schema of that name: {schema}",
            detail=f"schemas: {', '.join(schemas)}",
            hint="Make it by CREATE SCHEMA, or put to a name without a dot.",
        )


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
    reader: flight.MetadataRecordBatchReader,
    writer: flight.FlightMetadataWriter,
) -> None:
    command = target_of(descriptor)
    tracked = service.queries.start(new_query_id(), "ingest", f"DoPut {command.table}")
    try:
        result = _take_in(service, command, reader, call, tracked)
    except Exception as fault:
        raise tracked.fail(_blamed(fault, call), _rows_left(command, tracked)) from fault
    tracked.finish(result.row_count)
    try:
        writer.write(msgspec.msgpack.encode(result))
    except (pa.ArrowException, OSError) as fault:
        raise _client_went() from fault


def _take_in(
    service: Service,
    command: IngestCommand,
    reader: flight.MetadataRecordBatchReader,
    call: Call,
    tracked: TrackedQuery,
) -> PutResultMetadata:
    batch_count = 0
    if getattr(service.connection(call), "in_transaction", False):
        raise VelariaError(
            codes.TRANSACTION_STATE,
            "DoPut is a commit of its own and not part of an open transaction",
            hint="Put the rows before BEGIN or after COMMIT, or use INSERT.",
        )
    refuse_unknown_schema(service, command.table)
    ingest = service.session.ingest(command.table, reader.schema, command.mode, from_wire=True)
    while (batch := _next_batch(reader, call, tracked)) is not None:
        rows = ingest.write(batch)
        tracked.add_rows(rows)
        batch_count += 1
        service.metrics.add("ingest_rows_total", rows)
        service.metrics.add("ingest_batches_total")
    ingest.commit()
    return PutResultMetadata(
        table=command.table, row_count=tracked.row_count, batch_count=batch_count
    )


def _rows_left(command: IngestCommand, tracked: TrackedQuery) -> int:
    """The rows that a put which did not end well leaves in its table."""
    return 0 if command.mode == "replace" else tracked.row_count


def _next_batch(
    reader: flight.MetadataRecordBatchReader, call: Call, tracked: TrackedQuery
) -> pa.RecordBatch | None:
    """Skips messages that carry only metadata; None at the end; VEL3010 once it is cancelled, and
    VEL4006 when the client says that the rest of its rows cannot come."""
    while True:
        try:
            chunk = reader.read_chunk()
        except StopIteration:
            chunk = None
        # A client that was killed ends its stream like one that is done: asked for now, since the
        # watcher may not have come by yet, and a replaced table would be lost.
        if call.is_cancelled or (chunk is None and call.has_lost_client()):
            raise VelariaError(codes.CANCELLED, "the DoPut was cancelled")
        tracked.refuse_when_cancelled()
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


def _blamed(fault: Exception, call: Call) -> Exception:
    """What pyarrow cannot read is the sender's fault, not ours: it went away, or sent damage."""
    if isinstance(fault, pa.ArrowException | OSError | ValueError | OverflowError):
        if call.has_lost_client():
            return _client_went()
        return VelariaError(
            codes.MALFORMED_BATCH, f"the batch cannot be decoded: {scrubbed(str(fault))}"
        )
    return fault


def _client_went() -> VelariaError:
    return VelariaError(codes.CANCELLED, "the client went away in the middle of its DoPut")
