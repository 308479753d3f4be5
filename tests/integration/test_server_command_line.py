"""The command line against a running server: rows, faults on stderr, exit codes by range."""

import gzip
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from tests.server_process import ServerProcess, until
from velaria import Session
from velaria.flight_server.cli import COMMANDS
from velaria.flight_server.client import Client, connect
from velaria.flight_server.commands import shell


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
        ("expanded", b"-[ RECORD 1 ]+-\na | 1\nb | x\n"),
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


def test_parquet_output_is_a_file(server: ServerProcess) -> None:
    done = velaria(server, "sql", "--output", "parquet", "SELECT 1 AS a, [2] AS l")
    assert parquet.read_table(pa.BufferReader(done.stdout)).to_pydict() == {"a": [1], "l": [[2]]}


@pytest.mark.parametrize(
    ("fmt", "second"), [("parquet", "SELECT 2"), ("arrow", "SELECT 2"), ("parquet", "\\d")]
)
def test_a_file_of_one_result_takes_no_second(server: ServerProcess, fmt: str, second: str) -> None:
    script = f"DROP TABLE IF EXISTS no_such; SELECT 1 AS a; RESET ALL;\n{second}"
    done = velaria(server, "sql", "--output", fmt, stdin=script.encode())
    assert done.returncode == 1
    assert f"VEL1001 a file of this format holds one result and nothing else: {fmt}" in (
        done.stderr.decode()
    )
    source = pa.BufferReader(done.stdout)
    table = (
        parquet.read_table(source) if fmt == "parquet" else pa.ipc.open_stream(source).read_all()
    )
    assert table.to_pylist() == [{"a": 1}]
    if fmt == "arrow":
        assert source.read() == b""


def test_each_result_goes_to_a_file_of_its_own(server: ServerProcess, tmp_path: Path) -> None:
    script = "".join(f"\\o {tmp_path}/{n}.parquet\nSELECT {n} AS a;\n" for n in (1, 2, 1))
    done = velaria(server, "sql", "--output", "parquet", stdin=script.encode())
    assert (done.returncode, done.stdout) == (0, b""), done.stderr
    assert parquet.read_table(tmp_path / "1.parquet").to_pylist() == [{"a": 1}]
    assert parquet.read_table(tmp_path / "2.parquet").to_pylist() == [{"a": 2}]


@pytest.mark.parametrize(
    ("fmt", "written"),
    [
        ("csv", b'"i","b"\n"1 mon 02:00:00","\\x6162"\n'),
        ("json", b'{"i":"1 mon 02:00:00","b":"\\\\x6162"}\n'),
    ],
)
def test_intervals_and_blobs_are_texts_in_csv_and_json(
    server: ServerProcess, fmt: str, written: bytes
) -> None:
    sql = "SELECT INTERVAL '1 month 2 hours' AS i, '\\x6162'::BLOB AS b"
    assert velaria(server, "sql", "--output", fmt, sql).stdout == written


def test_what_a_statement_did_is_told_as_psql_tells_it(server: ServerProcess) -> None:
    told = {
        "CREATE TABLE cli_tags (a INTEGER)": "CREATE TABLE",
        "INSERT INTO cli_tags VALUES (1), (2)": "INSERT 0 2",
        "UPDATE cli_tags SET a = 3 WHERE a = 1": "UPDATE 1",
        "CREATE VIEW cli_tags_v AS SELECT * FROM cli_tags": "CREATE VIEW",
        "CREATE TABLE cli_tags_2 AS SELECT * FROM cli_tags": "SELECT 2",
        "DROP VIEW cli_tags_v": "DROP VIEW",
        "DELETE FROM cli_tags": "DELETE 2",
        "SET float_sum = 'fast'": "SET",
        "DROP TABLE cli_tags, cli_tags_2": "DROP TABLE",
    }
    for sql, tag in told.items():
        done = velaria(server, "sql", sql)
        assert (done.returncode, done.stderr.decode()) == (0, tag + "\n")


