"""Brings a database to the schema this version needs: numbered SQL files, each applied once and
never changed after.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from velaria.control.partitions import SCHEMA_LOCK
from velaria.control.run_store import StoreFailed

FOLDER = Path(__file__).parent / "migrations"

_LEDGER_OF_MIGRATIONS = """
CREATE SCHEMA IF NOT EXISTS velaria;
CREATE TABLE IF NOT EXISTS velaria.migration (
    version    integer     PRIMARY KEY,
    name       text        NOT NULL,
    checksum   text        NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""


@dataclass(frozen=True)
class Migration:
    version: int
    name: str
    statements: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.statements.encode()).hexdigest()


def load_migrations(folder: Path = FOLDER) -> list[Migration]:
    """All `NNNN_name.sql` of the folder in order; the numbers have no gap and no double."""
    migrations = []
    for path in sorted(folder.glob("*.sql")):
        number, _, name = path.stem.partition("_")
        migrations.append(Migration(int(number), name, path.read_text(encoding="utf-8")))
    versions = [migration.version for migration in migrations]
    if versions != list(range(1, len(versions) + 1)):
        raise ValueError(f"migrations must be numbered 1, 2, 3, ...: {versions}")
    return migrations


def migrate(connection: psycopg.Connection[Any], migrations: list[Migration]) -> list[str]:
    """Apply what is missing and return its names. Needs an autocommit connection.

    Each migration is one transaction under an advisory lock, so servers that start together take
    turns. StoreFailed when the database is newer than this version, or made by other files.
    """
    applied_now: list[str] = []
    with connection.transaction():
        _lock(connection)
        if not _is_prepared(connection):
            connection.execute(_LEDGER_OF_MIGRATIONS)
    while True:
        with connection.transaction():
            _lock(connection)
            applied = _applied(connection)
            _check(applied, migrations)
            if len(applied) == len(migrations):
                return applied_now
            migration = migrations[len(applied)]
            connection.execute(migration.statements.encode())
            connection.execute(
                "INSERT INTO velaria.migration (version, name, checksum) VALUES (%s, %s, %s)",
                [migration.version, migration.name, migration.checksum],
            )
            applied_now.append(migration.name)


def _lock(connection: psycopg.Connection[Any]) -> None:
    connection.execute("SELECT pg_advisory_xact_lock(%s)", [SCHEMA_LOCK])


def _is_prepared(connection: psycopg.Connection[Any]) -> bool:
    row = connection.execute("SELECT to_regclass('velaria.migration') IS NOT NULL").fetchone()
    return row is not None and bool(row[0])


def _applied(connection: psycopg.Connection[Any]) -> list[tuple[int, str]]:
    return connection.execute(
        "SELECT version, checksum FROM velaria.migration ORDER BY version"
    ).fetchall()


def _check(applied: list[tuple[int, str]], migrations: list[Migration]) -> None:
    newest_known = len(migrations)
    if applied and applied[-1][0] > newest_known:
        raise StoreFailed(
            f"the database is newer than this version knows: {applied[-1][0]} > {newest_known}",
            "Run a Velaria at least as new as the one that wrote the database.",
        )
    for (version, checksum), migration in zip(applied, migrations, strict=False):
        if version != migration.version or checksum != migration.checksum:
            raise StoreFailed(
                f"the database has another form of a migration: {migration.version:04}",
                "Point the DSN at another database, or run the version that made this one.",
            )
