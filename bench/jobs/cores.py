"""A 1e7-row group-by in this process: does it use the cores, does it leave Python alone?"""

import hashlib
import threading
import time
from collections.abc import Callable
from functools import partial
from statistics import median

from bench.case import Case, Finding
from bench.data import h2o_groups
from bench.h2o import GROUP_BY
from bench.measure import VELARIA, Contender, Timing, measure
from bench.setting import Setting
from velaria import _kernel

ROWS = 10_000_000
CPU_PER_WALL_MIN = 1.6
RATE_KEPT_MIN = 0.8
WINDOW_S = 1.0
HASHING_S = 0.3
# Long enough a call that its thread seldom has to wait for the interpreter's lock.
HASHED_BYTES = 256 << 20


def run_cores(setting: Setting) -> list[Case]:
    """CPU seconds per wall second; beside it those of threads that only hash, which is what the
    machine had to give at that time."""
    row_count = setting.rows(ROWS)
    session = session_of(row_count, setting.threads)
    hashing = Contender("hashlib", partial(hash_for, setting.threads, HASHING_S), "floor")
    cases = []
    for name in ("q1", "q3", "q5"):
        sql = GROUP_BY[name]
        ours = Contender(VELARIA, partial(answer, session, sql), VELARIA)
        measure([ours], rounds=1)
        timings = measure([ours, hashing], setting.rounds)
        limit = CPU_PER_WALL_MIN if setting.threads >= 2 else None
        findings = [
            Finding("CPU s per wall s", busy_cores(timings[0]), "", limit, at_least=True),
            Finding("of hashing threads", busy_cores(timings[1])),
        ]
        cases.append(Case(name, f"{row_count:,} rows", timings, findings))
    session.close()
    return cases


def busy_cores(timing: Timing) -> float:
    """Median over the rounds of CPU seconds per wall second."""
    return median(cpu / wall for cpu, wall in zip(timing.cpu_s, timing.wall_s, strict=True))


def run_gil(setting: Setting) -> list[Case]:
    """A counting Python thread beside the group-by, in wall time.

    It is compared with counting beside as many threads that never hold the interpreter's lock:
    hashlib's, over a large buffer. Only with one thread in the kernel is there a core for each on
    two cores, so only then is the rate compared with the rate alone; other work on the machine
    lowers that figure.
    """
    row_count = setting.rows(ROWS)
    cases = []
    for threads in (1, setting.threads):
        session = session_of(row_count, threads)
        beside = counting_beside(session, threads, setting.rounds)
        session.close()
        kept = {name: beside["group-by"] / beside[name] for name in ("hashlib", "alone")}
        limit_alone = RATE_KEPT_MIN if threads == 1 else None
        findings = [
            Finding("of its rate beside hashlib", kept["hashlib"], "", RATE_KEPT_MIN, True),
            Finding("of its rate alone", kept["alone"], "", limit_alone, True),
            *(Finding(name, rate / 1e6, " M counts/s") for name, rate in beside.items()),
        ]
        size = f"{row_count:,} rows, {threads} kernel threads"
        cases.append(Case(f"counting, {threads} threads", size, [], findings))
    return cases


def counting_beside(session: _kernel.Session, threads: int, rounds: int) -> dict[str, float]:
    """Median counts per second beside nothing, beside the group-by and beside hashing threads."""
    sql = GROUP_BY["q3"]
    answer(session, sql)
    works: dict[str, Callable[[float], None]] = {
        "alone": wait,
        "group-by": lambda until_s: repeat(partial(answer, session, sql), until_s),
        "hashlib": lambda until_s: hash_on(threads, until_s),
    }
    rates: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            rates[name].append(counted_rate(work))
    return {name: median(values) for name, values in rates.items()}


def counted_rate(work: Callable[[float], None]) -> float:
    """Counts per second of a Python thread while `work` goes on for at least WINDOW_S."""
    is_over = False
    count = 0

    def count_up() -> None:
        nonlocal count
        while not is_over:
            count += 1

    counter = threading.Thread(target=count_up)
    began_s = time.perf_counter()
    counter.start()
    work(began_s + WINDOW_S)
    is_over = True
    lasted_s = time.perf_counter() - began_s
    counter.join()
    return count / lasted_s


def wait(until_s: float) -> None:
    threading.Event().wait(until_s - time.perf_counter())


def repeat(step: Callable[[], object], until_s: float) -> None:
    while time.perf_counter() < until_s:
        step()


def hash_for(threads: int, duration_s: float) -> None:
    hash_on(threads, time.perf_counter() + duration_s)


def hash_on(threads: int, until_s: float) -> None:
    """Hash on as many threads; hashlib releases the interpreter's lock for large buffers."""
    buffer = bytes(HASHED_BYTES)
    workers = [
        threading.Thread(target=repeat, args=(lambda: hashlib.sha256(buffer), until_s))
        for _ in range(threads)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def answer(session: _kernel.Session, sql: str) -> None:
    session.execute(sql).read_all()


def session_of(row_count: int, threads: int) -> _kernel.Session:
    session = _kernel.Session(threads=threads)
    session.register_arrow("x", h2o_groups(row_count))
    return session
