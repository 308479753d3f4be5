"""DataFusion."""

import os
from pathlib import Path
from typing import Any

import pyarrow as pa

from bench.engines.interface import Engine
from bench.setting import threads_of_this_run

# Its runtime counts its threads once, at the first query.
os.environ.setdefault("TOKIO_WORKER_THREADS", str(threads_of_this_run()))
import datafusion


class DataFusionEngine:
    """Batches are dealt out to as many partitions as there are threads."""

    name = "datafusion"
    role = "peer"
    version = datafusion.__version__
    reads_csv = True

    def __init__(self, threads: int) -> None:
        self._threads = threads
        config = datafusion.SessionConfig().with_target_partitions(threads)
        self._context = datafusion.SessionContext(config)

    def register(self, name: str, table: pa.Table) -> None:
        self.forget(name)
        batches = table.to_batches()
        partitions = [batches[start :: self._threads] for start in range(self._threads)]
        self._context.register_record_batches(name, [part for part in partitions if part])

    def query(self, sql: str) -> pa.Table:
        return self._context.sql(sql).to_arrow_table()

    def load_csv(self, path: Path, name: str) -> None:
        partitions = self._context.read_csv(str(path)).collect_partitioned()
        self._context.register_record_batches(name, [part for part in partitions if part])

    def load_parquet(self, path: Path, name: str) -> None:
        partitions = self._context.read_parquet(str(path)).collect_partitioned()
        self._context.register_record_batches(name, [part for part in partitions if part])

    def view_parquet(self, path: Path, name: str) -> None:
        self._context.register_parquet(name, str(path))

    def forget(self, name: str) -> None:
        self._context.deregister_table(name)

    def operators(self) -> list[dict[str, Any]]:
        return []

    def close(self) -> None:
        """Nothing to give back: the context holds no file and no thread of its own."""


def open_engines(threads: int) -> list[Engine]:
    return [DataFusionEngine(threads)]
