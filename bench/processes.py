"""Servers as processes of their own: started, found by their ready line, ended with the run."""

import contextlib
import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import psutil

from bench.setting import ROOT

START_TIMEOUT_S = 120
END_TIMEOUT_S = 15


def dying_with_parent(command: Sequence[str]) -> list[str]:
    """A killed run leaves no server behind. Of our code nothing may run between fork and exec: the
    threads of gRPC, which hold locks there, could hang the child."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", *command] if setpriv else list(command)


class ProcessUnderMeasure:
    """A program with its log in a file, which is kept when it ends badly. `ready` says where it
    listens."""

    def __init__(self, command: Sequence[str]) -> None:
        log_path = tempfile.mkstemp(prefix="velaria-bench-", suffix=".log")[1]
        self._log_path = Path(log_path)
        with self._log_path.open("wb") as log:
            self._process = subprocess.Popen(
                dying_with_parent(command), stdout=subprocess.PIPE, stderr=log, cwd=ROOT
            )
        self.ready: dict[str, Any] = {}
        self._seen = psutil.Process(self._process.pid)

    def await_ready(self, name: str) -> None:
        """Its first line on stdout is JSON: `ready`."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self.close()
            raise RuntimeError(f"{name} did not start: {self.log()}")
        self.ready = json.loads(line)

    @property
    def pid(self) -> int:
        return self._process.pid

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def log(self) -> str:
        return self._log_path.read_text("utf-8", "replace")

    def cpu_s(self) -> float:
        """CPU seconds of the process so far, all threads, without its children."""
        times = self._seen.cpu_times()
        return float(times.user + times.system)

    def children(self) -> list[psutil.Process]:
        found: list[psutil.Process] = self._seen.children(recursive=True)
        return found

    def close(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(END_TIMEOUT_S)
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        if self._process.returncode in (0, -signal.SIGTERM):
            self._log_path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *fault: object) -> None:
        self.close()


class ServerUnderMeasure(ProcessUnderMeasure):
    """`module` with `arguments`, run by this Python."""

    def __init__(self, module: str, arguments: Sequence[str]) -> None:
        super().__init__([sys.executable, "-m", module, *arguments])
        self.await_ready(module)


def await_open(server: ProcessUnderMeasure, port: int) -> None:
    """Until somebody listens on the port of this host. RuntimeError when the server ended first."""
    deadline_s = time.monotonic() + START_TIMEOUT_S
    pause = threading.Event()
    while server.is_alive() and time.monotonic() < deadline_s:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        pause.wait(0.05)
    server.close()
    raise RuntimeError(f"the server does not listen; port: {port}")


def velaria_server(threads: int, *arguments: str) -> ServerUnderMeasure:
    """`velaria serve` on a free port. `arguments` say where it keeps what."""
    always = ["serve", "--listen", "grpc://127.0.0.1:0", "--side", "127.0.0.1:0"]
    return ServerUnderMeasure(
        "velaria.flight_server.cli", [*always, "--threads", str(threads), *arguments]
    )
