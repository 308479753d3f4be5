"""The engines a file runs on: the kernel in process, a server over Flight, and the kernel with its
input cut up.

In the streamed modes `SET debug_trigger_rows = n` makes the kernel run every query whose operators
can stream in micro-batches of n rows; what it emits last per key is compared with the same
expectation as the batch answer.
"""

from __future__ import annotations

import json
import re
import select
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pyarrow as pa
from pyarrow import flight

from .run import Engine, SqlFailure

STREAMED_ROWS = (1, 3, 1000)
MODES = ("process", "flight", *(f"streamed-{rows}" for rows in STREAMED_ROWS))

_READY_DEADLINE_S = 60
_STOP_DEADLINE_S = 15
_NAME = r"((?:\"[^\"]+\"|\w+)(?:\.(?:\"[^\"]+\"|\w+))?)"
_CREATED = re.compile(
    r"^\s*(?:EXPLAIN\s+(?:ANALYZE\s+|\([^)]*\)\s*))?CREATE\s+(?:OR\s+REPLACE\s+)?(?:SOURCE\s+|SINK\s+)?(TABLE|VIEW|STREAM|SCHEMA)\s+"
    rf"(?:IF\s+NOT\s+EXISTS\s+)?{_NAME}",
    re.IGNORECASE,
)
_RENAMED = re.compile(rf"^\s*ALTER\s+TABLE\s+.*\bRENAME\s+TO\s+{_NAME}", re.IGNORECASE | re.DOTALL)
# The name is gone, with its schema or by a rollback, or stands for an object of another kind, which
# has its own entry in the list.
_DROPPED_ALREADY = frozenset({"VEL2011", "VEL2025", "VEL2028"})


class ProcessEngine:
    """One Session of its own in this process and a connection to it; `trigger_rows` 0 means plain
    batch.
    """

    def __init__(self, trigger_rows: int = 0) -> None:
        # Imported here: parsing, the Flight mode and the expectation tool work without a compiled
        # kernel.
        from velaria import _kernel

        self._kernel_error = _kernel.KernelError
        self._session = _kernel.Session()
        self._connection = self._session.connect()
        self.labels = frozenset({"velaria", "streamed" if trigger_rows else "process"})
        if trigger_rows:
            self._session.execute(f"SET debug_trigger_rows = {trigger_rows}")

    def run(self, sql: str) -> pa.Table | None:
        try:
            result = self._connection.execute(sql)
            return result.read_all() if result.schema is not None else None
        except self._kernel_error as error:
            raise SqlFailure(error.code, error.message) from error

    def explain(self, sql: str) -> dict[str, str]:
        try:
            return self._connection.explain(sql)
        except self._kernel_error as error:
            raise SqlFailure(error.code, error.message) from error

    def close(self) -> None:
        self._session.close()


class FlightEngine:
    """A plain pyarrow.flight client with a session of its own. Objects that a file creates are
    dropped by close(), newest first.
    """

    labels = frozenset({"velaria", "flight"})

    def __init__(self, location: str) -> None:
        self._client = flight.connect(location)
        self._created: list[tuple[str, str]] = []
        self._options = flight.FlightCallOptions()
        opened = self._act("session.open", {})
        self._session = str(opened["session"])
        headers = [(b"velaria-session", self._session.encode())]
        self._options = flight.FlightCallOptions(headers=headers)

    def run(self, sql: str) -> pa.Table | None:
        if match := _CREATED.match(sql):
            self._created.append((match[1].upper(), match[2]))
        elif match := _RENAMED.match(sql):
            self._created.append(("TABLE", match[1]))
        try:
            descriptor = flight.FlightDescriptor.for_command(sql.encode())
            info = self._client.get_flight_info(descriptor, self._options)
            readers = [self._client.do_get(end.ticket, self._options) for end in info.endpoints]
            tables = [reader.read_all() for reader in readers]
        except (flight.FlightError, pa.ArrowException) as error:
            raise _sql_failure(error) from error
        return pa.concat_tables(tables)

    def explain(self, sql: str) -> dict[str, str]:
        return {name: str(text) for name, text in self._act("sql.explain", {"sql": sql}).items()}

    def close(self) -> None:
        self._act("session.close", {"session": self._session})
        self._options = flight.FlightCallOptions()
        for kind, name in reversed(self._created):
            try:
                cascade = " CASCADE" if kind == "SCHEMA" else ""
                self.run(f"DROP {kind} IF EXISTS {name}{cascade}")
            except SqlFailure as failure:
                if failure.code not in _DROPPED_ALREADY:
                    raise
        self._client.close()

    def _act(self, name: str, fields: dict[str, object]) -> dict[str, object]:
        action = flight.Action(name, msgspec.msgpack.encode(fields))
        try:
            (reply,) = self._client.do_action(action, self._options)
        except (flight.FlightError, pa.ArrowException) as error:
            raise _sql_failure(error) from error
        return msgspec.msgpack.decode(reply.body.to_pybytes(), type=dict[str, object])


def _sql_failure(error: Exception) -> SqlFailure:
    """The code comes from extra_info, never from the text; without one the failure has no code."""
    payload = bytes(getattr(error, "extra_info", b"") or b"")
    if not payload:
        return SqlFailure("", str(error))
    fields = msgspec.msgpack.decode(payload, type=dict[str, object])
    return SqlFailure(str(fields.get("code", "")), str(fields.get("message", error)))


class FlightServer:
    """`velaria serve` as a child process with tables in memory and no run history; stops with the
    context.
    """

    def __init__(self, allowed_paths: Sequence[Path]) -> None:
        command = [sys.executable, "-m", "velaria.flight_server.cli", "serve"]
        command += ["--listen", "grpc://127.0.0.1:0", "--memory", "--postgres", "none"]
        for path in allowed_paths:
            command += ["--allow-path", str(path)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.location = self._wait_until_ready()

    def _wait_until_ready(self) -> str:
        assert self._process.stdout is not None
        readable, _, _ = select.select([self._process.stdout], [], [], _READY_DEADLINE_S)
        line = self._process.stdout.readline() if readable else ""
        if not line:
            self._process.kill()
            raise RuntimeError(f"server gave no ready line, exit code: {self._process.wait()}")
        return str(json.loads(line)["flight"][0])

    def __enter__(self) -> FlightServer:
        return self

    def __exit__(self, *fault: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(_STOP_DEADLINE_S)


def open_engine(mode: str, location: str | None = None) -> Engine:
    """Make a fresh engine. `location` is a running server's address, for the mode flight alone."""
    if mode == "process":
        return ProcessEngine()
    if mode == "flight":
        if location is None:
            raise ValueError("the mode flight needs a server's address")
        return FlightEngine(location)
    return ProcessEngine(trigger_rows=int(mode.removeprefix("streamed-")))
