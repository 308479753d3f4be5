"""What the ledger keeps in the data directory: its lock, its identity, the journal, Postgres."""

import fcntl
import os
import shutil
import tempfile
import uuid
from pathlib import Path
from typing import IO

from velaria.control.errors import bad_postgres_setting, history_unavailable


class LedgerFolder:
    """A data directory held by this process alone until close(), or until it ends in any way.

    Without a given path it is a temporary folder, which close() deletes.
    """

    def __init__(self, data_dir: Path | None) -> None:
        self._is_temporary = data_dir is None
        if data_dir is None:
            self.path = Path(tempfile.mkdtemp(prefix="velaria-"))
        else:
            self.path = _made(data_dir)
        self._lock_file = _lock(self.path)
        self.server_id = _server_id(self.path)

    def close(self) -> None:
        """Let go. Called when nothing writes into the folder any more."""
        if self._is_temporary:
            shutil.rmtree(self.path, ignore_errors=True)
        self._lock_file.close()


def _made(data_dir: Path) -> Path:
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise bad_postgres_setting(f"the data directory cannot be made: {reason}") from error
    return data_dir.resolve()


def _lock(folder: Path) -> IO[str]:
    lock_file = (folder / "ledger.lock").open("w", encoding="ascii")
    try:
        fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock_file.close()
        raise history_unavailable(
            f"another server uses the data directory: {folder.name}",
            "End that server first, or choose another --data-dir.",
        ) from None
    return lock_file


def _server_id(folder: Path) -> uuid.UUID:
    """The id that this folder has kept since it was first used."""
    path = folder / "server_id"
    if path.exists():
        return uuid.UUID(path.read_text(encoding="ascii").strip())
    server_id = uuid.uuid4()
    making = path.with_suffix(".making")
    making.write_text(f"{server_id}\n", encoding="ascii")
    making.replace(path)
    return server_id
