"""`velaria lane bench`: the transports in one table, and in the run history of a server."""

import argparse
import contextlib
import os

import msgspec

import velaria
from velaria.experimental_actor import bench
from velaria.experimental_actor.bench import Measured, Rounds
from velaria.experimental_actor.output import print_table, write_json_lines
from velaria.experimental_actor.ray_cluster import private_ray
from velaria.experimental_actor.run_history import RunNotes, record_failures
from velaria.experimental_actor.shared_memory import SharedFolder

_ROUNDS_PER_TABLE = 20
"""32 MB are handed over once for so many no-ops, but at least _TABLE_ROUNDS_MIN times."""

_TABLE_ROUNDS_MIN = 5


def run(args: argparse.Namespace) -> int:
    table_rounds = max(args.rounds // _ROUNDS_PER_TABLE, _TABLE_ROUNDS_MIN)
    rounds = Rounds(no_op=args.rounds, table=table_rounds)
    with contextlib.ExitStack() as undo:
        server = (
            undo.enter_context(velaria.connect(args.server, token=os.environ.get("VELARIA_TOKEN")))
            if args.server
            else None
        )
        notes = RunNotes("bench", f"velaria lane bench --rounds {args.rounds}")
        if server is not None:
            # Fails before anything is measured when there is no such server.
            server.action("server.health")
            undo.enter_context(record_failures(notes, server))
        lines = _measure_all(rounds, notes)
        _show(lines, args.output)
        if server is not None:
            notes.send(server, "succeeded", rows=len(lines))
    return 0


def _measure_all(rounds: Rounds, notes: RunNotes) -> list[Measured]:
    table = bench.table_to_hand_over()
    with notes.stage("multiprocessing pipe"):
        lines = bench.by_pipe(rounds, table)
    with SharedFolder() as folder, contextlib.ExitStack() as open_until_measured:
        with notes.stage("start"):
            ray = open_until_measured.enter_context(private_ray(1))
            # Imported now: Ray must have seen its environment before anything is decorated.
            from velaria.experimental_actor.kernel_worker import KernelWorker

            socket_path = folder.file_path("worker.sock")
            actor = ray.remote(num_cpus=1, max_restarts=0, max_task_retries=0)(KernelWorker)
            worker = actor.remote(socket_path)
            ray.get(worker.pid.remote())
        with notes.stage("Ray actor call"):
            lines += bench.by_ray(ray, worker, rounds, table)
        with notes.stage("socket and shared memory"):
            lines += bench.by_socket(socket_path, folder, rounds, table)
    for line in lines:
        notes.event("bench.measured", **msgspec.to_builtins(line))
    return lines


def _show(lines: list[Measured], fmt: str) -> None:
    rows = [msgspec.to_builtins(line) for line in lines]
    if fmt == "json":
        write_json_lines(rows)
    else:
        print_table(list(rows[0]), [[str(value) for value in row.values()] for row in rows])
