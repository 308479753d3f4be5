"""The compiled kernel. Every call releases the GIL; a failure is one of six KernelErrors."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, type_check_only

import pyarrow as pa

__version__: str

class ArrowStreamable(Protocol):
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...

class KernelError(Exception):
    """Base of all kernel failures.

    `code` is "VEL2012"; `retry` is "never" or "later"; `line` and `column` are 1-based, 0 when
    no place is known; `caret` is two lines (source line and caret) or "".
    """

    code: str
    message: str
    detail: str
    hint: str
    retry: str
    line: int
    column: int
    caret: str
    named: list[tuple[str, str]]  # of describe() alone

    def __init__(
        self,
        code: str = "VEL9001",
        message: str = "",
        detail: str = "",
        hint: str = "",
        retry: str = "never",
        line: int = 0,
        column: int = 0,
        caret: str = "",
    ) -> None: ...

class RequestError(KernelError): ...  # VEL1xxx
class SqlError(KernelError): ...  # VEL2xxx
class ExecutionError(KernelError): ...  # VEL3xxx
class SourceError(KernelError): ...  # VEL4xxx
class ControlError(KernelError): ...  # VEL5xxx
class InternalError(KernelError): ...  # VEL9xxx

class ErrorCodeRow:
    code: str
    name: str
    retry: str
    meaning: str

class FunctionRow:
    name: str
    kind: str  # "scalar" | "aggregate" | "window"
    signature: str  # "substr(text VARCHAR, start BIGINT[, count BIGINT]) -> VARCHAR"
    summary: str
    null_rule: str  # "NULL if any argument is", or what else holds
    example: str  # an expression or a whole SELECT
    example_result: str  # its value as text
    group: str

class SettingRow:
    name: str
    default: str  # the value at start
    range: str  # "0 to 100" | "fast, reproducible"
    meaning: str

class TableInfo:
    name: str  # "x.t" outside of the schema main
    catalog_schema: str  # "x"
    bare_name: str  # "t"
    kind: str  # "table" | "view" | "stream" | "source" | "sink" | "system"
    schema: pa.Schema
    row_count: int  # -1: unknown without reading (views, files)
    byte_count: int  # -1: unknown

class IndexInfo:
    """Advice on a table, which no plan uses."""

    name: str
    table: str
    columns: str  # "a, b DESC"

class RelationUse:
    """One object that a statement reads or writes, named as the catalog has it."""

    kind: str  # "table" | "view" | "stream" | "system" | "temporary" | "file" | "schema"
    catalog_schema: str  # "" of a file; of a schema its own name
    name: str  # without its schema, as stored; of a file the path as written
    access: str  # "read" | "write"

class StatementInfo:
    """What a statement is, known without running it."""

    kind: str  # "query" | "stream" (an unbounded SELECT) | "insert" | "insert_stream" | "ddl" | ...
    schema: pa.Schema | None  # result schema; None when the statement returns no rows
    parameter_count: int
    parameter_schema: pa.Schema  # "$1", "$2" ...; type null where nothing says which
    returns_rows: bool
    needs_connection: bool  # only later calls of the same Connection see what it does
    is_repeatable: bool  # execute(described=) reads the rows that it was described with
    # All that it reads and writes, each once: what permissions are judged by. A view is told, and
    # so is what it reads. UPDATE and DELETE read what they write, and so do INSERTs with RETURNING
    # or DO UPDATE. An index is its table. Without params SET schema = ? tells nothing, and EXECUTE
    # what PREPARE told.
    uses: list[RelationUse]
    # The same for people: "t", "x.t", "'a.csv'"; views and schemas that are read are left out.
    reads: list[str]
    writes: list[str]

class QueryResult:
    """One statement under way. A SELECT runs while its reader is read; other statements are done
    when execute() returns.
    """

    query_id: str
    kind: str
    schema: pa.Schema | None
    rows_affected: int | None
    tag: str  # what was done, as psql says it: "CREATE TABLE", "INSERT 0 3"; "" for rows
    def reader(self) -> pa.RecordBatchReader:
        """The rows, once: a C++ reader whose mid-stream errors are Flight errors with extra_info.
        Dropping it cancels.
        """
    def read_all(self) -> pa.Table:
        """All rows as one table. Errors are KernelErrors with caret."""
    def failure(self) -> KernelError | None:
        """With what the reader has failed, as read_all() raises it; None while it goes on and after
        a good end.
        """
    def cancel(self) -> None: ...
    @property
    def state(self) -> str: ...  # "created" | "running" | "finished" | "failed" | "cancelled"
    @property
    def row_count(self) -> int: ...  # rows handed to the reader so far
    def statistics(self) -> dict[str, Any]:
        """wall_ms, cpu_ms, rows, peak_bytes, operators: [...]"""

class Ingest:
    """Batches into a table or stream. Each write is visible to readers when it returns; when it
    `is_atomic` (asked for, mode "replace", or in a transaction, whose rows they become) all are at
    once by commit(), and without it nothing has changed.
    """

    table: str
    row_count: int
    is_atomic: bool
    def write(self, batch: pa.RecordBatch) -> int:
        """Validate fully, then append. Returns the rows appended. Raises SourceError VEL4005 or
        VEL4006; then nothing of the batch stays.
        """
    def commit(self) -> None:
        """Every batch has come; nothing can be written afterwards."""

class StreamingQuery:
    query_id: str
    name: str
    sql: str
    schema: pa.Schema
    @property
    def status(self) -> str: ...
    def start(self) -> None:
        """Begin; nothing happens when it has begun."""
    def failure(self) -> None:
        """Raise what made the query fail; nothing happens when it did not."""
    def progress(self) -> dict[str, Any]: ...
    def snapshot_json(self) -> str: ...
    def stop(self, mode: str = "drain", timeout_ms: int = 30_000) -> dict[str, Any]:
        """mode: "drain" (finish what is in the log) or "now". Waits for the end at most
        `timeout_ms`; 0 only asks for it. Returns the last progress.
        """
    def await_termination(self, timeout_ms: int | None = None) -> bool: ...
    def subscribe(self) -> Subscription: ...

class Subscription:
    """Emitted batches of one streaming query from now on; a bounded queue per subscriber."""

    schema: pa.Schema
    def next(self, timeout_ms: int) -> pa.RecordBatch | None:
        """The next batch; None when nothing came in time. Raises StopIteration at the end of the
        query.
        """
    def reader(self) -> pa.RecordBatchReader: ...
    def close(self) -> None: ...

@type_check_only
class _Statements:
    """The calls that a Session and a Connection share. On a Session each is as on a connection of
    its own, which keeps nothing: BEGIN is refused. On a Connection names are looked up in its
    schema, and what changes rows is part of its open transaction.
    """

    def describe(
        self,
        sql: str,
        params: Sequence[Any] | None = None,
        spares: bool = False,
        opens_files: bool = True,
    ) -> StatementInfo:
        """What a statement is, without running it. The error of a wrong one has `named`: (schema,
        name) of all relations that it had named by then, whether or not they are there. It fails
        the open transaction, unless that is spared. Without `opens_files` a statement that would
        read a file by its path is refused with VEL1010, and no file is looked at.
        """
    def execute(
        self,
        sql: str,
        params: Sequence[Any] | None = None,
        query_id: str | None = None,
        described: StatementInfo | None = None,
    ) -> QueryResult:
        """`described`: of this statement. A query that was described outside of a transaction then
        reads the names and rows as they were, however late it is run; anything else reads what
        stands now.
        """
    def execute_many(self, sql: str, data: Any, query_id: str | None = None) -> QueryResult:
        """INSERT, UPDATE or DELETE once for each row of `data` (anything with __arrow_c_stream__: a
        column for each parameter, in their order); all of it or nothing. The result has
        rows_affected and no rows.
        """
    def ingest(
        self,
        table: str,
        schema: pa.Schema,
        mode: str = "append",
        from_wire: bool = False,
        catalog_schema: str | None = None,
        temporary: bool = False,
        atomic: bool = False,
    ) -> Ingest:
        """Open a table for batches. mode: "append" (creates the table when absent) | "existing" |
        "create" | "replace". `from_wire`: the batches come from a stranger, so rules for strangers
        hold as well. `catalog_schema` and `table` are taken to the letter; without the former
        `table` may be "schema.table". `atomic`: nothing is visible before commit().
        """
    def explain(self, sql: str) -> dict[str, str]:
        """{"logical": ..., "physical": ..., "strategy": ...}; nothing is executed."""
    def explain_stream(self, sql: str) -> dict[str, str]: ...
    def start_stream(
        self,
        sql: str,
        name: str | None = None,
        options: Mapping[str, Any] | None = None,
        parameters: Sequence[Any] | None = None,
        query_id: str | None = None,
    ) -> StreamingQuery:
        """Options: {"start": False}, and the query waits for its start(): who subscribes before
        that gets every emission; {"delivery_mode": "at-least-once" | "best-effort"}, told by
        progress. `query_id`: an id that was promised before; None makes one.
        """

class Connection(_Statements):
    """What one client has of its own over a Session: temporary objects, the current schema, the
    open transaction. Made by Session.connect().
    """

    in_transaction: bool
    schema: str  # where names without a schema are looked up
    def close(self) -> None:
        """Roll an open transaction back and let go of the temporary objects."""

class Session(_Statements):
    """One database. Two Sessions share nothing but the worker threads' cores."""

    def __init__(
        self,
        *,
        threads: int | None = None,
        allowed_roots: Sequence[str] | None = None,  # None: no limit (in-process use)
        memory_limit_bytes: int | None = None,
        closed_paths: Sequence[str] = (),  # with all below them, though they lie in the roots
    ) -> None: ...
    def connect(self, user: str | None = None, lasts: bool = True) -> Connection:
        """`user` is what current_user tells there. One that does not last is for a single call: it
        refuses what only later ones could see (BEGIN, temporary objects, SET schema).
        """
    def tables(self) -> list[TableInfo]: ...
    def indexes(self) -> list[IndexInfo]: ...
    def table(self, name: str) -> TableInfo:
        """One entry, found without regard to case; "system.x" for one of the server's own."""
    def drop(self, name: str) -> None:
        """Drop a table, source, sink, view or stream."""
    def probe(self, path: str) -> dict[str, Any]:
        """What a file seems to be; the fields of the seeds' contract."""
    def queries(self) -> list[dict[str, Any]]:
        """Running queries: query_id, sql, state, started_unix_ms, rows."""
    def cancel(self, query_id: str) -> str: ...  # the state afterwards
    def register_system_table(
        self, name: str, schema: pa.Schema, open: Callable[[], pa.RecordBatchReader]
    ) -> None:
        """`system.<name>` becomes readable by SQL. `open` is called on a thread of its own, once
        per scan.
        """
    def register_arrow(self, name: str, data: ArrowStreamable, replace: bool = False) -> None:
        """A table made of the batches as they are, zero-copy."""
    def create_stream(self, name: str, schema: pa.Schema) -> None:
        """A stream whose columns are those of the schema, nullability included."""
    def functions(self) -> list[FunctionRow]: ...
    def settings(self) -> dict[str, str]: ...
    # streams
    def streaming_queries(self) -> list[StreamingQuery]: ...
    def streaming_query(self, id_or_name: str) -> StreamingQuery: ...
    def end_input(self, stream: str) -> None: ...
    # lane: the kernel splits, runs and merges; the bytes are versioned and opaque
    def split_plan(self, sql: str, partitions: int) -> PlanSplit: ...
    def run_fragment(
        self,
        fragment: bytes,
        inputs: Mapping[str, ArrowStreamable],
        threads: int | None = None,
        cancel: FragmentCancel | None = None,
    ) -> bytes:
        """The partial state's snapshot; `threads` None: as many as the host has cores."""
    def merge_partials(self, split: bytes, partials: Sequence[bytes]) -> pa.Table: ...
    def close(self) -> None: ...

