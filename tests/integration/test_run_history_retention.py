"""Days of the run history that are over go, and those that may not go stay and are told."""

import contextlib
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
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
from tests.server_process import ServerProcess, act, rows
from velaria.control.ledger import Ledger, open_ledger
from velaria.control.partitions import PARTITIONED
from velaria.control.run import Run
from velaria.control.uuid7 import Uuid7Source

__all__ = ["cluster", "data_dir", "outside"]

MAY_DAY = date(2013, 5, 1)
NEXT_DAY = date(2013, 5, 2)
TABLES = ("run", "stage", "attempt", "event")


def begin_on(ledger: Ledger, day: date, text: str, kind: str = "query") -> Run:
    """A run with an id that a server whose clock showed noon of that day would have made."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    started_us = int(noon.timestamp()) * 1_000_000
    new_id = Uuid7Source(lambda: started_us * 1000)
    queue = ledger._writer.queue
    return Run(
        *(new_id(), ledger._boot_id, kind, text, f"q-{text}", started_us),
        *(queue.put, queue.put_sample),
    )


def end_on(ledger: Ledger, *days: date, kind: str = "query") -> None:
    """Runs that are over, one for each day."""
    for day in days:
        begin_on(ledger, day, f"{kind} of {day}", kind).finish("succeeded")
    assert ledger.flush(20)


def days_of(postgres: OutsidePostgres, table: str) -> list[date]:
    """Of which a partition is attached."""
    found = postgres.rows(
        f"SELECT relid::text FROM pg_partition_tree('velaria.{table}') WHERE isleaf ORDER BY 1"
    )
    return [datetime.strptime(name[-8:], "%Y%m%d").date() for (name,) in found]


def are_days(postgres: OutsidePostgres, *days: date) -> bool:
    return all(days_of(postgres, table) == list(days) for table in TABLES)


def has_looked(ledger: Ledger) -> bool:
    return ledger._writer.retention.wait_s() > 0


def today() -> date:
    return datetime.now(UTC).date()


def logged(capfd: pytest.CaptureFixture[str]) -> str:
    """On stdout, too: where logs go is said by who configures them, as other tests here do."""
    told = capfd.readouterr()
    return told.out + told.err


def test_days_that_are_over_are_dropped_at_the_start(
    outside: OutsidePostgres, data_dir: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    over, young = today() - timedelta(days=32), today() - timedelta(days=29)
    with contextlib.closing(open_ledger(outside.tcp, data_dir)) as ledger:
        end_on(ledger, MAY_DAY, over, young)
        end_on(ledger, NEXT_DAY, kind="audit")
        assert are_days(outside, MAY_DAY, NEXT_DAY, over, young)
    with contextlib.closing(open_ledger(outside.tcp, data_dir)) as ledger:
        ledger.keep_for(30)
        assert until(lambda: are_days(outside, young))
        assert [run["text"] for run in read(ledger, "runs")] == [f"query of {young}"]
        assert outside.rows("SELECT to_regclass('velaria.run_20130501')") == [(None,)]
        record(ledger, "after", 2, 1)
        assert states(ledger, "after") == (2, 1, 0)
        assert (ledger.health(), ledger.retention_reason()) == ("ok", "")
    assert "2013-05-01" in logged(capfd)


def test_a_day_is_dropped_of_every_table_that_has_days(
    outside: OutsidePostgres, data_dir: Path
) -> None:
    with contextlib.closing(open_ledger(outside.tcp, data_dir)) as ledger:
        assert ledger.flush(20)
        found = outside.rows(
            "SELECT relname FROM pg_partitioned_table JOIN pg_class ON oid = partrelid"
            " WHERE relnamespace = 'velaria'::regnamespace"
        )
        assert {name for (name,) in found} == set(PARTITIONED) == set(TABLES)


def test_nothing_is_dropped_until_a_number_of_days_is_said(
    outside: OutsidePostgres, data_dir: Path
) -> None:
    with contextlib.closing(open_ledger(outside.tcp, data_dir)) as ledger:
        end_on(ledger, MAY_DAY)
        ledger.keep_for(0)
        assert until(lambda: has_looked(ledger))
        assert are_days(outside, MAY_DAY)
        ledger.keep_for(30)
        assert until(lambda: are_days(outside))


def test_a_day_is_kept_while_a_run_of_it_has_not_ended_also_by_other_servers(
    outside: OutsidePostgres, data_dir: Path
) -> None:
    with (
        contextlib.closing(open_ledger(outside.tcp, data_dir / "a")) as its_own,
        contextlib.closing(open_ledger(outside.tcp, data_dir / "b")) as other,
    ):
        running = begin_on(its_own, MAY_DAY, "running", "stream")
        end_on(its_own, MAY_DAY, NEXT_DAY)
        other.keep_for(1)
        assert until(lambda: are_days(outside, MAY_DAY))
        its_own.keep_for(1)
        assert until(lambda: has_looked(its_own))
        texts = {run["text"] for run in read(other, "runs")}
        assert texts == {"running", f"query of {MAY_DAY}"}
        running.finish("succeeded")
        assert its_own.flush(20)
        other.keep_for(1)
        assert until(lambda: are_days(outside))


def test_a_run_that_a_killed_server_left_open_does_not_keep_its_day(
    outside: OutsidePostgres, data_dir: Path
) -> None:
    with contextlib.closing(open_ledger(outside.tcp, data_dir)) as ledger:
        begin_on(ledger, MAY_DAY, "killed")
        assert ledger.flush(20)
    with contextlib.closing(open_ledger(outside.tcp, data_dir)) as ledger:
        ledger.keep_for(30)
        assert until(lambda: are_days(outside))


def test_two_servers_of_one_database_drop_and_record_at_the_same_time(
    outside: OutsidePostgres, data_dir: Path
) -> None:
    days = [MAY_DAY + timedelta(days=count) for count in range(25)]
    with (
        contextlib.closing(open_ledger(outside.tcp, data_dir / "a")) as one,
        contextlib.closing(open_ledger(outside.tcp, data_dir / "b")) as two,
    ):
        end_on(one, *days)
        assert are_days(outside, *days)
        assert two.flush(20)
        for ledger in (one, two):
            ledger.keep_for(30)
        record(one, "one", 300, 2)
        record(two, "two", 300, 2)
        assert becomes_complete(one, "one", (300, 2, 0))
        assert becomes_complete(two, "two", (300, 2, 0))
        # Where they met, the later one looks again in a minute, or now.
        assert until(lambda: has_looked(one) and has_looked(two))
        one.keep_for(30)
        assert until(lambda: len(days_of(outside, "run")) == 1)
        assert [one.retention_reason(), two.retention_reason()] == ["", ""]
        # What comes late, of a day that the other has dropped, is taken all the same.
        end_on(two, days[0])
        end_on(one, days[0])
        assert len(read(one, "runs")) == 606


def limited_dsn(postgres: OutsidePostgres) -> str:
    """Of a role that may write to what is there, and owns no table."""
    postgres.run(
        f"DROP ROLE IF EXISTS writer; CREATE ROLE writer LOGIN PASSWORD '{CANARY}';"
        "GRANT USAGE, CREATE ON SCHEMA velaria TO writer;"
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA velaria TO writer"
    )
    return postgres.tcp.replace("velaria:", "writer:")


@pytest.fixture
def dsn_without_rights(outside: OutsidePostgres, data_dir: Path) -> str:
    """With a day that is over, and today's."""
    with contextlib.closing(open_ledger(outside.tcp, data_dir / "owner")) as ledger:
        end_on(ledger, MAY_DAY, NEXT_DAY)
        record(ledger, "owner", 1, 0)
        assert ledger.flush(20)
    return limited_dsn(outside)


