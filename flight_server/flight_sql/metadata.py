"""What there is: catalogs, schemas, tables and keys, as the kernel's information_schema tells them.

The statements run on the call's connection, so that its temporary tables and what its open
transaction made are seen. Names are found without regard to case, as the kernel finds them;
patterns know `%`, `_` and the escape character.
"""

from typing import Any

import pyarrow as pa

from velaria._kernel import Connection, KernelError, Session, TableInfo
from velaria.flight_server.calls import Call
from velaria.flight_server.flight_sql import schemas
from velaria.flight_server.identity.permissions import may_see_schema
from velaria.flight_server.listing import select_all
from velaria.flight_server.service import Service
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

PATTERN_ESCAPE = "\\"

TABLE_TYPES = ("FOREIGN", "STREAM", "TABLE", "VIEW")
"""What GetTables calls the kernel's kinds; FOREIGN is a source, a sink or a file."""

# The name that clients filter by stands for SQL's own.
_TABLE_TYPE = "CASE WHEN table_type = 'BASE TABLE' THEN 'TABLE' ELSE table_type END"

_SCHEMA = "db_schema_name"

_FIELD_METADATA = "ARROW:FLIGHT:SQL:"

Filter = tuple[str, list[str]]


def catalogs(service: Service, call: Call, command: Any) -> pa.Table:
    return _rows(service, call, schemas.CATALOGS, "SELECT current_database()")


def db_schemas(service: Service, call: Call, command: Any) -> pa.Table:
    filters = [
        _equal(command, "catalog", "catalog_name"),
        _like(command, "db_schema_filter_pattern", "schema_name"),
    ]
    sql = "SELECT catalog_name, schema_name FROM information_schema.schemata"
    return _rows(service, call, schemas.DB_SCHEMAS, sql, filters, "ORDER BY 1, 2")


def table_types(service: Service, call: Call, command: Any) -> pa.Table:
    return pa.table([pa.array(TABLE_TYPES)], schema=schemas.TABLE_TYPES)


def tables_schema(service: Service, call: Call, command: Any) -> pa.Schema:
    return schemas.TABLES_WITH_SCHEMA if command.include_schema else schemas.TABLES


def tables(service: Service, call: Call, command: Any) -> pa.Table:
    names = _names_of_tables(command)
    sql = (
        f"SELECT table_catalog, table_schema, table_name, {_TABLE_TYPE}"
        " FROM information_schema.tables"
    )
    filters = [*names, _of_types(set(command.table_types))]
    found = _rows(service, call, schemas.TABLES, sql, filters, "ORDER BY 1, 2, 3, 4")
    if not command.include_schema:
        return found
    columns = _columns(service, call, names)
    connection = service.connection(call)
    known = {(t.catalog_schema, t.bare_name): t for t in service.session.tables()}
    told = []
    for row in found.to_pylist():
        if call.is_cancelled:
            raise VelariaError(codes.CANCELLED, "the call was cancelled")
        key = (row["db_schema_name"], row["table_name"])
        schema = _schema_of(connection, key, known.get(key))
        told.append(_with_metadata(schema, columns.get(key, [])).serialize().to_pybytes())
    field = schemas.TABLES_WITH_SCHEMA.field("table_schema")
    return found.append_column(field, pa.array(told, pa.binary()))


def primary_keys(service: Service, call: Call, command: Any) -> pa.Table:
    sql = (
        "SELECT k.table_catalog, k.table_schema, k.table_name, k.column_name, k.ordinal_position,"
        " k.constraint_name FROM information_schema.key_column_usage k"
        " JOIN information_schema.table_constraints c ON c.constraint_name = k.constraint_name"
        " AND c.table_schema = k.table_schema AND c.table_name = k.table_name"
    )
    filters: list[Filter | None] = [
        ("c.constraint_type = 'PRIMARY KEY'", []),
        _equal(command, "catalog", "k.table_catalog"),
        _equal(command, "db_schema", "k.table_schema"),
        ("lower(k.table_name) = lower(?)", [command.table]),
    ]
    return _rows(service, call, schemas.PRIMARY_KEYS, sql, filters, "ORDER BY 1, 2, 3, 6, 5")


def foreign_keys(service: Service, call: Call, command: Any) -> pa.Table:
    """None: the kernel has no foreign keys and refuses REFERENCES."""
    return schemas.FOREIGN_KEYS.empty_table()


