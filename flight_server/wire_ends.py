"""What a DoPut and a DoExchange read and write, by whichever front the call comes: valid until the
call's method returns."""

from collections.abc import Iterator
from typing import Protocol

import pyarrow as pa


class Chunk(Protocol):
    """A message of the client: a batch, metadata, or both."""

    @property
    def data(self) -> pa.RecordBatch | None: ...
    @property
    def app_metadata(self) -> pa.Buffer | None: ...


class ChunkReader(Protocol):
    """Raises pyarrow's errors for what cannot be decoded."""

    @property
    def schema(self) -> pa.Schema:
        """Waits for it."""

    def read_chunk(self) -> Chunk:
        """StopIteration at the end."""

    def __iter__(self) -> Iterator[Chunk]: ...
    def __next__(self) -> Chunk: ...


class ResultWriter(Protocol):
    """What a DoPut answers."""

    def write(self, metadata: bytes, /) -> None: ...


class BatchWriter(Protocol):
    """What a DoExchange answers."""

    def begin(self, schema: pa.Schema, options: pa.ipc.IpcWriteOptions | None = None) -> None: ...
    def write_batch(self, batch: pa.RecordBatch, /) -> None: ...
    def write_metadata(self, metadata: bytes, /) -> None: ...
