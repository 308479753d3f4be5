"""A database in this process: the kernel's session under the names that Python users know."""

import itertools
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self, TypeAlias

import pyarrow as pa

from velaria import _kernel
from velaria.connection import Connection
from velaria.dataframe import DataFrame
from velaria.sql_text import quoted_name, quoted_text
from velaria.streaming import StreamingDataFrame, StreamingQuery

ArrowData: TypeAlias = "_kernel.ArrowStreamable | pa.RecordBatch | Iterable[pa.RecordBatch]"


_MADE_INDEX = re.compile(r"__index_level_\d+__")


class Session:
    """One database. Two sessions share nothing; tables live in memory and end with the session.

    Statements go through a connection of the session's own, so that BEGIN holds for the calls after
    it; `connect` makes further ones. `put` and the methods that take Arrow data commit at once,
    whatever transaction is open.
    """

    def __init__(
        self,
        *,
        threads: int | None = None,
        allowed_roots: Sequence[str | os.PathLike[str]] | None = None,
        memory_limit_bytes: int | None = None,
    ) -> None:
        if isinstance(allowed_roots, str | os.PathLike):
            raise TypeError(f"allowed_roots is a list of folders, not one: {allowed_roots}")
        roots = None if allowed_roots is None else [os.fspath(root) for root in allowed_roots]
        self._kernel = _kernel.Session(
            threads=threads, allowed_roots=roots, memory_limit_bytes=memory_limit_bytes
        )
        self._connection = self._kernel.connect()
        self._made_names = itertools.count(1)

    def connect(self) -> Connection:
        """Another connection: its transactions and temporary tables are its own."""
        return Connection(self._kernel.connect())

    def sql(
        self, text: str, params: Sequence[Any] | None = None, query_id: str | None = None
    ) -> DataFrame:
        """One statement. A SELECT runs when its frame is read; anything else runs now.

        The frame of a statement without rows has one column, rows_affected. `query_id` is what
        `cancel` knows the statement by, from another thread.
        """
        return Connection(self._connection).sql(text, params, query_id)

    def cancel(self, query_id: str) -> str:
        """End a query under way, of any connection; its state afterwards."""
        return self._kernel.cancel(query_id)

    def explain(self, text: str) -> dict[str, str]:
        """The sections logical, physical and strategy; nothing is run."""
        return self._connection.explain(text)

    def put(self, data: ArrowData, table: str, mode: str = "append") -> int:
        """Write batches to a table, validated as those of a server are; the number of rows."""
        reader = as_reader(data)
        ingest = self._kernel.ingest(table, reader.schema, mode)
        rows = sum(ingest.write(batch) for batch in reader)
        ingest.commit()
        return rows

    def probe(self, path: str | os.PathLike[str]) -> dict[str, Any]:
        """What a file seems to be: kind, final_format, score, confidence, schema,
        suggested_table_name, candidates and warnings. Advice: a reader that is named wins.
        """
        return self._kernel.probe(os.fspath(path))

    def read(self, path: str | os.PathLike[str]) -> DataFrame:
        """A file as a frame; its format is found by the kernel."""
        return DataFrame(self._connection, f"SELECT * FROM {quoted_text(os.fspath(path))}")

    def read_csv(
        self,
        path: str | os.PathLike[str],
        *,
        table: str | None = None,
        delimiter: str | None = None,
        header: bool | None = None,
    ) -> DataFrame:
        """A CSV file read as told, entered in the catalog under `table` or a made name."""
        options = {"delimiter": delimiter, "header": header}
        return self._read_using("csv", path, table, options)

    def read_line_file(
        self,
        path: str | os.PathLike[str],
        *,
        table: str | None = None,
        mode: str | None = None,
        split_delimiter: str | None = None,
        regex_pattern: str | None = None,
        mappings: Sequence[tuple[str, int]] | None = None,
        columns: Sequence[str] | None = None,
        skip_empty_lines: bool | None = None,
    ) -> DataFrame:
        """Lines split at a delimiter, or taken apart by a regular expression."""
        named = None if mappings is None else ",".join(f"{name}:{at}" for name, at in mappings)
        options = {
            "mode": mode,
            "split_delimiter": split_delimiter,
            "regex_pattern": regex_pattern,
            "mappings": named,
            "columns": None if columns is None else ",".join(columns),
            "skip_empty_lines": skip_empty_lines,
        }
        return self._read_using("line", path, table, options)

    def read_json(
        self,
        path: str | os.PathLike[str],
        *,
        table: str | None = None,
        format: str | None = None,
        columns: Sequence[str] | None = None,
    ) -> DataFrame:
        """Objects of a JSON file: lines of them, or one array; `columns` are the keys to read."""
        options = {"format": format, "columns": None if columns is None else ",".join(columns)}
        return self._read_using("json", path, table, options)

    def create_dataframe_from_arrow(self, data: ArrowData, name: str | None = None) -> DataFrame:
        """Arrow batches as a frame, not copied."""
        table = name or self._made_name("arrow")
        self._kernel.register_arrow(table, as_reader(data), replace=name is not None)
        return DataFrame(self._connection, f"SELECT * FROM {quoted_name(table)}")

    def create_stream_from_arrow(
        self, data: ArrowData, name: str | None = None
    ) -> StreamingDataFrame:
        """Arrow batches as a stream that ends with the last of them."""
        reader = as_reader(data)
        stream = name or self._made_name("stream")
        self._kernel.create_stream(stream, reader.schema)
        self.put(reader, stream)
        self._kernel.end_input(stream)
        return StreamingDataFrame(self._connection, f"SELECT * FROM {quoted_name(stream)}")

    def create_temp_view(self, name: str, frame: DataFrame | StreamingDataFrame) -> None:
        """Give a frame a name that SQL can use until the session ends."""
        self._connection.execute(f"CREATE OR REPLACE VIEW {quoted_name(name)} AS {frame.sql}")

    def stream_sql(self, text: str, params: Sequence[Any] | None = None) -> StreamingDataFrame:
        """An unbounded SELECT, not started."""
        return StreamingDataFrame(self._connection, text, params)

    def explain_stream_sql(self, text: str) -> dict[str, str]:
        """The sections logical, physical and strategy; nothing is started."""
        return self._connection.explain_stream(text)

    def start_stream_sql(
        self,
        text: str,
        name: str | None = None,
        *,
        params: Sequence[Any] | None = None,
        checkpoint_delivery_mode: str | None = None,
    ) -> StreamingQuery:
        """Start a streaming query: an unbounded SELECT, or INSERT INTO a table from one."""
        options = None
        if checkpoint_delivery_mode is not None:
            options = {"delivery_mode": checkpoint_delivery_mode}
        return StreamingQuery(self._connection, text, name, options, params).start()

    def tables(self) -> list[_kernel.TableInfo]:
        return self._kernel.tables()

    def indexes(self) -> list[_kernel.IndexInfo]:
        return self._kernel.indexes()

    def functions(self) -> list[_kernel.FunctionRow]:
        return self._kernel.functions()

    def close(self) -> None:
        self._connection.close()
        self._kernel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *fault: object) -> None:
        self.close()

    def _read_using(
        self,
        using: str,
        path: str | os.PathLike[str],
        table: str | None,
        options: Mapping[str, str | bool | None],
    ) -> DataFrame:
        """The file entered in the catalog with the options that were given."""
        said = [f"path: {quoted_text(os.fspath(path))}"]
        for key, value in options.items():
            if value is not None:
                text = str(value).lower() if isinstance(value, bool) else value
                said.append(f"{key}: {quoted_text(text)}")
        name = quoted_name(table or self._made_name(using))
        self._connection.execute(f"CREATE TABLE {name} USING {using} OPTIONS({', '.join(said)})")
        return DataFrame(self._connection, f"SELECT * FROM {name}")

    def _made_name(self, prefix: str) -> str:
        return f"__{prefix}_{next(self._made_names)}"


