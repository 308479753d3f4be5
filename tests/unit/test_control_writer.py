"""Queue, journal and writer of the run ledger, against a store that fails when told to."""

import errno
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import structlog

from velaria.control.errors import LedgerError
from velaria.control.journal import DamagedJournal, Journal, JournalFull, read_batches
from velaria.control.ledger import Ledger, open_ledger
from velaria.control.memory_store import MemoryRunStore
from velaria.control.record_queue import QUEUE_ROWS_MAX, RecordQueue
from velaria.control.records import Record
from velaria.control.run_store import Row, StoreAway, StoreFailed, Wanted
from velaria.control.system_tables import SCHEMAS
from velaria.control.uuid7 import Uuid7Source
from velaria.control.writer import StoreState, Writer

new_id = Uuid7Source()
BOOT_ID = uuid.uuid4()


def records_of(count: int, first_seq: int = 0) -> list[Record]:
    run_id = new_id()
    return [
        Record(run_id, seq, "event", "tick", seq, BOOT_ID)
        for seq in range(first_seq, first_seq + count)
    ]


def until(condition: Callable[[], bool], limit_s: float = 10.0) -> bool:
    ends_at = time.monotonic() + limit_s
    pause = threading.Event()
    while not condition():
        if time.monotonic() > ends_at:
            return False
        pause.wait(0.005)
    return True


