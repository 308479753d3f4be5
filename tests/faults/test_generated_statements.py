"""Statements that a program made, far larger than any person writes: each ends in rows or in a
typed error, in time and within its memory, in a process that goes on afterwards.
"""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

# All but those without end take up to three seconds of the processor, nearly all of them tenths;
# what takes longer than this is cancelled, and must then end. A loaded machine counts no more.
CPU_LIMIT_S = 8
DEADLINE_S = 60
ADDRESS_SPACE_BYTES = 6 << 30
MEMORY_LIMIT_BYTES = 256 << 20
CANCELLED = "VEL3010"

# Takes statements as JSON lines and answers each with the number of rows, or the error's code.
RUNNER = f"""
import contextlib, json, resource, sys, threading, time
resource.setrlimit(resource.RLIMIT_AS, ({ADDRESS_SPACE_BYTES}, {ADDRESS_SPACE_BYTES}))
import velaria
session = velaria.Session(threads=1)
session.sql("SET memory_limit_bytes = {MEMORY_LIMIT_BYTES}")
session.sql("CREATE TABLE t (k INTEGER, x INTEGER)")
session.sql("INSERT INTO t SELECT g % 10, g FROM generate_series(1, 100) s(g)")
def cancel_when_late(ended, limit):
    while not ended.wait(0.05):
        if time.process_time() < limit:
            continue
        with contextlib.suppress(velaria.KernelError):
            session.cancel("generated")

for line in sys.stdin:
    ended = threading.Event()
    limit = time.process_time() + {CPU_LIMIT_S}
    watch = threading.Thread(target=cancel_when_late, args=(ended, limit))
    watch.start()
    try:
        told = session.sql(json.loads(line), query_id="generated").to_arrow().num_rows
    except velaria.KernelError as error:
        told = error.code
    ended.set()
    watch.join()
    print(json.dumps(told), flush=True)
"""


class Runner:
    """The process; a new one when it was killed for being late."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", RUNNER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, sql: str) -> object:
        """The number of rows or a code; None when the process ended or was late."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        timer = threading.Timer(DEADLINE_S, self._process.kill)
        timer.start()
        try:
            stdin.write(json.dumps(sql) + "\n")
            stdin.flush()
            line = stdout.readline()
        finally:
            timer.cancel()
        return json.loads(line) if line else None

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def runner() -> Iterator[Runner]:
    made = Runner()
    yield made
    made.close()


def listed(item: str, count: int, between: str = ", ") -> str:
    """The item `count` times, its number in place of #."""
    return between.join(item.replace("#", str(number)) for number in range(count))


def nested(opening: str, closing: str, count: int, inside: str) -> str:
    return opening * count + inside + closing * count


def nested_exists(count: int) -> str:
    sql = "true"
    for level in range(count, 0, -1):
        sql = f"EXISTS (SELECT 1 FROM t t{level} WHERE t{level}.x < t{level - 1}.x AND {sql})"
    return f"SELECT count(*) FROM t t0 WHERE {sql}"


def nested_scalars(count: int) -> str:
    sql = "1"
    for level in range(count, 0, -1):
        sql = (
            f"(SELECT max(t{level}.x + {sql}) FROM t t{level} "
            f"WHERE t{level}.x <= t{level - 1}.x AND t{level}.k > t0.k)"
        )
    return f"SELECT sum({sql}) FROM t t0"


def joined_by_all(count: int) -> str:
    """Tables whose every pair is joined, so that the order is free."""
    pairs = [f"t{i}.x = t{j}.x" for i in range(count) for j in range(i)]
    return f"SELECT count(*) FROM {listed('t t#', count)} WHERE {' AND '.join(pairs)}"


def chained_joins(count: int) -> str:
    joins = "".join(f" JOIN t t{i} ON t{i}.x = t{i - 1}.x" for i in range(1, count))
    return f"SELECT count(*) FROM t t0{joins}"


