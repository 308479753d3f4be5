"""Every action does what the table of actions says, over the wire."""

import threading
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.flight as flight
import pytest

from tests.server_process import ServerProcess, act, put, read, rows, told, until
from velaria.flight_server.actions import registry
from velaria.flight_server.client import connect
from velaria.flight_server.flight_sql import actions as flight_sql_actions
from velaria.schemas.errors import VelariaError

pytestmark = pytest.mark.both_fronts


def test_list_actions_is_the_table_of_actions(client: flight.FlightClient) -> None:
    registry.load_all()
    listed = {(a.type, a.description) for a in client.list_actions()}
    own = {(spec.name, spec.summary) for spec in registry.ACTIONS.values()}
    sql = {(name, spec.summary) for name, spec in flight_sql_actions.ACTIONS.items()}
    assert listed == own | sql
    assert act(client, "server.info")["actions"] == sorted(registry.ACTIONS)


def test_explain_has_exactly_three_sections(client: flight.FlightClient) -> None:
    assert set(act(client, "sql.explain", sql="SELECT 1")) == {"logical", "physical", "strategy"}


def test_a_statement_is_analysed(client: flight.FlightClient) -> None:
    put(client, "act_many", pa.table({"a": pa.array(range(1000), pa.int32())}))
    told_of = act(client, "sql.analyze", sql="SELECT a FROM act_many WHERE a >= ?", params=[990])
    report = told_of["report"]
    assert (report["rows"], report["plan"]["rows_out"]) == (10, 10)
    assert report["execution_ms"] > 0
    progress = act(client, "query.progress", query_id=told_of["query_id"])
    assert progress["state"] == "finished"
    changed = act(
        client, "sql.analyze", sql="INSERT INTO act_many VALUES (1), (2)", query_id="q-an"
    )
    assert changed["query_id"] == "q-an"
    assert rows(client, "SELECT count(*) FROM act_many") == [(1002,)]


@pytest.mark.parametrize(
    ("sql", "code", "place"),
    [
        ("SELECT 1,\n nope", "VEL2012", (2, 2)),
        ("SELEC 1", "VEL2001", (1, 1)),
        ("SELECT 1 / (n - 900)\nFROM range(1000) r(n)", "VEL3001", (1, 10)),
    ],
)
def test_what_is_wrong_with_an_analysed_statement_is_told_with_its_place(
    client: flight.FlightClient, sql: str, code: str, place: tuple[int, int]
) -> None:
    with pytest.raises(flight.FlightError) as caught:
        act(client, "sql.analyze", sql=sql)
    error = told(caught.value)
    assert (error["code"], (error["line"], error["column"])) == (code, place)


def test_a_statement_is_kept_by_its_name_in_a_session(client: flight.FlightClient) -> None:
    session = act(client, "session.open")["session"]
    options = flight.FlightCallOptions(headers=[(b"velaria-session", session.encode())])

    def within(name: str, /, **fields: object) -> Any:
        request = flight.Action(name, msgspec.msgpack.encode(fields))
        (reply,) = client.do_action(request, options)
        return msgspec.msgpack.decode(reply.body.to_pybytes())

    kept = within("sql.prepare", name="add one", sql="SELECT $1::BIGINT + 1 AS n, $2 AS s")
    assert kept["name"] == "add one" and kept["parameters"][0] == "int64"
    assert [column["name"] for column in kept["columns"]] == ["n", "s"]
    asked = flight.Ticket(b"EXECUTE \"add one\"(41, 'x')")
    assert client.do_get(asked, options).read_all().to_pylist() == [{"n": 42, "s": "x"}]
    read(client, "CREATE OR REPLACE TABLE act_kept (a INTEGER)")
    kept = within("sql.prepare", name="fill", sql="INSERT INTO act_kept VALUES ($1)")
    assert kept == {"name": "fill", "parameters": ["int32"]}
    assert within("sql.close", name="add one") == {}
    for name, fields in (
        ("sql.close", {"name": "add one"}),
        ("sql.prepare", {"name": "n", "sql": "SELECT 1,\n nope"}),
    ):
        with pytest.raises(flight.FlightError) as caught:
            within(name, **fields)
        error = told(caught.value)
        assert error["code"] in ("VEL2030", "VEL2012")
    assert error["line"] == 2
    with pytest.raises(flight.FlightError) as caught:  # without a session nothing could run it
        act(client, "sql.prepare", name="n", sql="SELECT 1")
    assert told(caught.value)["code"] == "VEL1008"


