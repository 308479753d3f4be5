"""Whether two engines gave the same answer: who is fast and wrong has not taken part."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

RELATIVE_TOLERANCE = 1e-9
# A correlation of unrelated columns is 0 in one engine and 1e-17 in the other.
ABSOLUTE_TOLERANCE = 1e-12


class WrongAnswer(Exception):
    """A contender's rows differ from the others'."""


def check_same(
    name: str,
    rows: pa.Table,
    expected_name: str,
    expected: pa.Table,
    tolerance: float | None = None,
) -> None:
    """Compare as sets of rows, types aside: engines give one sum as BIGINT, DECIMAL or DOUBLE."""
    difference = find_difference(rows, expected, tolerance or RELATIVE_TOLERANCE)
    if difference is not None:
        raise WrongAnswer(f"{name} and {expected_name} disagree: {difference}")


def find_difference(
    rows: pa.Table, expected: pa.Table, tolerance: float = RELATIVE_TOLERANCE
) -> str | None:
    if rows.column_names != expected.column_names:
        return f"columns {rows.column_names}, {expected.column_names}"
    if rows.num_rows != expected.num_rows:
        return f"rows {rows.num_rows}, {expected.num_rows}"
    ours, theirs = ordered(rows), ordered(expected)
    for name in rows.column_names:
        if not equal(ours[name], theirs[name], tolerance):
            return f"column {name}"
    return None


def ordered(rows: pa.Table) -> pa.Table:
    """Plain types, sorted by every column in turn: whole numbers first, which compare fastest,
    floats last, which are not equal to the digit.
    """
    columns = {name: plain(rows[name]).combine_chunks() for name in rows.column_names}
    table = pa.table(columns)

    def turn(name: str) -> int:
        kind = columns[name].type
        return 0 if pa.types.is_integer(kind) else 2 if pa.types.is_floating(kind) else 1

    keys = sorted(columns, key=turn)
    return table.sort_by([(name, "ascending") for name in keys]) if keys else table


def plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Text as string, whole numbers as BIGINT, other numbers as DOUBLE, times as microseconds."""
    kind = column.type
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return column.cast(pa.string())
    if pa.types.is_integer(kind) or (pa.types.is_decimal(kind) and kind.scale == 0):
        return column.cast(pa.int64())
    if pa.types.is_decimal(kind) or pa.types.is_floating(kind):
        return column.cast(pa.float64())
    if pa.types.is_timestamp(kind):
        return column.cast(pa.timestamp("us"))
    return column


def equal(ours: pa.ChunkedArray, theirs: pa.ChunkedArray, tolerance: float) -> bool:
    if pa.types.is_floating(ours.type) or pa.types.is_floating(theirs.type):
        left = pc.cast(ours, pa.float64()).to_numpy()
        right = pc.cast(theirs, pa.float64()).to_numpy()
        return bool(
            np.allclose(left, right, rtol=tolerance, atol=ABSOLUTE_TOLERANCE, equal_nan=True)
        )
    return bool(ours.combine_chunks().equals(theirs.combine_chunks()))
