"""What tests of ADBC's Flight SQL driver share. Tests that import it skip without the driver."""

from typing import Any

import pyarrow as pa
import pytest

dbapi = pytest.importorskip("adbc_driver_flightsql.dbapi")

ROW_COUNT = 200_000
NUMBERS = [(pa.int8(), -128), (pa.int16(), 32767), (pa.int32(), -(2**31)), (pa.int64(), 2**62)]
THREE, TWO = pa.table({"k": [1, 2, 3]}), pa.table({"k": [4, 5]})


def rows(conn: Any, sql: str, params: Any = None) -> list[tuple[Any, ...]]:
    with conn.cursor() as cursor:
        cursor.execute(sql, params)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


def update(conn: Any, sql: str) -> int:
    """ExecuteUpdate; the rows that the server says it touched."""
    with conn.cursor() as cursor:
        cursor.adbc_statement.set_sql_query(sql)
        return int(cursor.adbc_statement.execute_update())


def ingest(conn: Any, name: str, data: Any, mode: str, **options: Any) -> int:
    with conn.cursor() as cursor:
        return int(cursor.adbc_ingest(name, data, mode=mode, **options))


def count(conn: Any, name: str) -> int:
    return int(rows(conn, f"SELECT count(*) FROM {name}")[0][0])


class Refused:
    """The block raises that class of error, with that code and without a traceback."""

    def __init__(self, kind: type[Exception], code: str) -> None:
        self._kind, self._code = kind, code

    def __enter__(self) -> None: ...

    def __exit__(self, kind: Any, fault: Any, trace: Any) -> bool:
        assert fault is not None, f"no error where {self._code} was expected"
        text = str(fault)
        assert isinstance(fault, self._kind), f"{type(fault).__name__}: {text}"
        assert self._code in text, text
        assert "Traceback" not in text
        assert '.py"' not in text
        return True


def refused(code: str, kind: type[Exception] = dbapi.ProgrammingError) -> Refused:
    return Refused(kind, code)
