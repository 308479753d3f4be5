"""Send the rows of a file of this machine to a table, which is made when it is absent.

The file is read as SELECT * FROM 'FILE' reads it; a text file for a table that is there, by the
types of the table's columns. When a file turns out to be damaged further on, the rows before the
fault stay in the table, unless the mode is replace: then the old table stays as it was.
"""

import argparse
import re
import stat
import sys
from contextlib import closing
from pathlib import Path

import pyarrow as pa

from velaria import _kernel
from velaria.flight_server.client import Client
from velaria.flight_server.commands.options import add_server, client_of
from velaria.flight_server.errors import as_velaria_error
from velaria.schemas.errors import VelariaError
from velaria.sql_text import quoted_name, quoted_text

FILE_FORMAT = "VEL4002"
FILE_IO = "VEL4003"

_TEXT_READERS = {"csv": "read_csv", "json": "read_json"}
"""The readers that are told types, by the kind that the kernel finds a file to be."""

_CODED = re.compile(r"(VEL\d{4}) (.*?)(?:\. Detail: .*)?\Z", re.DOTALL)


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
    with client_of(args) as client, closing(_kernel.Session()) as session:
        target = _schema_there(client, args.table) if args.mode == "append" else None
        reader = open_file(session, args.file, target)
        try:
            row_count = client.put(reader, args.table, args.mode)
        except (pa.ArrowException, OSError) as fault:
            error = _read_fault(fault)
            is_replaced = args.mode == "replace"
            left = (
                "the old table is left"
                if is_replaced
                else f"rows before the fault are in the table: {args.table}"
            )
            error.detail = f"{error.detail}\n{left}".strip()
            raise error from fault
    print(f"{row_count} rows put into {args.table}", file=sys.stderr)
    return 0


def _schema_there(client: Client, table: str) -> pa.Schema | None:
    """The columns of a table that is there: what a file for it holds need not be guessed."""
    for entry in client.tables():
        if entry.name.lower() == table.lower() and entry.kind in ("table", "stream"):
            return client.schema(entry.name)
    return None


def open_file(
    session: _kernel.Session, path: Path, target: pa.Schema | None = None
) -> pa.RecordBatchReader:
    """Batches of a local file as the kernel reads them, while it reads them."""
    try:
        is_file = stat.S_ISREG(path.stat().st_mode)
    except OSError as fault:
        raise VelariaError(FILE_IO, f"the file cannot be read: {fault.strerror or path}") from fault
    if not is_file:
        raise VelariaError(FILE_IO, f"not a file: {path}")
    try:
        return session.execute(_reading(session, path, target)).reader()
    except _kernel.KernelError as fault:
        error = as_velaria_error(fault)
        # The place is one in a statement that nobody has typed.
        error.line, error.column, error.caret = 0, 0, ""
        raise error from fault


def _reading(session: _kernel.Session, path: Path, target: pa.Schema | None) -> str:
    """The SELECT over the file. What text cannot be read as at once, like lists, is cast."""
    file = quoted_text(str(path))
    reader = _TEXT_READERS.get(session.probe(str(path))["kind"]) if target is not None else None
    if target is None or reader is None:
        return f"SELECT * FROM {file}"
    found = session.describe(f"SELECT * FROM {file}").schema
    assert found is not None
    types = {name: kind for name, kind in _sql_types(session, target) if name in found.names}
    cast = {name for name in types if _is_cast(target.field(name).type)}
    told = ", ".join(
        f"{quoted_text(name)}: {quoted_text(kind)}"
        for name, kind in types.items()
        if name not in cast
    )
    columns = ", ".join(
        f"CAST({quoted_name(name)} AS {types[name]}) AS {quoted_name(name)}"
        if name in cast
        else quoted_name(name)
        for name in found.names
    )
    options = f", types := {{{told}}}" if told else ""
    return f"SELECT {columns} FROM {reader}({file}{options})"


def _is_cast(kind: pa.DataType) -> bool:
    return bool(pa.types.is_nested(kind) or pa.types.is_interval(kind))


def _sql_types(session: _kernel.Session, schema: pa.Schema) -> list[tuple[str, str]]:
    """The names that SQL has for the types, said by the kernel itself."""
    session.register_arrow("target", schema.empty_table(), replace=True)
    told = session.execute("DESCRIBE target").read_all()
    return list(zip(schema.names, told["column_type"].to_pylist(), strict=True))


def _read_fault(fault: Exception) -> VelariaError:
    """The kernel's failure in the middle of a file; pyarrow's reader hands on only its text."""
    coded = _CODED.match(str(fault))
    if coded is None:
        return VelariaError(FILE_FORMAT, f"the file cannot be read to its end: {fault}")
    return VelariaError(coded[1], coded[2])
