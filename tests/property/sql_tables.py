"""The tables that generated statements run over, their rows, and literals of each kind.

A kind is what an expression may be compared with: "int", "real", "text", "bool", "date", "decimal".
Every table has a unique column `k`, which makes an order total.
"""

from __future__ import annotations

import random

# Table -> column -> (declared type, kind).
Tables = dict[str, dict[str, tuple[str, str]]]

_KEY = ("INTEGER", "int")
TABLES: Tables = {
    "t0": {
        "k": _KEY,
        "a": ("INTEGER", "int"),
        "b": ("BIGINT", "int"),
        "s": ("VARCHAR", "text"),
        "x": ("DOUBLE PRECISION", "real"),
        "f": ("BOOLEAN", "bool"),
    },
    "t1": {
        "k": _KEY,
        "a": ("INTEGER", "int"),
        "c": ("INTEGER", "int"),
        "u": ("VARCHAR", "text"),
        "y": ("DOUBLE PRECISION", "real"),
    },
    "t2": {"k": _KEY, "a": ("BIGINT", "int"), "v": ("VARCHAR", "text"), "g": ("BOOLEAN", "bool")},
}
# SQLite has neither dates nor decimals; these tables are for DuckDB alone.
RICH_TABLES: Tables = {
    "t0": {
        "k": _KEY,
        "a": ("INTEGER", "int"),
        "b": ("BIGINT", "int"),
        "s": ("VARCHAR", "text"),
        "d": ("DATE", "date"),
        "m": ("DECIMAL(8, 2)", "decimal"),
        "f": ("BOOLEAN", "bool"),
    },
    "t1": {
        "k": _KEY,
        "a": ("INTEGER", "int"),
        "c": ("SMALLINT", "int"),
        "u": ("VARCHAR", "text"),
        "e": ("DATE", "date"),
        "n": ("DECIMAL(8, 2)", "decimal"),
        "x": ("DOUBLE", "real"),
    },
    "t2": {
        "k": _KEY,
        "a": ("BIGINT", "int"),
        "d": ("DATE", "date"),
        "m": ("DECIMAL(12, 4)", "decimal"),
    },
}
TEXTS = ("", "a", "ab", "b", "Ab", "ba", " x", "x%y", "null", "zz")
NULL_SHARES = (0.0, 0.2, 0.2, 0.8)
ROW_COUNTS = (0, 1, 7, 25, 40)


def create_statements(tables: Tables, key: str = "") -> list[str]:
    """CREATE TABLE for each; `key` follows the type of column k ("PRIMARY KEY")."""
    return [
        f"CREATE TABLE {table}("
        + ", ".join(
            f"{name} {declared} {key if name == 'k' else ''}".rstrip()
            for name, (declared, _) in columns.items()
        )
        + ")"
        for table, columns in tables.items()
    ]


def insert_statements(rng: random.Random, tables: Tables) -> list[str]:
    """Fill the tables: duplicates outside of k, few nulls or many, and now and then no row."""
    statements = []
    for table, columns in tables.items():
        share = rng.choice(NULL_SHARES)
        rows = [row_text(rng, columns, key, share) for key in range(rng.choice(ROW_COUNTS))]
        rng.shuffle(rows)
        if rows:
            statements.append(f"INSERT INTO {table} VALUES {', '.join(rows)}")
    return statements


def row_text(
    rng: random.Random, columns: dict[str, tuple[str, str]], key: int, null_share: float
) -> str:
    values = [value(rng, kind, null_share) for _, kind in columns.values()]
    return f"({', '.join([str(key), *values[1:]])})"


def value(rng: random.Random, kind: str, null_share: float = 0.2) -> str:
    return "NULL" if rng.random() < null_share else literal(rng, kind)


def literal(rng: random.Random, kind: str) -> str:
    """Reals are exact in binary, so that a sum is the same in any order."""
    match kind:
        case "int":
            return str(rng.randint(-9, 20))
        case "real":
            return f"{rng.randint(-40, 40) / 8}e0"
        case "text":
            return "'" + rng.choice(TEXTS) + "'"
        case "date":
            year, day = rng.choice((1969, 2012, 2013)), rng.choice(("01-01", "02-28", "12-31"))
            return f"DATE '{year}-{day}'"
        case "decimal":
            return f"{rng.randint(-400, 400) / 4:.2f}"
    return rng.choice(("TRUE", "FALSE"))
