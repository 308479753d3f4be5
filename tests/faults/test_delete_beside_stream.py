"""DELETE and a stream's INSERT into one table at the same time, on one thread."""

import subprocess
import sys

DEADLINE_S = 120

SIDE_BY_SIDE = """
import threading, pyarrow as pa
from velaria import _kernel

BATCHES, ROWS = 300, 500
session = _kernel.Session(threads=1)
session.execute("CREATE STREAM s(a BIGINT)")
session.execute("CREATE TABLE t(a BIGINT)")
session.execute("INSERT INTO t SELECT -1 - x.a FROM (VALUES (1)) x(a)")
session.execute("INSERT INTO t SELECT a FROM s")
batch = pa.record_batch({"a": pa.array(range(ROWS), pa.int64())})

def put():
    ingest = session.ingest("s", batch.schema)
    for _ in range(BATCHES):
        ingest.write(batch)
    session.end_input("s")

deleted = []
def delete():
    while not over.is_set():
        deleted.append(session.execute("DELETE FROM t WHERE a >= 0").rows_affected)

over = threading.Event()
putter = threading.Thread(target=put)
deleters = [threading.Thread(target=delete) for _ in range(2)]
for thread in [putter, *deleters]:
    thread.start()
putter.join()
(query,) = session.streaming_queries()
assert query.await_termination(60_000)
over.set()
for thread in deleters:
    thread.join()
deleted.append(session.execute("DELETE FROM t WHERE a >= 0").rows_affected)
left = session.execute("SELECT a FROM t").read_all()["a"].to_pylist()
assert left == [-2], left[:5]
# No row is counted by two of them.
assert sum(deleted) == BATCHES * ROWS, sum(deleted)
session.close()
"""


def test_they_wait_for_nothing_of_each_other() -> None:
    """In a process of its own: a deadlock ends with the deadline."""
    done = subprocess.run(
        [sys.executable, "-c", SIDE_BY_SIDE],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
