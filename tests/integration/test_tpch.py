"""TPC-H at scale factor 0.1: 22 of 22 answers equal to those of DuckDB and of DataFusion."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import datafusion
import duckdb
import pyarrow as pa
import pytest

from bench.answers import check_same
from bench.tpch import QUERIES, parquet_files
from velaria import _kernel

SCALE = 0.1
# DataFusion averages decimals to six digits behind the point: a discount of 0.05 to four digits.
DECIMAL_AVERAGE_TOLERANCE = 2e-5


class Engines:
    """The same files in three engines; in Velaria as tables of its own and as views, too."""

    def __init__(self, files: dict[str, Path]) -> None:
        self._duckdb = duckdb.connect()
        self._datafusion = datafusion.SessionContext()
        self.sessions = {"tables": _kernel.Session(), "files": _kernel.Session()}
        for name, path in files.items():
            self._duckdb.execute(f"CREATE VIEW {name} AS SELECT * FROM '{path}'")
            self._datafusion.register_parquet(name, str(path))
            self.sessions["tables"].execute(f"CREATE TABLE {name} AS SELECT * FROM '{path}'")
            self.sessions["files"].execute(f"CREATE VIEW {name} AS SELECT * FROM '{path}'")

    def duckdb_rows(self, sql: str) -> pa.Table:
        return self._duckdb.sql(sql).to_arrow_table()

    def datafusion_rows(self, sql: str) -> pa.Table:
        return self._datafusion.sql(sql).to_arrow_table()

    def close(self) -> None:
        self._duckdb.close()
        for session in self.sessions.values():
            session.close()


@pytest.fixture(scope="session")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    opened = Engines(parquet_files(tmp_path_factory.mktemp("tpch"), SCALE))
    yield opened
    opened.close()


def test_there_are_22_queries() -> None:
    assert list(QUERIES) == [f"q{number:02}" for number in range(1, 23)]


@pytest.mark.parametrize("name", QUERIES)
def test_the_answer_is_that_of_two_other_engines(engines: Engines, name: str) -> None:
    sql = QUERIES[name]
    expected = engines.duckdb_rows(sql)
    second = engines.datafusion_rows(sql)
    assert expected.num_rows > 0, "parameters that select nothing prove nothing"
    for source, session in engines.sessions.items():
        rows = session.execute(sql).read_all()
        check_same(f"velaria over {source}", rows, "duckdb", expected)
        check_same("velaria", rows, "datafusion", second, DECIMAL_AVERAGE_TOLERANCE)
        assert in_order(rows, expected), f"{source}: the rows come in another order"


def in_order(rows: pa.Table, expected: pa.Table) -> bool:
    """Every ORDER BY of the set is total: text, whole numbers and dates stand in the same rows."""
    exact = [
        field.name
        for field in expected.schema
        if pa.types.is_string(field.type) or pa.types.is_date(field.type)
    ]
    return all(rows[name].to_pylist() == expected[name].to_pylist() for name in exact)
