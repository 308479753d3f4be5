"""What to type next: each line can be pasted into a shell as it stands."""

import os
import shlex
import sys
from pathlib import Path

from velaria.flight_server.demo.process import velaria_command

TITLE = "Type next:"

BUSIEST = (
    "SELECT dest, count(*) AS flights, avg(arr_delay) AS delay "
    "FROM flights GROUP BY dest ORDER BY flights DESC LIMIT 10"
)
HOURLY = (
    "SELECT w, count(*) AS n, avg(dep_delay) AS delay "
    "FROM departures WINDOW BY sched_dep EVERY 3600000 AS w GROUP BY w"
)
PLAIN_CLIENT = (
    "from pyarrow import flight; "
    "print(flight.connect({uri!r}).do_get(flight.Ticket(b'SELECT * FROM airlines')).read_all())"
)


def with_server(uri: str, folder: Path) -> list[str]:
    """Commands for the server that stays; the last one ends it."""
    at = ["--server", uri]
    return [
        _velaria("tables", *at),
        _velaria("sql", *at, BUSIEST),
        _velaria("sql", *at, f"SELECT * FROM '{folder / 'airlines.csv'}' LIMIT 3"),
        _velaria("explain", *at, BUSIEST),
        _velaria("stream", "start", *at, "--name", "hourly", HOURLY),
        _velaria("stream", "progress", *at, "hourly"),
        _velaria("stream", "stop", *at, "hourly"),
        _velaria("runs", *at, "--limit", "10"),
        shlex.join([_shown(sys.executable), "-c", PLAIN_CLIENT.format(uri=uri)]),
        _velaria("action", *at, "server.drain"),
    ]


def without_server(*, wants_lane: bool) -> list[str]:
    again = ["demo", "--keep"] if wants_lane else ["demo", "--keep", "--no-lane"]
    return [_velaria("doctor"), _velaria("serve", "--help"), _velaria(*again)]


def _velaria(*words: str) -> str:
    return shlex.join([*map(_shown, velaria_command()), *words])


def _shown(path: str) -> str:
    """A program below the current directory by its relative path, which is easier to read."""
    relative = os.path.relpath(path) if os.path.isabs(path) else path
    return path if relative.startswith("..") else relative
