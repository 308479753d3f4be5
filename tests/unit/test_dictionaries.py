"""Dictionary columns as strangers send them: nulls among the values, one dictionary per batch."""

from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pytest

from velaria import _kernel

# The rows are: a, NULL (by the dictionary), '', NULL (by its index), b.
HIDING = pa.DictionaryArray.from_arrays(
    pa.array([2, 1, 0, None, 3], pa.int8()), pa.array(["", None, "a", "b"])
)
PLAIN = pa.array(["a", None, "", None, "b"])


def into_table_by_ingest(session: _kernel.Session, batch: pa.RecordBatch) -> str:
    ingest = session.ingest("d", batch.schema)
    ingest.write(batch.slice(0, 3))  # the same dictionary twice
    ingest.write(batch.slice(3))
    ingest.commit()
    return "d"


def into_table_by_register(session: _kernel.Session, batch: pa.RecordBatch) -> str:
    session.register_arrow("d", pa.Table.from_batches([batch]))
    return "d"


def into_system_table(session: _kernel.Session, batch: pa.RecordBatch) -> str:
    def open_reader() -> pa.RecordBatchReader:
        return pa.RecordBatchReader.from_batches(batch.schema, [batch])

    session.register_system_table("d", batch.schema, open_reader)
    return "system.d"


@pytest.fixture
def session() -> Iterator[_kernel.Session]:
    kernel_session = _kernel.Session(threads=2)
    yield kernel_session
    kernel_session.close()


def rows(session: _kernel.Session, sql: str, params: list[Any] | None = None) -> list[Any]:
    table = session.execute(sql, params).read_all()
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


@pytest.mark.parametrize("door", [into_table_by_ingest, into_table_by_register, into_system_table])
def test_a_null_among_the_values_is_a_null_to_everybody(
    session: _kernel.Session, door: Callable[[_kernel.Session, pa.RecordBatch], str]
) -> None:
    n = pa.array(range(5), pa.int64())
    table = door(session, pa.record_batch({"n": n, "d": HIDING}))
    session.register_arrow("p", pa.table({"n": n, "d": PLAIN}))
    for sql in [
        "SELECT count(*), count(d), min(d), max(d), count(DISTINCT d) FROM {}",
        "SELECT n FROM {} WHERE d IS NULL ORDER BY n",
        "SELECT n FROM {} WHERE d IS NOT NULL ORDER BY n",
        "SELECT n FROM {} WHERE d = '' ORDER BY n",
        "SELECT n, d FROM {} ORDER BY d, n",
        "SELECT d, count(*) FROM {} GROUP BY d ORDER BY d",
        "SELECT l.n, r.n FROM {} l JOIN {} r ON l.d = r.d ORDER BY 1, 2",
        "SELECT n, coalesce(d, 'none'), length(d) FROM {} ORDER BY n",
    ]:
        assert rows(session, sql.format(table, table)) == rows(session, sql.format("p", "p")), sql


def test_a_parameter_that_is_null_by_its_dictionary_is_null(session: _kernel.Session) -> None:
    assert rows(session, "SELECT ? IS NULL, ? = 'a'", [HIDING[1], HIDING[0]]) == [(True, True)]


def test_a_column_without_nulls_takes_none_that_hides(session: _kernel.Session) -> None:
    schema = pa.schema([pa.field("d", HIDING.type, nullable=False)])
    ingest = session.ingest("d", schema)
    with pytest.raises(_kernel.SourceError) as refusal:
        ingest.write(pa.record_batch([HIDING.slice(0, 3)], schema=schema))
    assert refusal.value.code == "VEL4006"


@pytest.fixture
def two_dictionaries(session: _kernel.Session) -> list[str]:
    """Table t: 200 values in two batches, each with a dictionary of its own; int8 holds 128."""
    values = [f"value {i:03}" for i in range(200)]
    ingest = None
    for part in (values[100:], values[:100]):
        column = pa.DictionaryArray.from_arrays(pa.array(range(100), pa.int8()), pa.array(part))
        batch = pa.record_batch({"d": column, "n": pa.array(range(100), pa.int64())})
        ingest = ingest or session.ingest("t", batch.schema)
        ingest.write(batch)
    return values


def test_dictionaries_that_do_not_fit_together_are_sorted_joined_and_grouped(
    session: _kernel.Session, two_dictionaries: list[str]
) -> None:
    ordered = session.execute("SELECT d FROM t ORDER BY d").read_all()
    ordered.validate(full=True)
    assert ordered.schema.field("d").type == pa.dictionary(pa.int8(), pa.string())
    assert ordered["d"].to_pylist() == two_dictionaries
    backwards = rows(session, "SELECT d, n FROM t ORDER BY d DESC LIMIT 150")
    assert [d for d, _ in backwards] == two_dictionaries[:49:-1]
    joined = rows(session, "SELECT r.d FROM t l JOIN t r ON l.d = r.d ORDER BY l.d")
    assert [d for (d,) in joined] == two_dictionaries
    grouped = rows(session, "SELECT d, count(*) FROM t GROUP BY d ORDER BY d")
    assert grouped == [(value, 1) for value in two_dictionaries]
    chosen = "SELECT CASE WHEN l.n < 50 THEN l.d ELSE r.d END FROM t l JOIN t r ON l.d > r.d"
    assert len(rows(session, f"SELECT DISTINCT * FROM ({chosen}) q")) == 200 - 1
    (most,) = rows(session, "SELECT max(d) FROM (SELECT d FROM t ORDER BY n LIMIT 199) q")
    assert most == ("value 199",)


def test_a_table_made_of_them_holds_every_value(
    session: _kernel.Session, two_dictionaries: list[str]
) -> None:
    session.execute("CREATE TABLE made AS SELECT d FROM t ORDER BY d")
    assert session.table("made").schema.field("d").type == pa.dictionary(pa.int8(), pa.string())
    assert [d for (d,) in rows(session, "SELECT d FROM made")] == two_dictionaries
