"""A CSV file of 5e6 rows of eight types, read whole into each engine's own memory."""

from functools import partial
from pathlib import Path

from bench.answers import check_same
from bench.case import Case, Finding, peer_ratios
from bench.data import write_mixed_csv
from bench.engines import open_engines
from bench.engines.interface import Engine
from bench.measure import VELARIA, Contender, measure, named
from bench.setting import Setting

ROWS = 5_000_000
LIMIT = 1.3
READ_BYTES = 1 << 20

# Every column is asked for, so an engine that reads lazily or mistakes a type is found out.
PROOF = """
    SELECT city, COUNT(*) AS n, SUM(id) AS ids, SUM(quantity) AS q, SUM(price) AS p,
           COUNT(price) AS known, MIN(note) AS note, MAX(day) AS day, MAX(sold_at) AS sold_at,
           SUM(CASE WHEN is_paid THEN 1 ELSE 0 END) AS paid
    FROM orders GROUP BY city
"""


def run(setting: Setting) -> list[Case]:
    row_count = setting.rows(ROWS)
    path = setting.data / f"orders_{row_count}.csv"
    if not path.exists():
        write_mixed_csv(path, row_count)
    with open_engines(setting.threads) as engines:
        readers = [engine for engine in engines if engine.reads_csv]
        check_answers(readers, path)
        contenders = [
            Contender(
                engine.name,
                partial(engine.load_csv, path, "orders"),
                engine.role,
                before=partial(engine.forget, "orders"),
            )
            for engine in readers
        ]
        floor = Contender("one read of the file", partial(read_through, path), "floor")
        timings = measure([*contenders, floor], setting.rounds)
        operators = readers[0].operators()
    speed = path.stat().st_size / 1e6 / named(timings, VELARIA).median_wall_s
    findings = [*peer_ratios(timings, LIMIT), Finding("speed", speed, " MB/s")]
    return [Case("rows in", f"{row_count:,} rows", timings, findings, operators)]


def check_answers(readers: list[Engine], path: Path) -> None:
    answers = []
    for engine in readers:
        engine.load_csv(path, "orders")
        answers.append(engine.query(PROOF))
    for engine, answer in zip(readers[1:], answers[1:], strict=True):
        check_same(engine.name, answer, readers[0].name, answers[0])


def read_through(path: Path) -> None:
    with path.open("rb", buffering=0) as file:
        while file.read(READ_BYTES):
            pass
