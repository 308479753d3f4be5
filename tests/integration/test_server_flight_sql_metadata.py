"""Flight SQL's metadata commands by plain pyarrow: what is listed, under which filters, and how
damaged commands are refused."""

from collections.abc import Iterator
from typing import Any

import grpc
import pyarrow as pa
import pyarrow.flight as flight
import pytest

from tests.flight_sql import listed, refusal_of
from tests.server_process import ServerProcess, act, put
from velaria.flight_server.flight_sql.messages import new, pack, unpacks

pytestmark = pytest.mark.both_fronts

SCHEMA = "fsm"
MADE = [
    f"CREATE SCHEMA {SCHEMA}",
    f"CREATE TABLE {SCHEMA}.pair (a INTEGER, b VARCHAR, c DECIMAL(9, 2), PRIMARY KEY (b, a))",
    f"CREATE TABLE {SCHEMA}.a_b (x BIGINT NOT NULL)",
    f"CREATE TABLE {SCHEMA}.axb (x BIGINT PRIMARY KEY, y VARCHAR UNIQUE)",
    f'CREATE TABLE {SCHEMA}."we""ird é%" (x BIGINT)',
    f"CREATE VIEW {SCHEMA}.a_view AS SELECT x FROM {SCHEMA}.axb",
    f"CREATE TABLE {SCHEMA}.under (x BIGINT)",
    f"CREATE VIEW {SCHEMA}.orphan AS SELECT x FROM {SCHEMA}.under",
    f"DROP TABLE {SCHEMA}.under",
    f"CREATE STREAM {SCHEMA}.a_stream (x BIGINT)",
]


@pytest.fixture(scope="module")
def names(server: ServerProcess) -> Iterator[flight.FlightClient]:
    client = server.connect()
    for sql in MADE:
        act(client, "sql.execute", sql=sql)
    yield client
    act(client, "sql.execute", sql=f"DROP SCHEMA {SCHEMA} CASCADE")
    client.close()


def tables(client: flight.FlightClient, **fields: Any) -> list[str]:
    fields.setdefault("db_schema_filter_pattern", SCHEMA)
    told: list[str] = listed(client, "CommandGetTables", **fields)["table_name"].to_pylist()
    return told


def test_the_one_catalog_is_the_current_database(names: flight.FlightClient) -> None:
    assert listed(names, "CommandGetCatalogs").to_pylist() == [{"catalog_name": "velaria"}]


def test_schemas_are_listed_in_order_and_filtered(names: flight.FlightClient) -> None:
    every = listed(names, "CommandGetDbSchemas")["db_schema_name"].to_pylist()
    assert every == sorted(every)
    assert {"main", SCHEMA, "information_schema"} <= set(every)
    found = listed(names, "CommandGetDbSchemas", catalog="velaria", db_schema_filter_pattern="fs_")
    assert found.to_pylist() == [{"catalog_name": "velaria", "db_schema_name": SCHEMA}]
    assert listed(names, "CommandGetDbSchemas", catalog="elsewhere").num_rows == 0
    assert listed(names, "CommandGetDbSchemas", catalog="").num_rows == 0


def test_tables_are_listed_with_their_kinds_in_order(names: flight.FlightClient) -> None:
    found = listed(names, "CommandGetTables", db_schema_filter_pattern=SCHEMA)
    rows = [tuple(row.values()) for row in found.to_pylist()]
    assert rows == [
        ("velaria", SCHEMA, name, kind)
        for name, kind in [
            ("a_b", "TABLE"),
            ("a_stream", "STREAM"),
            ("a_view", "VIEW"),
            ("axb", "TABLE"),
            ("orphan", "VIEW"),
            ("pair", "TABLE"),
            ('we"ird é%', "TABLE"),
        ]
    ]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("a_b", ["a_b", "axb"]),
        ("a\\_b", ["a_b"]),
        ("A%W", ["a_view"]),
        ("%é\\%", ['we"ird é%']),
        ("%", ["a_b", "a_stream", "a_view", "axb", "orphan", "pair", 'we"ird é%']),
        ("", []),
        ("no such", []),
        ("'; DROP TABLE x; --", []),
    ],
)
def test_a_pattern_finds_by_percent_underscore_and_escape(
    names: flight.FlightClient, pattern: str, found: list[str]
) -> None:
    assert tables(names, table_name_filter_pattern=pattern) == found


