"""Arrow streams that are damaged or break a rule, and what a kernel session does with each.

Damage is done to the bytes of valid streams, as an attacker would, because Arrow's own builders
refuse to make most of it. As a script it offers random mutants to a session and prints a tally;
the test runs it in a process of its own, so that a crash is a failed test and not its end:
`python -m tests.faults.malformed_streams SEED COUNT`.
"""

import io
import random
import struct
import sys
from collections import Counter
from collections.abc import Callable

import pyarrow as pa
from pyarrow import ipc

from velaria import KernelError, _kernel


def stream_of(batch: pa.RecordBatch, compression: str | None = None) -> bytes:
    sink = io.BytesIO()
    options = ipc.IpcWriteOptions(compression=compression)
    with ipc.new_stream(sink, batch.schema, options=options) as writer:
        writer.write_batch(batch)
    return sink.getvalue()


def message_ranges(stream: bytes) -> list[tuple[int, int, int]]:
    """Begin of the metadata, begin and end of the body of each message."""
    ranges, at = [], 0
    while at + 8 <= len(stream):
        marker, length = struct.unpack_from("<Ii", stream, at)
        if marker != 0xFFFFFFFF or length <= 0:
            break
        message = ipc.read_message(pa.BufferReader(stream[at:]))
        body = at + 8 + length
        end = body + (len(message.body) if message.body else 0)
        ranges.append((at + 8, body, end))
        at = end
    return ranges


def with_body(array: pa.Array, old: bytes, new: bytes) -> bytes:
    """A stream of one column `c` with a pattern of its batch's body exchanged."""
    return _exchanged(array, old, new, slice(1, 3))


def with_head(array: pa.Array, old: bytes, new: bytes) -> bytes:
    return _exchanged(array, old, new, slice(0, 2))


def _exchanged(array: pa.Array, old: bytes, new: bytes, part: slice) -> bytes:
    assert len(old) == len(new)
    stream = stream_of(pa.record_batch([array], names=["c"]))
    begin, end = message_ranges(stream)[-1][part]
    at = stream.index(old, begin, end)
    return stream[:at] + new + stream[at + len(old) :]


def ints(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}i", *values)


def longs(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}q", *values)


def raw_column(kind: pa.DataType, length: int, *buffers: bytes | None) -> bytes:
    """A stream of one column made of these buffers, right or wrong."""
    made = [None if data is None else pa.py_buffer(data) for data in buffers]
    array = pa.Array.from_buffers(kind, length, made, 0)
    return stream_of(pa.record_batch([array], names=["c"]))


def schema_only(schema: pa.Schema) -> bytes:
    sink = io.BytesIO()
    with ipc.new_stream(sink, schema):
        pass
    return sink.getvalue()


def nested(depth: int) -> pa.Schema:
    kind: pa.DataType = pa.int64()
    for _ in range(depth):
        kind = pa.struct([("a", kind)])
    return pa.schema([("c", kind)])


TEXTS = pa.array(["aa", "bb", "cc"])
OFFSETS = ints(0, 2, 4, 6)
LISTS = pa.array([[1], [2], [3]], pa.list_(pa.int64()))
NUMBERS = pa.array(range(777), pa.int64())
CODES = pa.array(["aa", "bb", "aa"]).dictionary_encode()
UNION = pa.UnionArray.from_dense(
    pa.array([0, 1], pa.int8()), pa.array([0, 0], pa.int32()), [pa.array([1]), pa.array(["x"])]
)

