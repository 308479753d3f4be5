"""Plain pyarrow.flight, none of our client: what goes in comes back the same three ways."""

import datetime as dt
import decimal

import msgspec
import pyarrow as pa
import pyarrow.flight as flight
import pytest

from tests.server_process import act, put, read, rows, told

pytestmark = pytest.mark.both_fronts

D = decimal.Decimal
DAY = dt.date(2013, 7, 4)
MOMENT = dt.datetime(2013, 7, 4, 23, 59, 59, 123456)

COLUMNS = {
    "int8": pa.array([-128, None, 127], pa.int8()),
    "int16": pa.array([-32768, None, 32767], pa.int16()),
    "int32": pa.array([-(2**31), None, 2**31 - 1], pa.int32()),
    "int64": pa.array([-(2**63), None, 2**63 - 1], pa.int64()),
    "uint8": pa.array([0, None, 255], pa.uint8()),
    "uint64": pa.array([0, None, 2**64 - 1], pa.uint64()),
    "float32": pa.array([1.5, None, float("-inf")], pa.float32()),
    "float64": pa.array([0.1, None, float("inf")], pa.float64()),
    "bool": pa.array([True, None, False]),
    "decimal": pa.array([D("1.25"), None, D("-9999999.99")], pa.decimal128(9, 2)),
    "utf8": pa.array(["", None, "Grüße, 世界"]),
    "large_utf8": pa.array(["a" * 300, None, ""], pa.large_string()),
    "binary": pa.array([b"\x00\xff", None, b""], pa.binary()),
    "date32": pa.array([DAY, None, dt.date(1, 1, 1)], pa.date32()),
    "ts_s": pa.array([0, None, -62135596800], pa.timestamp("s")),
    "ts_ns": pa.array([123456789, None, -1], pa.timestamp("ns")),
    "ts_zone": pa.array([MOMENT, None, MOMENT], pa.timestamp("us", "Europe/Berlin")),
    "list": pa.array([[1, None, 3], None, []], pa.list_(pa.int64())),
    "struct": pa.array([{"a": 1}, None, {"a": None}], pa.struct([("a", pa.int32())])),
    "dictionary": pa.array(["x", None, "y"]).dictionary_encode(),
    "null": pa.nulls(3),
}


def of_path(client: flight.FlightClient, name: str) -> pa.Table:
    info = client.get_flight_info(flight.FlightDescriptor.for_path(name))
    return client.do_get(info.endpoints[0].ticket).read_all()


def of_statement(client: flight.FlightClient, name: str) -> pa.Table:
    descriptor = flight.FlightDescriptor.for_command(f'SELECT * FROM "{name}"'.encode())
    info = client.get_flight_info(descriptor)
    table = client.do_get(info.endpoints[0].ticket).read_all()
    assert info.schema == table.schema
    return table


def of_action(client: flight.FlightClient, name: str) -> pa.Table:
    reply = act(client, "sql.execute", sql=f'SELECT * FROM "{name}"')
    return client.do_get(flight.Ticket(reply["ticket"])).read_all()


@pytest.mark.parametrize("way", [of_path, of_statement, of_action])
@pytest.mark.parametrize("kind", COLUMNS)
def test_a_table_comes_back_as_it_went_in(
    client: flight.FlightClient, kind: str, way: object
) -> None:
    assert callable(way)
    name = f"plain_{kind}_{way.__name__}"
    table = pa.table({"id": pa.array([1, 2, 3], pa.int64()), "v": COLUMNS[kind]})
    put(client, name, table)
    assert way(client, name).equals(table, check_metadata=True)


def test_metadata_nullability_and_names_are_kept(client: flight.FlightClient) -> None:
    schema = pa.schema(
        [
            pa.field("B c", pa.int32(), nullable=False, metadata={b"unit": b"km"}),
            pa.field("größe", pa.string()),
        ],
        metadata={b"source": b"\x00\xfe"},
    )
    table = pa.table({"B c": pa.array([1, 2], pa.int32()), "größe": ["x", None]}, schema=schema)
    put(client, "plain ü", table)
    assert of_path(client, "plain ü").equals(table, check_metadata=True)


def test_an_empty_table_keeps_its_schema(client: flight.FlightClient) -> None:
    table = pa.table(COLUMNS).slice(0, 0)
    put(client, "plain_empty", table)
    assert of_path(client, "plain_empty").equals(table, check_metadata=True)


