"""Rows on stdout: a table for people, CSV or JSON lines for pipes, Arrow or Parquet for tools."""

import itertools
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.csv as csv

from velaria.flight_server.client_result import Result
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError
from velaria.text_cells import TextCells, text_columns

FORMATS = ("table", "csv", "json", "arrow", "parquet", "expanded")
FILE_FORMATS = ("arrow", "parquet")
"""Those of files with one result each, which no person reads."""

GATHERED_FORMATS = ("table", "expanded")
"""Those that are written when all rows have come."""

CELL_CHARS_MAX = 60


_ESCAPES = {code: f"\\x{code:02X}" for code in (*range(0x20), 0x7F)}
_ESCAPES |= {code: f"\\u{code:04X}" for code in range(0x80, 0xA0)}
_ESCAPES |= {ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\\t"}
"""Control characters as psql writes them: a terminal would obey them, or break the columns."""


def write_rows(
    batches: Iterable[pa.RecordBatch], schema: pa.Schema, fmt: str, is_plan: bool = False
) -> None:
    """Writes batch by batch, except the table, whose widths need all rows."""
    if fmt == "table":
        print_table(pa.Table.from_batches(list(batches), schema), is_plan)
        return
    if fmt == "expanded":
        print_expanded(pa.Table.from_batches(list(batches), schema))
        return
    refuse_terminal(fmt)
    _refuse_what_is_lost(schema, fmt)
    if fmt == "parquet":
        from pyarrow import parquet  # not before it is needed: it takes a while to load

        with parquet.ParquetWriter(sys.stdout.buffer, schema) as writer:
            for batch in batches:
                writer.write_batch(batch)
        return
    if fmt == "arrow":
        with pa.ipc.new_stream(sys.stdout.buffer, schema) as writer:
            for batch in batches:
                writer.write_batch(batch)
                sys.stdout.flush()
        return
    with TextCells() as cells:
        tables = (_spelt_out(pa.Table.from_batches([batch]), cells) for batch in batches)
        if fmt == "json":
            for table in tables:
                write_json_lines(table.to_pylist())
            return
        written = _spelt_out(schema.empty_table(), cells).schema
        with csv.CSVWriter(sys.stdout.buffer, written) as writer:
            for table in tables:
                writer.write_table(table)
                sys.stdout.flush()


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


def write_live_rows(batches: Iterable[pa.RecordBatch], schema: pa.Schema, fmt: str) -> None:
    """Rows of a query that goes on: written when they come, a table for each batch."""
    filled = (batch for batch in batches if batch.num_rows > 0)
    if fmt not in GATHERED_FORMATS:
        write_rows(filled, schema, fmt)
        return
    for batch in filled:
        write_rows([batch], schema, fmt)
        sys.stdout.flush()


def refuse_terminal(fmt: str) -> None:
    """VEL1001 where a terminal would be sent bytes that it takes for commands."""
    if fmt in FILE_FORMATS and sys.stdout.isatty():
        raise VelariaError(
            codes.BAD_REQUEST,
            f"rows of this format are not written to a terminal: {fmt}",
            hint="Redirect the output to a file by > FILE; in the shell by \\o FILE.",
        )


def _spelt_out(table: pa.Table, cells: TextCells) -> pa.Table:
    """Intervals and blobs as their texts, as JSON and CSV have no form of them."""
    chosen = [index for index, field in enumerate(table.schema) if _has_no_form(field.type)]
    texts = cells.of(table.select(chosen))
    for at, index in enumerate(chosen):
        table = table.set_column(index, texts.field(at), texts.column(at))
    return table


def _has_no_form(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_interval(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
    )


def _refuse_what_is_lost(schema: pa.Schema, fmt: str) -> None:
    """A JSON object keeps one of two columns of a name; CSV has no form for nested values, Parquet
    none for some types."""
    if fmt == "parquet":
        from pyarrow import parquet

        try:
            parquet.write_table(schema.empty_table(), pa.BufferOutputStream())
        except pa.ArrowException as fault:
            raise VelariaError(
                codes.BAD_REQUEST,
                f"Parquet has no form for a column: {fault}",
                hint="Cast the column to VARCHAR, or use --output arrow.",
            ) from None
    for index, field in enumerate(schema):
        if fmt == "json" and field.name in schema.names[:index]:
            raise VelariaError(
                codes.BAD_REQUEST,
                f"two columns of a JSON object have the same name: {field.name}",
                hint="Give each column a name of its own by AS.",
            )
        if fmt == "csv" and pa.types.is_nested(field.type):
            raise VelariaError(
                codes.BAD_REQUEST,
                f"CSV has no form for values of this type: {field.type}",
                detail=f"column: {field.name}",
                hint="Cast the column to VARCHAR, or use --output json.",
            )


def write_json_lines(rows: Iterable[Any]) -> None:
    for row in rows:
        sys.stdout.write(msgspec.json.encode(row, enc_hook=str).decode() + "\n")
    sys.stdout.flush()


def print_table(table: pa.Table, is_plan: bool = False) -> None:
    rows = zip(*text_columns(table), strict=True)
    cell = _plan_cell if is_plan else _cell
    print_columns(table.column_names, [[cell(text) for text in row] for row in rows], is_plan)
    print(f"({table.num_rows} row{'' if table.num_rows == 1 else 's'})")


def print_expanded(table: pa.Table) -> None:
    """Each row as lines of name and value, for rows that are wider than the screen; nothing cut."""
    names = [_escaped(name) for name in table.column_names]
    width = max((len(name) for name in names), default=0)
    for number, row in enumerate(zip(*text_columns(table), strict=True), 1):
        print(f"-[ RECORD {number} ]".ljust(width + 1, "-") + "+" + "-" * width)
        for name, text in zip(names, row, strict=True):
            print(f"{name.ljust(width)} | {_escaped('NULL' if text is None else text)}".rstrip())
    if table.num_rows == 0:
        print("(0 rows)")


def print_columns(
    names: Sequence[str], rows: Sequence[Sequence[str]], has_lines: bool = False
) -> None:
    """With `has_lines` a cell of several lines makes its row as high."""
    lines = [[_escaped(name) for name in names]]
    for row in rows:
        parts = [cell.split("\n") if has_lines else [cell] for cell in row]
        lines += [
            [_escaped(text) for text in line]
            for line in itertools.zip_longest(*parts, fillvalue="")
        ]
    widths = [max(len(line[index]) for line in lines) for index in range(len(names))]
    print(_line(lines[0], widths))
    print("-+-".join("-" * width for width in widths))
    for line in lines[1:]:
        print(_line(line, widths))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _escaped(text: str) -> str:
    return text.translate(_ESCAPES)


def _plan_cell(text: str | None) -> str:
    """Never cut: a plan of EXPLAIN is nothing when it is."""
    return "NULL" if text is None else text


def _cell(text: str | None) -> str:
    """Long text is cut."""
    if text is None:
        return "NULL"
    return text if len(text) <= CELL_CHARS_MAX else text[: CELL_CHARS_MAX - 1] + "…"
