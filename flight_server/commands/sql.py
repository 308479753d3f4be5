"""Run one statement and write its rows; without a statement, a shell."""

import argparse
import sys

from velaria.flight_server.client import Client
from velaria.flight_server.commands.options import add_output, add_server, client_of
from velaria.flight_server.commands.output import write_live_rows, write_rows
from velaria.flight_server.commands.shell import run_shell


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_server(parser)
    add_output(parser)
    parser.add_argument(
        "--param", action="append", metavar="TEXT", help="a value for the next ? of the statement"
    )
    parser.add_argument("statement", nargs="?", metavar="SQL", help="- reads it from stdin")


def run(args: argparse.Namespace) -> int:
    with client_of(args) as client:
        if args.statement is None and sys.stdin.isatty():
            return run_shell(client, args.output)
        text = sys.stdin.read() if args.statement in (None, "-") else args.statement
        run_statement(client, text, args.output, args.param)
    return 0


def run_statement(client: Client, text: str, fmt: str, params: list[str] | None = None) -> None:
    result = client.sql(text, list(params) if params else None)
    if result.has_rows:
        write = write_live_rows if result.is_continuous else write_rows
        write(result, result.schema, fmt)
    else:
        print(result.tag or f"started {result.query_id}", file=sys.stderr)
