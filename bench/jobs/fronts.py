"""The same server through each of its fronts: small calls, 1 GB out and in, and what a refused
request of 512 MB costs in memory.

Each front serves in a process of its own. A bare pyarrow server stands beside them where there is
one for the job.
"""

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import grpc
import msgspec
import pyarrow as pa
import pyarrow.flight as flight

from bench.asking import Ask, by_adbc
from bench.bare_server import KEEP
from bench.case import Case, Finding
from bench.data import numbers
from bench.jobs.flight_bytes import BARE, BYTES, TABLE, both, connect, drop, get, put
from bench.measure import Contender, measure, named
from bench.processes import ProcessUnderMeasure, ServerUnderMeasure, velaria_server
from bench.roapi_server import RoapiServer, find_roapi
from bench.setting import ROOT, Setting
from velaria.flight_server.grpc_front.wire import BODY, DESCRIPTOR, HEADER, field

FRONTS = ("native", "grpcio")
IN_CPP = "bare C++"
CANNED = "native front, canned answers"
ROAPI = "roapi"
CALLS = 500
LOOKUP_ROWS = 100_000
REFUSED_BYTES = 512 << 20
SMALL_BYTES = 1 << 20
REFUSED_MB_MAX = 32.0
SERVICE = "/arrow.flight.protocol.FlightService/"


def run_fronts(setting: Setting) -> Iterator[Case]:
    with fronts(setting) as servers:
        yield from small_calls(setting, servers)
        yield from bulk(setting, servers)
    yield from floors(setting)
    yield from adbc_floor(setting)


def run_refused(setting: Setting) -> Iterator[Case]:
    """Peak of resident memory above what it was before, each request in a server of its own."""
    body = bytes(setting.rows(REFUSED_BYTES))
    for who, name, request in refused_requests(body):
        findings = []
        for front in FRONTS:
            with ExitStack() as stack:
                server = stack.enter_context(
                    ServerUnderMeasure("bench.refusing_server", [front])
                    if who == "a stranger"
                    else open_server(setting, front)
                )
                connect(server).close()
                before, status = resident_mb(server), request(server)
                cost = resident_mb(server, peak=True) - before
            limit = REFUSED_MB_MAX if front == "grpcio" else None
            findings.append(Finding(f"{front} ({status})", cost, " MB", limit))
        yield Case(f"{who}: {name}", f"{len(body) >> 20} MiB", findings=findings)


def small_calls(setting: Setting, servers: dict[str, ServerUnderMeasure]) -> Iterator[Case]:
    calls = max(20, round(CALLS * setting.scale))
    keys = pa.table({"k": pa.array(range(LOOKUP_ROWS), pa.int64())})
    for server in servers.values():
        put(connect(server), keys.append_column("v", keys["k"]), "lookup")
    command = msgspec.msgpack.encode(
        {"type": "query", "sql": "SELECT v FROM lookup WHERE k = ?", "params": [LOOKUP_ROWS // 2]}
    )
    jobs: dict[str, Callable[[flight.FlightClient], object]] = {
        "SELECT 1": lambda client: client.do_get(flight.Ticket(b"SELECT 1")).read_all(),
        "point lookup": lambda client: client.do_get(flight.Ticket(command)).read_all(),
        "DoAction": lambda client: list(client.do_action("server.health")),
    }
    for name, call in jobs.items():
        contenders = [
            Contender(
                front, repeated(call, connect(server), calls), "reference", cpu_s=both(server)
            )
            for front, server in servers.items()
        ]
        for contender in contenders:
            contender.run()
        yield told(f"{name}, {calls} times", "", contenders, setting)


def floors(setting: Setting) -> Iterator[Case]:
    """Calls with nothing behind them: what a front costs that is pyarrow's, and one in C++."""
    calls = max(20, round(CALLS * setting.scale))
    jobs: dict[str, Callable[[flight.FlightClient], object]] = {
        "DoGet of one row": lambda client: client.do_get(flight.Ticket(b"")).read_all(),
        "DoAction": lambda client: list(client.do_action("nothing")),
    }
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="velaria-bench-"))
        servers = {
            BARE: stack.enter_context(ServerUnderMeasure("bench.bare_server", ["32"])),
            IN_CPP: stack.enter_context(BareFront(Path(folder))),
        }
        for name, call in jobs.items():
            contenders = [
                Contender(kind, repeated(call, connect(server), calls), "floor", cpu_s=both(server))
                for kind, server in servers.items()
            ]
            for contender in contenders:
                contender.run()
            timings = measure(contenders, setting.rounds)
            pyarrow, in_cpp = (timing.median_wall_s for timing in timings)
            findings = [Finding(f"wall, {IN_CPP} / {BARE}", in_cpp / pyarrow, "x")]
            yield Case(f"{name}, nothing behind it", f"{calls} calls", timings, findings)


def adbc_floor(setting: Setting) -> Iterator[Case]:
    """`SELECT 1` by ADBC's driver from the native front with its answers made beforehand."""
    program = find_roapi()
    if program is None:
        print("bench: not installed, so not measured: roapi", flush=True)
        return
    calls = max(20, round(CALLS * setting.scale / 5))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="velaria-bench-")))
        servers = {
            CANNED: stack.enter_context(ServerUnderMeasure("bench.canned_server", [])),
            ROAPI: stack.enter_context(RoapiServer(program, folder, {"t": pa.table({"a": [1]})})),
        }
        asks = {name: by_adbc(server) for name, server in servers.items()}
        contenders = [
            Contender(name, partial(ask_all, ask, calls), "floor", cpu_s=both(servers[name]))
            for name, ask in asks.items()
        ]
        timings = measure(contenders, setting.rounds)
        ratio = timings[0].median_wall_s / timings[1].median_wall_s
        findings = [Finding(f"wall, {CANNED} / {ROAPI}", ratio, "x")]
        yield Case(f"{calls} x SELECT 1 by ADBC, nothing behind it", "", timings, findings)


