"""Run one statement and write its rows; without a statement, a shell."""

import argparse
import sys
from collections.abc import Iterable

import pyarrow as pa

from velaria.flight_server.client import Client, Result
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
    write_result(client.sql(text, list(params) if params else None), fmt)


def write_result(result: Result, fmt: str, batches: Iterable[pa.RecordBatch] | None = None) -> None:
    """Its rows, or what was done; `batches` are the result's when somebody else reads them."""
    if result.has_rows:
        rows = result if batches is None else batches
        if result.is_continuous:
            write_live_rows(rows, result.schema, fmt)
        else:
            write_rows(rows, result.schema, fmt, is_plan=result.kind == "explain")
    else:
        print(result.tag or f"started {result.query_id}", file=sys.stderr)