def test_tables_are_filtered_by_kind_and_catalog(names: flight.FlightClient) -> None:
    assert tables(names, table_types=["VIEW", "STREAM"]) == ["a_stream", "a_view", "orphan"]
    assert tables(names, table_types=["NO SUCH KIND"]) == []
    assert tables(names, catalog="velaria", table_types=["VIEW"]) == ["a_view", "orphan"]
    assert tables(names, catalog="elsewhere") == []
    kinds = listed(names, "CommandGetTableTypes")["table_type"].to_pylist()
    every = listed(names, "CommandGetTables")["table_type"].to_pylist()
    assert set(every) <= set(kinds) and kinds == sorted(kinds)


def schemas(client: flight.FlightClient, pattern: str, **fields: Any) -> dict[str, pa.Schema]:
    found = listed(
        client,
        "CommandGetTables",
        table_name_filter_pattern=pattern,
        include_schema=True,
        **fields,
    )
    return {
        row["table_name"]: pa.ipc.read_schema(pa.BufferReader(row["table_schema"]))
        for row in found.to_pylist()
    }


def test_a_schema_comes_with_its_table_and_tells_types(names: flight.FlightClient) -> None:
    schema = schemas(names, "pair", db_schema_filter_pattern=SCHEMA)["pair"]
    assert schema.names == ["a", "b", "c"]
    assert schema.types == [pa.int32(), pa.string(), pa.decimal128(9, 2)]
    told = {name.decode(): text.decode() for name, text in schema.field("c").metadata.items()}
    assert told == {
        "ARROW:FLIGHT:SQL:CATALOG_NAME": "velaria",
        "ARROW:FLIGHT:SQL:DB_SCHEMA_NAME": SCHEMA,
        "ARROW:FLIGHT:SQL:TABLE_NAME": "pair",
        "ARROW:FLIGHT:SQL:TYPE_NAME": "DECIMAL(9,2)",
        "ARROW:FLIGHT:SQL:PRECISION": "9",
        "ARROW:FLIGHT:SQL:SCALE": "2",
        "ARROW:FLIGHT:SQL:IS_AUTO_INCREMENT": "0",
        "ARROW:FLIGHT:SQL:IS_CASE_SENSITIVE": "0",
        "ARROW:FLIGHT:SQL:IS_READ_ONLY": "0",
        "ARROW:FLIGHT:SQL:IS_SEARCHABLE": "1",
    }


def test_a_view_whose_table_is_gone_still_has_its_schema(names: flight.FlightClient) -> None:
    assert schemas(names, "orphan", db_schema_filter_pattern=SCHEMA)["orphan"].names == ["x"]


def test_metadata_that_came_with_a_table_stays(names: flight.FlightClient) -> None:
    field = pa.field("km", pa.int32(), metadata={b"unit": b"km"})
    put(names, "fsm_units", pa.table({"km": pa.array([1], pa.int32())}, schema=pa.schema([field])))
    metadata = schemas(names, "fsm\\_units")["fsm_units"].field("km").metadata
    assert (metadata[b"unit"], metadata[b"ARROW:FLIGHT:SQL:TYPE_NAME"]) == (b"km", b"INTEGER")


def test_every_table_has_a_schema_even_the_systems_own(names: flight.FlightClient) -> None:
    every = schemas(names, "%", catalog="velaria")
    assert "key_column_usage" in every
    assert all(len(schema) for schema in every.values())


def test_a_session_sees_its_temporary_tables_and_its_transaction(
    names: flight.FlightClient, server: ServerProcess
) -> None:
    session = act(names, "session.open")["session"]
    options = flight.FlightCallOptions(headers=[(b"velaria-session", session.encode())])
    for sql in ("CREATE TEMP TABLE fsm_mine (z INT)", "BEGIN", "CREATE TABLE fsm_tx (w INT)"):
        names.do_get(flight.Ticket(sql.encode()), options).read_all()
    fields = {"table_name_filter_pattern": "fsm\\_%", "include_schema": True}
    own = listed(names, "CommandGetTables", options, **fields)
    found = {row["table_name"]: row["table_schema"] for row in own.to_pylist()}
    assert pa.ipc.read_schema(pa.BufferReader(found["fsm_mine"])).names == ["z"]
    assert pa.ipc.read_schema(pa.BufferReader(found["fsm_tx"])).names == ["w"]
    others = listed(names, "CommandGetTables", **fields)["table_name"].to_pylist()
    assert not {"fsm_mine", "fsm_tx"} & set(others)
    act(names, "session.close", session=session)