def test_putting_again_appends(client: flight.FlightClient) -> None:
    for _ in range(2):
        put(client, "plain_again", pa.table({"a": [1, 2]}))
    assert rows(client, "SELECT a FROM plain_again") == [(1,), (2,), (1,), (2,)]


def test_do_put_answers_with_one_result(client: flight.FlightClient) -> None:
    table = pa.table({"a": list(range(10))})
    writer, replies = client.do_put(flight.FlightDescriptor.for_path("plain_reply"), table.schema)
    with writer:
        writer.write_table(table, max_chunksize=4)
        writer.done_writing()
        reply = msgspec.msgpack.decode(replies.read().to_pybytes())
        assert replies.read() is None
    assert reply == {"table": "plain_reply", "row_count": 10, "batch_count": 3}


def test_an_ingest_command_chooses_the_mode(client: flight.FlightClient) -> None:
    table = pa.table({"a": [1]})

    def put_as(mode: str) -> None:
        command = msgspec.msgpack.encode({"type": "ingest", "table": "plain_mode", "mode": mode})
        descriptor = flight.FlightDescriptor.for_command(command)
        writer, _ = client.do_put(descriptor, table.schema)
        with writer:
            writer.write_table(table)

    put_as("create")
    put_as("append")
    assert rows(client, "SELECT count(*) FROM plain_mode") == [(2,)]
    put_as("replace")
    assert rows(client, "SELECT count(*) FROM plain_mode") == [(1,)]
    with pytest.raises(flight.FlightError) as caught:
        put_as("create")
    assert told(caught.value)["code"] == "VEL2024"


def test_get_schema_tells_the_schema(client: flight.FlightClient) -> None:
    table = pa.table(COLUMNS)
    put(client, "plain_schema", table)
    path = flight.FlightDescriptor.for_path("plain_schema")
    assert client.get_schema(path).schema == table.schema
    statement = flight.FlightDescriptor.for_command(b"SELECT 1 AS one")
    assert client.get_schema(statement).schema.names == ["one"]


def test_list_flights_tells_tables_with_counts_and_readable_tickets(
    client: flight.FlightClient,
) -> None:
    put(client, "plain_listed", pa.table({"a": [1, 2, 3]}))
    listed = [f for f in client.list_flights() if f.descriptor.path]
    found = {tuple(f.descriptor.path): f for f in listed}
    info = found[(b"plain_listed",)]
    assert info.total_records == 3
    assert info.total_bytes > 0
    assert client.do_get(info.endpoints[0].ticket).read_all().num_rows == 3
    assert (b"system", b"runs") in found
    only = [f.descriptor.path for f in client.list_flights(b"plain_listed")]
    assert only == [[b"plain_listed"]]


def test_flight_info_carries_the_query_id_the_run_gets(client: flight.FlightClient) -> None:
    info = client.get_flight_info(flight.FlightDescriptor.for_command(b"SELECT 4711 AS n"))
    query_id = msgspec.msgpack.decode(info.app_metadata)["query_id"]
    client.do_get(info.endpoints[0].ticket).read_all()
    (state,) = rows(client, f"SELECT state FROM system.runs WHERE query_id = '{query_id}'")
    assert state == ("succeeded",)


def test_a_change_said_as_descriptor_runs_once_at_do_get(client: flight.FlightClient) -> None:
    client.do_get(flight.Ticket(b"CREATE TABLE plain_once (a BIGINT)")).read_all()
    statement = b"INSERT INTO plain_once VALUES (1), (2)"
    info = client.get_flight_info(flight.FlightDescriptor.for_command(statement))
    assert rows(client, "SELECT count(*) FROM plain_once") == [(0,)]
    for _ in range(3):
        reply = client.do_get(info.endpoints[0].ticket).read_all()
        assert reply.schema == info.schema
        assert reply.to_pydict() == {"rows_affected": [2]}
    assert rows(client, "SELECT count(*) FROM plain_once") == [(2,)]


RETURNING = {
    "INSERT INTO {} VALUES (5) RETURNING a": [1, 2, 5],
    "UPDATE {} SET a = a + 1 RETURNING a": [2, 3],
    "DELETE FROM {} WHERE a = 1 RETURNING a": [2],
    "EXPLAIN ANALYZE INSERT INTO {} VALUES (5)": [1, 2, 5],
}


