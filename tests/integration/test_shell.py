"""What the shell's commands tell, against a real server."""

import socket
from pathlib import Path

import pytest

from tests.integration.identity_support import secured
from tests.server_process import ServerProcess
from velaria.flight_server.client import connect
from velaria.flight_server.commands import shell
from velaria.flight_server.commands.shell_view import View
from velaria.schemas.errors import VelariaError


def test_the_shell_describes_what_a_statement_of_its_session_would_read(
    server: ServerProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(*lines: str) -> list[list[str]]:
        """The cells of what is printed below the head."""
        assert all(ours.answer(line) for line in lines), capsys.readouterr().err
        printed = capsys.readouterr().out.splitlines()
        return [[cell.strip() for cell in line.split("|")] for line in printed[2:]]

    with connect(server.uri) as client:
        ours = shell.Shell(client, View("table"))
        answer("CREATE SCHEMA shell_s;", "CREATE TABLE shell_d (b INT);")
        answer("CREATE TABLE shell_s.shell_d (a VARCHAR NOT NULL);")
        answer('CREATE TABLE "Shell D" (a DECIMAL(9, 2));', "CREATE VIEW shell_v AS SELECT 1 AS z;")
        assert answer("\\d shell_d") == [["b", "INTEGER", ""]]
        assert answer("USE shell_s;", "\\d shell_d") == [["a", "VARCHAR", "not null"]]
        assert answer("\\d main.shell_d;") == [["b", "INTEGER", ""]]
        assert answer('\\d main."Shell D"') == [["a", "DECIMAL(9,2)", ""]]
        assert answer("\\d main.shell_v") == [["z", "INTEGER", ""]]
        assert answer("CREATE TEMP TABLE shell_d AS SELECT 1.5 AS x;", "\\d shell_d")[0][0] == "x"
        answer("BEGIN;", "CREATE TABLE shell_made (a INT);", "INSERT INTO shell_made VALUES (7);")
        assert answer("\\d shell_made") == [["a", "INTEGER", ""]]
        listed = answer("\\d")
        assert answer("\\dt SHELL_S.") == [
            ["shell_s", "shell_d", "table", "0"],
            ["shell_s", "shell_made", "table", "1"],
        ]
        assert "shell_made.a" in ours.completer.completions("shell_made.")
        assert "shell_s.shell_made" in ours.completer.completions("SHELL_S.shell_m")
        answer("ROLLBACK;")
        assert answer("\\dt shell_made") == []
        answer("DROP SCHEMA shell_s CASCADE;", 'DROP TABLE main."Shell D";')
        answer("DROP VIEW main.shell_v;", "DROP TABLE main.shell_d;")
    for row in (
        ["main", "shell_d", "table", "0"],
        ["main", "Shell D", "table", "0"],
        ["main", "shell_v", "view", ""],
        ["temp", "shell_d", "table", "1"],
    ):
        assert row in listed
    of_the_server = {name for schema, name, *_ in listed if schema == "system"}
    assert {"tables", "columns", "indexes", "functions", "runs"} <= of_the_server


def test_the_shell_lists_what_its_principal_may_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = tmp_path / "files"
    files.mkdir()
    with (
        secured("native", tmp_path / "data", files) as (server, tokens),
        connect(server.uri, token=tokens["sales_author"]) as c,
    ):
        ours = shell.Shell(c, View("table"))
        assert ours.answer("BEGIN; INSERT INTO sales.t VALUES (1);") and ours.answer("\\dt")
        listed = capsys.readouterr().out
        assert "sales.t" in ours.completer.completions("sal") and ours.answer("COMMIT;")
        assert "events" in listed and "pay" not in listed
        assert ours.answer("\\d sales.t") and "INTEGER" in capsys.readouterr().out
        assert not ours.answer("\\d hr.pay") and "VEL1010" in capsys.readouterr().err


@pytest.mark.parametrize("asked", ["\\d nope", "\\e SELECT nope"])
def test_a_slip_in_a_question_does_not_end_a_transaction(
    server: ServerProcess, capsys: pytest.CaptureFixture[str], asked: str
) -> None:
    with connect(server.uri) as client:
        ours = shell.Shell(client, View("csv"))
        assert ours.answer("BEGIN; CREATE TABLE shell_tx (a INT); SAVEPOINT before;")
        assert not ours.answer(asked)
        assert ours.answer("INSERT INTO shell_tx VALUES (1); ROLLBACK TO before;")
        assert not ours.answer(asked)
        assert ours.answer("INSERT INTO shell_tx VALUES (2); COMMIT; SELECT a FROM shell_tx;")
        assert not ours.answer(asked) and ours.answer("DROP TABLE shell_tx;")
    shown = capsys.readouterr()
    assert shown.out.splitlines() == ['"a"', "2"]
    assert "VEL2031" not in shown.err


def test_a_listing_that_fails_does_not_show_a_statement_that_nobody_typed(
    server: ServerProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    with connect(server.uri) as client:
        ours = shell.Shell(client, View("table"))
        assert not ours.answer("BEGIN; SELECT nope;")
        capsys.readouterr()
        assert not ours.answer("\\dt")
        assert ours.answer("ROLLBACK;")
    told = capsys.readouterr().err
    assert told.startswith("VEL2031") and "information_schema" not in told


def test_the_shell_does_not_begin_without_a_server(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as nobody:  # bound, and does not listen
        nobody.bind(("127.0.0.1", 0))
        address = f"grpc://127.0.0.1:{nobody.getsockname()[1]}"
        with connect(address) as ours, pytest.raises(VelariaError, match="VEL5007"):
            shell.run_shell(ours, "table")
    assert capsys.readouterr().err == ""