def test_a_session_is_given_another_schema_and_other_limits(client: flight.FlightClient) -> None:
    read(client, "CREATE SCHEMA IF NOT EXISTS act_s")
    read(client, "CREATE OR REPLACE TABLE act_s.here AS SELECT 5 AS n")
    session = act(client, "session.open")["session"]
    options = flight.FlightCallOptions(headers=[(b"velaria-session", session.encode())])
    fields = {"catalog_schema": "act_s", "idle_s": 1000, "query_s": 0.2}
    assert act(client, "session.set", session=session, **fields) == {}
    ticket = flight.Ticket(b"SELECT n FROM here")
    assert client.do_get(ticket, options).read_all()["n"].to_pylist() == [5]
    endless = flight.Ticket(
        b"SELECT count(*) FROM range(1000000) a(x), range(1000000) b(y) WHERE x + y = -1"
    )
    for wrong, code in (
        (lambda: client.do_get(endless, options).read_all(), "VEL3011"),
        (lambda: act(client, "session.set", session=session, catalog_schema="no'ne"), "VEL2028"),
        (lambda: act(client, "session.set", session="s-unknown", query_s=1), "VEL1011"),
        (lambda: act(client, "session.set", session=session, idle_s=-1), "VEL1003"),
    ):
        with pytest.raises(flight.FlightError) as caught:
            wrong()
        assert told(caught.value)["code"] == code
    act(client, "session.close", session=session)
    read(client, "DROP TABLE act_s.here")
    read(client, "DROP SCHEMA act_s")


def test_a_file_is_read_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "it's.csv"
    path.write_text("a,b\n1,x\n2,y\n")
    with ServerProcess(allow_path=[tmp_path]) as server:
        client = server.connect()
        reply = act(client, "file.read", path=str(path), batch_rows=1)
        assert [column["name"] for column in reply["columns"]] == ["a", "b"]
        table = client.do_get(flight.Ticket(reply["ticket"])).read_all()
        assert table.to_pydict() == {"a": [1, 2], "b": ["x", "y"]}
        assert len(table["a"].chunks) == 2
        with pytest.raises(flight.FlightError) as caught:
            act(client, "file.read", path="/etc/passwd")
        assert told(caught.value)["code"] == "VEL4001"


def test_a_run_is_cancelled_by_its_id(client: flight.FlightClient) -> None:
    long = "SELECT count(*) FROM range(1000000) a(x), range(1000000) b(y) WHERE x + y = -1"
    query_id = act(client, "query.poll", sql=long, wait_ms=0)["query_id"]
    runs = act(client, "run.list", state="running")["runs"]
    (run_id,) = [run["run_id"] for run in runs if run["query_id"] == query_id]
    assert act(client, "run.cancel", run_id=run_id)["state"] in ("cancelled", "running")
    assert until(lambda: act(client, "run.get", run_id=run_id)["run"]["state"] == "cancelled")
    with pytest.raises(flight.FlightError) as caught:
        act(client, "run.cancel", run_id="nobody's")
    assert told(caught.value)["code"] == "VEL4010"


def test_functions_come_with_examples(client: flight.FlightClient) -> None:
    functions = act(client, "sql.functions")["functions"]
    assert len(functions) >= 60
    assert all(f["signature"] and f["example"] and f["null_rule"] for f in functions)


def test_tables_are_listed_described_and_dropped(client: flight.FlightClient) -> None:
    put(client, "act_t", pa.table({"a": pa.array([1, 2], pa.int32()), "b": ["x", "y"]}))
    listed = {t["name"]: t for t in act(client, "table.list")["tables"]}
    assert (listed["act_t"]["kind"], listed["act_t"]["row_count"]) == ("table", 2)
    described = act(client, "table.describe", table="act_t")
    assert [(c["name"], c["type"]) for c in described["columns"]] == [
        ("a", "int32"),
        ("b", "string"),
    ]
    assert act(client, "table.drop", table="act_t") == {}
    with pytest.raises(flight.FlightError) as caught:
        act(client, "table.describe", table="act_t")
    assert told(caught.value)["code"] == "VEL2011"


def test_views_and_streams_are_described_and_dropped_like_tables(
    client: flight.FlightClient,
) -> None:
    read(client, "CREATE VIEW act_view AS SELECT 1 AS one")
    read(client, 'CREATE STREAM "ActBids" (price DOUBLE NOT NULL)')
    for asked, name, kind in (("ACT_VIEW", "act_view", "view"), ("actbids", "ActBids", "stream")):
        described = act(client, "table.describe", table=asked)
        assert (described["name"], described["kind"]) == (name, kind)
        assert act(client, "table.drop", table=asked) == {}
        with pytest.raises(flight.FlightError) as caught:
            act(client, "table.describe", table=asked)
        assert told(caught.value)["code"] == "VEL2011"


