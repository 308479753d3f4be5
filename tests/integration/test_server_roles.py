"""What each role may do: one table of statements, one of actions, and what is seen of others."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pyarrow as pa
import pyarrow.flight as flight
import pytest

from tests.conftest import FRONTS
from tests.flight_sql import SERVICE
from tests.integration import flight_sql_client
from tests.integration.identity_support import ROLES, As, secured
from tests.server_process import ServerProcess, told
from velaria.flight_server.identity.permissions import ACTIONS, STATEMENTS
from velaria.flight_server.identity.principals import parse_binding
from velaria.flight_server.identity.tokens import TokenFile

ALL = frozenset(ROLES)
ANY_ROLE = ALL - {"nobody"}
EVERYWHERE = frozenset({"admin", "author", "operator", "viewer"})
AUTHORS = frozenset({"admin", "author"})
SALES_AUTHORS = AUTHORS | {"sales_author"}
OPERATORS = frozenset({"admin", "operator"})
ADMIN = frozenset({"admin"})

# Statement, the kind that the kernel calls it, and who may run it. FILE is one that SQL may read.
STATEMENT_CASES: list[tuple[str, str, frozenset[str]]] = [
    ("SELECT 1", "query", ANY_ROLE),
    ("SELECT * FROM sales.t", "query", ANY_ROLE),
    ("SELECT * FROM SALES.T", "query", ANY_ROLE),
    ("SELECT * FROM hr.pay", "query", EVERYWHERE),
    ("SELECT * FROM m", "query", EVERYWHERE),
    ("SELECT a FROM sales.t WHERE a IN (SELECT salary FROM hr.pay)", "query", EVERYWHERE),
    ("WITH x AS (SELECT * FROM hr.pay) SELECT * FROM x", "query", EVERYWHERE),
    ("SELECT * FROM sales.t UNION SELECT salary FROM hr.pay", "query", EVERYWHERE),
    # A view's rights are those of whom reads it, on what it reads.
    ("SELECT * FROM sales.over_hr", "query", EVERYWHERE),
    ("SELECT * FROM over_sales", "query", EVERYWHERE),
    ("SELECT * FROM sales.own_view", "query", ANY_ROLE),
    # A table of main whose name looks like one of sales.
    ('SELECT * FROM "sales.hidden"', "query", EVERYWHERE),
    ("SELECT * FROM sales.events", "stream", ANY_ROLE),
    ("SELECT * FROM hr.events", "stream", EVERYWHERE),
    ("SELECT * FROM information_schema.tables", "query", EVERYWHERE),
    ("SELECT * FROM system.tables", "query", EVERYWHERE),
    ("SELECT * FROM system.functions", "query", ANY_ROLE),
    ("SELECT * FROM system.queries", "query", OPERATORS),
    ("SELECT * FROM system.streams", "query", OPERATORS),
    ("SELECT * FROM system.settings", "query", OPERATORS),
    ("SELECT * FROM system.runs", "query", OPERATORS),
    ("SELECT * FROM system.stages", "query", OPERATORS),
    ("SELECT * FROM system.attempts", "query", OPERATORS),
    ("SELECT * FROM system.events", "query", OPERATORS),
    ("SELECT * FROM 'FILE'", "query", EVERYWHERE),
    ("SELECT * FROM read_csv('FILE')", "query", EVERYWHERE),
    ("INSERT INTO sales.t VALUES (1)", "insert", AUTHORS | {"sales_author"}),
    ("INSERT INTO sales.t VALUES (1) RETURNING a", "insert", AUTHORS | {"sales_author"}),
    ("INSERT INTO sales.t SELECT salary FROM hr.pay", "insert", AUTHORS),
    ("INSERT INTO hr.pay VALUES (1)", "insert", AUTHORS),
    ("INSERT INTO m VALUES (1)", "insert", AUTHORS),
    ("INSERT INTO sales.t SELECT a FROM sales.events", "insert_stream", AUTHORS | {"sales_author"}),
    ("INSERT INTO sales.t SELECT salary FROM hr.events", "insert_stream", AUTHORS),
    ("UPDATE sales.t SET a = 1", "update", SALES_AUTHORS),
    ("UPDATE sales.t SET a = 1 RETURNING a", "update", SALES_AUTHORS),
    ("UPDATE sales.t SET a = (SELECT max(salary) FROM hr.pay)", "update", AUTHORS),
    ("UPDATE hr.pay SET salary = 1", "update", AUTHORS),
    ("DELETE FROM sales.t", "delete", SALES_AUTHORS),
    ("DELETE FROM sales.t WHERE a IN (SELECT salary FROM hr.pay)", "delete", AUTHORS),
    ("TRUNCATE sales.t", "delete", SALES_AUTHORS),
    ("CREATE TABLE sales.made (a INT)", "create", SALES_AUTHORS),
    ("CREATE TABLE sales.made AS SELECT * FROM hr.pay", "create", AUTHORS),
    ("CREATE TABLE made AS SELECT * FROM sales.t", "create", AUTHORS),
    ("CREATE VIEW sales.w AS SELECT * FROM hr.pay", "create", AUTHORS),
    ("CREATE VIEW sales.w AS SELECT * FROM sales.t", "create", SALES_AUTHORS),
    ("CREATE STREAM sales.s (a INT)", "create", SALES_AUTHORS),
    ("CREATE SCHEMA fresh", "create", AUTHORS),
    ("CREATE TABLE f OPTIONS (path: 'FILE')", "create", AUTHORS),
    ("DROP TABLE sales.t", "drop", SALES_AUTHORS),
    ("DROP TABLE hr.pay", "drop", AUTHORS),
    ("DROP SCHEMA sales CASCADE", "drop", SALES_AUTHORS),
    ("ALTER TABLE sales.t ADD COLUMN z INT", "alter", SALES_AUTHORS),
    ("ALTER TABLE hr.pay ADD COLUMN z INT", "alter", AUTHORS),
    ("COPY sales.t TO 'FILE'", "copy", AUTHORS),
    ("COPY sales.t FROM 'FILE'", "copy", AUTHORS),
    ("EXPLAIN SELECT * FROM sales.t", "explain", ANY_ROLE),
    ("EXPLAIN SELECT * FROM hr.pay", "explain", EVERYWHERE),
    ("EXPLAIN ANALYZE INSERT INTO sales.t VALUES (1)", "explain", SALES_AUTHORS),
    ("EXPLAIN ANALYZE INSERT INTO sales.t SELECT salary FROM hr.pay", "explain", AUTHORS),
    ("SHOW TABLES", "show", EVERYWHERE),
    ("SHOW SCHEMAS", "show", EVERYWHERE),
    ("SHOW ALL", "show", OPERATORS),
    ("SHOW schema", "show", ANY_ROLE),
    ("SUMMARIZE system.queries", "show", OPERATORS),
    ("SUMMARIZE sales.t", "show", ANY_ROLE),
    ("DESCRIBE hr.pay", "show", EVERYWHERE),
    ("DESCRIBE sales.t", "show", ANY_ROLE),
    ("SET float_sum = 'fast'", "set", ADMIN),
    ("SET schema = 'sales'", "set", ANY_ROLE),
    ("SET schema = 'hr'", "set", EVERYWHERE),
    ("BEGIN", "transaction", ANY_ROLE),
    ("COMMIT", "transaction", ANY_ROLE),
    ("PREPARE p AS SELECT * FROM hr.pay", "prepare", EVERYWHERE),
    ("PREPARE p AS SELECT * FROM sales.t", "prepare", ANY_ROLE),
    ("DEALLOCATE p", "deallocate", ANY_ROLE),
]

# Action, its fields, who may call it, and the code of what is then wrong with the command itself.
ACTION_CASES: list[tuple[str, dict[str, Any], frozenset[str], str]] = [
    ("sql.execute", {"sql": "SELECT * FROM hr.pay"}, EVERYWHERE, ""),
    ("sql.execute", {"sql": "INSERT INTO sales.t VALUES (1)"}, AUTHORS | {"sales_author"}, ""),
    ("sql.explain", {"sql": "SELECT * FROM hr.pay"}, EVERYWHERE, ""),
    ("sql.explain", {"sql": "SELECT * FROM sales.t"}, ANY_ROLE, ""),
    ("sql.analyze", {"sql": "SELECT * FROM hr.pay"}, EVERYWHERE, ""),
    ("sql.analyze", {"sql": "INSERT INTO sales.t VALUES (1)"}, AUTHORS | {"sales_author"}, ""),
    ("sql.prepare", {"name": "p", "sql": "SELECT * FROM hr.pay"}, EVERYWHERE, "VEL1008"),
    ("sql.close", {"name": "p"}, frozenset(), "VEL2030"),
    ("sql.functions", {}, ANY_ROLE, ""),
    ("query.list", {}, ANY_ROLE, ""),
    ("query.progress", {"query_id": "nobody's"}, frozenset(), "VEL4010"),
    ("query.cancel", {"query_id": "nobody's"}, frozenset(), "VEL4010"),
    ("query.poll", {"query_id": "nobodys"}, frozenset(), "VEL4010"),
    ("query.poll", {"sql": "SELECT * FROM hr.pay"}, EVERYWHERE, ""),
    ("query.release", {"query_id": "nobody's"}, ANY_ROLE, ""),
    ("stream.start", {"sql": "SELECT * FROM hr.events", "name": "h-NAME"}, EVERYWHERE, ""),
    ("stream.start", {"sql": "SELECT * FROM sales.events", "name": "s-NAME"}, ANY_ROLE, ""),
    ("stream.stop", {"query_id": "nobody's"}, frozenset(), "VEL4010"),
    ("stream.progress", {"query_id": "nobody's"}, frozenset(), "VEL4010"),
    ("stream.list", {}, ANY_ROLE, ""),
    ("stream.explain", {"sql": "SELECT * FROM hr.events"}, EVERYWHERE, ""),
    ("stream.end_input", {"stream": "sales.ended"}, AUTHORS | {"sales_author"}, ""),
    ("table.list", {}, ANY_ROLE, ""),
    ("table.describe", {"table": "hr.pay"}, EVERYWHERE, ""),
    ("table.describe", {"table": "sales.t"}, ANY_ROLE, ""),
    ("table.describe", {"table": "system.queries"}, EVERYWHERE, ""),
    ("table.drop", {"table": "hr.drop_NAME"}, AUTHORS, ""),
    ("table.drop", {"table": "sales.drop_NAME"}, AUTHORS | {"sales_author"}, ""),
    ("file.probe", {"path": "FILE"}, EVERYWHERE, ""),
    ("file.read", {"path": "FILE"}, EVERYWHERE, ""),
    ("lane.inputs", {"sql": "SELECT * FROM hr.pay"}, EVERYWHERE, ""),
    ("run.list", {}, ANY_ROLE, ""),
    ("run.get", {"run_id": "nobody's"}, frozenset(), "VEL4010"),
    ("run.cancel", {"run_id": "nobody's"}, frozenset(), "VEL4010"),
    ("session.set", {"session": "nobody's"}, frozenset(), "VEL1011"),
    ("run.record", {}, AUTHORS, "VEL1003"),
    ("session.open", {}, ANY_ROLE, ""),
    ("session.close", {"session": "s-x"}, frozenset(), "VEL1006"),
    ("server.info", {}, ALL, ""),
    ("server.health", {}, ALL, ""),
    ("server.metrics", {}, OPERATORS, ""),
    ("server.settings", {}, OPERATORS, ""),
    ("server.reload", {}, OPERATORS, ""),
    ("server.drain", {"wait_ms": -1}, OPERATORS, "VEL1003"),
]

ROWS = pa.table({"a": pa.array([1], pa.int32())})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("files")
    (made / "rows.csv").write_text("a\n1\n")
    return made


Served = tuple[ServerProcess, dict[str, str]]


@pytest.fixture(scope="module", params=FRONTS)
def served(
    request: pytest.FixtureRequest, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    data_dir = tmp_path_factory.mktemp("state")
    with secured(request.param, data_dir, folder) as (server, tokens):
        admin = As(server, tokens["admin"])
        for schema in ("sales", "hr"):
            for name in ROLES:
                admin.read(f"CREATE TABLE {schema}.drop_{name} (a INT)")
        yield server, tokens


@pytest.fixture(scope="module")
def people(served: Served) -> dict[str, As]:
    server, tokens = served
    return {name: As(server, token) for name, token in tokens.items()}


def test_every_kind_of_statement_has_a_case() -> None:
    assert {kind for _, kind, _ in STATEMENT_CASES} == set(STATEMENTS)


@pytest.mark.parametrize(("sql", "kind", "allowed"), STATEMENT_CASES)
def test_a_statement_is_for_who_may_run_it(
    people: dict[str, As], folder: Path, sql: str, kind: str, allowed: frozenset[str]
) -> None:
    text = sql.replace("FILE", str(folder / "rows.csv"))
    told_codes = {name: who.code(who.info, text) for name, who in people.items()}
    assert told_codes == {name: "" if name in allowed else "VEL1010" for name in ROLES}
    for name in ALL - allowed:  # what is refused when it is described is refused when it is read
        assert people[name].code(people[name].read, text) == "VEL1010"
    if allowed:
        reply = people["admin"].act("sql.execute", sql=text) if kind == "query" else {"kind": kind}
        assert reply["kind"] == kind


@pytest.mark.parametrize(("name", "fields", "allowed", "code"), ACTION_CASES)
def test_an_action_is_for_who_may_call_it(
    people: dict[str, As],
    folder: Path,
    name: str,
    fields: dict[str, Any],
    allowed: frozenset[str],
    code: str,
) -> None:
    for who, client in people.items():
        filled = {
            key: value.replace("NAME", who).replace("FILE", str(folder / "rows.csv"))
            if isinstance(value, str)
            else value
            for key, value in fields.items()
        }
        expected = code if who in (allowed or ANY_ROLE) else "VEL1010"
        assert client.code(client.act, name, **filled) == expected, who


def test_every_action_of_the_server_has_a_rule_and_a_case(people: dict[str, As]) -> None:
    served = {kind.type for kind in people["admin"].client.list_actions(people["admin"].options)}
    assert served == set(ACTIONS)
    # Flight SQL's and Flight's own begin with a capital: who may is judged by what they name.
    own = {name for name in served if name[0].islower()}
    assert own == {name for name, *_ in ACTION_CASES}


@pytest.mark.parametrize(
    ("table", "allowed"),
    [
        ("sales.t", AUTHORS | {"sales_author"}),
        ("sales.put_new", AUTHORS | {"sales_author"}),
        ("hr.put_new", AUTHORS),
        ("put_new", AUTHORS),
        ("sales.hidden", AUTHORS),
        ("nowhere.t", frozenset()),
    ],
)
def test_a_put_is_for_who_may_write(
    people: dict[str, As], table: str, allowed: frozenset[str]
) -> None:
    for name, who in people.items():
        found = who.code(who.put, table, ROWS)
        if not allowed and name in AUTHORS:
            assert found == "VEL2028"
        else:
            assert found == ("" if name in allowed else "VEL1010"), name


def test_what_a_change_did_is_told_to_who_asked_for_it(people: dict[str, As]) -> None:
    admin, clerk = people["admin"], people["viewer"]
    once = admin.info("INSERT INTO hr.pay VALUES (7)").endpoints[0].ticket
    for _ in range(2):
        reply = admin.client.do_get(once, admin.options).read_all()
        assert reply.to_pylist() == [{"rows_affected": 1}]
    assert clerk.code(lambda: clerk.client.do_get(once, clerk.options).read_all()) == "VEL1005"
    fresh = admin.info("INSERT INTO hr.pay VALUES (8)").endpoints[0].ticket
    assert clerk.code(lambda: clerk.client.do_get(fresh, clerk.options).read_all()) == "VEL1005"
    pay = admin.read("SELECT count(*) AS n FROM hr.pay WHERE salary = 8")
    assert pay.to_pylist() == [{"n": 0}]


def test_a_ticket_reads_only_what_its_principal_was_judged_for(people: dict[str, As]) -> None:
    """The ticket is the clerk's own; its name now means what the clerk may not read."""
    people["admin"].read("CREATE OR REPLACE VIEW sales.shifting AS SELECT a FROM sales.t")
    clerk = people["sales_viewer"]
    ticket = clerk.info("SELECT * FROM sales.shifting").endpoints[0].ticket
    people["admin"].read("CREATE OR REPLACE VIEW sales.shifting AS SELECT salary AS a FROM hr.pay")
    sales = people["admin"].read("SELECT a FROM sales.t")
    assert clerk.client.do_get(ticket, clerk.options).read_all() == sales
    assert clerk.code(lambda: clerk.info("SELECT * FROM sales.shifting")) == "VEL1010"


