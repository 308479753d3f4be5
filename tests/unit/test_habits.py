"""What people write from habit with another database is answered by what to write here."""

from pathlib import Path

import pytest

import velaria
from velaria import _kernel

TABLES = (
    "CREATE TABLE t(a INTEGER PRIMARY KEY, b VARCHAR, x INTEGER)",
    "INSERT INTO t VALUES (1, 'p', 1)",
    "CREATE TABLE u(a INTEGER)",
    "INSERT INTO u VALUES (1), (1)",
)


def _refusal(sql: str) -> _kernel.KernelError:
    session = _kernel.Session(threads=1)
    for statement in TABLES:
        session.execute(statement)
    with pytest.raises(_kernel.KernelError) as refusal:
        session.execute(sql).read_all()
    session.close()
    return refusal.value


@pytest.mark.parametrize(
    ("sql", "code", "column", "hint"),
    [
        ("SELECT `a` FROM t", "VEL2001", 8, 'Quote names with double quotes: "a".'),
        ("SELECT `a b` FROM t", "VEL2001", 8, 'Quote names with double quotes: "a b".'),
        ("SELECT `a FROM t", "VEL2001", 8, "Quote names with double quotes."),
        ('SELECT "abc" FROM t', "VEL2012", 8, "a text stands in single quotes"),
        ('SELECT "B1" FROM (SELECT 1 AS b2)', "VEL2012", 8, "Did you mean b2?"),
        ("SELECT 1 LIMIT 5, 10", "VEL2001", 17, "Write LIMIT 10 OFFSET 5."),
        ("SELECT a FROM t LIMIT 1 + 1, 10", "VEL2001", 28, "Write LIMIT 10 OFFSET 1 + 1."),
        ("SELECT TOP 5 * FROM t", "VEL2001", 8, "Write LIMIT 5 at the end of the query."),
        ("SELECT TOP (5) a FROM t", "VEL2014", 8, "Write LIMIT n at the end of the query."),
        ("SELECT 7 // 2", "VEL2002", 10, "a / b, which drops the remainder of integers"),
        ("SELECT 7 ** 2", "VEL2002", 10, "power(a, b)"),
        ("SHOW DATABASES", "VEL1007", 6, "SHOW SCHEMAS"),
        ("SHOW STREAMS", "VEL1007", 6, "SHOW TABLES"),
        ("SHOW tabels", "VEL1007", 6, "Did you mean tables?"),
        ("SHOW nosuch", "VEL1007", 6, "SHOW takes a setting, or ALL, TABLES"),
        ("SELECT 1 FROM DUAL", "VEL2011", 15, "Leave FROM out"),
        ("DELETE t WHERE a = 1", "VEL2001", 8, "DELETE FROM table WHERE"),
        ("DELETE FORM t", "VEL2001", 8, "Did you mean FROM?"),
        ("ALTER TABLE t MODIFY a BIGINT", "VEL2001", 15, "ALTER COLUMN a TYPE BIGINT"),
        ("ALTER TABLE t CHANGE a c BIGINT", "VEL2001", 15, "RENAME COLUMN a TO b"),
        ("SELECT DISTINCT ON a a FROM t", "VEL2001", 20, "DISTINCT ON (a, b)"),
        ("SELECT * FROM t JOIN u", "VEL2001", 23, "CROSS JOIN for all pairs"),
        ("SELECT * FROM t LEFT JOIN u WHERE t.a = u.a", "VEL2001", 29, "Write ON condition"),
        ("SELECT 1; SELECT 2", "VEL2001", 11, "Send one statement at a time"),
        ("SELECT 'it's'", "VEL2001", 13, "a quote inside is written twice"),
        ("SELECT 'it's', 'b'", "VEL2001", 13, "A quote inside a string is written twice"),
    ],
)
def test_another_spelling_is_answered_by_ours(sql: str, code: str, column: int, hint: str) -> None:
    error = _refusal(sql)
    assert (error.code, error.column) == (code, column)
    assert hint in (error.hint or "")


