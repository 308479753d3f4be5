"""Polars, by its SQL and its streaming engine."""

import os
from pathlib import Path
from typing import Any

import pyarrow as pa

from bench.engines.interface import Engine
from bench.setting import threads_of_this_run

# Polars sizes its pool once, when it is imported.
os.environ.setdefault("POLARS_MAX_THREADS", str(threads_of_this_run()))
import polars


class PolarsEngine:
    """A table handed over becomes a frame: text is copied to Polars' layout, numbers are not."""

    name = "polars"
    role = "peer"
    version = polars.__version__
    reads_csv = True

    def __init__(self) -> None:
        self._frames: dict[str, polars.DataFrame | polars.LazyFrame] = {}

    def register(self, name: str, table: pa.Table) -> None:
        frame = polars.from_arrow(table)
        assert isinstance(frame, polars.DataFrame)
        self._frames[name] = frame

    def query(self, sql: str) -> pa.Table:
        plan = polars.SQLContext(frames=self._frames, eager=False).execute(sql)
        return plan.collect(engine="streaming").to_arrow()

    def load_csv(self, path: Path, name: str) -> None:
        self._frames[name] = polars.read_csv(path, try_parse_dates=True)

    def load_parquet(self, path: Path, name: str) -> None:
        self._frames[name] = polars.read_parquet(path)

    def view_parquet(self, path: Path, name: str) -> None:
        self._frames[name] = polars.scan_parquet(path)

    def forget(self, name: str) -> None:
        self._frames.pop(name, None)

    def operators(self) -> list[dict[str, Any]]:
        return []

    def close(self) -> None:
        self._frames.clear()


def open_engines(threads: int) -> list[Engine]:
    if polars.thread_pool_size() != threads:
        print(f"bench: polars has its own number of threads: {polars.thread_pool_size()}")
    return [PolarsEngine()]
