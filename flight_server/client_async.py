"""The client for asyncio: the same methods, awaited. `await velaria.connect_async(uri)`.

There is one implementation. Each call of the client runs on a thread of a small pool, since gRPC's
calls hold a thread anyway; what it returns is wrapped in turn when it has calls of its own, and an
iterator becomes an asynchronous one that fetches each item on the pool.
"""

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import wait
from typing import Any, Self, Unpack

from velaria.flight_server.addresses import DEFAULT_URI
from velaria.flight_server.call_threads import CallThreads
from velaria.flight_server.client import Client, StreamHandle
from velaria.flight_server.client_result import Result
from velaria.flight_server.client_waiting import AwaitedCall, give_up
from velaria.flight_server.identity.credentials import CredentialFields

THREADS_MAX = 8

_END = object()
_stopping = CallThreads(1000, name="velaria-stop")


class AsyncTwin:
    """Any object of the client: its methods give awaitables, its other attributes stay."""

    def __init__(self, inner: Any, pool: CallThreads) -> None:
        self._inner = inner
        self._pool = pool

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not callable(found):
            return found

        @functools.wraps(found)
        async def call(*args: Any, **fields: Any) -> Any:
            return self._wrapped(await self._run(functools.partial(found, *args, **fields)))

        return call

    def __aiter__(self) -> AsyncIterator[Any]:
        return self._items(iter(self._inner))

    async def _items(self, items: Iterator[Any]) -> AsyncIterator[Any]:
        while (item := await self._run(lambda: next(items, _END))) is not _END:
            yield item

    def _wrapped(self, value: Any) -> Any:
        if isinstance(value, Result | StreamHandle):
            return AsyncTwin(value, self._pool)
        if isinstance(value, Iterator):
            return self._items(value)
        return value

    async def _run(self, call: Callable[[], Any]) -> Any:
        """A call whose awaiting is given up is ended, wherever it is: the statement, the put or
        the reading of rows on the server, too."""
        awaited = AwaitedCall()
        future = self._pool.submit(awaited.run, call)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            if not future.done():
                # Not by the pool, all of whose threads may be at calls like this one.
                def is_over(wait_s: float) -> bool:
                    return bool(wait([future], wait_s).done)

                stopping = _stopping.submit(give_up, is_over, awaited.stop)
                await asyncio.shield(asyncio.wrap_future(stopping))
            raise


class AsyncClient(AsyncTwin):
    """A Client whose calls are awaited. What an awaiting task is cancelled in is cancelled on the
    server, too. `async with` closes it.
    """

    def __init__(self, inner: Client) -> None:
        super().__init__(inner, CallThreads(THREADS_MAX, name="velaria-async"))

    async def close(self) -> None:
        await self._run(self._inner.close)
        self._pool.shutdown(wait=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *fault: object) -> None:
        await self.close()


async def connect_async(
    uri: str = DEFAULT_URI, timeout_s: float | None = None, **credentials: Unpack[CredentialFields]
) -> AsyncClient:
    """As velaria.connect; nothing is sent before the first call."""
    return AsyncClient(Client(uri, timeout_s, **credentials))
