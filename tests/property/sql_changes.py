"""Random INSERT, UPDATE and DELETE over tables whose column k is the primary key."""

from __future__ import annotations

import random
from dataclasses import dataclass

from .sql_generator import Generator
from .sql_tables import row_text

_KEYS = range(60)


@dataclass(frozen=True)
class Change:
    """A statement; `returns_rows` when it ends with RETURNING."""

    sql: str
    table: str
    returns_rows: bool


class ChangeGenerator(Generator):
    """Statements that every judge speaks. Some break the key: then all must refuse them whole.

    `reads_itself`: subqueries may read the table that is changed, as it was before the statement.
    In SQLite they would see rows that it changed already.
    """

    def __init__(self, rng: random.Random, *, reads_itself: bool) -> None:
        super().__init__(rng)
        self._reads_itself = reads_itself
        self._reach = 1000  # above every key

    def change(self) -> Change:
        while True:
            self._begin()
            table = self.rng.choice(sorted(self.tables))
            self.unread = None if self._reads_itself else table
            sql = self.rng.choice(
                (self._insert, self._select, self._upsert, self._replace)
                + (self._update, self._update, self._move, self._delete, self._delete)
            )(table)
            returns_rows = self.chance(0.2)
            if returns_rows:
                sql += f" RETURNING {', '.join(self.tables[table])}"
            if len(self.judges) == 2:
                return Change(sql, table, returns_rows)

    def _rows(self, table: str, *, distinct: bool) -> str:
        count = self.count(4)
        keys = self.rng.sample(_KEYS, count) if distinct else self.rng.choices(_KEYS, k=count)
        return ", ".join(row_text(self.rng, self.tables[table], key, 0.2) for key in keys)

    def _insert(self, table: str) -> str:
        return f"INSERT INTO {table} VALUES {self._rows(table, distinct=False)}"

    def _select(self, table: str) -> str:
        """New keys from the old ones: unique, unless the same was done before."""
        source = self.rng.choice(sorted(self.tables))
        self.scope = {f"source.{name}": kind for name, (_, kind) in self.tables[source].items()}
        kinds = [kind for name, (_, kind) in self.tables[table].items() if name != "k"]
        items = ", ".join(self.expression(kind, 2) for kind in kinds)
        step = self.rng.choice((100, 200, 300))
        self._reach += step
        # Not a name that columns of subqueries have: DuckDB then takes source.a for a field.
        return (
            f"INSERT INTO {table} SELECT source.k + {step}, {items} "
            f"FROM {source} AS source{self.where()}"
        )

    def _upsert(self, table: str) -> str:
        rows = self._rows(table, distinct=True)
        text = f"INSERT INTO {table} VALUES {rows} ON CONFLICT (k) DO "
        if self.chance(0.3):
            return f"{text}NOTHING"
        self._subqueries_left = 0  # DuckDB takes none here
        columns = {name: kind for name, (_, kind) in self.tables[table].items()}
        self.scope = {f"excluded.{name}": kind for name, kind in columns.items()}
        self.scope |= {f"{table}.{name}": kind for name, kind in columns.items()}
        where = self.where() if self.chance(0.5) else ""
        return f"{text}UPDATE SET {self._assignments(table)}{where}"

    def _replace(self, table: str) -> str:
        return f"INSERT OR REPLACE INTO {table} VALUES {self._rows(table, distinct=True)}"

    def _update(self, table: str) -> str:
        self._own_columns(table)
        return f"UPDATE {table} SET {self._assignments(table)}{self.where()}"

    def _move(self, table: str) -> str:
        self._own_columns(table)
        # Beyond every key there is: SQLite looks for equal keys row by row, not at the end.
        step = self._reach + self.rng.choice((0, 6000))
        self._reach += step
        return f"UPDATE {table} SET k = k + {step}{self.where()}"

    def _delete(self, table: str) -> str:
        self._own_columns(table)
        return f"DELETE FROM {table} WHERE {self.expression('bool', 3)}"

    def _own_columns(self, table: str) -> None:
        self.scope = {f"{table}.{name}": kind for name, (_, kind) in self.tables[table].items()}

    def _assignments(self, table: str) -> str:
        names = [name for name in self.tables[table] if name != "k"]
        chosen = self.rng.sample(names, self.count(2))
        kinds = {name: self.tables[table][name][1] for name in chosen}
        return ", ".join(f"{name} = {self.expression(kind, 2)}" for name, kind in kinds.items())