@pytest.mark.parametrize(
    ("sql", "column", "name"),
    [
        ("SELECT * FROM t PIVOT (sum(x) FOR a IN (1, 2))", 17, "PIVOT"),
        ("SELECT * FROM t AS p PIVOT (sum(x) FOR a IN (1, 2))", 22, "PIVOT"),
        ("SELECT * FROM t UNPIVOT (v FOR n IN (a, x))", 17, "UNPIVOT"),
        ("SELECT * FROM t MATCH_RECOGNIZE (PARTITION BY a)", 17, "MATCH_RECOGNIZE"),
        ("SELECT * FROM t POSITIONAL JOIN u", 17, "POSITIONAL JOIN"),
        ("SELECT * RENAME (a AS z) FROM t", 10, "RENAME"),
        ("SELECT COLUMNS('a') FROM t", 8, "columns(...)"),
        ("SELECT list_transform([1, 2], x -> x + 1)", 8, "list_transform(...)"),
        ("SELECT list_filter([1, 2], x -> x > 1)", 8, "list_filter(...)"),
        ("SELECT list_transform([1], lambda x: x + 1)", 28, "LAMBDA"),
    ],
)
def test_what_is_not_offered_is_refused_by_name(sql: str, column: int, name: str) -> None:
    error = _refusal(sql)
    assert (error.code, error.column) == ("VEL2002", column)
    assert error.message.endswith(": " + name)


@pytest.mark.parametrize(
    ("call", "hint"),
    [
        ("getdate()", "now()"),
        ("sysdate()", "now()"),
        ("systimestamp()", "now()"),
        ("convert(INT, '1')", "CAST(value AS type)"),
        ("dateadd(day, 1, DATE '2020-01-01')", "INTERVAL '1' DAY"),
        ("timestampdiff(day, now(), now())", "date_diff('day', earlier, later)"),
        ("regexp_match('abc', 'b')", "regexp_matches(text, pattern)"),
        ("nvl2(1, 2, 3)", "CASE WHEN value IS NOT NULL"),
        ("charindex('b', 'abc')", "strpos(text, part)"),
        ("stuff('abc', 1, 1, 'x')", "overlay("),
        ("stdev(1) OVER ()", "stddev(value)"),
    ],
)
def test_a_function_of_another_name_is_told(call: str, hint: str) -> None:
    error = _refusal("SELECT " + call)
    assert (error.code, error.column) == ("VEL2014", 8)
    assert hint in (error.hint or "")


def test_isnull_with_arguments_is_coalesce() -> None:
    error = _refusal("SELECT ISNULL(a, 1) FROM t")
    assert (error.code, error.column) == ("VEL2001", 8)
    assert "coalesce(value, other)" in (error.hint or "")


@pytest.mark.parametrize(
    ("column_type", "code", "hint"),
    [
        ("JSON", "VEL2017", "kept as VARCHAR"),
        ("jsonb", "VEL2017", "kept as VARCHAR"),
        ("SERIAL", "VEL2017", "no sequences"),
        ("BIGSERIAL", "VEL2017", "no sequences"),
        ("DATETIME2", "VEL2017", "Use TIMESTAMP."),
        ("MONEY", "VEL2017", "DECIMAL(18, 2)"),
        ("NVARCHAR(10)", "VEL2017", "Use VARCHAR"),
        ("UUID", "VEL2017", "gen_random_uuid()"),
        ("MAP", "VEL2017", "MAP(VARCHAR, INTEGER)"),
        ("ENUM('a', 'b')", "VEL2002", "CHECK (value IN ('a', 'b'))"),
        ("INTEGRE", "VEL2017", "Did you mean INTEGER?"),
        ("INT AUTO_INCREMENT", "VEL2001", "no sequences"),
        ("INT IDENTITY(1, 1)", "VEL2001", "no sequences"),
    ],
)
def test_a_type_of_another_name_is_told(column_type: str, code: str, hint: str) -> None:
    error = _refusal(f"CREATE TABLE made(id {column_type})")
    assert error.code == code
    assert hint in (error.hint or "")


@pytest.mark.parametrize(
    ("sql", "hint"),
    [
        ("INSERT INTO t VALUES (1, 'q', 2)", "Use INSERT ... ON CONFLICT"),
        ("CREATE UNIQUE INDEX i ON u(a)", "GROUP BY and HAVING count(*) > 1"),
        ("ALTER TABLE u ADD PRIMARY KEY (a)", "GROUP BY and HAVING count(*) > 1"),
        ("ALTER TABLE u ADD UNIQUE (a)", "GROUP BY and HAVING count(*) > 1"),
    ],
)
def test_a_duplicate_key_is_answered_by_what_fits_the_statement(sql: str, hint: str) -> None:
    error = _refusal(sql)
    assert error.code == "VEL3005"
    assert hint in (error.hint or "")


def test_a_duplicate_key_in_a_file_is_not_answered_by_insert(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("a\n1\n1\n")
    with velaria.Session(allowed_roots=[tmp_path]) as session:
        session.sql("CREATE TABLE t(a INTEGER PRIMARY KEY)")
        with pytest.raises(velaria.KernelError) as refusal:
            session.sql(f"COPY t FROM '{tmp_path}/rows.csv' (HEADER)")
        assert refusal.value.code == "VEL3005"
        assert "Copy into a table without keys" in (refusal.value.hint or "")
