"""Tables as Arrow IPC files in shared memory, and the socket that says that they are there.

The driver owns one folder below /dev/shm, private to its user. Whoever reads a file maps it: no
byte is copied. The folder goes when the lane ends; one whose owner was killed is swept by the next.
"""

import contextlib
import fcntl
import os
import shutil
import socket
import struct
import tempfile
from pathlib import Path
from typing import Any, Self

import msgspec
import pyarrow as pa

from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

ROOT = Path("/dev/shm")
PREFIX = "velaria-lane-"
MESSAGE_BYTES_MAX = 64 * 1024 * 1024

HEADER = struct.Struct("<I")


class OwnedFolder:
    """A new folder that is removed by close(), or, when its owner was killed, by the next owner of
    one with that prefix.
    """

    def __init__(self, root: Path, prefix: str) -> None:
        _sweep(root, prefix)
        self.path = Path(tempfile.mkdtemp(prefix=prefix, dir=root))
        self._lock = (self.path / "lock").open("w", encoding="ascii")
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def close(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *fault: object) -> None:
        self.close()


class SharedFolder(OwnedFolder):
    """A folder in shared memory for one lane process."""

    def __init__(self, root: Path = ROOT) -> None:
        if not root.is_dir():
            raise VelariaError(
                codes.LANE_UNAVAILABLE,
                f"no shared memory is mounted: {root}",
                hint="Use --transport ray-object.",
            )
        super().__init__(root, PREFIX)

    def write(self, name: str, table: pa.Table) -> str:
        """The path of the table's file. VEL5004 when shared memory is full."""
        path = self.path / name
        try:
            with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
                writer.write_table(table)
        except OSError as fault:
            raise VelariaError(
                codes.LANE_UNAVAILABLE,
                f"shared memory does not take the table; bytes: {table.nbytes}",
                detail=os.strerror(fault.errno) if fault.errno else "",
                hint="Use --transport ray-object, or give the host more shared memory.",
            ) from fault
        return str(path)

    def file_path(self, name: str) -> str:
        """Where a file of that name is, or will be."""
        return str(self.path / name)


def read_table(path: str) -> pa.Table:
    """The table, mapped; it stays valid after the file's name is gone."""
    return pa.ipc.open_file(pa.memory_map(path, "r")).read_all()


def write_bytes(path: str, data: bytes) -> None:
    """Whole or not at all: a reader never sees half a file."""
    unfinished = f"{path}.{os.getpid()}"
    Path(unfinished).write_bytes(data)
    os.replace(unfinished, path)


def send(connection: socket.socket, message: Any) -> None:
    body = msgspec.msgpack.encode(message)
    connection.sendall(HEADER.pack(len(body)) + body)


def receive(connection: socket.socket) -> bytes | None:
    """One message's body; None when the other end closed."""
    header = _receive_exactly(connection, HEADER.size)
    if header is None:
        return None
    (size,) = HEADER.unpack(header)
    if size > MESSAGE_BYTES_MAX:
        raise ValueError(f"a message on the lane's socket is too large; bytes: {size}")
    return _receive_exactly(connection, size)


def _receive_exactly(connection: socket.socket, size: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < size:
        part = connection.recv(size - len(parts))
        if not part:
            return None
        parts += part
    return bytes(parts)


def _sweep(root: Path, prefix: str) -> None:
    """Remove folders whose owner died: the kernel let go of their lock."""
    for folder in root.glob(f"{prefix}*"):
        with contextlib.suppress(OSError), (folder / "lock").open("r+", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
