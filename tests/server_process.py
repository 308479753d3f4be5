"""A `velaria serve` process for tests: on free ports, found by its ready line, ended at exit."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import msgspec
import pyarrow as pa
import pyarrow.flight as flight

from velaria.flight_server.flight_sql import messages

READY_TIMEOUT_S = 60

# Run by a Python of its own before the program: code of ours between fork and exec would run beside
# what gRPC starts again in a child, and wait for ever for a lock that nobody holds there.
DYING_WITH_PARENT = """
import ctypes, os, signal, sys
PR_SET_PDEATHSIG = 1
ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
os.execv(sys.argv[1], sys.argv[1:])
"""


class ServerProcess:
    """`ready` is the ready line, `uri` the first Flight address."""

    def __init__(
        self,
        *,
        postgres: str = "none",
        data_dir: Path | None = None,
        allow_path: Sequence[Path] = (),
        arguments: Sequence[str] = (),
    ) -> None:
        self.log_path = Path(tempfile.mkstemp(prefix="velaria-test-", suffix=".log")[1])
        store = ["--data-dir", str(data_dir)] if data_dir else ["--memory"]
        roots = [word for path in allow_path for word in ("--allow-path", str(path))]
        command = [sys.executable, "-I", "-S", "-c", DYING_WITH_PARENT]
        command += [sys.executable, "-m", "velaria.flight_server.cli", "serve"]
        command += ["--listen", "grpc://127.0.0.1:0", "--side", "127.0.0.1:0", *store, *roots]
        command += ["--postgres", postgres, *arguments]
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
        self.ready = self._wait_ready()
        self.uri: str = self.ready["flight"][0]

    @property
    def pid(self) -> int:
        return self.process.pid

    def log(self) -> str:
        return self.log_path.read_text("utf-8", "replace")

    def is_alive(self) -> bool:
        return self.process.poll() is None

    def connect(self) -> flight.FlightClient:
        return flight.connect(self.uri)

    def terminate(self, timeout_s: float = 15.0) -> int:
        """SIGTERM; the exit status. subprocess.TimeoutExpired when it does not end in time."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout_s)

    def close(self) -> None:
        if self.is_alive():
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.terminate()
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.log_path)

    def _wait_ready(self) -> dict[str, Any]:
        """Reads stdout on a thread, so that a silent server is noticed."""
        lines: list[bytes] = []
        stdout = self.process.stdout
        assert stdout is not None
        reader = threading.Thread(target=lambda: lines.append(stdout.readline()), daemon=True)
        reader.start()
        reader.join(READY_TIMEOUT_S)
        if not lines or not lines[0]:
            self.process.kill()
            raise RuntimeError(f"the server did not become ready:\n{self.log()}")
        ready: dict[str, Any] = json.loads(lines[0])
        return ready

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *fault: object) -> None:
        self.close()


def put(client: flight.FlightClient, name: str, table: pa.Table) -> None:
    """DoPut by path with plain pyarrow."""
    writer, _ = client.do_put(flight.FlightDescriptor.for_path(name), table.schema)
    with writer:
        writer.write_table(table)


def read(client: flight.FlightClient, sql: str) -> pa.Table:
    """DoGet by SQL text as ticket."""
    return client.do_get(flight.Ticket(sql.encode())).read_all()


def rows(client: flight.FlightClient, sql: str) -> list[tuple[Any, ...]]:
    columns = [column.to_pylist() for column in read(client, sql).columns]
    return list(zip(*columns, strict=True))


def act(client: flight.FlightClient, name: str, /, **fields: Any) -> dict[str, Any]:
    """DoAction with a MessagePack map; the one reply."""
    request = flight.Action(name, msgspec.msgpack.encode(fields))
    (reply,) = client.do_action(request)
    answer: dict[str, Any] = msgspec.msgpack.decode(reply.body.to_pybytes())
    return answer


def told(fault: BaseException) -> dict[str, Any]:
    """The error map in a Flight error's extra_info."""
    extra = getattr(fault, "extra_info", None)
    assert extra, f"no extra_info in {fault!r}"
    return told_in(extra)


def told_in(extra_info: bytes) -> dict[str, Any]:
    """The fields of an error as plain Flight tells it, in a MessagePack map, or as Flight SQL does,
    in a google.rpc.Status."""
    if extra_info[:1] != b"\x08":
        error: dict[str, Any] = msgspec.msgpack.decode(extra_info)
        return error
    status = messages.parse("Status", extra_info)
    (detail,) = status.details
    assert detail.type_url == "type.googleapis.com/google.rpc.ErrorInfo"
    info = messages.parse("ErrorInfo", detail.value)
    assert info.domain == "velaria"
    return {"code": info.reason, "status": status.code, "text": status.message, **info.metadata}


def until(holds: Callable[[], bool], timeout_s: float = 30.0) -> bool:
    """Ask until it holds or the time is over; whether it held."""
    deadline = time.monotonic() + timeout_s
    pause = threading.Event()
    while not holds():
        if time.monotonic() >= deadline:
            return False
        pause.wait(0.02)
    return True
