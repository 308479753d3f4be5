"""Send the rows of a file of this machine to a table, which is made when it is absent.

The file is read as SELECT * FROM 'FILE' reads it; a text file for a table that is there, by the
types of the table's columns. When a file turns out to be damaged further on, the rows before the
fault stay in the table, unless the mode is replace: then the old table stays as it was.
"""

import argparse
import sys
from pathlib import Path

from velaria import _kernel
from velaria.flight_server.client import Client
from velaria.flight_server.client_puts import PutData
from velaria.flight_server.commands.options import add_server, client_of
from velaria.flight_server.local_files import FileFault, open_file


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_server(parser)
    parser.add_argument(
        "--mode",
        choices=("append", "create", "replace"),
        default="append",
        help="what becomes of a table that is there: it grows (default), is an error, or is made "
        "anew from the file, without its keys, checks and defaults",
    )
    parser.add_argument(
        "--option",
        action="append",
        metavar="TEXT",
        help="how a text file is read, as in SQL: nullstr := 'NA', or types := {'zip': 'VARCHAR'}; "
        "may be said several times, and a put that breaks off is then not sent again",
    )
    parser.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        help="CSV, TSV, JSON, Parquet or Arrow; text may be packed by gzip (.gz) or zstd (.zst)",
    )
    parser.add_argument("table", metavar="TABLE", help="the table's name")


def run(args: argparse.Namespace) -> int:
    with client_of(args) as client:
        try:
            row_count = client.put(_data_of(client, args), args.table, args.mode)
        except FileFault as fault:
            is_replaced = args.mode == "replace"
            left = (
                "the old table is left"
                if is_replaced
                else f"rows before the fault are in the table: {args.table}"
            )
            fault.detail = f"{fault.detail}\n{left}".strip()
            if fault.hint:
                fault.hint += " Say such an option by --option."
            raise
    print(f"{row_count} rows put into {args.table}", file=sys.stderr)
    return 0


def _data_of(client: Client, args: argparse.Namespace) -> PutData:
    file: Path = args.file
    if not args.option:
        return file
    target = client.table_schema(args.table) if args.mode == "append" else None
    return open_file(_kernel.Session(), file, target, args.option)
