"""1e7 events with 1,000 keys, in batches of 64k rows, through a tumbling count in this process.

Velaria takes the batches one by one and emits after each; DuckDB is given the whole at once, and a
loop of pyarrow kernels adds up batch by batch: neither keeps a stream's promises, so both are
references and the limit is in events per second.
"""

import threading
from functools import partial

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from bench.answers import check_same
from bench.case import Case, Finding
from bench.data import events
from bench.measure import VELARIA, Contender, Timing, measure
from bench.setting import Setting
from velaria import _kernel

EVENTS = 10_000_000
KEYS = 1_000
BATCH_ROWS = 65_536
WINDOW_MS = 10_000
LIMIT_EVENTS_PER_S = 15e6

TUMBLING_COUNT = f"""
    SELECT w, k, COUNT(*) AS n FROM events WINDOW BY ts EVERY {WINDOW_MS} AS w
    GROUP BY w, k EMIT PER BATCH
"""
IN_ONE = f"""
    SELECT time_bucket(INTERVAL '{WINDOW_MS // 1000} seconds', ts) AS w, k, COUNT(*) AS n
    FROM events GROUP BY ALL
"""


class TumblingCount:
    """One run: a stream, its query and a reader of what is emitted. Setting up is not timed."""

    def __init__(self, batches: list[pa.RecordBatch], threads: int) -> None:
        self._batches = batches
        self._threads = threads
        self.emitted: list[pa.RecordBatch] = []

    def prepare(self) -> None:
        self._session = _kernel.Session(threads=self._threads)
        self._session.execute("CREATE STREAM events (ts TIMESTAMP, k BIGINT)")
        self._query = self._session.start_stream(TUMBLING_COUNT, options={"start": False})
        self._subscription = self._query.subscribe()
        self._ingest = self._session.ingest("events", self._batches[0].schema)
        self._query.start()

    def run(self) -> None:
        """All batches in, all emissions out, the query ended."""
        self.emitted = []
        reader = threading.Thread(target=self._read)
        reader.start()
        for batch in self._batches:
            self._ingest.write(batch)
        self._session.end_input("events")
        self._query.await_termination()
        reader.join()
        self._query.failure()

    def _read(self) -> None:
        self.emitted.extend(self._subscription.reader())

    def final_counts(self) -> pa.Table:
        """The last row of each group: PER BATCH emits growing counts."""
        table = pa.Table.from_batches(self.emitted)
        return largest(table)


def run(setting: Setting) -> list[Case]:
    batches = events(setting.rows(EVENTS), KEYS, BATCH_ROWS)
    whole = pa.Table.from_batches(batches)
    connection = duckdb.connect(config={"threads": setting.threads})
    connection.register("events", whole)
    ours = TumblingCount(batches, setting.threads)
    ours.prepare()
    ours.run()
    expected = in_one(connection)
    check_same(VELARIA, ours.final_counts(), "duckdb", expected)
    check_same("pyarrow loop", loop(batches), "duckdb", expected)
    contenders = [
        Contender(VELARIA, ours.run, VELARIA, before=ours.prepare),
        Contender("duckdb, all at once", partial(in_one, connection), "reference"),
        Contender("pyarrow loop", partial(loop, batches), "reference"),
    ]
    timings = measure(contenders, setting.rounds)
    size = f"{whole.num_rows:,} events, {len(batches)} batches"
    return [Case("tumbling count", size, timings, findings_of(timings, whole.num_rows))]


def findings_of(timings: list[Timing], event_count: int) -> list[Finding]:
    speeds = {timing.name: event_count / timing.median_wall_s / 1e6 for timing in timings}
    findings = [
        Finding("speed", speeds.pop(VELARIA), " M events/s", LIMIT_EVENTS_PER_S / 1e6, True)
    ]
    return findings + [Finding(name, speed, " M/s") for name, speed in speeds.items()]


def in_one(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    return connection.sql(IN_ONE).to_arrow_table()


def loop(batches: list[pa.RecordBatch]) -> pa.Table:
    parts = [counted(batch) for batch in batches]
    table = pa.concat_tables(parts).group_by(["w", "k"]).aggregate([("n", "sum")])
    return table.rename_columns(["w", "k", "n"])


def counted(batch: pa.RecordBatch) -> pa.Table:
    window = pc.floor_temporal(batch["ts"], multiple=WINDOW_MS, unit="millisecond")
    rows = pa.table({"w": window, "k": batch["k"]})
    table = rows.group_by(["w", "k"]).aggregate([([], "count_all")])
    return table.rename_columns(["w", "k", "n"])


def largest(emitted: pa.Table) -> pa.Table:
    table = emitted.group_by(["w", "k"]).aggregate([("n", "max")])
    return table.rename_columns(["w", "k", "n"])