@pytest.mark.parametrize("sql", ["DROP TABLE hr.pay", "CREATE TABLE hr.n (a INT)", "BEGIN"])
def test_explain_analyze_carries_nothing_out_that_is_not_judged(
    people: dict[str, As], sql: str
) -> None:
    nobody = people["nobody"]
    assert nobody.code(nobody.read, f"EXPLAIN ANALYZE {sql}") != ""
    assert people["admin"].read("SELECT * FROM hr.pay").num_columns == 1
    assert people["admin"].code(people["admin"].read, "SELECT * FROM hr.n") == "VEL2011"


def test_who_has_no_role_may_do_nothing_in_any_way(served: Served, people: dict[str, As]) -> None:
    nobody = people["nobody"]
    client, options = nobody.client, nobody.options
    by_path = flight.FlightDescriptor.for_path("sales", "t")
    for way in (
        lambda: list(client.list_actions(options)),
        lambda: list(client.list_flights(b"", options)),
        lambda: client.get_flight_info(by_path, options),
        lambda: client.get_schema(by_path, options),
        lambda: client.do_get(flight.Ticket(b"SELECT 1"), options).read_all(),
        lambda: nobody.put("sales.t", ROWS),
        lambda: client.do_exchange(by_path, options)[1].read_all(),
        lambda: list(client.do_action(flight.Action("BeginTransaction", b""), options)),
        lambda: nobody.act("no.such.action"),
    ):
        with pytest.raises((flight.FlightError, pa.ArrowException), match="VEL1010") as caught:
            way()
        assert "the principal has no role on this server: nobody" in str(caught.value)
    server, tokens = served
    with grpc.insecure_channel(server.uri.removeprefix("grpc://")) as channel:
        bearer = [("authorization", f"Bearer {tokens['nobody']}")]
        with pytest.raises(grpc.RpcError, match="VEL1010"):
            list(channel.stream_stream(SERVICE + "Handshake")(iter(()), metadata=bearer))
    assert nobody.act("server.health")["state"] == "serving"