def free_role(postgres: OutsidePostgres) -> None:
    """A role of the cluster goes only when nothing of the database names it."""
    postgres.run("REASSIGN OWNED BY writer TO velaria; DROP OWNED BY writer; DROP ROLE writer")


def test_without_the_right_to_drop_it_is_told_once_and_records_go_on(
    outside: OutsidePostgres,
    dsn_without_rights: str,
    data_dir: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with contextlib.closing(open_ledger(dsn_without_rights, data_dir / "writer")) as ledger:
        for _ in range(3):
            ledger.keep_for(30)
            assert until(lambda: has_looked(ledger))
        told = "2013-05-01 is over and cannot be dropped: Postgres refuses: 42501"
        assert ledger.retention_reason() == told
        assert ledger.health() == "ok"
        record(ledger, "goes on", 3, 1)
        assert states(ledger, "goes on") == (3, 1, 0)
        log = logged(capfd)
        assert log.count("run_history_day_refused") == 1
        assert "needs to own the tables" in log
        assert "run_history_degraded" not in log
        outside.run("ALTER SCHEMA velaria OWNER TO writer")
        outside.run("GRANT velaria TO writer")
        ledger.keep_for(30)
        assert until(lambda: len(days_of(outside, "run")) == 1)
        assert until(lambda: ledger.retention_reason() == "")
    free_role(outside)


def test_a_day_that_another_table_refers_to_is_kept_and_told(
    outside: OutsidePostgres, data_dir: Path
) -> None:
    with contextlib.closing(open_ledger(outside.tcp, data_dir)) as ledger:
        end_on(ledger, MAY_DAY, NEXT_DAY)
        outside.run("CREATE TABLE note (run_id uuid REFERENCES velaria.run)")
        outside.run("INSERT INTO note SELECT min(run_id::text)::uuid FROM velaria.run")
        ledger.keep_for(30)
        assert until(lambda: are_days(outside, MAY_DAY))
        assert until(lambda: "cannot be dropped" in ledger.retention_reason())
        assert ledger.retention_reason().startswith("2013-05-01")
        assert outside.rows("SELECT count(*) FROM note JOIN velaria.run USING (run_id)") == [(1,)]
        outside.run("DELETE FROM note")
        ledger.keep_for(30)
        assert until(lambda: are_days(outside))
        assert until(lambda: ledger.retention_reason() == "")


def test_what_somebody_has_detached_or_attached_himself_is_left_alone(
    outside: OutsidePostgres, data_dir: Path
) -> None:
    with contextlib.closing(open_ledger(outside.tcp, data_dir)) as ledger:
        end_on(ledger, MAY_DAY, NEXT_DAY)
        outside.run("ALTER TABLE velaria.run DETACH PARTITION velaria.run_20130501")
        outside.run("CREATE TABLE velaria.run_20129999 (LIKE velaria.run INCLUDING ALL)")
        outside.run(
            "ALTER TABLE velaria.run ATTACH PARTITION velaria.run_20129999"
            " FOR VALUES FROM (MINVALUE) TO ('00000000-0000-0000-0000-000000000001')"
        )
        ledger.keep_for(30)
        assert until(lambda: days_of(outside, "event") == [])
        assert outside.rows("SELECT count(*) FROM velaria.run_20130501") == [(1,)]
        assert outside.rows("SELECT to_regclass('velaria.run_20129999') IS NULL") == [(False,)]
        assert ledger.retention_reason() == ""


def test_who_reads_is_waited_for_without_a_word(outside: OutsidePostgres, data_dir: Path) -> None:
    with contextlib.closing(open_ledger(outside.tcp, data_dir)) as ledger:
        end_on(ledger, MAY_DAY)
        with psycopg.connect(outside.unix) as reader:
            reader.execute("SELECT * FROM velaria.run")
            ledger.keep_for(30)
            assert until(lambda: has_looked(ledger))
            assert are_days(outside, MAY_DAY)
            record(ledger, "beside", 2, 0)
            assert states(ledger, "beside") == (2, 0, 0)
            assert (ledger.health(), ledger.retention_reason()) == ("ok", "")
            assert ledger._writer.retention.wait_s() <= 60
        ledger.keep_for(30)
        assert until(lambda: len(days_of(outside, "run")) == 1)


def test_a_reload_changes_how_long_a_server_keeps_its_history(
    outside: OutsidePostgres, data_dir: Path
) -> None:
    with contextlib.closing(open_ledger(outside.tcp, data_dir / "ledger")) as ledger:
        end_on(ledger, MAY_DAY)
    config = data_dir / "velaria.toml"
    config.write_text("[history]\nkeep_days = 0\n")
    arguments = ["--config", str(config)]
    with ServerProcess(postgres=outside.tcp, arguments=arguments) as server:
        client = server.connect()
        assert rows(client, f"SELECT count(*) FROM system.runs WHERE text = 'query of {MAY_DAY}'")
        assert MAY_DAY in days_of(outside, "run")
        config.write_text("[history]\nkeep_days = 7\n")
        assert act(client, "server.reload")["changed"] == ["history.keep_days"]
        assert until(lambda: MAY_DAY not in days_of(outside, "run"))
        parts = act(client, "server.health")["parts"]
        assert (parts["run_history"], parts["run_history_retention"]) == ("ok", "ok")


def test_a_server_that_may_not_drop_is_degraded_by_that_name_and_answers(
    outside: OutsidePostgres, dsn_without_rights: str
) -> None:
    arguments = ["--set", "history.keep_days=7", "--log", "json"]
    with ServerProcess(postgres=dsn_without_rights, arguments=arguments) as server:
        client = server.connect()
        assert until(lambda: act(client, "server.health")["state"] == "degraded")
        health = act(client, "server.health")
        assert list(health["reasons"]) == ["run_history_retention"]
        assert "2013-05-01" in health["reasons"]["run_history_retention"]
        assert rows(client, "SELECT 1 AS one") == [(1,)]
        (count,) = rows(client, "SELECT count(*) FROM system.runs WHERE text LIKE '%AS one%'")
        assert count >= (1,)
        events = [json.loads(line) for line in server.log().splitlines() if line[:1] == "{"]
        refused = [event for event in events if event["event"] == "run_history_day_refused"]
        assert [event["level"] for event in refused] == ["warning"]
    free_role(outside)
