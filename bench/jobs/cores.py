"""A 1e7-row group-by in this process: does it use the cores, does it leave Python alone?"""

import hashlib
import threading
import time
from collections.abc import Callable
from functools import partial
from statistics import median

from bench.case import Case, Finding
from bench.data import h2o_groups
from bench.jobs.h2o import QUESTIONS
from bench.measure import VELARIA, Contender, measure
from bench.setting import Setting
from velaria import _kernel

ROWS = 10_000_000
CPU_PER_WALL_MIN = 1.6
RATE_KEPT_MIN = 0.8
WINDOW_S = 1.0
HASHED_BYTES = 1 << 20


def run_cores(setting: Setting) -> list[Case]:
    """CPU seconds per wall second."""
    row_count = setting.rows(ROWS)
    session = session_of(row_count, setting.threads)
    cases = []
    for name in ("q1", "q3", "q5"):
        sql = QUESTIONS[name]
        ours = Contender(VELARIA, partial(answer, session, sql), VELARIA)
        measure([ours], rounds=1)
        (timing,) = measure([ours], setting.rounds)
        busy = [cpu / wall for cpu, wall in zip(timing.cpu_s, timing.wall_s, strict=True)]
        limit = CPU_PER_WALL_MIN if setting.threads >= 2 else None
        finding = Finding("CPU s per wall s", median(busy), "", limit, at_least=True)
        cases.append(Case(name, f"{row_count:,} rows", [timing], [finding]))
    session.close()
    return cases


def run_gil(setting: Setting) -> list[Case]:
    """A counting Python thread beside the group-by, in wall time.

    With one thread in the kernel there is a core for each, and only a lock could slow the counting.
    With as many as there are cores all share them, so the counting is compared with counting beside
    threads that never hold the interpreter's lock: hashlib's, over a large buffer.
    """
    row_count = setting.rows(ROWS)
    cases = []
    for threads in (1, setting.threads):
        session = session_of(row_count, threads)
        beside = counting_beside(session, threads, setting.rounds)
        session.close()
        kept = beside["group-by"] / beside["alone" if threads == 1 else "hashlib"]
        compared = "of its rate alone" if threads == 1 else "of its rate beside hashlib"
        findings = [
            Finding(f"keeps {compared}", kept, "", RATE_KEPT_MIN, at_least=True),
            *(Finding(name, rate / 1e6, " M counts/s") for name, rate in beside.items()),
        ]
        size = f"{row_count:,} rows, {threads} kernel threads"
        cases.append(Case(f"counting, {threads} threads", size, [], findings))
    return cases


def counting_beside(session: _kernel.Session, threads: int, rounds: int) -> dict[str, float]:
    """Median counts per second beside nothing, beside the group-by and beside hashing threads."""
    sql = QUESTIONS["q3"]
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
