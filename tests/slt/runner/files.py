"""The files that records read as `${tmp}/...`: written afresh for each run of a file, by pyarrow
and by hand.
"""

from __future__ import annotations

import datetime
import gzip
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
    "year_header.csv": "id,2023\n1,2\n3,4\n",
    "city_years.csv": "city,pop,2023\nOslo,1,2\n",
    "city_rows.csv": "Oslo,1,2023\nRome,2,2024\n",
    "number_rows.csv": "1,2023\n2,2024\n",
    "text_rows.csv": "Oslo,Rome\nBern,Bonn\n",
    "nothing_first.csv": "NA,2.5\n1,3\n",
    "empty.csv": "",
    "short_row.csv": "a,b,c\n1,2,3\n4,5\n",
    "long_row.csv": "a,b,c\n1,2,3\n4,5,6,7\n",
    "not_parquet.parquet": "this is text\n",
    "parts/a.csv": "id,name\n1,Ann\n2,Bob\n",
    "parts/b.csv": "id,name\n3,Cy\n",
    "parts/deep/c.csv": "id,name\n4,Dee\n",
    "mixed/1.csv": "id,score\n1,7\n",
    "mixed/2.csv": "id,score\n2,0.5\n",
    "mixed/3.csv": "id,score\n3,none\n",
    "other/1.csv": "id,name\n1,Ann\n",
    "other/2.csv": "name,city\nBob,Oslo\n",
    "faulty.csv": "id,n\n1,10\n2,20,30\n3,x\n4,40\n",
    "notes_above.csv": "made by hand\nin two lines\nid,n\n1,2\n",
    "quotes.csv": "id,word\n1,'a, b'\n2,'it''s'\n3,\"x\"\n",
    "unquoted.csv": 'word\n"a\n6" pipe\n',
    "escapes.csv": 'id,word\n1,"say \\"hi\\", you"\n2,"back\\\\slash"\n3,a\\b\n',
    "comments.csv": (
        '# made by hand\nid,word\n1,NA\n# in between\n2,"NA"\n3,"# no comment\n# neither"\n'
    ),
    "quote_above.csv": "'tis a note\nid,w\n1,'a'\n2,'b'\n",
    "escape_above.csv": 'a \\"note",\n"\n#id,w\nid,w\n1,"a\\"b"\n',
    "semicolon_comments.csv": 'a;b\n1;x,"y\n#c;,"\n2;z\n#d\n3;w\n',
    "german.csv": "day,moment,n\n31.12.2023,31.12.2023 08:15,1\n01.02.2024,,2\n",
    "late_text.csv": "n\n1\n2\nx\n",
    "one_column.csv": "a\n1\n\n3\n",
    "one_column_crlf.csv": "a\r\n1\r\n\r\n3\r\n\r\n",
    "one_column_notes.tsv": 'notes\n\na\n\nx\n""\n',
    "one_column_comments.csv": "a\n#c\n1\n\n2\n",
    "null_texts.csv": "id,word,n\n1,NA,1\n2,-,-\n3,x,3\n",
    "signed.csv": "n,d\n+3,+1.5\n-4,2\n +1234567,-0.25\n",
    "behind_quote.csv": 'a,b\n1,"x"\n2,"x"y\n3,"z" \n4,w"v"\n',
    "quotes_behind.csv": "a,b\n1,'x'y\n",
    "empty_between.csv": "a,b\n1,2\n\n3,4\n",
    "behind_quote_header.csv": '"a"b,c\n1,2\n',
    "events.json": (
        '{"id": 1, "kind": "open", "at": {"x": 1, "y": [2]}, "v": [1, 2.5]}\n'
        '{"id": 2, "v": [3, 4], "kind": null, "big": 123456789012345678901234567890}\n'
        "\n"
        '{"kind": "a \\"b\\" \\u00e9", "id": 3.5, "extra": true}\n'
    ),
    "long_integers.json": '{"ids": [1, 2, 3]}\n{"ids": [16777217, 123456789, 3]}\n',
    "float_integers.json": '{"v": [16777216, 0.1]}\n{"v": [33554432, 2]}\n',
    "long_beside_fractions.json": '{"v": [16777217, 3]}\n{"v": [0.5, 2]}\n',
    "huge_integers.json": '{"v": [123456789012345678901, 3]}\n',
    "array.json": '[\n  {"id": 1,\n   "name": "Ann"},\n  {"name": "Bob, [x]", "id": 2}\n]\n',
    "pretty.json": '{\n  "id": 1,\n  "name": "Ann"\n}\n{\n  "id": 2\n}\n',
    "not_closed.json": '[{"id": 1},\n{"id": 2}\n',
    "broken.json": '{"id": 1}\n{"id": 2\n{"id": 3}\n{"id": [4]}\n',
    "trailing_comma.json": '[{"id": 1},]',
    "access.log": (
        "10.0.0.1 GET /a 200\nthis is no request\n10.0.0.2 POST /b 404\n\n10.0.0.3 GET /c 200\n"
    ),
    "pipes.txt": "1|one|1.5\n2|two|\n3\n",
}


def write_files(folder: Path) -> None:
    """Write every file into an empty folder."""
    for name, text in _TEXT_FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(text.encode())
    (folder / "latin.csv").write_bytes("word\nnaïve\n".encode("latin-1"))
    (folder / "latin.csv.gz").write_bytes(gzip.compress("word\nnaïve\n".encode("latin-1")))
    (folder / "wide.csv").write_bytes("word,n\nnaïve,1\n\U0001f600,2\n".encode("utf-16"))
    (folder / "cut_wide.csv").write_bytes("word\n\U0001f600".encode("utf-16-le")[:-2])
    (folder / "big_endian.csv").write_bytes("word,n\nabc,1\n".encode("utf-16-be"))
    (folder / "packed.csv.gz").write_bytes(gzip.compress(b"id,name\n1,Ann\n2,Bob\n"))
    (folder / "packed.ndjson.gz").write_bytes(gzip.compress(b'{"id": 1}\n{"id": 2}\n'))
    (folder / "cut.csv.gz").write_bytes(gzip.compress(b"id,name\n1,Ann\n" * 100)[:-12])
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
