"""DESCRIBE and EXPLAIN look at what is there, and nowhere else."""

from collections.abc import Iterator

import pyarrow as pa
import pytest

from velaria import _kernel

SCHEMA = pa.schema([pa.field("run_id", pa.string(), nullable=False), pa.field("n", pa.int64())])


@pytest.fixture
def session() -> Iterator[_kernel.Session]:
    kernel_session = _kernel.Session(threads=1)
    kernel_session.register_system_table("jobs", SCHEMA, lambda: pa.table({"x": [1]}).to_reader())
    kernel_session.execute("CREATE TABLE jobs(a INTEGER)")
    yield kernel_session
    kernel_session.close()


def test_a_system_table_is_described(session: _kernel.Session) -> None:
    described = session.execute("DESCRIBE system.jobs").read_all()
    assert described.to_pylist() == [
        {"column_name": "run_id", "column_type": "VARCHAR", "nullable": "NO"},
        {"column_name": "n", "column_type": "BIGINT", "nullable": "YES"},
    ]
    assert session.execute("DESCRIBE jobs").read_all()["column_name"].to_pylist() == ["a"]


def test_describe_of_a_name_or_schema_that_is_not_there_is_an_error(
    session: _kernel.Session,
) -> None:
    for name, code in [("system.nothing", "VEL2011"), ("elsewhere.jobs", "VEL2028")]:
        with pytest.raises(_kernel.SqlError) as caught:
            session.execute(f"DESCRIBE {name}")
        assert caught.value.code == code


def test_batches_of_another_schema_than_the_system_tables_are_refused(
    session: _kernel.Session,
) -> None:
    with pytest.raises(_kernel.SourceError) as caught:
        session.execute("SELECT n FROM system.jobs").read_all()
    assert caught.value.code == "VEL4005"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a FROM jobs WHERE 1 = 1 AND a > 2",
        "INSERT INTO jobs SELECT a FROM jobs WHERE 1 = 1 AND a > 2",
        "CREATE TABLE made AS SELECT a FROM jobs WHERE 1 = 1 AND a > 2",
    ],
)
def test_without_rewrites_every_statement_keeps_its_plan(
    session: _kernel.Session, sql: str
) -> None:
    assert "1 = 1" not in session.explain(sql)["logical"]
    session.execute("SET debug_no_rewrite = 1")
    assert "1 = 1" in session.explain(sql)["logical"]