class FragmentCancel:
    """Ends one run_fragment from another thread: it raises ExecutionError VEL3010."""

    def __init__(self) -> None: ...
    def cancel(self) -> None:
        """Before the run as well: it will not begin."""

class PlanSplit:
    """An aggregate query cut for partition-wise work."""

    fragments: list[bytes]  # one per partition, in fixed order
    inputs: list[str]  # table names a worker must be handed, partition-wise
    merge: bytes  # handed to merge_partials with the partial states in fragment order
    schema: pa.Schema
    reason: str  # why the plan can be split
    def partition(self, table: str, index: int) -> pa.Table: ...

def error_codes() -> list[ErrorCodeRow]: ...
def functions() -> list[FunctionRow]: ...
def settings() -> list[SettingRow]: ...
def progress_fields() -> list[tuple[str, str, str]]: ...  # (name, type, group)
def simd_backend() -> str: ...
def validate_batch(batch: pa.RecordBatch) -> None: ...
def flight_error_payload(error: KernelError) -> bytes:
    """extra_info of a Flight error: a MessagePack map {code, message, detail, hint, retry, line,
    column}.
    """

class FlightCall:
    """One RPC of the native front, as its handlers see it. Any thread may ask; after the RPC's end
    it is not cancelled and takes nothing more."""

    @property
    def method(self) -> str:
        """gRPC's name for it, like DoGet."""
    call: Any
    """The handlers' own side of the call."""
    def headers(self) -> list[tuple[str, str | bytes]]:
        """Names in small letters, which may come again; bytes of a name that ends in -bin."""
    def is_cancelled(self) -> bool:
        """The client went away, or its deadline passed."""
    def peer(self) -> str:
        """Like ipv4:127.0.0.1:41230 or unix:."""
    def add_header(self, name: str, value: str, /) -> None:
        """Goes before the answer's first message."""
    def add_trailer(self, name: str, value: str | bytes, /) -> None:
        """Goes with the status."""

