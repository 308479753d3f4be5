"""When the open runs of other servers are ended: not before they were away for long."""

import uuid
from typing import Any

import pytest

from velaria.control.logs import control_logger
from velaria.control.lost_servers import LOOK_S, LOST_AFTER_S, LostServers
from velaria.control.memory_store import MemoryRunStore
from velaria.control.run_store import StoreAway

A, B = uuid.uuid4(), uuid.uuid4()


class Others(MemoryRunStore):
    """A store in which the servers of `away` have runs open; `ended` are those whose were ended."""

    def __init__(self) -> None:
        super().__init__()
        self.away: list[uuid.UUID] = []
        self.ended: list[uuid.UUID] = []
        self.fault: Exception | None = None

    def servers_away(self) -> list[uuid.UUID]:
        if self.fault is not None:
            raise self.fault
        return self.away

    def end_runs_of(self, server_id: uuid.UUID) -> int:
        self.ended.append(server_id)
        self.away = [other for other in self.away if other != server_id]
        return 1


class Looking:
    """Looks whenever it is due, until a time."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.store = Others()
        self.servers = LostServers(lambda: self.now_s)
        self._log: Any = control_logger()

    def until(self, now_s: float) -> list[uuid.UUID]:
        while self.now_s + self.servers.wait_s() <= now_s:
            self.now_s += self.servers.wait_s()
            self.servers.look(self.store, self._log)
        self.now_s = now_s
        return self.store.ended


def test_who_was_away_for_long_is_lost() -> None:
    looking = Looking()
    looking.store.away = [A]
    assert looking.until(LOST_AFTER_S - 1) == []
    assert looking.until(LOST_AFTER_S + LOOK_S) == [A]
    assert looking.until(3 * LOST_AFTER_S) == [A]


def test_who_comes_back_begins_anew() -> None:
    looking = Looking()
    looking.store.away = [A, B]
    assert looking.until(LOST_AFTER_S / 2) == []
    looking.store.away = [B]
    assert looking.until(LOST_AFTER_S - LOOK_S) == []
    looking.store.away = [A, B]
    assert looking.until(LOST_AFTER_S + LOOK_S) == [B]
    assert looking.until(2 * LOST_AFTER_S - 2 * LOOK_S) == [B]
    assert looking.until(2 * LOST_AFTER_S + LOOK_S) == [B, A]


def test_the_time_in_which_the_store_was_away_itself_does_not_count() -> None:
    looking = Looking()
    looking.store.away = [A]
    assert looking.until(LOST_AFTER_S - LOOK_S) == []
    looking.store.fault = StoreAway("away")
    with pytest.raises(StoreAway):
        looking.until(LOST_AFTER_S)
    looking.store.fault = None
    looking.now_s = 5 * LOST_AFTER_S
    looking.servers.begin()
    assert looking.until(6 * LOST_AFTER_S - LOOK_S) == []
    assert looking.until(6 * LOST_AFTER_S + LOOK_S) == [A]
