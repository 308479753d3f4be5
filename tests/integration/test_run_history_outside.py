"""The run history in a Postgres that is not ours: away, killed, hung, old, new."""

import contextlib
import shutil
import signal
import time
import uuid
from pathlib import Path

import pytest

from tests.integration.run_history_support import (
    CANARY,
    OutsidePostgres,
    becomes_complete,
    cluster,
    data_dir,
    outside,
    read,
    record,
    states,
    until,
)
from velaria.control.errors import LedgerError
from velaria.control.ledger import open_ledger
from velaria.control.store import PostgresRunStore
from velaria.control.system_tables import SCHEMAS

__all__ = ["cluster", "data_dir", "outside"]


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


def test_the_runs_of_a_server_that_is_gone_are_ended_by_another(
    outside: OutsidePostgres, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its data directory is never started again. One that is connected is left alone."""
    monkeypatch.setattr("velaria.control.lost_servers.LOOK_S", 0.05)
    monkeypatch.setattr("velaria.control.lost_servers.LOST_AFTER_S", 0.0)
    looks = []
    look = PostgresRunStore.servers_away

    def seen(store: PostgresRunStore) -> list[uuid.UUID]:
        looks.append(look(store))
        return looks[-1]

    monkeypatch.setattr(PostgresRunStore, "servers_away", seen)

    def told() -> list[tuple[object, ...]]:
        asked = "SELECT text, state, error_code, error_message FROM velaria.run ORDER BY text"
        return outside.rows(asked)

    with contextlib.closing(open_ledger(outside.tcp, data_dir / "stays")) as stays:
        with contextlib.closing(open_ledger(outside.tcp, data_dir / "goes")) as goes:
            for ledger, text in ((stays, "a"), (goes, "b")):
                ledger.start_run("stream", text, text)
                assert ledger.flush(10)
            count = len(looks)
            assert until(lambda: len(looks) > count + 10)
            assert [state for _, state, _, _ in told()] == ["running", "running"]
        shutil.rmtree(data_dir / "goes")
        assert until(lambda: told()[1][1] == "failed")
    assert told() == [
        ("a", "running", None, None),
        ("b", "failed", "VEL5007", "its server is gone"),
    ]


def test_a_server_that_was_taken_for_lost_has_the_last_word_on_its_runs(
    outside: OutsidePostgres, data_dir: Path
) -> None:
    with contextlib.closing(open_ledger(outside.tcp, data_dir)) as ledger:
        lost, ended = (ledger.start_run("query", text, text) for text in ("a", "b"))
        ended.finish("failed", error_code="VEL3010", error_message="cancelled")
        assert ledger.flush(10)
        outside.rows(
            "UPDATE velaria.run SET state = 'failed', finished_at = now(),"
            " error_code = 'VEL5007', error_message = 'its server is gone'"
            " WHERE finished_at IS NULL RETURNING 1"
        )
        lost.finish("succeeded", rows=7)
        assert ledger.flush(10)
        found = {run["text"]: (run["state"], run["error_message"]) for run in read(ledger, "runs")}
    assert found == {"a": ("succeeded", None), "b": ("failed", "cancelled")}


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
