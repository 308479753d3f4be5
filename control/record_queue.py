"""The bounded queue between those who have something to record and the one thread that writes."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from velaria.control.records import Record

BATCH_ROWS = 1_000
BATCH_DELAY_S = 0.05
QUEUE_ROWS_MAX = 20_000


class RecordQueue:
    """First in, first out, and no wait for room where the store may hang.

    A batch is ready when it has BATCH_ROWS rows, when its oldest row is BATCH_DELAY_S old, when
    someone waits for a flush, or when a run ends and the last batch was taken at least
    BATCH_DELAY_S ago. When the queue is full, the oldest BATCH_ROWS rows are handed to `spill` by
    whoever adds the next one; samples are refused at half of that.

    With `waits_for_room` nothing is spilled: whoever adds waits until the writer has taken some.
    That is for a store that never waits itself.

    A record is *settled* once it stands in the store or in the journal.
    """

    def __init__(
        self,
        spill: Callable[[Sequence[Record]], None],
        rows_max: int = QUEUE_ROWS_MAX,
        waits_for_room: bool = False,
    ) -> None:
        self._spill = spill
        self._waits_for_room = waits_for_room
        self._rows_max = rows_max
        self._records: deque[Record] = deque()
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._ready_at = float("inf")
        self._taken_at = 0.0
        self._added_count = 0
        self._taken_count = 0
        self._settled_count = 0
        self._flush_target = 0
        self._woken = False
        self.is_closed = False
        self.dropped_sample_count = 0
        self.refused_record_count = 0

    def put(self, *records: Record) -> None:
        """Add records that must not be lost. What ends a run is the last of its call's."""
        spilled: list[Record] = []
        with self._lock:
            if self._waits_for_room and len(self._records) >= self._rows_max:
                self._changed.wait_for(
                    lambda: self.is_closed or len(self._records) < self._rows_max
                )
            if self.is_closed:
                self.refused_record_count += len(records)
                return
            if len(self._records) >= self._rows_max:
                spilled = self._pop(BATCH_ROWS)
            self._add(*records)
        if spilled:
            self._spill(spilled)
            self.settle(len(spilled))

    def put_sample(self, record: Record) -> bool:
        """Add a record unless the queue is half full; False, and counted, when it is dropped."""
        with self._lock:
            if self.is_closed or len(self._records) >= self._rows_max // 2:
                self.dropped_sample_count += 1
                return False
            self._add(record)
            return True

    def put_back(self, records: Sequence[Record]) -> None:
        """Return a batch that could be written nowhere: to the front, and not counted again."""
        with self._lock:
            self._records.extendleft(reversed(records))
            self._taken_count -= len(records)
            self._ready_at = time.monotonic() + BATCH_DELAY_S

    def take(self, timeout_s: float) -> list[Record]:
        """The next batch once it is ready; empty at the timeout, after wake(), or when drained."""
        give_up_at = time.monotonic() + timeout_s
        with self._lock:
            while not self._woken:
                now = time.monotonic()
                if self._records and (self._ready_at <= now or self.is_closed):
                    break
                if now >= give_up_at or self.is_closed:
                    return []
                self._changed.wait(min(give_up_at, self._ready_at) - now)
            self._woken = False
            if not self._records or (self._ready_at > time.monotonic() and not self.is_closed):
                return []
            return self._take()

    def take_now(self, rows_min: int) -> list[Record]:
        """The next batch when at least rows_min rows wait, else nothing; never waits."""
        with self._lock:
            return self._take() if len(self._records) >= rows_min else []

    def settle(self, record_count: int) -> None:
        """Note that taken records are safe."""
        with self._lock:
            self._settled_count += record_count
            self._changed.notify_all()

    def wake(self) -> None:
        """Make take() return soon, with or without a batch."""
        with self._lock:
            self._woken = True
            self._changed.notify_all()

    def changed(self) -> None:
        """Let wait_settled() look at its condition again."""
        with self._lock:
            self._changed.notify_all()

    def wait_settled(self, also: Callable[[], bool], timeout_s: float) -> bool:
        """Wait until all that was added before this call is settled and `also` holds; False at the
        timeout.
        """
        with self._lock:
            target = self._added_count
            self._flush_target = max(self._flush_target, target)
            if self._records:
                self._ready_at = 0.0
            self._changed.notify_all()
            return self._changed.wait_for(
                lambda: self._settled_count >= target and also(), timeout_s
            )

    def close(self) -> None:
        """Refuse new records; those inside can still be taken."""
        with self._lock:
            self.is_closed = True
            self._changed.notify_all()

    def __len__(self) -> int:
        return len(self._records)

    def _add(self, *records: Record) -> None:
        now = time.monotonic()
        ready_at = self._ready_at
        if not self._records:
            ready_at = now + BATCH_DELAY_S
        self._records.extend(records)
        self._added_count += len(records)
        if records[-1].ends_run:
            ready_at = min(ready_at, max(now, self._taken_at + BATCH_DELAY_S))
        if len(self._records) >= BATCH_ROWS:
            ready_at = min(ready_at, now)
        if ready_at != self._ready_at:
            self._ready_at = ready_at
            self._changed.notify_all()

    def _take(self) -> list[Record]:
        batch = self._pop(BATCH_ROWS)
        self._taken_at = time.monotonic()
        if not self._records:
            self._ready_at = float("inf")
        elif len(self._records) >= BATCH_ROWS or self._taken_count < self._flush_target:
            self._ready_at = 0.0
        else:
            self._ready_at = self._taken_at + BATCH_DELAY_S
        return batch

    def _pop(self, row_count: int) -> list[Record]:
        count = min(row_count, len(self._records))
        self._taken_count += count
        return [self._records.popleft() for _ in range(count)]
