"""Random ASOF joins against a nested loop: every comparison, with and without keys, whole and in
small batches.

VELARIA_SEED=7 repeats a run, VELARIA_ROUNDS=1000 makes it longer.
"""

from __future__ import annotations

import operator
import os
import random
from collections.abc import Callable

import pyarrow as pa
import pytest

from velaria import _kernel

SEED = int(os.environ.get("VELARIA_SEED", random.SystemRandom().randrange(2**32)))
ROUNDS = int(os.environ.get("VELARIA_ROUNDS", "20"))
SETTINGS = ("", "debug_trigger_rows = 7", "debug_no_rewrite = 1")
COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
}
Side = list[tuple[int, str | None, int | None]]


def random_side(rng: random.Random, count: int) -> Side:
    return [
        (
            number,
            None if rng.random() < 0.1 else rng.choice("abc"),
            None if rng.random() < 0.1 else rng.randrange(-20, 20),
        )
        for number in range(count)
    ]


def nearest(
    left: tuple[int, str | None, int | None], right: Side, sign: str, by_key: bool
) -> int | None:
    """The id of the right row that an ASOF join takes: the nearest value, of equals the last."""
    _, key, at = left
    best: tuple[int, int] | None = None
    for other, other_key, other_at in right:
        if at is None or other_at is None or not COMPARISONS[sign](at, other_at):
            continue
        if by_key and (key is None or key != other_key):
            continue
        if best is None or abs(at - other_at) <= best[0]:
            best = (abs(at - other_at), other)
    return None if best is None else best[1]


def as_table(side: Side) -> pa.Table:
    ids, keys, ats = zip(*side, strict=True) if side else ((), (), ())
    return pa.table(
        {
            "id": pa.array(ids, pa.int32()),
            "k": pa.array(keys, pa.string()),
            "at": pa.array(ats, pa.int64()),
        }
    )


@pytest.mark.parametrize("setting", SETTINGS)
def test_asof_joins_take_what_a_nested_loop_takes(setting: str) -> None:
    rng = random.Random(SEED)
    for number in range(ROUNDS):
        left = random_side(rng, rng.choice((0, 1, 30, 700)))
        right = random_side(rng, rng.choice((0, 1, 30, 700)))
        session = _kernel.Session(threads=2)
        session.register_arrow("l", as_table(left))
        session.register_arrow("r", as_table(right))
        if setting:
            session.execute(f"SET {setting}")
        for sign in COMPARISONS:
            for by_key in (True, False):
                condition = f"l.at {sign} r.at" + (" AND l.k = r.k" if by_key else "")
                sql = f"SELECT l.id, r.id AS r FROM l ASOF LEFT JOIN r ON {condition} ORDER BY l.id"
                rows = session.execute(sql).read_all().to_pylist()
                got = [(row["id"], row["r"]) for row in rows]
                want = [(row[0], nearest(row, right, sign, by_key)) for row in left]
                assert got == want, f"seed {SEED}, round {number}: {sql}"
        session.close()
