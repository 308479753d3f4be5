"""Batches are cut to the bytes that a client asks for, and nothing is lost by it."""

import pyarrow as pa
import pytest

from velaria.flight_server.result_batches import cut
from velaria.schemas.results import ResultOptions

MIB = 1024 * 1024
ASKED = ResultOptions(batch_bytes=3 * MIB)


@pytest.mark.parametrize(
    "lengths",
    [[10] * 5, [MIB] * 10, [10] * 1000 + [2 * MIB] * 3 + [10] * 1000, [5 * MIB, 5 * MIB], []],
    ids=["small", "even", "skewed", "rows larger than a message", "empty"],
)
def test_a_batch_is_cut_into_pieces_that_clients_take(lengths: list[int]) -> None:
    batch = pa.record_batch({"s": pa.array(["x" * n for n in lengths], pa.string())})
    pieces = list(cut(batch, ASKED))
    assert pa.Table.from_batches(pieces).equals(pa.Table.from_batches([batch]))
    assert all(piece.nbytes <= 3 * MIB or piece.num_rows == 1 for piece in pieces)


def test_a_batch_of_the_right_size_goes_as_it_is() -> None:
    batch = pa.record_batch({"n": pa.array(range(65_536), pa.int64())})
    assert [piece.num_rows for piece in cut(batch, ASKED)] == [65_536]
