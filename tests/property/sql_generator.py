"""Random SELECTs over two small tables, typed so that each of them is valid and has one right
answer.

Everything stays inside the common ground of Velaria, DuckDB and SQLite: integers far from overflow,
divisors guarded by NULLIF, reals that are exact in binary, ASCII text, every ORDER BY a total
order.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

SETUP = (
    "CREATE TABLE t0(a INTEGER, b BIGINT, s VARCHAR, x DOUBLE PRECISION, f BOOLEAN)",
    "CREATE TABLE t1(a INTEGER, c INTEGER, u VARCHAR, y DOUBLE PRECISION)",
)
COLUMNS = {
    "t0": {"a": "int", "b": "int", "s": "text", "x": "real", "f": "bool"},
    "t1": {"a": "int", "c": "int", "u": "text", "y": "real"},
}
# SQLite has neither dates nor decimals; these tables are for DuckDB alone.
RICH_SETUP = (
    "CREATE TABLE t0(a INTEGER, b BIGINT, s VARCHAR, d DATE, m DECIMAL(8, 2), f BOOLEAN)",
    "CREATE TABLE t1(a INTEGER, c SMALLINT, u VARCHAR, e DATE, n DECIMAL(8, 2), x DOUBLE)",
)
RICH_COLUMNS = {
    "t0": {"a": "int", "b": "int", "s": "text", "d": "date", "m": "decimal", "f": "bool"},
    "t1": {"a": "int", "c": "int", "u": "text", "e": "date", "n": "decimal", "x": "real"},
}
Columns = dict[str, dict[str, str]]
_ALL_KINDS = ("int", "text", "real", "date", "decimal", "bool")
_TEXTS = ("", "a", "ab", "b", "Ab", "ba", " x", "x%y", "null", "zz")
_PATTERNS = ("a%", "%b", "_", "%", "", "%a%", "A_", "x!%y")
_COMPARISONS = ("=", "<>", "<", "<=", ">", ">=")


@dataclass(frozen=True)
class Query:
    """SQL and whether its rows come in one defined order."""

    sql: str
    ordered: bool


def insert_statements(rng: random.Random, tables: Columns = COLUMNS) -> list[str]:
    """Fill both tables: duplicates, nulls, and now and then no row at all."""
    statements = []
    for table, columns in tables.items():
        count = rng.choice((0, 1, 7, 25, 40))
        rows = [
            "(" + ", ".join(_value(rng, kind) for kind in columns.values()) + ")"
            for _ in range(count)
        ]
        if rows:
            statements.append(f"INSERT INTO {table} VALUES {', '.join(rows)}")
    return statements


def _value(rng: random.Random, kind: str) -> str:
    return "NULL" if rng.random() < 0.2 else _literal(rng, kind)


def _literal(rng: random.Random, kind: str) -> str:
    match kind:
        case "int":
            return str(rng.randint(-9, 20))
        case "real":
            return f"{rng.randint(-40, 40) / 8}e0"
        case "text":
            return "'" + rng.choice(_TEXTS) + "'"
        case "date":
            return (
                f"DATE '{rng.choice((1969, 2012, 2013))}-{rng.choice(('01-01', '02-28', '12-31'))}'"
            )
        case "decimal":
            return f"{rng.randint(-400, 400) / 4:.2f}"
    return rng.choice(("TRUE", "FALSE"))


class Generator:
    """Draws queries from one random source; the same seed gives the same queries."""

    def __init__(self, rng: random.Random, tables: Columns = COLUMNS) -> None:
        self._rng = rng
        self._tables = tables
        present = {kind for columns in tables.values() for kind in columns.values()}
        self._kinds = tuple(kind for kind in _ALL_KINDS if kind in present)
        self._scope: dict[str, str] = {}

    def query(self) -> Query:
        """One whole statement."""
        shapes: tuple[Callable[[], Query], ...] = (
            self._plain,
            self._plain,
            self._grouped,
            self._grouped,
            self._global_aggregate,
            self._set_operation,
            self._nested,
        )
        return self._rng.choice(shapes)()

    def predicate_query(self) -> tuple[str, str]:
        """A FROM clause and a predicate over it, for ternary-logic partitioning."""
        source = self._source()
        return source, self.expression("bool", 3)

    # ---- statements

    def _plain(self) -> Query:
        source = self._source()
        kinds = [self._rng.choice(self._kinds) for _ in range(self._count(3))]
        items = [f"{self.expression(kind, 2)} AS c{n}" for n, kind in enumerate(kinds)]
        distinct = "DISTINCT " if self._rng.random() < 0.2 else ""
        sql = f"SELECT {distinct}{', '.join(items)} FROM {source}{self._where()}"
        return self._maybe_ordered(sql, len(items))

    def _grouped(self) -> Query:
        source = self._source()
        names = [name for name, kind in self._scope.items() if kind != "real"]
        keys = list(dict.fromkeys(self._rng.choice(names) for _ in range(self._count(2))))
        if self._rng.random() < 0.3:
            # Never a bare literal: that would be an ordinal.
            keys[0] = f"({self._column('int')} % 3 + {self._leaf('int')})"
        aggregates = [self._aggregate() for _ in range(self._count(3))]
        items = [f"{item} AS c{n}" for n, item in enumerate(keys + aggregates)]
        sql = f"SELECT {', '.join(items)} FROM {source}{self._where()} GROUP BY {', '.join(keys)}"
        if self._rng.random() < 0.3:
            sql += f" HAVING COUNT(*) {self._rng.choice(_COMPARISONS)} {self._rng.randint(0, 4)}"
        return self._maybe_ordered(sql, len(items))

    def _global_aggregate(self) -> Query:
        source = self._source()
        items = [f"{self._aggregate()} AS c{n}" for n in range(self._count(4))]
        return Query(f"SELECT {', '.join(items)} FROM {source}{self._where()}", ordered=False)

    def _set_operation(self) -> Query:
        kinds = [self._rng.choice(self._kinds) for _ in range(self._count(2))]
        arms = []
        for _ in range(2):
            source = self._source()
            items = [f"{self.expression(kind, 1)} AS c{n}" for n, kind in enumerate(kinds)]
            arms.append(f"SELECT {', '.join(items)} FROM {source}{self._where()}")
        return self._maybe_ordered(
            self._rng.choice((" UNION ", " UNION ALL ")).join(arms), len(kinds)
        )

    def _nested(self) -> Query:
        source = self._source()
        kinds = {"p": "int", "q": "text", "r": "real"}
        items = ", ".join(f"{self.expression(kind, 1)} AS {name}" for name, kind in kinds.items())
        inner = f"SELECT {items} FROM {source}{self._where()}"
        self._scope = {f"q.{name}": kind for name, kind in kinds.items()}
        outer = f"{self.expression('int', 2)} AS c0, {self._column('text')} AS c1"
        if self._rng.random() < 0.5:
            sql = f"SELECT {outer} FROM ({inner}) AS q{self._where()}"
        else:
            sql = f"WITH q AS ({inner}) SELECT {outer} FROM q{self._where()}"
        return self._maybe_ordered(sql, 2)

    def _maybe_ordered(self, sql: str, width: int) -> Query:
        if self._rng.random() < 0.6:
            return Query(sql, ordered=False)
        directions = [self._rng.choice(("", " DESC")) for _ in range(width)]
        keys = ", ".join(f"{n + 1}{way} NULLS LAST" for n, way in enumerate(directions))
        sql = f"{sql} ORDER BY {keys}"
        if self._rng.random() < 0.5:
            sql += f" LIMIT {self._rng.randint(0, 12)}"
            if self._rng.random() < 0.5:
                sql += f" OFFSET {self._rng.randint(0, 6)}"
        return Query(sql, ordered=True)

    # ---- clauses

    def _source(self) -> str:
        """A table or a join; sets the columns in scope."""
        if self._rng.random() < 0.5:
            table = self._rng.choice(("t0", "t1"))
            self._scope = {f"{table}.{name}": kind for name, kind in self._tables[table].items()}
            return table
        left, right = self._rng.choice((("t0", "t1"), ("t1", "t0"), ("t0", "t0")))
        self._scope = {f"l.{name}": kind for name, kind in self._tables[left].items()}
        self._scope |= {f"r.{name}": kind for name, kind in self._tables[right].items()}
        kind = self._rng.choice(("JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN"))
        if kind == "CROSS JOIN":
            return f"{left} AS l CROSS JOIN {right} AS r"
        condition = self._rng.choice(
            ("l.a = r.a", f"l.a = r.{'b' if right == 't0' else 'c'}", "l.a = r.a + 1")
        )
        if self._rng.random() < 0.3:
            condition += f" AND {self.expression('bool', 1)}"
        return f"{left} AS l {kind} {right} AS r ON {condition}"

    def _where(self) -> str:
        return f" WHERE {self.expression('bool', 3)}" if self._rng.random() < 0.6 else ""

    def _aggregate(self) -> str:
        kind = self._rng.choice([kind for kind in self._kinds if kind != "bool"])
        argument = self.expression(kind, 1)
        choices = [
            "COUNT(*)",
            f"COUNT({argument})",
            f"COUNT(DISTINCT {argument})",
            f"MIN({argument})",
            f"MAX({argument})",
        ]
        if kind not in ("text", "date"):
            choices += [f"SUM({argument})", f"AVG({argument})"]
        return self._rng.choice(choices)

    # ---- expressions

    def expression(self, kind: str, depth: int) -> str:
        """An expression of a kind ("int", "text", "real", "bool") over the columns in scope."""
        if depth == 0 or self._rng.random() < 0.25:
            return self._leaf(kind)
        if self._rng.random() < 0.15:
            return self._conditional(kind, depth - 1)
        match kind:
            case "int":
                return self._integer(depth - 1)
            case "text":
                return self._text(depth - 1)
            case "real":
                return self._real(depth - 1)
            case "date":
                return self._date(depth - 1)
            case "decimal":
                return self._decimal(depth - 1)
        return self._boolean(depth - 1)

    def _leaf(self, kind: str) -> str:
        if self._rng.random() < 0.75 and kind in self._scope.values():
            return self._column(kind)
        return _literal(self._rng, kind)

    def _column(self, kind: str) -> str:
        names = [name for name, known in self._scope.items() if known == kind]
        return self._rng.choice(names)

    def _conditional(self, kind: str, depth: int) -> str:
        one, two = self.expression(kind, depth), self.expression(kind, depth)
        test = self.expression("bool", depth)
        return self._rng.choice(
            (
                f"CASE WHEN {test} THEN {one} ELSE {two} END",
                f"CASE WHEN {test} THEN {one} END",
                f"COALESCE({one}, {two})",
                f"NULLIF({one}, {two})",
            )
        )

    def _integer(self, depth: int) -> str:
        one, two = self.expression("int", depth), self.expression("int", depth)
        return self._rng.choice(
            (
                f"({one} + {two})",
                f"({one} - {two})",
                f"({one} * {self._rng.randint(-3, 3)})",
                f"({one} / NULLIF({two}, 0))",
                f"({one} % NULLIF({two}, 0))",
                f"ABS({one})",
                f"(- {one})",
                f"LENGTH({self.expression('text', depth)})",
            )
        )

    def _text(self, depth: int) -> str:
        one = self.expression("text", depth)
        return self._rng.choice(
            (
                f"({one} || {self.expression('text', depth)})",
                f"UPPER({one})",
                f"LOWER({one})",
                f"SUBSTR({one}, {self._rng.randint(1, 3)}, {self._rng.randint(0, 3)})",
                f"REPLACE({one}, 'a', {self._leaf('text')})",
                f"TRIM({one})",
            )
        )

    def _real(self, depth: int) -> str:
        one = self.expression("real", depth)
        return self._rng.choice(
            (
                f"({one} + {self.expression('real', depth)})",
                f"({one} - {self.expression('int', depth)})",
                f"({one} * {self._rng.choice(('0.5e0', '2e0', '-1e0'))})",
                f"ABS({one})",
                f"CAST({self.expression('int', depth)} AS DOUBLE PRECISION)",
            )
        )

    def _date(self, depth: int) -> str:
        one = self.expression("date", depth)
        return self._rng.choice(
            (f"({one} + {self._rng.randint(-40, 400)})", f"({one} - {self._rng.randint(0, 400)})")
        )

    def _decimal(self, depth: int) -> str:
        one, two = self.expression("decimal", depth), self.expression("decimal", depth)
        return self._rng.choice(
            (
                f"({one} + {two})",
                f"({one} - {two})",
                f"({one} * {self._rng.randint(-3, 3)})",
                f"(- {one})",
                f"ABS({one})",
            )
        )

    def _boolean(self, depth: int) -> str:
        kind = self._rng.choice([kind for kind in self._kinds if kind != "bool"])
        one, two = self.expression(kind, depth), self.expression(kind, depth)
        test, other = self.expression("bool", depth), self.expression("bool", depth)
        values = ", ".join(_value(self._rng, kind) for _ in range(self._count(4)))
        negation = self._rng.choice(("", "NOT "))
        text = self.expression("text", depth)
        return self._rng.choice(
            (
                f"({one} {self._rng.choice(_COMPARISONS)} {two})",
                f"({one} {self._rng.choice(_COMPARISONS)} {two})",
                f"({test} AND {other})",
                f"({test} OR {other})",
                f"(NOT {test})",
                f"({one} IS {negation}NULL)",
                f"({one} {negation}IN ({values}))",
                f"({one} {negation}BETWEEN {two} AND {self._leaf(kind)})",
                f"({text} {negation}LIKE '{self._rng.choice(_PATTERNS)}' ESCAPE '!')",
                f"({one} IS {negation}DISTINCT FROM {two})",
            )
        )

    def _count(self, most: int) -> int:
        return self._rng.randint(1, most)
