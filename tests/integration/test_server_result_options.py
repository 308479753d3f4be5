"""How a client asks for its batches: cut, compressed, decoded; and what holds without asking."""

from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.flight as flight
import pytest

from tests.flight_sql import descriptor_of
from tests.server_process import ServerProcess, act, put, told
from tests.tcp_proxy import TcpProxy

pytestmark = pytest.mark.both_fronts

MESSAGE_BYTES_MAX = 4 * 1024 * 1024
pack = msgspec.msgpack.encode


def ask(client: flight.FlightClient, sql: str, **options: Any) -> flight.FlightInfo:
    command = pack({"type": "query", "sql": sql, **options})
    return client.get_flight_info(flight.FlightDescriptor.for_command(command))


def batches(client: flight.FlightClient, info: flight.FlightInfo) -> list[pa.RecordBatch]:
    reader = client.do_get(info.endpoints[0].ticket)
    assert reader.schema == info.schema
    return [chunk.data for chunk in reader]


@pytest.fixture(scope="module")
def many(server: ServerProcess) -> str:
    rows = 400_000
    table = pa.table(
        {
            "id": pa.array(range(rows), pa.int64()),
            "text": [f"value number {n} of many" for n in range(rows)],
            "kind": pa.array([f"kind {n % 7}" for n in range(rows)]).dictionary_encode(),
        }
    )
    with server.connect() as client:
        where = flight.FlightDescriptor.for_command(
            pack({"type": "ingest", "table": "options_many", "mode": "replace"})
        )
        writer, _ = client.do_put(where, table.schema)
        with writer:
            writer.write_table(table, max_chunksize=100_000)  # grpcio takes 16 MiB at once
    return "SELECT * FROM options_many"


@pytest.mark.parametrize("way", ["plain", "Flight SQL"])
def test_without_options_no_message_is_over_4_mib(
    client: flight.FlightClient, many: str, way: str
) -> None:
    asked = client.get_flight_info(descriptor_of("CommandStatementQuery", query=many))
    got = batches(client, ask(client, many) if way == "plain" else asked)
    assert sum(batch.num_rows for batch in got) == 400_000
    assert max(pa.ipc.get_record_batch_size(batch) for batch in got) < MESSAGE_BYTES_MAX


@pytest.mark.parametrize("rows_max", [1, 1000, 70_000])
def test_batches_have_at_most_the_rows_asked_for(
    client: flight.FlightClient, many: str, rows_max: int
) -> None:
    sql = f"SELECT * FROM ({many} LIMIT 5000) ORDER BY id" if rows_max == 1 else many
    got = batches(client, ask(client, sql, batch_rows=rows_max))
    assert max(batch.num_rows for batch in got) <= rows_max
    numbers = [n for batch in got for n in batch.column("id").to_pylist()]
    assert numbers == list(range(len(numbers)))


def test_batches_have_at_most_the_bytes_asked_for(client: flight.FlightClient, many: str) -> None:
    got = batches(client, ask(client, many, batch_bytes=100_000))
    assert max(batch.nbytes for batch in got) <= 100_000 + 4_096
    assert sum(batch.num_rows for batch in got) == 400_000


def test_rows_of_uneven_size_are_cut_for_flight_sql(client: flight.FlightClient) -> None:
    values = ["s"] * 1_000 + ["x" * 2_000_000] * 5 + ["s"] * 95
    put(client, "options_uneven_sql", pa.table({"v": values}))
    sql = "SELECT * FROM options_uneven_sql"
    got = batches(client, client.get_flight_info(descriptor_of("CommandStatementQuery", query=sql)))
    assert [text for batch in got for text in batch["v"].to_pylist()] == values
    assert max(pa.ipc.get_record_batch_size(batch) for batch in got) < MESSAGE_BYTES_MAX


