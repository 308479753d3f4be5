"""A stream in process: rows put in while a windowed query runs, and read as they change.

.venv/bin/python docs/examples/stream_demo.py
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

import velaria

START = datetime(2026, 1, 1, 12, 0, 0)
SCHEMA = pa.schema([("ts", pa.timestamp("us")), ("sensor", pa.string()), ("celsius", pa.float64())])

READINGS = [
    [(1, "attic", 19.0), (4, "cellar", 11.0), (9, "attic", 21.0)],
    [(12, "attic", 22.0), (8, "cellar", 12.0), (None, "cellar", 99.0)],
    [(21, "attic", 23.0), (3, "attic", 20.0)],
]
"""Seconds after the start; the second batch has a row out of order and one without a time."""

QUERY = """
    SELECT w, sensor, count(*) AS n, avg(celsius) AS mean
    FROM {source} WINDOW BY ts EVERY 10000 AS w
    GROUP BY w, sensor"""

Row = dict[str, Any]


def batch_of(rows: list[tuple[int | None, str, float]]) -> pa.RecordBatch:
    times = [None if second is None else START + timedelta(seconds=second) for second, _, _ in rows]
    columns = [times, [sensor for _, sensor, _ in rows], [celsius for _, _, celsius in rows]]
    return pa.record_batch(columns, schema=SCHEMA)


def follow(emissions: Iterator[pa.RecordBatch], live: dict[tuple[Any, ...], Row], n: int) -> None:
    """Read emissions until the newest row of each window and sensor accounts for n readings."""
    while sum(row["n"] for row in live.values()) < n:
        for row in next(emissions).to_pylist():
            live[row["w"], row["sensor"]] = row


def show(live: dict[tuple[Any, ...], Row]) -> None:
    for key in sorted(live):
        row = live[key]
        print(f"  {row['w']:%H:%M:%S} {row['sensor']:<6} n={row['n']} mean={row['mean']:.1f}")


def main() -> None:
    with velaria.Session() as session:
        session.sql("CREATE STREAM readings (ts TIMESTAMP, sensor VARCHAR, celsius DOUBLE)")
        query = session.stream_sql(QUERY.format(source="readings")).query("means")
        emissions = query.batches()

        live: dict[tuple[Any, ...], Row] = {}
        timed_count = 0
        for number, rows in enumerate(READINGS, start=1):
            session.put(batch_of(rows), "readings")
            timed_count += sum(second is not None for second, _, _ in rows)
            follow(emissions, live, timed_count)
            print(f"After batch {number}:")
            show(live)

        progress = query.stop()
        print(f"The query is {query.status}; rows in: {progress['rows_in']}, ", end="")
        print(f"without a time: {progress['rows_late']}")

        print("Rows without a time are kept apart:")
        session.sql('SELECT sensor, celsius, _late_reason FROM "means$late"').show()

        for rows in READINGS:
            session.put(batch_of(rows), "all_readings")
        batch = session.sql(QUERY.format(source="all_readings"))
        same = {(row["w"], row["sensor"]): row for row in batch.to_arrow().to_pylist()} == live
        print("The same SQL over a table gives the same rows:", same)


if __name__ == "__main__":
    main()
