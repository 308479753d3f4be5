"""Velaria's kernel in this process."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from bench.engines.interface import Engine
from velaria import _kernel


class VelariaEngine:
    name = "velaria"
    role = "velaria"
    version = _kernel.__version__
    reads_csv = True

    def __init__(self, threads: int) -> None:
        self.session = _kernel.Session(threads=threads)
        self._operators: list[dict[str, Any]] = []

    def register(self, name: str, table: pa.Table) -> None:
        self.session.register_arrow(name, table, replace=True)

    def query(self, sql: str) -> pa.Table:
        result = self.session.execute(sql)
        rows = result.read_all()
        self._operators = result.statistics()["operators"]
        return rows

    def load_csv(self, path: Path, name: str) -> None:
        self.session.execute(f"CREATE TABLE {name} AS SELECT * FROM '{path}'")
        self._operators = []

    def load_parquet(self, path: Path, name: str) -> None:
        self.session.execute(f"CREATE TABLE {name} AS SELECT * FROM '{path}'")

    def view_parquet(self, path: Path, name: str) -> None:
        self.session.execute(f"CREATE VIEW {name} AS SELECT * FROM '{path}'")

    def forget(self, name: str) -> None:
        if any(table.name == name for table in self.session.tables()):
            self.session.drop(name)

    def operators(self) -> list[dict[str, Any]]:
        return self._operators

    def close(self) -> None:
        self.session.close()


def open_engines(threads: int) -> list[Engine]:
    return [VelariaEngine(threads)]
