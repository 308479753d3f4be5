"""What goes on, and how, when the process can open no more files."""

import contextlib
import errno
import os
import resource
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import psycopg
import pyarrow as pa
import pytest

from tests.server_process import until
from velaria.control.connection import PostgresAddress
from velaria.control.run_store import StoreAway
from velaria.flight_server import machine
from velaria.flight_server.errors import as_velaria_error
from velaria.flight_server.limits.connections import cut
from velaria.flight_server.limits.limits import Limits
from velaria.flight_server.metrics import Metrics
from velaria.flight_server.metrics_port import ACCEPT_PAUSE_S, MetricsPort
from velaria.flight_server.options import Options
from velaria.flight_server.shared_results import SharedResults
from velaria.flight_server.spare_file import SpareFile
from velaria.schemas import errors as codes

WAIT_S = 20.0


@contextlib.contextmanager
def no_file_left() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken: list[int] = []
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (64 + max(map(int, os.listdir("/proc/self/fd"))), hard)
    )
    try:
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.dup(0))
        yield
    finally:
        for number in taken:
            os.close(number)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_spare_file_makes_room_for_one_and_comes_back() -> None:
    before = len(os.listdir("/proc/self/fd"))
    spare = SpareFile()
    with no_file_left():
        with pytest.raises(OSError, match="Too many open files"):
            os.open("/", os.O_RDONLY)
        with spare.lent():
            os.close(os.open("/", os.O_RDONLY))
        assert spare.lend()
        number = os.open("/", os.O_RDONLY)
        spare.take_back()
        assert not spare.lend(), "there is none to be had"
        os.close(number)
        spare.take_back()
        assert spare.lend()
    spare.take_back()
    spare.close()
    spare.close()
    assert len(os.listdir("/proc/self/fd")) == before


def test_the_machine_is_looked_at_without_opening_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine.thread_count() == len(os.listdir("/proc/self/task"))
    started_s = machine.start_unix_s()
    stat = os.stat
    for is_counted in (True, False):
        if not is_counted:  # as Linux before 6.2 does

            def uncounted(path: str) -> Any:
                return SimpleNamespace(st_size=0, st_nlink=stat(path).st_nlink)

            monkeypatch.setattr(machine.os, "stat", uncounted)
        assert abs(machine.open_file_count() - len(os.listdir("/proc/self/fd"))) <= 1
        with no_file_left():
            assert machine.open_file_count() >= machine.open_file_max() - 1
            assert machine.thread_count() >= 1
            assert machine.start_unix_s() == pytest.approx(started_s, abs=0.1)


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
def test_a_request_that_finds_no_file_is_told_to_come_again(number: int) -> None:
    error = as_velaria_error(OSError(number, os.strerror(number), "/srv/velaria/secret"))
    assert (error.code, error.retry) == (codes.OVERLOADED, "later")
    assert "secret" not in f"{error} {error.detail} {error.hint}"
    assert as_velaria_error(OSError(errno.EIO, "")).code == codes.INTERNAL


def test_a_connection_is_cut_also_when_no_file_can_be_opened() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
        port = listener.getsockname()[1]
    with client, server, no_file_left():
        assert cut(f"ipv4:127.0.0.1:{client.getsockname()[1]}", frozenset({port}))
        assert client.recv(1) == b""


def metrics_port() -> MetricsPort:
    report = SimpleNamespace(state="degraded", reasons=lambda: {"files": "all are open"})
    health = SimpleNamespace(report=lambda: report)
    return MetricsPort(cast(Any, SimpleNamespace(health=health)), "127.0.0.1:0")


def ask(port: MetricsPort) -> socket.socket:
    host, _, number = port.address.rpartition(":")
    client = socket.create_connection((host, int(number)), WAIT_S)
    client.sendall(b"GET /readyz HTTP/1.0\r\n\r\n")
    return client


def answer(client: socket.socket) -> bytes:
    with client, client.makefile("rb") as told:
        return told.read()


def test_the_metrics_port_answers_one_at_a_time_when_no_file_is_left() -> None:
    port = metrics_port()
    clients = [ask(port) for _ in range(4)]
    with no_file_left():
        port.start()
        for client in clients:
            assert b"all are open" in answer(client)
    assert b"all are open" in answer(ask(port))
    port.stop()


def test_a_connection_that_cannot_be_taken_is_not_asked_for_in_a_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked_s: list[float] = []
    is_full = True
    accept = socketserver.TCPServer.get_request

    def get_request(server: socketserver.TCPServer) -> Any:
        asked_s.append(time.monotonic())
        if is_full:
            raise OSError(errno.EMFILE, "")
        return accept(server)

    monkeypatch.setattr(socketserver.TCPServer, "get_request", get_request)
    port = metrics_port()
    client = ask(port)
    port.start()
    assert until(lambda: len(asked_s) >= 6, WAIT_S)
    assert asked_s[5] - asked_s[0] >= 2 * ACCEPT_PAUSE_S, "twice each time: the spare one, too"
    is_full = False
    assert b"all are open" in answer(client)
    port.stop()


def test_a_result_for_shared_memory_is_sent_when_no_file_can_be_made(tmp_path: Path) -> None:
    shared = SharedResults(Limits(Options(), Metrics(), frozenset), tmp_path)
    batch = pa.record_batch({"n": [1, 2]})
    with no_file_left():
        assert shared.write("q-1", batch.schema, [batch]) is None
    assert shared.byte_count() == 0
    assert shared.write("q-1", batch.schema, [batch]) is not None
    shared.close()


def test_a_connection_to_postgres_that_finds_no_second_file_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    closed = threading.Event()
    raw = SimpleNamespace(fileno=lambda: 0, close=closed.set)
    monkeypatch.setattr(psycopg, "connect", lambda **parameters: raw)
    with no_file_left(), pytest.raises(StoreAway):
        PostgresAddress.from_dsn("postgresql://velaria@127.0.0.1/velaria").connect("test")
    assert closed.is_set()
