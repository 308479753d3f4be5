"""SET float_sum = 'reproducible': the sum depends on the values alone, and is as near as fsum's."""

from __future__ import annotations

import math
import random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from velaria import _kernel

_values = st.lists(
    st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300)
)


def total(values: list[float], *, sql: str = "SELECT sum(x), avg(x) FROM t") -> tuple[float, float]:
    session = _kernel.Session()
    session.execute("CREATE TABLE t(x DOUBLE, k BIGINT)")
    session.execute("SET float_sum = 'reproducible'")
    schema = pa.schema({"x": pa.float64(), "k": pa.int64()})
    ingest = session.ingest("t", schema)
    ingest.write(pa.record_batch([pa.array(values), pa.array(range(len(values)))], schema))
    table = session.execute(sql).read_all()
    session.close()
    return table.column(0)[0].as_py(), table.column(1)[0].as_py()


@given(values=_values.filter(bool), seed=st.integers(0, 2**32))
@settings(max_examples=200, deadline=None, print_blob=True)
def test_a_sum_does_not_depend_on_the_order_of_its_terms(values: list[float], seed: int) -> None:
    shuffled = list(values)
    random.Random(seed).shuffle(shuffled)
    assert total(values) == total(shuffled)


@given(values=_values.filter(bool))
@settings(max_examples=200, deadline=None, print_blob=True)
def test_a_sum_is_within_a_unit_in_the_last_place_of_its_largest_term(values: list[float]) -> None:
    found, mean = total(values)
    largest = max(abs(value) for value in values)
    bound = math.ulp(max(abs(math.fsum(values)), largest * 2.0**-30 * len(values)))
    assert abs(found - math.fsum(values)) <= bound
    assert mean == found / len(values)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1e16, 1.0, -1e16], 1.0),
        ([1e16, 1.5, 1.5, -1e16], 3.0),
        ([0.1] * 10, 1.0),
        ([5e-324, 5e-324, -5e-324], 5e-324),
        ([2.2250738585072014e-308, -5e-324], 2.225073858507201e-308),
        ([1e300, -1e300, 3.0], 0.0),  # 3 is more than 60 digits below the largest term
        ([-0.5, -0.25], -0.75),
        ([math.inf, 1.0], math.inf),
        ([-math.inf, 1.0], -math.inf),
    ],
)
def test_sums_worked_out_by_hand(values: list[float], expected: float) -> None:
    assert total(values)[0] == expected


def test_infinities_of_both_signs_give_no_number() -> None:
    assert math.isnan(total([math.inf, -math.inf])[0])


def test_reals_are_summed_like_doubles_and_rounded_once() -> None:
    found, _ = total([1e8, 1.0, -1e8], sql="SELECT sum(x::REAL), avg(x::REAL) FROM t")
    assert found == 1.0
