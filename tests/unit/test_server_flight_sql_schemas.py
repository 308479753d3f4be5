"""Flight SQL's result schemas against the letter of Arrow's FlightSql.proto and its reference
schemas."""

import pyarrow as pa
import pytest

from velaria.flight_server.flight_sql import schemas

GOLDEN = {
    "CATALOGS": "catalog_name: string not null",
    "DB_SCHEMAS": "catalog_name: string; db_schema_name: string not null",
    "TABLES": (
        "catalog_name: string; db_schema_name: string; table_name: string not null;"
        " table_type: string not null"
    ),
    "TABLES_WITH_SCHEMA": (
        "catalog_name: string; db_schema_name: string; table_name: string not null;"
        " table_type: string not null; table_schema: binary not null"
    ),
    "TABLE_TYPES": "table_type: string not null",
    "PRIMARY_KEYS": (
        "catalog_name: string; db_schema_name: string; table_name: string not null;"
        " column_name: string not null; key_sequence: int32 not null; key_name: string"
    ),
    "FOREIGN_KEYS": (
        "pk_catalog_name: string; pk_db_schema_name: string; pk_table_name: string not null;"
        " pk_column_name: string not null; fk_catalog_name: string; fk_db_schema_name: string;"
        " fk_table_name: string not null; fk_column_name: string not null;"
        " key_sequence: int32 not null; fk_key_name: string; pk_key_name: string;"
        " update_rule: uint8 not null; delete_rule: uint8 not null"
    ),
    "SQL_INFO": (
        "info_name: uint32 not null; value: dense_union<string_value: string not null=0,"
        " bool_value: bool not null=1, bigint_value: int64 not null=2,"
        " int32_bitmask: int32 not null=3, string_list: list<item: string> not null=4,"
        " int32_to_int32_list_map: map<int32, list<item: int32>> not null=5> not null"
    ),
    "XDBC_TYPE_INFO": (
        "type_name: string not null; data_type: int32 not null; column_size: int32;"
        " literal_prefix: string; literal_suffix: string;"
        " create_params: list<item: string not null>; nullable: int32 not null;"
        " case_sensitive: bool not null; searchable: int32 not null; unsigned_attribute: bool;"
        " fixed_prec_scale: bool not null; auto_increment: bool; local_type_name: string;"
        " minimum_scale: int32; maximum_scale: int32; sql_data_type: int32 not null;"
        " datetime_subcode: int32; num_prec_radix: int32; interval_precision: int32"
    ),
}


def shown(schema: pa.Schema) -> str:
    return "; ".join(f"{f.name}: {f.type}{'' if f.nullable else ' not null'}" for f in schema)


@pytest.mark.parametrize("name", GOLDEN)
def test_a_schema_is_that_of_the_specification(name: str) -> None:
    assert shown(getattr(schemas, name)) == GOLDEN[name]


def test_every_schema_has_its_golden_text() -> None:
    made = {name for name, value in vars(schemas).items() if isinstance(value, pa.Schema)}
    assert made == set(GOLDEN)


def test_the_maps_of_sql_info_hold_nullable_lists_as_arrows_own_do() -> None:
    map_type = schemas.SQL_INFO_VALUE.field(5).type
    assert map_type.item_field.nullable and not map_type.key_field.nullable
