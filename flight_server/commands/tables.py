"""List tables, views and streams with row and byte counts."""

import argparse

from velaria.flight_server.commands.options import add_server, client_of
from velaria.flight_server.commands.output import print_columns, write_json_lines


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_server(parser)
    parser.add_argument(
        "--output", choices=("table", "json"), default="table", help="(default table)"
    )


def run(args: argparse.Namespace) -> int:
    with client_of(args) as client:
        tables = client.tables()
    if args.output == "json":
        write_json_lines(tables)
        return 0
    rows = [[t.name, t.kind, _count(t.row_count), _count(t.byte_count)] for t in tables]
    print_columns(["name", "kind", "rows", "bytes"], rows)
    return 0


def _count(count: int | None) -> str:
    return "" if count is None else str(count)