def test_a_refusal_names_the_role_that_is_needed(people: dict[str, As]) -> None:
    with pytest.raises(flight.FlightUnauthorizedError) as caught:
        people["sales_viewer"].read("INSERT INTO sales.t VALUES (1)")
    error = told(caught.value)
    assert error["message"] == "not permitted to write in the schema sales"
    assert error["hint"] == "It needs the role author in that schema."
    with pytest.raises(flight.FlightUnauthorizedError) as caught:
        people["viewer"].act("server.drain")
    assert told(caught.value)["hint"] == "It needs the role operator in all schemas."


def test_what_may_not_be_seen_and_what_is_not_there_are_told_alike(people: dict[str, As]) -> None:
    clerk = people["sales_viewer"]

    def answer(call: Any, *arguments: Any, **fields: Any) -> tuple[str, dict[str, Any]]:
        with pytest.raises(flight.FlightError) as caught:
            call(*arguments, **fields)
        return str(caught.value), told(caught.value)

    for there, not_there in (
        ("SELECT * FROM hr.pay", "SELECT * FROM hr.pax"),
        ("SELECT * FROM m", "SELECT * FROM n"),
        ("SELECT * FROM m", "SELECT * FROM nowhere.n"),
    ):
        assert answer(clerk.read, there) == answer(clerk.read, not_there)
    described = [
        answer(clerk.act, "table.describe", table=name) for name in ("hr.pay", "hr.pax", "x.y")
    ]
    assert described[0] == described[1] == described[2]
    assert answer(clerk.put, "hr.pay", ROWS) == answer(clerk.put, "nowhere.pay", ROWS)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM 'FILE'",
        "SELECT b FROM 'FILE'",
        "SELECT a + 'text' FROM read_csv('FILE')",
        "SELECT * FROM sales.t, read_csv(['FILE'], header := true)",
        "SELECT * FROM sales.t, 'FILE', hr.pay",
        "WITH c AS (SELECT * FROM 'FILE') SELECT * FROM c",
        "SELECT * FROM sales.over_file",
        "INSERT INTO sales.t SELECT a FROM 'FILE'",
        "UPDATE sales.t SET a = (SELECT max(a) FROM 'FILE')",
        "CREATE TABLE sales.copied AS SELECT * FROM 'FILE'",
        "CREATE VIEW sales.w AS SELECT * FROM 'FILE'",
        "EXPLAIN SELECT * FROM 'FILE'",
        "PREPARE p AS SELECT * FROM 'FILE'",
        "SUMMARIZE 'FILE'",
        "COPY (SELECT * FROM 'FILE') TO 'FILE.out'",
    ],
)
def test_whether_a_file_is_there_is_not_told_to_who_may_not_read_it(
    people: dict[str, As], folder: Path, sql: str
) -> None:
    people["admin"].read(
        f"CREATE OR REPLACE VIEW sales.over_file AS SELECT * FROM '{folder / 'rows.csv'}'"
    )
    for name in ("sales_viewer", "sales_author"):
        for call in (people[name].info, people[name].read):
            for file in ("rows.csv", "none.csv"):
                with pytest.raises(flight.FlightUnauthorizedError) as caught:
                    call(sql.replace("FILE", str(folder / file)))
                error = told(caught.value)
                assert (error["code"], error["message"]) == (
                    "VEL1010",
                    "not permitted: a file of the server",
                )
                assert error["hint"] == "It needs the role viewer in all schemas."
                assert not error.get("detail") and not error.get("line")


