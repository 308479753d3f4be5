"""CommandStatementIngest: what its message says of the table and the way; the rows go by the one
path of all puts, all of them or none.
"""

from typing import Any

from velaria.flight_server import ingest
from velaria.flight_server.calls import Call
from velaria.flight_server.flight_sql import connections
from velaria.flight_server.flight_sql.messages import (
    TableExistsOption,
    TableNotExistOption,
    new,
)
from velaria.flight_server.service import Service
from velaria.flight_server.wire_ends import ChunkReader
from velaria.schemas import errors as codes
from velaria.schemas.base import NAME_CHARS_MAX
from velaria.schemas.errors import VelariaError

_TEMPORARY_SCHEMA = "temp"

# What becomes of a table that is not there and of one that is there: the kernel's mode. A client
# that leaves a choice open gets what its other choice is most used with.
_MODES: dict[tuple[int, int], str] = {
    (TableNotExistOption.CREATE, TableExistsOption.FAIL): "create",
    (TableNotExistOption.CREATE, TableExistsOption.APPEND): "append",
    (TableNotExistOption.CREATE, TableExistsOption.REPLACE): "replace",
    (TableNotExistOption.CREATE, TableExistsOption.UNSPECIFIED): "create",
    (TableNotExistOption.FAIL, TableExistsOption.APPEND): "existing",
    (TableNotExistOption.UNSPECIFIED, TableExistsOption.APPEND): "existing",
    (TableNotExistOption.UNSPECIFIED, TableExistsOption.REPLACE): "replace",
    (TableNotExistOption.UNSPECIFIED, TableExistsOption.FAIL): "create",
}


def take_in(service: Service, call: Call, message: Any, reader: ChunkReader) -> Any:
    """Rows until the client says it is done; only then are they there."""
    mode = _mode_of(message.table_definition_options)
    _refuse_what_is_not_kept(service, message)
    connections.enter(service, call, _transaction_of(service, call, message))
    if message.temporary:
        connections.hold_session(service, call)
    target = ingest.Target(
        told=message.table,
        table=message.table,
        catalog_schema=_schema_of(service, call, message),
        mode=mode,
        temporary=message.temporary,
        atomic=True,
    )
    result = ingest.take_in(service, call, target, reader)
    return new("DoPutUpdateResult", record_count=result.row_count)


def _schema_of(service: Service, call: Call, message: Any) -> str:
    """Named in any case, since a table is to the letter what the client calls it."""
    if message.HasField("schema") and message.schema:
        return str(message.schema)
    return _TEMPORARY_SCHEMA if message.temporary else connections.current_schema(service, call)


def _transaction_of(service: Service, call: Call, message: Any) -> bytes:
    """The one it names, else the only one that its session has open: ADBC's driver begins one where
    there is no autocommit, and then does not name it in an ingest."""
    if message.transaction_id or call.session_id is None:
        named: bytes = message.transaction_id
        return named
    return service.transactions.meant_in(call.session_id)


def _mode_of(options: Any) -> str:
    mode = _MODES.get((options.if_not_exist, options.if_exists))
    if mode is None:
        raise VelariaError(
            codes.BAD_REQUEST,
            "no way to ingest is named by the table definition options if_not_exist, if_exists:"
            f" {options.if_not_exist}, {options.if_exists}",
            hint="Use CREATE with FAIL, APPEND or REPLACE, or FAIL with APPEND.",
        )
    return mode


def _refuse_what_is_not_kept(service: Service, message: Any) -> None:
    if not message.table or len(message.table) > NAME_CHARS_MAX:
        raise VelariaError(
            codes.BAD_REQUEST,
            f"a table's name has 1 to {NAME_CHARS_MAX} characters: {len(message.table)}",
        )
    connections.refuse_other_catalog(service, message.catalog)
    unknown = sorted(message.options)
    if unknown:
        raise VelariaError(
            codes.UNSUPPORTED_REQUEST,
            f"no option of ingest has that name: {unknown[0][:NAME_CHARS_MAX]}",
            hint="No options are offered.",
        )
