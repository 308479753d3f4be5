"""Our own supervisor of an embedded PostgreSQL: reached by a unix socket only, gone with us.

    server process
      `- thread "ledger-postgres"          starts PostgreSQL, waits for its end, starts it again
           `- unshare, setpriv, postgres   one process: each program replaces the one before

The kernel sends PostgreSQL an interrupt when the *thread* that started it ends, so that thread
lives as long as the process does, or until stop() has seen PostgreSQL end.
"""

import contextlib
import hashlib
import os
import shutil
import signal
import stat
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from velaria.control.connection import PostgresAddress
from velaria.control.errors import LedgerError, history_unavailable
from velaria.control.postgres_binaries import PostgresCommands, find_postgres
from velaria.control.run_store import StoreFailed

USER = "velaria"
SOCKET_NAME = ".s.PGSQL.5432.lock"
SOCKET_PATH_BYTES_MAX = 107
INITDB_S_MAX = 60.0
OLD_POSTGRES_S_MAX = 10.0
STOP_S_MAX = 3.0
RESTART_S_FIRST, RESTART_S_MAX = 0.1, 10.0
HEALTHY_AFTER_S = 30.0
_POLL_S = 0.02

_INITDB_OPTIONS = ("-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-instructions")
# A ledger needs little: a few connections, a little cache, no helpers for parallel work.
_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "20",
    "shared_buffers": "16MB",
    "work_mem": "4MB",
    "maintenance_work_mem": "16MB",
    "max_wal_size": "128MB",
    "min_wal_size": "32MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_worker_processes": "2",
    "max_parallel_workers_per_gather": "0",
    "autovacuum_max_workers": "1",
    "max_logical_replication_workers": "0",
    "io_method": "sync",
    "jit": "off",
    "logging_collector": "off",
    "log_min_messages": "warning",
    "log_statement": "none",
    "log_min_error_statement": "panic",
    "timezone": "UTC",
}


class EmbeddedPostgres:
    """One PostgreSQL on one data directory. start() returns at once; it answers a little later."""

    def __init__(self, data_dir: Path, log: Any) -> None:
        self._folder = data_dir / "postgres"
        self._log_path = data_dir / "postgres.log"
        self._log = log
        self._commands = find_postgres(data_dir, _data_version(self._folder))
        self._socket_folder = _socket_folder(data_dir, self._commands)
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._supervise, name="ledger-postgres", daemon=True)
        self._address = PostgresAddress.of_socket(str(self._socket_folder), USER)
        self._failure: LedgerError | None = None

    @property
    def pid(self) -> int | None:
        """The running postmaster's process id."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def address(self) -> PostgresAddress:
        """How to connect. StoreFailed when it does not run, for a reason other than its start."""
        failure = self._failure
        if failure is not None and self.pid is None:
            raise StoreFailed(failure.message, failure.hint, failure.detail)
        return self._address

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Shut PostgreSQL down: fast, after STOP_S_MAX at once, and at last by force."""
        self._stopping.set()
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            process = self._process
            if process is not None and process.poll() is None:
                process.send_signal(number)
                # One that was stopped would not hear of the shutdown.
                others = signal.SIGKILL if number == signal.SIGKILL else signal.SIGCONT
                _signal_all(_processes_on(self._folder), others)
            self._thread.join(STOP_S_MAX if number == signal.SIGINT else 0.5)
            if not self._thread.is_alive():
                break

    def _supervise(self) -> None:
        pause_s = RESTART_S_FIRST
        while not self._stopping.is_set():
            started_at = time.monotonic()
            try:
                self._prepare()
                self._run()
            except LedgerError as error:
                self._failure = error
            except (OSError, subprocess.SubprocessError) as error:
                self._failure = _cannot_run(str(error))
            if self._stopping.is_set():
                return
            if time.monotonic() - started_at > HEALTHY_AFTER_S:
                pause_s = RESTART_S_FIRST
            if self._failure is not None:
                self._log.warning(
                    "postgres_ended",
                    reason=self._failure.message,
                    detail=self._failure.detail,
                    restart_in_s=pause_s,
                )
            self._stopping.wait(pause_s)
            pause_s = min(4 * pause_s, RESTART_S_MAX)

    def _prepare(self) -> None:
        if not (self._folder / "PG_VERSION").exists():
            self._make_cluster()
        _end_old_postgres(self._folder)
        self._commands.give(self._folder)
        # The data directory is ours alone and no PostgreSQL runs on it, so whatever these say is
        # out of date. A process id in them may belong to a stranger by now, and PostgreSQL would
        # refuse to start because of it.
        for stale in (self._folder / "postmaster.pid", *self._socket_folder.glob(".s.PGSQL.*")):
            stale.unlink(missing_ok=True)

    def _make_cluster(self) -> None:
        """Run initdb beside the final place and rename: a kill leaves nothing half-made there."""
        making = self._folder.with_name("postgres.making")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(mode=0o700)
        self._commands.give(making)
        command = self._commands.initdb("-D", str(making), *_INITDB_OPTIONS)
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=_environment(),
            cwd="/",
            timeout=INITDB_S_MAX,
            check=False,
        )
        if done.returncode != 0:
            raise _cannot_run(done.stdout.decode("utf-8", "replace"))
        making.rename(self._folder)

    def _run(self) -> None:
        if self._stopping.is_set():
            return
        settings = _SETTINGS | {
            "unix_socket_directories": str(self._socket_folder),
            "unix_socket_permissions": "0700",
        }
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with self._log_path.open("wb") as log_file:
            os.chmod(self._log_path, 0o600)
            # A session of its own: Ctrl-C at the terminal is for the server, which then ends
            # PostgreSQL in order.
            self._process = subprocess.Popen(
                self._commands.postgres("-D", str(self._folder), *arguments),
                stdin=subprocess.DEVNULL,
                stdout=log_file,
                stderr=log_file,
                env=_environment(),
                cwd="/",
                start_new_session=True,
            )
        if self._stopping.is_set():
            self._process.send_signal(signal.SIGINT)
        code = self._process.wait()
        if not self._stopping.is_set():
            text = self._log_path.read_text(encoding="utf-8", errors="replace")
            raise _cannot_run(f"exit code {code} {text[-2_000:]}")