def ask_all(ask: Ask, calls: int) -> None:
    for _ in range(calls):
        ask("SELECT 1 AS one")


class BareFront(ProcessUnderMeasure):
    """bare_front.cpp, compiled against the libraries of pyarrow's wheel."""

    def __init__(self, folder: Path) -> None:
        program = folder / "bare_front"
        (libraries,) = pa.get_library_dirs()
        version = pa.cpp_build_info.so_version
        linked = [f"{libraries}/lib{name}.so.{version}" for name in ("arrow_flight", "arrow")]
        compiler = os.environ.get("CXX", "g++")
        options = ["-std=c++20", "-O2", f"-I{pa.get_include()}", f"-Wl,-rpath,{libraries}"]
        source = ROOT / "bench/bare_front.cpp"
        subprocess.run([compiler, *options, source, *linked, "-o", program], check=True)
        super().__init__([str(program)])
        self.await_ready(IN_CPP)


def bulk(setting: Setting, servers: dict[str, ServerUnderMeasure]) -> Iterator[Case]:
    tables = {size: numbers(setting.rows(BYTES), size << 20) for size in (2, 1)}
    size_text = f"{tables[2].nbytes / 1e6:,.0f} MB"
    with ServerUnderMeasure("bench.bare_server", [str(tables[2].nbytes)]) as bare:
        for server in servers.values():
            put(connect(server), tables[2])
        ticket = flight.Ticket(f"SELECT * FROM {TABLE}".encode())
        every = {**servers, BARE: bare}
        contenders = [
            Contender(
                name,
                partial(get, connect(server), ticket, tables[2].num_rows),
                "reference",
                cpu_s=both(server),
            )
            for name, server in every.items()
        ]
        yield told("DoGet", size_text, contenders, setting)
        for size, table in tables.items():
            contenders = [
                Contender(
                    name,
                    partial(put, connect(server), table),
                    "reference",
                    before=partial(drop, connect(server)),
                    cpu_s=both(server),
                )
                for name, server in servers.items()
            ]
            client = connect(bare)
            contenders.append(
                Contender(
                    f"{BARE}, keeping",
                    partial(put, client, table, KEEP),
                    "reference",
                    before=lambda client=client: list(client.do_action("drop")),
                    cpu_s=both(bare),
                )
            )
            yield told(f"DoPut, {size} MiB batches", size_text, contenders, setting)


def refused_requests(
    body: bytes,
) -> Iterator[tuple[str, str, Callable[[ServerUnderMeasure], str]]]:
    """Who sends, what it is, and how it is sent; the name of the status that it ends with."""
    descriptor = b"\x08\x01" + field(3, b"refused")
    schema = pa.schema([("c", pa.binary())]).serialize().to_pybytes()[8:]
    first = field(DESCRIPTOR, descriptor) + field(HEADER, schema)
    small = field(HEADER, schema) + field(BODY, body[:SMALL_BYTES])
    large = [first + field(BODY, body)]
    many = [first, *[small] * (len(body) // SMALL_BYTES)]
    action = [field(1, b"server.health") + field(2, body)]
    yield "a stranger", "DoPut of one message", partial(send, "DoPut", large)
    yield "a stranger", "DoPut of messages of 1 MiB", partial(send, "DoPut", many)
    yield "a stranger", "DoAction", partial(send, "DoAction", action)
    yield "a known caller", "DoPut of one message", partial(send, "DoPut", large)
    yield "a known caller", "DoAction", partial(send, "DoAction", action)


def send(method: str, messages: list[bytes], server: ServerUnderMeasure) -> str:
    address = server.ready["flight"][0].removeprefix("grpc://")
    with grpc.insecure_channel(address) as channel:
        call = channel.stream_stream(SERVICE + method)(iter(messages), timeout=120)
        try:
            list(call)
        except grpc.RpcError as fault:
            return str(fault.code().name)
    return "OK"


def resident_mb(server: ServerUnderMeasure, *, peak: bool = False) -> float:
    """Resident memory now, or at its highest so far."""
    wanted = "VmHWM:" if peak else "VmRSS:"
    for line in Path(f"/proc/{server.pid}/status").read_text("ascii").splitlines():
        if line.startswith(wanted):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError(f"the system does not tell {wanted}")


@contextmanager
def fronts(setting: Setting) -> Iterator[dict[str, ServerUnderMeasure]]:
    with ExitStack() as stack:
        yield {front: stack.enter_context(open_server(setting, front)) for front in FRONTS}


def open_server(setting: Setting, front: str) -> ServerUnderMeasure:
    return velaria_server(setting.threads, "--memory", "--postgres", "none", "--front", front)


def repeated(
    call: Callable[[flight.FlightClient], object], client: flight.FlightClient, calls: int
) -> Callable[[], None]:
    def run() -> None:
        for _ in range(calls):
            call(client)

    return run


def told(name: str, size: str, contenders: list[Contender], setting: Setting) -> Case:
    timings = measure(contenders, setting.rounds)
    native, grpcio = (named(timings, front) for front in FRONTS)
    findings = [
        Finding("wall, grpcio / native", grpcio.median_wall_s / native.median_wall_s, "x"),
        Finding("CPU", grpcio.median_cpu_s / native.median_cpu_s, "x"),
    ]
    return Case(name, size, timings, findings)
