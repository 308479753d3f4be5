"""What a described statement needs: judged by what it uses, and closed where that is not told."""

import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.server_process import until
from velaria import _kernel
from velaria._kernel import KernelError
from velaria.flight_server.actions import registry
from velaria.flight_server.call_context import CallFacts
from velaria.flight_server.calls import Call
from velaria.flight_server.flight_sql import actions as flight_sql_actions
from velaria.flight_server.identity import permissions
from velaria.flight_server.identity.permissions import (
    ACTIONS,
    STATEMENTS,
    allow_action,
    allow_statement,
    may_see,
    may_see_schema,
    statement_fault,
)
from velaria.flight_server.identity.principals import Principal, parse_binding
from velaria.flight_server.limits.limits import Limits
from velaria.flight_server.metrics import Metrics
from velaria.flight_server.options import Options
from velaria.flight_server.permitted import described, permitted, permitted_put
from velaria.flight_server.queries import TrackedQuery
from velaria.flight_server.service import Service
from velaria.flight_server.turns import Turn
from velaria.schemas.errors import VelariaError

Use = tuple[str, str, str, str]
"""kind, catalog_schema, name, access"""

PAY: Use = ("table", "hr", "pay", "read")
T: Use = ("table", "sales", "t", "read")
INTO_T: Use = ("table", "sales", "t", "write")
FILE: Use = ("file", "", "/data/rows.csv", "read")


def call_of(*roles: str, is_known: bool = True) -> Call:
    principal = Principal("p", tuple(parse_binding(role) for role in roles)) if is_known else None
    facts = CallFacts("DoGet", principal.name if principal else None)
    told = SimpleNamespace(
        principal=principal,
        client=facts.client,
        facts=facts,
        turn=None,
        judged=None,
        is_cancelled=False,
        query_s=None,
    )
    return cast(Call, told)


def statement(kind: str, *uses: Use, needs_connection: bool = False) -> Any:
    told = [
        SimpleNamespace(kind=kind, catalog_schema=schema, name=name, access=access)
        for kind, schema, name, access in uses
    ]
    return SimpleNamespace(kind=kind, uses=told, needs_connection=needs_connection)


def refusal(call: Call, info: Any) -> str:
    """The message of a refusal; "" when there is none."""
    try:
        allow_statement(call, info)
    except VelariaError as error:
        assert error.code == "VEL1010"
        assert error.hint
        return error.message
    return ""


NOT_VISIBLE = permissions.not_visible().message

