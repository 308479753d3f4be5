"""The protobuf messages of Flight SQL, those of Flight that its actions use, and those of an error.

Field numbers and kinds are those of Arrow's FlightSql.proto and Flight.proto, and of google.rpc.
The classes are made at import from the tables below, in a descriptor pool of our own, so that
another package in the process may register the public names. Nested messages stand here at the top
level: names of messages inside a message never travel.

Notation of a field: `name kind number`. A kind may be followed by `?` (presence is told),
`*` (repeated) or `|` (a member of the message's one oneof); `{kind}` is a map from string.
"""

from enum import IntEnum
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from velaria.flight_server.decoding import check_size
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError


class CancelStatus(IntEnum):
    """Of CancelFlightInfoResult.status, and of ActionCancelQueryResult.result."""

    UNSPECIFIED = 0
    CANCELLED = 1
    CANCELLING = 2
    NOT_CANCELLABLE = 3


class EndTransaction(IntEnum):
    UNSPECIFIED = 0
    COMMIT = 1
    ROLLBACK = 2


class EndSavepoint(IntEnum):
    UNSPECIFIED = 0
    RELEASE = 1
    ROLLBACK = 2


class TableNotExistOption(IntEnum):
    UNSPECIFIED = 0
    CREATE = 1
    FAIL = 2


class TableExistsOption(IntEnum):
    UNSPECIFIED = 0
    FAIL = 1
    APPEND = 2
    REPLACE = 3


class SessionOptionError(IntEnum):
    """Of SetSessionOptionsResult.errors[name].value."""

    UNSPECIFIED = 0
    INVALID_NAME = 1
    INVALID_VALUE = 2
    ERROR = 3


class SessionCloseStatus(IntEnum):
    UNSPECIFIED = 0
    CLOSED = 1
    CLOSING = 2
    NOT_CLOSEABLE = 3


class DescriptorType(IntEnum):
    UNKNOWN = 0
    PATH = 1
    CMD = 2


_ENUMS = (
    CancelStatus,
    EndTransaction,
    EndSavepoint,
    TableNotExistOption,
    TableExistsOption,
    SessionOptionError,
    SessionCloseStatus,
    DescriptorType,
)

_GOOGLE = {
    "Any": "type_url string 1, value bytes 2",
    "Timestamp": "seconds int64 1, nanos int32 2",
}

_GOOGLE_RPC = {
    "Status": "code int32 1, message string 2, details Any* 3",
    "ErrorInfo": "reason string 1, domain string 2, metadata {string} 3",
}

_FLIGHT = {
    "FlightDescriptor": "type DescriptorType 1, cmd bytes 2, path string* 3",
    "Ticket": "ticket bytes 1",
    "Location": "uri string 1",
    "FlightEndpoint": "ticket Ticket 1, location Location* 2, expiration_time Timestamp 3,"
    " app_metadata bytes 4",
    "FlightInfo": "schema bytes 1, flight_descriptor FlightDescriptor 2,"
    " endpoint FlightEndpoint* 3, total_records int64 4, total_bytes int64 5, ordered bool 6,"
    " app_metadata bytes 7",
    "PollInfo": "info FlightInfo 1, flight_descriptor FlightDescriptor 2, progress double? 3,"
    " expiration_time Timestamp 4",
    "CancelFlightInfoRequest": "info FlightInfo 1",
    "CancelFlightInfoResult": "status CancelStatus 1",
    "RenewFlightEndpointRequest": "endpoint FlightEndpoint 1",
    "StringListValue": "values string* 1",
    "SessionOptionValue": "string_value string| 1, bool_value bool| 2, int64_value sfixed64| 3,"
    " double_value double| 4, string_list_value StringListValue| 5",
    "SetSessionOptionsRequest": "session_options {SessionOptionValue} 1",
    "SetSessionOptionsError": "value SessionOptionError 1",
    "SetSessionOptionsResult": "errors {SetSessionOptionsError} 1",
    "GetSessionOptionsRequest": "",
    "GetSessionOptionsResult": "session_options {SessionOptionValue} 1",
    "CloseSessionRequest": "",
    "CloseSessionResult": "status SessionCloseStatus 1",
}

_KEYS_OF_TABLE = "catalog string? 1, db_schema string? 2, table string 3"
_QUERY = "query string 1, transaction_id bytes? 2"
_HANDLE = "prepared_statement_handle bytes 1"
_SUBSTRAIT = "plan SubstraitPlan 1, transaction_id bytes? 2"

