"""A put that replaces a table does so at its end, or not at all."""

from collections.abc import Iterator

import pyarrow as pa
import pytest
from pyarrow import ipc

import velaria
from tests.faults.malformed_streams import MUST_REJECT

OLD = pa.record_batch({"a": pa.array([1, 2, 3], pa.int64())})
NEW = pa.record_batch({"c": ["x", "y"]})


@pytest.fixture
def session() -> Iterator[velaria._kernel.Session]:
    kernel_session = velaria._kernel.Session(threads=1)
    ingest = kernel_session.ingest("t", OLD.schema)
    ingest.write(OLD)
    ingest.commit()
    yield kernel_session
    kernel_session.close()


def table(session: velaria._kernel.Session) -> pa.Table:
    return session.execute("SELECT * FROM t").read_all()


def test_the_old_rows_are_read_until_the_new_ones_are_complete(
    session: velaria._kernel.Session,
) -> None:
    ingest = session.ingest("t", NEW.schema, "replace")
    assert ingest.write(NEW) == 2
    assert table(session) == pa.Table.from_batches([OLD])
    assert ingest.write(NEW) == 2
    ingest.commit()
    assert table(session) == pa.Table.from_batches([NEW, NEW]).combine_chunks()
    assert ingest.row_count == 4
    with pytest.raises(velaria.SourceError) as refusal:
        ingest.write(NEW)
    assert refusal.value.code == "VEL4011"


def test_a_damaged_first_batch_leaves_the_old_table(session: velaria._kernel.Session) -> None:
    damaged = ipc.open_stream(MUST_REJECT["text offset past the end"]()).read_next_batch()
    ingest = session.ingest("t", damaged.schema, "replace")
    with pytest.raises(velaria.SourceError):
        ingest.write(damaged)
    del ingest
    assert table(session) == pa.Table.from_batches([OLD])


def test_one_that_is_let_go_of_leaves_the_old_table(session: velaria._kernel.Session) -> None:
    session.ingest("t", NEW.schema, "replace").write(NEW)
    assert table(session) == pa.Table.from_batches([OLD])


def test_a_replacement_of_no_rows_empties_the_table(session: velaria._kernel.Session) -> None:
    session.ingest("t", NEW.schema, "replace").commit()
    assert table(session) == NEW.schema.empty_table()


def test_what_is_no_table_is_not_replaced(session: velaria._kernel.Session) -> None:
    session.execute("CREATE VIEW v AS SELECT a FROM t")
    with pytest.raises(velaria.SqlError) as refusal:
        session.ingest("v", NEW.schema, "replace")
    assert refusal.value.code == "VEL2025"


def test_put_replaces_as_a_whole() -> None:
    session = velaria.Session(threads=1)
    session.put(OLD, "t")

    def breaks() -> Iterator[pa.RecordBatch]:
        yield OLD.slice(0, 1)
        raise ValueError("the source broke")

    with pytest.raises(Exception, match="the source broke"):
        session.put(pa.RecordBatchReader.from_batches(OLD.schema, breaks()), "t", mode="replace")
    assert session.sql("SELECT count(*) FROM t").to_rows() == [(3,)]
    assert session.put(pa.Table.from_batches([OLD, OLD]), "t", mode="replace") == 6
    assert session.sql("SELECT count(*) FROM t").to_rows() == [(6,)]
