"""1 GB of numbers out by DoGet and in by DoPut, against a pyarrow Flight server with nothing behind
it. Both servers stand in processes of their own; CPU seconds are those of client and server.
"""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import pyarrow as pa
import pyarrow.flight as flight

from bench.answers import WrongAnswer
from bench.bare_server import KEEP, receive_all, send_bytes
from bench.case import Case, Finding, peer_ratios
from bench.data import numbers
from bench.measure import VELARIA, Contender, measure, named
from bench.processes import ProcessUnderMeasure, ServerUnderMeasure, velaria_server
from bench.setting import Setting

BYTES = 1_000_000_000
LIMIT = 1.3
BARE = "bare pyarrow"
KEEPING = "bare pyarrow, keeping"
RAW = "raw socket"
TABLE = "numbers"


def run_doget(setting: Setting) -> list[Case]:
    table = numbers(setting.rows(BYTES))
    with both_servers(setting, table) as (ours, bare):
        our_client, bare_client = connect(ours), connect(bare)
        put(our_client, table)
        ticket = flight.Ticket(f"SELECT * FROM {TABLE}".encode())
        got = our_client.do_get(ticket).read_all()
        if not got.equals(table):
            raise WrongAnswer("the table that DoGet gave is not the one that was put")
        del got
        contenders = [
            Contender(
                VELARIA,
                partial(get, our_client, ticket, table.num_rows),
                VELARIA,
                cpu_s=both(ours),
            ),
            Contender(BARE, partial(get, bare_client, ticket, table.num_rows), cpu_s=both(bare)),
            Contender(RAW, partial(get_raw, bare, table.nbytes), "floor", cpu_s=both(bare)),
        ]
        return [told("DoGet", table, contenders, setting)]


def run_doput(setting: Setting) -> list[Case]:
    """In two sizes of batch: how a body lies in memory when it leaves gRPC depends on its size."""
    tables = {
        f"DoPut, {batch_bytes >> 20} MiB batches": numbers(setting.rows(BYTES), batch_bytes)
        for batch_bytes in (1 << 20, 2 << 20)
    }
    with both_servers(setting, next(iter(tables.values()))) as (ours, bare):
        return [doput_case(name, table, ours, bare, setting) for name, table in tables.items()]


def doput_case(
    name: str,
    table: pa.Table,
    ours: ServerUnderMeasure,
    bare: ServerUnderMeasure,
    setting: Setting,
) -> Case:
    our_client, bare_client = connect(ours), connect(bare)
    contenders = [
        Contender(
            VELARIA,
            partial(put, our_client, table),
            VELARIA,
            before=partial(drop, our_client),
            cpu_s=both(ours),
        ),
        Contender(BARE, partial(put, bare_client, table), cpu_s=both(bare)),
        Contender(
            KEEPING,
            partial(put, bare_client, table, KEEP),
            "reference",
            before=lambda: list(bare_client.do_action("drop")),
            cpu_s=both(bare),
        ),
        Contender(RAW, partial(put_raw, bare, table.nbytes), "floor", cpu_s=both(bare)),
    ]
    case = told(name, table, contenders, setting)
    count = f"SELECT COUNT(*) AS n FROM {TABLE}".encode()
    (row_count,) = our_client.do_get(flight.Ticket(count)).read_all()["n"].to_pylist()
    if row_count != table.num_rows:
        raise WrongAnswer(f"rows kept of {table.num_rows} that were put: {row_count}")
    return case


@contextmanager
def both_servers(
    setting: Setting, table: pa.Table
) -> Iterator[tuple[ServerUnderMeasure, ServerUnderMeasure]]:
    with (
        velaria_server(setting.threads, "--memory", "--postgres", "none") as ours,
        ServerUnderMeasure("bench.bare_server", [str(table.nbytes)]) as bare,
    ):
        yield ours, bare


def told(name: str, table: pa.Table, contenders: list[Contender], setting: Setting) -> Case:
    timings = measure(contenders, setting.rounds)
    speed = table.nbytes / 1e9 / named(timings, VELARIA).median_wall_s
    findings = [*peer_ratios(timings, LIMIT), Finding("speed", speed, " GB/s")]
    return Case(name, f"{table.nbytes / 1e6:,.0f} MB", timings, findings)


def both(server: ProcessUnderMeasure) -> Callable[[], float]:
    """CPU seconds of this process and of the server."""
    return lambda: time.process_time() + server.cpu_s()


def connect(server: ProcessUnderMeasure, number: int = 0) -> flight.FlightClient:
    """Clients of one number share a connection, as gRPC has it; others have their own."""
    options = [("grpc.primary_user_agent", f"client-{number}")]
    return flight.FlightClient(server.ready["flight"][0], generic_options=options)


def get(client: flight.FlightClient, ticket: flight.Ticket, row_count: int) -> None:
    """Read batch by batch and keep none: the sizes of memory stay out of it."""
    rows = 0
    for chunk in client.do_get(ticket):
        rows += chunk.data.num_rows
    if rows != row_count:
        raise WrongAnswer(f"rows of {row_count}: {rows}")


def put(client: flight.FlightClient, table: pa.Table, path: str | bytes = TABLE) -> None:
    """Send batch by batch and wait until the server has said that it has all."""
    writer, replies = client.do_put(flight.FlightDescriptor.for_path(path), table.schema)
    with writer:
        for batch in table.to_batches():
            writer.write_batch(batch)
        writer.done_writing()
        replies.read()


def drop(client: flight.FlightClient, table: str = TABLE) -> None:
    client.do_get(flight.Ticket(f"DROP TABLE IF EXISTS {table}".encode())).read_all()


def get_raw(bare: ServerUnderMeasure, byte_count: int) -> None:
    with socket.create_connection(("127.0.0.1", bare.ready["raw"])) as connection:
        connection.sendall(b"G")
        received = receive_all(connection)
    if received != byte_count:
        raise WrongAnswer(f"bytes of {byte_count}: {received}")


def put_raw(bare: ServerUnderMeasure, byte_count: int) -> None:
    with socket.create_connection(("127.0.0.1", bare.ready["raw"])) as connection:
        connection.sendall(b"P")
        send_bytes(connection, byte_count)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1)
