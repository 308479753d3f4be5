"""Completion in the shell: keywords, and the names that the server tells of.

Names are asked for at the first TAB after something may have changed, and are those that the
session sees; when nobody answers there are none. After "t." the columns of t are offered.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from velaria.flight_server.client import Client
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

_KEYWORDS = (
    "ALL ALTER ANALYZE AND AS ASC ASOF BEGIN BETWEEN BY CASE CAST COLUMN COMMIT COPY CREATE CROSS"
    " DEFAULT DELETE DESC DESCRIBE DISTINCT DROP ELSE EMIT END EVERY EXCEPT EXISTS EXPLAIN FALSE"
    " FILTER FROM FULL FUNCTIONS GROUP HAVING IN INDEX INNER INSERT INTERSECT INTERVAL INTO IS JOIN"
    " KEY LATERAL LEFT LIKE LIMIT MATERIALIZED NOT NULL OFFSET ON OPTIONS OR ORDER OUTER OVER"
    " PARTITION PRIMARY QUALIFY RECURSIVE REPLACE RETURNING RIGHT ROLLBACK SAMPLE SAVEPOINT SCHEMA"
    " SELECT SET SHOW SINK SLIDE SOURCE STREAM SUMMARIZE TABLE TABLES TEMPORARY THEN TO TRUE"
    " TRUNCATE UNION UNIQUE UPDATE USING VALUES VIEW WATERMARK WHEN WHERE WINDOW WITH"
)
KEYWORDS = tuple(_KEYWORDS.split())
DELIMITERS = " \t\n\"'`@$><=;|&{}(),+-*/%[]"
"""What ends a word; a dot does not, so that "t.c" is one."""

_COLUMNS = "SELECT table_schema, table_name, column_name FROM information_schema.columns"
_SERVERS_SCHEMAS = ("information_schema", "system")
"""Their names are offered after the schema's only: there are many."""


class Completer:
    """For readline: called with a word and 0, 1, 2, ... until it gives None."""

    def __init__(self, client: Client, commands: list[str]) -> None:
        self._client = client
        self._commands = commands
        self._names: list[str] | None = None
        self._columns: dict[str, list[str]] = {}
        self._found: list[str] = []
        self._lost: VelariaError | None = None

    def forget(self) -> None:
        """A statement was run: there may be other names."""
        self._names = None

    def tell_loss(self) -> None:
        """Raise, once, that asking for names has found the session to be over."""
        lost, self._lost = self._lost, None
        if lost is not None:
            raise lost

    def __call__(self, word: str, state: int) -> str | None:
        if state == 0:
            self._found = self.completions(word)
        return self._found[state] if state < len(self._found) else None

    def completions(self, word: str) -> list[str]:
        """All that the word can become, names before keywords, each in the case it is typed in."""
        if word.startswith("\\"):
            return [name for name in self._commands if name.startswith(word)]
        names = self._known_names()
        table, dot, begin = word.rpartition(".")
        if dot and table.lower() in self._columns:
            columns = self._columns[table.lower()]
            return [f"{table}.{name}" for name in dict.fromkeys(columns) if _begins(name, begin)]
        keywords = [text.lower() if word.islower() else text for text in KEYWORDS]
        found = [text for text in [*names, *keywords] if _begins(text, word)]
        return list(dict.fromkeys(found))

    def _known_names(self) -> list[str]:
        if self._names is not None:
            return self._names
        names: list[str] = []
        with self._as_far_as_told():
            names += [entry.name for entry in self._client.tables()]
        with self._as_far_as_told():
            columns: dict[str, list[str]] = {}
            for schema, table, column in self._client.sql(_COLUMNS).to_rows():
                qualified = f"{schema}.{table}"
                is_servers = schema in _SERVERS_SCHEMAS
                for name in (qualified,) if is_servers else (qualified, table):
                    columns.setdefault(name.lower(), []).append(column)
                    names.append(name)
                names += [] if is_servers else [column]
            self._columns = columns
        with self._as_far_as_told():
            functions = self._client.action("sql.functions")["functions"]
            names += [row["name"] for row in functions if row["name"].isidentifier()]
        self._names = sorted(set(names))
        return self._names

    @contextmanager
    def _as_far_as_told(self) -> Iterator[None]:
        """What is refused is not offered; that the session is over is kept for tell_loss."""
        try:
            yield
        except VelariaError as error:
            if error.code == codes.UNKNOWN_HANDLE:
                self._lost = error


def _begins(name: str, word: str) -> bool:
    return name.lower().startswith(word.lower())
