"""Requests that are wrong: each gets a code, none gets a traceback, and the server goes on."""

import re
from collections.abc import Callable
from functools import partial

import grpc
import msgspec
import pyarrow as pa
import pyarrow.flight as flight
import pytest

from tests.server_process import ServerProcess, act, put, read, rows, told
from velaria.schemas.base import STATEMENT_BYTES_MAX

pytestmark = pytest.mark.both_fronts

pack = msgspec.msgpack.encode
LEAK = re.compile(r'Traceback|File "|\.py\b|0x[0-9a-f]{6,}|site-packages|Python exception')


@pytest.fixture(scope="module", autouse=True)
def table_t(server: ServerProcess) -> None:
    table = pa.table({"a": pa.array([1, 2, 3], pa.int64()), "s": ["x", "y", "z"]})
    put(server.connect(), "bad_t", table)


def refused(client: flight.FlightClient, call: Callable[[], object]) -> dict[str, object]:
    """The error map of a call that must fail, after checks that hold for every failure."""
    with pytest.raises(flight.FlightError) as caught:
        call()
    assert not LEAK.search(str(caught.value)), str(caught.value)
    error = told(caught.value)
    assert str(error["code"]) in str(caught.value)
    assert rows(client, "SELECT 1") == [(1,)]
    return error


STATEMENTS = {
    "SELEC 1": "VEL2001",
    "SELECT a FROM": "VEL2001",
    "SELECT 'open": "VEL2001",
    "": "VEL2006",
    " \n\t ": "VEL2006",
    "-- nothing": "VEL2006",
    "SELECT * FROM no_such_table": "VEL2011",
    "SELECT nope FROM bad_t": "VEL2012",
    "SELECT no_such_function(1)": "VEL2014",
    "SELECT 1 / 0": "VEL3001",
    "SELECT a / (a - a) FROM bad_t": "VEL3001",
    "SELECT CAST('abc' AS INTEGER)": "VEL3003",
    "CREATE TABLE bad_t (a INTEGER)": "VEL2024",
    "DROP TABLE no_such_table": "VEL2011",
    "SELECT * FROM '/etc/shadow'": "VEL4001",
    "SELECT ?": "VEL1006",
    "SELECT " + "(" * 100_000 + "1" + ")" * 100_000: "VEL2004",
}


@pytest.mark.parametrize("way", ["descriptor", "ticket", "action"])
@pytest.mark.parametrize("sql", STATEMENTS, ids=lambda sql: sql[:30].strip() or "empty")
def test_a_wrong_statement_has_its_code_whichever_way_it_is_said(
    client: flight.FlightClient, sql: str, way: str
) -> None:
    def by_descriptor() -> None:
        info = client.get_flight_info(flight.FlightDescriptor.for_command(sql.encode()))
        client.do_get(info.endpoints[0].ticket).read_all()

    def by_action() -> None:
        (reply,) = client.do_action(flight.Action("sql.execute", pack({"sql": sql})))
        told_ticket = msgspec.msgpack.decode(reply.body.to_pybytes())["ticket"]
        client.do_get(flight.Ticket(told_ticket)).read_all()

    calls = {
        "descriptor": by_descriptor,
        "ticket": lambda: client.do_get(flight.Ticket(sql.encode())).read_all(),
        "action": by_action,
    }
    assert refused(client, calls[way])["code"] == STATEMENTS[sql]


@pytest.mark.parametrize("name", ["system.runs", "SYSTEM.mine", "information_schema.tables"])
@pytest.mark.parametrize("mode", ["append", "create", "replace"])
def test_a_put_makes_no_table_in_a_schema_of_the_systems(
    client: flight.FlightClient, name: str, mode: str
) -> None:
    schema = pa.schema([("a", pa.int64())])
    command = pack({"type": "ingest", "table": name, "mode": mode})
    for descriptor in (
        flight.FlightDescriptor.for_path(name),
        flight.FlightDescriptor.for_command(command),
    ):

        def by_put(descriptor: flight.FlightDescriptor = descriptor) -> None:
            writer, _ = client.do_put(descriptor, schema)
            with writer:
                writer.write_table(pa.table({"a": [1]}, schema))

        error = refused(client, by_put)
        assert (error["code"], "read-only" in str(error["message"])) == ("VEL2025", True)
    listed = rows(client, f"SELECT count(*) FROM system.tables WHERE name ILIKE '{name}'")
    assert listed == [(1 if name == "system.runs" else 0,)]


def test_a_fault_in_a_statement_has_its_place_and_a_caret(client: flight.FlightClient) -> None:
    with pytest.raises(flight.FlightError) as caught:
        client.do_get(flight.Ticket(b"SELECT a,\n  nope FROM bad_t")).read_all()
    error = told(caught.value)
    assert (error["line"], error["column"]) == (2, 3)
    assert "nope FROM bad_t\n  ^" in str(caught.value)


