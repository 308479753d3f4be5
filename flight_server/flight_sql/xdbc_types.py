"""CommandGetXdbcTypeInfo: the kernel's types as ODBC and JDBC count them.

Codes are those of XdbcDataType in Arrow's FlightSql.proto; a type that neither standard has is
UNKNOWN. `size` is digits of exact numbers, bits of floating ones, characters of a date's or time's
text; none where there is no limit.
"""

from typing import Any, NamedTuple

import pyarrow as pa

from velaria.flight_server.calls import Call
from velaria.flight_server.flight_sql.schemas import XDBC_TYPE_INFO
from velaria.flight_server.service import Service

_BIT, _TINYINT, _SMALLINT, _INTEGER, _BIGINT = -7, -6, 5, 4, -5
_DECIMAL, _REAL, _DOUBLE, _VARCHAR, _VARBINARY = 3, 7, 8, 12, -3
_DATE, _TIME, _TIMESTAMP, _DATETIME, _INTERVAL, _UNKNOWN = 91, 92, 93, 9, 10, 0

_NULLABLE = 1
_SEARCHABLE_BASIC, _SEARCHABLE_FULL = 2, 3
_SUBCODES = {_DATE: 1, _TIME: 2, _TIMESTAMP: 3}
_SUBCODE_TIMESTAMP_WITH_TIMEZONE = 5


class TypeRow(NamedTuple):
    name: str
    code: int
    size: int | None = None
    quotes: tuple[str, str] | None = None
    parameters: tuple[str, ...] | None = None
    is_unsigned: bool | None = None  # None: no number
    scales: tuple[int, int] | None = None
    radix: int | None = None
    subcode: int | None = None


def _whole(name: str, code: int, digits: int, is_unsigned: bool = False) -> TypeRow:
    return TypeRow(name, code, digits, is_unsigned=is_unsigned, scales=(0, 0), radix=10)


def _moment(
    name: str,
    code: int,
    chars: int,
    digits: int | None = None,
    parameters: tuple[str, ...] | None = None,
    subcode: int | None = None,
) -> TypeRow:
    return TypeRow(
        name,
        code,
        chars,
        (f"{name} '", "'"),
        parameters,
        scales=None if digits is None else (0, digits) if parameters else (digits, digits),
        subcode=subcode or _SUBCODES[code],
    )


TYPES: tuple[TypeRow, ...] = (
    TypeRow("BOOLEAN", _BIT, 1),
    _whole("TINYINT", _TINYINT, 3),
    _whole("SMALLINT", _SMALLINT, 5),
    _whole("INTEGER", _INTEGER, 10),
    _whole("BIGINT", _BIGINT, 19),
    # Unsigned numbers have the code of the signed ones of their width.
    _whole("UTINYINT", _TINYINT, 3, is_unsigned=True),
    _whole("USMALLINT", _SMALLINT, 5, is_unsigned=True),
    _whole("UINTEGER", _INTEGER, 10, is_unsigned=True),
    _whole("UBIGINT", _BIGINT, 20, is_unsigned=True),
    TypeRow("DECIMAL", _DECIMAL, 38, None, ("precision", "scale"), False, (0, 38), 10),
    TypeRow("REAL", _REAL, 24, is_unsigned=False, radix=2),
    TypeRow("DOUBLE", _DOUBLE, 53, is_unsigned=False, radix=2),
    TypeRow("VARCHAR", _VARCHAR, None, ("'", "'")),
    TypeRow("BLOB", _VARBINARY, None, ("X'", "'")),
    _moment("DATE", _DATE, 10),
    _moment("TIME", _TIME, 15, 6, ("precision",)),
    _moment("TIMESTAMP", _TIMESTAMP, 26, 9, ("precision",)),
    _moment("TIMESTAMP_S", _TIMESTAMP, 19, 0),
    _moment("TIMESTAMP_MS", _TIMESTAMP, 23, 3),
    _moment("TIMESTAMP_NS", _TIMESTAMP, 29, 9),
    _moment(
        "TIMESTAMP WITH TIME ZONE", _TIMESTAMP, 32, 6, subcode=_SUBCODE_TIMESTAMP_WITH_TIMEZONE
    ),
    TypeRow("INTERVAL", _INTERVAL, None, ("INTERVAL '", "'")),
    TypeRow("LIST", _UNKNOWN, None, ("[", "]"), ("element type",)),
    TypeRow("ARRAY", _UNKNOWN, None, ("[", "]"), ("element type", "length")),
    TypeRow("VECTOR", _UNKNOWN, None, ("[", "]"), ("length",)),
    TypeRow("STRUCT", _UNKNOWN, None, ("{", "}"), ("fields",)),
    TypeRow("MAP", _UNKNOWN, None, None, ("key type", "value type")),
)


def xdbc_types(service: Service, call: Call, command: Any) -> pa.Table:
    """All types, or those of one code; by code, then by name."""
    rows = sorted(TYPES, key=lambda row: (row.code, row.name))
    if command.HasField("data_type"):
        rows = [row for row in rows if row.code == command.data_type]
    return pa.Table.from_pylist([_told(row) for row in rows], schema=XDBC_TYPE_INFO)


def _told(row: TypeRow) -> dict[str, Any]:
    prefix, suffix = row.quotes or (None, None)
    least, most = row.scales or (None, None)
    is_text = row.code == _VARCHAR
    return {
        "type_name": row.name,
        "data_type": row.code,
        "column_size": row.size,
        "literal_prefix": prefix,
        "literal_suffix": suffix,
        "create_params": row.parameters,
        "nullable": _NULLABLE,
        "case_sensitive": is_text,
        "searchable": _SEARCHABLE_FULL if is_text else _SEARCHABLE_BASIC,
        "unsigned_attribute": row.is_unsigned,
        "fixed_prec_scale": False,
        "auto_increment": None if row.is_unsigned is None else False,
        "local_type_name": row.name,
        "minimum_scale": least,
        "maximum_scale": most,
        "sql_data_type": _DATETIME if row.code in _SUBCODES else row.code,
        "datetime_subcode": row.subcode,
        "num_prec_radix": row.radix,
        "interval_precision": None,
    }
