"""Every comparison of a column with constants, with ranges and with another column, at the edges of
every fixed-width type, against Python's order of the same values.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable
from decimal import Decimal

import pyarrow as pa
import pytest

from velaria import _kernel

Value = int | float | Decimal
SIGNS: dict[str, Callable[[object, object], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def integers(bits: int, signed: bool) -> list[Value]:
    low = -(2 ** (bits - 1)) if signed else 0
    high = low + 2**bits - 1
    return sorted({low, low + 1, *((-1, 0, 1) if signed else (0, 1)), high - 1, high})


FLOATS: list[Value] = [-math.inf, -1.5, -0.0, 0.0, 5e-324, 1.5, math.inf, math.nan]
TOP = 10**38 - 1
COLUMNS: dict[str, tuple[pa.DataType, list[Value]]] = {
    "TINYINT": (pa.int8(), integers(8, True)),
    "SMALLINT": (pa.int16(), integers(16, True)),
    "INTEGER": (pa.int32(), integers(32, True)),
    "BIGINT": (pa.int64(), integers(64, True)),
    "UTINYINT": (pa.uint8(), integers(8, False)),
    "USMALLINT": (pa.uint16(), integers(16, False)),
    "UINTEGER": (pa.uint32(), integers(32, False)),
    "UBIGINT": (pa.uint64(), integers(64, False)),
    "FLOAT": (pa.float32(), [value for value in FLOATS if value != 5e-324]),
    "DOUBLE": (pa.float64(), FLOATS),
    "DECIMAL(38, 0)": (pa.decimal128(38, 0), [Decimal(value) for value in (-TOP, -1, 0, 1, TOP)]),
}


def order(value: Value) -> tuple[bool, Value]:
    """NaN equals itself and stands above every number."""
    is_nan = isinstance(value, float) and math.isnan(value)
    return (is_nan, 0 if is_nan else value)


def ids_where(session: _kernel.Session, condition: str) -> list[int]:
    reader = session.execute(f"SELECT id FROM t WHERE {condition} ORDER BY id")
    return reader.read_all()["id"].to_pylist()


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("has_nulls", [False, True])
def test_a_filter_keeps_what_compares_so(name: str, has_nulls: bool) -> None:
    type_, edges = COLUMNS[name]
    pairs = list(itertools.product([*edges, None] if has_nulls else edges, repeat=2))
    session = _kernel.Session()
    session.register_arrow(
        "t",
        pa.table(
            {
                "id": range(len(pairs)),
                "a": pa.array([a for a, _ in pairs], type_),
                "b": pa.array([b for _, b in pairs], type_),
            }
        ),
    )

    def expected(keeps: Callable[[Value, Value], bool]) -> list[int]:
        return [
            at for at, (a, b) in enumerate(pairs) if a is not None and b is not None and keeps(a, b)
        ]

    for sign, holds in SIGNS.items():
        assert ids_where(session, f"a {sign} b") == expected(
            lambda a, b, holds=holds: holds(order(a), order(b))
        )
        for edge in edges:
            constant = f"CAST('{edge}' AS {name})"
            kept = expected(lambda a, b, holds=holds, edge=edge: holds(order(a), order(edge)))
            # b is asked for too, so that rows with a NULL in it fall away as in `expected`.
            both = "AND b IS NOT NULL"
            assert ids_where(session, f"a {sign} {constant} {both}") == kept, (sign, edge)
            mirrored = expected(lambda a, b, holds=holds, edge=edge: holds(order(edge), order(a)))
            assert ids_where(session, f"{constant} {sign} a {both}") == mirrored, (sign, edge)
    for (low_sign, high_sign), low, high in itertools.product(
        itertools.product((">", ">="), ("<", "<=")), edges, edges
    ):
        kept = expected(
            lambda a, b, s=(SIGNS[low_sign], SIGNS[high_sign]), low=low, high=high: (
                s[0](order(a), order(low)) and s[1](order(a), order(high))
            )
        )
        condition = (
            f"a {low_sign} CAST('{low}' AS {name}) AND a {high_sign} CAST('{high}' AS {name})"
        )
        assert ids_where(session, f"{condition} AND b IS NOT NULL") == kept, condition
