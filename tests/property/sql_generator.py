"""Random SELECTs, typed so that each of them is valid and has one right answer.

Every ORDER BY that a LIMIT or a window frame leans on is a total order. What an engine does not
speak is written in only when that engine need not judge:

- SQLite has no ANY/ALL, GROUPING SETS, DISTINCT ON, QUALIFY, LATERAL, STRING_AGG with an order,
  BOOL_AND, INTERSECT ALL or EXCEPT ALL;
- SQLite 3.40 loses or invents rows of a RIGHT or FULL JOIN that is not of two plain tables (after
  JOIN ... ON FALSE; with a grouped sub-select, within UNION ALL);
- DuckDB takes (a, b) IN (SELECT ...) for structs, whose nulls are values.

Left out altogether, because the engines mean different things: SUM as an operand (of BIGINT it is
a DECIMAL in Velaria and PostgreSQL), columns of untyped NULL, aggregates of outer columns alone.
The connections make up for the rest: integer division in DuckDB, case-sensitive LIKE in SQLite,
booleans as 0 and 1, decimals and floats by value, NULLS LAST or FIRST always written.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from .sql_expressions import COMPARISONS, Expressions, Scope, column_of
from .sql_sources import Sources
from .sql_tables import TABLES, Tables, literal


@dataclass(frozen=True)
class Query:
    """SQL, whether its rows come in one defined order, and the engines that speak it."""

    sql: str
    ordered: bool
    judges: frozenset[str]


class Generator(Sources, Expressions):
    """One whole statement after another."""

    def __init__(self, rng: random.Random, tables: Tables = TABLES) -> None:
        super().__init__(rng, tables)
        self._subqueries_left = 0

    def query(self) -> Query:
        self._begin()
        shape = self.rng.choice(
            (
                self._plain,
                self._plain,
                self._grouped,
                self._grouped,
                self._grouping_sets,
                self._global_aggregate,
                self._set_operation,
                self._set_operation,
                self._windows,
                self._windows,
                self._using,
                self._distinct_on,
            )
        )
        definitions = self.common_tables() if self.chance(0.25) else ""
        sql, width = shape()
        sql, ordered = self._maybe_ordered(sql, width)
        return Query(definitions + sql, ordered, frozenset(self.judges))

    def predicate_query(self) -> tuple[str, str]:
        """A FROM clause and a predicate over it."""
        self._begin()
        return self.source(), self.expression("bool", 3)

    def aggregate_query(self) -> tuple[str, str, list[str]]:
        """A FROM clause, a predicate over it, and columns that can be added and compared."""
        self._begin()
        source = self.source()
        numbers = [name for name, kind in self.scope.items() if kind in ("int", "real")]
        return source, self.expression("bool", 3), numbers

    def _begin(self) -> None:
        self._subqueries_left = 3
        self.judges = {"duckdb", "sqlite"}
        self.restart_sources()

    # ---- statements: each gives its text and its number of columns

    def _plain(self) -> tuple[str, int]:
        source = self.source()
        items = self._items(2)
        distinct = "DISTINCT " if self.chance(0.2) else ""
        return f"SELECT {distinct}{items} FROM {source}{self.where()}", items.count(" AS c")

    def _items(self, depth: int) -> str:
        kinds = [self.rng.choice(self.kinds) for _ in range(self.count(3))]
        return ", ".join(f"{self.expression(kind, depth)} AS c{n}" for n, kind in enumerate(kinds))

    def _group_keys(self, most: int) -> list[str]:
        names = [name for name, kind in self.scope.items() if kind != "real"]
        keys = [self.rng.choice(names) for _ in range(self.count(most))]
        if self.chance(0.3):
            # Never a bare literal: that would be an ordinal.
            keys[0] = f"({column_of(self.rng, self.scope, 'int')} % 3 + {literal(self.rng, 'int')})"
        return list(dict.fromkeys(keys))

    def _grouped(self) -> tuple[str, int]:
        source = self.source()
        where = self.where()
        keys = self._group_keys(2)
        items = [*keys, *(self.aggregate() for _ in range(self.count(3)))]
        having = ""
        if self.chance(0.3):
            having = f" HAVING {self._having(keys)}"
        if self.chance(0.3):
            items.append(self._over_keys(keys))
        text = ", ".join(f"{item} AS c{n}" for n, item in enumerate(items))
        sql = f"SELECT {text} FROM {source}{where} GROUP BY {', '.join(keys)}{having}"
        return sql, len(items)

    def _having(self, keys: list[str]) -> str:
        test = f"COUNT(*) {self.rng.choice(COMPARISONS)} {self.rng.randint(0, 4)}"
        if self.chance(0.3):
            test += f" {self.rng.choice(('AND', 'OR'))} {self._over_keys(keys, 'bool')}"
        return test

    def _over_keys(self, keys: list[str], kind: str = "int") -> str:
        """An expression over plain group keys, subqueries that refer to them included."""
        kept, self.scope = self.scope, {key: self.scope[key] for key in keys if key in self.scope}
        hidden, self.outer = self.outer, []
        text = self.expression(kind, 2)
        self.scope, self.outer = kept, hidden
        return text

    def _grouping_sets(self) -> tuple[str, int]:
        self.judges.discard("sqlite")
        source = self.source()
        where = self.where()
        names = [name for name, kind in self.scope.items() if kind != "real"]
        keys = list(dict.fromkeys(self.rng.choice(names) for _ in range(3)))
        every = ", ".join(keys)
        sets = [", ".join(key for key in keys if self.chance(0.5)) for _ in range(self.count(3))]
        clause = self.pick(
            lambda: f"ROLLUP ({every})",
            lambda: f"CUBE ({every})",
            lambda: f"GROUPING SETS ({', '.join(f'({one})' for one in sets)})",
            lambda: f"{keys[0]}, ROLLUP ({', '.join(keys[1:] or keys)})",
        )
        items = [*keys, self.aggregate(), f"GROUPING({every})"]
        if clause.startswith("GROUPING"):
            # A key that stands in no set is not grouped by; it may not be selected either.
            used = {key for one in sets for key in one.split(", ") if key}
            items = [*(key for key in keys if key in used), self.aggregate()]
        text = ", ".join(f"{item} AS c{n}" for n, item in enumerate(items))
        return f"SELECT {text} FROM {source}{where} GROUP BY {clause}", len(items)

    def _global_aggregate(self) -> tuple[str, int]:
        source = self.source()
        where = self.where()
        items = [f"{self.aggregate()} AS c{n}" for n in range(self.count(4))]
        having = " HAVING COUNT(*) > 2" if self.chance(0.1) else ""
        return f"SELECT {', '.join(items)} FROM {source}{where}{having}", len(items)

    def _set_operation(self) -> tuple[str, int]:
        kinds = [self.rng.choice(self.kinds) for _ in range(self.count(2))]
        sql = self.set_operation(self._arm(kinds), self._arm(kinds))
        if self.chance(0.3):
            # Parentheses, because SQLite gives all set operators one rank.
            sql = self.set_operation(f"SELECT * FROM ({sql}) AS q", self._arm(kinds))
        return sql, len(kinds)

    def _arm(self, kinds: list[str]) -> str:
        source = self.source()
        items = [f"{self.expression(kind, 1)} AS c{n}" for n, kind in enumerate(kinds)]
        return f"SELECT {', '.join(items)} FROM {source}{self.where()}"

    def _windows(self) -> tuple[str, int]:
        source = self.source()
        where = self.where()
        items = [self.window(placing=n == 0) for n in range(self.count(2))]
        items.append(self.leaf(self.rng.choice(self.kinds)))
        text = ", ".join(f"{item} AS c{n}" for n, item in enumerate(items))
        sql = f"SELECT {text} FROM {source}{where}"
        if self.chance(0.15):
            self.judges.discard("sqlite")
            sql += f" QUALIFY {self.window(placing=False)} IS NOT NULL"
        return sql, len(items)

    def _using(self) -> tuple[str, int]:
        """USING and NATURAL, whose merged column takes the left value, else the right one."""
        left, right = self.rng.sample(sorted(self.tables), 2)
        kind = self.rng.choice(("JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"))
        common = [name for name in self.tables[left] if name in self.tables[right]]
        merged = self.rng.choice((["a"], ["k"], ["k", "a"], common))
        join = f"{left} AS l {kind} {right} AS r USING ({', '.join(merged)})"
        if merged == common:
            join = f"{left} AS l NATURAL {kind} {right} AS r"
        own = [f"l.{name}" for name in self.tables[left] if name not in common]
        own += [f"r.{name}" for name in self.tables[right] if name not in common]
        items = [*merged, *(self.rng.choice(own) for _ in range(2))]
        if self.chance(0.3):
            text = ", ".join(f"{item} AS c{n}" for n, item in enumerate([*merged, "COUNT(*)"]))
            return f"SELECT {text} FROM {join} GROUP BY {', '.join(merged)}", len(merged) + 1
        text = ", ".join(f"{item} AS c{n}" for n, item in enumerate(items))
        where = f" WHERE {merged[0]} > {self.rng.randint(-3, 9)}" if self.chance(0.4) else ""
        return f"SELECT {text} FROM {join}{where}", len(items)

    def _distinct_on(self) -> tuple[str, int]:
        self.judges.discard("sqlite")
        source = self.source()
        where = self.where()
        keys = list(dict.fromkeys(self.rng.choice(list(self.scope)) for _ in range(2)))
        items = [*keys, *self.scope]
        text = ", ".join(f"{item} AS c{n}" for n, item in enumerate(items))
        order = ", ".join(f"{item} NULLS LAST" for item in [*keys, *self.scope])
        sql = f"SELECT DISTINCT ON ({', '.join(keys)}) {text} FROM {source}{where} ORDER BY {order}"
        return f"SELECT * FROM ({sql}) AS q", len(items)

    def _maybe_ordered(self, sql: str, width: int) -> tuple[str, bool]:
        if self.chance(0.6):
            return sql, False
        directions = [self.rng.choice(("", " DESC")) for _ in range(width)]
        keys = ", ".join(
            f"{n + 1}{way} NULLS {self.rng.choice(('LAST', 'LAST', 'FIRST'))}"
            for n, way in enumerate(directions)
        )
        return f"{sql} ORDER BY {keys}{self.limit()}", True

    def limit(self) -> str:
        if self.chance(0.5):
            return ""
        text = f" LIMIT {self.rng.randint(0, 12)}"
        return f"{text} OFFSET {self.rng.randint(0, 6)}" if self.chance(0.5) else text

    # ---- subqueries in expressions

    def subquery_test(self) -> str | None:
        inner = self._enter()
        if inner is None:
            return None
        source, where, outer, scope = inner
        negation = self.rng.choice(("", "NOT "))
        kind = self.rng.choice([kind for kind in self.kinds if kind != "bool"])
        column = column_of(self.rng, self.scope, kind) or literal(self.rng, kind)
        two = [column_of(self.rng, self.scope, "int") for _ in range(2)]
        self._leave(outer, scope)

        def quantified() -> str:
            self.judges.discard("sqlite")
            sign, word = self.rng.choice(COMPARISONS), self.rng.choice(("ANY", "ALL"))
            return f"({self.leaf(kind)} {sign} {word} (SELECT {column} FROM {source}{where}))"

        def rows() -> str:
            self.judges.discard("duckdb")
            pair = f"({self.leaf('int')}, {self.leaf('int')})"
            return f"({pair} {negation}IN (SELECT {two[0]}, {two[1]} FROM {source}{where}))"

        return self.pick(
            lambda: f"({negation}EXISTS (SELECT 1 FROM {source}{where}))",
            lambda: f"({negation}EXISTS (SELECT 1 FROM {source}{where}))",
            lambda: f"({self.leaf(kind)} {negation}IN (SELECT {column} FROM {source}{where}))",
            lambda: f"({self.leaf(kind)} {negation}IN (SELECT {column} FROM {source}{where}))",
            quantified,
            rows if "sqlite" in self.judges else quantified,
        )

    def subquery_value(self, kind: str) -> str | None:
        inner = self._enter()
        if inner is None:
            return None
        source, where, outer, scope = inner
        column = column_of(self.rng, self.scope, kind)
        order = self.total_order()
        argument = self.bare_expression(kind)
        self._leave(outer, scope)
        choices = [f"{self.rng.choice(('MIN', 'MAX'))}({argument})"]
        if kind == "int":
            # No SUM: of BIGINT it is a DECIMAL, and / would not truncate, as in PostgreSQL.
            choices += ["COUNT(*)", f"COUNT({argument})", f"COUNT(DISTINCT {argument})"]
        if kind == "bool":
            choices = ["COUNT(*) > 1", "MAX(1) IS NULL"]
        text = f"SELECT {self.rng.choice(choices)} FROM {source}{where}"
        if column is not None and self.chance(0.3):
            text = f"SELECT {column} FROM {source}{where} ORDER BY {order} LIMIT 1"
        return f"({text})"

    def _enter(self) -> tuple[str, str, list[Scope], Scope] | None:
        """Step into a subquery: its FROM, its WHERE, and what _leave takes back."""
        if self._subqueries_left <= 0 or self.subqueries_barred:
            return None
        self._subqueries_left -= 1
        outer, scope = self.outer, self.scope
        self.outer = [*outer, scope] if scope else outer
        source = self.source(simple=True)
        return source, self._correlated_where(), outer, scope

    def _leave(self, outer: list[Scope], scope: Scope) -> None:
        self.outer, self.scope = outer, scope

    def _correlated_where(self) -> str:
        """Most subqueries ask for rows that match a row outside."""
        tests = []
        for name, kind in self.rng.sample(sorted(self.scope.items()), len(self.scope)):
            matching = [column_of(self.rng, scope, kind) for scope in self.outer]
            found = [column for column in matching if column is not None]
            if found and self.chance(0.6 if not tests else 0.1):
                sign = "=" if self.chance(0.75) else self.rng.choice(COMPARISONS)
                tests.append(f"{name} {sign} {self.rng.choice(found)}")
            if len(tests) == 2:
                break
        if self.chance(0.4):
            tests.append(self.expression("bool", 2))
        return f" WHERE {' AND '.join(tests)}" if tests else ""
