"""One question through the actor lane: a process of its own, started as a person would start it."""

import importlib.util
import subprocess

import msgspec

from velaria.flight_server.client import Client
from velaria.flight_server.demo.process import velaria_command
from velaria.flight_server.demo.screen import Stopwatch, say, show_sql, show_table
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

WORKER_COUNT = 2
LANE_TIMEOUT_S = 120

SQL = """SELECT origin, COUNT(*) AS flights, AVG(dep_delay) AS mean_delay, MAX(distance) AS farthest
FROM flights GROUP BY origin ORDER BY origin"""


def reason_to_leave_out(is_wanted: bool) -> str | None:
    if not is_wanted:
        return "Left out, as --no-lane says."
    if importlib.util.find_spec("ray") is None:
        return (
            "Left out: Ray is not installed, and the lane's workers are Ray actors. "
            "Everything else works without it; `make lane` installs it."
        )
    return None


def run(client: Client) -> None:
    say(
        f"The kernel splits an aggregate query into plan fragments, {WORKER_COUNT} worker "
        "processes run them on parts of the table, and the kernel merges what they found:"
    )
    show_sql(SQL)
    watch = Stopwatch()
    rows = ask_lane(client.uri)
    took = str(watch)
    names = list(rows[0]) if rows else []
    show_table(names, [list(row.values()) for row in rows])
    expected = client.sql(SQL).to_arrow().to_pylist()
    if rows != expected:
        raise VelariaError(
            codes.INTERNAL, f"the lane's rows differ from the server's: {rows} for {expected}"
        )
    say(
        f"Took {took}, the start of Ray and of its workers included. The server alone gives the "
        "same rows."
    )


def ask_lane(uri: str) -> list[dict[str, object]]:
    command = [*velaria_command(), "lane", "run", "--server", uri]
    command += ["--workers", str(WORKER_COUNT), "--output", "json", SQL]
    try:
        done = subprocess.run(
            command, capture_output=True, stdin=subprocess.DEVNULL, timeout=LANE_TIMEOUT_S
        )
    except subprocess.TimeoutExpired:
        raise VelariaError(
            codes.LANE_UNAVAILABLE, f"the lane did not answer in time; seconds: {LANE_TIMEOUT_S}"
        ) from None
    if done.returncode != 0:
        raise VelariaError(
            codes.LANE_UNAVAILABLE,
            f"the lane ended with exit status {done.returncode}",
            detail=done.stderr.decode("utf-8", "replace")[-2000:],
        )
    return [msgspec.json.decode(line) for line in done.stdout.splitlines() if line.strip()]