WITHOUT_END = {
    "rows without end": "SELECT sum(a.x) FROM t a, t b, t c, t d, t e, t f",
    "a list without end": "SELECT array_agg(a.x) FROM t a, t b, t c, t d",
}
STATEMENTS = {
    "EXISTS five deep": nested_exists(5),
    "scalar subqueries four deep": nested_scalars(4),
    "20 scalar subqueries in a list": (
        f"SELECT {listed('(SELECT max(x) FROM t WHERE x <= t0.x + #)', 20)} FROM t t0"
    ),
    "20 LATERAL subqueries": (
        "SELECT count(*) FROM t t0, "
        + listed("LATERAL (SELECT max(x) FROM t WHERE x <= t0.x + #) l#", 20)
    ),
    "CUBE of 10": f"SELECT count(*) FROM t GROUP BY CUBE({listed('x + #', 10)})",
    "CUBE of 20": f"SELECT count(*) FROM t GROUP BY CUBE({listed('x + #', 20)})",
    "six CUBEs": f"SELECT count(*) FROM t GROUP BY {listed('CUBE(k + #, x + #)', 6)}",
    "3000 grouping sets that are one": (
        f"SELECT k FROM t GROUP BY GROUPING SETS ({listed('(k)', 3000)})"
    ),
    "1000 windows": f"SELECT {listed('sum(x + #) OVER (ORDER BY k + #)', 1000)} FROM t",
    "2000 windows in one order": f"SELECT {listed('sum(x + #) OVER (ORDER BY k)', 2000)} FROM t",
    "10000 columns": f"SELECT {listed('x + #', 10_000)} FROM t",
    "2000 aggregates": f"SELECT {listed('sum(x + #)', 2000)} FROM t",
    "4000 keys of groups": f"SELECT count(*) FROM t GROUP BY {listed('x + #', 4000)}",
    "4000 keys of an order": f"SELECT x FROM t ORDER BY {listed('x + #', 4000)}",
    "2000 UNION ALL": "SELECT 1 AS x" + " UNION ALL SELECT 2" * 2000,
    "300 UNION": "SELECT 1 AS x" + " UNION SELECT 2" * 300,
    "1000 conditions with AND": f"SELECT x FROM t WHERE {listed('x <> #', 1000, ' AND ')}",
    "5000 conditions with OR": f"SELECT x FROM t WHERE {listed('x = #', 5000, ' OR ')}",
    "20000 values of IN": f"SELECT x FROM t WHERE x IN ({listed('#', 20_000)})",
    "20000 rows of VALUES": f"SELECT count(*) FROM (VALUES {listed('(#)', 20_000)}) v(a)",
    "2000 branches of CASE": (
        f"SELECT CASE {listed('WHEN x = # THEN #', 2000, ' ')} END FROM t LIMIT 1"
    ),
    "40 joins in a chain": chained_joins(40),
    "80 joins in a chain": chained_joins(80),
    "12 tables joined by all pairs": joined_by_all(12),
    "16 tables joined by all pairs": joined_by_all(16),
    "200 subqueries in FROM": nested("SELECT * FROM (", ") s", 200, "SELECT * FROM t"),
    "100 filters in FROM": nested("SELECT x + 1 AS x FROM (", ") s WHERE x > 0", 100, "TABLE t"),
    "an expression doubled 30 times": (
        nested("SELECT x + x AS x FROM (", ") s", 30, "SELECT x::DOUBLE AS x FROM t")
    ),
    "IN 40 deep": nested("SELECT x FROM t WHERE x IN (", ")", 40, "SELECT x FROM t"),
    **WITHOUT_END,
}


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_generated_statement_ends(runner: Runner, name: str) -> None:
    told = runner.run(STATEMENTS[name])
    assert told is not None, f"late, or the process ended: {name}"
    assert isinstance(told, int) or str(told).startswith(("VEL2", "VEL3")), told
    assert told != CANCELLED or name in WITHOUT_END, f"late, and cancelled: {name}"
    assert runner.run("SELECT x FROM t") == 100