def test_a_schema_that_is_not_there_is_not_told_with_those_that_are(served: Served) -> None:
    """Also to who has a role in it, and so passes for one who may read all that is named."""
    server, _ = served
    file = TokenFile(Path(server.ready["data_dir"]))
    token = file.create_token("early", (parse_binding("author:tomorrow"),))
    session = As(server, token).act("session.open")["session"]
    early = As(server, token, session)
    for call in (
        lambda: early.read("SET schema = 'tomorrow'"),
        lambda: early.read("USE tomorrow"),
        lambda: early.read("DROP SCHEMA tomorrow"),
        lambda: early.act("session.set", session=session, catalog_schema="tomorrow"),
    ):
        with pytest.raises(flight.FlightError) as caught:
            call()
        assert told(caught.value)["code"] == "VEL1010"
        assert not told(caught.value).get("detail")
    early.read("CREATE SCHEMA tomorrow")
    early.read("USE tomorrow")
    early.read("DROP SCHEMA tomorrow")


def test_near_names_of_what_may_not_be_seen_are_left_out(people: dict[str, As]) -> None:
    clerk = people["sales_viewer"]
    with pytest.raises(flight.FlightError) as caught:
        clerk.read("SELECT salarx FROM hr.pay")
    assert "salary" not in str(caught.value)
    with pytest.raises(flight.FlightError) as caught:
        people["viewer"].read("SELECT salarx FROM hr.pay")
    assert "salary" in str(caught.value)


