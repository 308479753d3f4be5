"""Pieces of SQL text that the builders put together: quoting, and type names for declarations."""

import pyarrow as pa
import pyarrow.types as types

_PLAIN_TYPES: dict[pa.DataType, str] = {
    pa.bool_(): "BOOLEAN",
    pa.int8(): "TINYINT",
    pa.int16(): "SMALLINT",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.float32(): "REAL",
    pa.float64(): "DOUBLE",
    pa.string(): "VARCHAR",
    pa.large_string(): "VARCHAR",
    pa.date32(): "DATE",
}


def quoted_name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def quoted_text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def subquery(sql: str) -> str:
    """A statement in parentheses; the line break ends a trailing comment."""
    return f"({sql.strip().rstrip(';')}\n)"


def columns_declaration(schema: pa.Schema) -> str:
    """The column list of CREATE STREAM for batches of this schema."""
    return ", ".join(f"{quoted_name(f.name)} {type_name(f.type)}" for f in schema)


def type_name(arrow_type: pa.DataType) -> str:
    if types.is_dictionary(arrow_type):
        return type_name(arrow_type.value_type)
    if types.is_decimal(arrow_type):
        return f"DECIMAL({arrow_type.precision}, {arrow_type.scale})"
    if types.is_timestamp(arrow_type):
        return "TIMESTAMP" if arrow_type.tz is None else "TIMESTAMPTZ"
    if arrow_type not in _PLAIN_TYPES:
        raise TypeError(f"a stream cannot be declared with a column of this type: {arrow_type}")
    return _PLAIN_TYPES[arrow_type]
