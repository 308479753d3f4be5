"""Errors whose place is that of a part of the statement, not of its beginning."""

import pytest

from velaria import _kernel


@pytest.mark.parametrize(
    ("sql", "code", "column"),
    [
        ("SELECT 1 UNION SELECT 'x'", "VEL2007", 23),
        ("SELECT 'x' UNION ALL SELECT 1", "VEL2007", 8),
        ("SELECT 1, 2 UNION ALL VALUES (3, '4'), (5, 'y')", "VEL2007", 44),
    ],
)
def test_an_error_points_at_what_is_meant(sql: str, code: str, column: int) -> None:
    session = _kernel.Session(threads=1)
    with pytest.raises(_kernel.KernelError) as refusal:
        session.execute(sql).read_all()
    error = refusal.value
    assert (error.code, error.line, error.column) == (code, 1, column)
    session.close()
