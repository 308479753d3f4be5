"""Errors whose place is that of a part of the statement, not of its beginning."""

import pytest

from velaria import _kernel

TABLES = (
    "CREATE TABLE t(a INTEGER, b INTEGER)",
    "INSERT INTO t VALUES (1, 1), (1, 2)",
    "CREATE TABLE u(a INTEGER)",
    "INSERT INTO u VALUES (1)",
    "CREATE VIEW v AS SELECT\n 1 / (a - a) AS d, CAST('x' || a AS INTEGER) AS c FROM t",
    "CREATE VIEW w AS SELECT\n sum(1e308) AS s FROM t",
    "CREATE VIEW x AS SELECT\n (SELECT a FROM t) AS s",
    "CREATE VIEW y AS SELECT\n s FROM w",
)


@pytest.mark.parametrize(
    ("sql", "code", "column"),
    [
        ("SELECT 1 UNION SELECT 'x'", "VEL2007", 23),
        ("SELECT 'x' UNION ALL SELECT 1", "VEL2007", 8),
        ("SELECT 1, 2 UNION ALL VALUES (3, '4'), (5, 'y')", "VEL2007", 44),
        ("SELECT 1, (SELECT a FROM t)", "VEL3013", 11),
        ("SELECT 1, (SELECT b FROM t WHERE t.a = u.a) FROM u", "VEL3013", 11),
        ("SELECT 1 FROM u WHERE a = (SELECT b FROM t WHERE t.a < u.a + 5)", "VEL3013", 27),
        ("SELECT (1, 2) = (SELECT a, b FROM t)", "VEL3013", 17),
        ("UPDATE u SET a = (SELECT b FROM t WHERE t.a = u.a)", "VEL3013", 18),
        # What may not stand where an alias is named.
        ("SELECT sum(b) AS s FROM t WHERE s > 1", "VEL2019", 33),
        ("SELECT random() AS r, r + 1 AS n FROM t", "VEL2002", 23),
        # What fails inside a view has the place where the view is read.
        ("SELECT 1, d FROM v", "VEL3001", 18),
        ("SELECT 1, c FROM v", "VEL3003", 18),
        ("SELECT 1, s FROM w", "VEL3002", 18),
        ("SELECT 1, s FROM x", "VEL3013", 18),
        ("SELECT 1, s FROM y", "VEL3002", 18),
    ],
)
def test_an_error_points_at_what_is_meant(sql: str, code: str, column: int) -> None:
    session = _kernel.Session(threads=1)
    for statement in TABLES:
        session.execute(statement)
    with pytest.raises(_kernel.KernelError) as refusal:
        session.execute(sql).read_all()
    error = refusal.value
    assert (error.code, error.line, error.column) == (code, 1, column)
    session.close()