@pytest.mark.parametrize(
    "fails",
    [
        "CAST(repeat('x', 20000) || CAST(a AS VARCHAR) AS INT)",
        "CAST(repeat('\u00e4', 20000) || CAST(a AS VARCHAR) AS INT)",
        "CAST(regexp_matches('a', repeat('(', 6000) || CAST(a AS VARCHAR)) AS INT)",
    ],
)
def test_a_long_fault_in_mid_stream_keeps_its_code(client: flight.FlightClient, fails: str) -> None:
    """gRPC's clients refuse more than 8 KiB of trailers, where it goes twice."""
    numbers = "generate_series(1, 1000000) t(a)"
    sql = f"SELECT CASE WHEN a > 900000 THEN {fails} ELSE a END AS x FROM {numbers}"
    with pytest.raises(flight.FlightError) as caught:
        read(client, sql)
    error = told(caught.value)
    assert re.match(r"VEL[23]\d{3}", error["code"]) and error["message"]


@pytest.mark.parametrize("server", ["native"], indirect=True)
def test_an_oversized_message_is_refused(client: flight.FlightClient) -> None:
    """The grpcio front refuses it before it is taken in: test_server_grpc_front.py."""
    sql = "SELECT '" + "x" * 20_000_000 + "'"
    error = refused(client, lambda: client.do_get(flight.Ticket(sql.encode())).read_all())
    assert error["code"] == "VEL1004"


@pytest.mark.parametrize("byte_count", [STATEMENT_BYTES_MAX + 1, 5_000_000, 9_000_000])
def test_an_oversized_statement_is_refused_alike_in_every_way(
    client: flight.FlightClient, byte_count: int
) -> None:
    sql = "SELECT '" + "x" * (byte_count - len("SELECT ''")) + "'"
    lane = {"kind": "lane", "text": sql, "state": "succeeded", "elapsed_us": 1}
    ways = [
        lambda: client.do_get(flight.Ticket(sql.encode())).read_all(),
        lambda: client.get_flight_info(flight.FlightDescriptor.for_command(sql.encode())),
        *(
            partial(act, client, name, sql=sql)
            for name in ("sql.execute", "sql.explain", "stream.start", "stream.explain")
        ),
        lambda: act(client, "lane.inputs", sql=sql),
        lambda: act(client, "query.poll", sql=sql),
        lambda: act(client, "run.record", **lane),
    ]
    for way in ways:
        error = refused(client, way)
        assert (error["code"], error["message"]) == (
            "VEL1004",
            f"the statement is longer than {STATEMENT_BYTES_MAX} bytes: {byte_count}",
        )


def test_the_longest_statement_is_run(client: flight.FlightClient) -> None:
    text = "x" * (STATEMENT_BYTES_MAX - len("SELECT length('') AS n"))
    assert read(client, f"SELECT length('{text}') AS n").to_pydict() == {"n": [len(text)]}