class WireChunk:
    """A message of the client: a batch, metadata, or both."""

    @property
    def data(self) -> pa.RecordBatch | None: ...
    @property
    def app_metadata(self) -> pa.Buffer | None: ...

class WireReader:
    """What a client sends by DoPut or DoExchange, until the handler returns: ValueError after that.
    The call ends when no thread waits here any more. Waits without the GIL; pyarrow's errors for
    what cannot be decoded."""

    @property
    def schema(self) -> pa.Schema: ...
    def read_chunk(self) -> WireChunk:
        """StopIteration at the end."""
    def __iter__(self) -> WireReader: ...
    def __next__(self) -> WireChunk: ...

class ResultSender:
    """What a DoPut answers, until the handler returns."""

    def write(self, metadata: pa.Buffer | bytes, /) -> None:
        """One PutResult."""

class BatchSender:
    """What a DoExchange answers, until the handler returns."""

    def begin(self, schema: pa.Schema, options: pa.ipc.IpcWriteOptions | None = None) -> None:
        """Once, before the first batch; of the options the compression counts."""
    def write_batch(self, batch: pa.RecordBatch, /) -> None: ...
    def write_metadata(self, metadata: pa.Buffer | bytes, /) -> None: ...

class FlightFront:
    """Arrow's Flight server over `handlers`, which are asked on threads of gRPC: `begin(call)` at
    the beginning of each RPC, which raises to refuse it; the RPC's method by its name in small
    letters with underscores; `completed(call, text, extra_info)` after the last byte, `text` None
    when it ended well; `failure(error)` for what a method raised: the status' name, text and
    extra_info."""

    def __init__(self, uri: str, handlers: Any) -> None:
        """Listens. OSError when it cannot."""
    @property
    def port(self) -> int: ...
    def shutdown(self) -> None:
        """Takes no more calls, and returns when those under way have ended. To be called before the
        interpreter ends."""
