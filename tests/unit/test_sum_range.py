"""What is said of a sum that leaves its range: the function that was called, the sum's type and
the place of the call."""

import pytest

from velaria import _kernel

LARGE = "(VALUES (1e308::DOUBLE), (1e308::DOUBLE)) v(x)"
REALS = "(VALUES (3e38::REAL), (3e38::REAL)) v(x)"
NINES = f"(VALUES ({'9' * 38}::DECIMAL(38,0)), ({'9' * 38}::DECIMAL(38,0))) v(x)"
OVER = "OVER (ORDER BY x ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)"


@pytest.mark.parametrize(
    ("call", "rows", "message"),
    [
        ("sum(x)", LARGE, "sum out of range: DOUBLE"),
        ("avg(x)", LARGE, "avg out of range: DOUBLE"),
        (f"sum(x) {OVER}", LARGE, "sum out of range: DOUBLE"),
        (f"avg(x) {OVER}", LARGE, "avg out of range: DOUBLE"),
        ("sum(x)", REALS, "sum out of range: REAL"),
        (f"sum(x) {OVER}", REALS, "sum out of range: REAL"),
        ("sum(x)", NINES, "sum out of range: DECIMAL(38,0)"),
        (f"sum(x) {OVER}", NINES, "sum out of range: DECIMAL(38,0)"),
        ("avg(x)", NINES, "avg out of range: DECIMAL(38,0)"),
        ("sum(x) FILTER (WHERE x > 0)", LARGE, "sum out of range: DOUBLE"),
    ],
)
def test_the_error_names_the_function_the_type_and_the_place(
    call: str, rows: str, message: str
) -> None:
    session = _kernel.Session(threads=1)
    with pytest.raises(_kernel.ExecutionError) as refusal:
        session.execute(f"SELECT 1,\n  {call} FROM {rows}").read_all()
    error = refusal.value
    assert (error.code, error.message, error.line, error.column) == ("VEL3002", message, 2, 3)
    session.close()