def test_listings_hold_what_may_be_read(people: dict[str, As]) -> None:
    def listed(who: As) -> set[str]:
        return {table["name"] for table in who.act("table.list")["tables"]}

    assert "hr.pay" in listed(people["viewer"])
    names = listed(people["sales_viewer"])
    assert "sales.t" in names and not any(name.startswith(("hr.", "m")) for name in names)
    paths = [
        info.descriptor.path
        for info in people["sales_viewer"].client.list_flights(b"", people["sales_viewer"].options)
    ]
    assert [b"sales", b"t"] in paths
    assert all(path[0] == b"sales" for path in paths if path)


def test_queries_and_runs_of_others_are_for_operators(people: dict[str, As]) -> None:
    secret = "SELECT 'of the author only'"
    reply = people["author"].act("sql.execute", sql=secret, query_id="authors-own")
    people["author"].client.do_get(
        flight.Ticket(reply["ticket"]), people["author"].options
    ).read_all()
    for name in ANY_ROLE:
        who = people[name]
        seen = [query["sql"] for query in who.act("query.list")["queries"]]
        runs = [run["text"] for run in who.act("run.list", limit=1000)["runs"]]
        expected = name in OPERATORS | {"author"}
        assert (secret in seen) == (secret in runs) == expected, name
        code = "" if expected else "VEL4010"
        assert who.code(who.act, "query.progress", query_id="authors-own") == code
        assert who.code(who.act, "run.get", run_id="authors-own") == code
    entry = people["author"].act("query.progress", query_id="authors-own")
    assert entry["principal"] == "author"


