"""Ctrl-C and cancelled tasks end the client's calls at once, and what they began on the server."""

import signal
import subprocess
import sys
from typing import Any

import pytest

import velaria
from tests.server_process import ServerProcess, until

pytestmark = pytest.mark.both_fronts

LONG = "SELECT count(*) AS n FROM generate_series(1, 100000000) a, generate_series(1, 999)"
ENDED_WITHIN_S = 30.0
"""Far more than it takes, and far less than the statements."""

WAYS = {
    "a statement": f"client.sql('CREATE TABLE given_up AS {LONG}')",
    "a whole": f"client.sql('{LONG}').to_arrow()",
    "rows": f"client.sql('{LONG}').to_rows()",
    "iteration": f"list(client.sql('{LONG}'))",
    "show": f"client.sql('{LONG}').show()",
    "put": (
        "client.put(pa.RecordBatchReader.from_batches(batch.schema,"
        " (batch for _ in iter(int, 1))), 'given_up_put')"
    ),
    "transform": (
        "client.transform(pa.RecordBatchReader.from_batches(batch.schema,"
        " (batch for _ in iter(int, 1))), 'SELECT count(*) AS n FROM input').read_all()"
    ),
}
START = """
import asyncio, sys
import pyarrow as pa
import velaria
batch = pa.record_batch({"a": list(range(100_000))})
"""
SYNC = """
with velaria.connect(sys.argv[1]) as client:
    try:
        WAY
    except KeyboardInterrupt:
        print("interrupted", client.health()["state"])
"""
ASYNC = """
async def main():
    async with await velaria.connect_async(sys.argv[1]) as client:
        async def way():
            WAY
        task = asyncio.create_task(way())
        await asyncio.to_thread(sys.stdin.readline)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            print("cancelled", (await client.health())["state"])
asyncio.run(main())
"""
ASYNC_WAYS = {
    "a statement": f"await client.sql('CREATE TABLE given_up AS {LONG}')",
    "a whole": f"await (await client.sql('{LONG}')).to_arrow()",
    "iteration": f"[batch async for batch in await client.sql('{LONG}')]",
    "put": (
        "await client.put(pa.RecordBatchReader.from_batches(batch.schema,"
        " (batch for _ in iter(int, 1))), 'given_up_put')"
    ),
}


def running(server: ServerProcess) -> list[dict[str, Any]]:
    with velaria.connect(server.uri) as beside:
        queries = beside.action("query.list")["queries"]
        return [query for query in queries if query["state"] == "running"]


def started(server: ServerProcess, script: str) -> "subprocess.Popen[str]":
    """A client's process, whose call runs on the server."""
    process = subprocess.Popen(
        [sys.executable, "-c", START + script, server.uri],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert until(lambda: len(running(server)) == 1)
    return process


@pytest.mark.parametrize("way", list(WAYS))
def test_ctrl_c_ends_a_call_that_waits(server: ServerProcess, way: str) -> None:
    process = started(server, SYNC.replace("WAY", WAYS[way]))
    try:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=ENDED_WITHIN_S)
    finally:
        process.kill()
    assert (out, err, process.returncode) == ("interrupted serving\n", "", 0)
    assert until(lambda: running(server) == [])


@pytest.mark.parametrize("way", list(ASYNC_WAYS))
def test_a_cancelled_task_ends_its_call_and_keeps_no_process(
    server: ServerProcess, way: str
) -> None:
    process = started(server, ASYNC.replace("WAY", ASYNC_WAYS[way]))
    try:
        out, err = process.communicate("cancel\n", timeout=ENDED_WITHIN_S)
    finally:
        process.kill()
    assert (out, err, process.returncode) == ("cancelled serving\n", "", 0)
    assert until(lambda: running(server) == [])
