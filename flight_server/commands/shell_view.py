"""How the shell shows results: format, file, times. Changed by backslash commands."""

import contextlib
import io
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from velaria.flight_server.client_result import Result
from velaria.flight_server.commands.output import (
    FILE_FORMATS,
    GATHERED_FORMATS,
    refuse_terminal,
    write_result,
)
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError


@dataclass
class View:
    """`file` is where rows go instead of stdout; `written` are the formats of what stands in each
    file, and in stdout."""

    fmt: str
    is_expanded: bool = False
    is_timed: bool = False
    file: Path | None = None
    written: dict[Path | None, set[str]] = field(default_factory=dict)

    @property
    def hides_rows(self) -> bool:
        """Whether nobody sees rows when they come."""
        return self.fmt in GATHERED_FORMATS or self.file is not None or not sys.stdout.isatty()

    def take(self, result: Result) -> None:
        """Before rows are read. VEL1001 when they cannot go where rows go; the query is ended."""
        try:
            self._claim(self.fmt)
        except VelariaError:
            result.cancel()
            raise

    def _claim(self, fmt: str) -> None:
        if self.file is None:
            refuse_terminal(fmt)
        there = self.written.setdefault(self.file, set())
        for whole in FILE_FORMATS:
            if whole in there or (whole == fmt and there):
                raise VelariaError(
                    codes.BAD_REQUEST,
                    f"a file of this format holds one result and nothing else: {whole}",
                    detail="what comes after the first is not written",
                    hint="Give each result a file of its own by \\o FILE.",
                )
        there.add(fmt)

    def to(self, file: Path | None) -> None:
        """Where rows go from now on; a file is empty then."""
        if file is not None:
            file.write_bytes(b"")
            self.written.pop(file, None)
        self.file = file

    def write(self, result: Result, batches: Iterable[pa.RecordBatch]) -> None:
        is_expanded = self.is_expanded and self.fmt == "table"
        with self._redirected():
            write_result(result, "expanded" if is_expanded else self.fmt, batches)

    @contextlib.contextmanager
    def printing(self) -> Iterator[None]:
        """What is printed in the block, for people, goes where rows go."""
        self._claim("table")
        with self._redirected():
            yield

    @contextlib.contextmanager
    def _redirected(self) -> Iterator[None]:
        """Goes after what stands in the file."""
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
