"""A Java program with Arrow's Flight SQL JDBC driver, unchanged: what it finds in a database."""

from typing import Any

import pytest

from tests.polyglot import programs
from tests.secured_server import STRANGERS, Secured
from tests.server_process import ServerProcess

pytestmark = pytest.mark.timeout(2 * programs.BUILD_TIMEOUT_S)
SOURCES = programs.HERE / "java"
# Arrow's memory reaches into java.nio.
OPENS = "--add-opens=java.base/java.nio=ALL-UNNAMED"

# Of java.sql.Types.
INTEGER, BIGINT, VARCHAR, DOUBLE, DECIMAL = 4, -5, 12, 8, 3

FOUND: dict[str, Any] = {
    "query": [[2, None], [1, "a"]],
    "large": {"rows": 200_000, "sum": 200_000 * 199_999 // 2},
    "types": [[True, 7, 0.5, 12.30, "2013-06-01", "2013-06-01 01:02:03.0", "héé"]],
    "result_metadata": [["n", INTEGER], ["s", VARCHAR], ["d", DOUBLE]],
    "prepared": [[3, "name 3"], [4, "name 4"]],
    "prepared_metadata": [2, BIGINT, VARCHAR],
    "prepared_types": [[7, 0.5, True, 12.30, "2013-06-01", "it's", 2]],
    "prepared_timestamp": [["2013-06-01 01:02:03.004"]],
    "prepared_null": [[None, None]],
    "batch": {"told": 100, "rows": [[100, 4950, 100]]},
    "update": [10, 3, 5],
    "commit": {"inside": [[1]], "after": [[1]]},
    "rollback": {"inside": [[1]], "after": [[0]]},
    # Name, quote, transactions, batches, UNION, full joins, read-only, QUALIFY, isolation.
    "product": ["Velaria", '"', True, True, True, True, False, True, 3],
    "catalogs": [["velaria"]],
    "schemas": [["main", "velaria"]],
    "tables": [["velaria", "main", "java_listed", "TABLE"]],
    "columns": [
        ["k", BIGINT, "BIGINT", 1, 0],
        ["name", VARCHAR, "VARCHAR", 2, 1],
        ["price", DECIMAL, "DECIMAL(10,2)", 3, 1],
    ],
    "table_types": [["FOREIGN"], ["STREAM"], ["TABLE"], ["VIEW"]],
    "primary_keys": [["java_listed", "k", 1]],
}
FAULTS = {"error": "VEL2011", "error_late": "VEL3003"}


@pytest.fixture(scope="module")
def java() -> list[str]:
    """The command that has the driver and our program on its class path."""
    maven, found = programs.tool("mvn"), programs.tool("java")
    programs.tool("javac")
    built = programs.BUILT / "java"
    compile_all = [maven, "-q", "-B", f"-Dpolyglot.build={built}", "process-classes"]
    programs.fetch(compile_all, SOURCES, ours="COMPILATION ERROR")
    paths = f"{built / 'classes'}:{(built / 'classpath').read_text('utf-8').strip()}"
    return [found, OPENS, "-cp", paths]


def ask(java: list[str], uri: str, checks: str, **properties: str) -> programs.Told:
    url = f"jdbc:arrow-flight-sql://{uri.partition('://')[2]}/"
    said = [f"{name}={value}" for name, value in properties.items()]
    return programs.checks([*java, "velaria.Polyglot", url, checks, *said], SOURCES)


def ask_secured(java: list[str], secured: Secured, name: str, checks: str) -> programs.Told:
    """By the credential of that name."""
    who = secured.credentials[name]
    said = {"token": who.token} if who.token else {"user": who.user, "password": who.password}
    return ask(java, secured.uri, checks, tlsRootCerts=str(secured.ca), **said)


@pytest.fixture(scope="module", params=["plain", "secured"])
def told(
    request: pytest.FixtureRequest, server: ServerProcess, secured: Secured, java: list[str]
) -> programs.Told:
    if request.param == "secured":
        return ask_secured(java, secured, "author", "all")
    return ask(java, server.uri, "all", useEncryption="false")


@pytest.mark.parametrize("check", FOUND)
def test_the_program_finds(told: programs.Told, check: str) -> None:
    assert programs.found(told, check) == FOUND[check]


@pytest.mark.parametrize("check", FAULTS)
def test_an_error_comes_with_its_code(told: programs.Told, check: str) -> None:
    assert programs.fault(told, check, FAULTS[check])["kind"] == "java.sql.SQLException"


def test_every_check_of_the_program_is_looked_at(told: programs.Told) -> None:
    assert set(told) == {*FOUND, *FAULTS}


@pytest.mark.parametrize("name", programs.OTHERS)
def test_who_is_known_does_what_the_role_may(java: list[str], secured: Secured, name: str) -> None:
    told = ask_secured(java, secured, name, "query,update")
    programs.does_what_the_role_may(told, name, FOUND, "update")


@pytest.mark.parametrize("name", STRANGERS)
def test_a_stranger_is_told_so(java: list[str], secured: Secured, name: str) -> None:
    told = ask_secured(java, secured, name, "query")
    assert programs.fault(told, "query", "VEL1009")["kind"] == "java.sql.SQLException"


def test_the_page_shows_what_works(
    server: ServerProcess, secured: Secured, java: list[str]
) -> None:
    folder = programs.BUILT / "java"
    (example,) = programs.shown("connect-with-jdbc.md", "java", server.uri)
    (line,) = programs.shown_secured("connect-with-jdbc.md", "java", secured, folder)
    changed = [each for each in example.splitlines(True) if "String url" in each]
    for text in (example, example.replace(changed[0], line)):
        (folder / "Example.java").write_text(text, "utf-8")
        command = [*java, "Example.java"]
        told = programs.output(command, folder, programs.said_token(secured))
        assert told.split() == ["8", "9"]
