"""Results for clients on the server's host: Arrow files in memory that they map instead of reading
a stream.

The folder is the server's own and open to its user alone, so who can read the token file in it may
map what lies beside it. A file is freed by its client's release, or when its lease is over; who has
mapped it keeps it until then by itself. A folder that a killed server left is removed by the next.
"""

import hmac
import os
import secrets
import shutil
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from velaria.flight_server.call_context import caller
from velaria.flight_server.limits.shares import Holding, Shares
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError
from velaria.schemas.sql import SharedRows

if TYPE_CHECKING:
    from velaria.flight_server.limits.limits import Limits

SHARED_MEMORY = "shared-memory"
MEMORY_FOLDER = Path("/dev/shm")
LEASE_S = 60.0

_PREFIX = "velaria-results-"


@dataclass
class _File:
    path: Path
    byte_count: int
    ends_s: float  # by the watchdog's clock
    holding: Holding
    owner: str | None


class SharedResults:
    """All files under lease, by query id, as many as limits.results_open and of each client its
    share. Without a memory-backed folder nothing is offered. The watchdog ends the leases."""

    def __init__(
        self,
        limits: "Limits",
        memory_folder: Path = MEMORY_FOLDER,
        lease_s: float = LEASE_S,
    ) -> None:
        self._limits = limits
        self._lease_s = lease_s
        self._lock = threading.Lock()
        self._files: OrderedDict[str, _File] = OrderedDict()  # the first lease to end first
        self._held = Shares("results are in shared memory")
        self._byte_count = 0  # of the files under lease and those being written
        self._token = secrets.token_hex(16)
        self._folder: Path | None = None
        with suppress(OSError):
            self._folder = _made_folder(memory_folder)
            (self._folder / "token").write_text(self._token, encoding="ascii")

    @property
    def token_file(self) -> str | None:
        return str(self._folder / "token") if self._folder else None

    def check_host(self, token: str | None) -> None:
        """VEL1010 unless the client has read the token file; VEL1008 when there is none."""
        if self._folder is None:
            raise VelariaError(
                codes.UNSUPPORTED_REQUEST,
                "results in shared memory are not offered by this server",
                hint="Leave transport out; the host has no folder in memory.",
            )
        if not hmac.compare_digest((token or "").encode(), self._token.encode()):
            raise VelariaError(
                codes.NOT_PERMITTED,
                "the client has not shown that it is on the server's host",
                hint="Send what the file holds that server.info names in host_token_file.",
            )

    def write(
        self, query_id: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]
    ) -> SharedRows | None:
        """The file of the rows; None, and nothing is left, when they do not fit, when there are too
        many files, when none can be opened, or when an earlier query of that id has one still."""
        assert self._folder is not None
        with self._lock:
            if query_id in self._files:
                return None
        client = caller()
        try:
            holding = self._held.enter(
                client.holder, self._limits.count_max("results"), self._limits.share()
            )
        except VelariaError:
            return None
        path = self._folder / f"{secrets.token_hex(16)}.arrow"
        try:
            opened = pa.OSFile(str(path), "wb")
        except OSError:
            self._give_back(0, path, holding)
            return None
        taken = row_count = 0
        is_written = False
        try:
            with opened as file, pa.ipc.new_file(file, schema) as writer:
                for batch in batches:
                    if not self._take(batch.nbytes):
                        return None
                    taken += batch.nbytes
                    writer.write_batch(batch)
                    row_count += batch.num_rows
            is_written = True
        finally:
            if not is_written:
                self._give_back(taken, path, holding)
        with self._lock:
            ends_s = self._limits.watchdog.clock_s() + self._lease_s
            self._files[query_id] = _File(path, taken, ends_s, holding, client.name)
            self._limits.watchdog.watch(self)
        return SharedRows(
            path=str(path),
            byte_count=path.stat().st_size,
            row_count=row_count,
            lease_ms=int(self._lease_s * 1000),
        )

    def look(self, now_s: float) -> None:
        """Free what nobody has released in its time."""
        with self._lock:
            ended = list(
                takewhile(lambda query_id: self._files[query_id].ends_s <= now_s, self._files)
            )
        for query_id in ended:
            self._free(query_id)

    def release(self, query_id: str) -> None:
        """Nothing happens when it is gone already, or is of another principal."""
        with self._lock:
            file = self._files.get(query_id)
        if file is not None and caller().owns(file.owner):
            self._free(query_id)

    def _free(self, query_id: str) -> None:
        with self._lock:
            file = self._files.pop(query_id, None)
            if not self._files:
                self._limits.watchdog.drop(self)
        if file is not None:
            self._give_back(file.byte_count, file.path, file.holding)

    def byte_count(self) -> int:
        with self._lock:
            return self._byte_count

    def close(self) -> None:
        with self._lock:
            query_ids = list(self._files)
        for query_id in query_ids:
            self._free(query_id)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _take(self, byte_count: int) -> bool:
        assert self._folder is not None
        bytes_max = self._limits.shared_bytes_max()
        space = os.statvfs(self._folder)
        with self._lock:
            fits = byte_count <= space.f_bavail * space.f_frsize // 2
            if not fits or self._byte_count + byte_count > bytes_max:
                return False
            self._byte_count += byte_count
            return True

    def _give_back(self, byte_count: int, path: Path, holding: Holding) -> None:
        path.unlink(missing_ok=True)
        holding.leave()
        with self._lock:
            self._byte_count -= byte_count


def _made_folder(memory_folder: Path) -> Path:
    """A new folder of mode 0700; those of this user's servers that have died are removed."""
    for old in memory_folder.glob(f"{_PREFIX}*"):
        pid = old.name.removeprefix(_PREFIX).split("-")[0]
        with suppress(FileNotFoundError):  # another server may be removing it
            is_left = pid.isdecimal() and not Path("/proc", pid).exists()
            if is_left and old.stat().st_uid == os.getuid():
                shutil.rmtree(old, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=memory_folder))
