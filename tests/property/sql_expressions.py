"""Random expressions of a kind over the columns in scope.

They stay inside the common ground of PostgreSQL, DuckDB, SQLite and Velaria: integers far from
overflow, divisors guarded by NULLIF, reals that are exact in binary, ASCII text.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable

from .sql_tables import Tables, literal, value

Scope = dict[str, str]  # qualified name -> kind
COMPARISONS = ("=", "<>", "<", "<=", ">", ">=")
_ALL_KINDS = ("int", "text", "real", "date", "decimal", "bool")
_PATTERNS = ("a%", "%b", "_", "%", "", "%a%", "A_", "x!%y")


class Expressions(ABC):
    """Draws from one random source; the same seed gives the same text.

    `scope` holds the columns of the query under way, `outer` those of the queries round it, the
    nearest last.
    """

    def __init__(self, rng: random.Random, tables: Tables) -> None:
        self.rng = rng
        self.tables = tables
        present = {kind for columns in tables.values() for _, kind in columns.values()}
        self.kinds = tuple(kind for kind in _ALL_KINDS if kind in present)
        self.scope: Scope = {}
        self.outer: list[Scope] = []

    @abstractmethod
    def subquery_test(self) -> str | None:
        """EXISTS, IN, ANY and the like; None when the query has enough subqueries."""

    @abstractmethod
    def subquery_value(self, kind: str) -> str | None:
        """A subquery of one row and one column; None when the query has enough of them."""

    def pick(self, *choices: Callable[[], str]) -> str:
        return self.rng.choice(choices)()

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def count(self, most: int) -> int:
        return self.rng.randint(1, most)

    def expression(self, kind: str, depth: int) -> str:
        if depth == 0 or self.chance(0.25):
            return self.leaf(kind)
        if self.chance(0.08):
            subquery = self.subquery_value(kind)
            if subquery is not None:
                return subquery
        if self.chance(0.15):
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

    def leaf(self, kind: str) -> str:
        if self.outer and self.chance(0.2):
            found = column_of(self.rng, self.rng.choice(self.outer), kind)
            if found is not None:
                return found
        found = column_of(self.rng, self.scope, kind)
        return found if found is not None and self.chance(0.75) else literal(self.rng, kind)

    def _conditional(self, kind: str, depth: int) -> str:
        def one() -> str:
            return self.expression(kind, depth)

        def test() -> str:
            return self.expression("bool", depth)

        return self.pick(
            lambda: f"CASE WHEN {test()} THEN {one()} ELSE {one()} END",
            lambda: f"CASE WHEN {test()} THEN {one()} WHEN {test()} THEN {one()} END",
            lambda: f"CASE {one()} WHEN {self.leaf(kind)} THEN {one()} ELSE {one()} END",
            lambda: f"COALESCE({one()}, {one()})",
            lambda: f"NULLIF({one()}, {one()})",
        )

    def _integer(self, depth: int) -> str:
        def one() -> str:
            return self.expression("int", depth)

        return self.pick(
            lambda: f"({one()} + {one()})",
            lambda: f"({one()} - {one()})",
            lambda: f"({one()} * {self.rng.randint(-3, 3)})",
            lambda: f"({one()} / NULLIF({one()}, 0))",
            lambda: f"({one()} % NULLIF({one()}, 0))",
            lambda: f"ABS({one()})",
            lambda: f"(- {one()})",
            lambda: f"LENGTH({self.expression('text', depth)})",
        )

    def _text(self, depth: int) -> str:
        def one() -> str:
            return self.expression("text", depth)

        return self.pick(
            lambda: f"({one()} || {one()})",
            lambda: f"UPPER({one()})",
            lambda: f"LOWER({one()})",
            lambda: f"SUBSTR({one()}, {self.rng.randint(1, 3)}, {self.rng.randint(0, 3)})",
            lambda: f"REPLACE({one()}, 'a', {self.leaf('text')})",
            lambda: f"TRIM({one()})",
        )

    def _real(self, depth: int) -> str:
        def one() -> str:
            return self.expression("real", depth)

        return self.pick(
            lambda: f"({one()} + {one()})",
            lambda: f"({one()} - {self.expression('int', depth)})",
            lambda: f"({one()} * {self.rng.choice(('0.5e0', '2e0', '-1e0'))})",
            lambda: f"ABS({one()})",
            lambda: f"CAST({self.expression('int', depth)} AS DOUBLE PRECISION)",
        )

    def _date(self, depth: int) -> str:
        return self.pick(
            lambda: f"({self.expression('date', depth)} + {self.rng.randint(-40, 400)})",
            lambda: f"({self.expression('date', depth)} - {self.rng.randint(0, 400)})",
        )

    def _decimal(self, depth: int) -> str:
        def one() -> str:
            return self.expression("decimal", depth)

        return self.pick(
            lambda: f"({one()} + {one()})",
            lambda: f"({one()} - {one()})",
            lambda: f"({one()} * {self.rng.randint(-3, 3)})",
            lambda: f"(- {one()})",
            lambda: f"ABS({one()})",
        )

    def _boolean(self, depth: int) -> str:
        if self.chance(0.12):
            subquery = self.subquery_test()
            if subquery is not None:
                return subquery
        kind = self.rng.choice([kind for kind in self.kinds if kind != "bool"])
        negation = self.rng.choice(("", "NOT "))

        def one() -> str:
            return self.expression(kind, depth)

        def test() -> str:
            return self.expression("bool", depth)

        def text() -> str:
            return self.expression("text", depth)

        return self.pick(
            lambda: f"({one()} {self.rng.choice(COMPARISONS)} {one()})",
            lambda: f"({one()} {self.rng.choice(COMPARISONS)} {one()})",
            lambda: f"({test()} AND {test()})",
            lambda: f"({test()} OR {test()})",
            lambda: f"(NOT {test()})",
            lambda: f"({one()} IS {negation}NULL)",
            lambda: f"({one()} {negation}IN ({self.values(kind)}))",
            lambda: f"({one()} {negation}BETWEEN {one()} AND {self.leaf(kind)})",
            lambda: f"({text()} {negation}LIKE '{self.rng.choice(_PATTERNS)}' ESCAPE '!')",
            lambda: f"({one()} IS {negation}DISTINCT FROM {one()})",
        )

    def values(self, kind: str) -> str:
        return ", ".join(value(self.rng, kind) for _ in range(self.count(4)))


def column_of(rng: random.Random, scope: Scope, kind: str) -> str | None:
    names = [name for name, known in scope.items() if known == kind]
    return rng.choice(names) if names else None
