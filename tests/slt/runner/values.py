"""Rows of an Arrow table as the text of an expectation.

Two styles: `exact` is for our own records, `sqlite` follows the public sqllogictest corpus (three
decimals for R).
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterable
from decimal import Decimal
from typing import Literal

import pyarrow as pa

from .parse import SortMode

Style = Literal["exact", "sqlite"]

_LEADING_INTEGER = re.compile(r"\s*[+-]?\d+")
_TICKS_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def letter_fits(letter: str, kind: pa.DataType) -> bool:
    """Tell whether a column of an Arrow type may stand under a type letter. An all-null column fits
    any.
    """
    if pa.types.is_null(kind):
        return True
    match letter:
        case "I":
            return pa.types.is_integer(kind) or (pa.types.is_decimal(kind) and kind.scale == 0)
        case "R":
            return pa.types.is_floating(kind) or pa.types.is_decimal(kind)
        case "B":
            return pa.types.is_boolean(kind)
    return not (
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_boolean(kind)
    )


def format_table(table: pa.Table, types: str, style: Style) -> list[list[str]]:
    """Rows of text, one value per column, in the table's order."""
    columns = [
        _format_column(table.column(index), letter, style) for index, letter in enumerate(types)
    ]
    return [list(row) for row in zip(*columns, strict=True)] if columns else []


def _format_column(column: pa.ChunkedArray, letter: str, style: Style) -> list[str]:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if pa.types.is_timestamp(kind):
        column = column.cast(pa.timestamp(kind.unit, tz=kind.tz))
        ticks = column.cast(pa.int64()).to_pylist()
        return ["NULL" if t is None else timestamp_text(t, kind.unit, kind.tz) for t in ticks]
    single = pa.types.is_float32(kind)
    values = column.to_pylist()
    if style == "sqlite":
        return [format_sqlite(value, letter) for value in values]
    return [format_exact(value, single=single) for value in values]


def format_exact(value: object, *, single: bool = False) -> str:
    """One value of our own records: nothing is rounded."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _single_text(value) if single else repr(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    text = str(value)
    if text == "":
        return "(empty)"
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")


def format_sqlite(value: object, letter: str) -> str:
    """One value in the corpus's form: I truncates to an integer, R has three decimals."""
    if value is None:
        return "NULL"
    if isinstance(value, bool) and letter != "R":
        return "true" if value else "false"
    if letter == "I" and isinstance(value, (int, float, Decimal)):
        return str(int(value))
    if letter == "I" and isinstance(value, str):
        # The corpus reads text under I as SQLite does: its leading integer, else 0.
        match = _LEADING_INTEGER.match(value)
        return str(int(match[0])) if match else "0"
    if letter == "R" and isinstance(value, (int, float, Decimal)):
        return f"{value:.3f}"
    if isinstance(value, float):
        return f"{value:.3f}"
    return str(value) or "(empty)"


def _single_text(value: float) -> str:
    """Shortest decimal text that reads back as the same 32-bit float."""
    packed = struct.pack("f", value)
    for digits in range(1, 10):
        text = f"{value:.{digits}g}"
        if struct.pack("f", float(text)) == packed:
            return repr(float(text))
    return repr(value)


def timestamp_text(ticks: int, unit: str, zone: str | None) -> str:
    """`2013-01-01 05:15:00[.fraction][+00]`: no trailing zeros, zoned values in UTC."""
    per_second = _TICKS_PER_SECOND[unit]
    seconds, fraction = divmod(ticks, per_second)
    text = f"{_date_text(seconds // 86400)} {_clock_text(seconds % 86400)}"
    if fraction:
        width = len(str(per_second)) - 1
        text += "." + str(fraction).rjust(width, "0").rstrip("0")
    return text + "+00" if zone is not None else text


def _clock_text(seconds: int) -> str:
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _date_text(days: int) -> str:
    """Civil date of a day number, for years that datetime does not hold as well (Hinnant,
    days_from_civil).
    """
    shifted = days + 719468
    era, day_of_era = divmod(shifted, 146097)
    year_of_era = (
        day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096
    ) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month_shifted = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * month_shifted + 2) // 5 + 1
    month = month_shifted + 3 if month_shifted < 10 else month_shifted - 9
    year = year_of_era + era * 400 + (1 if month <= 2 else 0)
    return f"{year:04d}-{month:02d}-{day:02d}"


def sort_rows(rows: Iterable[list[str]], sort: SortMode) -> list[list[str]]:
    """Rows in the record's order; valuesort gives one value per row."""
    if sort == "nosort":
        return list(rows)
    if sort == "rowsort":
        return sorted(rows)
    return [[value] for value in sorted(value for row in rows for value in row)]


def hash_values(rows: Iterable[list[str]]) -> str:
    """MD5 of all values in order, a newline after each, as the corpus defines it."""
    digest = hashlib.md5(usedforsecurity=False)
    for row in rows:
        for value in row:
            digest.update(value.encode() + b"\n")
    return digest.hexdigest()
