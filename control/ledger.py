"""The run ledger: what ran, in which parts, how often it was tried, and how it ended.

    ledger = open_ledger("embedded", data_dir)
    run = ledger.start_run("query", "SELECT 1", query_id)
    run.finish("succeeded", rows=1)
    ledger.close()

No call waits for Postgres. Records go to a bounded queue that one thread writes out; while Postgres
is away they go to a journal in the data directory and from there, once each, to Postgres when it is
back.
"""

import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from velaria.control.data_dir import LedgerFolder
from velaria.control.errors import LedgerError, bad_postgres_setting
from velaria.control.journal import Journal
from velaria.control.logs import control_logger
from velaria.control.memory_store import MemoryRunStore
from velaria.control.run import Run, Stage
from velaria.control.run_store import RunStore, Wanted
from velaria.control.system_tables import SystemTable, read_wanted, system_tables
from velaria.control.uuid7 import Uuid7Source
from velaria.control.writer import StoreState, Writer

if TYPE_CHECKING:
    from velaria.control.embedded import EmbeddedPostgres

__all__ = ["Ledger", "LedgerError", "Run", "Stage", "open_ledger"]

EMBEDDED_START_S_MAX = 30.0
CLOSE_S_MAX = 2.0


class Ledger:
    """One server's run history. Made by open_ledger(); close() ends it, and the embedded Postgres
    with it.
    """

    def __init__(
        self,
        writer: Writer,
        store: RunStore,
        boot_id: uuid.UUID,
        new_id: Uuid7Source,
        postgres: "EmbeddedPostgres | None" = None,
        folder: LedgerFolder | None = None,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._writer = writer
        self._store = store
        self._boot_id = boot_id
        self._new_id = new_id
        self._postgres = postgres
        self._folder = folder
        self._clock_ns = clock_ns
        self._closed = False
        writer.start()

    def start_run(
        self,
        kind: str,
        text: str,
        query_id: str,
        elapsed_us: int = 0,
        principal: str | None = None,
    ) -> Run:
        """Record that a query, stream or job has begun, elapsed_us ago, and for whom. The caller
        must finish() the run.
        """
        queue = self._writer.queue
        started_us = self._clock_ns() // 1000 - elapsed_us
        return Run(
            self._new_id(),
            self._boot_id,
            kind,
            text,
            query_id,
            started_us,
            queue.put,
            queue.put_sample,
            elapsed_us,
            principal,
        )

    def health(self) -> str:
        """ "ok", "degraded" (records go to the journal) or "off" (no Postgres keeps them)."""
        if isinstance(self._store, MemoryRunStore):
            return "off"
        if self._writer.state is StoreState.STARTING:
            return "ok"
        return "ok" if self._writer.is_complete else "degraded"

    def health_reason(self) -> str:
        """Why health() is "degraded", in words without secrets; empty when it is not."""
        if self.health() != "degraded":
            return ""
        refusal = ["the journal takes no more records"] if self._writer.journal_refuses else []
        return "; ".join([self._writer.reason or "the journal is being replayed", *refusal])

    def keep_for(self, days: int) -> None:
        """Drop what began more than `days` days ago, now and once a day; 0 keeps all, as it is
        before the first call. A day is dropped whole, and not while a run of it has not ended."""
        self._writer.retention.keep_for(days)
        self._writer.queue.wake()

    def retention_reason(self) -> str:
        """Why a day that is over is still kept, in words without secrets; empty when none is."""
        return self._writer.retention.reason

    def statistics(self) -> dict[str, int]:
        """Counts since the start.

        Dropped are samples that found the queue half full; refused are records that Postgres can
        never take; lost are records that came after close() or found no room on any disk.
        """
        queue = self._writer.queue
        return {
            "queued_record_count": len(queue),
            "dropped_sample_count": queue.dropped_sample_count,
            "refused_record_count": self._store.refused_record_count,
            "lost_record_count": self._writer.lost_record_count + queue.refused_record_count,
        }

    def system_tables(self) -> dict[str, SystemTable]:
        """name -> (schema, open) of runs, stages, attempts and events, for the kernel."""
        return system_tables(self._writer, self._store)

    def runs(
        self, limit: int, state: str | None = None, principal: str | None = None
    ) -> list[dict[str, Any]]:
        """The newest runs first, at most `limit`, each as a row of system.runs: those of a state,
        and those that began for a principal. LedgerError VEL5003 as system_tables() says."""
        wanted = Wanted(limit, state=state, principal=principal)
        return read_wanted("runs", self._writer, self._store, wanted)

    def run_told(self, name: str, principal: str | None = None) -> dict[str, Any] | None:
        """One run by its run_id or, where that names none, the newest by its query_id: `run`, a row
        of system.runs, and its `stages`, `attempts` and `events`, rows of their tables. None where
        there is none, or none that began for the principal. LedgerError VEL5003 as system_tables()
        says."""
        runs: list[dict[str, Any]] = []
        run_id = _run_id_of(name)
        if run_id is not None:
            by_id = Wanted(1, run_id=run_id, principal=principal)
            runs = read_wanted("runs", self._writer, self._store, by_id)
        if not runs:
            by_query = Wanted(1, known_as=name, principal=principal)
            runs = read_wanted("runs", self._writer, self._store, by_query)
        if not runs:
            return None
        its = Wanted(1, run_id=uuid.UUID(runs[0]["run_id"]))
        parts = ("stages", "attempts", "events")
        told = {part: read_wanted(part, self._writer, self._store, its) for part in parts}
        return {"run": runs[0], **told}

    def flush(self, timeout: float) -> bool:
        """Wait until the store has all that was recorded before; False at the timeout (s)."""
        return self._writer.flush(timeout)

    def close(self) -> None:
        """Write what is queued to Postgres or the journal, and end, within a few seconds."""
        if self._closed:
            return
        self._closed = True
        self._writer.stop(CLOSE_S_MAX)
        self._store.close()
        if self._postgres is not None:
            self._postgres.stop()
        if self._folder is not None:
            self._folder.close()


def _run_id_of(name: str) -> uuid.UUID | None:
    """None for what is written as no run_id is."""
    try:
        found = uuid.UUID(name)
    except ValueError:
        return None
    return found if str(found) == name.lower() else None


def open_ledger(where: str | None, data_dir: Path | None) -> Ledger:
    """Open the run history: "embedded" Postgres, a DSN, or, for None and "none", memory.

    Returns before Postgres answers: records wait meanwhile. data_dir holds the journal and the
    embedded database; without one they are in a temporary folder that close() deletes.
    LedgerError when the choice cannot work on this machine.
    """
    log = control_logger()
    boot_id, new_id = uuid.uuid4(), Uuid7Source()
    if where is None or where == "none":
        memory = MemoryRunStore()
        # Without a journal what the queue cannot hold would be lost.
        writer = Writer(memory, None, log, waits_for_room=True)
        return Ledger(writer, memory, boot_id, new_id)
    if where != "embedded" and "=" not in where and "://" not in where:
        raise bad_postgres_setting(
            "neither embedded, none nor a DSN", "A DSN starts with postgresql://."
        )
    # Psycopg takes a quarter of a server's start, and is not needed without Postgres.
    from velaria.control.connection import PostgresAddress
    from velaria.control.embedded import EmbeddedPostgres
    from velaria.control.store import PostgresRunStore

    given = None if where == "embedded" else PostgresAddress.from_dsn(where)
    folder = LedgerFolder(data_dir)
    try:
        journal = Journal(folder.path / "journal", new_id)
        if given is not None:
            store = PostgresRunStore(lambda: given, folder.server_id, boot_id, log)
            writer = Writer(store, journal, log)
            return Ledger(writer, store, boot_id, new_id, folder=folder)
        postgres = EmbeddedPostgres(folder.path, log)
    except Exception:
        folder.close()
        raise
    store = PostgresRunStore(postgres.address, folder.server_id, boot_id, log)
    writer = Writer(store, journal, log, start_grace_s=EMBEDDED_START_S_MAX)
    postgres.start()
    return Ledger(writer, store, boot_id, new_id, postgres, folder)
