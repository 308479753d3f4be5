"""Errors about files have the place of what they speak of: of the option, its value, the path, or
the table that reads the file.
"""

import gzip
from pathlib import Path

import pytest

import velaria

FILES = {
    "bad_line.json": b'{"a": 1}\n{"a": 2}\nxx\n',
    "numbers.json": b"[1, 2, 3]\n",
    "packed.csv": gzip.compress(b"a,b\n1,2\n"),
    "good.csv": b"a,b\n1,2\n",
    "ragged.csv": b"a,b\n1,2\n3\n",
    "late.csv": b"a,b\n1,2\nx,4\n",
    "latin.csv": "a,b\n1,na\u00efve\n".encode("latin-1"),
    "open.csv": b'a,b\n1,"x\n2,3\n',
    "german.csv": b"day,n\n31.12.2023,1\n2024-01-01,2\n",
    "open.json": b'[{"a": 1},\n{"a": 2}\n',
    "cut.csv.gz": gzip.compress(b"a,b\n1,2\n" * 1000)[:-12],
    "not.parquet": b"PAR1 and then nothing",
}

# A bar stands before the token that the error is at.
ERRORS = [
    ("VEL4002", "SELECT a FROM |'ragged.csv'"),
    ("VEL4002", "SELECT a\nFROM |read_csv('late.csv', sample_size := 1)"),
    ("VEL4002", "SELECT b FROM |read_csv('latin.csv')"),
    ("VEL4002", "SELECT b FROM |read_csv('open.csv', header := true)"),
    (
        "VEL4002",
        "SELECT * FROM |read_csv('german.csv', dateformat := '%d.%m.%Y', sample_size := 1)",
    ),
    ("VEL4002", "SELECT * FROM |read_json('open.json')"),
    ("VEL4002", "SELECT * FROM |'cut.csv.gz'"),
    ("VEL4002", "SELECT * FROM |'not.parquet'"),
    ("VEL4001", "SELECT * FROM |'nothing.csv'"),
    ("VEL4002", "SELECT sum(x.b) FROM |ragged AS x"),
    ("VEL4002", "SELECT b FROM (SELECT * FROM |view_of_view)"),
    ("VEL4004", "SELECT * FROM read_csv('good.csv', |heder := true)"),
    ("VEL4004", "SELECT * FROM read_csv('good.csv', header := true, delim := |'ab', skip := 0)"),
    ("VEL4004", "SELECT * FROM read_csv('good.csv', dateformat := |{'a': 1})"),
    ("VEL4004", "SELECT * FROM read_csv('good.csv', skip := 1, |skip := 2)"),
    ("VEL4004", "SELECT * FROM read_csv('good.csv', |path := 'b.csv')"),
    ("VEL4004", "CREATE TABLE t USING |cvs OPTIONS(path: 'good.csv')"),
    ("VEL4004", "CREATE TABLE t USING csv OPTIONS(path: 'good.csv', |delimitr: ';')"),
    ("VEL4004", "CREATE TABLE t USING csv OPTIONS(path: 'good.csv',\n  header: |'maybe')"),
    ("VEL4004", "CREATE TABLE t USING csv OPTIONS(|pth: 'good.csv')"),
    ("VEL4004", "CREATE TABLE t USING csv OPTIONS(path: 'good.csv', skip: 1, |skip: 2)"),
    ("VEL4005", "CREATE TABLE t (x BIGINT, b BIGINT) USING csv OPTIONS(path: |'good.csv')"),
    ("VEL4002", "CREATE TABLE t USING parquet OPTIONS(path: |'not.parquet')"),
    ("VEL4001", "CREATE TABLE t USING csv OPTIONS(path: |'/etc/passwd')"),
    ("VEL4002", "COPY two FROM |'ragged.csv'"),
    ("VEL4002", "COPY two\nFROM |'late.csv'"),
    ("VEL4005", "COPY two FROM |'german.csv' (HEADER true, DELIMITER ';')"),
    ("VEL4001", "COPY two FROM |'nothing.csv'"),
    ("VEL4004", "COPY two FROM 'good.csv' (HEADER |'maybe')"),
    ("VEL4004", "COPY two FROM 'good.csv' (FORMAT |cvs)"),
    ("VEL4004", "COPY two TO 'out.csv' (|HEDER true)"),
    ("VEL4004", "COPY two TO 'out.csv' (HEADER |'maybe')"),
    ("VEL4004", "COPY two TO 'out.csv' (COMPRESSION |'rar')"),
    ("VEL4004", "COPY two TO |'out.unknown'"),
    ("VEL4001", "COPY two TO |'/etc/out.csv'"),
    ("VEL1006", "SELECT * FROM read_csv(|$1)"),
    ("VEL4004", "SELECT * FROM read_line('good.csv', mode := |'regx', regex_pattern := 'a')"),
]