def test_rows_of_uneven_size_are_cut_by_their_bytes(client: flight.FlightClient) -> None:
    put(client, "options_uneven", pa.table({"v": ["x" * 2_000_000] * 5 + ["s"] * 95}))
    got = batches(client, ask(client, "SELECT * FROM options_uneven", batch_bytes=3_000_000))
    assert sum(batch.num_rows for batch in got) == 100
    assert max(pa.ipc.get_record_batch_size(batch) for batch in got) < MESSAGE_BYTES_MAX


@pytest.mark.parametrize("way", ["query", "sql.execute"])
def test_dictionaries_are_decoded_when_they_are_not_to_be_kept(
    client: flight.FlightClient, many: str, way: str
) -> None:
    if way == "query":
        info = ask(client, many, keep_dictionaries=False)
        assert info.schema.field("kind").type == pa.string()
        got = pa.Table.from_batches(batches(client, info))
    else:
        reply = act(client, "sql.execute", sql=many, keep_dictionaries=False)
        assert reply["columns"][2]["type"] == "string"
        got = client.do_get(flight.Ticket(reply["ticket"])).read_all()
    kept = pa.Table.from_batches(batches(client, ask(client, many)))
    assert pa.types.is_dictionary(kept.schema.field("kind").type)
    assert got["kind"].to_pylist() == kept["kind"].to_pylist()


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
@pytest.mark.parametrize("cut", [{}, {"batch_rows": 50_000}])
def test_compressed_rows_are_the_same_rows(
    client: flight.FlightClient, many: str, compression: str, cut: dict[str, int]
) -> None:
    plain = pa.Table.from_batches(batches(client, ask(client, many)))
    packed = pa.Table.from_batches(
        batches(client, ask(client, many, compression=compression, **cut))
    )
    assert packed.equals(plain)


def test_compression_makes_fewer_bytes_on_the_wire(server: ServerProcess, many: str) -> None:
    """Counted where they pass: in a proxy between client and server."""
    counted = {}
    for compression in ("none", "lz4", "zstd"):
        with TcpProxy(server.uri) as proxy, flight.connect(proxy.uri) as client:
            batches(client, ask(client, many, compression=compression))
            counted[compression] = proxy.received
    assert counted["lz4"] < counted["none"] / 2
    assert counted["zstd"] < counted["none"] / 2


def test_options_can_stand_in_a_ticket_of_ones_own(client: flight.FlightClient, many: str) -> None:
    ticket = pack({"type": "query", "sql": many, "batch_rows": 1000})
    got = [chunk.data for chunk in client.do_get(flight.Ticket(ticket))]
    assert max(batch.num_rows for batch in got) == 1000


def test_a_failure_in_the_middle_keeps_its_code(client: flight.FlightClient) -> None:
    info = ask(client, "SELECT 1 / (id - 399999) FROM options_many", batch_rows=10)
    with pytest.raises(flight.FlightError) as caught:
        batches(client, info)
    error = told(caught.value)
    assert (error["code"], error["message"]) == ("VEL3001", "division by zero: 1 / 0")
    assert "Traceback" not in str(caught.value)
    (run,) = act(client, "run.list", limit=1)["runs"]
    assert (run["state"], run["error_code"]) == ("failed", "VEL3001")


@pytest.mark.parametrize(
    "options",
    [{"batch_rows": 0}, {"batch_bytes": 10}, {"compression": "gzip"}, {"batch_rows": "many"}],
)
def test_options_out_of_range_are_refused(
    client: flight.FlightClient, options: dict[str, Any]
) -> None:
    with pytest.raises(flight.FlightError) as caught:
        ask(client, "SELECT 1", **options)
    assert told(caught.value)["code"] == "VEL1003"


def test_a_continuous_query_takes_no_options(client: flight.FlightClient) -> None:
    act(client, "sql.execute", sql="CREATE STREAM options_s (a BIGINT)")
    with pytest.raises(flight.FlightError) as caught:
        ask(client, "SELECT a FROM options_s", batch_rows=10)
    assert told(caught.value)["code"] == "VEL1008"
