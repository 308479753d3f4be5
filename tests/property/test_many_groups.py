"""Groupings of more keys than a worker keeps near at hand: first every row has a key of its own,
then the same keys come again; against Arrow's own grouping.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from velaria import _kernel

# A worker keeps 16 MB of keys near at hand; so many groups take more.
GROUPS = {"integer": 650_000, "integers": 400_000, "texts": 350_000, "long texts": 250_000}
rng = np.random.default_rng(11)


def numbers(groups: int, nulls: bool = True) -> pa.Array:
    """Each number once, then numbers that were there, half as many; of a thousand one is NULL."""
    values = np.concatenate([rng.permutation(groups), rng.integers(0, groups, groups // 2)])
    return pa.array(values, pa.int64(), mask=(values % 1000 == 7) if nulls else None)


def texts(values: pa.Array, prefix: str) -> pa.Array:
    return pa.array([None if v is None else f"{prefix}{v}" for v in values.to_pylist()])


def keys_of(kind: str) -> dict[str, pa.Array]:
    values = numbers(GROUPS[kind])
    if kind == "integer":
        return {"a": values}
    if kind == "integers":
        return {"a": values, "b": values.cast(pa.float64())}
    if kind == "texts":
        return {"a": texts(values, "k"), "b": values}
    return {"a": texts(values, "longer than fifteen bytes ")}


@pytest.mark.parametrize(
    ("kind", "threads"), [("integer", 1), ("integers", 2), ("texts", 1), ("long texts", 2)]
)
def test_many_groups_are_those_of_arrow(kind: str, threads: int) -> None:
    keys = keys_of(kind)
    names = list(keys)
    rows = len(keys["a"])
    table = pa.table({**keys, "v": pa.array(rng.integers(-1000, 1000, rows), pa.int64())})
    session = _kernel.Session(threads=threads)
    session.register_arrow("t", table)
    columns = ", ".join(names)
    got = session.execute(
        f"SELECT {columns}, count(*) AS n, sum(v) AS s, min(v) AS low, max(v) AS high"
        f" FROM t GROUP BY {columns}"
    ).read_all()
    want = (
        table.group_by(names)
        .aggregate([([], "count_all"), ("v", "sum"), ("v", "min"), ("v", "max")])
        .rename_columns([*names, "n", "s", "low", "high"])
    )
    assert got.num_rows == want.num_rows
    order = [(name, "ascending") for name in names]
    sorted_want = want.select(got.column_names).sort_by(order).cast(got.schema)
    assert got.sort_by(order).combine_chunks().equals(sorted_want.combine_chunks())


def test_distinct_values_of_many_groups_are_counted_once() -> None:
    values = numbers(GROUPS["integers"], nulls=False)
    table = pa.table({"a": values, "v": pa.array(rng.integers(0, 3, len(values)))})
    session = _kernel.Session(threads=2)
    session.register_arrow("t", table)
    got = session.execute(
        "SELECT sum(d) AS s FROM (SELECT count(DISTINCT v) AS d FROM t GROUP BY a)"
    ).read_all()
    assert got["s"].to_pylist() == [table.group_by(["a", "v"]).aggregate([]).num_rows]
