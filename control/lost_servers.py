"""Ends the runs of servers that are gone: killed, with a data directory that nobody starts again.

Each server holds a lock of the database as long as its connection for writing lasts. One that has
runs open and does not hold its lock may only have lost Postgres for a while, so it is waited for;
should it come back after all, the end of a run that it tells counts.
"""

import time
import uuid
from collections.abc import Callable
from typing import Any

from velaria.control.run_store import RunStore

LOOK_S = 60.0
LOST_AFTER_S = 900.0
"""Servers that are alive try Postgres again every few seconds."""


class LostServers:
    """Asked by the writer's thread alone. Time counts only while this server is itself connected,
    so that an outage of Postgres makes nobody lost."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._away_since_s: dict[uuid.UUID, float] = {}
        self._look_at_s = clock_s()

    def begin(self) -> None:
        """The store has been connected to."""
        self._away_since_s.clear()
        self._look_at_s = self._clock_s()

    def wait_s(self) -> float:
        """How long until look() is due."""
        return max(0.0, self._look_at_s - self._clock_s())

    def look(self, store: RunStore, log: Any) -> None:
        """End the runs of those that were away for long. StoreAway when the store is."""
        now_s = self._clock_s()
        self._look_at_s = now_s + LOOK_S
        since_s = self._away_since_s
        self._away_since_s = {
            server_id: since_s.get(server_id, now_s) for server_id in store.servers_away()
        }
        for server_id, away_s in self._away_since_s.items():
            if now_s - away_s < LOST_AFTER_S:
                continue
            run_count = store.end_runs_of(server_id)
            if run_count:
                log.info("run_history_server_lost", server_id=str(server_id), run_count=run_count)
