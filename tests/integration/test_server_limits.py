"""Every limit of the server is reached, and each refusal has its code, hint and retry."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
import pyarrow.flight as flight
import pytest

from tests.limited_server import (
    ENDLESS,
    LONG,
    NUMBERS,
    cancel_running,
    error_of,
    metric,
    run_long,
    served,
)
from tests.server_process import ServerProcess, act, put, read, rows, told, until
from velaria.flight_server.flight_sql.messages import new, pack, unpack


@pytest.fixture(scope="module")
def narrow() -> Iterator[ServerProcess]:
    """One place, and one that waits for it, not for long."""
    with served(statements_running=1, statements_waiting=1, wait_s=3) as server:
        yield server


def test_one_waits_too_long_and_the_next_is_refused_at_once(narrow: ServerProcess) -> None:
    client = narrow.connect()
    run_long(narrow)
    assert until(lambda: metric(client, "statements_running") == 1)
    with ThreadPoolExecutor(1) as pool:
        waited = pool.submit(lambda: error_of(lambda: read(narrow.connect(), "SELECT 1")))
        assert until(lambda: metric(client, "statements_waiting") == 1)
        refused = error_of(lambda: read(client, "SELECT 1"))
        errors = [refused, waited.result()]
    assert [(error["code"], error["retry"]) for error in errors] == [("VEL5002", "later")] * 2
    assert "too many statements wait" in errors[0]["message"]
    assert "waited too long" in errors[1]["message"]
    assert "Try again" in errors[1]["hint"]
    cancel_running(client)
    assert until(lambda: metric(client, "statements_running") == 0)
    assert metric(client, "statements_waiting") == 0
    assert rows(client, "SELECT 1") == [(1,)]


def test_a_polled_query_that_had_to_wait_reads_what_stood_when_it_was_described(
    narrow: ServerProcess,
) -> None:
    client = narrow.connect()
    put(client, "lim_told", NUMBERS)
    run_long(narrow)
    assert until(lambda: metric(client, "statements_running") == 1)
    (long,) = [each for each in act(client, "query.list")["queries"] if each["state"] == "running"]
    asked = act(client, "query.poll", sql="SELECT count(*) AS n FROM lim_told", wait_ms=0)
    assert until(lambda: metric(client, "statements_waiting") == 1)
    put(client, "lim_told", NUMBERS)
    act(client, "query.cancel", query_id=long["query_id"])
    reply = act(client, "query.poll", query_id=asked["query_id"], wait_ms=10_000)
    found = client.do_get(flight.Ticket(reply["ticket"])).read_all()
    assert found.to_pydict() == {"n": [NUMBERS.num_rows]}


def test_metadata_health_and_cancel_do_not_wait(narrow: ServerProcess) -> None:
    client = narrow.connect()
    run_long(narrow)
    assert until(lambda: metric(client, "statements_running") == 1)
    descriptor = flight.FlightDescriptor.for_command(b"SELECT n FROM lim_n")
    assert client.get_flight_info(descriptor).schema.names == ["n"]
    assert act(client, "server.health")["state"] == "serving"
    assert act(client, "table.list")["tables"]
    put(client, "lim_put", NUMBERS)
    cancel_running(client)
    assert until(lambda: metric(client, "statements_running") == 0)


def test_a_waiting_statement_can_be_cancelled_by_its_id_and_by_its_client() -> None:
    with served(statements_running=1) as server:
        client = server.connect()
        run_long(server)
        assert until(lambda: metric(client, "statements_running") == 1)
        errors: list[dict[str, Any]] = []

        def change() -> None:
            errors.append(
                error_of(
                    lambda: act(
                        server.connect(),
                        "sql.execute",
                        sql="CREATE TABLE lim_made (a INT)",
                        query_id="waits",
                    )
                )
            )

        thread = threading.Thread(target=change)
        thread.start()
        assert until(lambda: metric(client, "statements_waiting") == 1)
        assert act(client, "query.cancel", query_id="waits")["state"] == "cancelled"
        thread.join(10)
        assert errors[0]["code"] == "VEL3010"
        assert metric(client, "statements_waiting") == 0
        with pytest.raises(flight.FlightTimedOutError):
            client.do_get(flight.Ticket(b"SELECT 1"), flight.FlightCallOptions(timeout=0.3))
        assert until(lambda: metric(client, "statements_waiting") == 0)
        cancel_running(client)
        assert until(lambda: metric(client, "statements_running") == 0)
        assert rows(client, "SELECT count(*) FROM system.tables WHERE name = 'lim_made'") == [(0,)]


def test_a_result_that_is_read_slowly_holds_no_place() -> None:
    with served(statements_running=1) as server:
        client = server.connect()
        reader = server.connect().do_get(flight.Ticket(ENDLESS))
        reader.read_chunk()
        assert until(lambda: metric(client, "statements_running") == 0)
        assert rows(client, "SELECT 1") == [(1,)]
        assert metric(client, "results_open") == 1
        reader.cancel()
        assert until(lambda: metric(client, "results_open") == 0)


def test_calls_come_at_most_so_often() -> None:
    with served(calls_per_s=0.5, calls_burst=4) as server:
        client = server.connect()
        with pytest.raises(flight.FlightError) as caught:
            for _ in range(10):
                act(client, "table.list")
        error = told(caught.value)
        assert (error["code"], error["retry"]) == ("VEL5008", "later")
        assert "ms" in error["hint"]
        assert act(client, "server.health")["state"] == "serving"


def test_a_statement_ends_at_its_time() -> None:
    with served(query_s=0.5) as server:
        client = server.connect()
        for statement in (LONG, ENDLESS):
            reader = client.do_get(flight.Ticket(statement))
            error = error_of(reader.read_all)
            assert (error["code"], error["retry"]) == ("VEL3011", "later")
        changed = error_of(
            lambda: act(client, "sql.execute", sql=f"CREATE TABLE lim_c AS {LONG.decode()}")
        )
        assert changed["code"] == "VEL3011"
        ended = {query.get("error_code") for query in act(client, "query.list")["queries"]}
        assert ended == {None, "VEL3011"}
        assert rows(client, "SELECT 1") == [(1,)]


def test_a_session_may_set_itself_less_time(server: ServerProcess) -> None:
    client = server.connect()
    put(client, "lim_n", NUMBERS)
    session = act(client, "session.open", query_s=0.3)["session"]
    options = flight.FlightCallOptions(headers=[(b"velaria-session", session.encode())])
    reader = client.do_get(flight.Ticket(LONG), options)
    assert error_of(reader.read_all)["code"] == "VEL3011"
    assert client.do_get(flight.Ticket(b"SELECT 1"), options).read_all().num_rows == 1


@pytest.mark.parametrize("by_another", [False, True])
def test_the_time_of_a_session_holds_in_its_transactions(
    server: ServerProcess, by_another: bool
) -> None:
    """Read by another connection, which names no session, as well."""
    client = server.connect()
    put(client, "lim_n", NUMBERS)
    session = act(client, "session.open", query_s=0.3)["session"]
    options = flight.FlightCallOptions(headers=[(b"velaria-session", session.encode())])
    begun = flight.Action("BeginTransaction", pack(new("ActionBeginTransactionRequest")))
    (reply,) = client.do_action(begun, options)
    transaction = unpack(reply.body.to_pybytes())[1].transaction_id
    command = pack(new("CommandStatementQuery", query=LONG.decode(), transaction_id=transaction))
    info = client.get_flight_info(flight.FlightDescriptor.for_command(command), options)
    ticket = info.endpoints[0].ticket
    reader = server.connect().do_get(ticket) if by_another else client.do_get(ticket, options)
    assert error_of(reader.read_all)["code"] == "VEL3011"
    act(client, "session.close", session=session)


def test_a_statement_over_its_memory_fails_alone() -> None:
    with served(query_memory_bytes=20_000_000) as server:
        client = server.connect()
        sql = "SELECT l.n % 100000 + r.n * 100000 AS k, count(*) FROM lim_n l CROSS JOIN lim_n r"
        error = error_of(lambda: read(client, f"{sql} GROUP BY k"))
        assert error["code"] == "VEL3012"
        assert rows(client, "SELECT 1") == [(1,)]


def test_a_statement_may_be_only_so_long() -> None:
    with served(statement_bytes=1000) as server:
        client = server.connect()
        for sql in (f"SELECT '{'a' * 1000}'", f"SELECT '{'é' * 500}'"):
            for call in (
                lambda sql=sql: read(client, sql),
                lambda sql=sql: act(client, "sql.execute", sql=sql),
                lambda sql=sql: act(client, "sql.explain", sql=sql),
                lambda sql=sql: act(client, "stream.start", sql=sql),
            ):
                assert error_of(call)["code"] == "VEL1004"
        assert rows(client, f"SELECT length('{'a' * 900}')") == [(900,)]


def test_a_result_may_have_only_so_many_rows_and_bytes() -> None:
    with served(result_rows=20_000) as server:
        client = server.connect()
        assert read(client, "SELECT n FROM lim_n").num_rows == 20_000
        reader = client.do_get(flight.Ticket(b"SELECT n FROM lim_n UNION ALL SELECT 1"))
        error = error_of(reader.read_all)
        assert (error["code"], error["retry"]) == ("VEL3015", "never")
    with served(result_bytes=100_000) as server:
        client = server.connect()
        assert read(client, "SELECT n FROM lim_n LIMIT 10000").num_rows == 10_000
        reader = client.do_get(flight.Ticket(b"SELECT n FROM lim_n"))
        assert error_of(reader.read_all)["code"] == "VEL3015"
        assert until(lambda: metric(client, "queries_running") == 0)


def test_only_so_many_results_puts_and_streams_are_open() -> None:
    with served(results_open=1, puts_open=1, streams_running=1) as server:
        client = server.connect()
        reader = server.connect().do_get(flight.Ticket(ENDLESS))
        reader.read_chunk()
        assert error_of(lambda: read(client, "SELECT 1"))["code"] == "VEL5002"
        reader.cancel()
        assert until(lambda: metric(client, "results_open") == 0)

        path = flight.FlightDescriptor.for_path("lim_put")
        open_put, _ = client.do_put(path, NUMBERS.schema)
        open_put.write_table(NUMBERS)
        assert until(lambda: metric(client, "puts_open") == 1)
        assert error_of(lambda: put(server.connect(), "lim_put", NUMBERS))["code"] == "VEL5002"
        open_put.close()
        assert until(lambda: metric(client, "puts_open") == 0)

        act(client, "sql.execute", sql="CREATE STREAM lim_s (a BIGINT)")
        started = act(client, "stream.start", sql="SELECT a FROM lim_s")
        refused = error_of(lambda: act(client, "stream.start", sql="SELECT a FROM lim_s"))
        assert refused["code"] == "VEL5002"
        act(client, "stream.stop", query_id=started["query_id"], mode="now")


def test_a_silent_put_is_told_so_when_it_comes_back_and_cut_when_it_does_not() -> None:
    with served(put_idle_s=0.3) as server:
        watching = server.connect()
        path = flight.FlightDescriptor.for_path("lim_silent")
        writer, _ = server.connect().do_put(path, NUMBERS.schema)
        writer.write_table(NUMBERS)
        state = "SELECT state, rows, error_code FROM system.runs WHERE text = 'DoPut lim_silent'"
        assert until(lambda: metric(watching, "puts_open") == 1)
        assert until(lambda: metric(watching, "calls_idle_total") == 1)
        writer.done_writing()
        error = error_of(writer.close)
        assert (error["code"], error["retry"]) == ("VEL5009", "later")
        assert rows(watching, state) == [("failed", 20_000, "VEL5009")]

        silent, _ = server.connect().do_put(path, NUMBERS.schema)
        assert until(lambda: metric(watching, "puts_open") == 1)
        assert until(lambda: metric(watching, "puts_open") == 0, 20)
        assert until(lambda: len(rows(server.connect(), state)) == 2)
        with pytest.raises(flight.FlightUnavailableError):
            silent.close()


def test_a_reader_that_does_not_read_is_cut() -> None:
    with served(read_idle_s=0.3) as server:
        client = server.connect()
        stuck = server.connect().do_get(flight.Ticket(ENDLESS))
        stuck.read_chunk()
        assert until(lambda: metric(client, "results_open") == 1)
        assert until(lambda: metric(server.connect(), "results_open") == 0, 20)
        state = "SELECT state, error_code FROM system.runs WHERE text LIKE 'SELECT l.n, r.n%'"
        assert rows(server.connect(), state) == [("failed", "VEL5009")]
        with pytest.raises(flight.FlightUnavailableError):
            while True:
                stuck.read_chunk()


def test_above_its_memory_the_server_takes_no_rows_and_is_degraded() -> None:
    with ServerProcess(arguments=["--set", "limits.memory_bytes=400000000"]) as server:
        client = server.connect()
        wide = pa.table({"n": pa.array(range(4_000_000), pa.int64())})
        with pytest.raises(flight.FlightError) as caught:
            for number in range(20):
                put(client, f"lim_wide_{number}", wide)
        error = told(caught.value)
        assert (error["code"], error["retry"]) == ("VEL5002", "later")
        assert act(client, "server.health")["state"] == "degraded"
        assert act(client, "server.health")["parts"]["memory"] == "degraded"
        for table in act(client, "table.list")["tables"]:
            if table["name"].startswith("lim_wide"):
                act(client, "sql.execute", sql=f"DROP TABLE {table['name']}")
        assert until(lambda: act(client, "server.health")["state"] == "serving")
        put(client, "lim_again", NUMBERS)
