"""The result schemas of Flight SQL's metadata commands, to the letter.

Drivers compare them with their own, nullability and the order of a union's children included, and
break when one differs.
"""

import pyarrow as pa

_TEXT = pa.string()


def _field(name: str, type_: pa.DataType) -> pa.Field:
    """A column that is never NULL; the others are named by a plain pair."""
    return pa.field(name, type_, nullable=False)


CATALOGS = pa.schema([_field("catalog_name", _TEXT)])

DB_SCHEMAS = pa.schema([("catalog_name", _TEXT), _field("db_schema_name", _TEXT)])

TABLES = pa.schema(
    [
        ("catalog_name", _TEXT),
        ("db_schema_name", _TEXT),
        _field("table_name", _TEXT),
        _field("table_type", _TEXT),
    ]
)

TABLES_WITH_SCHEMA = TABLES.append(_field("table_schema", pa.binary()))
"""`table_schema` is the table's schema as one encapsulated IPC message."""

TABLE_TYPES = pa.schema([_field("table_type", _TEXT)])

PRIMARY_KEYS = pa.schema(
    [
        ("catalog_name", _TEXT),
        ("db_schema_name", _TEXT),
        _field("table_name", _TEXT),
        _field("column_name", _TEXT),
        _field("key_sequence", pa.int32()),
        ("key_name", _TEXT),
    ]
)

FOREIGN_KEYS = pa.schema(
    [
        ("pk_catalog_name", _TEXT),
        ("pk_db_schema_name", _TEXT),
        _field("pk_table_name", _TEXT),
        _field("pk_column_name", _TEXT),
        ("fk_catalog_name", _TEXT),
        ("fk_db_schema_name", _TEXT),
        _field("fk_table_name", _TEXT),
        _field("fk_column_name", _TEXT),
        _field("key_sequence", pa.int32()),
        ("fk_key_name", _TEXT),
        ("pk_key_name", _TEXT),
        _field("update_rule", pa.uint8()),
        _field("delete_rule", pa.uint8()),
    ]
)
"""Of exported and imported keys and of the cross reference alike."""

SQL_INFO_VALUE = pa.dense_union(
    [
        _field("string_value", _TEXT),
        _field("bool_value", pa.bool_()),
        _field("bigint_value", pa.int64()),
        _field("int32_bitmask", pa.int32()),
        _field("string_list", pa.list_(_TEXT)),
        _field("int32_to_int32_list_map", pa.map_(pa.int32(), pa.list_(pa.int32()))),
    ]
)
"""A type code is the child's place: a driver reads by the number and never looks at the name."""

SQL_INFO = pa.schema([_field("info_name", pa.uint32()), _field("value", SQL_INFO_VALUE)])

XDBC_TYPE_INFO = pa.schema(
    [
        _field("type_name", _TEXT),
        _field("data_type", pa.int32()),
        ("column_size", pa.int32()),
        ("literal_prefix", _TEXT),
        ("literal_suffix", _TEXT),
        ("create_params", pa.list_(_field("item", _TEXT))),
        _field("nullable", pa.int32()),
        _field("case_sensitive", pa.bool_()),
        _field("searchable", pa.int32()),
        ("unsigned_attribute", pa.bool_()),
        _field("fixed_prec_scale", pa.bool_()),
        ("auto_increment", pa.bool_()),
        ("local_type_name", _TEXT),
        ("minimum_scale", pa.int32()),
        ("maximum_scale", pa.int32()),
        _field("sql_data_type", pa.int32()),
        ("datetime_subcode", pa.int32()),
        ("num_prec_radix", pa.int32()),
        ("interval_precision", pa.int32()),
    ]
)
