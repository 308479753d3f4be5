"""Batches are cut so that each message fits, whatever their types, and no row is lost."""

import pyarrow as pa
import pytest

from velaria.flight_server.batch_cutting import message_pieces

BYTES_MAX = 100_000
ROWS = 20_000
TEXTS = [f"text number {n} which is no short one" for n in range(ROWS)]
COLUMNS = {
    "integers": pa.array(range(ROWS), pa.int64()),
    "texts": pa.array(TEXTS),
    "views": pa.array(TEXTS, pa.string_view()),
    "binary views": pa.array([text.encode() for text in TEXTS], pa.binary_view()),
    "lists of views": pa.array([[text] for text in TEXTS], pa.large_list(pa.string_view())),
    "structs of views": pa.array(
        [{"a": text} for text in TEXTS], pa.struct([("a", pa.string_view())])
    ),
    "codes": pa.array(["a", "b"] * (ROWS // 2)).dictionary_encode(),
}


@pytest.mark.parametrize("name", list(COLUMNS))
def test_each_piece_fits_and_no_row_is_lost(name: str) -> None:
    batch = pa.record_batch({"c": COLUMNS[name]})
    whole = pa.ipc.get_record_batch_size(batch)
    pieces = list(message_pieces(batch, min(BYTES_MAX, whole // 3)))
    assert len(pieces) >= 3
    assert max(map(pa.ipc.get_record_batch_size, pieces)) <= BYTES_MAX
    assert pa.Table.from_batches(pieces).combine_chunks().equals(pa.table(batch).combine_chunks())


def test_many_columns_count_with_what_describes_them() -> None:
    batch = pa.record_batch({f"c{n}": pa.array([1, 2, 3], pa.int8()) for n in range(500)})
    assert [piece.num_rows for piece in message_pieces(batch, batch.nbytes + 500)] == [1, 1, 1]


def test_a_batch_that_fits_is_sent_as_it_is() -> None:
    batch = pa.record_batch({"c": COLUMNS["views"].slice(0, 10)})
    assert next(message_pieces(batch, 10 << 20)) is batch
    empty = batch.slice(0, 0)
    assert [piece.num_rows for piece in message_pieces(empty, 1)] == [0]


def test_a_row_larger_than_that_stays_whole() -> None:
    batch = pa.record_batch({"c": ["x", "y" * 500_000, "z"]})
    assert [piece.num_rows for piece in message_pieces(batch, BYTES_MAX)] == [1, 1, 1]
