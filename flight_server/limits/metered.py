"""Results that are counted while they are read, for limits that must hold to the row."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import pyarrow as pa

from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

if TYPE_CHECKING:
    from velaria.flight_server.queries import TrackedQuery


class Meter:
    """Counts the batches of one result against both bounds (0: no limit). `is_needed` is false when
    nothing can come of it, so that the kernel's reader may go out as it is."""

    def __init__(
        self, tracked: "TrackedQuery", rows_max: int, bytes_max: int, *, has_deadline: bool
    ) -> None:
        self.is_needed = has_deadline or rows_max > 0 or bytes_max > 0
        self.row_count = 0
        self.told = tracked.told
        self._tracked = tracked
        self._rows_max = rows_max
        self._bytes_max = bytes_max
        self._byte_count = 0

    def count(self, batch: pa.RecordBatch) -> None:
        """VEL3015 past a bound; the batch is then not to be sent."""
        self._byte_count += batch.nbytes
        if 0 < self._rows_max < self.row_count + batch.num_rows:
            raise _too_large("rows", self._rows_max)
        if 0 < self._bytes_max < self._byte_count:
            raise _too_large("bytes", self._bytes_max)
        self.row_count += batch.num_rows

    def batches(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Each as long as both bounds hold. Raises, and records, coded errors only: the reason when
        the server has ended the query."""
        try:
            for batch in batches:
                self.count(batch)
                yield batch
        except Exception as fault:
            raise self._tracked.fail(fault, self.row_count) from fault


def _too_large(unit: str, bound: int) -> VelariaError:
    return VelariaError(
        codes.RESULT_TOO_LARGE,
        f"the result has more {unit} than a call may read: {bound}",
        hint="Select less, or read the result in parts by LIMIT and OFFSET.",
    )