_FLIGHT_SQL = {
    "CommandGetSqlInfo": "info uint32* 1",
    "CommandGetXdbcTypeInfo": "data_type int32? 1",
    "CommandGetCatalogs": "",
    "CommandGetDbSchemas": "catalog string? 1, db_schema_filter_pattern string? 2",
    "CommandGetTables": "catalog string? 1, db_schema_filter_pattern string? 2,"
    " table_name_filter_pattern string? 3, table_types string* 4, include_schema bool 5",
    "CommandGetTableTypes": "",
    "CommandGetPrimaryKeys": _KEYS_OF_TABLE,
    "CommandGetExportedKeys": _KEYS_OF_TABLE,
    "CommandGetImportedKeys": _KEYS_OF_TABLE,
    "CommandGetCrossReference": "pk_catalog string? 1, pk_db_schema string? 2, pk_table string 3,"
    " fk_catalog string? 4, fk_db_schema string? 5, fk_table string 6",
    "CommandStatementQuery": _QUERY,
    "CommandStatementUpdate": _QUERY,
    "CommandStatementSubstraitPlan": _SUBSTRAIT,
    "TicketStatementQuery": "statement_handle bytes 1",
    "CommandPreparedStatementQuery": _HANDLE,
    "CommandPreparedStatementUpdate": _HANDLE,
    "TableDefinitionOptions": "if_not_exist TableNotExistOption 1, if_exists TableExistsOption 2",
    "CommandStatementIngest": "table_definition_options TableDefinitionOptions 1, table string 2,"
    " schema string? 3, catalog string? 4, temporary bool 5, transaction_id bytes? 6,"
    " options {string} 1000",
    "DoPutUpdateResult": "record_count int64 1",
    "DoPutPreparedStatementResult": "prepared_statement_handle bytes? 1",
    "ActionCreatePreparedStatementRequest": _QUERY,
    "SubstraitPlan": "plan bytes 1, version string 2",
    "ActionCreatePreparedSubstraitPlanRequest": _SUBSTRAIT,
    "ActionCreatePreparedStatementResult": "prepared_statement_handle bytes 1,"
    " dataset_schema bytes 2, parameter_schema bytes 3, is_update bool? 4",
    "ActionClosePreparedStatementRequest": _HANDLE,
    "ActionBeginTransactionRequest": "",
    "ActionBeginTransactionResult": "transaction_id bytes 1",
    "ActionBeginSavepointRequest": "transaction_id bytes 1, name string 2",
    "ActionBeginSavepointResult": "savepoint_id bytes 1",
    "ActionEndTransactionRequest": "transaction_id bytes 1, action EndTransaction 2",
    "ActionEndSavepointRequest": "savepoint_id bytes 1, action EndSavepoint 2",
    "ActionCancelQueryRequest": "info bytes 1",
    "ActionCancelQueryResult": "result CancelStatus 1",
}

_PACKAGES = {
    "google.protobuf": _GOOGLE,
    "google.rpc": _GOOGLE_RPC,
    "arrow.flight.protocol": _FLIGHT,
    "arrow.flight.protocol.sql": _FLIGHT_SQL,
}
_PACKAGE_OF = {name: package for package, table in _PACKAGES.items() for name in table}
_SUBSTRAIT_MESSAGES = frozenset(
    {"CommandStatementSubstraitPlan", "ActionCreatePreparedSubstraitPlanRequest"}
)

_Field = descriptor_pb2.FieldDescriptorProto
_ANY_TYPE_URL_TAG = 0x0A
_TYPE_URL_PREFIX = b"type.googleapis.com/arrow.flight.protocol.sql."
_NAME_CHARS_SHOWN_MAX = 80


def is_flight_sql(raw: bytes) -> bool:
    """Whether these are the first bytes of a Flight SQL message in an Any, damaged or not.

    The length of the type_url takes one byte, or two when somebody made up a long name.
    """
    return (
        bool(raw)
        and raw[0] == _ANY_TYPE_URL_TAG
        and (raw.startswith(_TYPE_URL_PREFIX, 2) or raw.startswith(_TYPE_URL_PREFIX, 3))
    )


def unpacks(raw: bytes) -> bool:
    """Whether it is a whole message of Flight SQL that is known here."""
    if not is_flight_sql(raw):
        return False
    try:
        unpack(raw)
    except VelariaError:
        return False
    return True


