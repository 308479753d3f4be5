"""Statements take turns on the kernel's threads, however much one of them has to do."""

import contextlib
import threading

import pyarrow as pa

from velaria import _kernel

LONG = "SELECT count(*) FROM few, many WHERE (few.a * many.a) % 1000003 = 17"


def test_one_chunk_that_joins_with_many_rows_lets_others_run() -> None:
    session = _kernel.Session(threads=1)
    session.register_arrow("few", pa.table({"a": range(2_000)}))
    session.register_arrow("many", pa.table({"a": range(1_000_000)}))
    joined = session.execute(LONG)  # 2,000 million pairs of one chunk
    reading = threading.Thread(target=read_to_the_end, args=(joined.reader(),))
    reading.start()
    while joined.state == "created":
        pass
    assert session.execute("SELECT 1").read_all().num_rows == 1
    assert joined.state == "running"
    joined.cancel()
    reading.join()
    session.close()


def read_to_the_end(reader: pa.RecordBatchReader) -> None:
    with contextlib.suppress(pa.ArrowException, OSError):
        reader.read_all()
