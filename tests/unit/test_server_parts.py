"""A query that is read by several ends with the last of them that still reads."""

import weakref
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pyarrow as pa
import pytest

from velaria.flight_server.parts import PartedReading, Started
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

SCHEMA = pa.schema([("a", pa.int64())])
SILENT = VelariaError(codes.CALL_IDLE, "it reads nothing")


class Query:
    """What a reading is told of and tells: a kernel's result and its run."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.result: Any = SimpleNamespace(
            schema=SCHEMA, row_count=0, cancel=lambda: self.told.append("cancel")
        )
        self.tracked: Any = SimpleNamespace(
            cancel=lambda rows: self.told.append("cancelled"),
            finish=lambda rows: self.told.append("finished"),
            give_up=lambda reason: self.told.extend((reason, "cancel")),
            ask_cancel=lambda: self.told.append("cancel"),
        )

    def start(self) -> Started:
        rows: Iterator[pa.RecordBatch] = iter(())
        return Started(self.tracked, self.result, rows, lambda: self.told.append("close"))


@pytest.fixture
def query() -> Query:
    return Query()


@pytest.fixture
def reading(query: Query) -> PartedReading:
    """With three of its parts being read."""
    made = PartedReading()
    for part in range(3):
        made.enter(part, query.start)
    return made


def test_readers_that_are_all_gone_end_the_query_before_their_calls_end(
    query: Query, reading: PartedReading
) -> None:
    reading.break_off(0)
    reading.break_off(1)
    reading.break_off(1)
    assert query.told == []
    reading.break_off(2, SILENT)
    assert query.told == [SILENT, "cancel"]


def test_the_one_that_still_reads_leaves_only_the_gone(
    query: Query, reading: PartedReading
) -> None:
    reading.break_off(0)
    reading.break_off(2)
    assert query.told == []
    reading.leave(1)
    assert query.told == ["cancel"]
    reading.leave(0)
    reading.leave(2)
    assert query.told[-2:] == ["cancelled", "close"]


def unwanted() -> Started:
    pytest.fail("it is started again")


def begun(query: Query, reading: PartedReading) -> weakref.ref[Started]:
    """By its first part; what the reading holds of it."""
    started = query.start()
    reading.enter(0, lambda: started)
    return weakref.ref(started)


def test_of_a_query_that_is_over_only_its_end_is_kept(query: Query) -> None:
    reading = PartedReading()
    kept = begun(query, reading)
    assert kept() is not None
    reading.leave(0)
    assert kept() is None
    with pytest.raises(VelariaError, match="VEL3010"):
        reading.enter(1, unwanted)


def test_who_comes_when_all_is_handed_out_finds_no_rows(query: Query) -> None:
    reading, reader = PartedReading(), cast(Any, None)  # of no batch
    kept = begun(query, reading)
    assert list(reading.batches(reader)) == []
    assert kept() is None
    reading.enter(1, unwanted)
    assert (list(reading.batches(reader)), reading.schema) == ([], SCHEMA)
    reading.leave(0)
    reading.leave(1)
    assert query.told == ["finished", "close"]


def test_who_has_gone_and_left_counts_no_more(query: Query, reading: PartedReading) -> None:
    reading.break_off(0)
    reading.leave(0)
    reading.leave(1)
    assert query.told == [], "one still reads"
    reading.leave(2)
    assert query.told == ["cancel", "cancelled", "close"]
