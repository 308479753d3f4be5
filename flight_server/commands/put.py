"""Send the rows of a file of this machine to a table, which is made when it is absent.

The file is read as SELECT * FROM 'FILE' reads it; a text file for a table that is there, by the
types of the table's columns. When a file turns out to be damaged further on, the rows before the
fault stay in the table, unless the mode is replace: then the old table stays as it was.
"""

import argparse
import sys
from pathlib import Path

from velaria.flight_server.commands.options import add_server, client_of
from velaria.flight_server.local_files import FileFault


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
        "file",
        type=Path,
        metavar="FILE",
        help="CSV, TSV, JSON, Parquet or Arrow; text may be packed by gzip (.gz) or zstd (.zst)",
    )
    parser.add_argument("table", metavar="TABLE", help="the table's name")


def run(args: argparse.Namespace) -> int:
    with client_of(args) as client:
        try:
            row_count = client.put(args.file, args.table, args.mode)
        except FileFault as fault:
            is_replaced = args.mode == "replace"
            left = (
                "the old table is left"
                if is_replaced
                else f"rows before the fault are in the table: {args.table}"
            )
            fault.detail = f"{fault.detail}\n{left}".strip()
            raise
    print(f"{row_count} rows put into {args.table}", file=sys.stderr)
    return 0