class SwitchedStore(MemoryRunStore):
    """Remembers what it took; away while `away` is set; waits in write() until `gate` opens."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[Record] = []
        self.away: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()
        self.connect_count = 0

    def connect(self) -> None:
        self.connect_count += 1
        if self.away is not None:
            raise self.away

    def write(self, records: Sequence[Record]) -> None:
        self.gate.wait(10)
        if self.away is not None:
            raise self.away
        self.taken += records
        super().write(records)

    def abort(self) -> None:
        self.gate.set()

    def read(
        self, table: str, deadline_s: float, wanted: Wanted | None = None
    ) -> Iterator[list[Row]]:
        if self.away is not None:
            raise self.away
        return super().read(table, deadline_s, wanted)


@pytest.fixture
def store() -> SwitchedStore:
    return SwitchedStore()


@pytest.fixture
def log() -> Any:
    return structlog.get_logger()


def names(records: Sequence[Record]) -> set[tuple[uuid.UUID, int]]:
    return {(record.run_id, record.seq) for record in records}


# ---- queue


def test_a_full_queue_spills_its_oldest_records_and_waits_for_no_one() -> None:
    spilled: list[Record] = []
    queue = RecordQueue(spilled.extend, rows_max=2_000)
    records = records_of(2_001)
    for record in records:
        queue.put(record)
    assert spilled == records[:1_000]
    assert len(queue) == 1_001


def test_samples_are_dropped_first_and_counted() -> None:
    queue = RecordQueue(lambda records: None, rows_max=10)
    for record in records_of(5):
        assert queue.put_sample(record)
    assert not queue.put_sample(records_of(1)[0])
    queue.put(records_of(1)[0])
    assert (queue.dropped_sample_count, len(queue)) == (1, 6)


def test_the_end_of_a_run_makes_an_idle_queue_ready_at_once() -> None:
    queue = RecordQueue(lambda records: None)
    end = records_of(1)[0]._replace(role="run", finished_us=1)
    queue.put(end)
    assert queue.take(0.0) == [end]
    # The next end waits for company: one batch per BATCH_DELAY_S.
    queue.put(end)
    assert queue.take(0.0) == []
    assert queue.take(5.0) == [end]


def test_a_batch_returned_keeps_its_place() -> None:
    queue = RecordQueue(lambda records: None)
    first, second = records_of(2)
    queue.put(first)
    assert queue.take(5.0) == [first]
    queue.put(second)
    queue.put_back([first])
    assert queue.take(5.0) == [first, second]


def test_a_closed_queue_gives_out_what_it_holds_and_refuses_more() -> None:
    queue = RecordQueue(lambda records: None)
    record = records_of(1)[0]
    queue.put(record)
    queue.close()
    queue.put(record)
    assert queue.take(5.0) == [record]
    assert queue.take(5.0) == []
    assert queue.refused_record_count == 1


# ---- journal


def test_a_journal_gives_back_what_was_appended_file_by_file(tmp_path: Path) -> None:
    journal = Journal(tmp_path, new_id)
    first, second = records_of(3), records_of(2)
    journal.append(first)
    journal.seal()
    journal.append(second)
    journal.seal()
    files = Journal(tmp_path, new_id).sealed()
    assert files == journal.sealed()
    assert [batch for path in files for batch in read_batches(path)] == [first, second]
    for path in journal.sealed():
        journal.forget(path)
    assert journal.is_empty
    assert journal.byte_count == 0
    assert list(tmp_path.iterdir()) == []


def test_batches_survive_a_writer_that_never_closes_the_file(tmp_path: Path) -> None:
    journal = Journal(tmp_path, new_id)
    records = records_of(3)
    journal.append(records)
    (path,) = tmp_path.glob("*.arrows")
    assert list(read_batches(path)) == [records]


def test_a_torn_end_loses_only_what_stands_there(tmp_path: Path) -> None:
    journal = Journal(tmp_path, new_id)
    whole = records_of(3)
    journal.append(whole)
    (path,) = tmp_path.glob("*.arrows")
    whole_bytes = path.stat().st_size
    journal.append(records_of(3))
    path.write_bytes(path.read_bytes()[: whole_bytes + 100])
    batches = read_batches(path)
    assert next(batches) == whole
    with pytest.raises(DamagedJournal):
        next(batches)


def test_bytes_that_are_no_journal_are_named(tmp_path: Path) -> None:
    path = tmp_path / "x.arrows"
    path.write_bytes(b"no arrow stream at all")
    with pytest.raises(DamagedJournal, match=r"x\.arrows"):
        list(read_batches(path))


def test_a_journal_has_a_limit(tmp_path: Path) -> None:
    journal = Journal(tmp_path, new_id, bytes_max=1_000)
    journal.append(records_of(1))
    with pytest.raises(JournalFull):
        journal.append(records_of(1))


# ---- writer


def test_what_happens_while_the_store_is_away_is_stored_once_afterwards(
    store: SwitchedStore, tmp_path: Path, log: Any
) -> None:
    writer = Writer(store, Journal(tmp_path, new_id), log)
    writer.start()
    before, during, after = records_of(5), records_of(2_500), records_of(5)
    for record in before:
        writer.queue.put(record)
    assert writer.flush(5)
    store.away = StoreAway("gone")
    for record in during:
        writer.queue.put(record)
    assert not writer.flush(0.5)
    assert writer.state is StoreState.AWAY
    assert list(tmp_path.iterdir())
    store.away = None
    for record in after:
        writer.queue.put(record)
    assert writer.flush(5)
    assert writer.is_complete
    assert list(tmp_path.iterdir()) == []
    assert names(store.taken) == names([*before, *during, *after])
    assert len(store.taken) == 2_510
    writer.stop(5)


def test_records_wait_in_the_queue_while_the_store_starts(
    store: SwitchedStore, tmp_path: Path, log: Any
) -> None:
    store.away = StoreAway("starting")
    writer = Writer(store, Journal(tmp_path, new_id), log, start_grace_s=60)
    writer.start()
    writer.queue.put(records_of(1)[0])
    assert until(lambda: store.connect_count > 2)
    assert (writer.state, len(writer.queue)) == (StoreState.STARTING, 1)
    store.away = None
    assert writer.flush(5)
    writer.stop(5)


def test_a_store_that_failed_is_not_waited_for(
    store: SwitchedStore, tmp_path: Path, log: Any
) -> None:
    store.away = StoreFailed("newer database", "Use a newer version.")
    writer = Writer(store, Journal(tmp_path, new_id), log, start_grace_s=60)
    writer.start()
    assert until(lambda: writer.state is StoreState.AWAY)
    assert (writer.reason, writer.hint) == ("newer database", "Use a newer version.")
    writer.stop(5)


def test_a_waiting_store_delays_no_one_and_loses_nothing(
    store: SwitchedStore, tmp_path: Path, log: Any
) -> None:
    writer = Writer(store, Journal(tmp_path, new_id), log, queue_rows_max=2_000)
    writer.start()
    assert writer.flush(5)
    store.gate.clear()
    records = records_of(10_000)
    for record in records:
        writer.queue.put(record)
    assert len(writer.queue) <= 2_000
    assert not writer.is_complete
    store.gate.set()
    assert writer.flush(10)
    assert names(store.taken) == names(records)
    assert writer.lost_record_count == 0
    writer.stop(5)


def test_a_fault_of_the_store_keeps_the_batch_and_the_thread(
    store: SwitchedStore, tmp_path: Path, log: Any
) -> None:
    writer = Writer(store, Journal(tmp_path, new_id), log)
    writer.start()
    assert writer.flush(5)
    store.away = RuntimeError("bug")
    records = records_of(3)
    for record in records:
        writer.queue.put(record)
    assert until(lambda: writer.state is StoreState.AWAY)
    assert writer.reason == "a fault of the ledger"
    store.away = None
    assert writer.flush(10)
    assert names(store.taken) == names(records)
    writer.stop(5)


def test_stop_journals_what_a_hung_store_did_not_take_and_the_next_life_stores_it(
    store: SwitchedStore, tmp_path: Path, log: Any
) -> None:
    writer = Writer(store, Journal(tmp_path, new_id), log)
    writer.start()
    assert writer.flush(5)
    store.gate.clear()
    store.away = StoreAway("hung")
    records = records_of(2_000)
    for record in records:
        writer.queue.put(record)
    began = time.monotonic()
    writer.stop(0.4)
    assert time.monotonic() - began < 2
    next_store = SwitchedStore()
    next_writer = Writer(next_store, Journal(tmp_path, new_id), log)
    next_writer.start()
    assert next_writer.flush(5)
    assert names(next_store.taken) == names(records)
    next_writer.stop(5)


def test_a_damaged_journal_file_is_set_aside_after_what_can_be_read(
    store: SwitchedStore, tmp_path: Path, log: Any
) -> None:
    journal = Journal(tmp_path, new_id)
    whole = records_of(3)
    journal.append(whole)
    journal.seal()
    (path,) = journal.sealed()
    path.write_bytes(path.read_bytes()[:-8] + b"\x00" * 2 + b"\xff" * 30)
    writer = Writer(store, Journal(tmp_path, new_id), log)
    writer.start()
    assert writer.flush(5)
    assert names(store.taken) == names(whole)
    assert [kept.suffix for kept in tmp_path.iterdir()] == [".damaged"]
    writer.stop(5)


def test_a_journal_that_cannot_be_opened_now_is_not_damaged(
    store: SwitchedStore, tmp_path: Path, log: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path, new_id)
    whole = records_of(3)
    journal.append(whole)
    journal.seal()
    is_exhausted = True
    opened = pa.OSFile

    def open_file(path: str, mode: str) -> pa.OSFile:
        if is_exhausted:
            raise OSError(errno.EMFILE, "Too many open files")
        return opened(path, mode)

    monkeypatch.setattr(pa, "OSFile", open_file)
    writer = Writer(store, journal, log)
    writer.start()
    assert until(lambda: writer.reason == "the journal cannot be read")
    is_exhausted = False
    assert writer.flush(5)
    assert names(store.taken) == names(whole)
    assert list(tmp_path.iterdir()) == []
    writer.stop(5)


@pytest.mark.parametrize("fault", [StoreAway("gone"), ZeroDivisionError("ours")])
def test_what_is_taken_from_a_queue_that_fills_is_kept_whatever_fails(
    store: SwitchedStore, tmp_path: Path, log: Any, fault: Exception
) -> None:
    journal = Journal(tmp_path, new_id)
    writer = Writer(store, journal, log)
    store.away = fault
    records = records_of(QUEUE_ROWS_MAX // 4)
    writer.queue.put(*records)
    with pytest.raises(type(fault)):
        writer._relieve_queue()
    journal.seal()
    (path,) = journal.sealed()
    kept = [record for batch in read_batches(path) for record in batch]
    assert kept == records[: len(kept)] != []
    assert writer.queue._settled_count == len(kept)


def test_a_fault_at_the_start_does_not_end_the_thread(
    store: SwitchedStore, tmp_path: Path, log: Any
) -> None:
    store.away = ZeroDivisionError("ours")
    writer = Writer(store, Journal(tmp_path, new_id), log)
    writer.start()
    assert until(lambda: writer.reason == "a fault of the ledger")
    store.away = None
    writer.queue.put(*records_of(2))
    assert writer.flush(5)
    assert len(store.taken) == 2
    writer.stop(5)


# ---- the ledger without Postgres


def rows_of(ledger: Ledger, table: str) -> list[dict[str, Any]]:
    schema, open_table = ledger.system_tables()[table]
    read: pa.Table = open_table().read_all()
    assert read.schema == schema == SCHEMAS[table]
    rows: list[dict[str, Any]] = read.to_pylist()
    return rows


@pytest.mark.slow
@pytest.mark.parametrize("where", ["none", None])
def test_without_postgres_the_newest_runs_are_kept_in_memory(where: str | None) -> None:
    ledger = open_ledger(where, None)
    assert ledger.health() == "off"
    for index in range(10_003):
        ledger.start_run("query", f"SELECT {index}", f"q-{index}").finish("succeeded", rows=1)
    runs = rows_of(ledger, "runs")
    assert len(runs) == 10_000
    assert (runs[0]["text"], runs[-1]["text"]) == ("SELECT 3", "SELECT 10002")
    assert {run["state"] for run in runs} == {"succeeded"}
    assert len(rows_of(ledger, "stages")) == len(rows_of(ledger, "attempts")) == 10_000
    assert len(rows_of(ledger, "events")) == 40_000
    ledger.close()
    ledger.close()


def test_a_running_run_shows_as_running() -> None:
    ledger = open_ledger("none", None)
    run = ledger.start_run("stream", "SELECT 1", "q")
    (row,) = rows_of(ledger, "runs")
    assert (row["state"], row["finished_at"], row["duration_ms"]) == ("running", None, None)
    assert row["run_id"] == str(run.run_id)
    ledger.close()


def test_reading_refuses_by_code_while_the_store_is_away(
    store: SwitchedStore, tmp_path: Path, log: Any
) -> None:
    store.away = StoreAway("Postgres does not answer")
    writer = Writer(store, Journal(tmp_path, new_id), log)
    ledger = Ledger(writer, store, BOOT_ID, new_id)
    assert until(lambda: writer.state is StoreState.AWAY)
    with pytest.raises(LedgerError) as caught:
        rows_of(ledger, "runs")
    assert (caught.value.code, caught.value.retry) == ("VEL5003", "later")
    assert "Postgres does not answer" in str(caught.value)
    ledger.close()


def test_a_journal_without_room_is_told_and_loses_only_what_the_queue_cannot_hold(
    store: SwitchedStore, tmp_path: Path, log: Any
) -> None:
    store.away = StoreAway("Postgres does not answer")
    journal = Journal(tmp_path, new_id, bytes_max=1_000)
    writer = Writer(store, journal, log, queue_rows_max=1_000)
    ledger = Ledger(writer, store, BOOT_ID, new_id)
    ledger.health = lambda: "degraded"  # type: ignore[method-assign]  # of a store in memory: "off"
    told = "Postgres does not answer; the journal takes no more records"
    records = records_of(1_500)
    writer.queue.put(*records[:100])
    assert until(lambda: not journal.is_empty)
    assert ledger.health_reason() == "Postgres does not answer"
    writer.queue.put(*records[100:200])
    assert until(lambda: ledger.health_reason() == told)
    assert writer.lost_record_count == 0
    for record in records[200:]:
        writer.queue.put(record)
    assert writer.lost_record_count > 0
    store.away = None
    assert writer.flush(10)
    assert not writer.journal_refuses
    assert len(names(store.taken)) == 1_500 - writer.lost_record_count
    ledger.close()


@pytest.mark.parametrize("where", ["", "postgres", "embeded", "host=a =b", "postgresql://u:c4n@[x"])
def test_a_setting_that_names_no_store_is_refused_without_being_repeated(
    where: str, tmp_path: Path
) -> None:
    with pytest.raises(LedgerError) as caught:
        open_ledger(where, tmp_path)
    assert caught.value.code == "VEL1007"
    assert caught.value.__context__ is None
    assert "c4n" not in f"{caught.value} {caught.value.hint} {caught.value.detail}"


def test_audit_runs_are_not_washed_out_by_statements() -> None:
    store = MemoryRunStore(runs_max=3)
    writer = Writer(store, None, structlog.get_logger(), waits_for_room=True)
    ledger = Ledger(writer, store, BOOT_ID, new_id)
    ledger.start_run("audit", "login", "q-login", principal="ann").finish("succeeded")
    for index in range(20):
        ledger.start_run("query", f"SELECT {index}", f"q-{index}").finish("succeeded")
    assert [run["text"] for run in rows_of(ledger, "runs")] == [
        "login",
        *(f"SELECT {index}" for index in (17, 18, 19)),
    ]
    for index in range(5):
        ledger.start_run("audit", f"refused {index}", f"a-{index}").finish("failed")
    kept = [run["text"] for run in ledger.runs(4)]
    assert kept == ["refused 4", "refused 3", "refused 2", "SELECT 19"]
    assert ledger.run_told("q-login") is None
    ledger.close()


def test_a_run_is_found_by_either_id_and_told_to_whom_it_began_for() -> None:
    ledger = open_ledger("none", None)
    for name in ("ann", "bob", None):
        run = ledger.start_run("query", f"SELECT '{name}'", "q-same", principal=name)
        run.finish("succeeded" if name else "failed")
    for name in ("q-same", str(run.run_id)):
        found = ledger.run_told(name)
        assert found is not None
        assert found["run"]["text"] == "SELECT 'None'"
        assert [event["name"] for event in found["events"]][-1] == "run.failed"
        assert {row["run_id"] for part in ("stages", "attempts") for row in found[part]} == {
            str(run.run_id)
        }
    his = ledger.run_told("q-same", "ann")
    assert his is not None
    assert his["run"]["text"] == "SELECT 'ann'"
    assert ledger.run_told(str(run.run_id), "ann") is None
    assert [row["text"] for row in ledger.runs(9, principal="bob")] == ["SELECT 'bob'"]
    assert [row["text"] for row in ledger.runs(1, "succeeded")] == ["SELECT 'bob'"]
    assert ledger.runs(9, "failed", "bob") == []
    ledger.close()


def test_a_query_id_that_is_written_like_a_run_id_hides_no_run_and_lends_it_nothing() -> None:
    ledger = open_ledger("none", None)
    hers = ledger.start_run("query", "SELECT 'hers'", "q-hers", principal="ann")
    hers.finish("succeeded")
    his = ledger.start_run("query", "SELECT 'his'", str(hers.run_id), principal="bob")
    his.event("his event")
    his.finish("succeeded")
    for name in ("q-hers", str(hers.run_id)):
        found = ledger.run_told(name)
        assert found is not None
        rows = [found["run"], *found["stages"], *found["attempts"], *found["events"]]
        assert {row["run_id"] for row in rows} == {str(hers.run_id)}
        assert "his event" not in [event["name"] for event in found["events"]]
    # To whom may not see hers, the name is that of his own query.
    its = ledger.run_told(str(hers.run_id), "bob")
    assert its is not None
    rows = [its["run"], *its["stages"], *its["attempts"], *its["events"]]
    assert {row["run_id"] for row in rows} == {str(his.run_id)}
    ledger.close()
