"""The six sections in their order.

A failure ends the demo with its code's exit status, and the server with it, `--keep` or not.
"""

import argparse
import contextlib
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

import pyarrow as pa

from velaria.flight_server.client import Client, connect
from velaria.flight_server.demo import flights as data
from velaria.flight_server.demo import history, lane, live, next_commands, questions
from velaria.flight_server.demo.process import DemoServer
from velaria.flight_server.demo.screen import Stopwatch, heading, say, show_sql, show_table
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

SECTIONS = (
    "A server and a year of flights",
    "A live stream",
    "Five questions",
    "How an answer is made",
    "The same by worker processes",
    "What has run, and what to type next",
)

TERMINATED = 128 + signal.SIGTERM


def main(arguments: Sequence[str]) -> int:
    args = _parse(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    folder = data.data_folder()
    watch = Stopwatch()
    print(f"Velaria: the {data.FLIGHT_COUNT:,} flights that left New York City in 2013\n")
    with _serving(folder, keep=args.keep) as server:
        with connect(server.uri) as client:
            _show_sections(client, folder, wants_lane=args.lane)
        if args.keep:
            _show_commands(
                f"All took {watch}. The server stays, with process id {server.pid}; the last "
                f"command ends it. Its log and its run history are in {server.folder}.",
                next_commands.with_server(server.uri, folder),
            )
    if not args.keep:
        _show_commands(
            f"All took {watch}, and the server has ended. With --keep it stays, and there is more "
            "to type.",
            next_commands.without_server(wants_lane=args.lane),
        )
    return 0


class _Parser(argparse.ArgumentParser):
    """A wrong command line is a coded failure, like every other."""

    def error(self, message: str) -> NoReturn:
        raise VelariaError(codes.BAD_REQUEST, f"velaria demo: {message}")


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = _Parser(prog="velaria demo", description="Show the main features on real data.")
    parser.add_argument("--keep", action="store_true", help="leave the server running")
    parser.add_argument(
        "--no-lane", dest="lane", action="store_false", help="leave the actor lane out"
    )
    return parser.parse_args(arguments)


@contextlib.contextmanager
def _serving(folder: Path, *, keep: bool) -> Iterator[DemoServer]:
    heading(1, SECTIONS[0])
    watch = Stopwatch()
    server = DemoServer(survives=keep, allow_path=folder)
    try:
        say(f"`velaria serve` is ready at {server.uri} in {watch}; its process id is {server.pid}.")
        yield server
    except BaseException:
        server.stop()
        raise
    if keep:
        server.keep()
        return
    log_end = server.log_end()
    status = server.stop()
    if status != 0:
        raise VelariaError(
            codes.INTERNAL, f"the server did not end well; exit status: {status}", detail=log_end
        )


def _show_sections(client: Client, folder: Path, *, wants_lane: bool) -> None:
    flights = _load(client, folder)
    heading(2, SECTIONS[1])
    live.run(client, flights)
    heading(3, SECTIONS[2])
    questions.ask_all(client)
    heading(4, SECTIONS[3])
    _explain(client)
    heading(5, SECTIONS[4])
    reason = lane.reason_to_leave_out(wants_lane)
    if reason is None:
        lane.run(client)
    else:
        say(reason)
    heading(6, SECTIONS[5])
    history.show(client, lane_ran=reason is None)


def _load(client: Client, folder: Path) -> pa.Table:
    """Put the five tables; the flights are given back for the stream."""
    say("Five tables go in by DoPut; each is made by its first batch:")
    rows, flights = [], None
    for name in data.COLUMNS:
        table = data.read_table(folder, name)
        watch = Stopwatch()
        row_count = client.put(table, name)
        rows.append(
            [name, row_count, table.num_columns, f"{table.nbytes / 1e6:.1f} MB", str(watch)]
        )
        flights = table if name == "flights" else flights
    show_table(["table", "rows", "columns", "size", "put"], rows)
    assert flights is not None
    say(
        "The flights have their scheduled departure, by the clocks of New York, as sched_dep: "
        "it is the event time of the stream that comes now."
    )
    return flights


def _explain(client: Client) -> None:
    question = questions.EXPLAINED
    say(f"Explain runs nothing. For the question: {question.text}")
    told = client.explain(question.sql)
    for section in ("logical", "physical", "strategy"):
        print(f"  {section}:")
        show_sql(getattr(told, section).rstrip())


def _show_commands(text: str, commands: Sequence[str]) -> None:
    say(text)
    print(next_commands.TITLE)
    for command in commands:
        print(f"  {command}")
    sys.stdout.flush()
