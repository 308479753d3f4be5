"""What the pages show works as it stands there, against a real server: programs and commands."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import velaria
from tests.secured_server import Secured
from tests.server_process import ServerProcess

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)
SHOWN_URI = "grpc://127.0.0.1:31337"
SHOWN_SECURED_URI = "grpc+tls://db.example:31337"
VELARIA = ".venv/bin/velaria"


def run_program(program: str, server: ServerProcess, page: str) -> None:
    assert SHOWN_URI in program or "velaria.Session" in program
    exec(program.replace(SHOWN_URI, server.uri), {"__name__": page})


def run_command(line: str, server: ServerProcess, folder: Path) -> None:
    """One line of a shell; the server is the test's own, so it is neither built nor started."""
    told = line.replace(SHOWN_URI, server.uri)
    if line.startswith(VELARIA) and "--help" not in line and "--server" not in line:
        told += f" --server {server.uri}"
    told = told.replace(VELARIA, f"{sys.executable} -m velaria.flight_server.cli")
    done = subprocess.run(
        told, shell=True, cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, f"{line}\n{done.stderr}"


@pytest.mark.parametrize(
    ("page", "least"),
    [
        ("README.md", 5),
        ("docs/getting-started.md", 5),
        ("docs/concepts/errors.md", 1),
        ("docs/how-to/use-pyarrow.md", 4),
        ("docs/how-to/use-the-client.md", 3),
        ("docs/how-to/use-the-shell.md", 3),
    ],
)
def test_what_a_page_shows_works(
    page: str, least: int, server: ServerProcess, tmp_path: Path
) -> None:
    ran = 0
    for language, text in BLOCK.findall((ROOT / page).read_text("utf-8")):
        if language == "python":
            run_program(text, server, page)
            ran += 1
            continue
        for line in text.splitlines():
            if line.startswith((VELARIA, "printf")) and line != f"{VELARIA} serve":
                run_command(line, server, tmp_path)
                ran += 1
    assert ran >= least


def test_what_the_page_on_adbc_shows_works(
    server: ServerProcess, secured: Secured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("adbc_driver_flightsql.dbapi")
    page = "docs/how-to/connect-with-adbc.md"
    plain, with_tls = (text for _, text in BLOCK.findall((ROOT / page).read_text("utf-8")))
    run_program(plain, server, page)
    monkeypatch.chdir(tmp_path)
    shutil.copy(secured.ca, "ca.pem")
    monkeypatch.setenv("VELARIA_TOKEN", secured.credentials["viewer"].token)
    assert SHOWN_SECURED_URI in with_tls
    exec(with_tls.replace(SHOWN_SECURED_URI, secured.uri), {"__name__": page})


def statements_of(page: str) -> list[str]:
    """Each statement of the page's SQL."""
    blocks = [
        text
        for language, text in BLOCK.findall((ROOT / page).read_text("utf-8"))
        if language == "sql"
    ]
    return [part.strip() for block in blocks for part in block.split(";\n") if part.strip()]


def test_the_statements_about_files_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trips").mkdir()
    (tmp_path / "trips" / "a.csv").write_text("id;zip\n1;00501\n")
    (tmp_path / "more.csv").write_text("id,name\n7,Ann\n")
    statements = statements_of("docs/concepts/files.md")
    assert len(statements) == 4
    with velaria.Session() as session:
        session.sql("CREATE TABLE trips (id INTEGER, name VARCHAR, year INTEGER)")
        session.sql("INSERT INTO trips VALUES (1, 'Bob', 2013)")
        for statement in statements:
            session.sql(statement).to_arrow()
        assert session.sql("SELECT name FROM trips ORDER BY id").to_rows() == [("Bob",), ("Ann",)]
    assert (tmp_path / "trips.parquet").is_file()
    assert (tmp_path / "trips.csv.gz").is_file()


def test_the_statements_about_streams_run() -> None:
    made, query = statements_of("docs/concepts/streams.md")
    with velaria.Session() as session:
        session.sql(made)
        assert "window" in session.explain_stream_sql(query)["logical"].lower()


def test_the_statements_about_the_run_history_run(server: ServerProcess) -> None:
    with velaria.connect(server.uri) as client:
        for statement in statements_of("docs/concepts/run-history.md"):
            client.sql(statement).to_arrow()