BODIES = {
    "not msgpack": b"\xc1\xc1\xc1",
    "cut": pack({"sql": "SELECT 1"})[:-3],
    "JSON": b'{"sql": "SELECT 1"}',
    "a list": pack(["SELECT 1"]),
    "a number": pack(7),
    "empty": b"",
    "a missing field": pack({}),
    "an unknown field": pack({"sql": "SELECT 1", "nope": 1}),
    "a wrong type": pack({"sql": 7}),
    "invalid UTF-8": b"\x81\xa3sql\xa2\xff\xfe",
    "nested 100,000 deep": b"\x81\xa3sql" + b"\x91" * 100_000 + b"\xc0",
    "a map that lies": b"\xdf\xff\xff\xff\xff",
    "trailing bytes": pack({"sql": "SELECT 1"}) + b"zzz",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_a_body_that_is_no_command_is_refused(client: flight.FlightClient, body: bytes) -> None:
    error = refused(client, lambda: list(client.do_action(flight.Action("sql.execute", body))))
    assert error["code"] == "VEL1003"


def test_an_unknown_action_is_refused_with_a_near_name(client: flight.FlightClient) -> None:
    error = refused(client, lambda: list(client.do_action(flight.Action("sql.exec", b""))))
    assert (error["code"], error["hint"]) == ("VEL1002", "Did you mean sql.execute?")
    error = refused(client, lambda: list(client.do_action(flight.Action("\n'; --", b""))))
    assert error["code"] == "VEL1002"


@pytest.mark.parametrize(
    ("ticket", "code"),
    [
        (b"SELECT '\xff\xfe'", "VEL1001"),
        (b"\x83\xa4type\xa9no.such.t\xa1a\x01\xa1b\x02", "VEL1005"),
        (bytes(range(128, 256)), "VEL1005"),
        (pack({"type": "subscribe", "query_id": "no-such-query"}), "VEL4010"),
    ],
)
def test_a_wrong_ticket_is_refused(client: flight.FlightClient, ticket: bytes, code: str) -> None:
    error = refused(client, lambda: client.do_get(flight.Ticket(ticket)).read_all())
    assert error["code"] == code


def test_a_forged_ticket_is_refused(client: flight.FlightClient) -> None:
    info = client.get_flight_info(flight.FlightDescriptor.for_command(b"SELECT 1 AS n"))
    forged = info.endpoints[0].ticket.ticket.replace(b"SELECT 1", b"SELECT 2")
    error = refused(client, lambda: client.do_get(flight.Ticket(forged)).read_all())
    assert error["code"] == "VEL1005"


def test_a_path_that_names_nothing_is_refused(client: flight.FlightClient) -> None:
    for path in ([], ["no_such_table"], ["no", "such"]):
        descriptor = flight.FlightDescriptor.for_path(*path)
        assert refused(client, lambda d=descriptor: client.get_flight_info(d))["code"] in (
            "VEL1001",
            "VEL2011",
            "VEL2028",
        )


def test_get_schema_of_nothing_leaks_no_traceback(client: flight.FlightClient) -> None:
    with pytest.raises(pa.ArrowException, match="VEL2011") as caught:
        client.get_schema(flight.FlightDescriptor.for_path("no_such_table"))
    assert "Traceback" not in str(caught.value)
    assert ".py" not in str(caught.value)


def test_get_schema_sends_the_error_that_get_flight_info_sends(server: ServerProcess) -> None:
    """pyarrow's client drops it, so it is looked at on the wire."""
    asked = flight.FlightDescriptor.for_path("no_such_table").serialize()
    sent = []
    with grpc.insecure_channel(server.uri.removeprefix("grpc://")) as channel:
        for method in ("GetSchema", "GetFlightInfo"):
            call = channel.unary_unary(f"/arrow.flight.protocol.FlightService/{method}")
            with pytest.raises(grpc.RpcError) as caught:
                call(asked, timeout=10)
            trailers = dict(caught.value.trailing_metadata())
            sent.append((caught.value.code(), trailers["grpc-status-details-bin"]))
    assert sent[0] == sent[1]
    assert msgspec.msgpack.decode(sent[0][1])["code"] == "VEL2011"


def ingest_as(table: str, mode: str) -> flight.FlightDescriptor:
    command = pack({"type": "ingest", "table": table, "mode": mode})
    return flight.FlightDescriptor.for_command(command)


NOWHERE = {
    "bad_nosch.t": "VEL2028",
    "temp.bad_k": "VEL1008",
    ".bad_empty": "VEL1001",
}
NOWHERE_BY_PATH = {
    ("bad_nosch.t",): "VEL2028",
    ("bad_nosch", "t"): "VEL2028",
    ("temp", "bad_k"): "VEL1008",
    ("main", "bad", "three"): "VEL1001",
    ("bad.dotted", "t"): "VEL2028",
}


@pytest.mark.parametrize(
    ("descriptor", "name", "code"),
    [
        *(
            (ingest_as(name, mode), name, code)
            for name, code in NOWHERE.items()
            for mode in ("append", "create", "replace")
        ),
        *(
            (flight.FlightDescriptor.for_path(*path), ".".join(path), code)
            for path, code in NOWHERE_BY_PATH.items()
        ),
    ],
)
def test_a_put_to_a_schema_that_is_not_there_makes_no_table(
    client: flight.FlightClient, descriptor: flight.FlightDescriptor, name: str, code: str
) -> None:
    schema = pa.schema([("a", pa.int64())])

    def call() -> None:
        writer, _ = client.do_put(descriptor, schema)
        with writer:
            writer.write_table(pa.table({"a": [1]}, schema))

    assert refused(client, call)["code"] == code
    assert rows(client, f"SELECT count(*) FROM system.tables WHERE name = '{name}'") == [(0,)]


@pytest.mark.parametrize(
    ("table", "path"),
    [
        (pa.table({"other": ["x"]}), ["bad_t"]),
        (pa.table({"a": [1]}), []),
        (pa.table({"a": [1]}), ["now", "three", "parts"]),
        (pa.table([pa.array([1]), pa.array([2])], names=["a", "a"]), ["bad_duplicate"]),
    ],
    ids=["another schema", "no path", "three parts", "duplicate columns"],
)
def test_a_wrong_put_is_refused(
    client: flight.FlightClient, table: pa.Table, path: list[str]
) -> None:
    def call() -> None:
        writer, _ = client.do_put(flight.FlightDescriptor.for_path(*path), table.schema)
        with writer:
            writer.write_table(table)

    assert str(refused(client, call)["code"])[3] in "124"


def test_a_refused_statement_is_a_failed_run(client: flight.FlightClient) -> None:
    sql = "SELECT no_column_of_that_name FROM bad_t"
    refused(client, lambda: client.do_get(flight.Ticket(sql.encode())).read_all())
    found = rows(client, f"SELECT state, error_code FROM system.runs WHERE text = '{sql}'")
    assert found == [("failed", "VEL2012")]