def as_reader(data: ArrowData) -> pa.RecordBatchReader:
    """Any Arrow data as one reader."""
    if isinstance(data, pa.RecordBatchReader):
        return data
    if isinstance(data, pa.RecordBatch):
        return pa.RecordBatchReader.from_batches(data.schema, [data])
    if isinstance(data, pa.Table):
        return data.to_reader()
    if hasattr(data, "__arrow_c_stream__"):
        return _without_made_index(pa.RecordBatchReader.from_stream(data))
    batches = list(data)
    for part in batches:
        if not isinstance(part, pa.RecordBatch):
            kind = type(part if isinstance(data, list | tuple) else data).__name__
            raise TypeError(f"a table, batches or another Arrow stream is needed, not: {kind}")
    if not batches:
        raise ValueError("there are no batches and so no schema")
    return pa.RecordBatchReader.from_batches(batches[0].schema, batches)


def _without_made_index(reader: pa.RecordBatchReader) -> pa.RecordBatchReader:
    """pandas hands an index on as a column; one without a name, as after a filter or a sort, under
    a name that it makes, which is no column of the data."""
    schema = reader.schema
    if b"pandas" not in (schema.metadata or {}):
        return reader
    kept = [name for name in schema.names if not _MADE_INDEX.fullmatch(name)]
    if len(kept) == len(schema.names) or not kept:
        return reader
    left = pa.schema([schema.field(name) for name in kept], schema.metadata)
    return pa.RecordBatchReader.from_batches(left, (batch.select(kept) for batch in reader))