def test_values_are_written_as_casts_write_them(server: ServerProcess) -> None:
    sql = "SELECT INTERVAL '1 day 2 hours' AS i, '\\x6162'::BLOB AS b, 1 = 1 AS t, {'a': [1]} AS s"
    done = velaria(server, "sql", sql)
    assert done.stdout.decode().splitlines()[2] == "1 day 02:00:00 | \\x6162 | true | {'a': [1]}"


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
    listed = [
        json.loads(line)
        for line in velaria(server, "tables", "--output", "json").stdout.splitlines()
    ]
    assert [entry["row_count"] for entry in listed if entry["name"] == "cli_f"] == [2]
    path.with_suffix(".parquet").write_text("no parquet")
    assert velaria(server, "put", str(path.with_suffix(".parquet")), "cli_f").returncode == 4
    assert velaria(server, "put", str(tmp_path / "missing.csv"), "cli_f").returncode == 4
    done = velaria(server, "put", str(tmp_path), "cli_f")
    assert (done.returncode, b"VEL4003 not a file" in done.stderr) == (4, True)


FILES = {
    "zip.csv": b'id,zip\n1,007\n2,NA\n3,null\n4,""\n5,\n6,nan\n',
    "large.csv": b"n\n9223372036854775808\n1\n",
    "bare.csv": b"1,x\n2,y\n",
    "semicolons.csv": b"a;b\n1;x\n2;y\n",
    "widened.csv": b"a\n" + b"1\n" * 200_000 + b"x\n",
    "tabs.tsv": b"a\tb\n1\t2\n",
    "lines.json": b'{"a": 1, "v": [1, 2]}\n{"a": 2, "v": [3, 4]}\n',
    "packed.csv.gz": gzip.compress(b"a,b\n1,007\n"),
    "it's [1].csv": b"a\n1\n",
}


