"""Connections to Postgres that cannot hang and errors of Postgres that cannot tell a secret."""

import contextlib
import os
import socket
import threading
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg.conninfo import conninfo_to_dict

from velaria.control.errors import bad_postgres_setting
from velaria.control.run_store import StoreAway

CONNECT_S_MAX = 2
SETTINGS_S_MAX = 1
STATEMENT_MS_MAX = 10_000
LOCK_MS_MAX = 2_000


class BadRecord(Exception):
    """Postgres refuses a value and always will; the connection is fine. Holds the SQLSTATE only."""

    def __init__(self, sqlstate: str | None) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


class PostgresAddress:
    """Where Postgres is and how to log in. Never printed: its repr() and str() hold host and
    database only.
    """

    def __init__(self, parameters: Mapping[str, Any]) -> None:
        self._parameters = dict(parameters)
        password = str(self._parameters.get("password") or os.environ.get("PGPASSWORD") or "")
        self._secrets = sorted(
            {s for s in (password, quote(password), quote(password, safe="")) if s}, key=len
        )

    @classmethod
    def from_dsn(cls, dsn: str) -> "PostgresAddress":
        """Parse a URI or a list of key=value; LedgerError VEL1007 without any part of a text that
        does not parse.
        """
        with contextlib.suppress(psycopg.ProgrammingError, UnicodeError):
            return cls(conninfo_to_dict(dsn))
        raise bad_postgres_setting(
            "not a connection string, an unknown key or a bad escape",
            "Give embedded, none, or a DSN like postgresql://user@host:5432/database.",
        )

    @classmethod
    def of_socket(cls, folder: str, user: str) -> "PostgresAddress":
        """Our own Postgres. Leaves nothing for the PG* environment variables to decide."""
        plain = {"host": folder, "port": 5432, "user": user, "dbname": "postgres", "password": ""}
        return cls(plain | {"sslmode": "disable", "gssencmode": "disable", "options": " "})

    def __repr__(self) -> str:
        host, name = self._parameters.get("host"), self._parameters.get("dbname")
        return f"PostgresAddress(host={host}, dbname={name})"

    def redact(self, text: str) -> str:
        """The text on one line, with every spelling of the password blotted out."""
        for secret in reversed(self._secrets):
            text = text.replace(secret, "***")
        return " ".join(text.split())

    def connect(self, name: str) -> "GuardedConnection":
        """A fresh connection in autocommit; raises StoreAway within about CONNECT_S_MAX."""
        parameters = self._parameters | {
            "connect_timeout": CONNECT_S_MAX,
            "client_encoding": "UTF8",
        }
        parameters["application_name"] = name
        try:
            raw = psycopg.connect(**parameters, autocommit=True, prepare_threshold=None)
            connection = GuardedConnection(raw, self)
        except (psycopg.Error, OSError) as error:
            raise self.away(error) from None  # The cause's text may hold what redact() blots out.
        try:
            with connection.guard(SETTINGS_S_MAX):
                raw.execute(
                    f"SET statement_timeout = {STATEMENT_MS_MAX}; SET lock_timeout = {LOCK_MS_MAX}"
                )
        except StoreAway:
            connection.close()
            raise
        return connection

    def away(self, error: Exception) -> StoreAway:
        """What the error means to a client, and, for the log, its text without the password."""
        sqlstate = getattr(error, "sqlstate", None)
        reason = (
            f"Postgres refuses: {sqlstate}" if sqlstate else "there is no connection to Postgres"
        )
        return StoreAway(reason, _hint(error), self.redact(str(error)) or type(error).__name__)


class GuardedConnection:
    """A psycopg connection whose every use has a time limit of our own.

    The limits of Postgres and of TCP do not hold when the server's process is stopped but its
    kernel still answers. So a timer shuts the socket down; the call that waits on it fails as if
    the server had closed it. The socket is a duplicate: it never names someone else's descriptor,
    even when the timer comes late.
    """

    def __init__(self, raw: psycopg.Connection[Any], address: PostgresAddress) -> None:
        self.raw = raw
        self.address = address
        try:
            self._socket = socket.socket(fileno=os.dup(raw.fileno()))
        except OSError:
            raw.close()
            raise

    @contextlib.contextmanager
    def guard(self, seconds: float) -> Iterator[None]:
        """Limit what happens inside. Errors of psycopg become StoreAway or BadRecord."""
        timer = threading.Timer(seconds, self.abort)
        timer.daemon = True
        timer.start()
        try:
            yield
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            raise BadRecord(error.sqlstate) from None
        except (psycopg.Error, OSError) as error:
            raise self.address.away(error) from None
        finally:
            timer.cancel()

    def abort(self) -> None:
        """Make whoever waits on the connection fail now. Any thread may call it, also after
        close().
        """
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.abort()
        self._socket.close()
        self.raw.close()


def _hint(error: Exception) -> str:
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return "The role needs CREATE and TEMPORARY on the database."
    if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
        return "Name a primary in the DSN, for instance by target_session_attrs=read-write."
    return ""
