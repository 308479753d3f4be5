"""How the shell shows results: format, file, times. Changed by backslash commands."""

import contextlib
import io
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from velaria.flight_server.client_result import Result
from velaria.flight_server.commands.output import write_result


@dataclass
class View:
    """`file` is where rows go instead of stdout."""

    fmt: str
    is_expanded: bool = False
    is_timed: bool = False
    file: Path | None = None

    def write(self, result: Result, batches: Iterable[pa.RecordBatch]) -> None:
        is_expanded = self.is_expanded and self.fmt == "table"
        with self.redirected():
            write_result(result, "expanded" if is_expanded else self.fmt, batches)

    @contextlib.contextmanager
    def redirected(self) -> Iterator[None]:
        """What is printed in the block goes to the file, after what stands there."""
        if self.file is None:
            yield
            return
        with self.file.open("ab") as raw:
            written = io.TextIOWrapper(raw, encoding="utf-8", write_through=True)
            with contextlib.redirect_stdout(written):
                yield
            written.flush()
            written.detach()

    @contextlib.contextmanager
    def timed(self) -> Iterator[None]:
        started_s = time.perf_counter()
        yield
        if self.is_timed:
            print(f"Time: {(time.perf_counter() - started_s) * 1000:.3f} ms", file=sys.stderr)
