"""Hints of errors in files name the option that helps, as the statement at hand spells it."""

from pathlib import Path

import pytest

import velaria

ROWS_SAMPLED = 65  # of a megabyte each: types are inferred from the first 64 MB


@pytest.mark.parametrize(
    ("late", "hint"),
    [
        ("[16777217, 2]", "Say the column's type: types := {'ids': 'BIGINT[]'}."),
        ("[123456789, 0.5]", "Say the column's type: types := {'ids': 'DOUBLE[]'}."),
    ],
)
def test_an_integer_behind_the_sample_is_not_rounded(tmp_path: Path, late: str, hint: str) -> None:
    path = tmp_path / "late.json"
    padding = "x" * (1 << 20)
    with path.open("w") as file:
        for _ in range(ROWS_SAMPLED):
            file.write(f'{{"ids": [1, 2], "pad": "{padding}"}}\n')
        file.write(f'{{"ids": {late}, "pad": ""}}\n')
    with velaria.Session(allowed_roots=[tmp_path]) as session:
        with pytest.raises(velaria.KernelError) as refusal:
            session.sql(f"SELECT sum(ids[1]) FROM '{path}'").to_arrow()
        assert (refusal.value.code, refusal.value.hint) == ("VEL4002", hint)
        assert f"line {ROWS_SAMPLED + 1} of" in refusal.value.message
        typed = session.sql(
            f"SELECT sum(ids[1]) AS s FROM read_json('{path}', types := {{'ids': 'DOUBLE[]'}})"
        )
        assert typed.to_arrow().column("s")[0].as_py() == ROWS_SAMPLED + float(
            late[1:].split(",")[0]
        )


FILES = {
    "late_text.csv": "qty,n\n1,1\nNA,2\n",
    "late_date.csv": "day,n\n2024-01-01,1\n31.12.2023,2\n",
    "remark.csv": "a,b\n1,2\n# no row\n3,4\n",
    "notes.csv": "made by hand\nin two lines\nid,n\n1,2\n",
    "short_row.csv": "a,b\n1,2\n3\n",
}


@pytest.mark.parametrize(
    ("sql", "hint"),
    [
        (
            "SELECT * FROM read_csv('late_text.csv', sample_size := 1)",
            "The type was inferred from other rows. Read the column as text: types := "
            "{'qty': 'VARCHAR'}, or say which text is NULL: nullstr := 'NA'.",
        ),
        (
            "SELECT * FROM read_csv('late_text.csv', types := {'qty': 'INTEGER'})",
            "Read the column as text: types := {'qty': 'VARCHAR'}, or say which text is NULL: "
            "nullstr := 'NA'.",
        ),
        ("COPY texts FROM 'late_text.csv'", "Say which text is NULL: (NULL 'NA')."),
        (
            "COPY days FROM 'late_date.csv'",
            "Say how values are written: (DATEFORMAT '%d.%m.%Y'), or say which text is NULL: "
            "(NULL 'NA').",
        ),
        (
            "SELECT * FROM declared",
            "Declare the column as VARCHAR, or say which text is NULL: OPTIONS(null: 'NA').",
        ),
        (
            "SELECT * FROM read_csv('late_date.csv', sample_size := 1)",
            "The type was inferred from other rows. Read the column as text: types := "
            "{'day': 'VARCHAR'}, say how values are written: dateformat := '%d.%m.%Y', or say "
            "which text is NULL: nullstr := 'NA'.",
        ),
        ("SELECT * FROM 'remark.csv'", "Leave lines that begin with # out: comment := '#'."),
        ("COPY texts FROM 'remark.csv'", "Leave lines that begin with # out: (COMMENT '#')."),
        (
            "SELECT * FROM 'notes.csv'",
            "Leave the lines above out if they are no rows: skip := 2.",
        ),
        (
            "SELECT * FROM 'short_row.csv'",
            "Quote fields that hold the delimiter, name the delimiter: delimiter := ';', or leave "
            "such rows out: ignore_errors := true.",
        ),
    ],
)
def test_a_hint_is_written_as_the_statement_is(tmp_path: Path, sql: str, hint: str) -> None:
    for name, content in FILES.items():
        (tmp_path / name).write_text(content)
    with velaria.Session(allowed_roots=[tmp_path]) as session:
        session.sql("CREATE TABLE texts (qty BIGINT, n BIGINT)")
        session.sql("CREATE TABLE days (day DATE, n BIGINT)")
        session.sql(
            "CREATE TABLE declared (qty BIGINT, n BIGINT) USING csv OPTIONS(path: 'late_text.csv')"
        )
        with pytest.raises(velaria.KernelError) as refusal:
            session.sql(sql).to_arrow()
    assert (refusal.value.code, refusal.value.hint) == ("VEL4002", hint)
