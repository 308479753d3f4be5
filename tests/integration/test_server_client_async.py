"""The client for asyncio: the same answers, awaited, and several at once."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pyarrow as pa
import pytest

import velaria
from tests.server_process import ServerProcess, until
from velaria.flight_server.client_async import AsyncClient
from velaria.schemas.errors import VelariaError

pytestmark = pytest.mark.both_fronts

LONG = "SELECT count(*) AS n FROM generate_series(1, 100000000) a, generate_series(1, 999)"


def run(server: ServerProcess, steps: Callable[[AsyncClient], Awaitable[Any]]) -> Any:
    async def whole() -> Any:
        async with await velaria.connect_async(server.uri) as ours:
            return await steps(ours)

    return asyncio.run(whole())


def test_statements_puts_and_batches_are_awaited(server: ServerProcess) -> None:
    async def steps(ours: AsyncClient) -> tuple[Any, ...]:
        put = await ours.put(pa.table({"a": [1, 2, 3]}), "async_t")
        result = await ours.sql("SELECT a FROM async_t ORDER BY a", batch_rows=1)
        assert (result.has_rows, result.schema.names) == (True, ["a"])
        batches = [batch.num_rows async for batch in result]
        whole = await (await ours.sql("SELECT ? AS p", [7])).to_arrow()
        return put, batches, whole.to_pydict()

    assert run(server, steps) == (3, [1, 1, 1], {"p": [7]})


def test_errors_are_those_of_the_client(server: ServerProcess) -> None:
    async def steps(ours: AsyncClient) -> None:
        await ours.sql("SELECT nope")

    with pytest.raises(VelariaError) as caught:
        run(server, steps)
    assert (caught.value.code, caught.value.caret) == ("VEL2012", "SELECT nope\n       ^")


def test_calls_run_beside_each_other(server: ServerProcess) -> None:
    async def steps(ours: AsyncClient) -> list[Any]:
        results = await asyncio.gather(*(ours.sql(f"SELECT {n} AS n") for n in range(20)))
        return [await result.to_rows() for result in results]

    assert run(server, steps) == [[(n,)] for n in range(20)]


def test_a_cancelled_task_cancels_its_statement(server: ServerProcess) -> None:
    sql = f"CREATE TABLE async_long AS {LONG}"

    with velaria.connect(server.uri) as beside:

        def state() -> str | None:
            found = [q["state"] for q in beside.action("query.list")["queries"] if q["sql"] == sql]
            return found[-1] if found else None

        async def steps(ours: AsyncClient) -> None:
            task = asyncio.create_task(ours.sql(sql))
            while state() != "running":
                await asyncio.sleep(0.02)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        run(server, steps)
        assert until(lambda: state() == "cancelled")


def test_a_subscription_is_iterated(server: ServerProcess) -> None:
    async def steps(ours: AsyncClient) -> list[int]:
        await ours.sql("CREATE STREAM async_s (a BIGINT)")
        handle = await ours.start_stream("SELECT a FROM async_s", name="async_q")
        batches = await handle.batches()

        async def read() -> list[int]:
            return [value async for batch in batches for value in batch["a"].to_pylist()]

        reading = asyncio.create_task(read())
        while not (await ours.action("stream.progress", query_id="async_q"))["subscribers"]:
            await asyncio.sleep(0.02)
        await ours.put(pa.table({"a": [1, 2]}), "async_s")
        await ours.action("stream.end_input", stream="async_s")
        return await reading

    assert run(server, steps) == [1, 2]