def test_system_tables_are_described_and_not_dropped(client: flight.FlightClient) -> None:
    described = act(client, "table.describe", table="system.settings")
    assert (described["name"], described["kind"]) == ("system.settings", "system")
    assert [column["name"] for column in described["columns"]] == ["name", "value"]
    with pytest.raises(flight.FlightError) as caught:
        act(client, "table.drop", table="system.settings")
    assert told(caught.value)["code"] == "VEL2025"


def test_an_index_is_neither_described_nor_dropped_as_a_table(client: flight.FlightClient) -> None:
    put(client, "act_indexed", pa.table({"a": [1]}))
    read(client, "CREATE INDEX act_index ON act_indexed(a)")
    for name in ("table.describe", "table.drop"):
        with pytest.raises(flight.FlightError) as caught:
            act(client, name, table="act_index")
        assert told(caught.value)["code"] == "VEL2025"
    read(client, "DROP INDEX act_index")


def test_a_query_can_be_cancelled_before_it_is_read(client: flight.FlightClient) -> None:
    info = client.get_flight_info(flight.FlightDescriptor.for_command(b"SELECT 1"))
    query_id = msgspec.msgpack.decode(info.app_metadata)["query_id"]
    assert act(client, "query.cancel", query_id=query_id) == {"state": "cancelled"}
    with pytest.raises(flight.FlightError) as caught:
        client.do_get(info.endpoints[0].ticket).read_all()
    assert told(caught.value)["code"] == "VEL3010"


def test_a_finished_query_can_be_asked_about(client: flight.FlightClient) -> None:
    info = client.get_flight_info(flight.FlightDescriptor.for_command(b"SELECT 815 AS n"))
    query_id = msgspec.msgpack.decode(info.app_metadata)["query_id"]
    client.do_get(info.endpoints[0].ticket).read_all()
    progress = act(client, "query.progress", query_id=query_id)
    assert (progress["state"], progress["row_count"]) == ("finished", 1)
    assert act(client, "query.cancel", query_id=query_id) == {"state": "finished"}
    assert query_id in [q["query_id"] for q in act(client, "query.list")["queries"]]


def test_a_put_can_be_cancelled(client: flight.FlightClient) -> None:
    batch = pa.record_batch({"a": [1, 2]})
    writer, _ = client.do_put(flight.FlightDescriptor.for_path("act_cancelled_put"), batch.schema)
    writer.write_batch(batch)
    count = "SELECT count(*) FROM act_cancelled_put"
    assert until(lambda: "act_cancelled_put" in str(act(client, "table.list")))
    assert until(lambda: rows(client, count) == [(2,)])
    (query_id,) = [
        query["query_id"]
        for query in act(client, "query.list")["queries"]
        if query["sql"] == "DoPut act_cancelled_put"
    ]
    assert act(client, "query.cancel", query_id=query_id) == {"state": "running"}
    with pytest.raises(flight.FlightError) as caught:
        writer.write_batch(batch)
        writer.close()
    assert told(caught.value)["code"] == "VEL3010"
    assert act(client, "query.cancel", query_id=query_id) == {"state": "cancelled"}
    assert rows(client, count) == [(2,)]


SLOW = "SELECT count(*) FROM range(3000000) a(x), range(3000) b(y) WHERE (x * y) % 7 = 8"


def test_a_statement_can_be_cancelled_by_an_id_that_its_client_chose(
    server: ServerProcess, client: flight.FlightClient
) -> None:
    faults: list[VelariaError] = []

    def run() -> None:
        with connect(server.uri) as ours:
            try:
                ours.sql(f"CREATE TABLE act_slow AS {SLOW}", query_id="act-slow:1")
            except VelariaError as fault:
                faults.append(fault)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def is_known() -> bool:
        return "act-slow:1" in [q["query_id"] for q in act(client, "query.list")["queries"]]

    assert until(is_known)
    with connect(server.uri) as other:
        assert other.cancel("act-slow:1") in ("running", "cancelled")
    thread.join(30)
    assert not thread.is_alive()
    assert [fault.code for fault in faults] == ["VEL3010"]


def test_a_chosen_id_is_the_one_that_a_select_runs_under(client: flight.FlightClient) -> None:
    reply = act(client, "sql.execute", sql="SELECT 1", query_id="act-chosen")
    assert reply["query_id"] == "act-chosen"
    client.do_get(flight.Ticket(reply["ticket"])).read_all()
    assert act(client, "query.progress", query_id="act-chosen")["state"] == "finished"


