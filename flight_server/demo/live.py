"""The live part: flights go in by DoPut while a windowed query runs over them, and what a
subscriber has seen at the end is compared with the batch answer over the same rows.
"""

import calendar
import threading
from collections.abc import Mapping
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.flight as flight

from velaria.flight_server.client import Client
from velaria.flight_server.client_errors import typed_errors
from velaria.flight_server.demo.flights import STREAM_COLUMNS, by_month
from velaria.flight_server.demo.screen import Stopwatch, duration, say, show_sql, show_table
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError
from velaria.schemas.tickets import SubscribeCommand

CREATE_STREAM = """CREATE STREAM departures (sched_dep TIMESTAMP, carrier VARCHAR, flight INTEGER,
                          origin VARCHAR, dest VARCHAR, dep_delay INTEGER)"""

DAILY = """SELECT w, carrier, COUNT(*) AS n, AVG(dep_delay) AS delay
FROM {table} WINDOW BY sched_dep EVERY 86400000 AS w
GROUP BY w, carrier"""
"""Departures per day and airline: the same text over the stream and over the table."""

QUERY_NAME = "daily"
SEEN_TIMEOUT_S = 20.0

WORST_FLIGHTS_MIN = 20
"""A day and airline with fewer flights is not called the worst."""

PROGRESS_SHOWN = (
    "status",
    "batches_processed",
    "rows_in",
    "rows_out",
    "rows_late",
    "state_bytes",
    "last_batch_latency_ms",
)

Key = tuple[Any, ...]


class LiveTable:
    """What a subscriber knows: the newest row of each day and airline.

    A thread of its own reads the emissions. The subscription stands before the constructor
    returns, so whatever is put afterwards is seen.
    """

    def __init__(self, client: Client, query_id: str) -> None:
        ticket = msgspec.msgpack.encode(SubscribeCommand(query_id=query_id))
        self.rows: dict[Key, dict[str, Any]] = {}
        self.emitted_row_count = 0
        self.flight_count = 0
        self._changed = threading.Condition()
        self._has_ended = False
        self._fault: VelariaError | None = None
        with typed_errors():
            self._reader = client.flight.do_get(flight.Ticket(ticket))
            _ = self._reader.schema  # the server sends it once the subscription stands
        self._thread = threading.Thread(target=self._read, name="demo-subscriber", daemon=True)
        self._thread.start()

    def wait_for(self, flight_count: int) -> None:
        """Until the rows seen account for so many flights."""
        with self._changed:
            self._changed.wait_for(
                lambda: self.flight_count >= flight_count or self._has_ended, SEEN_TIMEOUT_S
            )
            if self._fault is not None:
                raise self._fault.anew()
            if self.flight_count != flight_count:
                raise VelariaError(
                    codes.INTERNAL,
                    f"the subscriber has not seen every flight: sent={flight_count}, "
                    f"seen={self.flight_count}",
                )

    def wait_ended(self) -> None:
        self._thread.join(SEEN_TIMEOUT_S)
        if self._fault is not None:
            raise self._fault.anew()
        if self._thread.is_alive():
            raise VelariaError(codes.INTERNAL, "the query ended, but its subscriber did not")

    def worst_of(self, month: int) -> dict[str, Any]:
        with self._changed:
            return max(
                (
                    row
                    for row in self.rows.values()
                    if row["w"].month == month and row["n"] >= WORST_FLIGHTS_MIN
                ),
                key=lambda row: row["delay"] or 0.0,
            )

    def _read(self) -> None:
        try:
            with typed_errors():
                for chunk in self._reader:
                    if chunk.data is not None:
                        self._take(chunk.data)
        except VelariaError as fault:
            self._fault = fault.anew()
        finally:
            with self._changed:
                self._has_ended = True
                self._changed.notify_all()

    def _take(self, batch: pa.RecordBatch) -> None:
        with self._changed:
            for row in batch.to_pylist():
                before = self.rows.get(key_of(row))
                self.flight_count += row["n"] - (before["n"] if before else 0)
                self.rows[key_of(row)] = row
            self.emitted_row_count += batch.num_rows
            self._changed.notify_all()


def key_of(row: Mapping[str, Any]) -> Key:
    return row["w"], row["carrier"]


def run(client: Client, flights: pa.Table) -> None:
    """`flights` are in the table of that name already."""
    client.sql(CREATE_STREAM)
    sql = DAILY.format(table="departures")
    say("A stream is made and a query over it started: departures per day and airline.")
    show_sql(sql)
    query = client.start_stream(sql, QUERY_NAME)
    live = LiveTable(client, query.query_id)
    say(
        f"""The year goes in by DoPut, month by month; a subscriber follows by DoGet. "seen" is the
        time from the start of the DoPut until all its flights have come back in the windows'
        rows; "worst" is the worst day and airline ({WORST_FLIGHTS_MIN} flights or more) by the
        mean delay in minutes, as the subscriber knows it."""
    )
    watch = Stopwatch()
    show_table(
        ["month", "flights in", "put", "seen", "rows emitted", "worst day", "airline", "delay"],
        [_send_month(client, live, month, rows) for month, rows in by_month(flights)],
    )
    took = str(watch)
    progress = query.stop("drain")
    live.wait_ended()
    say(f"{live.flight_count:,} flights in {took}. What the query says of itself:")
    show_table(PROGRESS_SHOWN, [[progress[name] for name in PROGRESS_SHOWN]])
    answer = client.sql(DAILY.format(table="flights")).to_arrow()
    check_equal(live.rows, answer)
    say(
        f"""Check: the same SQL over the table flights, asked as a batch, gives
        {answer.num_rows:,} rows. The live result has {len(live.rows):,}, and all are equal."""
    )


def _send_month(client: Client, live: LiveTable, month: int, rows: pa.Table) -> list[Any]:
    sent_before, emitted_before = live.flight_count, live.emitted_row_count
    watch = Stopwatch()
    client.put(rows.select(STREAM_COLUMNS), "departures")
    put_s = watch.seconds
    live.wait_for(sent_before + rows.num_rows)
    seen_s = watch.seconds
    worst = live.worst_of(month)
    return [
        calendar.month_abbr[month],
        rows.num_rows,
        duration(put_s),
        duration(seen_s),
        live.emitted_row_count - emitted_before,
        worst["w"],
        worst["carrier"],
        worst["delay"],
    ]


def check_equal(live_rows: Mapping[Key, Mapping[str, Any]], answer: pa.Table) -> None:
    """Raise unless the live rows are the answer's, value by value."""
    expected = {key_of(row): row for row in answer.to_pylist()}
    if len(expected) != answer.num_rows:
        raise VelariaError(codes.INTERNAL, "the batch answer has a day and airline twice")
    for key in sorted(expected.keys() | live_rows.keys()):
        if live_rows.get(key) != expected.get(key):
            raise VelariaError(
                codes.INTERNAL,
                f"the live result differs from the batch answer: live={live_rows.get(key)}, "
                f"batch={expected.get(key)}",
            )
