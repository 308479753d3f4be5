"""KernelWorker, the Ray actor that runs plan fragments. It holds an ordinary kernel session.

Orders come by a Ray call with the tables as Ray objects, or through the worker's own unix socket
with paths in shared memory. It never puts an object into Ray's store: what it owned would be lost
with it.
"""

import os
import socket
import threading
from collections.abc import Mapping
from typing import Any

import msgspec
import pyarrow as pa

from velaria._kernel import FragmentCancel, KernelError, Session
from velaria.experimental_actor import shared_memory
from velaria.experimental_actor.messages import Order, Outcome, Run, SocketRequest, Touch
from velaria.schemas import errors as codes
from velaria.schemas.errors import ErrorReply

_SOCKET_BACKLOG = 4


class KernelWorker:
    """One at a time runs an order; ping() and cancel() are answered meanwhile."""

    def __init__(self, socket_path: str) -> None:
        """`socket_path` is where to listen for the shared-memory transport; "" for nowhere."""
        self._session = Session(threads=1)
        # Both under the lock: an attempt is either seen as cancelled or reached by cancel().
        self._cancelled_epoch = 0
        self._under_way: tuple[int, FragmentCancel] | None = None
        self._lock = threading.Lock()
        self._one_at_a_time = threading.Lock()
        if socket_path:
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            listener.bind(socket_path)
            listener.listen(_SOCKET_BACKLOG)
            threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def pid(self) -> int:
        return os.getpid()

    def ping(self) -> None:
        """The heartbeat; the kernel holds no lock that could delay it."""

    def cancel(self, epoch: int) -> None:
        """Attempts up to this one will not begin; one that is under way ends with VEL3010."""
        with self._lock:
            self._cancelled_epoch = max(self._cancelled_epoch, epoch)
            under_way = self._under_way
        if under_way is not None and under_way[0] <= epoch:
            under_way[1].cancel()

    def run(self, order_bytes: bytes, names: list[str], *tables: pa.Table) -> tuple[bytes, bytes]:
        """(Outcome, partial state): two Ray objects, so that the JobMaster loads no partial."""
        order = msgspec.msgpack.decode(order_bytes, type=Order)
        outcome, partial = self._run(order, dict(zip(names, tables, strict=True)))
        return msgspec.msgpack.encode(outcome), partial

    def touch(self, table: pa.Table | None = None) -> int:
        """The benchmark's task."""
        return 0 if table is None else int(table.num_rows)

    def _run(self, order: Order, inputs: Mapping[str, pa.Table]) -> tuple[Outcome, bytes]:
        with self._one_at_a_time:
            error, partial = None, b""
            cancel = self._begin(order)
            try:
                partial = self._session.run_fragment(
                    order.fragment, inputs, threads=1, cancel=cancel
                )
            except KernelError as fault:
                error = _reply_of(fault)
            return Outcome(task_id=order.task_id, epoch=order.epoch, error=error), partial

    def _begin(self, order: Order) -> FragmentCancel:
        """The attempt's handle, cancelled already when cancel() came first."""
        cancel = FragmentCancel()
        with self._lock:
            self._under_way = (order.epoch, cancel)
            is_cancelled = order.epoch <= self._cancelled_epoch
        if is_cancelled:
            cancel.cancel()
        return cancel

    def _accept(self, listener: socket.socket) -> None:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        """Answer one connection until its other end closes it."""
        with connection:
            while (body := shared_memory.receive(connection)) is not None:
                request = msgspec.msgpack.decode(body, type=SocketRequest)
                shared_memory.send(connection, self._answer(request))

    def _answer(self, request: SocketRequest) -> Any:
        if isinstance(request, Touch):
            return self.touch(shared_memory.read_table(request.path) if request.path else None)
        assert isinstance(request, Run)
        return self._run_from_shared_memory(request.order)

    def _run_from_shared_memory(self, order: Order) -> Outcome:
        try:
            tables = {
                name: shared_memory.read_table(path) for name, path in order.input_paths.items()
            }
            outcome, partial = self._run(order, tables)
            if outcome.error is None:
                shared_memory.write_bytes(order.partial_path, partial)
        except (OSError, pa.ArrowException) as fault:
            error = ErrorReply(
                code=codes.LANE_UNAVAILABLE,
                message=f"the worker cannot use shared memory: {type(fault).__name__}",
                detail=str(fault),
                retry="later",
            )
            return Outcome(task_id=order.task_id, epoch=order.epoch, error=error)
        return outcome


def _reply_of(fault: KernelError) -> ErrorReply:
    return ErrorReply(
        code=fault.code,
        message=fault.message,
        detail=fault.detail,
        hint=fault.hint,
        retry=fault.retry,
        line=fault.line,
        column=fault.column,
    )