def _cannot_run(output: str) -> LedgerError:
    detail = " ".join(output.split())[-500:]
    return history_unavailable("the embedded Postgres does not run", detail=detail)


def _environment() -> dict[str, str]:
    """Nothing of ours: no preloaded library, no PG* variable, no secret."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def _data_version(folder: Path) -> str | None:
    try:
        return (folder / "PG_VERSION").read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        return None


def _socket_folder(data_dir: Path, commands: PostgresCommands) -> Path:
    """A folder that only we may enter, with a path short enough for a unix socket."""
    folder = data_dir / "postgres.socket"
    if len(os.fsencode(folder / SOCKET_NAME)) > SOCKET_PATH_BYTES_MAX:
        digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
        folder = Path(tempfile.gettempdir()) / f"velaria-{os.geteuid()}-{digest}"
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    # In a shared folder anyone may have made that name before us.
    ours = found.st_uid in (os.geteuid(), commands.owner_uid)
    if not ours or not stat.S_ISDIR(found.st_mode):
        raise history_unavailable(f"the socket's folder is not ours: {folder.name}")
    folder.chmod(0o700)
    commands.give(folder)
    return folder


def _end_old_postgres(folder: Path) -> None:
    """Wait for a PostgreSQL that a killed server left on this folder, and help it to end.

    It has had its interrupt from the kernel when its server died, so mostly there is no need.
    """
    started_at = time.monotonic()
    remedies = [
        (0.0, signal.SIGCONT),
        (1.0, signal.SIGINT),
        (4.0, signal.SIGQUIT),
        (6.0, signal.SIGKILL),
    ]
    while pids := _processes_on(folder):
        waited_s = time.monotonic() - started_at
        if waited_s > OLD_POSTGRES_S_MAX:
            raise history_unavailable("an earlier Postgres on the data directory does not end")
        if remedies and waited_s >= remedies[0][0]:
            _signal_all(pids, remedies.pop(0)[1])
        time.sleep(_POLL_S)


def _processes_on(folder: Path) -> list[int]:
    """All processes of a PostgreSQL on this folder, orphans too: each works in its data folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if os.readlink(entry / "cwd") == str(folder):
                    found.append(int(entry.name))
    return found


def _signal_all(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
