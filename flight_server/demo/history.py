"""The run history, read back by SQL."""

import threading
import time

import pyarrow as pa

from velaria.flight_server.client import Client
from velaria.flight_server.demo.screen import say, show_sql, show_table
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

STORE_TIMEOUT_S = 60.0
_PAUSE_S = 0.2

BY_KIND = """SELECT kind, state, COUNT(*) AS runs, SUM(rows) AS rows,
       AVG(duration_ms) AS mean_ms, MAX(duration_ms) AS longest_ms
FROM system.runs GROUP BY kind, state ORDER BY kind, state"""

LONGEST = """SELECT kind, state, duration_ms, rows, text
FROM system.runs WHERE duration_ms IS NOT NULL
ORDER BY duration_ms DESC LIMIT 5"""

LANE_ATTEMPTS = """SELECT a.stage, a.number AS attempt, a.state, a.worker, a.duration_ms
FROM system.runs r JOIN system.attempts a ON r.run_id = a.run_id
WHERE r.kind = 'lane' ORDER BY a.stage, a.number"""


def show(client: Client, lane_ran: bool) -> None:
    say(
        "Every statement, DoPut and stream above is a run, written to Postgres off the query path "
        "and read back by the same SQL:"
    )
    statements = [BY_KIND, LONGEST] + ([LANE_ATTEMPTS] if lane_ran else [])
    for sql in statements:
        show_sql(sql)
        answer = read_when_ready(client, sql)
        show_table(answer.column_names, zip(*(c.to_pylist() for c in answer.columns), strict=True))


def read_when_ready(client: Client, sql: str) -> pa.Table:
    """A new Postgres takes some seconds to be made; until then the server says: retry later."""
    deadline_s = time.monotonic() + STORE_TIMEOUT_S
    pause = threading.Event()
    while True:
        try:
            return client.sql(sql).to_arrow()
        except VelariaError as fault:
            is_starting = fault.code == codes.LEDGER_UNAVAILABLE
            if not is_starting or time.monotonic() > deadline_s:
                raise
        pause.wait(_PAUSE_S)
