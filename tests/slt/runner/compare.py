"""Actual rows against a record's expectation. Answers with a text that says what differs, or with
"".
"""

from __future__ import annotations

import re

import pyarrow as pa

from .parse import ExplainRecord, HashedRows, QueryRecord
from .values import Style, format_table, hash_values, letter_fits, sort_rows

_SHOWN_ROWS = 20


def query_difference(record: QueryRecord, table: pa.Table, style: Style) -> str:
    """Compare a result with `record.expected`; types are judged only for our own records."""
    if table.num_columns != len(record.types):
        return f"column count differs: expected={len(record.types)}, actual={table.num_columns}"
    if style == "exact":
        for letter, column in zip(record.types, table.schema, strict=True):
            if not letter_fits(letter, column.type):
                return f"type letter {letter} does not fit column {column.name}: {column.type}"
    rows = sort_rows(format_table(table, record.types, style), record.sort)
    if record.expected is None:
        return "the record has no expectation"
    if isinstance(record.expected, HashedRows):
        return _hash_difference(record.expected, rows)
    expected = expected_rows(record, record.expected)
    if style == "sqlite":
        if record.sort != "nosort":
            expected, rows = sorted(_plain_booleans(expected)), sorted(_plain_booleans(rows))
        else:
            expected, rows = _plain_booleans(expected), _plain_booleans(rows)
    return rows_difference(expected, rows)


def expected_rows(record: QueryRecord, lines: tuple[str, ...]) -> list[list[str]]:
    """Expectation lines as rows: tabs separate values, or each line is one value."""
    width = 1 if record.sort == "valuesort" else len(record.types)
    if width > 1 and lines and not any("\t" in line for line in lines):
        return [list(lines[at : at + width]) for at in range(0, len(lines), width)]
    return [line.split("\t") for line in lines]


def rows_difference(expected: list[list[str]], actual: list[list[str]]) -> str:
    """Describe the first rows that differ; "" when all are equal."""
    if expected == actual:
        return ""
    return (
        f"rows differ\n  expected ({len(expected)}):\n{_shown(expected)}"
        f"\n  actual ({len(actual)}):\n{_shown(actual)}"
    )


def explain_difference(record: ExplainRecord, lines: list[str]) -> str:
    """Compare plan lines; `<ignore>` stands for any text in a line, alone for any lines."""
    pattern = "".join(_line_pattern(line) for line in record.expected)
    fits = re.fullmatch(pattern, "".join(line.rstrip() + "\n" for line in lines)) is not None
    if fits:
        return ""
    expected_text = "\n    ".join(record.expected)
    actual_text = "\n    ".join(lines)
    return f"plan differs\n  expected:\n    {expected_text}\n  actual:\n    {actual_text}"


def _line_pattern(line: str) -> str:
    if line.strip() == "<ignore>":
        return r"(?:.*\n)*"
    return ".*".join(re.escape(part) for part in line.rstrip().split("<ignore>")) + r"\n"


def _hash_difference(expected: HashedRows, rows: list[list[str]]) -> str:
    count = sum(len(row) for row in rows)
    if count != expected.value_count:
        return f"value count differs: expected={expected.value_count}, actual={count}"
    if expected.md5 in (hash_values(rows), hash_values(_plain_booleans(rows))):
        return ""
    return f"hash differs: expected={expected.md5}\n  actual ({len(rows)}):\n{_shown(rows)}"


def _plain_booleans(rows: list[list[str]]) -> list[list[str]]:
    """The corpus writes booleans as 0/1 or false/true; both mean the same."""
    plain = {"true": "1", "false": "0"}
    return [[plain.get(value, value) for value in row] for row in rows]


def _shown(rows: list[list[str]]) -> str:
    lines = ["    " + "\t".join(row) for row in rows[:_SHOWN_ROWS]]
    if len(rows) > _SHOWN_ROWS:
        lines.append(f"    ... {len(rows) - _SHOWN_ROWS} more")
    return "\n".join(lines)