# Each is refused by Arrow's stream reader or by the gate; none may be stored.
MUST_REJECT: dict[str, Callable[[], bytes]] = {
    "text offset past the end": lambda: with_body(TEXTS, OFFSETS, ints(0, 2, 4, 1 << 30)),
    "text offset in the middle past the end": lambda: with_body(TEXTS, OFFSETS, ints(0, 2, 9, 6)),
    "text offset negative": lambda: with_body(TEXTS, OFFSETS, ints(0, -9, 4, 6)),
    "text offsets descend": lambda: with_body(TEXTS, OFFSETS, ints(0, 6, 2, 6)),
    "large text offset far": lambda: with_body(
        TEXTS.cast(pa.large_string()), longs(0, 2, 4, 6), longs(0, 2, 1 << 60, 6)
    ),
    "text not UTF-8": lambda: with_body(TEXTS, b"aabbcc", b"\xff\xfe\xc3\x28\x80\xf5"),
    "text cut inside a character": lambda: with_body(TEXTS, b"aabbcc", b"aabb\xf0\x9f"),
    "text split inside a character": lambda: with_body(TEXTS, b"aabbcc", b"a\xe2\x82\xacbb"),
    "list offset past the child": lambda: with_body(LISTS, ints(0, 1, 2, 3), ints(0, 1, 2, 99)),
    "list offset negative": lambda: with_body(LISTS, ints(0, 1, 2, 3), ints(0, -1, 2, 3)),
    "dictionary index past the end": lambda: with_body(CODES, ints(0, 1, 0), ints(0, 9, 0)),
    "dictionary index negative": lambda: with_body(CODES, ints(0, 1, 0), ints(0, -9, 0)),
    "lengths shorter than the rows": lambda: with_head(NUMBERS, longs(777 * 8), longs(8)),
    "buffer beyond the body": lambda: with_head(NUMBERS, longs(777 * 8), longs(1 << 40)),
    "more nulls than rows": lambda: with_head(NUMBERS, longs(777, 0), longs(777, 1 << 40)),
    "fewer nulls than none": lambda: with_head(NUMBERS, longs(777, 0), longs(777, -5)),
    "column longer than its batch": lambda: with_head(NUMBERS, longs(777, 0), longs(1 << 33, 0)),
    "decimal beyond its precision": lambda: raw_column(
        pa.decimal128(5, 2), 1, None, (10**30).to_bytes(16, "little")
    ),
    "date64 that is no whole day": lambda: raw_column(pa.date64(), 1, None, longs(12345)),
    "date past 9999": lambda: raw_column(pa.date32(), 1, None, ints(2_932_897)),
    "time past midnight": lambda: raw_column(pa.time32("s"), 1, None, ints(86_400)),
    "timestamp past 9999": lambda: raw_column(pa.timestamp("s"), 1, None, longs(1 << 62)),
    "timestamp before 0001": lambda: raw_column(pa.timestamp("us"), 1, None, longs(-(1 << 62))),
    "time zone that is a path": lambda: schema_only(
        pa.schema([("c", pa.timestamp("s", "../../etc/passwd"))])
    ),
    "time zone unknown": lambda: schema_only(pa.schema([("c", pa.timestamp("s", "No/Where"))])),
    "view into a missing buffer": lambda: raw_column(
        pa.string_view(), 1, None, struct.pack("<i4sii", 20, b"aaaa", 77, 0), b"a" * 32
    ),
    "view of negative size": lambda: raw_column(
        pa.string_view(), 1, None, struct.pack("<i4sii", -1, b"aaaa", 0, 0), b"a" * 32
    ),
    "union": lambda: stream_of(pa.record_batch([UNION], names=["c"])),
    "column names repeated": lambda: schema_only(pa.schema([("c", pa.int8()), ("c", pa.int8())])),
    "column name not UTF-8": lambda: schema_only(pa.schema([("name", pa.int8())])).replace(
        b"name", b"\xff\xfe\xfd\xfc"
    ),
    "columns without end": lambda: schema_only(
        pa.schema([(f"c{index}", pa.int8()) for index in range(5000)])
    ),
    "nested without end": lambda: schema_only(nested(40)),
    "stream cut in the body": lambda: stream_of(pa.record_batch([NUMBERS], names=["c"]))[:-4000],
    "stream of noise": lambda: random.Random(1).randbytes(4096),
}


def offer(session: _kernel.Session, stream: bytes, table: str) -> str:
    """How a put of the stream ends: "stored", "reader" (Arrow refused), or the kernel's code."""
    try:
        reader = ipc.open_stream(stream)
        ingest = session.ingest(table, reader.schema, "append")
        for batch in reader:
            ingest.write(batch)
    except KernelError as error:
        assert "\n" not in error.message, error.message
        return error.code
    except (pa.ArrowException, OSError, MemoryError):
        return "reader"
    return "stored"


def mutant(rng: random.Random) -> bytes:
    row_count = rng.choice([1, 3, 64, 1000])
    batch = pa.record_batch(
        {
            "id": pa.array(range(row_count), pa.int64()),
            "s": pa.array([None if i % 7 == 0 else f"v{i % 97}" for i in range(row_count)]),
            "t": pa.array([i * 1_000_000 for i in range(row_count)], pa.timestamp("us", "UTC")),
            "d": pa.array([f"k{i % 3}" for i in range(row_count)]).dictionary_encode(),
            "l": pa.array([[i] * (i % 4) for i in range(row_count)]),
        }
    )
    raw = bytearray(stream_of(batch, rng.choice([None, None, "zstd", "lz4"])))
    for _ in range(rng.choice([1, 1, 2, 4, 16])):
        at = rng.randrange(len(raw) - 8)
        how = rng.random()
        if how < 0.4:
            raw[at] ^= 1 << rng.randrange(8)
        elif how < 0.6:
            raw[at] = rng.choice([0, 127, 128, 255])
        elif how < 0.85:
            raw[at : at + 8] = longs(rng.choice([-1, 0, 8, 1 << 31, 1 << 40, 1 << 62]))
        else:
            del raw[at : at + rng.randrange(1, 64)]
    return bytes(raw)


def offer_mutants(seed: int, count: int) -> Counter[str]:
    """Offers mutants to one session and reads back what it took, so that use would crash here."""
    rng = random.Random(seed)
    session = _kernel.Session(threads=1)
    tally: Counter[str] = Counter()
    for index in range(count):
        outcome = offer(session, mutant(rng), f"m{index}")
        tally[outcome] += 1
        if outcome == "stored":
            try:
                session.execute(f"SELECT * FROM m{index} ORDER BY 1").read_all()
                session.execute(f"SELECT count(*), min(s), max(t) FROM m{index}").read_all()
            except KernelError:
                tally["stored, then a typed error"] += 1
        if f"m{index}" in {table.name for table in session.tables()}:
            session.drop(f"m{index}")
    return tally


if __name__ == "__main__":
    print(dict(offer_mutants(int(sys.argv[1]), int(sys.argv[2]))))