def test_a_list_of_queries_tells_no_others_text_or_name(people: dict[str, As]) -> None:
    ways = ("said", "mistaken", "polled", "asked")
    assert people["nobody"].code(people["nobody"].act, "query.list") == "VEL1010"
    people = {name: who for name, who in people.items() if name != "nobody"}
    for name, who in people.items():
        who.read(f"SELECT 'said by {name}'")
        assert who.code(who.read, f"SELEC 'mistaken by {name}'") == "VEL2001"
        who.act("query.poll", sql=f"SELECT 'polled by {name}'", wait_ms=10_000)
        flight_sql_client.query(who.client, f"SELECT 'asked by {name}'")
    for name, who in people.items():
        listed = who.act("query.list")["queries"]

        def tells(text: str, listed: list[dict[str, Any]] = listed) -> bool:
            return any(text in each["sql"] for each in listed)

        assert all(tells(f"{way} by {name}'") for way in ways)
        others = [other for other in people if tells(f"by {other}'") and other != name]
        named = {each.get("principal") for each in listed}
        if name in OPERATORS:
            assert len(others) == len(people) - 1 and named >= set(people)
        else:
            assert others == [] and named == {name}


def test_the_table_of_queries_tells_operators_whose_they_are(people: dict[str, As]) -> None:
    people["author"].read("SELECT 1 AS whose")
    admin = people["admin"]
    admin.read("CREATE VIEW sales.asked AS SELECT principal, sql FROM system.queries")
    try:
        for source in ("system.queries", "sales.asked"):
            wanted = f"SELECT DISTINCT principal FROM {source} WHERE sql = 'SELECT 1 AS whose'"
            for name, who in people.items():
                if name in OPERATORS:
                    assert who.read(wanted).to_pylist() == [{"principal": "author"}]
                else:
                    assert who.code(who.read, wanted) == "VEL1010", name
    finally:
        admin.read("DROP VIEW sales.asked")


