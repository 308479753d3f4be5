"""Throws random and damaged statements at a kernel; anything but a typed error is a find.

    python tests/faults/fuzz_statements.py [--seconds 60] [--seed N] [--only call]

The statements of tests/slt are the corpus: they are cut, spliced, repeated, nested, stretched to
megabytes and sprinkled with bytes. Between them every function is called with arguments that hardly
fit it. Prints its seed; with the same seed the same statements come in
the same order. The statement under way stands in build/fuzz_statement.sql, should the process die
of it.
"""

import argparse
import functools
import random
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

from velaria import _kernel

CORPUS = Path(__file__).resolve().parents[1] / "slt"
UNDER_WAY = Path(__file__).resolve().parents[2] / "build" / "fuzz_statement.sql"
STATEMENT = re.compile(
    r"^(?:statement|query)[^\n]*\n(.*?)(?=\n(?:----|\n)|\Z)", re.MULTILINE | re.DOTALL
)
TOKEN = re.compile(r"\w+|'[^']*'|\s+|.", re.DOTALL)
CPU_SECONDS_MAX = 10.0  # one statement over tiny tables; more is a find, too
ARGUMENTS = [
    "NULL",
    "1",
    "-1",
    "0",
    "9223372036854775807",
    "1.5",
    "1e300",
    "'abc'",
    "''",
    "'%'",
    "'day'",
    "'='",
    "'||'",
    "'lower'",
    "'YYYY'",
    "'$.a'",
    "'Europe/Berlin'",
    "true",
    "a",
    "b",
    "c",
    "*",
    "[1,2]",
    "['a']",
    "[NULL]",
    "[a]",
    "[[1],[2]]",
    "X'00ff'",
    "{'a':1}",
    "'NaN'::DOUBLE",
    "[]::INT[]",
    "NULL::VARCHAR[]",
    "1::DECIMAL(38,10)",
    "1::UTINYINT",
    "'no such'",
    "DISTINCT a",
    "DATE '2020-01-31'",
    "TIME '10:00'",
    "TIMESTAMP '2020-01-31 10:00:00'",
    "TIMESTAMPTZ '2020-01-01 00:00:00+00'",
    "INTERVAL '1 month'",
    "'{\"a\": [1]}'",
]
CALL_FORMS = (
    "SELECT {}",
    "SELECT {} FROM t",
    "SELECT {} FROM t GROUP BY a, b, c",
    "SELECT {} OVER (ORDER BY a) FROM t",
    "SELECT {} FILTER (WHERE a > 0) FROM t",
    "SELECT * FROM {} LIMIT 10",
)
Mutation = Callable[[random.Random, list[str], list[str]], str]


def corpus() -> list[str]:
    files = sorted(CORPUS.glob("**/*.slt"))
    return [match for path in files for match in STATEMENT.findall(path.read_text("utf-8"))]


def cut(rng: random.Random, tokens: list[str], _other: list[str]) -> str:
    text = "".join(tokens)
    return text[: rng.randrange(len(text) + 1)]


def splice(rng: random.Random, tokens: list[str], other: list[str]) -> str:
    return "".join(
        tokens[: rng.randrange(len(tokens) + 1)] + other[rng.randrange(len(other) + 1) :]
    )


def swap(rng: random.Random, tokens: list[str], other: list[str]) -> str:
    mixed = list(tokens)
    for _ in range(rng.randint(1, 4)):
        mixed[rng.randrange(len(mixed))] = rng.choice(other)
    return "".join(mixed)


def repeat(rng: random.Random, tokens: list[str], _other: list[str]) -> str:
    start = rng.randrange(len(tokens))
    end = min(len(tokens), start + rng.randint(1, 6))
    return "".join(tokens[:start] + tokens[start:end] * rng.choice((2, 50, 3000)) + tokens[end:])


def nest(rng: random.Random, tokens: list[str], _other: list[str]) -> str:
    depth = rng.choice((3, 300, 1_000_000))
    opening, closing = rng.choice((("(", ")"), ("SELECT * FROM (", ")"), ("NOT ", ""), ("-", "")))
    return opening * depth + "".join(tokens) + closing * depth