@pytest.mark.parametrize("name", FILES)
def test_a_put_file_holds_what_sql_reads(server: ServerProcess, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(FILES[name])
    done = velaria(server, "put", "--mode", "replace", str(path), "cli_as_sql")
    assert done.returncode == 0, done.stderr
    with connect(server.uri) as ours, Session() as here:
        put, read = ours.sql("SELECT * FROM cli_as_sql").to_arrow(), here.read(path).to_arrow()
    assert put.schema.types == read.schema.types
    assert put.to_pydict() == read.to_pydict()
    assert put.num_rows > 0


def test_text_is_read_by_the_types_of_its_table(server: ServerProcess, tmp_path: Path) -> None:
    made = velaria(
        server,
        "sql",
        "CREATE TABLE cli_types (i TINYINT, code VARCHAR, d DECIMAL(6, 2), l BIGINT[], t INTERVAL)",
    )
    assert made.returncode == 0, made.stderr
    path = tmp_path / "types.csv"
    path.write_text('i,code,d,l,t\n1,007,1.5,"[1, 2]",1 day\n2,NA,2,[],2 days\n')
    assert velaria(server, "put", str(path), "CLI_TYPES").returncode == 0
    path = tmp_path / "types.json"
    path.write_text('{"i": 3, "code": 8, "d": 3.25, "l": [1], "t": "1 hour"}\n')
    done = velaria(server, "put", str(path), "cli_types")
    assert done.returncode == 0, done.stderr
    shown = velaria(server, "sql", "SELECT * FROM cli_types ORDER BY i").stdout.decode()
    assert [[cell.strip() for cell in line.split("|")] for line in shown.splitlines()[2:5]] == [
        ["1", "007", "1.50", "[1, 2]", "1 day"],
        ["2", "NA", "2.00", "[]", "2 days"],
        ["3", "8", "3.25", "[1]", "01:00:00"],
    ]
    path = tmp_path / "wrong.csv"
    path.write_text("i,code,d,l,t\n1,x,1,[1],1 day\n1000,x,1,[1],1 day\n")
    done = velaria(server, "put", str(path), "cli_types")
    assert (done.returncode, done.stdout) == (4, b"")
    assert b"VEL4002 line 3 of " in done.stderr
    assert b"rows before the fault are in the table: cli_types" in done.stderr


def test_a_file_that_is_damaged_further_on_is_not_a_servers_fault(
    server: ServerProcess, tmp_path: Path
) -> None:
    path = tmp_path / "late.csv"
    path.write_bytes(b"a\n" + b"x\n" * 1_000_000 + b"\xff\n")
    assert velaria(server, "sql", "CREATE TABLE cli_late (b VARCHAR)").returncode == 0
    done = velaria(server, "put", "--mode", "replace", str(path), "cli_late")
    assert done.returncode == 4
    assert b"VEL4002 line 1000002 of " in done.stderr
    assert b"the old table is left" in done.stderr
    assert b"b\n" in velaria(server, "sql", "SELECT * FROM cli_late").stdout


def test_a_put_reads_text_by_the_options_that_its_hint_names(
    server: ServerProcess, tmp_path: Path
) -> None:
    path = tmp_path / "gaps.csv"
    path.write_text("id,name\n1,a\nNA,b\n")
    assert velaria(server, "sql", "CREATE TABLE cli_gaps (id INT, name VARCHAR)").returncode == 0
    done = velaria(server, "put", "--mode", "append", str(path), "cli_gaps")
    assert b"nullstr := 'NA'. Say such an option by --option." in done.stderr
    told = ("--option", "nullstr := 'NA'", "--option", "header := true")
    assert velaria(server, "put", *told, str(path), "cli_gaps").returncode == 0
    types = ("--option", "types := {'id': 'VARCHAR'}")
    assert velaria(server, "put", *types, str(path), "cli_gaps_text").returncode == 0
    sql = "SELECT t.id AS n, x.id AS t FROM cli_gaps t JOIN cli_gaps_text x USING (name) ORDER BY 1"
    rows = velaria(server, "sql", "--output", "json", sql).stdout.splitlines()
    assert rows == [b'{"n":1,"t":"1"}', b'{"n":null,"t":"NA"}']
    wrong = velaria(server, "put", "--option", "nope := 1", str(path), "cli_gaps")
    assert (wrong.returncode, b"VEL4004 unknown option: nope" in wrong.stderr) == (4, True)
    parquet.write_table(pa.table({"id": [1]}), tmp_path / "x.parquet")
    refused = velaria(server, "put", *types, str(tmp_path / "x.parquet"), "cli_gaps")
    assert b"VEL1001 files of this kind are read without options: parquet" in refused.stderr


def test_a_csv_file_is_read_by_the_types_of_its_table(
    server: ServerProcess, tmp_path: Path
) -> None:
    path = tmp_path / "typed.CSV"
    path.write_text("ts,code\n2026-01-01 00:00:01,007\n")
    made = velaria(server, "sql", "CREATE TABLE cli_typed (ts TIMESTAMP, code VARCHAR)")
    assert made.returncode == 0, made.stderr
    assert velaria(server, "put", str(path), "cli_typed").returncode == 0
    assert b"007" in velaria(server, "sql", "SELECT code FROM cli_typed").stdout
    assert velaria(server, "put", str(path), "").returncode == 1


@pytest.mark.parametrize(
    ("fmt", "sql", "told"),
    [
        ("csv", "SELECT [1] AS l", b"CSV has no form"),
        ("json", "SELECT 1 AS a, 2 AS a", b"have the same name: a"),
        ("parquet", "SELECT INTERVAL '1 day' AS i", b"Parquet has no form"),
    ],
)
def test_what_a_format_cannot_hold_is_refused(
    server: ServerProcess, fmt: str, sql: str, told: bytes
) -> None:
    done = velaria(server, "sql", "--output", fmt, sql)
    assert (done.returncode, done.stdout) == (1, b"")
    assert told in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_plan_is_shown_line_by_line(server: ServerProcess) -> None:
    shown = velaria(server, "sql", "EXPLAIN SELECT 1 AS a").stdout.decode().splitlines()
    assert shown[2] == "logical  | Project 1 AS a"
    assert shown[3] == "         |   Values 1 rows"
    assert not any("…" in line for line in shown)


def test_output_that_cannot_be_written_is_told_in_words(server: ServerProcess) -> None:
    with open("/dev/full", "wb") as full:
        for fmt in ("table", "csv", "json"):
            done = subprocess.run(
                [sys.executable, "-m", "velaria.flight_server.cli", "sql", "--server", server.uri]
                + ["--output", fmt, "SELECT 1 AS a"],
                stdout=full,
                stderr=subprocess.PIPE,
                timeout=60,
                check=False,
            )
            assert done.returncode == 4
            assert b"No space left" in done.stderr
            assert b"Traceback" not in done.stderr


def test_a_table_shows_control_characters_as_escapes(server: ServerProcess) -> None:
    sql = "SELECT E'a\\x1b[31m\\r\\n\\t\\x7f' || chr(155) AS \"t\x1b\", 'é\\' AS u"
    shown = velaria(server, "sql", sql).stdout.decode()
    assert shown.splitlines()[0].split("|")[0].strip() == "t\\x1B"
    assert shown.splitlines()[2] == r"a\x1B[31m\r\n\t\x7F\u009B | é" + "\\"
    assert "\x1b" in json.loads(velaria(server, "sql", "--output", "json", sql).stdout)["t\x1b"]


@pytest.mark.parametrize("start", ["SELECT", "CREATE TABLE cli_long AS SELECT"])
def test_an_interrupt_ends_a_long_statement(server: ServerProcess, start: str) -> None:
    sql = f"{start} count(*) AS n FROM generate_series(1, 100000000) a(x), generate_series(1, 999)"
    command = [sys.executable, "-m", "velaria.flight_server.cli", "sql", "--server", server.uri]
    with connect(server.uri) as ours, subprocess.Popen([*command, sql]) as running:
        assert until(lambda: state_of(ours, sql) == "running")
        running.send_signal(signal.SIGINT)
        assert running.wait(10) == -signal.SIGINT
        assert until(lambda: state_of(ours, sql) == "cancelled")


def state_of(ours: Client, sql: str) -> str | None:
    found = [q["state"] for q in ours.action("query.list")["queries"] if q["sql"] == sql]
    return found[-1] if found else None


def test_parameters_explain_runs_and_actions_work(server: ServerProcess) -> None:
    done = velaria(server, "sql", "--output", "csv", "--param", "x", "SELECT ? AS v")
    assert done.stdout == b'"v"\n"x"\n', done.stderr
    shown = velaria(server, "explain", "SELECT 1").stdout
    assert [line for line in shown.splitlines() if line.endswith(b":") and line[:1].isalpha()][:3]
    analyzed = velaria(server, "explain", "--analyze", "SELECT 1").stdout.decode().splitlines()
    assert (analyzed[0].split()[0], analyzed[1].split()[0]) == ("operator", "result")
    told = velaria(server, "explain", "--analyze", "--format", "json", "SELECT 1").stdout
    assert json.loads(told)["rows"] == 1
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


def type_into_shell(monkeypatch: pytest.MonkeyPatch, folder: Path, typed: Iterator[str]) -> None:
    monkeypatch.setattr("builtins.input", lambda prompt: next(typed))
    monkeypatch.setattr(shell, "HISTORY_FILE", folder / "history")


def test_the_shell_answers_statements_and_commands(
    server: ServerProcess,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    typed = iter(
        ["CREATE TABLE shell_t (a", "BIGINT);", "SELECT 40 +", "2 AS n;", "SELECT nope;", "\\d",
         "\\d shell_t", "\\f", "\\e SELECT 1", "\\h", "", "\\q"]
    )  # fmt: skip
    type_into_shell(monkeypatch, tmp_path, typed)
    with connect(server.uri) as ours:
        assert shell.run_shell(ours, "csv") == 0
    shown = capsys.readouterr()
    assert '"n"\n42\n' in shown.out.replace("\r", "")
    for word in ("shell_t", "BIGINT", "substr", "logical:", "this help"):
        assert word in shown.out
    assert "VEL2012" in shown.err


def test_the_shell_knows_where_a_statement_ends(
    server: ServerProcess,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    typed = iter(
        ["SELECT ';' AS semi; -- c", "-- nothing", "SELECT 'a;", "\\q' AS text; /* c", "*/",
         "SELECT 5", "\\h", "AS five;", "SELECT", "\\q"]
    )  # fmt: skip
    type_into_shell(monkeypatch, tmp_path, typed)
    with connect(server.uri) as ours:
        assert shell.run_shell(ours, "json") == 0
    shown = capsys.readouterr()
    rows = [line for line in shown.out.splitlines() if line.startswith("{")]
    assert rows == ['{"semi":";"}', '{"text":"a;\\n\\\\q"}', '{"five":5}']
    assert "this help" in shown.out
    assert "VEL" not in shown.err


@pytest.mark.parametrize("begin", ["SELECT 1 AS one;", "BEGIN;"])
@pytest.mark.parametrize("start", ["SELECT", "CREATE TABLE cli_shell AS SELECT"])
def test_an_interrupt_in_the_shell_cancels_the_statement_and_keeps_the_session(
    server: ServerProcess,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    begin: str,
    start: str,
) -> None:
    name = f"n{len(begin)}"
    sql = f"{start} count(*) AS {name} FROM generate_series(1, 100000000) a, generate_series(1, 99)"
    typed = iter([begin, sql + ";", "SELECT 42 AS after;" if "one" in begin else "ROLLBACK;"])

    def type_next(prompt: str) -> str:
        try:
            return next(typed)
        except StopIteration:
            raise EOFError from None

    def interrupt_when_running() -> None:
        with connect(server.uri) as theirs:
            if until(lambda: state_of(theirs, sql + ";") == "running"):
                os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr("builtins.input", type_next)
    monkeypatch.setattr(shell, "HISTORY_FILE", tmp_path / "history")
    interrupting = threading.Thread(target=interrupt_when_running)
    interrupting.start()
    with connect(server.uri) as ours:
        assert shell.run_shell(ours, "json") == 0
        interrupting.join()
        assert state_of(ours, sql + ";") == "cancelled"
    shown = capsys.readouterr()
    assert "cancelled" in shown.err
    assert "VEL" not in shown.err
    assert ('{"after":42}' in shown.out) if "one" in begin else ("ROLLBACK" in shown.err)


def test_streams_are_run_from_the_command_line(server: ServerProcess) -> None:
    assert velaria(server, "sql", "CREATE STREAM cli_e (v BIGINT)").returncode == 0
    started = velaria_verb(server, "start", "--name", "cli_q", "SELECT v FROM cli_e")
    assert json.loads(started.stdout)["name"] == "cli_q"
    assert b"cli_q" in velaria_verb(server, "list").stdout
    progress = json.loads(velaria_verb(server, "progress", "cli_q").stdout)
    assert progress["source_is_bounded"] is False
    assert json.loads(velaria_verb(server, "stop", "cli_q").stdout)["status"] == "stopped"
    assert velaria_verb(server, "end-input", "cli_e").returncode == 0
    assert velaria_verb(server, "progress", "no-such-query").returncode == 4


def test_a_watched_query_is_one_csv_and_a_stream_shows_each_batch(
    server: ServerProcess, tmp_path: Path
) -> None:
    path = tmp_path / "two.csv"
    path.write_text("v\n1\n2\n")
    assert velaria(server, "sql", "CREATE STREAM cli_live (v BIGINT)").returncode == 0
    velaria_verb(server, "start", "--name", "cli_live_q", "SELECT v FROM cli_live")
    base = [sys.executable, "-m", "velaria.flight_server.cli"]
    watch = [*base, "stream", "watch", "--server", server.uri, "--output", "csv", "cli_live_q"]
    read = [*base, "sql", "--server", server.uri, "SELECT count(*) AS n FROM cli_live"]
    with (
        connect(server.uri) as ours,
        subprocess.Popen(watch, stdout=subprocess.PIPE) as watching,
        subprocess.Popen(read, stdout=subprocess.PIPE) as reading,
    ):
        assert watching.stdout is not None and reading.stdout is not None
        assert until(
            lambda: ours.action("stream.progress", query_id="cli_live_q")["subscribers"] > 0
        )
        for _ in range(2):
            assert velaria(server, "put", str(path), "cli_live").returncode == 0
        assert reading.stdout.readline() == b"n\n", "shown before the stream ends"
        ours.action("stream.end_input", stream="cli_live")
        assert watching.communicate(timeout=30)[0] == b'"v"\n1\n2\n1\n2\n'
        assert reading.wait(30) == 0


def velaria_verb(
    server: ServerProcess, verb: str, *words: str
) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "velaria.flight_server.cli", "stream", verb]
    return subprocess.run(
        [*command, "--server", server.uri, *words], capture_output=True, timeout=60
    )


def test_a_config_file_sets_what_the_command_line_does_not(tmp_path: Path) -> None:
    config = tmp_path / "velaria.toml"
    files = tmp_path / "files"
    files.mkdir()
    config.write_text(f"[server]\nallow_path = '{files}'\nthreads = 1\n[log]\nformat = 'json'\n")
    (files / "f.csv").write_text("a\n7\n")
    with ServerProcess(arguments=["--config", str(config)]) as configured:
        done = velaria(configured, "sql", "--output", "csv", f"SELECT a FROM '{files}/f.csv'")
        assert done.stdout == b'"a"\n7\n', done.stderr
        assert json.loads(configured.log().splitlines()[0])["event"] == "ready"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("serve", "--postgres", "nonsense"), "VEL1007 bad value for the postgres setting"),
        (("serve", "--listen", "grpc://127.0.0.1:99999"), "VEL1007 the listener's port"),
        (("serve", "--threads", "5000"), "VEL1007 value out of range for threads: 5000"),
        (("serve", "--side", "127.0.0.1:99999"), "VEL1007 the listener's port"),
        (("serve", "--side", "nonsense"), "VEL1007 the address of the side port"),
        (("serve", "--allow-path", "/no/such"), "VEL1007 --allow-path is not a folder: /no/such"),
        (("runs", "--state", "odd"), "invalid choice: 'odd'"),
        (("runs", "--limit", "0"), "argument --limit: not a number of runs from 1 to 10000: 0"),
        (("runs", "--limit", "9" * 20), "argument --limit: not a number of runs from 1 to"),
        (("runs", "--limit", "x"), "argument --limit: not a number of runs from 1 to 10000: x"),
        (("stream",), "the following arguments are required: VERB"),
        (("tabels",), "no such command: tabels"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_wrong_command_line_is_told_in_words(words: tuple[str, ...], told: str) -> None:
    command = [sys.executable, "-m", "velaria.flight_server.cli", *words]
    if words[0] == "serve" and "--postgres" not in words:
        command += ["--postgres", "none"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (1, 4)
    assert told in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_explains_itself(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "velaria.flight_server.cli", command, "--help"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"usage: velaria {command}")


def test_a_script_is_run_up_to_its_first_failure(server: ServerProcess, tmp_path: Path) -> None:
    text = (
        "-- a script\nCREATE TABLE cli_script (a VARCHAR);\n"
        "INSERT INTO cli_script VALUES (';'), ('b');\nSELECT count(*) AS n FROM cli_script;\n\n"
        "SELECT a,\n  nope FROM cli_script;\nDROP TABLE cli_script;\n"
    )
    path = tmp_path / "script.sql"
    path.write_text(text)
    for words, stdin in ((["-f", str(path)], b""), ([], text.encode())):
        done = velaria(server, "sql", "--output", "csv", *words, stdin=stdin)
        assert (done.returncode, done.stdout) == (2, b'"n"\n2\n')
        name = str(path) if words else "stdin"
        assert f"at line 7 of {name}\n" in done.stderr.decode()
        assert b"  nope FROM cli_script;\n  ^\n" in done.stderr
        assert velaria(server, "sql", "DROP TABLE cli_script").returncode == 0


def test_a_transaction_of_a_script_is_one(server: ServerProcess) -> None:
    text = (
        b"CREATE TABLE cli_tx (a BIGINT); BEGIN; INSERT INTO cli_tx VALUES (1); ROLLBACK;"
        b"BEGIN; INSERT INTO cli_tx VALUES (2); COMMIT; \\x on\nSELECT a FROM cli_tx"
    )
    done = velaria(server, "sql", "-", stdin=text)
    assert (done.returncode, done.stdout) == (0, b"-[ RECORD 1 ]+-\na | 2\n"), done.stderr


def test_a_script_that_is_no_text_or_not_there_is_told_in_words(
    server: ServerProcess, tmp_path: Path
) -> None:
    done = velaria(server, "sql", stdin=b"SELECT '\xff';")
    assert (done.returncode, b"VEL1001 the script is not UTF-8" in done.stderr) == (1, True)
    assert velaria(server, "sql", "-f", str(tmp_path / "none.sql")).returncode == 4
    done = velaria(server, "sql", "--param", "1", "SELECT ?; SELECT ?")
    assert b"VEL1006 parameters belong to one statement; statements: 2" in done.stderr


INTERRUPTED_IMPORT = """
import importlib, os, signal, sys
from velaria.flight_server import cli
importlib.import_module = lambda name: os.kill(os.getpid(), signal.SIGINT)
sys.argv = ["velaria", sys.argv[1]]
cli.main()
"""


@pytest.mark.parametrize("command", ["serve", "sql", "demo"])
def test_an_interrupt_while_a_command_is_loaded_leaves_no_traceback(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_IMPORT, command], capture_output=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (-signal.SIGINT, b"")