# Roles, statement, whether it may run.
CASES: list[tuple[list[str], Any, bool]] = [
    ([], statement("query"), True),  # SELECT 1
    ([], statement("query", T), False),
    (["viewer:sales"], statement("query", T), True),
    (["viewer:SALES"], statement("query", T), True),
    (["viewer:sales"], statement("query", T, PAY), False),
    (["viewer:sales", "viewer:hr"], statement("query", T, PAY), True),
    (["viewer"], statement("query", T, PAY), True),
    (["operator:sales"], statement("query", T), True),
    # A view is told with what it reads below: both need a right.
    (["viewer:sales"], statement("query", ("view", "sales", "v", "read"), PAY), False),
    (["viewer:hr"], statement("query", ("view", "sales", "v", "read"), PAY), False),
    # A dot in a bare name is a part of the name.
    (["viewer:sales"], statement("query", ("table", "main", "sales.t", "read")), False),
    (["viewer:main"], statement("query", ("table", "main", "sales.t", "read")), True),
    (["viewer:sales"], statement("stream", ("stream", "sales", "s", "read")), True),
    ([], statement("query", ("temporary", "temp", "mine", "read")), True),
    ([], statement("insert", ("temporary", "temp", "mine", "write")), True),
    ([], statement("insert", ("temporary", "temp", "mine", "write"), PAY), False),
    (["viewer:sales"], statement("insert", INTO_T), False),
    (["author:sales"], statement("insert", INTO_T), True),
    (["author:sales"], statement("insert", INTO_T, PAY), False),
    (["author:sales", "viewer:hr"], statement("insert", INTO_T, PAY), True),
    (["author:sales"], statement("update", INTO_T, T), True),
    (["author:hr"], statement("delete", INTO_T), False),
    (["author:sales"], statement("create", INTO_T), True),
    (["author:sales"], statement("create", INTO_T, FILE), False),
    (["author:sales", "viewer"], statement("create", INTO_T, FILE), True),
    (["author:sales"], statement("drop", INTO_T, ("table", "hr", "pay", "write")), False),
    (["author:sales"], statement("alter", INTO_T), True),
    (["author:fresh"], statement("create", ("schema", "fresh", "fresh", "write")), True),
    (["author:fresh"], statement("create", ("schema", "", "fresh", "write")), True),
    (["author:sales"], statement("drop", ("schema", "hr", "hr", "write")), False),
    (["author:sales"], statement("copy", T, ("file", "", "/x", "write")), False),
    (["viewer"], statement("copy", T, ("file", "", "/x", "write")), False),
    (["author"], statement("copy", T, ("file", "", "/x", "write")), True),
    (["viewer:sales"], statement("explain", T), True),
    (["viewer:sales"], statement("explain", INTO_T), False),
    (["viewer:sales"], statement("show", T), True),
    (["viewer"], statement("query", FILE), True),
    (["viewer:sales"], statement("query", FILE), False),
    (["viewer"], statement("query", ("system", "system", "tables", "read")), True),
    (["viewer:sales"], statement("query", ("system", "system", "tables", "read")), False),
    ([], statement("query", ("system", "system", "functions", "read")), True),
    (["author"], statement("query", ("system", "system", "queries", "read")), False),
    (["author"], statement("query", ("system", "SYSTEM", "Queries", "read")), False),
    (["operator"], statement("query", ("system", "system", "queries", "read")), True),
    (["author"], statement("insert", ("system", "system", "queries", "write")), False),
    (["viewer:sales"], statement("set", ("schema", "sales", "sales", "read"),
                                 needs_connection=True), True),
    (["viewer:sales"], statement("set", ("schema", "hr", "hr", "read"),
                                 needs_connection=True), False),
    (["author", "operator"], statement("set"), False),
    (["admin"], statement("set"), True),
    ([], statement("transaction"), True),
    (["viewer:sales"], statement("prepare", T), True),
    (["viewer:sales"], statement("prepare", PAY), False),
    # What is not known here is for admins.
    (["author", "operator"], statement("new kind", T), False),
    (["admin"], statement("new kind", T), True),
    (["author", "operator"], statement("query", ("new kind", "sales", "x", "read")), False),
]  # fmt: skip


@pytest.mark.parametrize(("roles", "info", "is_allowed"), CASES)
def test_a_statement_is_judged_by_what_it_uses(
    roles: list[str], info: Any, is_allowed: bool
) -> None:
    assert (refusal(call_of(*roles), info) == "") is is_allowed
    assert refusal(call_of(is_known=False), info) == ""


@pytest.mark.parametrize("kind", STATEMENTS)
def test_a_description_that_does_not_tell_uses_is_for_admins(kind: str) -> None:
    bare = SimpleNamespace(kind=kind, reads=[], writes=[], needs_connection=True)
    assert refusal(call_of("author", "operator"), bare)
    assert refusal(call_of("admin:sales"), bare)
    assert refusal(call_of("admin"), bare) == ""


@pytest.mark.parametrize("kind", [kind for kind, rule in STATEMENTS.items() if rule.names])
def test_a_statement_that_must_name_something_and_tells_of_nothing_is_for_admins(kind: str) -> None:
    assert refusal(call_of("author", "operator"), statement(kind))
    assert refusal(call_of("admin"), statement(kind)) == ""


def test_what_is_for_admins_asks_for_that_role_alone() -> None:
    for roles in ([], ["viewer"], ["author", "operator"], ["admin:sales"]):
        with pytest.raises(VelariaError) as caught:
            allow_statement(call_of(*roles), statement("set"))
        assert caught.value.hint == "It needs the role admin in all schemas."


def test_a_refusal_names_a_schema_only_to_who_may_read_it() -> None:
    assert refusal(call_of("viewer:sales"), statement("query", PAY)) == NOT_VISIBLE
    told = refusal(call_of("viewer:sales"), statement("insert", INTO_T))
    assert told == "not permitted to write in the schema sales"


