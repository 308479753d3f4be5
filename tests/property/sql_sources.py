"""Random FROM clauses, aggregates and windows over them."""

from __future__ import annotations

import random

from .sql_expressions import Expressions, Scope
from .sql_tables import Tables, value

_JOINS = ("JOIN", "JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN")
_FRAME_STARTS = ("UNBOUNDED PRECEDING", "2 PRECEDING", "CURRENT ROW", "1 FOLLOWING")
_FRAME_ENDS = ("UNBOUNDED FOLLOWING", "3 FOLLOWING", "CURRENT ROW", "1 PRECEDING")
_EXCLUDES = ("", "", "", " EXCLUDE CURRENT ROW", " EXCLUDE GROUP", " EXCLUDE TIES")


class Sources(Expressions):
    """Each source sets `scope`; each takes a name of its own, so that no name is ever ambiguous.

    `judges` are the engines that speak what was written so far.
    """

    def __init__(self, rng: random.Random, tables: Tables) -> None:
        super().__init__(rng, tables)
        self.judges: set[str] = set()
        self.subqueries_barred = False
        self.unread: str | None = None  # a table that is left out
        self._name_count = 0
        self._common: dict[str, dict[str, str]] = {}

    def restart_sources(self) -> None:
        self._name_count = 0
        self._common = {}
        self.scope, self.outer = {}, []

    def _new_name(self, prefix: str) -> str:
        self._name_count += 1
        return f"{prefix}{self._name_count}"

    # ---- FROM

    def source(self, *, simple: bool = False) -> str:
        """One table, a subquery or a join of up to three; `simple` within subqueries."""
        self.scope = {}
        text, scope = self._item(derived=not simple)
        count = 1 if self.chance(0.8 if simple else 0.4) else self.rng.choice((2, 2, 3))
        for _ in range(count - 1):
            text, scope = self._join(text, scope)
        of_two_tables = count == 2 and not self._common and "(SELECT" not in text
        if not of_two_tables and ("RIGHT JOIN" in text or "FULL JOIN" in text):
            self.judges.discard("sqlite")
        self.scope = scope
        return text

    def _item(self, *, derived: bool) -> tuple[str, Scope]:
        if derived and self.chance(0.12):
            return self._derived()
        name = self._new_name("q")
        names = [name for name in (*self.tables, *self._common) if name != self.unread]
        table = self.rng.choice(names)
        columns = self._common.get(table) or {
            column: kind for column, (_, kind) in self.tables[table].items()
        }
        return f"{table} AS {name}", {f"{name}.{column}": kind for column, kind in columns.items()}

    def _derived(self) -> tuple[str, Scope]:
        kept = self.scope, self.outer
        self.outer = []
        sql, kinds = self._inner_query()
        self.scope, self.outer = kept
        name = self._new_name("d")
        return f"({sql}) AS {name}", {f"{name}.{column}": kind for column, kind in kinds.items()}

    def _inner_query(self) -> tuple[str, dict[str, str]]:
        """A query that serves as a table: plain, grouped, a union, a window or the first rows."""
        text, self.scope = self._item(derived=False)
        kinds = {"p": "int", "q": "text", "r": self.rng.choice(self.kinds)}
        items = ", ".join(f"{self.expression(kind, 1)} AS {name}" for name, kind in kinds.items())
        plain = f"SELECT {items} FROM {text}{self.where()}"
        ints = [name for name, kind in self.scope.items() if kind == "int"]
        key = self.rng.choice(ints)

        def grouped() -> str:
            number = self.bare_expression("int")
            total = self.rng.choice(("COUNT(*)", f"MAX({number})", f"COUNT(DISTINCT {number})"))
            return f"SELECT {key} AS p, {total} AS n FROM {text} GROUP BY {key}"

        def ranked() -> str:
            order = self.total_order()
            return f"SELECT {key} AS p, ROW_NUMBER() OVER (ORDER BY {order}) AS n FROM {text}"

        def first() -> str:
            return f"SELECT * FROM ({plain}) AS z ORDER BY {self._order_of(list(kinds))} LIMIT 5"

        choice = self.rng.randrange(6)
        if choice == 0:
            return grouped(), {"p": "int", "n": "int"}
        if choice == 1:
            return ranked(), {"p": "int", "n": "int"}
        if choice == 2:
            return first(), kinds
        if choice == 3:
            return self.set_operation(plain, plain), kinds
        return plain, kinds

    def _join(self, left: str, scope: Scope) -> tuple[str, Scope]:
        kind = self.rng.choice(_JOINS)
        if self.chance(0.08):
            return self._lateral(left, scope)
        right, added = self._item(derived=True)
        both = scope | added
        if kind == "CROSS JOIN":
            return f"{left} {kind} {right}", both
        condition = self._equality(scope, added)
        self.scope = both
        # Velaria refuses, by name, most subqueries in the condition of an outer join.
        self.subqueries_barred = kind != "JOIN"
        if self.chance(0.3):
            condition += f" AND {self.expression('bool', 1)}"
        elif self.chance(0.08):
            condition = self.expression("bool", 2)
        self.subqueries_barred = False
        if kind == "FULL JOIN" and " = " not in condition:
            condition = self._equality(scope, added)  # PostgreSQL has no other FULL JOIN
        return f"{left} {kind} {right} ON {condition}", both

    def _equality(self, scope: Scope, added: Scope) -> str:
        pairs = [(one, two) for one in scope for two in added if scope[one] == added[two]]
        ints = [pair for pair in pairs if scope[pair[0]] == "int"]
        one, two = self.rng.choice(ints if ints and self.chance(0.8) else pairs)
        offset = " + 1" if scope[one] == "int" and self.chance(0.2) else ""
        return f"{one} = {two}{offset}"

    def _lateral(self, left: str, scope: Scope) -> tuple[str, Scope]:
        self.judges.discard("sqlite")
        outer = self.outer
        text, self.scope = self._item(derived=False)
        self.outer = [scope]
        inner, name = dict(self.scope), self._new_name("v")
        where = f" WHERE {self._equality(scope, inner)}"
        item = self.expression("int", 1)
        self.outer = outer
        tail = f" ORDER BY {self.total_order()} LIMIT 2" if self.chance(0.4) else ""
        query = f"(SELECT {item} AS p FROM {text}{where}{tail}) AS {name}"
        kind = self.rng.choice(("CROSS JOIN LATERAL {}", "LEFT JOIN LATERAL {} ON TRUE"))
        return f"{left} {kind.format(query)}", scope | {f"{name}.p": "int"}

    def common_tables(self) -> str:
        """WITH: tables that the rest of the query may name, as often as it likes."""
        definitions = []
        for _ in range(self.count(2)):
            name = self._new_name("w")
            if self.chance(0.2):
                kinds = {"p": "int", "q": "text"}
                rows = ", ".join(
                    f"({value(self.rng, 'int', share)}, {value(self.rng, 'text', share)})"
                    # A column of NULL alone would have no type of its own.
                    for share in (0.0, *([0.2] * self.rng.randint(0, 3)))
                )
                definitions.append(f"{name}(p, q) AS (VALUES {rows})")
            else:
                sql, kinds = self._inner_query()
                definitions.append(f"{name} AS ({sql})")
            self._common[name] = kinds
        return f"WITH {', '.join(definitions)} "

    def set_operation(self, left: str, right: str) -> str:
        words = ["UNION", "UNION ALL", "INTERSECT", "EXCEPT"]
        word = self.rng.choice(words)
        if self.chance(0.15):
            self.judges.discard("sqlite")
            word = self.rng.choice(("INTERSECT ALL", "EXCEPT ALL"))
        return f"{left} {word} {right}"

    def where(self) -> str:
        return f" WHERE {self.expression('bool', 3)}" if self.chance(0.6) else ""

    # ---- orders, aggregates, windows

    def total_order(self) -> str:
        """Rows that are alike in every column are one another's equals."""
        return self._order_of(list(self.scope))

    def _order_of(self, names: list[str]) -> str:
        return ", ".join(
            f"{name}{self.rng.choice(('', ' DESC'))} NULLS {self.rng.choice(('LAST', 'FIRST'))}"
            for name in names
        )

    def bare_expression(self, kind: str) -> str:
        """Without the columns outside: an aggregate of those alone belongs to the outer query."""
        hidden, self.outer = self.outer, []
        text = self.expression(kind, 1)
        self.outer = hidden
        return text

    def aggregate(self) -> str:
        kind = self.rng.choice([kind for kind in self.kinds if kind != "bool"])
        argument = self.bare_expression(kind)
        choices = [
            "COUNT(*)",
            f"COUNT({argument})",
            f"COUNT(DISTINCT {argument})",
            f"MIN({argument})",
            f"MAX({argument})",
        ]
        if kind not in ("text", "date"):
            choices += [f"SUM({argument})", f"AVG({argument})", f"SUM(DISTINCT {argument})"]
        text = self.rng.choice(choices)
        if self.chance(0.06):
            self.judges.discard("sqlite")
            text = self.pick(
                lambda: f"BOOL_AND({self.bare_expression('bool')})",
                lambda: f"BOOL_OR({self.bare_expression('bool')})",
                lambda: (
                    f"STRING_AGG({self.bare_expression('text')}, ',' ORDER BY {self.total_order()})"
                ),
            )
        if self.chance(0.15):
            text += f" FILTER (WHERE {self.bare_expression('bool')})"
        return text

    def window(self, *, placing: bool = True) -> str:
        """A function over a window; where its answer hangs on ties, the order is total, and
        `placing` must be false in all windows of a SELECT but one: rows that are alike in every
        column may stand in another order in each.
        """
        partition = ""
        if self.chance(0.6):
            names = [name for name, kind in self.scope.items() if kind != "real"]
            partition = f"PARTITION BY {self.rng.choice(names)} "
        argument = self.bare_expression(self.rng.choice(self.kinds))
        number = self.bare_expression("int")
        total = f"ORDER BY {self.total_order()}"
        loose = f"ORDER BY {self._order_of([self.rng.choice(list(self.scope))])}"
        rank = self.rng.choice(("RANK()", "DENSE_RANK()", "PERCENT_RANK()", "CUME_DIST()"))
        place = self.rng.choice(("ROW_NUMBER()", f"NTILE({self.count(4)})"))
        step = f"{self.rng.choice(('LAG', 'LEAD'))}({argument}, {self.rng.randint(0, 3)})"
        edge = self.rng.choice(("FIRST_VALUE({})", "LAST_VALUE({})", "NTH_VALUE({}, 2)"))
        sum_of = self.rng.choice((f"SUM({number})", f"COUNT({argument})", f"AVG({number})"))
        most = self.rng.choice((f"MIN({number})", f"MAX({number})", "COUNT(*)", sum_of, sum_of))
        if placing and self.chance(0.5):
            return self.pick(
                lambda: f"{place} OVER ({partition}{total})",
                lambda: f"{step} OVER ({partition}{total})",
                lambda: f"{edge.format(argument)} OVER ({partition}{total}{self._frame('ROWS')})",
                lambda: f"{most} OVER ({partition}{total}{self._frame('ROWS')})",
            )
        return self.pick(
            lambda: f"{rank} OVER ({partition}{loose})",
            lambda: f"{most} OVER ({partition}{loose}{self._frame('GROUPS')})",
            lambda: f"{most} OVER ({partition}{self._number_order()}{self._frame('RANGE')})",
            lambda: f"{most} OVER ({partition.strip()})",
        )

    def _number_order(self) -> str:
        ints = [name for name, kind in self.scope.items() if kind == "int"]
        return f"ORDER BY {self.rng.choice(ints)}{self.rng.choice(('', ' DESC'))} NULLS LAST"

    def _frame(self, unit: str) -> str:
        start = self.rng.randrange(len(_FRAME_STARTS))
        ends = _FRAME_ENDS if start < 2 else _FRAME_ENDS[: 3 if start == 2 else 2]
        end = self.rng.choice(ends)
        return f" {unit} BETWEEN {_FRAME_STARTS[start]} AND {end}{self.rng.choice(_EXCLUDES)}"
