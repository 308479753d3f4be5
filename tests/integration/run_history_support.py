"""What the run history's tests share: reading it back, and a Postgres that may be killed."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
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
from velaria.control.ledger import Ledger
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
    # A process that one has just forked goes by its name for a moment.
    return [pid for pid in found if is_alive(pid) and parent_of(pid) not in found]


def parent_of(pid: int) -> int | None:
    """None for one that has ended."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


@pytest.fixture
def data_dir() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="vel-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


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
