"""The client's side of results in shared memory: proof of being on the host, and the mapping."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa

from velaria.schemas.sql import SharedRows


def host_token(token_file: str | None) -> str | None:
    """What the server's file holds; None on another host, or for another user."""
    if token_file is None:
        return None
    try:
        return Path(token_file).read_text("ascii")
    except (OSError, UnicodeDecodeError):
        return None


class MappedRows:
    """A result in memory that the server shares, read as a Flight stream is read. The mapping
    outlives the file, which can be released at once."""

    def __init__(self, shared: SharedRows) -> None:
        self._reader = pa.ipc.open_file(pa.memory_map(shared.path, "r"))
        self.schema = self._reader.schema

    def read_all(self) -> pa.Table:
        return self._reader.read_all()

    def __iter__(self) -> Iterator[SimpleNamespace]:
        for index in range(self._reader.num_record_batches):
            yield SimpleNamespace(data=self._reader.get_batch(index))

    def cancel(self) -> None:
        """Nothing runs any more."""