def _rows(
    service: Service,
    call: Call,
    schema: pa.Schema,
    sql: str,
    filters: list[Filter | None] | None = None,
    tail: str = "",
) -> pa.Table:
    """The statement's rows, column by column in the types and with the names of `schema`; of things
    in schemas those that the call may see."""
    parts = [part for part in filters or [] if part is not None]
    if parts:
        sql += " WHERE " + " AND ".join(text for text, _ in parts)
    params = [value for _, values in parts for value in values]
    found = service.connection(call).execute(f"{sql} {tail}", params).read_all()
    columns = [column.cast(field.type) for column, field in zip(found.columns, schema, strict=True)]
    return _seen(call, pa.table(columns, schema=schema))


def _seen(call: Call, rows: pa.Table) -> pa.Table:
    if call.principal is None or _SCHEMA not in rows.schema.names:
        return rows
    named = rows[_SCHEMA].to_pylist()
    may_see = {name: may_see_schema(call, name or "") for name in set(named)}
    return rows.filter(pa.array([may_see[name] for name in named], pa.bool_()))


def _equal(command: Any, field: str, column: str) -> Filter | None:
    """A filter on a name; "" finds nothing, since nothing here is without catalog and schema."""
    if not command.HasField(field):
        return None
    return f"lower({column}) = lower(?)", [getattr(command, field)]


def _like(command: Any, field: str, column: str) -> Filter | None:
    if not command.HasField(field):
        return None
    return f"{column} ILIKE ? ESCAPE '{PATTERN_ESCAPE}'", [getattr(command, field)]


def _of_types(asked: set[str]) -> Filter | None:
    """Types that nothing has find nothing, and are not handed on: a client may name any number."""
    if not asked:
        return None
    known = sorted(asked & set(TABLE_TYPES))
    return f"{_TABLE_TYPE} IN ({', '.join('?' * len(known))})" if known else "false", known


def _names_of_tables(command: Any) -> list[Filter | None]:
    return [
        _equal(command, "catalog", "table_catalog"),
        _like(command, "db_schema_filter_pattern", "table_schema"),
        _like(command, "table_name_filter_pattern", "table_name"),
    ]


_COLUMNS = pa.schema(
    [
        ("CATALOG_NAME", pa.string()),
        ("DB_SCHEMA_NAME", pa.string()),
        ("TABLE_NAME", pa.string()),
        ("TYPE_NAME", pa.string()),
        ("PRECISION", pa.string()),
        ("SCALE", pa.string()),
        ("IS_AUTO_INCREMENT", pa.string()),
        ("IS_CASE_SENSITIVE", pa.string()),
        ("IS_READ_ONLY", pa.string()),
        ("IS_SEARCHABLE", pa.string()),
    ]
)


def _columns(
    service: Service, call: Call, filters: list[Filter | None]
) -> dict[tuple[str, str], list[dict[str, str | None]]]:
    """What a table's fields are told beside their types: by schema and table, in order."""
    sql = (
        "SELECT table_catalog, table_schema, table_name, udt_name,"
        " CASE WHEN numeric_precision_radix = 10 THEN CAST(numeric_precision AS VARCHAR) END,"
        " CASE WHEN numeric_precision_radix = 10 THEN CAST(numeric_scale AS VARCHAR) END,"
        " CASE WHEN is_identity = 'YES' THEN '1' ELSE '0' END,"
        " CASE WHEN data_type = 'character varying' THEN '1' ELSE '0' END,"
        " CASE WHEN is_updatable = 'YES' THEN '0' ELSE '1' END,"
        " '1' FROM information_schema.columns"
    )
    order = "ORDER BY table_schema, table_name, ordinal_position"
    found: dict[tuple[str, str], list[dict[str, str | None]]] = {}
    for row in _rows(service, call, _COLUMNS, sql, filters, order).to_pylist():
        found.setdefault((row["DB_SCHEMA_NAME"], row["TABLE_NAME"]), []).append(row)
    return found


def _schema_of(
    connection: Session | Connection, key: tuple[str, str], known: TableInfo | None
) -> pa.Schema:
    """As a SELECT would give it; as the catalog has it where none can be read: of a sink, of a
    view whose tables are gone."""
    try:
        described = connection.describe(select_all(list(key)), spares=True).schema
    except KernelError:
        described = None
    if described is not None:
        return described
    return known.schema if known is not None else pa.schema([])


def _with_metadata(schema: pa.Schema, columns: list[dict[str, str | None]]) -> pa.Schema:
    """The fields with what drivers look for; what they carried of their own stays."""
    if len(columns) != len(schema):
        return schema
    fields = []
    for field, column in zip(schema, columns, strict=True):
        told = {_FIELD_METADATA + name: text for name, text in column.items() if text is not None}
        fields.append(field.with_metadata({**(field.metadata or {}), **told}))
    return pa.schema(fields, schema.metadata)