def test_a_fault_of_a_statement_tells_no_names_to_who_may_not_read_everything() -> None:
    session = _kernel.Session()
    session.execute("CREATE TABLE payroll (salary INT)")
    session.execute("CREATE SCHEMA people")
    session.execute("CREATE SCHEMA sales")
    session.execute("CREATE TABLE sales.t (amount INT)")
    for sql, code, near in (
        ("SELECT * FROM payrol", "VEL1010", "payroll"),
        ("SELECT * FROM peopl.payroll", "VEL1010", "people"),
        ("SELECT salarx FROM payroll", "VEL1010", "salary"),
        ("SELECT amounx FROM sales.t", "VEL2012", "amount"),
    ):
        with pytest.raises(KernelError) as caught:
            session.describe(sql)
        fault = caught.value
        assert near in f"{fault.hint} {fault.detail}"
        assert statement_fault(call_of("viewer"), fault) is fault
        assert statement_fault(call_of(is_known=False), fault) is fault
        told = statement_fault(call_of("viewer:sales"), fault)
        assert isinstance(told, VelariaError) and told.code == code
        assert near not in f"{told.message} {told.hint} {told.detail}"


WRONG = {
    "an unknown column": "SELECT wrong FROM {}",
    "an unknown function": "SELECT no_such_function(salary) FROM {}",
    "a type that does not fit": "SELECT salary + 'x' FROM {}",
    "neither grouped nor aggregated": "SELECT salary, count(*) FROM {}",
    "a missing value": "INSERT INTO {} VALUES (1)",
    "a column to fill": "INSERT INTO {} (wrong) VALUES (1)",
    "a column to change": "UPDATE {} SET wrong = 1",
    "a condition": "DELETE FROM {} WHERE wrong = 1",
    "below": "SELECT a FROM sales.t WHERE a IN (SELECT wrong FROM {})",
    "beside": "SELECT t.wrong FROM sales.t, {} AS other",
    "named before": "WITH pay AS (SELECT * FROM {}) SELECT wrong FROM sales.t",
    "a view": "CREATE VIEW sales.v AS SELECT wrong FROM {}",
    "explained": "EXPLAIN SELECT wrong FROM {}",
    "prepared": "PREPARE p AS SELECT wrong FROM {}",
    "copied": "COPY {} (wrong) TO 'x.csv'",
    "another kind": "DROP VIEW {}",
    "what is not supported": "SELECT salary FROM {} FOR UPDATE",
    "a parameter too many": "SELECT $1 FROM {}",
}


@pytest.fixture(scope="module")
def cautious() -> Iterator[_kernel.Session]:
    session = _kernel.Session()
    for sql in (
        "CREATE SCHEMA sales",
        "CREATE SCHEMA hr",
        "CREATE TABLE sales.t (a INT)",
        "CREATE TABLE hr.pay (id INT, salary INT)",
        "CREATE TABLE pay (id INT, salary INT)",
    ):
        session.execute(sql)
    yield session
    session.close()


def answer_to(session: _kernel.Session, call: Call, sql: str) -> tuple[str, ...]:
    """All that a statement's description is answered with."""
    try:
        allow_statement(call, session.describe(sql, [1, 2] if "$1" in sql else None))
    except KernelError as fault:
        told = statement_fault(call, fault)
    except VelariaError as fault:
        told = fault
    else:
        return ()
    assert isinstance(told, VelariaError | KernelError)
    return tuple(str(part) for part in (told.code, told.message, told.hint, told.detail, told.line))


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_does_not_tell_whether_a_table_is_there(
    cautious: _kernel.Session, wrong: str
) -> None:
    clerk = call_of("author:sales")
    tables = ("hr.pay", "hr.gone", "pay", "gone", "nowhere.gone")
    answers = {answer_to(cautious, clerk, WRONG[wrong].format(table)) for table in tables}
    assert len(answers) == 1
    (only,) = answers
    assert "hr" not in only[1] and "salary" not in only[1]
    if wrong not in _SAYS_NOTHING_OF_TABLES:
        assert only[:2] == ("VEL1010", NOT_VISIBLE)


