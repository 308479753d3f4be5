"""The journal: records that Postgres has not taken yet, as Arrow IPC streams in the data directory.

A file is written by one process, sealed, replayed whole and then deleted. A process that dies
between replay and deletion leaves a file that is replayed again, which changes nothing: (run_id,
seq) names a record. Each batch is handed to the operating system at once, so it outlives the
process; it is not forced to disk, so the last ones may not outlive the machine.
"""

import contextlib
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from velaria.control.errors import bad_data_dir
from velaria.control.records import ARROW_SCHEMA, Record, from_arrow, to_arrow
from velaria.control.uuid7 import Uuid7Source

FILE_BYTES_MAX = 64 << 20
JOURNAL_BYTES_MAX = 2 << 30


class JournalFull(OSError):
    """The journal has reached its limit."""


class Journal:
    """Appends batches and gives them back by file, oldest first. Any thread may call it."""

    def __init__(
        self, folder: Path, new_id: Uuid7Source, bytes_max: int = JOURNAL_BYTES_MAX
    ) -> None:
        """VEL1007 for a folder that cannot be made or read."""
        self._folder = folder
        self._new_id = new_id
        self._bytes_max = bytes_max
        self._lock = threading.Lock()
        self._open: _OpenFile | None = None
        # Names are version 7 ids: their order is the order of writing, also across processes.
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._sealed = sorted(folder.glob("*.arrows"))
            self._sealed_bytes = sum(path.stat().st_size for path in self._sealed)
        except OSError as fault:
            raise bad_data_dir(f"the journal cannot be used: {folder}", fault) from None

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits for replay. Takes no lock: callers ask it while another thread
        writes to disk.
        """
        return self._open is None and not self._sealed

    @property
    def byte_count(self) -> int:
        with self._lock:
            return self._sealed_bytes + (self._open.byte_count if self._open else 0)

    def append(self, records: Sequence[Record]) -> None:
        """Write the records as one batch. Raises OSError, having written none of them, when the
        disk refuses.
        """
        batch = to_arrow(records)
        with self._lock:
            if self._sealed_bytes + (self._open.byte_count if self._open else 0) >= self._bytes_max:
                raise JournalFull(f"journal is at its limit: bytes_max={self._bytes_max}")
            if self._open is None:
                self._open = _OpenFile(self._folder / f"{self._new_id()}.arrows")
            try:
                self._open.write(batch)
            except OSError:
                # The file may end in half a batch. What stands before it is still read.
                self._seal()
                raise
            if self._open.byte_count >= FILE_BYTES_MAX:
                self._seal()

    def seal(self) -> None:
        """Close the file being written, so that replay sees it. The next append opens another."""
        with self._lock:
            self._seal()

    def sealed(self) -> list[Path]:
        """The files ready for replay, oldest first."""
        with self._lock:
            return list(self._sealed)

    def forget(self, path: Path) -> None:
        """Delete a replayed file."""
        with self._lock:
            self._drop(path)
            path.unlink(missing_ok=True)

    def set_aside(self, path: Path) -> Path:
        """Keep a damaged file under a name that no replay looks at; returns that name."""
        aside = path.with_suffix(".damaged")
        with self._lock:
            self._drop(path)
            path.rename(aside)
        return aside

    def _drop(self, path: Path) -> None:
        self._sealed.remove(path)
        self._sealed_bytes -= path.stat().st_size

    def _seal(self) -> None:
        if self._open is None:
            return
        opened, self._open = self._open, None
        opened.close()
        self._sealed.append(opened.path)
        self._sealed_bytes += opened.path.stat().st_size


class DamagedJournal(Exception):
    """A journal file ends early or does not decode. What stood before the fault was given out."""


def read_batches(path: Path) -> Iterator[list[Record]]:
    """The file's batches in order. Raises DamagedJournal at the first one that is not whole, and
    OSError for a file that cannot be opened, as when the process has too many open."""
    with pa.OSFile(str(path), "rb") as file:
        try:
            with pa.ipc.open_stream(file) as reader:
                if not reader.schema.equals(ARROW_SCHEMA):
                    raise DamagedJournal(f"journal file has another schema: {path.name}")
                for batch in reader:
                    batch.validate(full=True)
                    yield from_arrow(batch)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise DamagedJournal(f"journal file ends early or is damaged: {path.name}") from error


class _OpenFile:
    """The file being written. Arrow's own file sink writes every byte or raises, and keeps none
    back.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._sink = pa.OSFile(str(path), "wb")
        try:
            self._writer = pa.ipc.new_stream(self._sink, ARROW_SCHEMA)
        except OSError:
            self._sink.close()
            path.unlink(missing_ok=True)
            raise

    @property
    def byte_count(self) -> int:
        return int(self._sink.tell())

    def write(self, batch: pa.RecordBatch) -> None:
        self._writer.write_batch(batch)

    def close(self) -> None:
        """Close without raising: the reader does not miss an end mark that found no room on the
        disk.
        """
        with contextlib.suppress(OSError):
            self._writer.close()
        self._sink.close()
