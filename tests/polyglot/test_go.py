"""A Go program with arrow-adbc's Flight SQL driver, unchanged: what it finds in a database."""

from pathlib import Path
from typing import Any

import pytest

from tests.polyglot import programs
from tests.secured_server import STRANGERS, Secured
from tests.server_process import ServerProcess

pytestmark = pytest.mark.timeout(2 * programs.BUILD_TIMEOUT_S)
SOURCES = programs.HERE / "go"

FOUND: dict[str, Any] = {
    "query": [[2, None], [1, "a"]],
    "large": {"rows": 200_000, "sum": 200_000 * 199_999 // 2},
    "types": [
        [True, 7, 0.5, "12.3", "2013-06-01", "2013-06-01T01:02:03Z", [1, None, 3], "héé"],
    ],
    "prepared": [[0, "héé'; --"], [2, "b"]],
    "prepared_schema": ["int64", "utf8"],
    "batch": {"count": 3, "rows": [[1, "a"], [2, None], [3, "c"]]},
    "update": [10, 3, 5],
    "ingest": {"counts": [3, 3, 3], "rows": [[1, "a", 3], [2, None, 3], [3, "c", 3]]},
    "partitions": 1000,
    "commit": {"inside": 4, "after": 4},
    "rollback": {"inside": 4, "after": 3},
    "database_sql": [2, "b"],
    "info": [[0, [0, "Velaria"]], [3, [1, True]]],
    "tables": [
        ["velaria", "main", "go_listed", "TABLE", "k", 1, "BIGINT"],
        ["velaria", "main", "go_listed", "TABLE", "name", 2, "VARCHAR"],
    ],
    "table_schema": [["k", "int64", False], ["at", "timestamp[us]", True]],
    "table_types": [["FOREIGN"], ["STREAM"], ["TABLE"], ["VIEW"]],
}
FAULTS = {"error": ("VEL2011", "Not Found"), "ingest_refused": ("VEL2024", "Already Exists")}
"""Our code and gRPC's."""


@pytest.fixture(scope="module")
def go() -> str:
    found = programs.tool("go")
    programs.fetch([found, "list", "-deps", "."], SOURCES)
    return found


@pytest.fixture(scope="module")
def program(go: str) -> str:
    built = str(programs.BUILT / "go" / "velaria-polyglot")
    programs.build([go, "build", "-buildvcs=false", "-o", built, "."], SOURCES)
    return built


def ask_secured(program: str, secured: Secured, name: str, checks: str) -> programs.Told:
    """By the credential of that name."""
    who = secured.credentials[name]
    said = {"adbc.flight.sql.authorization_header": f"Bearer {who.token}"}
    if not who.token:
        said = {"username": who.user, "password": who.password}
    trusted = {"adbc.flight.sql.client_option.tls_root_certs": secured.ca.read_text("utf-8")}
    options = [f"{option}={value}" for option, value in {**trusted, **said}.items()]
    return programs.checks([program, secured.uri, checks, *options], SOURCES)


@pytest.fixture(scope="module", params=["plain", "secured"])
def told(
    request: pytest.FixtureRequest, server: ServerProcess, secured: Secured, program: str
) -> programs.Told:
    if request.param == "secured":
        return ask_secured(program, secured, "author", "all")
    return programs.checks([program, server.uri, "all"], SOURCES)


@pytest.mark.parametrize("check", FOUND)
def test_the_program_finds(told: programs.Told, check: str) -> None:
    assert programs.found(told, check) == FOUND[check]


@pytest.mark.parametrize("check", FAULTS)
def test_an_error_comes_with_its_codes(told: programs.Told, check: str) -> None:
    code, status = FAULTS[check]
    assert programs.fault(told, check, code)["code"] == status


def test_every_check_of_the_program_is_looked_at(told: programs.Told) -> None:
    assert set(told) == {*FOUND, *FAULTS}


@pytest.mark.parametrize("name", programs.OTHERS)
def test_who_is_known_does_what_the_role_may(program: str, secured: Secured, name: str) -> None:
    told = ask_secured(program, secured, name, "query,update,ingest")
    programs.does_what_the_role_may(told, name, FOUND, "update")
    programs.does_what_the_role_may(told, name, FOUND, "ingest")


@pytest.mark.parametrize("name", STRANGERS)
def test_a_stranger_is_told_so(program: str, secured: Secured, name: str) -> None:
    told = ask_secured(program, secured, name, "query")
    assert programs.fault(told, "query", "VEL1009")["code"] == "Unauthenticated"


def test_the_page_shows_what_works(
    server: ServerProcess, secured: Secured, go: str, tmp_path: Path
) -> None:
    (example,) = programs.shown("connect-from-go.md", "go", server.uri)
    (steps,) = programs.shown("connect-from-go.md", "sh", server.uri)
    (lines,) = programs.shown_secured("connect-from-go.md", "go", secured, tmp_path)
    changed = [line for line in example.splitlines(True) if "adbc.OptionKeyURI" in line]
    with_tls = example.replace(changed[0], lines).replace('"fmt"\n', '"fmt"\n\t"os"\n')
    *fetching, running = steps.splitlines()
    for text in (example, with_tls):
        (tmp_path / "main.go").write_text(text, "utf-8")
        for step in fetching:
            programs.fetch(step.split(), tmp_path)
        fetching = []
        told = programs.output(running.split(), tmp_path, programs.said_token(secured))
        assert "col[0][two]: [2]" in told