_SAYS_NOTHING_OF_TABLES = ("what is not supported", "a parameter too many")


def test_a_fault_among_what_may_be_read_is_told(cautious: _kernel.Session) -> None:
    clerk = call_of("author:sales")
    for sql, code in (
        ("SELECT wrong FROM sales.t", "VEL2012"),
        ("SELECT a + 'x' FROM sales.t", "VEL2007"),
        ("INSERT INTO sales.t VALUES (1, 2)", "VEL2021"),
        ("SELECT wrong FROM generate_series(1, 2) g(x)", "VEL2012"),
        ("SELECT wrong FROM system.functions", "VEL2012"),
        ("SELEC 1", "VEL2001"),
    ):
        assert answer_to(cautious, clerk, sql)[0] == code


def test_a_put_is_judged_by_its_schema() -> None:
    session = _kernel.Session()
    session.execute("CREATE SCHEMA sales")
    connection = session.connect()
    service = cast(Service, SimpleNamespace(connection=lambda call: connection))

    def is_permitted(call: Call, schema: str | None, temporary: bool = False) -> bool:
        try:
            with permitted_put(service, call, schema, temporary) as found:
                return found is connection
        except VelariaError as error:
            assert error.code == "VEL1010"
            return False

    clerk = call_of("author:sales")
    assert is_permitted(clerk, "SALES") and not is_permitted(clerk, None)
    assert not is_permitted(clerk, "hr") and not is_permitted(call_of("viewer:sales"), "sales")
    assert is_permitted(call_of(), None, temporary=True) and is_permitted(call_of(), "temp")
    connection.execute("SET schema = 'sales'")
    assert is_permitted(clerk, None)
    assert is_permitted(call_of(is_known=False), "hr")
    with pytest.raises(VelariaError, match="VEL1010"), permitted_put(service, clerk, "sales"):
        session.execute("SELECT * FROM sales.gone")


@pytest.mark.parametrize("sql", ["SELECT * FROM 'FILE'", "SELECT * FROM hr.pay, 'FILE'"])
def test_a_file_is_described_for_whom_it_may_be_read(tmp_path: Path, sql: str) -> None:
    session = _kernel.Session()
    session.execute("CREATE SCHEMA hr")
    session.execute("CREATE TABLE hr.pay (salary INT)")
    (tmp_path / "there.csv").write_text("a\n1\n")
    service = service_over(cast(Any, session))
    there, not_there = (sql.replace("FILE", str(tmp_path / f)) for f in ("there.csv", "no.csv"))
    for roles in ((), ("viewer:hr",), ("author:sales",), ("operator:hr",)):
        for text in (there, not_there):
            with pytest.raises(VelariaError, match="VEL1010") as caught:
                described(service, call_of(*roles), text)
            assert caught.value.message == "not permitted: a file of the server"
            assert caught.value.hint == "It needs the role viewer in all schemas."
    for call in (call_of("viewer"), call_of(is_known=False)):
        assert described(service, call, there).kind == "query"
        with pytest.raises(KernelError, match=r"no\.csv"):
            described(service, call, not_there)


def test_listings_hold_what_may_be_read() -> None:
    def entry(schema: str, kind: str = "table") -> Any:
        return SimpleNamespace(catalog_schema=schema, kind=kind)

    clerk, reader = call_of("viewer:sales"), call_of("viewer")
    assert may_see(clerk, entry("sales")) and not may_see(clerk, entry("hr"))
    assert may_see(reader, entry("hr")) and may_see(reader, entry("system", "system"))
    assert not may_see(clerk, entry("system", "system"))
    for hidden in ("hr", "system", "information_schema", "INFORMATION_SCHEMA"):
        assert not may_see_schema(clerk, hidden)
    assert may_see_schema(clerk, "temp") and may_see_schema(clerk, "Sales")


def test_every_action_has_a_rule_and_an_unknown_one_is_for_admins() -> None:
    registry.load_all()
    assert set(ACTIONS) == set(registry.ACTIONS) | set(flight_sql_actions.ACTIONS)
    with pytest.raises(VelariaError, match="VEL1010"):
        allow_action(call_of("author", "operator"), "no.such")
    allow_action(call_of("admin"), "no.such")


