"""Batches cut into pieces that a message can take."""

from collections.abc import Callable, Iterator

import pyarrow as pa

from velaria.flight_server.plain_types import viewless_schema


def pieces(
    batch: pa.RecordBatch, rows_max: int, bytes_max: int, bytes_of: Callable[[pa.RecordBatch], int]
) -> Iterator[pa.RecordBatch]:
    """In order, each within the bounds or of one row; not copied."""
    todo = [batch]
    while todo:
        piece = todo.pop()
        rows, size = piece.num_rows, bytes_of(piece)
        step = min(rows_max, max(1, -(-rows // max(1, -(-size // bytes_max)))))
        if step >= rows:
            yield piece
            continue
        todo += [piece.slice(at, step) for at in reversed(range(0, rows, step))]


def message_pieces(batch: pa.RecordBatch, bytes_max: int) -> Iterator[pa.RecordBatch]:
    """Pieces whose messages have at most so many bytes, unless one row has more.

    A view's texts would be sent whole with every slice, so each piece of a batch too large is given
    texts of its own; a dictionary is a message of its own, and is not divided.
    """
    rows = max(1, batch.num_rows)
    if pa.ipc.get_record_batch_size(batch) <= bytes_max:
        yield batch
        return
    divisible = viewless_schema(batch.schema)
    if divisible is batch.schema:
        yield from pieces(batch, rows, bytes_max, pa.ipc.get_record_batch_size)
        return
    half = max(1, bytes_max // 2)  # a view has 16 bytes where an offset has 8
    for piece in pieces(batch.cast(divisible), rows, half, pa.ipc.get_record_batch_size):
        own = pa.ipc.read_record_batch(piece.serialize(), divisible)
        yield own.cast(batch.schema)
