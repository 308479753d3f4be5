"""Throws random and damaged statements at a kernel; anything but a typed error is a find.

    python tests/faults/fuzz_statements.py [--seconds 60] [--seed N]

The statements of tests/slt are the corpus: they are cut, spliced, repeated, nested, stretched to
megabytes and sprinkled with bytes. Prints its seed; with the same seed the same statements come in
the same order. The statement under way stands in build/fuzz_statement.sql, should the process die
of it.
"""

import argparse
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
SECONDS_MAX = 10.0  # one statement over tiny tables; more is a find, too
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


MUTATIONS: list[Mutation] = [cut, splice, swap, repeat, nest, stretch, sprinkle]


def run(statement: str) -> str:
    """Run one statement over a fresh database; the outcome is "rows", "done" or an error's code."""
    session = _kernel.Session(threads=2, allowed_roots=[], memory_limit_bytes=256 << 20)
    try:
        for setup in (
            "CREATE TABLE t (a BIGINT, b VARCHAR, c DOUBLE)",
            "INSERT INTO t VALUES (1, 'x', 1.5)",
        ):
            session.execute(setup)
        result = session.execute(statement)
        if result.schema is None:
            return "done"
        result.read_all()
        return "rows"
    except _kernel.KernelError as error:
        return error.code
    finally:
        session.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    options = parser.parse_args()
    rng = random.Random(options.seed)
    statements = [TOKEN.findall(text) for text in corpus()]
    statements = [tokens for tokens in statements if tokens]
    print(f"fuzz: seed {options.seed}, corpus of {len(statements)} statements", flush=True)
    outcomes: dict[str, int] = {}
    finds = 0
    end = time.monotonic() + options.seconds
    while time.monotonic() < end:
        mutation = rng.choice(MUTATIONS)
        statement = mutation(rng, rng.choice(statements), rng.choice(statements))
        UNDER_WAY.write_text(statement, encoding="utf-8")
        started = time.monotonic()
        outcome = run(statement)
        seconds = time.monotonic() - started
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
        if outcome.startswith("VEL9") or seconds > SECONDS_MAX:
            finds += 1
            print(f"fuzz: {outcome} after {seconds:.1f} s: {statement[:2000]!r}", flush=True)
    counted = ", ".join(f"{name} {count}" for name, count in sorted(outcomes.items()))
    print(f"fuzz: {sum(outcomes.values())} statements, {finds} finds: {counted}")
    return 1 if finds else 0


if __name__ == "__main__":
    sys.exit(main())