def test_only_operators_cancel_queries_of_others(people: dict[str, As]) -> None:
    author, viewer, operator = people["author"], people["viewer"], people["operator"]
    author.act("sql.execute", sql="SELECT 1", query_id="promised")
    assert viewer.code(viewer.act, "query.cancel", query_id="promised") == "VEL4010"
    assert operator.act("query.cancel", query_id="promised") == {"state": "cancelled"}
    started = author.act("stream.start", sql="SELECT * FROM sales.events", name="mine")
    for action in ("query.cancel", "stream.stop", "stream.progress"):
        assert viewer.code(viewer.act, action, query_id="mine") == "VEL4010"
    names = [stream["name"] for stream in viewer.act("stream.list")["streams"]]
    assert "mine" not in names
    assert author.act("query.cancel", query_id=started["query_id"])["state"] == "stopped"


def test_emissions_of_others_are_for_readers_of_everything(people: dict[str, As]) -> None:
    people["sales_author"].act("stream.start", sql="SELECT * FROM sales.events", name="theirs")
    ticket = flight.FlightDescriptor.for_command(b"\x82\xa4type\xa9subscribe\xa8query_id\xa6theirs")
    for name, who in people.items():
        allowed = name in EVERYWHERE | {"sales_author"}
        code = who.code(who.client.get_flight_info, ticket, who.options)
        refusal = "VEL1010" if name == "nobody" else "VEL4010"
        assert code == ("" if allowed else refusal), name
    people["sales_author"].act("stream.stop", query_id="theirs", mode="now")


