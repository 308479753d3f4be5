"""The statements of the Postgres store, apart from the code that runs them."""

from dataclasses import asdict
from typing import Any

from velaria.control.run_store import Wanted
from velaria.schemas import errors as codes

# Where a batch lands by binary COPY, one per connection. Columns and their order are Record's.
INCOMING = """
CREATE TEMPORARY TABLE IF NOT EXISTS incoming (
    run_id uuid, seq int, role text, name text, at_us bigint, boot_id uuid, query_id text,
    kind text, text text, stage text, number int, state text, started_us bigint,
    finished_us bigint, rows bigint, worker text, error_code text, error_message text, fields text
) ON COMMIT DELETE ROWS
"""
INCOMING_TYPES = (
    *("uuid", "int4", "text", "text", "int8", "uuid", "text", "text", "text", "text", "int4"),
    *("text", "int8", "int8", "int8", "text", "text", "text", "text"),
)
COPY = "COPY pg_temp.incoming FROM STDIN (FORMAT BINARY)"

LOST = "its server is gone"

# Moves a batch into the four tables. Doing it twice, or the end of a run before its beginning,
# gives the same rows: an end repeats the beginning, so the record with the highest seq is enough,
# and what has ended is not changed again, unless it was another server that took it for lost.
FOLD = f"""
INSERT INTO velaria.event (run_id, seq, occurred_at, name, fields)
    SELECT run_id, seq, velaria.time_of(at_us), name, fields::jsonb
    FROM pg_temp.incoming
    ON CONFLICT DO NOTHING;

INSERT INTO velaria.run AS r (run_id, query_id, kind, text, state, started_at, finished_at, rows,
                              error_code, error_message, attempts, server_id, boot_id)
    SELECT DISTINCT ON (run_id)
           run_id, query_id, kind, text, state, velaria.time_of(started_us),
           velaria.time_of(finished_us), rows, error_code, error_message, coalesce(number, 0),
           '{{server_id}}', boot_id
    FROM pg_temp.incoming WHERE role = 'run' ORDER BY run_id, seq DESC
    ON CONFLICT (run_id) DO UPDATE SET
        state = excluded.state, finished_at = excluded.finished_at, rows = excluded.rows,
        error_code = excluded.error_code, error_message = excluded.error_message,
        attempts = excluded.attempts
    WHERE excluded.finished_at IS NOT NULL
      AND (r.finished_at IS NULL OR r.error_message = '{LOST}');

INSERT INTO velaria.stage AS s (run_id, number, name, state, started_at, finished_at, rows)
    SELECT DISTINCT ON (run_id, number)
           run_id, number, stage, state, velaria.time_of(started_us),
           velaria.time_of(finished_us), rows
    FROM pg_temp.incoming WHERE role = 'stage' ORDER BY run_id, number, seq DESC
    ON CONFLICT (run_id, number) DO UPDATE SET
        state = excluded.state, finished_at = excluded.finished_at, rows = excluded.rows
    WHERE s.finished_at IS NULL AND excluded.finished_at IS NOT NULL;

INSERT INTO velaria.attempt (run_id, seq, stage, number, state, started_at, finished_at, worker,
                             error)
    SELECT run_id, seq, stage, number, state, velaria.time_of(started_us),
           velaria.time_of(finished_us), worker, error_message
    FROM pg_temp.incoming WHERE role = 'attempt'
    ON CONFLICT DO NOTHING
"""

# The code is what the clients of such a run were told.
CLOSE_ORPHANS = f"""
UPDATE velaria.run
SET state = 'failed', finished_at = greatest(now(), started_at),
    error_code = '{codes.CONNECTION}', error_message = 'the server ended before the run did'
WHERE server_id = %s AND boot_id <> %s AND finished_at IS NULL
"""

OTHERS_WITH_OPEN_RUNS = """
SELECT DISTINCT server_id FROM velaria.run WHERE finished_at IS NULL AND server_id <> %s
"""

END_RUNS_OF = f"""
UPDATE velaria.run
SET state = 'failed', finished_at = greatest(now(), started_at),
    error_code = '{codes.CONNECTION}', error_message = '{LOST}'
WHERE server_id = %s AND finished_at IS NULL
"""

_SPAN = """velaria.micros_of(started_at), velaria.micros_of(finished_at),
    (velaria.micros_of(finished_at) - velaria.micros_of(started_at)) / 1000.0::float8"""

# By system table, in its column order; times in microseconds.
READ = {
    "runs": f"""
SELECT run_id::text, query_id, kind, text, state, {_SPAN}, rows, error_code, error_message, attempts
FROM velaria.run""",
    "stages": f"""
SELECT run_id::text, number, name, state, {_SPAN}, rows
FROM velaria.stage""",
    "attempts": f"""
SELECT run_id::text, stage, number, state, {_SPAN}, worker, error
FROM velaria.attempt""",
    "events": """
SELECT run_id::text, seq, velaria.micros_of(occurred_at), name, fields::text
FROM velaria.event""",
}

# Named with their tables: a bare run_id is the text that is read, which no index orders.
_ORDER = {
    "runs": "run.run_id DESC",
    "stages": "stage.run_id DESC, number",
    "attempts": "attempt.run_id DESC, seq",
    "events": "event.run_id DESC, seq",
}

# What a run is wanted for, by the field of Wanted. Its principal stands in its first event.
_CONDITIONS = {
    "known_as": "query_id = %(known_as)s",
    "run_id": "run_id = %(run_id)s",
    "state": "state = %(state)s",
    "principal": """EXISTS (
    SELECT FROM velaria.event e
    WHERE e.run_id = run.run_id AND e.seq = 0 AND e.fields ->> 'principal' = %(principal)s)""",
}


def read_wanted(table: str, wanted: Wanted) -> tuple[str, dict[str, Any]]:
    """The statement that reads what is wanted, newest run first, and its parameters. It reads by
    the indexes on run_id and query_id, and backwards from the newest run."""
    values = asdict(wanted)
    told = [text for field, text in _CONDITIONS.items() if values[field] is not None]
    where = f"WHERE {' AND '.join(told)}" if told else ""
    newest = f"{where} ORDER BY {_ORDER['runs']} LIMIT %(limit)s"
    if table == "runs":
        return f"{READ[table]} {newest}", values
    runs = f"SELECT run_id FROM velaria.run {newest}"
    return f"{READ[table]} WHERE run_id IN ({runs}) ORDER BY {_ORDER[table]}", values
