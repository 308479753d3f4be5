"""A table without columns has rows all the same, as in PostgreSQL."""

from collections.abc import Iterator

import pyarrow as pa
import pytest

from velaria import _kernel


@pytest.fixture
def session() -> Iterator[_kernel.Session]:
    kernel_session = _kernel.Session(threads=2)
    batch = pa.RecordBatch.from_struct_array(pa.array([{}] * 3, pa.struct([])))
    kernel_session.register_arrow("z", pa.Table.from_batches([batch]))
    yield kernel_session
    kernel_session.close()


@pytest.mark.parametrize(
    ("sql", "row_count"),
    [
        ("SELECT * FROM z", 3),
        ("SELECT z.* FROM z", 3),
        ("SELECT * FROM z WHERE false", 0),
        ("SELECT * FROM z LIMIT 2 OFFSET 2", 1),
        ("SELECT DISTINCT * FROM z", 1),
        ("SELECT DISTINCT * FROM z WHERE false", 0),
        ("SELECT * FROM z a, z b", 9),
        ("SELECT * FROM z UNION ALL SELECT * FROM z", 6),
        ("SELECT * FROM z UNION SELECT * FROM z", 1),
    ],
)
def test_rows_come_without_columns(session: _kernel.Session, sql: str, row_count: int) -> None:
    table = session.execute(sql).read_all()
    assert (table.num_rows, table.num_columns) == (row_count, 0)


def test_they_are_counted_and_kept(session: _kernel.Session) -> None:
    session.execute("CREATE TABLE kept AS SELECT * FROM z")
    counted = session.execute("SELECT count(*) AS n FROM (SELECT * FROM kept LIMIT 2) q")
    assert counted.read_all()["n"].to_pylist() == [2]


@pytest.mark.parametrize("operation", ["INTERSECT", "EXCEPT"])
def test_they_are_not_compared(session: _kernel.Session, operation: str) -> None:
    with pytest.raises(_kernel.SqlError) as refusal:
        session.execute(f"SELECT * FROM z {operation} SELECT * FROM z")
    assert refusal.value.code == "VEL2002"
