"""DuckDB: over Arrow data as it is, and over tables of its own."""

from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from bench.engines.interface import Engine


class DuckDbEngine:
    """`copies`: tables are copied into DuckDB's own compressed format when they are handed over."""

    version = duckdb.__version__

    def __init__(self, threads: int, copies: bool) -> None:
        self.name = "duckdb own table" if copies else "duckdb"
        self.role = "reference" if copies else "peer"
        self.reads_csv = not copies
        self._copies = copies
        self._connection = duckdb.connect(config={"threads": threads})

    def register(self, name: str, table: pa.Table) -> None:
        if not self._copies:
            self._connection.register(name, table)
            return
        self._connection.register("handed_over", table)
        self._connection.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM handed_over")
        self._connection.unregister("handed_over")

    def query(self, sql: str) -> pa.Table:
        return self._connection.sql(sql).to_arrow_table()

    def load_csv(self, path: Path, name: str) -> None:
        self._connection.execute(f"CREATE TABLE {name} AS SELECT * FROM read_csv('{path}')")

    def load_parquet(self, path: Path, name: str) -> None:
        self._connection.execute(f"CREATE TABLE {name} AS SELECT * FROM '{path}'")

    def view_parquet(self, path: Path, name: str) -> None:
        self._connection.execute(f"CREATE VIEW {name} AS SELECT * FROM '{path}'")

    def forget(self, name: str) -> None:
        if self._copies or self.reads_csv:
            self._connection.execute(f"DROP TABLE IF EXISTS {name}")

    def operators(self) -> list[dict[str, Any]]:
        return []

    def close(self) -> None:
        self._connection.close()


def open_engines(threads: int) -> list[Engine]:
    return [DuckDbEngine(threads, copies=False), DuckDbEngine(threads, copies=True)]