def test_a_primary_key_is_told_in_its_own_order(names: flight.FlightClient) -> None:
    keys = listed(names, "CommandGetPrimaryKeys", db_schema=SCHEMA, table="PAIR").to_pylist()
    assert [(row["column_name"], row["key_sequence"]) for row in keys] == [("b", 1), ("a", 2)]
    assert {(row["catalog_name"], row["db_schema_name"]) for row in keys} == {("velaria", SCHEMA)}
    assert {row["key_name"] for row in keys} == {"pair_pkey"}


def test_a_unique_column_is_no_primary_key(names: flight.FlightClient) -> None:
    keys = listed(names, "CommandGetPrimaryKeys", table="axb", db_schema=SCHEMA)
    assert keys["column_name"].to_pylist() == ["x"]
    for fields in ({"table": "a_b"}, {"table": "axb", "catalog": "elsewhere"}, {"table": ""}):
        assert listed(names, "CommandGetPrimaryKeys", **fields).num_rows == 0


@pytest.mark.parametrize(
    ("command", "fields"),
    [
        ("CommandGetExportedKeys", {"table": "pair"}),
        ("CommandGetImportedKeys", {"table": "pair"}),
        ("CommandGetCrossReference", {"pk_table": "pair", "fk_table": "axb"}),
    ],
)
def test_there_are_no_foreign_keys(
    names: flight.FlightClient, command: str, fields: dict[str, str]
) -> None:
    assert listed(names, command, **fields).num_rows == 0


def test_a_listing_of_many_wide_tables_comes_in_small_batches(names: flight.FlightClient) -> None:
    columns = ", ".join(f"a_rather_long_name_{index} INTEGER" for index in range(2000))
    for index in range(12):
        act(names, "sql.execute", sql=f"CREATE TABLE fsm_wide_{index} ({columns})")
    command = pack(
        new("CommandGetTables", table_name_filter_pattern="fsm_wide%", include_schema=True)
    )
    batches = [chunk.data for chunk in names.do_get(flight.Ticket(command))]
    assert sum(batch.num_rows for batch in batches) == 12
    assert max(batch.nbytes for batch in batches) < 4 << 20


def test_sql_info_and_types_are_served(names: flight.FlightClient) -> None:
    info = listed(names, "CommandGetSqlInfo", info=[0, 3, 8])
    assert info["value"].to_pylist() == ["Velaria", False, 2]
    assert listed(names, "CommandGetSqlInfo").num_rows > 80
    assert listed(names, "CommandGetXdbcTypeInfo", data_type=12)["type_name"].to_pylist() == [
        "VARCHAR"
    ]


URL = b"type.googleapis.com/arrow.flight.protocol.sql."


@pytest.mark.parametrize("method", ["GetFlightInfo", "GetSchema", "DoGet"])
@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (b"\x0a\x2d" + URL + b"X\x12\xff", "INVALID_ARGUMENT", "VEL1003"),
        (b"\x0a\x2f" + URL + b"X", "UNIMPLEMENTED", "VEL1008"),
        (
            pack(new("CommandStatementSubstraitPlan", plan={"plan": b"x"})),
            "UNIMPLEMENTED",
            "VEL1008",
        ),
        (pack(new("CommandStatementIngest", table="t")), "INVALID_ARGUMENT", "VEL1001"),
    ],
)
def test_a_message_that_is_damaged_unknown_or_misplaced_is_refused(
    server: ServerProcess, method: str, raw: bytes, status: str, code: str
) -> None:
    told = refusal_of(server, method, raw)
    statuses = {grpc.StatusCode[status]}
    if method == "DoGet" and not unpacks(raw):  # no driver's ticket: pyarrow's own error will do
        statuses.add(grpc.StatusCode.UNKNOWN)
    assert told[0] in statuses
    assert told[1] == code
    assert code in told[2] and "Traceback" not in told[2] and ".py" not in told[2]


def test_a_pattern_that_ends_in_its_escape_is_refused(server: ServerProcess) -> None:
    raw = pack(new("CommandGetTables", table_name_filter_pattern="a\\"))
    assert refusal_of(server, "DoGet", raw)[:2] == (grpc.StatusCode.INVALID_ARGUMENT, "VEL3004")
