"""What the harness asks of an engine."""

from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa


class Engine(Protocol):
    """A database in this process that answers SQL over the Arrow tables it was handed.

    `role` is "velaria", "peer" or "reference". Handing over is never timed.
    """

    name: str
    version: str
    role: str
    reads_csv: bool

    def register(self, name: str, table: pa.Table) -> None: ...

    def query(self, sql: str) -> pa.Table: ...

    def load_csv(self, path: Path, name: str) -> None:
        """Read the whole file, types found by the engine, into memory of its own."""

    def load_parquet(self, path: Path, name: str) -> None:
        """Read the whole file into a table of the engine's own."""

    def view_parquet(self, path: Path, name: str) -> None:
        """Name a file that each query reads anew."""

    def forget(self, name: str) -> None:
        """Give up what load_csv or register brought in; nothing happens when there is nothing."""

    def operators(self) -> list[dict[str, Any]]:
        """Where the last query() spent its time, one map per operator; empty when not told."""

    def close(self) -> None: ...