def stretch(rng: random.Random, tokens: list[str], _other: list[str]) -> str:
    """Some of its tokens again and again, to a megabyte or past the limit, cut anywhere."""
    start = rng.randrange(len(tokens))
    unit = "".join(tokens[start : start + rng.randint(1, 8)])
    text = "".join(tokens[:start]) + unit * (rng.choice((1, 1, 10)) * 1_000_000 // len(unit))
    return text[: rng.randrange(len(text) // 2, len(text) + 1)]


def sprinkle(rng: random.Random, tokens: list[str], _other: list[str]) -> str:
    characters = list("".join(tokens))
    for _ in range(rng.randint(1, 8)):
        characters.insert(
            rng.randrange(len(characters) + 1), rng.choice("'\"()$?;,.\0\t\u20ac\U0001f600-/*\\e9")
        )
    return "".join(characters)


@functools.cache
def function_names() -> list[str]:
    session = _kernel.Session(threads=1)
    table = session.execute("SELECT DISTINCT name FROM system.functions ORDER BY name").read_all()
    session.close()
    return [str(name) for name in table.column(0).to_pylist()]


def call(rng: random.Random, _tokens: list[str], _other: list[str]) -> str:
    """Any function, as a scalar, an aggregate, a window call or a table, with odd arguments."""
    arguments = [rng.choice(ARGUMENTS) for _ in range(rng.choice((0, 1, 1, 2, 2, 2, 3, 3, 4)))]
    called = f"{rng.choice(function_names())}({', '.join(arguments)})"
    return rng.choice(CALL_FORMS).format(called)


MUTATIONS: list[Mutation] = [cut, splice, swap, repeat, nest, stretch, sprinkle, call, call, call]


def new_session() -> _kernel.Session:
    session = _kernel.Session(threads=2, allowed_roots=[], memory_limit_bytes=256 << 20)
    session.execute("CREATE TABLE t (a BIGINT, b VARCHAR, c DOUBLE)")
    session.execute("INSERT INTO t VALUES (1, 'x', 1.5), (NULL, NULL, NULL), (-7, 'zz', 1e10)")
    return session


def run(session: _kernel.Session, statement: str) -> str:
    """Run one statement; the outcome is "rows", "done" or an error's code."""
    try:
        result = session.execute(statement)
        if result.schema is None:
            return "done"
        result.read_all()
        return "rows"
    except _kernel.KernelError as error:
        return error.code


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    names = sorted({mutation.__name__ for mutation in MUTATIONS})
    parser.add_argument("--only", choices=names, help="statements of this one kind")
    options = parser.parse_args()
    mutations = [m for m in MUTATIONS if options.only in (None, m.__name__)]
    rng = random.Random(options.seed)
    statements = [TOKEN.findall(text) for text in corpus()]
    statements = [tokens for tokens in statements if tokens]
    print(f"fuzz: seed {options.seed}, corpus of {len(statements)} statements", flush=True)
    UNDER_WAY.parent.mkdir(exist_ok=True)
    kept = new_session()  # calls change nothing; other statements each have a fresh database
    outcomes: dict[str, int] = {}
    finds = 0
    end = time.monotonic() + options.seconds
    while time.monotonic() < end:
        mutation = rng.choice(mutations)
        statement = mutation(rng, rng.choice(statements), rng.choice(statements))
        UNDER_WAY.write_text(statement, encoding="utf-8")
        started = time.process_time()  # other work on the machine is not the statement's
        session = kept if mutation is call else new_session()
        outcome = run(session, statement)
        if session is not kept:
            session.close()
        seconds = time.process_time() - started
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
        if outcome.startswith("VEL9") or seconds > CPU_SECONDS_MAX:
            finds += 1
            print(f"fuzz: {outcome} after {seconds:.1f} CPU s: {statement[:2000]!r}", flush=True)
    counted = ", ".join(f"{name} {count}" for name, count in sorted(outcomes.items()))
    print(f"fuzz: {sum(outcomes.values())} statements, {finds} finds: {counted}")
    return 1 if finds else 0


if __name__ == "__main__":
    sys.exit(main())
