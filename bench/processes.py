"""Servers as processes of their own: started, found by their ready line, ended with the run."""

import contextlib
import ctypes
import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import psutil

from bench.setting import ROOT

END_TIMEOUT_S = 15
_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """In the child: a killed run leaves no server behind."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class ServerUnderMeasure:
    """`module` with `arguments`, run by this Python. Its first line on stdout is JSON: `ready`."""

    def __init__(self, module: str, arguments: Sequence[str]) -> None:
        log_path = tempfile.mkstemp(prefix="velaria-bench-", suffix=".log")[1]
        self._log_path = Path(log_path)
        with self._log_path.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=ROOT,
                preexec_fn=die_with_parent,
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self.close()
            raise RuntimeError(f"{module} did not start: {self._log_path.read_text('utf-8')}")
        self.ready = json.loads(line)
        self._seen = psutil.Process(self._process.pid)

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


def velaria_server(threads: int, *arguments: str) -> ServerUnderMeasure:
    """`velaria serve` on a free port. `arguments` say where it keeps what."""
    always = ["serve", "--listen", "grpc://127.0.0.1:0", "--side", "127.0.0.1:0"]
    return ServerUnderMeasure(
        "velaria.flight_server.cli", [*always, "--threads", str(threads), *arguments]
    )