@pytest.mark.parametrize("way", ["descriptor", "action"])
@pytest.mark.parametrize("sql", RETURNING, ids=lambda sql: sql.split(" {}")[0])
def test_a_ticket_of_a_change_that_returns_rows_is_good_for_one_reading(
    client: flight.FlightClient, sql: str, way: str
) -> None:
    name = f"plain_once_{list(RETURNING).index(sql)}_{way}"
    act(client, "sql.execute", sql=f"CREATE TABLE {name} AS SELECT * FROM (VALUES (1), (2)) v(a)")
    statement = sql.format(name)
    if way == "action":
        ticket = flight.Ticket(act(client, "sql.execute", sql=statement)["ticket"])
    else:
        descriptor = flight.FlightDescriptor.for_command(statement.encode())
        ticket = client.get_flight_info(descriptor).endpoints[0].ticket
    assert rows(client, f"SELECT a FROM {name} ORDER BY a") == [(1,), (2,)]
    assert client.do_get(ticket).read_all().num_rows >= 1
    for _ in range(2):
        with pytest.raises(flight.FlightError) as caught:
            client.do_get(ticket).read_all()
        assert told(caught.value)["code"] == "VEL1005"
        assert "new ticket" in told(caught.value)["hint"]
    left = [(a,) for a in RETURNING[sql]]
    assert rows(client, f"SELECT a FROM {name} ORDER BY a") == left


def test_a_put_names_its_table_with_its_schema(client: flight.FlightClient) -> None:
    act(client, "sql.execute", sql="CREATE SCHEMA plain_sc")
    act(client, "sql.execute", sql='CREATE TABLE "plain.dotted" (a BIGINT)')
    table = pa.table({"a": [1, 2]})
    for path, name, row_count in (
        (["main", "plain_p2"], "plain_p2", 2),
        (["plain_sc", "t"], "plain_sc.t", 2),
        (["PLAIN_SC.t"], "plain_sc.t", 4),
        (["plain.dotted"], '"plain.dotted"', 2),
        (["main", "plain.dotted"], '"plain.dotted"', 4),
    ):
        descriptor = flight.FlightDescriptor.for_path(*path)
        writer, _ = client.do_put(descriptor, table.schema)
        with writer:
            writer.write_table(table)
        assert rows(client, f"SELECT count(*) FROM {name}") == [(row_count,)]
        info = client.get_flight_info(descriptor)
        assert client.do_get(info.endpoints[0].ticket).read_all().num_rows == row_count


def test_execute_changes_at_once_and_tells_how_many_rows(client: flight.FlightClient) -> None:
    act(client, "sql.execute", sql="CREATE TABLE plain_changed AS SELECT 1 AS a")
    reply = act(client, "sql.execute", sql="INSERT INTO plain_changed VALUES (2), (3)")
    assert reply["rows_affected"] == 2
    assert "ticket" not in reply


def test_parameters_are_bound(client: flight.FlightClient) -> None:
    reply = act(client, "sql.execute", sql="SELECT ? + 1 AS n, ? AS s", params=[41, "x"])
    assert [c["name"] for c in reply["columns"]] == ["n", "s"]
    table = client.do_get(flight.Ticket(reply["ticket"])).read_all()
    assert table.to_pylist() == [{"n": 42, "s": "x"}]
    command = msgspec.msgpack.encode({"type": "query", "sql": "SELECT ? AS n", "params": [7]})
    assert client.do_get(flight.Ticket(command)).read_all().to_pylist() == [{"n": 7}]


def test_a_large_result_comes_in_batches_below_four_mebibytes(client: flight.FlightClient) -> None:
    put(client, "plain_large", pa.table({"n": pa.array(range(2_000_000), pa.int64())}))
    reader = client.do_get(flight.Ticket(b"SELECT n FROM plain_large"))
    sizes = [chunk.data.get_total_buffer_size() for chunk in reader]
    assert max(sizes) <= 4 * 1024 * 1024
    assert read(client, "SELECT sum(n) AS s FROM plain_large").num_rows == 1


def test_do_exchange_without_a_command_is_refused(client: flight.FlightClient) -> None:
    writer, reader = client.do_exchange(flight.FlightDescriptor.for_path("t"))
    with pytest.raises(flight.FlightError) as caught, writer:
        reader.read_chunk()
    assert told(caught.value)["code"] == "VEL1001"
