"""The command line against a running server: rows, faults on stderr, exit codes by range."""

import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from tests.server_process import ServerProcess


def velaria(
    server: ServerProcess, *words: str, stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "velaria.flight_server.cli", words[0], "--server", server.uri]
    return subprocess.run([*command, *words[1:]], input=stdin, capture_output=True, timeout=60)


@pytest.mark.parametrize(
    ("fmt", "written"),
    [
        ("csv", b'"a","b"\n1,"x"\n'),
        ("json", b'{"a":1,"b":"x"}\n'),
        ("table", b"a | b\n--+--\n1 | x\n(1 row)\n"),
    ],
)
def test_rows_are_written_in_the_asked_format(
    server: ServerProcess, fmt: str, written: bytes
) -> None:
    done = velaria(server, "sql", "--output", fmt, "SELECT 1 AS a, 'x' AS b")
    assert (done.returncode, done.stdout) == (0, written), done.stderr


def test_arrow_output_is_a_stream(server: ServerProcess) -> None:
    done = velaria(server, "sql", "--output", "arrow", "-", stdin=b"SELECT 1 AS a")
    assert pa.ipc.open_stream(done.stdout).read_all().to_pydict() == {"a": [1]}


def test_a_fault_is_shown_with_its_caret_and_range(server: ServerProcess) -> None:
    done = velaria(server, "sql", "SELECT nope")
    assert done.returncode == 2
    assert done.stdout == b""
    assert b"VEL2012" in done.stderr
    assert b"SELECT nope\n       ^\n" in done.stderr
    assert velaria(server, "sql", "SELECT 1 / 0").returncode == 3
    assert velaria(server, "action", "no.such").returncode == 1


def test_a_file_is_put_and_listed(server: ServerProcess, tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text("a,b\n1,x\n2,y\n")
    done = velaria(server, "put", str(path), "cli_f")
    assert (done.returncode, done.stderr) == (0, b"2 rows put into cli_f\n")
    assert b"cli_f" in velaria(server, "tables").stdout
    path.with_suffix(".parquet").write_text("no parquet")
    assert velaria(server, "put", str(path.with_suffix(".parquet")), "cli_f").returncode == 4
    assert velaria(server, "put", str(tmp_path / "missing.csv"), "cli_f").returncode == 4
    assert velaria(server, "put", str(tmp_path / "f.xyz"), "cli_f").returncode == 1


def test_parameters_explain_runs_and_actions_work(server: ServerProcess) -> None:
    done = velaria(server, "sql", "--output", "csv", "--param", "x", "SELECT ? AS v")
    assert done.stdout == b'"v"\n"x"\n', done.stderr
    shown = velaria(server, "explain", "SELECT 1").stdout
    assert [line for line in shown.splitlines() if line.endswith(b":") and line[:1].isalpha()][:3]
    assert b"SELECT ? AS v" in velaria(server, "runs").stdout
    health = json.loads(velaria(server, "action", "server.health").stdout)
    assert health["state"] == "serving"
    assert b"is serving" in velaria(server, "doctor").stdout


def test_the_ready_line_says_where_everything_is(server: ServerProcess) -> None:
    assert server.ready["event"] == "ready"
    assert server.ready["pid"] == server.pid
    assert server.ready["durable_tables"] is False
    assert set(server.ready) == {
        "event",
        "flight",
        "side",
        "data_dir",
        "durable_tables",
        "pid",
        "version",
    }
