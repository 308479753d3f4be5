"""A result's rows as Python reads them: batch by batch, each failure as the kernel tells it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from velaria._kernel import QueryResult


def pulled(
    result: "QueryResult", reader: pa.RecordBatchReader | None = None
) -> Iterator[pa.RecordBatch]:
    """The result's batches; `reader` is its own when it was taken before. KernelErrors with place,
    caret and hint: pyarrow's reader hands on no more than a text, so the result is asked."""
    return _pulled(result, result.reader() if reader is None else reader)


def _pulled(result: "QueryResult", reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    while True:
        try:
            batch = reader.read_next_batch()
        except StopIteration:
            return
        except (pa.ArrowException, OSError) as fault:
            # Kept in no variable: an error keeps this frame, and this frame the query.
            raise result.failure() or fault from None
        yield batch
