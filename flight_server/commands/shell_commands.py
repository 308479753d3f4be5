"""The shell's backslash commands, in one table."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from velaria.flight_server.commands.output import FORMATS, print_columns
from velaria.flight_server.commands.script import read_script, run_pieces
from velaria.flight_server.local_files import FILE_IO
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

if TYPE_CHECKING:
    from velaria.flight_server.client import Client
    from velaria.flight_server.commands.shell import Shell

FILES_DEEP_MAX = 16
_SAVEPOINT = "velaria_shell_asks"

_T = TypeVar("_T")


class Left(Exception):
    """The shell was asked to end."""


@dataclass(frozen=True)
class ShellCommand:
    run: Callable[["Shell", str], None]
    argument: str
    summary: str


def run_command(shell: "Shell", text: str) -> None:
    word, _, argument = text.partition(" ")
    command = COMMANDS.get(word)
    if command is None:
        raise VelariaError(
            codes.BAD_REQUEST,
            f"no command of that name: {word}",
            hint="\\? lists all commands.",
        )
    command.run(shell, argument.strip().rstrip(";").rstrip())


_TABLES = """
SELECT t.table_schema, t.table_name, coalesce(s.kind, 'system'), s.row_count
FROM information_schema.tables t LEFT JOIN system.tables s
  ON s.name = CASE t.table_schema WHEN 'main' THEN t.table_name
    ELSE t.table_schema || '.' || t.table_name END
ORDER BY t.table_schema IN ('information_schema', 'system'), t.table_schema, t.table_name
"""


def _describe(shell: "Shell", name: str) -> None:
    """By a statement, so that a name means what it means in the session: its schema, temporary
    tables, and what an open transaction has made."""
    if not name:
        _tables(shell, "")
        return
    told = _asked(shell, lambda: shell.client.sql(f"DESCRIBE {name}").to_rows())
    rows = [
        [column, kind, "" if nullable == "YES" else "not null"] for column, kind, nullable in told
    ]
    with shell.view.printing():
        print_columns(["column", "type", "nullable"], rows)


def _tables(shell: "Shell", begin: str) -> None:
    rows = [
        [schema, name, kind, "" if row_count is None else str(row_count)]
        for schema, name, kind, row_count in _asked(shell, lambda: _seen_tables(shell.client))
        if any(each.lower().startswith(begin.lower()) for each in (name, f"{schema}.{name}"))
    ]
    with shell.view.printing():
        print_columns(["schema", "name", "kind", "rows"], rows)


def _asked(shell: "Shell", ask: Callable[[], _T]) -> _T:
    """What `ask` gives. When it fails an open transaction goes on: a slip of the pen in a question
    does not cost what was done before."""

    def spared() -> _T:
        if not shell.in_transaction or not _has_savepoint(shell):
            return ask()
        try:
            return ask()
        except VelariaError:
            shell.client.sql(f"ROLLBACK TO {_SAVEPOINT}")
            raise
        finally:
            shell.client.sql(f"RELEASE {_SAVEPOINT}")

    return shell.waited(spared)


def _has_savepoint(shell: "Shell") -> bool:
    try:
        shell.client.sql(f"SAVEPOINT {_SAVEPOINT}")
    except VelariaError as error:
        if error.code != codes.TRANSACTION_STATE:
            raise
        shell.in_transaction = False
    return shell.in_transaction


def _seen_tables(client: "Client") -> list[tuple[Any, ...]]:
    """All of the session's catalog; for who may not read all of it, what the server lists."""
    try:
        return client.sql(_TABLES).to_rows()
    except VelariaError as error:
        if error.code != codes.NOT_PERMITTED:
            error.caret = ""  # nobody has typed the statement
            raise
    listed = []
    for entry in client.tables():
        schema, dot, name = entry.name.partition(".")
        parts = (schema, name) if dot else ("main", entry.name)
        listed.append((*parts, entry.kind, entry.row_count))
    return listed


