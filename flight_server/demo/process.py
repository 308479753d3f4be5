"""The demo's server: a real `velaria serve` process in a folder of its own."""

import json
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

READY_TIMEOUT_S = 60.0
END_TIMEOUT_S = 15.0
LOG_SHOWN_CHARS = 2000


def velaria_command() -> list[str]:
    """How this installation's `velaria` is started: by its script when there is one."""
    script = Path(sys.executable).parent / "velaria"
    if script.is_file():
        return [str(script)]
    return [sys.executable, "-m", "velaria.flight_server.cli"]


class DemoServer:
    """Started by its making and ended by `stop`, unless it is left running by `keep`.

    Its folder holds the run history and the log. It goes when the server is stopped.
    """

    def __init__(self, *, survives: bool, allow_path: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="velaria-demo-"))
        self.log_path = self.folder / "server.log"
        command = [*velaria_command(), "serve"]
        command += ["--listen", "grpc://127.0.0.1:0", "--side", "127.0.0.1:0"]
        command += ["--data-dir", str(self.folder / "data"), "--allow-path", str(allow_path)]
        command += ["--postgres", "embedded"]
        with self.log_path.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=survives,
            )
        try:
            self.ready = self._read_ready_line()
        except BaseException:
            self._process.kill()
            self.stop()
            raise
        self.uri: str = self.ready["flight"][0]
        self.pid = self._process.pid

    def stop(self) -> int:
        """The server's exit status; its folder is removed."""
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()
        finally:
            self._close_pipe()
            shutil.rmtree(self.folder, ignore_errors=True)

    def keep(self) -> None:
        """Leave the server running; nobody here waits for it any more."""
        self._close_pipe()

    def log_end(self) -> str:
        return self.log_path.read_text("utf-8", "replace")[-LOG_SHOWN_CHARS:]

    def _read_ready_line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        is_told, _, _ = select.select([self._process.stdout], [], [], READY_TIMEOUT_S)
        line = self._process.stdout.readline() if is_told else b""
        if not line:
            reason = f"exit status: {self._process.wait()}" if is_told else "it is not ready"
            raise VelariaError(
                codes.CONNECTION,
                f"the demo's server did not start; {reason}",
                detail=self.log_end(),
            )
        ready: dict[str, Any] = json.loads(line)
        return ready

    def _close_pipe(self) -> None:
        if self._process.stdout is not None:
            self._process.stdout.close()
