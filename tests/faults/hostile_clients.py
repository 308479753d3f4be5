"""Clients that mean no good, as processes of their own: `python hostile_clients.py KIND URI COUNT`.

Each prints one line when its clients are in place, and stays until its stdin ends.
"""

import sys
import threading

import numpy as np
import pyarrow as pa
import pyarrow.flight as flight

BOMB_BYTES = 1 << 30  # packed: some 30 KB of one gRPC message
ENDLESS = b"SELECT l.n, r.n AS m FROM hostile_n l CROSS JOIN hostile_n r"
NUMBERS = pa.table({"n": pa.array(range(1000), pa.int64())})


def connect(uri: str) -> flight.FlightClient:
    """A connection of its own; gRPC would share one among clients of the same options."""
    number = connect.count = getattr(connect, "count", 0) + 1  # type: ignore[attr-defined]
    return flight.FlightClient(uri, generic_options=[("grpc.primary_user_agent", f"c{number}")])


def code_of(fault: Exception) -> str:
    text = str(fault)
    return text[text.index("VEL") :][:7] if "VEL" in text else text


def bombs(uri: str, count: int) -> list[object]:
    """Batches of zeros, sent all at once and each again until it was refused or taken."""
    zeros = pa.record_batch({"n": pa.array(np.zeros(BOMB_BYTES // 8, "int64"))})
    packed = flight.FlightCallOptions(write_options=pa.ipc.IpcWriteOptions(compression="zstd"))
    told: list[str] = []

    def throw(number: int) -> None:
        path = flight.FlightDescriptor.for_path(f"hostile_bomb_{number}")
        try:
            writer, _ = connect(uri).do_put(path, zeros.schema, packed)
            writer.write_batch(zeros)
            writer.close()
            told.append("taken")
        except (pa.ArrowException, OSError) as fault:
            told.append(code_of(fault))

    throwers = [threading.Thread(target=throw, args=(number,)) for number in range(count)]
    for thrower in throwers:
        thrower.start()
    for thrower in throwers:
        thrower.join()
    print("told", *sorted(set(told)), flush=True)
    return []


def silent_puts(uri: str, count: int) -> list[object]:
    kept: list[object] = []
    for number in range(count):
        client = connect(uri) if number % 10 == 0 else kept[-1][0]  # type: ignore[index]
        path = flight.FlightDescriptor.for_path(f"hostile_put_{number}")
        writer, _ = client.do_put(path, NUMBERS.schema)
        writer.write_table(NUMBERS)
        kept.append((client, writer))
    return kept


def slow_readers(uri: str, count: int) -> list[object]:
    kept: list[object] = []
    for _ in range(count):
        client = connect(uri)
        try:
            reader = client.do_get(flight.Ticket(ENDLESS))
            reader.read_chunk()
            kept.append((client, reader))
        except (pa.ArrowException, OSError) as fault:
            print("told", code_of(fault), flush=True)
    return kept


def visitors(uri: str, count: int) -> list[object]:
    """Clients that have connected and asked, and are still there when this process is killed."""
    kept: list[object] = []
    for _ in range(count):
        client = connect(uri)
        client.do_get(flight.Ticket(b"SELECT count(*) FROM hostile_n")).read_all()
        kept.append(client)
    return kept


KINDS = {
    "bombs": bombs,
    "silent_puts": silent_puts,
    "slow_readers": slow_readers,
    "visitors": visitors,
}

if __name__ == "__main__":
    kept = KINDS[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
    print("in place", flush=True)
    sys.stdin.read()