@pytest.mark.parametrize(("code", "marked"), ERRORS, ids=[marked for _, marked in ERRORS])
def test_errors_about_files_have_their_place(tmp_path: Path, code: str, marked: str) -> None:
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    before, _, behind = marked.partition("|")
    line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
    with velaria.Session(allowed_roots=[tmp_path]) as session:
        session.sql("CREATE TABLE two (a BIGINT, b BIGINT)")
        session.sql("CREATE TABLE ragged USING csv OPTIONS(path: 'ragged.csv')")
        session.sql("CREATE VIEW view_of_file AS SELECT *, 1 AS one FROM 'ragged.csv'")
        session.sql("CREATE VIEW view_of_view AS SELECT * FROM view_of_file")
        with pytest.raises(velaria.KernelError) as caught:
            session.sql(before + behind).to_rows()
    error = caught.value
    assert (error.code, error.line, error.column) == (code, line, column)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("null := [1, 2]", "null takes a text or a list of texts, not a value of type: INTEGER[]"),
        ("quote := 1", "quote takes a text, not a value of type: INTEGER"),
        ("header := 0", "header takes true or false, not a value of type: INTEGER"),
        ("skip := true", "skip takes a number, not a value of type: BOOLEAN"),
        ("columns := 5", "columns takes names with their types, not a value of type: INTEGER"),
        ("types := 'a'", "types takes names with their types, not a value of type: VARCHAR"),
    ],
)
def test_an_option_says_what_it_takes(session: velaria.Session, option: str, message: str) -> None:
    with pytest.raises(velaria.KernelError) as caught:
        session.sql(f"SELECT * FROM read_csv('any.csv', {option})")
    assert (caught.value.code, caught.value.message) == ("VEL4004", message)


def test_all_options_are_listed(session: velaria.Session) -> None:
    with pytest.raises(velaria.KernelError) as caught:
        session.sql("SELECT * FROM read_csv('any.csv', nothing_like_it := 1)")
    for option in ("types", "dtypes", "columns", "null", "nullstr", "union_by_name"):
        assert f" {option}," in caught.value.hint


@pytest.mark.parametrize(
    ("option", "near"),
    [
        ("compression := 'zsdt'", "zstd"),
        ("encoding := 'latin'", "latin1"),
        ("delimitr := ';'", "delimiter"),
    ],
)
def test_a_value_near_one_that_is_allowed_is_suggested(
    session: velaria.Session, option: str, near: str
) -> None:
    with pytest.raises(velaria.KernelError) as caught:
        session.sql(f"SELECT * FROM read_csv('any.csv', {option})")
    assert caught.value.hint == f"Did you mean {near}?"


@pytest.mark.parametrize(
    ("sql", "message", "hint"),
    [
        ("SELECT * FROM 'bad_line.json'", "line 3 of bad_line.json: is not JSON, ", ""),
        ("SELECT * FROM 'numbers.json'", "line 1 of numbers.json: is not an object", ""),
        ("SELECT * FROM 'packed.csv'", "file is compressed by gzip: packed.csv", "'gzip'"),
        ("SELECT * FROM '*.cvs'", "no file that may be read matches the pattern: *.cvs", ""),
        ("SELECT * FROM 'god.csv'", "path is not allowed or not there: god.csv", "mean good.csv?"),
        ("SELECT * FROM './god.csv'", "path is not allowed", "Did you mean ./good.csv?"),
        ("SELECT * FROM '../outside/god.csv'", "path is not allowed", "Name an existing"),
        ("SELECT * FROM 'lnk.csv'", "path is not allowed", "Name an existing"),
        (
            "SELECT a FROM read_csv('late.csv', types := {'a': 'INTEGER'})",
            "line 3 of late.csv, column a, is not INTEGER: x",
            "Read the column as text: types := {'a': 'VARCHAR'}",
        ),
    ],
)
def test_errors_about_files_say_what_is_wrong_with_them(
    tmp_path: Path, sql: str, message: str, hint: str
) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (outside / "good.csv").write_bytes(FILES["good.csv"])
    (inside / "link.csv").symlink_to(outside / "good.csv")
    for name, content in FILES.items():
        (inside / name).write_bytes(content)
    session = velaria.Session(allowed_roots=[inside])
    with session, pytest.raises(velaria.KernelError) as caught:
        session.sql(sql).to_rows()
    assert caught.value.message.startswith(message)
    assert hint in caught.value.hint
