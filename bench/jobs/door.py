"""What a client meets at the door: whole tables, a group-by, lookups and `SELECT 1` by pyarrow and
by ADBC, the bare wire in four sizes of batch, and small calls; each through both fronts.

Peers: DuckDB behind a minimal Flight server, roapi by the same ADBC driver, and a pyarrow Flight
server with nothing behind it. All stand in processes of their own; CPU seconds are those of client
and server.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.flight as flight

from bench.answers import check_same
from bench.asking import Ask, by_adbc, by_pyarrow
from bench.bare_server import ECHO, KEEP
from bench.case import Case, Finding, peer_ratios
from bench.data import in_batches, numbers, strings
from bench.jobs.flight_bytes import BARE, TABLE, both, connect, drop, get, put
from bench.jobs.fronts import FRONTS, LOOKUP_ROWS, open_server
from bench.measure import VELARIA, Contender, Timing, measure, named
from bench.processes import ProcessUnderMeasure, ServerUnderMeasure
from bench.roapi_server import RoapiServer, find_roapi
from bench.setting import Setting

BYTES = 1_040_000_000
WIRE_MIB = (1, 2, 4, 8)
STREAMS = 4
CLIENTS = 32
GROUPS = 1_000
STATEMENTS = 100
CALLS = 500
SMALL_ROWS = 1_000

DUCKDB = "duckdb behind Flight"
ROAPI = "roapi by ADBC"
ANSWERING = "bare pyarrow, answering"
AGAINST_DUCKDB = 1.0
AGAINST_ROAPI = 1.0
DOGET_MAX, DOPUT_MAX, DOPUT_STRINGS_MAX, SMALL_MAX = 1.1, 1.2, 2.0, 1.3
"""QUALITY's first steps: wall time over the peer's."""

Call = Callable[[str, flight.FlightClient], object]
"""One call of a server by its name."""


def run(setting: Setting) -> Iterator[Case]:
    tables = data(setting)
    with every_server(setting, tables) as servers:
        for server in (servers[name] for name in (*FRONTS, DUCKDB)):
            for name, table in tables.items():
                put(connect(server), table, name)
        for way in WAYS:
            yield from statements(setting, servers, tables, way)
        yield from small_calls(setting, servers)
        del tables
        for front in FRONTS:
            for table in ("flights", "lookup"):
                statement = flight.Ticket(f"DROP TABLE {table}".encode())
                connect(servers[front]).do_get(statement).read_all()
        yield from wire(setting, {front: servers[front] for front in FRONTS})


def data(setting: Setting) -> dict[str, pa.Table]:
    """`flights` has four columns of eight bytes, `lookup` two."""
    row_count = setting.rows(BYTES // 32)
    random = np.random.default_rng(20130101)
    flights = {
        "id": np.arange(row_count, dtype=np.int64),
        "carrier": random.integers(0, GROUPS, row_count),
        "distance": random.random(row_count),
        "delay": random.random(row_count),
    }
    keys = pa.array(range(LOOKUP_ROWS), pa.int64())
    return {"flights": in_batches(pa.table(flights)), "lookup": pa.table({"k": keys, "v": keys})}


@contextmanager
def every_server(
    setting: Setting, tables: dict[str, pa.Table]
) -> Iterator[dict[str, ProcessUnderMeasure]]:
    """roapi has its tables from the beginning."""
    with ExitStack() as stack:
        servers: dict[str, ProcessUnderMeasure] = {}
        for front in FRONTS:
            servers[front] = stack.enter_context(open_server(setting, front))
        arguments = [str(setting.threads)]
        servers[DUCKDB] = stack.enter_context(ServerUnderMeasure("bench.duckdb_server", arguments))
        program = find_roapi()
        if program is None:
            print("bench: not installed, so not measured: roapi", flush=True)
        else:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="velaria-bench-")))
            servers[ROAPI] = stack.enter_context(RoapiServer(program, folder, tables))
        yield servers


@dataclass(frozen=True)
class Way:
    """One way in, and the one peer that can be met by it: DuckDB's server has no Flight SQL, and
    roapi takes no SQL text for a ticket."""

    name: str
    open: Callable[[ProcessUnderMeasure], Ask]
    peer: str
    wall_max: float


WAYS = (
    Way("pyarrow", by_pyarrow, DUCKDB, AGAINST_DUCKDB),
    Way("ADBC", by_adbc, ROAPI, AGAINST_ROAPI),
)


def statements(
    setting: Setting,
    servers: dict[str, ProcessUnderMeasure],
    tables: dict[str, pa.Table],
    way: Way,
) -> Iterator[Case]:
    """The four rows of one way in; answers are compared before anything is timed."""
    names = [name for name in (*FRONTS, way.peer) if name in servers]
    asks = {name: way.open(servers[name]) for name in names}
    count = max(5, round(STATEMENTS * min(1.0, setting.scale * 10)))
    row_count = tables["flights"].num_rows
    keys = np.random.default_rng(1).integers(0, [[row_count], [LOOKUP_ROWS]], (2, count))
    size = f"{tables['flights'].nbytes / 1e6:,.0f} MB"
    rows: dict[str, tuple[str, list[str]]] = {
        "SELECT *": (size, ["SELECT * FROM flights"]),
        "group-by": (
            size,
            [
                "SELECT carrier, count(*) AS n, sum(distance) AS s, max(delay) AS m FROM flights"
                " GROUP BY carrier"
            ],
        ),
        f"{count} point lookups": (
            size,
            [f"SELECT distance FROM flights WHERE id = {key}" for key in keys[0]],
        ),
        f"{count} lookups in a small table": (
            f"{LOOKUP_ROWS:,} rows",
            [f"SELECT v FROM lookup WHERE k = {key}" for key in keys[1]],
        ),
        f"{count} x SELECT 1": ("", ["SELECT 1 AS one"] * count),
    }
    for name, (told, asked) in rows.items():
        expected = asks[FRONTS[0]](asked[0])
        for other, ask in asks.items():
            check_same(other, ask(asked[0]), FRONTS[0], expected)
        del expected
        contenders = [
            contender(server, servers[server], partial(ask_all, ask, asked))
            for server, ask in asks.items()
        ]
        timings = measure(contenders, setting.rounds)
        other, first = (timing.median_wall_s for timing in (timings[1], timings[0]))
        findings = [
            *peer_ratios(timings, way.wall_max, way.peer),
            Finding("wall, grpcio / native", other / first, "x"),
        ]
        yield Case(f"{name} by {way.name}", told, timings, findings)


def ask_all(ask: Ask, texts: list[str]) -> None:
    for text in texts:
        ask(text)


def contender(
    name: str, server: ProcessUnderMeasure, work: Callable[[], object], **more: Any
) -> Contender:
    """The first front is what is compared; the others stand beside it."""
    if name not in FRONTS:
        return Contender(name, work, cpu_s=both(server), **more)
    is_first = name == FRONTS[0]
    shown, role = (VELARIA, VELARIA) if is_first else (f"velaria, {name}", "reference")
    return Contender(shown, work, role, cpu_s=both(server), **more)


def wire(setting: Setting, servers: dict[str, ProcessUnderMeasure]) -> Iterator[Case]:
    """DoGet and DoPut in GB/s, by size of batch and by streams at a time, and of strings, beside a
    server with nothing behind it."""
    yield from streams_at_a_time(setting, servers)
    yield from strings_put(setting, servers)
    for mib in WIRE_MIB:
        table = numbers(setting.rows(BYTES), mib << 20)
        arguments = [str(table.nbytes), str(mib << 20)]
        with ServerUnderMeasure("bench.bare_server", arguments) as bare:
            every = {**servers, BARE: bare}
            ticket = flight.Ticket(f"SELECT * FROM {TABLE}".encode())
            for front in servers.values():
                drop(connect(front))
                put(connect(front), table)
            gets = [
                contender(name, server, partial(get, connect(server), ticket, table.num_rows))
                for name, server in every.items()
            ]
            yield speeds(f"DoGet, {mib} MiB batches", table.nbytes, gets, DOGET_MAX, setting)
            puts = [
                contender(
                    name,
                    server,
                    partial(put, connect(server), table, KEEP if server is bare else TABLE),
                    before=partial(forget, server, server is bare),
                )
                for name, server in every.items()
            ]
            yield speeds(f"DoPut, {mib} MiB batches", table.nbytes, puts, DOPUT_MAX, setting)


def streams_at_a_time(setting: Setting, servers: dict[str, ProcessUnderMeasure]) -> Iterator[Case]:
    """As many clients as streams, each of which reads the whole table."""
    table = numbers(setting.rows(BYTES // STREAMS))
    with ServerUnderMeasure("bench.bare_server", [str(table.nbytes)]) as bare:
        ticket = flight.Ticket(f"SELECT * FROM {TABLE}".encode())
        for front in servers.values():
            put(connect(front), table)
        gets = [
            contender(
                name,
                server,
                partial(
                    at_once,
                    [connect(server, number) for number in range(STREAMS)],
                    lambda client: get(client, ticket, table.num_rows),
                ),
            )
            for name, server in {**servers, BARE: bare}.items()
        ]
        name = f"DoGet, {STREAMS} streams"
        yield speeds(name, STREAMS * table.nbytes, gets, DOGET_MAX, setting)


def strings_put(setting: Setting, servers: dict[str, ProcessUnderMeasure]) -> Iterator[Case]:
    """Validated by ours; the bare server drops them."""
    table = strings(setting.rows(BYTES))
    with ServerUnderMeasure("bench.bare_server", ["32000"]) as bare:
        puts = [
            contender(
                name,
                server,
                partial(put, connect(server), table, "strings"),
                before=partial(drop, connect(server), "strings"),
            )
            for name, server in {**servers, BARE: bare}.items()
        ]
        yield speeds("DoPut of strings", table.nbytes, puts, DOPUT_STRINGS_MAX, setting)
    for server in servers.values():
        drop(connect(server), "strings")


def at_once(
    clients: list[flight.FlightClient], work: Callable[[flight.FlightClient], object]
) -> None:
    """By a thread each."""
    with ThreadPoolExecutor(len(clients)) as threads:
        list(threads.map(work, clients))


def forget(server: ProcessUnderMeasure, is_bare: bool) -> None:
    if is_bare:
        list(connect(server).do_action("drop"))
    else:
        drop(connect(server))


def speeds(
    name: str, byte_count: int, contenders: list[Contender], limit: float, setting: Setting
) -> Case:
    timings = measure(contenders, setting.rounds)
    findings = peer_ratios(timings, limit, BARE)
    for timing in timings:
        speed = byte_count / 1e9 / timing.median_wall_s
        findings.append(Finding(timing.name, speed, " GB/s"))
    return Case(name, f"{byte_count / 1e6:,.0f} MB", timings, findings)


def small_calls(setting: Setting, servers: dict[str, ProcessUnderMeasure]) -> Iterator[Case]:
    """p50 of DoAction and of a DoPut of one small batch, to the server's last word. Of a DoAction
    the peer answers nothing; beside it stands the same server answering as many bytes as ours."""
    calls = max(20, round(CALLS * setting.scale))
    small = pa.table({"k": pa.array(range(SMALL_ROWS), pa.int64())})
    with ServerUnderMeasure("bench.bare_server", ["32000"]) as bare:
        every = {**{front: servers[front] for front in FRONTS}, BARE: bare}
        action = asking_health(connect(servers[FRONTS[0]]))
        jobs: dict[str, tuple[dict[str, ProcessUnderMeasure], Call]] = {
            "DoAction": ({**every, ANSWERING: bare}, action),
            f"DoPut of {SMALL_ROWS} rows": (every, lambda _, client: put(client, small, "small")),
        }
        for name, (asked, call) in jobs.items():
            timings = p50s(asked, call, calls, setting.rounds)
            findings = [*peer_ratios(timings, SMALL_MAX, BARE), *beside_answering(timings)]
            p50_us = named(timings, VELARIA).median_wall_s * 1e6
            findings.append(Finding("p50", p50_us, " us"))
            yield Case(f"{name}, p50", f"{calls} calls a round", timings, findings)
        yield many_clients(setting, {**every, ANSWERING: bare}, action, calls)


def asking_health(client: flight.FlightClient) -> Call:
    """The action server.health; of the bare server that answers an echo of the same size."""
    (answer,) = client.do_action("server.health")
    echo = flight.Action(ECHO, answer.body)

    def ask(server: str, client: flight.FlightClient) -> object:
        return list(client.do_action(echo if server == ANSWERING else "server.health"))

    return ask


def many_clients(
    setting: Setting, servers: dict[str, ProcessUnderMeasure], call: Call, calls: int
) -> Case:
    """By clients that all call at once, each a tenth of `calls` times."""
    each = max(1, calls // 10)

    def work(server: str, client: flight.FlightClient) -> None:
        for _ in range(each):
            call(server, client)

    contenders = [
        contender(
            name,
            server,
            partial(
                at_once,
                [connect(server, number) for number in range(CLIENTS)],
                partial(work, name),
            ),
        )
        for name, server in servers.items()
    ]
    timings = measure(contenders, setting.rounds)
    findings = [*peer_ratios(timings, SMALL_MAX, BARE), *beside_answering(timings)]
    for timing in timings:
        findings.append(Finding(timing.name, CLIENTS * each / timing.median_wall_s, " calls/s"))
    return Case(f"DoAction, {CLIENTS} clients", f"{CLIENTS * each} calls", timings, findings)


def beside_answering(timings: list[Timing]) -> list[Finding]:
    """None where no server answers as much as ours."""
    ours = named(timings, VELARIA).median_wall_s
    return [
        Finding(f"wall / {ANSWERING}", ours / timing.median_wall_s, "x")
        for timing in timings
        if timing.name == ANSWERING
    ]


def p50s(
    servers: dict[str, ProcessUnderMeasure],
    call: Call,
    calls: int,
    rounds: int,
) -> list[Timing]:
    """Of each server, one p50 a round; CPU seconds are per call."""
    made: dict[str, list[float]] = {name: [] for name in servers}

    def one_round(name: str, client: flight.FlightClient) -> None:
        seconds = []
        for _ in range(calls):
            began_s = time.perf_counter()
            call(name, client)
            seconds.append(time.perf_counter() - began_s)
        made[name].append(float(np.median(seconds)))

    contenders = [
        contender(name, server, partial(one_round, name, connect(server)))
        for name, server in servers.items()
    ]
    timings = measure(contenders, rounds)
    for timing, p50 in zip(timings, made.values(), strict=True):
        timing.wall_s = p50
        timing.cpu_s = [seconds / calls for seconds in timing.cpu_s]
    return timings
