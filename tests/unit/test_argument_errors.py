"""A call with arguments that an aggregate does not take names the function and its signature."""

import pytest

from velaria import _kernel


@pytest.mark.parametrize(
    ("call", "said", "function"),
    [
        ("sum(1, 2)", "sum takes these arguments: (INTEGER, INTEGER)", "sum("),
        ("sum(1, 2) OVER ()", "sum takes these arguments: (INTEGER, INTEGER)", "sum("),
        ("avg()", "avg takes these arguments: ()", "avg("),
        ("sum('a' || 'b')", "sum takes these arguments: (VARCHAR)", "sum("),
        ("max(1, 2)", "max takes these arguments: (INTEGER, INTEGER)", "max("),
        ("bool_and(1, 2)", "bool_and takes these arguments: (INTEGER, INTEGER)", "bool_and("),
        ("bool_or(1)", "bool_or takes these arguments: (INTEGER)", "bool_or("),
    ],
)
def test_the_error_names_the_function(call: str, said: str, function: str) -> None:
    session = _kernel.Session(threads=1)
    with pytest.raises(_kernel.SqlError) as refusal:
        session.execute(f"SELECT {call}").read_all()
    error = refusal.value
    assert (error.code, error.message) == ("VEL2015", f"no variant of {said}")
    assert error.hint.startswith(f"The signature is {function}")
    session.close()