@pytest.mark.parametrize(
    ("query_id", "code"),
    [
        ("act-taken", "VEL1006"),
        ("", "VEL1003"),
        ("with blank", "VEL1003"),
        ("x" * 65, "VEL1003"),
        (7, "VEL1003"),
    ],
)
def test_an_id_that_is_taken_or_none_is_refused(
    client: flight.FlightClient, query_id: object, code: str
) -> None:
    known = [q["query_id"] for q in act(client, "query.list")["queries"]]
    if "act-taken" not in known:
        act(client, "sql.execute", sql="SET stream_trigger_rows = 262144", query_id="act-taken")
    with pytest.raises(flight.FlightError) as caught:
        act(client, "sql.execute", sql="SELECT 1", query_id=query_id)
    assert told(caught.value)["code"] == code


def test_a_statement_that_is_refused_has_its_id_in_the_list(client: flight.FlightClient) -> None:
    with pytest.raises(flight.FlightError):
        act(client, "sql.execute", sql="SELECT nope", query_id="act-refused")
    states = {q["query_id"]: q["state"] for q in act(client, "query.list")["queries"]}
    assert states["act-refused"] == "failed"


@pytest.mark.parametrize(
    "name", ["query.progress", "query.cancel", "stream.progress", "stream.stop"]
)
def test_an_unknown_query_is_refused(client: flight.FlightClient, name: str) -> None:
    with pytest.raises(flight.FlightError) as caught:
        act(client, name, query_id="no-such-query")
    assert told(caught.value)["code"] == "VEL4010"


def test_runs_are_listed_newest_first_and_told_in_full(client: flight.FlightClient) -> None:
    assert rows(client, "SELECT 'act run' AS tag") == [("act run",)]
    newest = act(client, "run.list", limit=1, state="succeeded")["runs"]
    assert [run["text"] for run in newest] == ["SELECT 'act run' AS tag"]
    run = act(client, "run.get", run_id=newest[0]["query_id"])
    assert run["run"]["run_id"] == newest[0]["run_id"]
    assert run["stages"] and run["attempts"] and run["events"]
    with pytest.raises(flight.FlightError) as caught:
        act(client, "run.get", run_id="no-such-run")
    assert told(caught.value)["code"] == "VEL4010"


def test_the_server_tells_its_health_settings_and_metrics(client: flight.FlightClient) -> None:
    health = act(client, "server.health")
    assert health["state"] == "serving"
    assert {"kernel", "run_history"} <= set(health["parts"])
    assert "server.data_dir" in act(client, "server.settings")["settings"]
    before = act(client, "server.metrics")["metrics"]["ingest_rows_total"]
    put(client, "act_metrics", pa.table({"a": [1, 2, 3]}))
    metrics = act(client, "server.metrics")["metrics"]
    assert metrics["ingest_rows_total"] == before + 3
    assert metrics["calls_active"] >= 1


def test_system_tables_answer_sql(client: flight.FlightClient) -> None:
    put(client, "act_system", pa.table({"a": [1]}))
    assert rows(client, "SELECT kind, row_count FROM system.tables WHERE name = 'act_system'") == [
        ("table", 1)
    ]
    act(client, "sql.execute", sql="CREATE INDEX act_by_a ON act_system(a)")
    listed = "SELECT table_name, columns FROM system.indexes WHERE name = 'act_by_a'"
    assert rows(client, listed) == [("act_system", "a")]
    assert rows(client, "SELECT count(*) FROM system.tables WHERE name = 'act_by_a'") == [(0,)]
    for name in ("queries", "streams", "settings", "functions", "stages", "attempts", "events"):
        assert rows(client, f"SELECT count(*) >= 0 FROM system.{name}") == [(True,)]
    assert rows(client, "SELECT count(*) FROM system.functions") >= [(60,)]


def test_a_query_being_read_is_listed_with_its_rows_so_far(client: flight.FlightClient) -> None:
    put(client, "act_n", pa.table({"n": pa.array(range(20_000), pa.int64())}))
    sql = "SELECT l.n FROM act_n l CROSS JOIN act_n r"
    reader = client.do_get(flight.Ticket(sql.encode()))
    reader.read_chunk()
    (listed,) = [f for f in client.list_flights() if f.descriptor.command == sql.encode()]
    assert listed.total_records > 0
    assert listed.schema == reader.schema
    query_id = msgspec.msgpack.decode(listed.app_metadata)["query_id"]
    progress = act(client, "query.progress", query_id=query_id)
    assert progress["state"] == "running"
    assert progress["row_count"] > 0
    assert act(client, "query.cancel", query_id=query_id)["state"] == "cancelled"
    with pytest.raises(flight.FlightError):
        reader.read_all()
