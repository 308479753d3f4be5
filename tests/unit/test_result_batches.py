"""Batches of a result stay below 4 MiB as messages, whatever their rows are like."""

from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import ipc

from velaria._kernel import QueryResult, Session

BODY_BYTES_MAX = 4 << 20
ROWS = 70_000  # more than one morsel
LONG = 200_000  # of one value that is longer than its neighbours


@pytest.fixture
def session() -> Iterator[Session]:
    kernel_session = Session(threads=2)
    yield kernel_session
    kernel_session.close()


def bodies(batch: pa.RecordBatch) -> Iterator[int]:
    """The bytes of each message that the batch becomes, its dictionaries' included."""
    sink = pa.BufferOutputStream()
    with ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    for message in ipc.MessageReader.open_stream(sink.getvalue()):
        if message.body is not None:
            yield message.body.size


def check(result: QueryResult, row_bytes_max: int = LONG) -> pa.Table:
    batches = list(result.reader())
    for batch in batches:
        assert max(bodies(batch)) <= BODY_BYTES_MAX + row_bytes_max, batch.num_rows
    return pa.Table.from_batches(batches, schema=result.schema)


def uneven(make: Callable[[int], Any]) -> list[Any]:
    """Short values, and long ones close together at the end."""
    return [make(LONG if i > ROWS - 60 else i % 7) for i in range(ROWS)]


def text_of(length: int) -> str:
    return chr(ord("a") + length % 26) * length


def texts() -> list[str]:
    return uneven(text_of)


COLUMNS: dict[str, Callable[[], pa.Array]] = {
    "texts": lambda: pa.array(texts()),
    "large_texts": lambda: pa.array(texts(), pa.large_string()),
    "views": lambda: pa.array(texts(), pa.string_view()),
    "even_views": lambda: pa.array([f"{i:0300d}" for i in range(ROWS)], pa.string_view()),
    "blob_views": lambda: pa.array([text.encode() for text in texts()], pa.binary_view()),
    "coded": lambda: pa.array([f"{i:0300d}" for i in range(ROWS)]).dictionary_encode(),
    "few_large_values": lambda: (
        pa.array([text_of(20_000 + i) for i in range(150)])
        .dictionary_encode()
        .take(pa.array([i % 150 for i in range(ROWS)]))
    ),
    "lists": lambda: pa.array(uneven(lambda n: [n] * (n // 8)), pa.list_(pa.int64())),
    "lists_of_texts": lambda: pa.array(uneven(lambda n: ["abcdefgh"] * (n // 12))),
    "structs": lambda: pa.array([{"a": text, "b": 1} for text in texts()]),
    "nested_views": lambda: pa.array(
        [[f"{i:0300d}"] for i in range(ROWS)], pa.list_(pa.string_view())
    ),
    "maps": lambda: pa.array(uneven(lambda n: [("k", "v" * n)]), pa.map_(pa.string(), pa.string())),
}


@pytest.mark.parametrize("name", list(COLUMNS))
def test_a_batch_is_no_larger_than_a_message_may_be(session: Session, name: str) -> None:
    table = pa.table({"i": list(range(ROWS)), "c": COLUMNS[name]()})
    session.register_arrow("t", table)
    got = check(session.execute("SELECT i, c FROM t"))
    assert got.num_rows == ROWS
    assert got.column("i").combine_chunks() == table.column("i").combine_chunks()
    assert got.column("c").type == table.column("c").type
    for at in (0, 5, ROWS // 2, ROWS - 61, ROWS - 1):
        assert got.column("c")[at].as_py() == table.column("c")[at].as_py()
    part = check(session.execute("SELECT c FROM t LIMIT 100 OFFSET 65500"))
    assert part.column("c").to_pylist() == table.column("c").slice(65_500, 100).to_pylist()


def test_coded_text_that_is_written_out_stays_below_the_bound(session: Session) -> None:
    session.register_arrow("t", pa.table({"c": COLUMNS["few_large_values"]()}))
    for batch in session.execute("SELECT c FROM t WHERE length(c) < 20030").reader():
        plain = batch.column(0).cast(pa.string())
        assert plain.nbytes <= BODY_BYTES_MAX + LONG


def test_rows_that_a_change_returns_are_cut_too(session: Session) -> None:
    session.execute("CREATE TABLE target (c VARCHAR)")
    session.register_arrow("t", pa.table({"c": COLUMNS["texts"]()}))
    got = check(session.execute("INSERT INTO target SELECT c FROM t RETURNING c"))
    assert got.num_rows == ROWS


def test_numbers_come_in_large_batches(session: Session) -> None:
    session.register_arrow("t", pa.table({"a": pa.array(range(ROWS), pa.int32())}))
    sizes = [batch.num_rows for batch in session.execute("SELECT a FROM t").reader()]
    assert sizes[0] >= 65_536
