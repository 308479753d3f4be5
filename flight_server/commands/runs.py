"""Show the newest runs, or one run with its stages, attempts and events."""

import argparse

from velaria.flight_server.commands.options import add_server, client_of
from velaria.flight_server.commands.output import FORMATS, print_columns, write_json_lines
from velaria.schemas.run import RUNS_LISTED_MAX

SHOWN = ("run_id", "kind", "state", "duration_ms", "rows", "error_code", "text")
TEXT_SHOWN_MAX = 60
STATES = ("running", "succeeded", "failed", "cancelled")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_server(parser)
    parser.add_argument(
        "--output", choices=FORMATS[:3:2], default="table", help="how runs are written"
    )
    parser.add_argument(
        "--limit", type=run_count, default=20, metavar="N", help="how many (default 20)"
    )
    parser.add_argument("--state", choices=STATES, help="runs of this state only")
    parser.add_argument("run", nargs="?", metavar="RUN", help="a run_id or query_id")


def run(args: argparse.Namespace) -> int:
    with client_of(args) as client:
        if args.run:
            write_json_lines([client.action("run.get", run_id=args.run)])
            return 0
        told = {"limit": args.limit} | ({"state": args.state} if args.state else {})
        runs = client.action("run.list", **told)["runs"]
    if args.output == "json":
        write_json_lines(runs)
    else:
        print_columns(SHOWN, [[_cell(row.get(name)) for name in SHOWN] for row in runs])
    return 0


def run_count(text: str) -> int:
    """A number of runs that the server lists at once."""
    try:
        count = int(text)
    except ValueError:
        count = 0
    if not 1 <= count <= RUNS_LISTED_MAX:
        raise argparse.ArgumentTypeError(
            f"not a number of runs from 1 to {RUNS_LISTED_MAX}: {text}"
        )
    return count


def _cell(value: object) -> str:
    return "" if value is None else " ".join(str(value).split())[:TEXT_SHOWN_MAX]