class OneConnection:
    """Remembers what came in which order; waits in execute() until it is let go."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.started, self.go = threading.Event(), threading.Event()

    def describe(self, sql: str, params: object, opens_files: bool) -> Any:
        self.told.append(f"describe {sql}")
        return statement("query", T)

    def execute(self, sql: str) -> None:
        self.started.set()
        assert self.go.wait(30)
        self.told.append(f"execute {sql}")


def service_over(connection: OneConnection) -> Service:
    limits = SimpleNamespace(
        watchdog=SimpleNamespace(clock_s=lambda: 0.0),
        check_statement=lambda sql: None,
        check_planning=lambda began_s: None,
    )
    return cast(Service, SimpleNamespace(connection=lambda call: connection, limits=limits))


def test_a_statement_that_cannot_be_described_does_not_fail_because_of_itself() -> None:
    connection = _kernel.Session()
    with pytest.raises(KernelError) as caught:
        described(service_over(cast(Any, connection)), call_of(is_known=False), "SELECT nope")
    assert caught.value.__cause__ is None and caught.value.__context__ is None


@pytest.mark.parametrize("turn", [None, Turn()])
def test_what_a_call_has_described_is_described_once(turn: Turn | None) -> None:
    connection = OneConnection()
    service, call = service_over(connection), call_of("viewer:sales")
    call.turn = turn
    for sql in ("first", "second"):
        described(service, call, sql)
        with permitted(service, call, sql):
            connection.told.append(f"start {sql}")
    with permitted(service, call, "second"):
        connection.told.append("start again")
    assert connection.told == [
        *("describe first", "start first", "describe second", "start second"),
        *("describe second", "start again"),
    ]


def meanwhile_another_statement(service: Service, call: Call) -> None:
    other = call_of("viewer:sales")
    other.turn = call.turn
    with permitted(service, other, "SET schema = hr"):
        pass


def meanwhile_a_wait(service: Service, call: Call) -> None:
    told = {"limits.statements_running": 1, "limits.statements_waiting": 1}
    limits = Limits(Options(told), Metrics(), frozenset)
    first = limits.admission.enter("another")
    tracked = cast(TrackedQuery, SimpleNamespace(cancelled_with=lambda action: nullcontext()))
    waiting = threading.Thread(target=limits.lasting, args=(call, tracked))
    waiting.start()
    assert until(lambda: limits.admission.counts()["waiting"] == 1)
    first.leave()
    waiting.join()


def meanwhile_other_parameters(service: Service, call: Call) -> None:
    described(service, call, "first", ["hr"])


@pytest.mark.parametrize(
    "meanwhile",
    [
        meanwhile_another_statement,
        meanwhile_a_wait,
        meanwhile_other_parameters,
    ],
)
def test_what_may_mean_something_else_by_now_is_described_again(
    meanwhile: Callable[[Service, Call], None],
) -> None:
    connection = OneConnection()
    service, call = service_over(connection), call_of("viewer:sales")
    call.turn = Turn()
    described(service, call, "first")
    meanwhile(service, call)
    connection.told.clear()
    with permitted(service, call, "first"):
        assert connection.told == ["describe first"]


def test_no_statement_of_a_session_comes_between_judgement_and_start_of_another() -> None:
    connection = OneConnection()
    service = service_over(connection)
    turn = Turn()

    def run(sql: str) -> None:
        call = call_of("viewer:sales")
        call.turn = turn
        with permitted(service, call, sql):
            connection.execute(sql)

    first = threading.Thread(target=run, args=("first",))
    first.start()
    assert connection.started.wait(30)
    second = threading.Thread(target=run, args=("second",))
    second.start()
    given_up = call_of("viewer:sales")
    given_up.turn, given_up.is_cancelled = turn, True
    with pytest.raises(VelariaError, match="VEL3010"), permitted(service, given_up, "third"):
        pass
    connection.go.set()
    first.join()
    second.join()
    expected = [f"{what} {sql}" for sql in ("first", "second") for what in ("describe", "execute")]
    assert connection.told == expected
