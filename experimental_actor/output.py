"""Rows on stdout: lines of JSON for programs, a table for people, an Arrow stream for tools."""

import sys
from collections.abc import Iterable
from typing import Any

import msgspec
import pyarrow as pa

FORMATS = ("table", "json", "arrow")


def write_rows(table: pa.Table, fmt: str) -> None:
    if fmt == "arrow":
        with pa.ipc.new_stream(sys.stdout.buffer, table.schema) as writer:
            writer.write_table(table)
    elif fmt == "json":
        write_json_lines(table.to_pylist())
    else:
        cells = [[_cell(value) for value in column.to_pylist()] for column in table.columns]
        print_table(table.column_names, [list(row) for row in zip(*cells, strict=True)])
    sys.stdout.flush()


def write_json_lines(rows: Iterable[dict[str, Any]]) -> None:
    for row in rows:
        sys.stdout.write(msgspec.json.encode(row, enc_hook=str).decode() + "\n")
    sys.stdout.flush()


def print_table(names: list[str], rows: list[list[str]]) -> None:
    widths = [
        max(len(name), *(len(row[index]) for row in rows)) if rows else len(name)
        for index, name in enumerate(names)
    ]
    print(_line(names, widths))
    print("-+-".join("-" * width for width in widths))
    for row in rows:
        print(_line(row, widths))


def _line(cells: list[str], widths: list[int]) -> str:
    return " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _cell(value: object) -> str:
    return "NULL" if value is None else str(value).replace("\n", "\\n")
