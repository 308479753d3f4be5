"""Send the rows of a CSV, Parquet or Arrow file to a table, which is made when it is absent."""

import argparse
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as parquet

from velaria.flight_server.client import Client
from velaria.flight_server.commands.options import add_server, client_of
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

FILE_FORMAT = "VEL4002"
FILE_IO = "VEL4003"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_server(parser)
    parser.add_argument(
        "--mode",
        choices=("append", "create", "replace"),
        default="append",
        help="what becomes of a table that is there: it grows (default), is an error, is replaced",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help=".csv, .parquet, .arrow or .arrows")
    parser.add_argument("table", metavar="TABLE", help="the table's name")


def run(args: argparse.Namespace) -> int:
    with client_of(args) as client:
        columns = _columns_there(client, args.table) if args.mode == "append" else {}
        reader = open_file(args.file, columns)
        try:
            row_count = client.put(reader, args.table, args.mode)
        except (pa.ArrowException, OSError) as fault:
            is_replaced = args.mode == "replace"
            raise VelariaError(
                FILE_FORMAT,
                f"the file cannot be read to its end: {fault}",
                detail="the old table is left"
                if is_replaced
                else f"rows before the fault are in the table: {args.table}",
            ) from fault
    print(f"{row_count} rows put into {args.table}", file=sys.stderr)
    return 0


def _columns_there(client: Client, table: str) -> dict[str, pa.DataType]:
    """The types of a table that is there: what a CSV file for it holds need not be guessed."""
    if table not in [entry.name for entry in client.tables() if entry.kind in ("table", "stream")]:
        return {}
    return {field.name: field.type for field in client.schema(table)}


def open_file(
    path: Path, csv_columns: dict[str, pa.DataType] | None = None
) -> pa.RecordBatchReader:
    """Batches of a local file, of the format its ending names."""
    ending = path.suffix.lower()
    readers = {
        ".csv": lambda: csv.open_csv(
            path, convert_options=csv.ConvertOptions(column_types=csv_columns)
        ),
        ".parquet": lambda: _parquet(path),
        ".arrow": lambda: _arrow_file(path),
        ".arrows": lambda: pa.ipc.open_stream(pa.memory_map(str(path))),
    }
    if ending not in readers:
        raise VelariaError(
            codes.BAD_REQUEST,
            f"the file's ending names no format: {path.name}",
            detail=f"endings: {', '.join(readers)}",
        )
    try:
        return readers[ending]()
    except OSError as fault:
        raise VelariaError(FILE_IO, f"the file cannot be read: {fault.strerror or path}") from fault
    except pa.ArrowException as fault:
        raise VelariaError(FILE_FORMAT, f"the file is not {ending[1:]}: {fault}") from fault


def _parquet(path: Path) -> pa.RecordBatchReader:
    file = parquet.ParquetFile(path)
    return pa.RecordBatchReader.from_batches(file.schema_arrow, file.iter_batches())


def _arrow_file(path: Path) -> pa.RecordBatchReader:
    file = pa.ipc.open_file(pa.memory_map(str(path)))
    batches = (file.get_batch(index) for index in range(file.num_record_batches))
    return pa.RecordBatchReader.from_batches(file.schema, batches)
