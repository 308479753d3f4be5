"""Columns of type string_view and binary_view, which Parquet readers and Polars hand out."""

from __future__ import annotations

import pyarrow as pa
import pytest

from velaria import _kernel

TEXTS = ["short", None, "a text that is longer than twelve bytes", "", "日本語のテキスト", "short"]


@pytest.fixture
def session() -> _kernel.Session:
    opened = _kernel.Session()
    table = pa.table(
        {
            "id": pa.array(range(len(TEXTS)), pa.int32()),
            "s": pa.array(TEXTS, pa.string_view()),
            "b": pa.array(
                [None if text is None else text.encode() for text in TEXTS], pa.binary_view()
            ),
        }
    )
    ingest = opened.ingest("t", table.schema)
    for batch in table.to_batches():
        ingest.write(batch)
    ingest.commit()
    return opened


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT s FROM t WHERE id > 1 AND id < 4", [TEXTS[2], TEXTS[3]]),
        ("SELECT s FROM t ORDER BY id DESC", TEXTS[::-1]),
        ("SELECT s FROM t ORDER BY s, id LIMIT 3", ["", TEXTS[2], "short"]),
        ("SELECT l.s FROM t l JOIN t r ON l.s = r.s AND l.id < r.id", ["short"]),
        (
            "SELECT r.s FROM t l LEFT JOIN t r ON l.id = r.id + 4 ORDER BY l.id",
            [None] * 4 + [TEXTS[0], None],
        ),
        ("SELECT s FROM t GROUP BY s HAVING count(*) > 1", ["short"]),
        (
            "SELECT CASE WHEN id = 2 THEN s END FROM t WHERE id IN (2, 3) ORDER BY id",
            [TEXTS[2], None],
        ),
        ("SELECT max(s) FROM t", [TEXTS[4]]),
    ],
)
def test_views_are_text_to_every_operator(
    session: _kernel.Session, sql: str, expected: list[str | None]
) -> None:
    rows = session.execute(sql).read_all()
    rows.validate(full=True)
    assert rows.column(0).to_pylist() == expected


def test_selected_views_come_out_as_they_came_in(session: _kernel.Session) -> None:
    rows = session.execute("SELECT s, b FROM t WHERE id <> 0 ORDER BY id").read_all()
    rows.validate(full=True)
    assert rows.schema.types == [pa.string_view(), pa.binary_view()]
    assert rows.column(0).to_pylist() == TEXTS[1:]
    assert rows.column(1).to_pylist() == [
        None if text is None else text.encode() for text in TEXTS[1:]
    ]
