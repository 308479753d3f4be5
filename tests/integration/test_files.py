"""Files as tables: what SQL says of a path is what is in the file."""

import csv
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import velaria

FLIGHTS = """\ufeffyear,carrier,dep_time,time_hour,tailnum
2013,UA,517,2013-01-01T10:00:00Z,N14228
2013,"AA",NA,2013-01-01T10:00:00Z,""
2013,B6,533,2013-01-01T10:00:00Z,NA
"""


def code_of(caught: pytest.ExceptionInfo[velaria.KernelError]) -> str:
    assert "\n" not in caught.value.message
    return caught.value.code


@pytest.fixture
def flights_path(tmp_path: Path) -> Path:
    path = tmp_path / "flights.csv"
    path.write_text(FLIGHTS, encoding="utf-8")
    return path


def test_a_path_in_from_is_a_table(session: velaria.Session, flights_path: Path) -> None:
    rows = session.sql(
        f"SELECT carrier, year FROM '{flights_path}' WHERE carrier <> 'AA'"
    ).to_rows()
    assert rows == [("UA", 2013), ("B6", 2013)]
    assert session.sql(f"SELECT count(*) FROM '{flights_path}'").to_rows() == [(3,)]


def test_options_say_which_text_is_null(session: velaria.Session, flights_path: Path) -> None:
    session.sql(f"CREATE TABLE flights USING csv OPTIONS(path: '{flights_path}', null: 'NA')")
    frame = session.sql("SELECT dep_time, tailnum FROM flights")
    assert frame.to_rows() == [(517, "N14228"), (None, ""), (533, None)]
    assert session.sql("SELECT sum(dep_time) FROM flights").to_rows() == [(1050,)]
    hours = session.sql("SELECT time_hour FROM flights").schema
    assert hours.field("time_hour").type == pa.timestamp("us", "UTC")


def test_declared_columns_decide_the_types(session: velaria.Session, tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    path.write_text("id;price\n1;2.50\n2;\n")
    session.sql(
        "CREATE TABLE prices (id INTEGER, price DECIMAL(10,2)) "
        f"USING csv OPTIONS(path: '{path}', delimiter: ';')"
    )
    assert session.sql("SELECT sum(price) AS s FROM prices").to_arrow().to_pydict()["s"] == [
        pa.scalar("2.50").cast(pa.decimal128(38, 2)).as_py()
    ]
    with pytest.raises(velaria.SourceError) as caught:
        session.sql(
            f"CREATE TABLE wrong (ident INTEGER, price VARCHAR) USING csv OPTIONS(path: '{path}')"
        )
        session.sql("SELECT * FROM wrong").to_rows()
    assert code_of(caught) == "VEL4005"


def test_errors_in_a_file_name_their_line(session: velaria.Session, tmp_path: Path) -> None:
    ragged = tmp_path / "ragged.csv"
    ragged.write_text("a,b\n1,2\n\n3\n")
    with pytest.raises(velaria.SourceError) as caught:
        session.sql(f"SELECT * FROM '{ragged}'").to_rows()
    assert code_of(caught) == "VEL4002"
    assert "line 4 of" in caught.value.message
    typed = tmp_path / "typed.csv"
    typed.write_text("a\n1\nx\n")
    session.sql(f"CREATE TABLE typed (a BIGINT) USING csv OPTIONS(path: '{typed}')")
    with pytest.raises(velaria.SourceError) as caught:
        session.sql("SELECT * FROM typed").to_rows()
    assert caught.value.message.endswith(", column a, is not BIGINT: x")
    assert "line 3 of" in caught.value.message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("delimeter: ';'", "unknown option: delimeter"),
        ("delimiter: 'ab'", "delimiter is not one character: ab"),
        ("header: 'maybe'", "header is not true or false: maybe"),
    ],
)
def test_options_are_checked(
    session: velaria.Session, flights_path: Path, options: str, message: str
) -> None:
    with pytest.raises(velaria.SourceError) as caught:
        session.sql(f"CREATE TABLE t USING csv OPTIONS(path: '{flights_path}', {options})")
    assert (code_of(caught), caught.value.message) == ("VEL4004", message)