def unpack(raw: bytes) -> tuple[str, Any]:
    """The name ("CommandGetTables") and the message inside an Any.

    VEL1003 for bytes that do not decode; VEL1008 for Substrait and for names not known here.
    """
    wrapped = parse("Any", raw)
    prefix = _TYPE_URL_PREFIX.decode()
    if not wrapped.type_url.startswith(prefix):
        raise VelariaError(
            codes.BAD_COMMAND,
            f"the message in the Any is none of Flight SQL: {_shown(wrapped.type_url)}",
        )
    name = wrapped.type_url.removeprefix(prefix)
    if name in _SUBSTRAIT_MESSAGES:
        raise VelariaError(
            codes.UNSUPPORTED_REQUEST,
            f"Substrait plans are not offered by this server: {name}",
            hint="Send the statement as SQL text.",
        )
    if name not in _FLIGHT_SQL:
        raise VelariaError(
            codes.UNSUPPORTED_REQUEST,
            f"this message of Flight SQL is not offered by this server: {_shown(name)}",
        )
    return name, parse(name, wrapped.value)


def pack(message: Any) -> bytes:
    """The message in an Any, as bytes."""
    type_url = f"type.googleapis.com/{message.DESCRIPTOR.full_name}"
    wrapped = new("Any", type_url=type_url, value=message.SerializeToString(deterministic=True))
    return bytes(wrapped.SerializeToString())


def parse(name: str, raw: bytes) -> Any:
    """The message of that name, from bytes without an Any; VEL1003 when they do not decode."""
    check_size(raw, f"message {name}")
    try:
        return _CLASSES[name].FromString(raw)
    except DecodeError:
        raise VelariaError(
            codes.BAD_COMMAND,
            f"the protobuf message does not decode: {name}",
            hint="Send one message, whole, as Arrow's FlightSql.proto and Flight.proto say.",
        ) from None


def new(name: str, /, **fields: Any) -> Any:
    """A new message; a message inside it may be given as a dict, None leaves a field out."""
    return _CLASSES[name](**fields)


def _shown(name: str) -> str:
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "._/") else "?" for c in name)
    return kept[:_NAME_CHARS_SHOWN_MAX]


def _make_classes() -> dict[str, Any]:
    pool = descriptor_pool.DescriptorPool()
    files: list[str] = []
    for package, table in _PACKAGES.items():
        file = descriptor_pb2.FileDescriptorProto(
            name=f"velaria/{package}.proto", package=package, syntax="proto3", dependency=files
        )
        for name, fields in table.items():
            _add_message(file.message_type.add(name=name), fields)
        pool.Add(file)
        files.append(file.name)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}"))
        for name, package in _PACKAGE_OF.items()
    }


def _add_message(message: Any, fields: str) -> None:
    for field in filter(None, fields.split(",")):
        name, kind, number = field.split()
        if kind.startswith("{"):
            entry = message.nested_type.add(name=f"{name.title().replace('_', '')}Entry")
            entry.options.map_entry = True
            _add_message(entry, f"key string 1, value {kind[1:-1]} 2")
            full_name = f".{_PACKAGE_OF[message.name]}.{message.name}.{entry.name}"
            message.field.add(
                name=name,
                number=int(number),
                label=_Field.LABEL_REPEATED,
                type=_Field.TYPE_MESSAGE,
                type_name=full_name,
            )
            continue
        added = message.field.add(name=name, number=int(number), label=_Field.LABEL_OPTIONAL)
        _set_kind(added, kind.rstrip("?*|"))
        if kind.endswith("*"):
            added.label = _Field.LABEL_REPEATED
        if kind.endswith("|"):
            if not message.oneof_decl:
                message.oneof_decl.add(name="option_value")
            added.oneof_index = 0
        if kind.endswith("?"):
            added.proto3_optional = True
            added.oneof_index = len(message.oneof_decl)
            message.oneof_decl.add(name=f"_{name}")


def _set_kind(field: Any, kind: str) -> None:
    if kind in _PACKAGE_OF:
        field.type = _Field.TYPE_MESSAGE
        field.type_name = f".{_PACKAGE_OF[kind]}.{kind}"
    elif any(kind == known.__name__ for known in _ENUMS):
        # An enum of proto3 takes any number, and travels as an int32 does.
        field.type = _Field.TYPE_INT32
    else:
        field.type = getattr(_Field, f"TYPE_{kind.upper()}")


_CLASSES = _make_classes()
