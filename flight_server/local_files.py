"""Files of the client's machine, read by a kernel in this process as SQL reads them on a server."""

import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from velaria import _kernel
from velaria.flight_server.errors import as_velaria_error
from velaria.flight_server.pulling import pulled
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError
from velaria.sql_text import quoted_name, quoted_text

FILE_IO = "VEL4003"

_TEXT_READERS = {"csv": "read_csv", "json": "read_json"}
"""The readers that are told types, by the kind that the kernel finds a file to be."""

_TYPES = re.compile(r"\s*types\s*:=", re.IGNORECASE)


class FileFault(VelariaError):
    """A file turns out to be damaged while it is read. Rows before the fault were handed out."""


def open_file(
    session: _kernel.Session,
    path: Path,
    target: pa.Schema | None = None,
    options: Sequence[str] = (),
) -> pa.RecordBatchReader:
    """Batches of a local file as the kernel reads them, while it reads them. VelariaError for one
    that cannot be opened; the reader raises FileFault. `options` are written as SQL's readers of
    text take them ("nullstr := 'NA'"); with types among them those of the target do not count.
    """
    try:
        is_file = stat.S_ISREG(path.stat().st_mode)
    except OSError as fault:
        raise VelariaError(
            FILE_IO, f"the file cannot be read: {path}", detail=fault.strerror or ""
        ) from fault
    if not is_file:
        raise VelariaError(FILE_IO, f"not a file: {path}")
    with _unplaced(VelariaError):
        result = session.execute(_reading(session, path, target, options))
    return pa.RecordBatchReader.from_batches(result.schema, _batches(result))


def _batches(result: _kernel.QueryResult) -> Iterator[pa.RecordBatch]:
    with _unplaced(FileFault):
        yield from pulled(result)


@contextmanager
def _unplaced(kind: type[VelariaError]) -> Iterator[None]:
    """The kernel's failures without their place: nobody has typed the statement that it is in."""
    try:
        yield
    except _kernel.KernelError as fault:
        told = as_velaria_error(fault)
        raise kind(
            told.code, told.message, detail=told.detail, hint=told.hint, retry=told.retry
        ) from fault


def _reading(
    session: _kernel.Session, path: Path, target: pa.Schema | None, options: Sequence[str]
) -> str:
    """The SELECT over the file. What text cannot be read as at once, like lists, is cast."""
    file = quoted_text(str(path))
    if target is None and not options:
        return f"SELECT * FROM {file}"
    kind = session.probe(str(path))["kind"]
    reader = _TEXT_READERS.get(kind)
    if reader is None and options:
        raise VelariaError(
            codes.BAD_REQUEST, f"files of this kind are read without options: {kind}"
        )
    if reader is None:
        return f"SELECT * FROM {file}"
    if target is None or any(_TYPES.match(option) for option in options):
        return f"SELECT * FROM {reader}({', '.join([file, *options])})"
    found = session.describe(f"SELECT * FROM {reader}({', '.join([file, *options])})").schema
    assert found is not None
    types = {name: kind for name, kind in _sql_types(session, target) if name in found.names}
    cast = {name for name in types if _is_cast(target.field(name).type)}
    told = ", ".join(
        f"{quoted_text(name)}: {quoted_text(kind)}"
        for name, kind in types.items()
        if name not in cast
    )
    columns = ", ".join(
        f"CAST({quoted_name(name)} AS {types[name]}) AS {quoted_name(name)}"
        if name in cast
        else quoted_name(name)
        for name in found.names
    )
    arguments = [file, *options, *([f"types := {{{told}}}"] if told else [])]
    return f"SELECT {columns} FROM {reader}({', '.join(arguments)})"


def _is_cast(kind: pa.DataType) -> bool:
    return bool(pa.types.is_nested(kind) or pa.types.is_interval(kind))


def _sql_types(session: _kernel.Session, schema: pa.Schema) -> list[tuple[str, str]]:
    """The names that SQL has for the types, said by the kernel itself."""
    session.register_arrow("target", schema.empty_table(), replace=True)
    told = session.execute("DESCRIBE target").read_all()
    return list(zip(schema.names, told["column_type"].to_pylist(), strict=True))
