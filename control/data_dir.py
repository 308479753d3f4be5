"""What the ledger keeps in the data directory: its lock, its identity, the journal, Postgres."""

import fcntl
import os
import shutil
import tempfile
import uuid
from pathlib import Path
from typing import IO

from velaria.control.errors import LedgerError, bad_data_dir, history_unavailable


class LedgerFolder:
    """A data directory held by this process alone until close(), or until it ends in any way.

    Without a given path it is a temporary folder, which close() deletes.
    """

    def __init__(self, data_dir: Path | None) -> None:
        self._is_temporary = data_dir is None
        if data_dir is None:
            self.path = Path(tempfile.mkdtemp(prefix="velaria-"))
        else:
            self.path = make_data_dir(data_dir)
        self._lock_file = _lock(self.path)
        try:
            self.server_id = _server_id(self.path)
        except LedgerError:
            self._lock_file.close()
            raise

    def close(self) -> None:
        """Let go. Called when nothing writes into the folder any more."""
        if self._is_temporary:
            shutil.rmtree(self.path, ignore_errors=True)
        self._lock_file.close()


def make_data_dir(asked: Path) -> Path:
    """The folder, made where it is not there, for its owner alone. VEL1007 when it cannot be."""
    try:
        asked.mkdir(mode=0o700, parents=True, exist_ok=True)
        return asked.resolve()
    except FileExistsError:
        raise bad_data_dir(f"the data directory is a file: {asked}") from None
    except OSError as fault:
        raise bad_data_dir(f"the data directory cannot be made: {asked}", fault) from None


def open_lock(folder: Path, name: str) -> IO[str] | None:
    """The file of that name, locked until it is closed; None when another process has it. VEL1007
    when it cannot be made."""
    try:
        file = (folder / name).open("w", encoding="ascii")
    except OSError as fault:
        raise bad_data_dir(f"the data directory cannot be written: {folder}", fault) from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file


def _lock(folder: Path) -> IO[str]:
    lock_file = open_lock(folder, "ledger.lock")
    if lock_file is None:
        raise history_unavailable(
            f"another server uses the data directory: {folder.name}",
            "End that server first, or choose another --data-dir.",
        )
    return lock_file


def _server_id(folder: Path) -> uuid.UUID:
    """The id that this folder has kept since it was first used. VEL1007 for one that is damaged: a
    new one would leave the runs of the old one without an end."""
    path = folder / "server_id"
    try:
        if path.exists():
            return uuid.UUID(path.read_text(encoding="ascii").strip())
        server_id = uuid.uuid4()
        making = path.with_suffix(".making")
        with making.open("w", encoding="ascii") as file:
            file.write(f"{server_id}\n")
            file.flush()
            os.fsync(file.fileno())
        making.replace(path)
    except OSError as fault:
        raise bad_data_dir(f"a file of the data directory cannot be used: {path}", fault) from None
    except ValueError:
        raise bad_data_dir(
            f"a file of the data directory is damaged: {path}",
            hint="Put it back from a copy: one line with a UUID, which the records of this server"
            " carry. Without it the server begins under a new one.",
        ) from None
    return server_id
