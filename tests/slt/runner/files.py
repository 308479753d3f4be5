"""The files that records read as `${tmp}/...`: written afresh for each run of a file, by pyarrow
and by hand.
"""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

_TEXT_FILES = {
    "people.csv": (
        "id,name,city,height,joined\n"
        "1,Ann,Oslo,1.68,2020-01-31\n"
        "2,Bob,,1.85,2021-02-28\n"
        '3,"Cy ""C"" Day","Rome, Italy",1.75,2022-03-01\n'
        "4,Dee,Oslo,,2023-12-31\n"
    ),
    "newline.csv": 'id,note\n1,"two\nlines"\n2,plain\n',
    "bom.csv": "\ufeffid,name\n1,a\n2,b\n",
    "crlf.csv": "id,name\r\n1,a\r\n2,b\r\n",
    "semicolon.csv": "id;price\n1;2.5\n2;3.5\n",
    "headless.csv": "1,one\n2,two\n3,three\n",
    "zip.csv": "zip,big\n00501,1\n02134,99999999999999999999\n",
    "unicode.csv": "word\nnaïve\n日本語\n\U0001f600\n",
    "header_only.csv": "id,name\n",
    "empty.csv": "",
    "short_row.csv": "a,b,c\n1,2,3\n4,5\n",
    "long_row.csv": "a,b,c\n1,2,3\n4,5,6,7\n",
    "not_parquet.parquet": "this is text\n",
}


def write_files(folder: Path) -> None:
    """Write every file into an empty folder."""
    for name, text in _TEXT_FILES.items():
        (folder / name).write_bytes(text.encode())
    pq.write_table(_people(), folder / "people.parquet", row_group_size=2)
    pq.write_table(_kinds(), folder / "kinds.parquet")
    pq.write_table(_kinds().slice(0, 0), folder / "no_rows.parquet")
    numbers = pa.table({"n": pa.array(range(10_000), pa.int64())})
    pq.write_table(
        numbers.append_column("half", pa.array([n / 2 for n in range(10_000)])),
        folder / "numbers.parquet",
        row_group_size=1_000,
    )


def _people() -> pa.Table:
    return pa.table(
        {
            "id": pa.array([1, 2, 3, 4, 5], pa.int32()),
            "name": pa.array(["Ann", "Bob", None, "Dee", "Eva"]),
            "city": pa.array(["Oslo", "Rome", "Oslo", None, "Rome"]).dictionary_encode(),
            "height": pa.array([1.68, 1.85, 1.75, None, 1.6]),
        }
    )


def _kinds() -> pa.Table:
    """One column per type, one row of ordinary values, one of extremes, one of nulls."""
    moment = datetime.datetime(2013, 1, 1, 5, 15, 0, 250_000)
    low = datetime.datetime(1969, 12, 31, 23, 59, 59, 999_000)
    return pa.table(
        {
            "b": pa.array([True, False, None]),
            "i8": pa.array([1, -128, None], pa.int8()),
            "i16": pa.array([2, -32768, None], pa.int16()),
            "i32": pa.array([3, -(2**31), None], pa.int32()),
            "i64": pa.array([4, -(2**63), None], pa.int64()),
            "u32": pa.array([5, 2**32 - 1, None], pa.uint32()),
            "f32": pa.array([0.5, -0.25, None], pa.float32()),
            "f64": pa.array([0.1, -1e300, None], pa.float64()),
            "dec": pa.array([Decimal("1.50"), Decimal("-99999999.99"), None], pa.decimal128(10, 2)),
            "s": pa.array(["text", "", None]),
            "d": pa.array([moment.date(), low.date(), None], pa.date32()),
            "ts_ms": pa.array([moment, low, None], pa.timestamp("ms")),
            "ts_us": pa.array([moment, low, None], pa.timestamp("us")),
            "ts_utc": pa.array([moment, low, None], pa.timestamp("us", "UTC")),
        }
    )
