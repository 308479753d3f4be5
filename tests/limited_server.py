"""A server with limits of its own, and statements that reach them."""

import contextlib
import os
import resource
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.flight as flight
import pytest

from tests.server_process import ServerProcess, act, put, told, until

LONG = (
    b"SELECT count(*) FROM lim_n l CROSS JOIN lim_n r CROSS JOIN lim_n x WHERE l.n + r.n + x.n = -1"
)
ENDLESS = b"SELECT l.n, r.n AS m FROM lim_n l CROSS JOIN lim_n r"
IDLE_CONNECTIONS = 60
WAIT_S = 60
NUMBERS = pa.table({"n": pa.array(range(20_000), pa.int64())})


def served(**limits: Any) -> ServerProcess:
    words = [word for name, value in limits.items() for word in ("--set", f"limits.{name}={value}")]
    server = ServerProcess(arguments=words)
    put(server.connect(), "lim_n", NUMBERS)
    return server


def metric(client: flight.FlightClient, name: str) -> float:
    value: float = act(client, "server.metrics")["metrics"][name]
    return value


def error_of(call: Any) -> dict[str, Any]:
    with pytest.raises((flight.FlightError, pa.ArrowException)) as caught:
        call()
    return told(caught.value)


def read_quietly(server: ServerProcess, statement: bytes) -> None:
    """To its end, whatever that is; the server may be closed before it."""
    try:
        server.connect().do_get(flight.Ticket(statement)).read_all()
    except (pa.ArrowException, OSError):
        return


def run_long(server: ServerProcess, count: int = 1) -> None:
    """Statements that run until somebody cancels them."""
    for _ in range(count):
        threading.Thread(target=read_quietly, args=(server, LONG), daemon=True).start()


def cancel_running(client: flight.FlightClient) -> None:
    for query in act(client, "query.list")["queries"]:
        if query["state"] == "running":
            act(client, "query.cancel", query_id=query["query_id"])


def open_files(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


@contextlib.contextmanager
def exhausted(server: ServerProcess, files_max: int) -> Iterator[None]:
    """While connections have taken all the files that it may open."""
    _, hard = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (files_max, hard))
    address = "127.0.0.1", int(server.uri.rpartition(":")[2])
    with contextlib.ExitStack() as idle:
        for _ in range(IDLE_CONNECTIONS):
            idle.enter_context(socket.create_connection(address, WAIT_S))
        assert until(lambda: open_files(server.pid) >= files_max)
        yield
