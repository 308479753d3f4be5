"""Statements: run one, explain one, list the functions."""

from typing import Annotated, Any, Literal

import msgspec

from velaria.schemas.base import (
    NAME_CHARS_MAX,
    PARAMETERS_MAX,
    Command,
    NewQueryId,
    Reply,
    SqlText,
)
from velaria.schemas.results import ResultOptions

Parameters = Annotated[
    list[Any],
    msgspec.Meta(
        max_length=PARAMETERS_MAX,
        description="Values for ? and $1: null, boolean, integer, float, text, bytes or timestamp.",
    ),
]


class SqlExecute(ResultOptions):
    """Run one statement; a SELECT is not run yet but answered with a ticket."""

    sql: SqlText
    params: Parameters | None = None
    query_id: NewQueryId | None = None
    open_session: Annotated[
        bool,
        msgspec.Meta(
            description="Open a session for a statement that only makes sense in one, like BEGIN; "
            "the reply names it."
        ),
    ] = False
    transport: Annotated[
        Literal["flight", "shared-memory"],
        msgspec.Meta(
            description="shared-memory: a SELECT is run at once and its rows are put into a file "
            "that a client on the server's host maps; the reply names it in `shared`, or has a "
            "ticket as always when that cannot be."
        ),
    ] = "flight"
    host_token: (
        Annotated[
            str,
            msgspec.Meta(
                max_length=64, description="What stands in the file that server.info names."
            ),
        ]
        | None
    ) = None


class Column(Reply):
    """One column of a result, its type as Arrow writes it."""

    name: str
    type: str
    nullable: bool = True


class SharedRows(Reply):
    """An Arrow file in memory that holds a result. It goes when its lease is over or at
    query.release; a mapping made before stays."""

    path: str
    byte_count: int
    row_count: int
    lease_ms: int


class SqlExecuteReply(Reply):
    """`ticket` is there when rows can be read, `rows_affected` and `tag` when something was done,
    which `tag` says as psql does: "INSERT 0 3"; `session` when one was opened for the statement:
    the calls after it name it in velaria-session.
    """

    query_id: str
    kind: str
    name: str | None = None
    rows_affected: int | None = None
    tag: str | None = None
    columns: list[Column] | None = None
    ticket: bytes | None = None
    shared: SharedRows | None = None
    session: str | None = None


class SqlExplain(Command):
    """Explain one statement without running it."""

    sql: SqlText


class ExplainReply(Reply):
    """The three sections of every explanation."""

    logical: str
    physical: str
    strategy: str


class SqlAnalyze(Command):
    """Run one statement to its end and tell where its time went; its rows are dropped, what it
    changes is changed."""

    sql: SqlText
    params: Parameters | None = None
    query_id: NewQueryId | None = None


class AnalyzeReply(Reply):
    """`report` is what EXPLAIN (ANALYZE, FORMAT JSON) gives: `plan` with rows, times and memory of
    each operator, and the whole statement's times in milliseconds."""

    query_id: str
    report: dict[str, Any]


StatementName = Annotated[
    str,
    msgspec.Meta(min_length=1, max_length=NAME_CHARS_MAX, description="As PREPARE names it."),
]


class SqlPrepare(Command):
    """Keep a statement by a name in the call's session, as PREPARE does. EXECUTE name(values) runs
    it there."""

    name: StatementName
    sql: SqlText


class SqlPrepareReply(Reply):
    """Types as Arrow writes them; of a parameter null where nothing says which. No `columns`: it
    returns no rows."""

    name: str
    parameters: list[str]
    columns: list[Column] | None = None


class SqlClose(Command):
    """Forget a prepared statement of the call's session, as DEALLOCATE does."""

    name: StatementName


class FunctionEntry(Reply):
    """One function of the kernel's registry with an example that holds."""

    name: str
    kind: str
    group: str
    signature: str
    summary: str
    null_rule: str
    example: str
    example_result: str


class FunctionsReply(Reply):
    functions: list[FunctionEntry]