def _functions(shell: "Shell", begin: str) -> None:
    told = shell.waited(lambda: shell.client.action("sql.functions"))["functions"]
    rows = [
        [row["signature"], row["summary"]]
        for row in told
        if row["name"].lower().startswith(begin.lower())
    ]
    with shell.view.printing():
        print_columns(["function", "what it does"], rows)


def _explain(shell: "Shell", sql: str) -> None:
    plan = _asked(shell, lambda: shell.client.explain(sql))
    with shell.view.printing():
        for section in ("logical", "physical", "strategy"):
            print(f"{section}:\n{getattr(plan, section)}")


def _timing(shell: "Shell", said: str) -> None:
    shell.view.is_timed = _switched(shell.view.is_timed, said)
    _say(f"timing is {'on' if shell.view.is_timed else 'off'}")


def _expanded(shell: "Shell", said: str) -> None:
    shell.view.is_expanded = _switched(shell.view.is_expanded, said)
    _say(f"expanded display is {'on' if shell.view.is_expanded else 'off'}")


def _output(shell: "Shell", name: str) -> None:
    path = Path(name).expanduser() if name else None
    with _file_faults(path):
        shell.view.to(path)


def _format(shell: "Shell", name: str) -> None:
    if name not in FORMATS:
        raise VelariaError(
            codes.BAD_REQUEST,
            f"no output format of that name: {name}",
            hint=f"Formats: {', '.join(FORMATS)}.",
        )
    shell.view.fmt = name


def _include(shell: "Shell", name: str) -> None:
    path = Path(name).expanduser()
    if shell.files_deep >= FILES_DEEP_MAX:
        raise VelariaError(codes.BAD_REQUEST, f"too many files include each other: {name}")
    with _file_faults(path):
        text = read_script(path)
    shell.files_deep += 1
    try:
        run_pieces(text, name, shell.run)
    finally:
        shell.files_deep -= 1


def _help(shell: "Shell", _: str) -> None:
    rows = [[f"{name} {known.argument}".strip(), known.summary] for name, known in COMMANDS.items()]
    print_columns(["command", "what it does"], rows)


def _quit(shell: "Shell", _: str) -> None:
    raise Left


COMMANDS = {
    "\\d": ShellCommand(
        _describe, "[NAME]", "columns of a table or SELECT; without a name, all tables"
    ),
    "\\dt": ShellCommand(_tables, "[BEGIN]", "tables, views and streams as the session sees them"),
    "\\df": ShellCommand(_functions, "[BEGIN]", "functions"),
    "\\e": ShellCommand(_explain, "SQL", "explain a statement"),
    "\\x": ShellCommand(_expanded, "[on|off]", "rows as lines of name and value"),
    "\\format": ShellCommand(_format, "NAME", f"how rows are written: {', '.join(FORMATS)}"),
    "\\o": ShellCommand(_output, "[FILE]", "write rows to a file; without a name, here again"),
    "\\i": ShellCommand(_include, "FILE", "run a file's statements, up to the first failure"),
    "\\timing": ShellCommand(_timing, "[on|off]", "tell how long each statement took"),
    "\\?": ShellCommand(_help, "", "this help"),
    "\\q": ShellCommand(_quit, "", "leave"),
}
COMMANDS |= {"\\f": COMMANDS["\\df"], "\\h": COMMANDS["\\?"]}


def _switched(now: bool, said: str) -> bool:
    if said and said not in ("on", "off"):
        raise VelariaError(codes.BAD_REQUEST, f"neither on nor off: {said}")
    return said == "on" if said else not now


def _say(text: str) -> None:
    print(text, file=sys.stderr)


@contextlib.contextmanager
def _file_faults(path: Path | None) -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        raise VelariaError(
            FILE_IO, f"the file cannot be used: {fault.strerror or fault}", detail=str(path)
        ) from fault
