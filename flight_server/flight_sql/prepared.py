"""Prepared statements of Flight SQL: text and bound parameters, by a handle.

One is the client's until it closes it, its session is closed, or no call has used it for its idle
time. Texts and parameters together take a bounded number of bytes.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from velaria.flight_server.flight_sql.handles import HandleBook
from velaria.flight_server.options import Options
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

if TYPE_CHECKING:
    from velaria.flight_server.calls import Call

PREPARED_IDLE_S = 1800.0


@dataclass
class Prepared:
    """`rows` are the bound parameters, one column each; None before they were bound."""

    sql: str
    transaction_id: bytes
    session_id: str | None
    rows: pa.Table | None = None
    has_ended: bool = False

    @property
    def byte_count(self) -> int:
        return len(self.sql) + (self.rows.nbytes if self.rows is not None else 0)


class PreparedBook:
    """All prepared statements of all clients."""

    def __init__(
        self,
        options: Options,
        clock_s: Callable[[], float] = time.monotonic,
        idle_s: float = PREPARED_IDLE_S,
    ) -> None:
        self._options = options
        self._byte_count = 0
        self._lock = threading.Lock()
        self.held: HandleBook[Prepared] = HandleBook(
            "prepared statement", options, "limits.prepared_open", idle_s, self._end, clock_s
        )

    def add(self, prepared: Prepared, call: "Call") -> bytes:
        """VEL5002 when there are too many, or they take too many bytes."""

        def make() -> Prepared:
            self._take(prepared.byte_count)
            return prepared

        return self.held.add(make, call)

    def use(self, handle: bytes, call: "Call") -> Prepared:
        """VEL1011 when there is none of that handle for this caller."""
        return self.held.use(handle, call)

    def bind(self, handle: bytes, call: "Call", rows: pa.Table) -> None:
        """Take the rows for what the statement runs with from now on."""
        prepared = self.use(handle, call)
        self._take(rows.nbytes)
        with self._lock:
            bound, prepared.rows = prepared.rows, rows
            self._byte_count -= bound.nbytes if bound is not None else 0
            if prepared.has_ended:  # by another call, which did not count these rows
                self._byte_count -= rows.nbytes

    def close(self, handle: bytes, call: "Call") -> None:
        self._end(self.held.remove(handle, call))

    def _take(self, byte_count: int) -> None:
        bytes_max = self._options.get("limits.prepared_bytes")
        with self._lock:
            if self._byte_count + byte_count > bytes_max:
                raise VelariaError(
                    codes.OVERLOADED,
                    f"prepared statements would exceed {bytes_max} bytes with this one:"
                    f" {byte_count}",
                    hint="Close prepared statements that are not used, or bind fewer rows.",
                )
            self._byte_count += byte_count

    def _end(self, prepared: Prepared) -> None:
        with self._lock:
            self._byte_count -= prepared.byte_count
            prepared.rows, prepared.has_ended = None, True
