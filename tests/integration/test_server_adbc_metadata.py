"""The metadata calls of ADBC's Flight SQL driver, unchanged, against the server."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.flight as flight
import pytest

from tests.server_process import ServerProcess, act, put

pytestmark = pytest.mark.both_fronts

dbapi = pytest.importorskip("adbc_driver_flightsql.dbapi")

MIXED = pa.table(
    {
        "id": pa.array([1, 2]),
        "i8": pa.array([1, None], pa.int8()),
        "price": pa.array([None, None], pa.decimal128(10, 2)),
        "at": pa.array([None, None], pa.timestamp("us")),
        "tags": pa.array([["a"], None], pa.list_(pa.string())),
    }
)


@pytest.fixture(scope="module")
def names(server: ServerProcess) -> Iterator[flight.FlightClient]:
    client = server.connect()
    put(client, "odm_mixed", MIXED)
    act(client, "sql.execute", sql="CREATE VIEW odm_view AS SELECT id FROM odm_mixed")
    act(client, "sql.execute", sql="CREATE TABLE odmxmixed (k BIGINT PRIMARY KEY)")
    yield client
    client.close()


@pytest.fixture
def connection(server: ServerProcess, names: flight.FlightClient) -> Iterator[Any]:
    with dbapi.connect(server.uri, autocommit=True) as connection:
        yield connection


def objects(connection: Any, **filters: Any) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = connection.adbc_get_objects(**filters).read_all().to_pylist()
    return told


def tables_in(told: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {
        table["table_name"]: table
        for catalog in told
        for schema in catalog["catalog_db_schemas"] or []
        for table in schema["db_schema_tables"] or []
    }


def test_info_names_the_server(connection: Any) -> None:
    info = connection.adbc_get_info()
    assert info["vendor_name"] == "Velaria"
    assert info["vendor_version"] and info["vendor_arrow_version"] == pa.__version__


def test_depth_catalogs_stops_at_catalogs(connection: Any) -> None:
    assert objects(connection, depth="catalogs") == [
        {"catalog_name": "velaria", "catalog_db_schemas": None}
    ]


def test_depth_schemas_stops_at_schemas(connection: Any) -> None:
    (catalog,) = objects(connection, depth="db_schemas")
    schemas = catalog["catalog_db_schemas"]
    assert "main" in [schema["db_schema_name"] for schema in schemas]
    assert all(schema["db_schema_tables"] is None for schema in schemas)


def test_depth_tables_stops_at_tables(connection: Any) -> None:
    found = tables_in(objects(connection, depth="tables"))
    assert found["odm_mixed"] == {
        "table_name": "odm_mixed",
        "table_type": "TABLE",
        "table_columns": None,
        "table_constraints": None,
    }
    assert found["odm_view"]["table_type"] == "VIEW"


def test_depth_all_tells_columns_in_order(connection: Any) -> None:
    found = tables_in(objects(connection, depth="all"))
    columns = found["odm_mixed"]["table_columns"]
    assert [column["column_name"] for column in columns] == MIXED.column_names
    assert [column["ordinal_position"] for column in columns] == [1, 2, 3, 4, 5]
    assert [column["xdbc_type_name"] for column in columns] == [
        "BIGINT",
        "TINYINT",
        "DECIMAL(10,2)",
        "TIMESTAMP",
        "VARCHAR[]",
    ]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"table_name_filter": "odm%"}, {"odm_mixed", "odm_view", "odmxmixed"}),
        ({"table_name_filter": "odm\\_%"}, {"odm_mixed", "odm_view"}),
        ({"table_name_filter": "odm%", "table_types_filter": ["VIEW"]}, {"odm_view"}),
        ({"table_name_filter": "odm%", "db_schema_filter": "no_such"}, set()),
        ({"table_name_filter": "odm%", "catalog_filter": "no_such"}, set()),
        ({"table_name_filter": "odm_mixed", "catalog_filter": "velaria"}, None),
    ],
)
def test_filters_find_what_they_should(
    connection: Any, filters: dict[str, Any], found: set[str] | None
) -> None:
    told = set(tables_in(objects(connection, depth="tables", **filters)))
    assert told == ({"odm_mixed", "odmxmixed"} if found is None else found)


def test_a_column_filter_leaves_the_others_out(connection: Any) -> None:
    told = objects(
        connection, depth="all", table_name_filter="odm\\_mixed", column_name_filter="i%"
    )
    columns = tables_in(told)["odm_mixed"]["table_columns"]
    assert [column["column_name"] for column in columns] == ["id", "i8"]


def test_table_types_are_told(connection: Any) -> None:
    assert connection.adbc_get_table_types() == ["FOREIGN", "STREAM", "TABLE", "VIEW"]


@pytest.mark.parametrize("where", [{}, {"db_schema_filter": "main"}, {"catalog_filter": "velaria"}])
def test_a_tables_schema_is_that_of_its_rows(connection: Any, where: dict[str, str]) -> None:
    schema = connection.adbc_get_table_schema("odm_mixed", **where)
    assert schema.equals(MIXED.schema)


def test_looking_leaves_an_open_transaction_as_it_is(
    server: ServerProcess, names: flight.FlightClient
) -> None:
    """Also when a view is there whose table is gone, which cannot be described."""
    for sql in (
        "CREATE TABLE odm_gone (a INTEGER)",
        "CREATE OR REPLACE VIEW odm_orphan AS SELECT * FROM odm_gone",
        "DROP TABLE odm_gone",
        "CREATE OR REPLACE TABLE odm_changed (a INTEGER)",
    ):
        act(names, "sql.execute", sql=sql)
    with dbapi.connect(server.uri) as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO odm_changed VALUES (1)")
        told = tables_in(objects(connection, depth="columns"))
        assert [column["column_name"] for column in told["odm_orphan"]["table_columns"]] == ["a"]
        cursor.execute("INSERT INTO odm_changed VALUES (2)")
        connection.commit()
        cursor.execute("SELECT count(*) FROM odm_changed")
        assert cursor.fetchone() == (2,)
    act(names, "sql.execute", sql="DROP VIEW odm_orphan")


def test_the_schema_of_no_table_is_a_programming_error(connection: Any) -> None:
    with pytest.raises(dbapi.ProgrammingError):
        connection.adbc_get_table_schema("no_such_table")
