"""Columns of type string_view and binary_view, which Parquet readers and Polars hand out."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
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


def test_views_that_were_cut_and_joined_hold_the_texts_once(
    session: _kernel.Session, tmp_path: Path
) -> None:
    """Pieces of one column must not bring its text buffers with them, each all of them again."""
    row_count = 50_000
    texts = [f"a text of its own for row {row:09d}" for row in range(row_count)]
    table = pa.table({"k": pa.array(range(row_count)), "s": pa.array(texts, pa.string_view())})
    path = tmp_path / "views.parquet"
    pq.write_table(table, path, row_group_size=10_000, data_page_size=4_096)
    session.execute(f"CREATE TABLE stored AS SELECT * FROM '{path}'")
    for sql in (
        "SELECT s FROM stored ORDER BY k",
        "SELECT l.s FROM stored l JOIN stored r ON l.s = r.s ORDER BY l.k",
        "SELECT s FROM stored WHERE k >= 0",
    ):
        column = session.execute(sql).read_all().column(0)
        column.validate(full=True)
        assert column.to_pylist() == texts
        assert column.num_chunks <= 10
        assert column.get_total_buffer_size() < 100 * row_count
