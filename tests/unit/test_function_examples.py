"""The function registry documents itself: each example runs and gives what it says."""

from __future__ import annotations

import pyarrow as pa
import pytest

from tests.slt.runner.values import format_table
from velaria import _kernel


def _functions() -> list[_kernel.FunctionRow]:
    session = _kernel.Session()
    rows = session.functions()
    session.close()
    return rows


FUNCTIONS = _functions()


def _rows_text(sql: str) -> str:
    """The rows of a statement, tabs between the values: a whole double has no ".0"."""
    session = _kernel.Session()
    table = session.execute(sql).read_all()
    session.close()
    rows = format_table(table, "T" * table.num_columns, "exact")
    if table.num_columns and pa.types.is_floating(table.schema.types[0]):
        rows = [[value.removesuffix(".0") for value in row] for row in rows]
    return "\n".join("\t".join(row) for row in rows)


def _value_text(expression: str) -> str:
    """The value of an expression as the kernel itself writes it."""
    session = _kernel.Session()
    table = session.execute(f"SELECT CAST({expression} AS VARCHAR)").read_all()
    session.close()
    value = table.column(0)[0].as_py()
    return "NULL" if value is None else str(value)


@pytest.mark.parametrize("row", FUNCTIONS, ids=lambda row: f"{row.kind}-{row.name}")
def test_the_example_gives_the_result_it_names(row: _kernel.FunctionRow) -> None:
    is_statement = row.example.split(None, 1)[0].upper() in ("SELECT", "WITH", "VALUES")
    text = _rows_text(row.example) if is_statement else _value_text(row.example)
    assert text == row.example_result


def test_there_are_at_least_sixty_functions_each_described_once() -> None:
    assert len({row.name for row in FUNCTIONS}) >= 60
    assert len({(row.name, row.signature) for row in FUNCTIONS}) == len(FUNCTIONS)
    for row in FUNCTIONS:
        assert row.kind in ("scalar", "aggregate", "window")
        assert row.signature and row.summary and row.group and row.example and row.example_result, (
            row.name
        )
