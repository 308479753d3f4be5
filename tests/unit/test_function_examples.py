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


def _value_text(sql: str) -> str:
    """All values of the result, as CAST(... AS VARCHAR) writes them: a whole double has no ".0"."""
    session = _kernel.Session()
    table = session.execute(sql).read_all()
    session.close()
    rows = format_table(table, "T" * table.num_columns, "exact")
    if table.num_columns and pa.types.is_floating(table.schema.types[0]):
        rows = [[value.removesuffix(".0") for value in row] for row in rows]
    return "\n".join("\t".join(row) for row in rows)


@pytest.mark.parametrize("row", FUNCTIONS, ids=lambda row: f"{row.kind}-{row.name}")
def test_the_example_gives_the_result_it_names(row: _kernel.FunctionRow) -> None:
    is_statement = row.example.split(None, 1)[0].upper() in ("SELECT", "WITH", "VALUES")
    sql = row.example if is_statement else f"SELECT {row.example}"
    assert _value_text(sql) == row.example_result


def test_there_are_at_least_sixty_functions_each_described_once() -> None:
    assert len({row.name for row in FUNCTIONS}) >= 60
    assert len({(row.name, row.signature) for row in FUNCTIONS}) == len(FUNCTIONS)
    for row in FUNCTIONS:
        assert row.kind in ("scalar", "aggregate")
        assert row.signature and row.summary and row.group and row.example and row.example_result, (
            row.name
        )