def test_only_allowed_roots_are_read(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (inside / "a.csv").write_text("x\n1\n")
    (outside / "secret.csv").write_text("x\n42\n")
    (inside / "link.csv").symlink_to(outside / "secret.csv")
    with velaria.Session(allowed_roots=[inside]) as session:
        assert session.sql("SELECT x FROM 'a.csv'").to_rows() == [(1,)]
        messages = set()
        for path in ["link.csv", "../outside/secret.csv", "missing.csv", f"{outside}/missing.csv"]:
            with pytest.raises(velaria.SourceError) as caught:
                session.sql(f"SELECT x FROM '{path}'").to_rows()
            assert code_of(caught) == "VEL4001"
            messages.add(caught.value.message.replace(path, "PATH"))
        assert messages == {"path is not allowed or not there: PATH"}


def test_parquet_gives_back_what_was_written(session: velaria.Session, tmp_path: Path) -> None:
    table = pa.table(
        {
            "id": pa.array(range(10_000), pa.int64()),
            "name": pa.array([None if i % 11 == 0 else f"n{i}" for i in range(10_000)]),
            "day": pa.array([i % 3000 for i in range(10_000)], pa.date32()),
            "at": pa.array([i * 1000 for i in range(10_000)], pa.timestamp("us")),
            "price": pa.array([i / 4 for i in range(10_000)], pa.float64()),
        }
    )
    path = tmp_path / "t.parquet"
    pq.write_table(table, path, row_group_size=1000)
    assert session.sql(f"SELECT * FROM '{path}'").to_arrow().equals(table)
    counted = f"SELECT count(*), min(id), max(id) FROM '{path}' WHERE id >= 2500 AND id < 7000"
    assert session.sql(counted).to_rows() == [(4500, 2500, 6999)]
    assert session.sql(f"SELECT name FROM '{path}' WHERE name = 'n9998'").to_rows() == [("n9998",)]
    nulls = f"SELECT count(*) FROM '{path}' WHERE name IS NULL"
    assert session.sql(nulls).to_rows() == [(910,)]
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(velaria.SourceError) as caught:
        session.sql(f"SELECT * FROM '{path}'").to_rows()
    assert code_of(caught) == "VEL4002"


def test_rows_of_a_long_file_come_in_its_order(session: velaria.Session, tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    with path.open("w") as out:
        out.write("id,text\n")
        out.writelines(f'{i},"line {i}\nof two"\n' for i in range(200_000))
    ids = session.sql(f"SELECT id FROM '{path}'").to_arrow()["id"].to_pylist()
    assert ids == list(range(200_000))
    assert session.sql(f"SELECT id FROM '{path}' LIMIT 2").to_rows() == [(0,), (1,)]


TEXT = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=12)


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=20),
    delimiter=st.sampled_from(",;\t|"),
    line_end=st.sampled_from(["\n", "\r\n"]),
)
def test_quoted_text_comes_back_as_it_was(
    rows: list[tuple[str, str]], delimiter: str, line_end: str
) -> None:
    """Whatever Python's csv module writes with all quotes is what the kernel reads."""
    with tempfile.TemporaryDirectory() as folder, velaria.Session(threads=2) as session:
        path = Path(folder) / "t.csv"
        with path.open("w", newline="", encoding="utf-8") as out:
            writer = csv.writer(
                out, delimiter=delimiter, lineterminator=line_end, quoting=csv.QUOTE_ALL
            )
            writer.writerows(rows)
        named = {"\t": "tab"}.get(delimiter, delimiter)
        session.sql(
            "CREATE TABLE t (a VARCHAR, b VARCHAR) USING csv "
            f"OPTIONS(path: '{path}', delimiter: '{named}', header: false)"
        )
        assert session.sql("SELECT a, b FROM t").to_rows() == rows
