"""`SELECT 1` over Flight while the run history's Postgres runs and while it is stopped by SIGSTOP:
the history is written off the query path, so a hung Postgres must not be felt.
"""

import signal
import tempfile
import threading
import time
from statistics import median

import msgspec
import psutil
import pyarrow.flight as flight

from bench.case import Case, Finding
from bench.measure import Timing
from bench.processes import ServerUnderMeasure, velaria_server
from bench.setting import Setting

CALLS = 500
SLOWER_MAX = 1.1
READY_TIMEOUT_S = 60
RUNNING = "Postgres runs"
STOPPED = "Postgres stopped"


def run(setting: Setting) -> list[Case]:
    calls = max(50, round(CALLS * setting.scale))
    timings = [Timing(RUNNING, "reference"), Timing(STOPPED, "reference")]
    with (
        tempfile.TemporaryDirectory(prefix="velaria-bench-") as folder,
        velaria_server(setting.threads, "--data-dir", folder, "--postgres", "embedded") as server,
    ):
        client = flight.connect(server.ready["flight"][0])
        await_history(client)
        calls_s(client, calls)
        for _ in range(2 * setting.rounds):
            call_round(timings[0], server, client, calls)
            stopped = signal_postgres(server, signal.SIGSTOP)
            try:
                call_round(timings[1], server, client, calls)
            finally:
                signal_all(stopped, signal.SIGCONT)
    slower = timings[1].median_wall_s / timings[0].median_wall_s
    p50_us = timings[0].median_wall_s * 1e6
    findings = [
        Finding("stopped / running, p50", slower, "x", SLOWER_MAX),
        Finding("p50 running", p50_us, " us"),
    ]
    return [Case("SELECT 1", f"{calls} calls a round", timings, findings)]


def call_round(
    timing: Timing, server: ServerUnderMeasure, client: flight.FlightClient, calls: int
) -> None:
    """One round: its p50 of wall time, and CPU seconds of the server per call."""
    cpu_before_s = server.cpu_s()
    timing.wall_s.append(median(calls_s(client, calls)))
    timing.cpu_s.append((server.cpu_s() - cpu_before_s) / calls)


def calls_s(client: flight.FlightClient, calls: int) -> list[float]:
    ticket = flight.Ticket(b"SELECT 1")
    seconds = []
    for _ in range(calls):
        began_s = time.perf_counter()
        client.do_get(ticket).read_all()
        seconds.append(time.perf_counter() - began_s)
    return seconds


def await_history(client: flight.FlightClient) -> None:
    """Until Postgres has answered a read of the run history."""
    deadline_s = time.monotonic() + READY_TIMEOUT_S
    pause = threading.Event()
    while True:
        try:
            client.do_get(flight.Ticket(b"SELECT COUNT(*) AS n FROM system.runs")).read_all()
            return
        except flight.FlightError as fault:
            if time.monotonic() > deadline_s:
                raise RuntimeError(f"Postgres did not answer: {told(fault)}") from fault
        pause.wait(0.1)


def told(fault: flight.FlightError) -> str:
    return str(msgspec.msgpack.decode(fault.extra_info)) if fault.extra_info else str(fault)


def signal_postgres(server: ServerUnderMeasure, number: signal.Signals) -> list[psutil.Process]:
    """Send a signal to the server's Postgres processes, all of them; who was there."""
    found = [child for child in server.children() if child.name() == "postgres"]
    if not found:
        raise RuntimeError("the server has no Postgres processes")
    signal_all(found, number)
    return found


def signal_all(processes: list[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        if process.is_running():
            process.send_signal(number)
