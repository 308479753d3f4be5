"""Measures a round trip to a worker and the way of a table there, by three transports.

Each round ends with the worker's answer. `no-op` carries nothing: the control plane's cost.
`32 MB, copied in` begins with a table in this process; `32 MB, in place` with one that already lies
where the transport shares it, so that only the news of it travels. A pipe shares nothing: it has no
such row.
"""

import contextlib
import multiprocessing
import os
import socket
import statistics
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any

import msgspec
import pyarrow as pa

from velaria.experimental_actor import shared_memory
from velaria.experimental_actor.messages import Touch
from velaria.experimental_actor.shared_memory import SharedFolder
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

TABLE_BYTES = 32 * 1024 * 1024
WARM_UP_ROUNDS = 3

CONTROL_PLANE = "control_plane"
DATA_PLANE_COPY = "data_plane_copy"
DATA_PLANE_SHARED_MEMORY = "data_plane_shared_memory"

NO_OP = "no-op"
COPIED_IN = "32 MB, copied in"
IN_PLACE = "32 MB, in place"


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the benchmark's table."""

    transport: str
    task: str
    label: str
    rounds: int
    p50_us: float
    p99_us: float


class Rounds(msgspec.Struct, frozen=True, kw_only=True):
    """How often each task is measured."""

    no_op: int
    table: int


def table_to_hand_over() -> pa.Table:
    values = pa.py_buffer(os.urandom(TABLE_BYTES))
    column = pa.Array.from_buffers(pa.int64(), TABLE_BYTES // 8, [None, values])
    return pa.table({"value": column})


def measure(
    transport: str, task: str, label: str, rounds: int, once: Callable[[], int], answer: int
) -> Measured:
    """VEL9001 when a worker answers with another number of rows than it was handed."""
    times_us = []
    for _ in range(WARM_UP_ROUNDS + rounds):
        began_ns = time.perf_counter_ns()
        told = once()
        times_us.append((time.perf_counter_ns() - began_ns) / 1000)
        if told != answer:
            raise VelariaError(
                codes.INTERNAL, f"the worker counted {told} rows of a table with {answer}"
            )
    kept = times_us[WARM_UP_ROUNDS:]
    return Measured(
        transport=transport,
        task=task,
        label=label,
        rounds=rounds,
        p50_us=round(statistics.median(kept), 1),
        p99_us=round(percentile(kept, 0.99), 1),
    )


def measure_each(
    name: str, rounds: Rounds, rows: int, tasks: dict[str, Callable[[], int]]
) -> list[Measured]:
    """The tasks by their names, a copy or a place in memory answered with the table's rows."""
    labels = {
        NO_OP: (CONTROL_PLANE, rounds.no_op, 0),
        COPIED_IN: (DATA_PLANE_COPY, rounds.table, rows),
        IN_PLACE: (DATA_PLANE_SHARED_MEMORY, rounds.table, rows),
    }
    measured = []
    for task, once in tasks.items():
        label, count, answer = labels[task]
        measured.append(measure(name, task, label, count, once, answer))
    return measured


def percentile(values: list[float], share: float) -> float:
    """The smallest value that is not below `share` of all (nearest rank)."""
    ranked = sorted(values)
    rank = -(-len(ranked) * round(share * 1000) // 1000)
    return ranked[max(rank, 1) - 1]


def by_pipe(rounds: Rounds, table: pa.Table) -> list[Measured]:
    name = "multiprocessing pipe"
    with _pipe_worker() as connection:

        def ask(body: pa.Buffer | bytes) -> int:
            connection.send_bytes(body)
            return int.from_bytes(connection.recv_bytes(), "little")

        tasks: dict[str, Callable[[], int]]
        tasks = {NO_OP: lambda: ask(b""), COPIED_IN: lambda: ask(_ipc_stream(table))}
        return measure_each(name, rounds, table.num_rows, tasks)


def by_ray(ray: Any, worker: Any, rounds: Rounds, table: pa.Table) -> list[Measured]:
    name = "Ray actor call"
    placed = ray.put(table)

    def ask(*tables: Any) -> int:
        return int(ray.get(worker.touch.remote(*tables)))

    tasks: dict[str, Callable[[], int]]
    tasks = {NO_OP: ask, COPIED_IN: lambda: ask(table), IN_PLACE: lambda: ask(placed)}
    return measure_each(name, rounds, table.num_rows, tasks)


def by_socket(
    socket_path: str, folder: SharedFolder, rounds: Rounds, table: pa.Table
) -> list[Measured]:
    name = "socket and shared memory"
    placed = folder.write("in-place", table)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(socket_path)

        def ask(path: str = "") -> int:
            shared_memory.send(connection, Touch(path=path))
            body = shared_memory.receive(connection)
            if body is None:
                raise VelariaError(codes.LANE_UNAVAILABLE, "the worker closed its socket")
            return int(msgspec.msgpack.decode(body, type=int))

        tasks: dict[str, Callable[[], int]] = {
            NO_OP: ask,
            COPIED_IN: lambda: ask(folder.write("copied-in", table)),
            IN_PLACE: lambda: ask(placed),
        }
        return measure_each(name, rounds, table.num_rows, tasks)


@contextlib.contextmanager
def _pipe_worker() -> Iterator[Connection]:
    """A process at the other end of a pipe; spawned, as a fork would copy threads' locks."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_answer_pipe, args=(there,), daemon=True)
    process.start()
    there.close()
    try:
        yield here
    finally:
        here.close()
        process.join(5)
        if process.is_alive():
            process.kill()


def _answer_pipe(connection: Connection) -> None:
    """Count the rows of each table that comes, until the other end closes or dies."""
    with contextlib.suppress(EOFError, OSError):
        while True:
            body = connection.recv_bytes()
            row_count = pa.ipc.open_stream(body).read_all().num_rows if body else 0
            connection.send_bytes(row_count.to_bytes(8, "little"))


def _ipc_stream(table: pa.Table) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()
