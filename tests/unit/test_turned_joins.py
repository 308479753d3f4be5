"""Which side of a semi or anti join is held: the left one only when it is small for sure, since a
filter may keep all of its rows.
"""

from collections.abc import Iterator

import pyarrow as pa
import pytest

from velaria import _kernel

ROWS = 200_000
KEYS = 100_000
LIMIT_BYTES = 16 << 20


@pytest.fixture
def session() -> Iterator[_kernel.Session]:
    kernel_session = _kernel.Session(threads=1)
    numbers = pa.array(range(ROWS), pa.int64())
    ones = pa.array([1] * ROWS, pa.int64())
    columns = {"x": numbers, "v": ones}
    columns |= {f"p{i}": numbers for i in range(20)}
    kernel_session.register_arrow("large", pa.table(columns))
    kernel_session.register_arrow("keys", pa.table({"k": pa.array(range(KEYS), pa.int64())}))
    kernel_session.register_arrow("few", pa.table({"k": pa.array(range(100), pa.int64())}))
    yield kernel_session
    kernel_session.close()


def is_turned(session: _kernel.Session, sql: str) -> bool:
    table = session.execute(f"EXPLAIN {sql}").read_all()
    return "turned" in "\n".join(table["text"].to_pylist())


@pytest.mark.parametrize(
    ("sql", "turned"),
    [
        ("SELECT k FROM few WHERE k IN (SELECT x FROM large)", True),
        ("SELECT k FROM few WHERE NOT EXISTS (SELECT 1 FROM large WHERE x = k)", True),
        ("SELECT k FROM keys WHERE k > 5 AND k IN (SELECT x FROM large)", True),
        ("SELECT x FROM (SELECT x FROM large LIMIT 10) s WHERE x IN (SELECT k FROM keys)", True),
        ("SELECT x FROM large WHERE x IN (SELECT k FROM keys)", False),
        # The filter is guessed to keep one row in twenty, and keeps all.
        ("SELECT x FROM large WHERE v = 1 AND x IN (SELECT k FROM keys)", False),
        ("SELECT x FROM large WHERE v = 1 AND NOT EXISTS (SELECT 1 FROM keys WHERE k = x)", False),
        # As many rows as the right side has, but far wider.
        ("SELECT * FROM large a WHERE v = 1 AND x IN (SELECT x FROM large)", False),
    ],
)
def test_a_join_is_turned_when_its_left_side_is_small_for_sure(
    session: _kernel.Session, sql: str, turned: bool
) -> None:
    assert is_turned(session, sql) == turned


def test_a_filter_that_keeps_more_than_guessed_costs_no_memory(session: _kernel.Session) -> None:
    session.execute(f"SET memory_limit_bytes = {LIMIT_BYTES}")
    payload = ", ".join(f"max(p{i})" for i in range(20))
    sql = f"SELECT {payload} FROM large WHERE v = 1 AND x IN (SELECT k FROM keys)"
    table = session.execute(sql).read_all()
    assert [column.to_pylist() for column in table.columns] == [[KEYS - 1]] * 20
