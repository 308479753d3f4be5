"""The one thread that moves records from the queue into the store, and into the journal while the
store is away.
"""

import enum
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from velaria.control.journal import DamagedJournal, Journal, read_batches
from velaria.control.lost_servers import LostServers
from velaria.control.record_queue import QUEUE_ROWS_MAX, RecordQueue
from velaria.control.records import Record
from velaria.control.retention import Retention
from velaria.control.run_store import RunStore, StoreAway, StoreFailed

PING_INTERVAL_S = 2.0
RETRY_S_FIRST = 0.25
RETRY_S_MAX = 2.0
START_RETRY_S = 0.02
REPLAY_ROWS = 5_000


class StoreState(enum.Enum):
    STARTING = "starting"  # not reached yet, and that is no fault yet: records wait in the queue
    OK = "ok"
    AWAY = "away"  # records go to the journal


class Writer:
    """Owns the store's connection, the decision between store and journal, and the replay.

    start() once, then the thread runs until stop(). Whatever the store does, the thread waits no
    longer than the store's own time limits, and no caller of the ledger ever waits for the thread,
    unless the store never waits itself (`waits_for_room`).
    """

    def __init__(
        self,
        store: RunStore,
        journal: Journal | None,
        log: Any,
        start_grace_s: float = 0.0,
        queue_rows_max: int = QUEUE_ROWS_MAX,
        waits_for_room: bool = False,
        retention: Retention | None = None,
        lost_servers: LostServers | None = None,
    ) -> None:
        self.retention = retention or Retention()
        self._lost_servers = lost_servers or LostServers()
        self.queue = RecordQueue(self._spill, queue_rows_max, waits_for_room)
        self.lost_record_count = 0
        self.reason = ""
        self.hint = ""
        self._store = store
        self._journal = journal
        self._log = log
        self._state = StoreState.STARTING
        self._grace_ends_at = time.monotonic() + start_grace_s
        self._retry_at = 0.0
        self._retry_s = RETRY_S_FIRST
        self._used_at = 0.0
        self._orphans_closed = False
        self.journal_refuses = False
        """Whether it had no room for the last records it was given."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ledger-writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def state(self) -> StoreState:
        return self._state

    @property
    def is_complete(self) -> bool:
        """Whether the store has everything that was settled."""
        return self._state is StoreState.OK and (self._journal is None or self._journal.is_empty)

    def flush(self, timeout_s: float) -> bool:
        """Wait until the store has all that was recorded before; False when it has not by then."""
        if self._state is StoreState.AWAY:
            self._retry_at = 0.0
            self.queue.wake()
        return self.queue.wait_settled(lambda: self.is_complete, timeout_s)

    def stop(self, timeout_s: float) -> None:
        """Write what is left to the store or the journal, within about timeout_s, and end the
        thread.
        """
        ends_at = time.monotonic() + timeout_s
        if self._state is not StoreState.AWAY:
            self.flush(timeout_s / 2)
        self._stop.set()
        self.queue.close()
        self._thread.join(max(0.0, ends_at - time.monotonic()) / 2)
        if self._thread.is_alive():
            self._store.abort()
            self._thread.join(max(0.1, ends_at - time.monotonic()))

    def _run(self) -> None:
        while self._state is StoreState.STARTING and not self._stop.is_set():
            self._try_to_start()
        while not (self.queue.is_closed and not len(self.queue)):
            try:
                batch = self.queue.take(self._patience_s())
                if batch:
                    self._write(batch)
                if not self._stop.is_set():
                    self._tend()
            except Exception as fault:  # noqa: BLE001 - a fault of ours must not end the thread
                self._lose_store(_fault_of_ours(fault))
            self.queue.changed()
        if self._journal is not None:
            self._journal.seal()

    def _patience_s(self) -> float:
        """How long to wait for records before tending to the store."""
        if self._state is StoreState.AWAY:
            return max(0.0, self._retry_at - time.monotonic())
        return min(PING_INTERVAL_S, self.retention.wait_s())

    def _try_to_start(self) -> None:
        try:
            self._connect()
        except StoreFailed as failed:
            self._lose_store(failed)
        except StoreAway as away:
            if time.monotonic() >= self._grace_ends_at:
                self._lose_store(away)
            else:
                self._stop.wait(START_RETRY_S)
        except Exception as fault:  # noqa: BLE001 - as in _run
            self._lose_store(_fault_of_ours(fault))
        self.queue.changed()

    def _tend(self) -> None:
        now = time.monotonic()
        try:
            if self._state is StoreState.AWAY:
                if now >= self._retry_at:
                    self._connect()
            elif self._journal is not None and not self._journal.is_empty:
                self._replay()
            elif not self.retention.wait_s():
                self.retention.drop_old(self._store, self._log, self._is_free)
                self._used_at = time.monotonic()
            elif not self._lost_servers.wait_s():
                self._lost_servers.look(self._store, self._log)
                self._used_at = now
            elif now - self._used_at >= PING_INTERVAL_S:
                self._store.ping()
                self._used_at = now
        except StoreAway as away:
            self._lose_store(away)

    def _connect(self) -> None:
        self._store.connect()
        record_count = self._replay()
        if not self._orphans_closed:
            orphan_count = self._store.close_orphans()
            self._orphans_closed = True
            if orphan_count:
                self._log.info("run_history_orphans_closed", run_count=orphan_count)
        self._lost_servers.begin()
        was_away = self._state is StoreState.AWAY
        self._state = StoreState.OK
        self.journal_refuses = False
        self._retry_s = RETRY_S_FIRST
        self._used_at = time.monotonic()
        self.reason = self.hint = ""
        if was_away or record_count:
            self._log.info("run_history_available", replayed_record_count=record_count)

    def _lose_store(self, away: StoreAway) -> None:
        if self._state is not StoreState.AWAY or self.reason != str(away):
            self._log.warning(
                "run_history_degraded", reason=str(away), detail=away.detail, hint=away.hint
            )
        self._state = StoreState.AWAY
        self.reason, self.hint = str(away), away.hint
        self._retry_at = time.monotonic() + self._retry_s
        self._retry_s = min(2 * self._retry_s, RETRY_S_MAX)

    def _write(self, batch: Sequence[Record]) -> None:
        is_stored = False
        try:
            if self._state is StoreState.OK:
                self._store.write(batch)
                self._used_at = time.monotonic()
                is_stored = True
        except StoreAway as away:
            self._lose_store(away)
        finally:
            if is_stored or self._keep(batch):
                self.queue.settle(len(batch))
            elif self.queue.is_closed:
                self.lost_record_count += len(batch)
                self.queue.settle(len(batch))
            else:
                self.queue.put_back(batch)

    def _keep(self, batch: Sequence[Record]) -> bool:
        """Write the batch to the journal; False when there is none or it refuses."""
        if self._journal is None:
            return False
        try:
            self._journal.append(batch)
        except OSError as error:
            if not self.journal_refuses:
                self._log.error(
                    "run_history_journal_refuses", error=type(error).__name__, errno=error.errno
                )
            self.journal_refuses = True
            return False
        self.journal_refuses = False
        return True

    def _spill(self, records: Sequence[Record]) -> None:
        """Called by those who record, when the queue is full."""
        if not self._keep(records):
            self.lost_record_count += len(records)
        self.queue.wake()

    def _replay(self) -> int:
        """Move every journal file into the store; returns the number of records written."""
        if self._journal is None:
            return 0
        record_count = 0
        while not self._stop.is_set():
            self._journal.seal()
            files = self._journal.sealed()
            if not files:
                break
            for path in files:
                record_count += self._replay_file(path)
        return record_count

    def _replay_file(self, path: Path) -> int:
        assert self._journal is not None
        record_count = 0
        try:
            for records in _joined(read_batches(path)):
                self._store.write(records)
                record_count += len(records)
                self._relieve_queue()
        except DamagedJournal as damage:
            aside = self._journal.set_aside(path)
            self._log.warning(
                "run_history_journal_damaged",
                reason=str(damage),
                kept_as=aside.name,
                record_count=record_count,
            )
        except OSError as fault:
            detail = fault.strerror or type(fault).__name__
            raise StoreAway("the journal cannot be read", detail=detail) from None
        else:
            self._journal.forget(path)
        return record_count

    def _is_free(self) -> bool:
        """Between two days that are dropped; False at the end, when records come first."""
        self._relieve_queue()
        return not self._stop.is_set()

    def _relieve_queue(self) -> None:
        """Keep what takes long from filling the queue."""
        while batch := self.queue.take_now(QUEUE_ROWS_MAX // 4):
            is_stored = False
            try:
                self._store.write(batch)
                is_stored = True
            finally:
                if not is_stored and not self._keep(batch):
                    self.lost_record_count += len(batch)
                self.queue.settle(len(batch))


def _fault_of_ours(fault: Exception) -> StoreAway:
    return StoreAway("a fault of the ledger", detail=type(fault).__name__)


def _joined(batches: Iterator[list[Record]]) -> Iterator[list[Record]]:
    """The batches, small ones put together. What came before damage is given out before the damage
    is raised.
    """
    joined: list[Record] = []
    try:
        for batch in batches:
            joined += batch
            if len(joined) >= REPLAY_ROWS:
                yield joined
                joined = []
    except DamagedJournal:
        if joined:
            yield joined
        raise
    if joined:
        yield joined
