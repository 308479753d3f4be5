"""Rows on stdout: a table for people, CSV or JSON lines for pipes, an Arrow stream for tools."""

import itertools
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.csv as csv

FORMATS = ("table", "csv", "json", "arrow")
CELL_CHARS_MAX = 60


def write_rows(batches: Iterable[pa.RecordBatch], schema: pa.Schema, fmt: str) -> None:
    """Writes batch by batch, except the table, whose widths need all rows."""
    if fmt == "table":
        print_table(pa.Table.from_batches(list(batches), schema))
    elif fmt == "csv":
        with csv.CSVWriter(sys.stdout.buffer, schema) as writer:
            for batch in batches:
                writer.write_batch(batch)
    elif fmt == "json":
        for batch in batches:
            write_json_lines(batch.to_pylist())
    else:
        with pa.ipc.new_stream(sys.stdout.buffer, schema) as writer:
            for batch in batches:
                writer.write_batch(batch)


def write_json_lines(rows: Iterable[Any]) -> None:
    for row in rows:
        sys.stdout.write(msgspec.json.encode(row, enc_hook=str).decode() + "\n")
    sys.stdout.flush()


def print_table(table: pa.Table) -> None:
    rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
    print_columns(table.column_names, [[_cell(value) for value in row] for row in rows])
    print(f"({table.num_rows} row{'' if table.num_rows == 1 else 's'})")


def print_columns(names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [
        max(map(len, itertools.chain([name], (row[index] for row in rows))))
        for index, name in enumerate(names)
    ]
    print(_line(names, widths))
    print("-+-".join("-" * width for width in widths))
    for row in rows:
        print(_line(row, widths))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _cell(value: Any) -> str:
    text = "NULL" if value is None else str(value).replace("\n", "\\n")
    return text if len(text) <= CELL_CHARS_MAX else text[: CELL_CHARS_MAX - 1] + "…"
