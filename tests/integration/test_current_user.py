"""current_user is whoever a statement runs for, whichever way it comes."""

from collections.abc import Iterator
from contextlib import closing

import pyarrow.flight as flight
import pytest
from adbc_driver_flightsql import dbapi

from tests.conftest import FRONTS
from tests.integration.identity_support import As, secured
from tests.server_process import ServerProcess

Served = tuple[ServerProcess, dict[str, str]]


@pytest.fixture(scope="module", params=FRONTS)
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    state, files = tmp_path_factory.mktemp("state"), tmp_path_factory.mktemp("files")
    with secured(request.param, state, files) as found:
        yield found


def who(served: Served, name: str, session: str = "") -> As:
    server, tokens = served
    return As(server, tokens[name], session)


def user(asking: As, sql: str = "SELECT current_user AS who") -> str:
    return str(asking.read(sql)["who"][0])


def test_a_call_without_a_session_tells_its_principal(served: Served) -> None:
    for name in ("author", "viewer", "author"):
        assert user(who(served, name)) == name
    for spelled in ("user()", "session_user", "current_role", "current_user()"):
        assert user(who(served, "viewer"), f"SELECT {spelled} AS who") == "viewer"


def test_a_session_tells_whose_it_is(served: Served) -> None:
    session = who(served, "author").act("session.open")["session"]
    author = who(served, "author", session)
    author.read("PREPARE asked AS SELECT current_user AS who")
    assert [user(author), user(author, "EXECUTE asked")] == ["author", "author"]
    author.read("BEGIN")
    assert user(author) == "author"
    author.act("session.close", session=session)


def test_a_view_tells_who_reads_it_by_text_and_by_ticket(served: Served) -> None:
    who(served, "admin").read("CREATE OR REPLACE VIEW whose AS SELECT current_user AS who")
    for name in ("admin", "viewer"):
        assert user(who(served, name), "SELECT who FROM whose") == name
    ticket = who(served, "viewer").info("SELECT who FROM whose").endpoints[0].ticket
    viewer = who(served, "viewer")
    assert viewer.client.do_get(ticket, viewer.options).read_all()["who"].to_pylist() == ["viewer"]


def test_a_query_that_is_polled_tells_who_asked_for_it(served: Served) -> None:
    viewer = who(served, "viewer")
    told = viewer.act("query.poll", sql="SELECT current_user AS who", wait_ms=30_000)
    assert told["state"] == "ready"
    rows = viewer.client.do_get(flight.Ticket(told["ticket"]), viewer.options).read_all()
    assert rows["who"].to_pylist() == ["viewer"]


@pytest.mark.parametrize("autocommit", [True, False])
def test_a_driver_tells_its_principal_in_and_out_of_transactions(
    served: Served, autocommit: bool
) -> None:
    server, tokens = served
    told = {"adbc.flight.sql.authorization_header": f"Bearer {tokens['author']}"}
    with (
        closing(dbapi.connect(server.uri, db_kwargs=told, autocommit=autocommit)) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("CREATE OR REPLACE TABLE told (n INT, who VARCHAR)")
        cursor.executemany("INSERT INTO told SELECT ?, current_user", [(1,), (2,)])
        cursor.execute("SELECT who, current_user, count(*) FROM told GROUP BY who")
        assert cursor.fetchall() == [("author", "author", 2)]
        if not autocommit:
            connection.rollback()