def test_a_session_belongs_to_whom_opened_it(served: Served, people: dict[str, As]) -> None:
    server, tokens = served
    session = people["author"].act("session.open")["session"]
    for name in ("viewer", "admin"):
        who = As(server, tokens[name], session)
        assert who.code(who.read, "SELECT 1") == "VEL1011"
        assert who.code(who.act, "session.close", session=session) == "VEL1006"
    owner = As(server, tokens["author"], session)
    owner.read("CREATE TEMP TABLE mine (a INT)")
    owner.read("INSERT INTO mine VALUES (1)")
    assert owner.read("SELECT a FROM mine").to_pylist() == [{"a": 1}]
    owner.act("session.close", session=session)


def test_the_schema_of_a_session_is_what_a_name_is_judged_by(
    served: Served, people: dict[str, As]
) -> None:
    server, tokens = served
    session = people["sales_viewer"].act("session.open")["session"]
    clerk = As(server, tokens["sales_viewer"], session)
    clerk.read("SET schema = 'sales'")
    assert clerk.code(clerk.read, "SELECT * FROM t") == ""
    for refused in ("SET schema = 'hr'", "SET schema = 'nowhere'", "SELECT * FROM m"):
        assert clerk.code(clerk.read, refused) == "VEL1010"
    assert clerk.code(clerk.read, "SELECT * FROM t") == ""
    clerk.read("PREPARE p AS SELECT * FROM t")
    assert clerk.code(clerk.read, "EXECUTE p") == ""
    # What was prepared is judged when it runs, too: the name is another table's by then.
    clerk.read("PREPARE q AS SELECT * FROM own_view")
    people["admin"].read("CREATE OR REPLACE VIEW sales.own_view AS SELECT salary AS a FROM hr.pay")
    assert clerk.code(clerk.read, "EXECUTE q") == "VEL1010"


def test_only_an_admin_is_told_where_the_server_keeps_its_files(
    served: Served, people: dict[str, As], folder: Path
) -> None:
    server, _ = served
    files = (server.ready["data_dir"], str(folder))
    for name, who in people.items():
        told = {"server.info": who.act("server.info"), "health": who.act("server.health")}
        assert ("data_dir" in told["server.info"]) is (name == "admin")
        if name in OPERATORS:
            told["settings"] = who.act("server.settings")
            told["metrics"] = who.act("server.metrics")
            told["table"] = who.read("SELECT * FROM system.settings").to_pylist()
        shown = {where for where, reply in told.items() if any(f in str(reply) for f in files)}
        assert shown == ({"server.info", "settings"} if name == "admin" else set()), name
    hidden = people["operator"].act("server.settings")["settings"]
    assert (hidden["server.data_dir"], hidden["server.allow_path"]) == ("***", "***")
    assert hidden["tls.key"] == "", "that there is none is told"
