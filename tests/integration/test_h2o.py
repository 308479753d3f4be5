"""The questions of the H2O.ai database benchmark over few rows: the answers are DuckDB's."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pyarrow as pa
import pytest

from bench.answers import check_same
from bench.data import h2o_groups, h2o_joins
from bench.h2o import GROUP_BY, JOIN, checked
from velaria import _kernel

ROWS = 20_000


class Engines:
    """Velaria and DuckDB over the same tables."""

    def __init__(self, tables: dict[str, pa.Table]) -> None:
        self._session = _kernel.Session()
        self._duckdb = duckdb.connect()
        for name, table in tables.items():
            self._session.register_arrow(name, table)
            self._duckdb.register(name, table)

    def check(self, sql: str) -> None:
        expected = self._duckdb.sql(sql).to_arrow_table()
        assert expected.num_rows > 0
        check_same("velaria", self._session.execute(sql).read_all(), "duckdb", expected)

    def close(self) -> None:
        self._session.close()
        self._duckdb.close()


@pytest.fixture(scope="module")
def groups() -> Iterator[Engines]:
    engines = Engines({"x": h2o_groups(ROWS)})
    yield engines
    engines.close()


@pytest.fixture(scope="module")
def joins() -> Iterator[Engines]:
    engines = Engines(h2o_joins(ROWS))
    yield engines
    engines.close()


@pytest.mark.parametrize("question", GROUP_BY)
def test_groups_are_those_of_duckdb(groups: Engines, question: str) -> None:
    groups.check(GROUP_BY[question])


@pytest.mark.parametrize("question", JOIN)
def test_joins_are_those_of_duckdb(joins: Engines, question: str) -> None:
    joins.check(JOIN[question])
    joins.check(checked(JOIN[question]))
