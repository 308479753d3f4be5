"""Two clients for JavaScript from npm, unchanged: what they find in a served database.

Left out is what ends in a client itself. @gizmodata/gizmosql-client 1.4.3: prepare() builds no
request, and getQuerySchema(), getPrimaryKeys() and getForeignKeys() send commands without the
protobuf Any that marks them. @qualithm/arrow-flight-client 0.2.0: executePreparedUpdate() with
parameters builds no request.
"""

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.polyglot import programs
from tests.polyglot.programs import Told
from tests.secured_server import STRANGERS, Secured
from tests.server_process import ServerProcess

pytestmark = pytest.mark.timeout(2 * programs.BUILD_TIMEOUT_S)
SOURCES = programs.HERE / "javascript"

TABLE_TYPES = ["FOREIGN", "STREAM", "TABLE", "VIEW"]
FOUND: dict[str, dict[str, Any]] = {
    "gizmosql": {
        "create": [[0]],
        "query": [[2, None], [1, "a"]],
        "large": 200_000,
        "change": [[1, "héé"]],
        "sql_info": {"0": "Velaria", "3": False, "4": True},
        "catalogs": ["velaria"],
        "schemas": [
            {"catalog": "velaria", "schema": name}
            for name in ("information_schema", "main", "system", "temp")
        ],
        "tables": [
            {
                "catalog": "velaria",
                "schema": "main",
                "tableName": "js_gizmo",
                "tableType": "TABLE",
            }
        ],
        "table_types": TABLE_TYPES,
    },
    "qualithm": {
        "create": -1,
        "query": [[2, None], [1, "a"]],
        "large": 200_000,
        "update": 2,
        "prepared": [[1, "héé"], [2, None]],
        "commit": {"inside": 1, "after": 1},
        "rollback": {"inside": 1, "after": 0},
        "catalogs": [["velaria"]],
        "schemas": [["velaria", "main"]],
        "tables": [["velaria", "main", "js_qualithm", "TABLE"]],
        "table_types": [[name] for name in TABLE_TYPES],
        "primary_keys": [["velaria", "main", "js_qualithm", "k", 1, "js_qualithm_pkey"]],
    },
}
FAULT = "error"


@pytest.fixture(scope="module")
def programs_folder() -> Path:
    """Node looks for packages beside the program, so both go into the build folder."""
    npm = programs.tool("npm")
    folder = programs.BUILT / "javascript"
    folder.mkdir(parents=True, exist_ok=True)
    for source in SOURCES.iterdir():
        shutil.copy(source, folder)
    if not _is_installed(folder):
        command = [npm, "ci", "--ignore-scripts", "--engine-strict", "--no-audit", "--no-fund"]
        programs.fetch(command, folder)
        shutil.copy(SOURCES / "package-lock.json", folder / "node_modules" / "installed.json")
    return folder


def _is_installed(folder: Path) -> bool:
    installed = folder / "node_modules" / "installed.json"
    lock = SOURCES / "package-lock.json"
    return installed.is_file() and installed.read_bytes() == lock.read_bytes()


def ask_secured(folder: Path, secured: Secured, client: str, name: str, checks: str) -> Told:
    """By the credential of that name."""
    who = secured.credentials[name]
    said = [f"token={who.token}"]
    if not who.token:
        said = [f"username={who.user}", f"password={who.password}"]
    command = [programs.tool("node"), f"{client}.mjs", secured.uri, checks, *said]
    return programs.checks(command, folder, trusting(secured))


def trusting(secured: Secured) -> dict[str, str]:
    """The environment in which Node.js, and gRPC within it, trust the server's certificate."""
    names = ("NODE_EXTRA_CA_CERTS", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH")
    return dict.fromkeys(names, str(secured.ca))


@pytest.fixture(scope="module", params=["plain", "secured"])
def told(
    request: pytest.FixtureRequest, server: ServerProcess, secured: Secured, programs_folder: Path
) -> dict[str, Told]:
    if request.param == "secured":
        return {
            client: ask_secured(programs_folder, secured, client, "author", "all")
            for client in FOUND
        }
    node = programs.tool("node")
    return {
        client: programs.checks([node, f"{client}.mjs", server.uri, "all"], programs_folder)
        for client in FOUND
    }


@pytest.mark.parametrize(
    ("client", "check"), [(client, check) for client in FOUND for check in FOUND[client]]
)
def test_the_client_finds(told: dict[str, Told], client: str, check: str) -> None:
    assert programs.found(told[client], check) == FOUND[client][check]


def test_an_error_comes_with_its_code(told: dict[str, Told]) -> None:
    assert programs.fault(told["gizmosql"], FAULT, "VEL2011")["kind"] == "FlightSQLError"


def test_an_error_comes_with_its_code_to_a_client_of_connect(told: dict[str, Told]) -> None:
    programs.fault(told["qualithm"], FAULT, "VEL2011")


@pytest.mark.parametrize("client", FOUND)
def test_every_check_of_a_program_is_looked_at(told: dict[str, Told], client: str) -> None:
    assert set(told[client]) == {*FOUND[client], FAULT}


@pytest.mark.parametrize("name", programs.OTHERS)
@pytest.mark.parametrize("client", FOUND)
def test_who_is_known_does_what_the_role_may(
    programs_folder: Path, secured: Secured, client: str, name: str
) -> None:
    told = ask_secured(programs_folder, secured, client, name, "query,create")
    programs.does_what_the_role_may(told, name, FOUND[client], "create")


@pytest.mark.parametrize("name", STRANGERS)
@pytest.mark.parametrize("client", FOUND)
def test_a_stranger_is_told_so(
    programs_folder: Path, secured: Secured, client: str, name: str
) -> None:
    told = ask_secured(programs_folder, secured, client, name, "query")
    programs.fault(told, "query", "VEL1009")


def test_the_page_shows_what_works(
    server: ServerProcess, secured: Secured, programs_folder: Path, tmp_path: Path
) -> None:
    node, page = programs.tool("node"), "connect-from-javascript.md"
    expected = ["two: 2, letter: 'a'", "k: 1n, letter: 'a'"]
    shown = programs.shown(page, "js", server.uri)
    steps = programs.shown(page, "sh", server.uri)
    environments = ({"GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": "ca.pem"}, {})
    for at, (program, step) in enumerate(zip(shown, steps, strict=True)):
        folder = tmp_path / str(at)
        folder.mkdir()
        with_tls = programs.shown_secured(page, "js", secured, folder)[at]
        programs.fetch(step.split(), folder)
        changed = [each for each in program.splitlines(True) if each.startswith("const client")]
        for text in (program, program.replace(changed[0], with_tls)):
            (folder / "example.mjs").write_text(text, "utf-8")
            said = {**environments[at], **programs.said_token(secured)}
            assert expected[at] in programs.output([node, "example.mjs"], folder, said)
