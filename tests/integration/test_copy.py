"""COPY: a file is there whole or not at all, and what was written reads back."""

import csv
import datetime
import os
import subprocess
import threading
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.ipc as ipc
import pyarrow.parquet as pq
import pytest

import velaria
from tests.server_process import until

MOMENT = datetime.datetime(2013, 1, 1, 5, 15, 0, 250_000)


def every_type() -> pa.Table:
    """One column per type; ordinary values, extremes, nulls."""
    return pa.table(
        {
            "b": pa.array([True, False, None]),
            "i8": pa.array([1, -128, None], pa.int8()),
            "i16": pa.array([2, -32768, None], pa.int16()),
            "i32": pa.array([3, -(2**31), None], pa.int32()),
            "i64": pa.array([4, -(2**63), None], pa.int64()),
            "u8": pa.array([5, 255, None], pa.uint8()),
            "u64": pa.array([6, 2**64 - 1, None], pa.uint64()),
            "f32": pa.array([0.1, -0.25, None], pa.float32()),
            "f64": pa.array([0.1, -1e300, None], pa.float64()),
            "dec": pa.array([Decimal("1.50"), Decimal("-99999999.99"), None], pa.decimal128(10, 2)),
            "s": pa.array(['text, "quoted"\nin two lines', "", None]),
            "blob": pa.array([b"\x00\xff", b"", None], pa.binary()),
            "d": pa.array([MOMENT.date(), datetime.date(1, 1, 1), None], pa.date32()),
            "t": pa.array([datetime.time(5, 15, 0, 1), datetime.time(0), None], pa.time64("us")),
            "ts": pa.array([MOMENT, datetime.datetime(1969, 12, 31), None], pa.timestamp("us")),
            "utc": pa.array([MOMENT, MOMENT, None], pa.timestamp("us", "UTC")),
            "list": pa.array([[1, None], [], None], pa.list_(pa.int64())),
            "struct": pa.array(
                [{"x": 1, "y": "a"}, {"x": None, "y": None}, None],
                pa.struct([("x", pa.int64()), ("y", pa.string())]),
            ),
            "vector": pa.array([[1, 2], [0.5, -1], None], pa.list_(pa.float32(), 2)),
        }
    )


@pytest.mark.parametrize("ending", ["parquet", "arrow"])
def test_binary_formats_keep_every_type_and_metadata(
    session: velaria.Session, tmp_path: Path, ending: str
) -> None:
    table = every_type()
    fields = [field.with_metadata({"of": field.name}) for field in table.schema]
    table = table.cast(pa.schema(fields))
    session.create_dataframe_from_arrow(table, "t")
    path = tmp_path / f"t.{ending}"
    done = session.sql(f"COPY t TO '{path}'").to_rows()
    assert done == [(3,)]
    written = pq.read_table(path) if ending == "parquet" else ipc.open_file(path).read_all()
    assert written.equals(table)
    assert session.sql(f"SELECT * FROM '{path}'").to_arrow().equals(table)


@pytest.mark.parametrize("ending", ["csv", "json"])
def test_text_formats_keep_every_value(
    session: velaria.Session, tmp_path: Path, ending: str
) -> None:
    table = every_type().drop_columns(["vector"])
    if ending == "csv":
        table = table.drop_columns(["list", "struct"])  # their text is no literal of theirs
    session.create_dataframe_from_arrow(table, "t")
    session.create_dataframe_from_arrow(table.slice(0, 0), "back")
    session.sql("CREATE TABLE u AS SELECT * FROM back")
    path = tmp_path / f"t.{ending}"
    session.sql(f"COPY t TO '{path}'")
    session.sql(f"COPY u FROM '{path}'")
    assert session.sql("SELECT * FROM u").to_arrow().to_pylist() == table.to_pylist()


def test_csv_reads_elsewhere_as_it_was(session: velaria.Session, tmp_path: Path) -> None:
    table = pa.table({"id": range(50_000), "text": [f'{i},"\n{i}' for i in range(50_000)]})
    session.create_dataframe_from_arrow(table, "t")
    path = tmp_path / "t.csv"
    session.sql(f"COPY t TO '{path}'")
    options = pa_csv.ParseOptions(newlines_in_values=True)
    assert pa_csv.read_csv(path, parse_options=options).equals(table)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_csv_is_quoted_where_it_must_be(
    session: velaria.Session, tmp_path: Path, delimiter: str
) -> None:
    texts = [
        "plain",
        f"a{delimiter}b",
        delimiter,
        'say "hi"',
        '"',
        '""',
        '"all of it"',
        "two\nlines",
        "old\rline\r\nends\n",
        " before",
        "behind ",
        "  ",
        "",
        "'single'",
        "na\u00efve",
    ]
    rows = list(zip(texts, reversed(texts), strict=True))
    columns = [list(column) for column in zip(*rows, strict=True)]
    session.create_dataframe_from_arrow(pa.table(columns, names=['x, "y"', "z"]), "t")
    path = tmp_path / "t.csv"
    session.sql(f"COPY t TO '{path}' (DELIMITER '{delimiter}')")
    with path.open(newline="", encoding="utf-8") as file:
        header, *read = csv.reader(file, delimiter=delimiter, strict=True)
    assert header == ['x, "y"', "z"]
    assert [tuple(row) for row in read] == rows
    back = session.sql(f"SELECT * FROM read_csv('{path}', delim := '{delimiter}', header := true)")
    assert back.to_rows() == rows


@pytest.mark.parametrize("ending", ["csv", "json", "parquet", "arrow", "csv.gz", "json.zst"])
def test_rows_are_written_in_their_order(
    session: velaria.Session, tmp_path: Path, ending: str
) -> None:
    count = 300_000
    session.create_dataframe_from_arrow(pa.table({"id": range(count)}), "t")
    path = tmp_path / f"t.{ending}"
    session.sql(f"COPY (SELECT id FROM t WHERE id % 3 = 0) TO '{path}'")
    assert session.sql(f"SELECT id FROM '{path}'").to_arrow()["id"].to_pylist() == list(
        range(0, count, 3)
    )
    assert os.listdir(tmp_path) == [path.name]


def test_a_failed_copy_leaves_the_old_file(session: velaria.Session, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("x\nold\n")
    session.create_dataframe_from_arrow(pa.table({"id": range(200_000)}), "t")
    with pytest.raises(velaria.KernelError) as caught:
        session.sql(f"COPY (SELECT 1 / (id - 199999) AS x FROM t) TO '{path}'")
    assert caught.value.code == "VEL3001"
    assert path.read_text() == "x\nold\n"
    assert os.listdir(tmp_path) == ["t.csv"]


def test_a_cancelled_copy_leaves_nothing(session: velaria.Session, tmp_path: Path) -> None:
    session.create_dataframe_from_arrow(pa.table({"id": range(4_000)}), "t")
    path = tmp_path / "t.csv"
    failures: list[velaria.KernelError] = []

    def copy() -> None:
        try:
            session.sql(f"COPY (SELECT a.id FROM t AS a, t AS b, t AS c) TO '{path}'")
        except velaria.KernelError as failure:
            failures.append(failure)

    worker = threading.Thread(target=copy)
    worker.start()
    kernel = session._kernel
    while not (running := kernel.queries()) and worker.is_alive():
        pass
    assert kernel.cancel(running[0]["query_id"]) == "cancelled"
    worker.join(timeout=60)
    assert [failure.code for failure in failures] == ["VEL3010"]
    assert os.listdir(tmp_path) == []


def test_a_copy_past_its_memory_leaves_nothing(tmp_path: Path) -> None:
    table = pa.table({"text": ["x" * 1000] * 20_000})
    with velaria.Session(threads=2, memory_limit_bytes=1 << 20) as session:
        session.create_dataframe_from_arrow(table, "t")
        with pytest.raises(velaria.KernelError) as caught:
            session.sql(f"COPY (SELECT text || 'y' AS text FROM t) TO '{tmp_path}/t.parquet'")
    assert caught.value.code == "VEL3012"
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("ending", ["csv", "parquet", "arrow", "csv.gz"])
def test_a_full_disk_is_a_typed_error(
    session: velaria.Session, tmp_path: Path, ending: str
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip("a small disk can be mounted by root alone")
    try:
        text = pa.array([os.urandom(40).hex() for _ in range(20_000)])
        session.create_dataframe_from_arrow(pa.table({"t": text}), "t")
        with pytest.raises(velaria.KernelError) as caught:
            session.sql(f"COPY t TO '{disk}/t.{ending}'")
        assert caught.value.code == "VEL4003"
        assert os.listdir(disk) == []
    finally:
        # The query's last task may still hold the removed file for a moment.
        unmount = ["umount", str(disk)]
        assert until(lambda: subprocess.run(unmount, check=False).returncode == 0)


def test_files_are_written_inside_allowed_roots_only(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (outside / "a.csv").write_text("kept")
    (inside / "link.csv").symlink_to(outside / "a.csv")
    (inside / "folder").symlink_to(outside)
    os.mkfifo(inside / "pipe.csv")
    with velaria.Session(allowed_roots=[inside]) as session:
        session.sql("COPY (SELECT 1 AS x) TO 'fine.csv'")
        assert session.sql("SELECT x FROM 'fine.csv'").to_rows() == [(1,)]
        messages = set()
        for path in [
            "link.csv",
            "pipe.csv",
            "folder/b.csv",
            "../outside/b.csv",
            f"{outside}/b.csv",
            "missing/b.csv",
        ]:
            with pytest.raises(velaria.KernelError) as caught:
                session.sql(f"COPY (SELECT 1 AS x) TO '{path}'")
            assert caught.value.code == "VEL4001"
            messages.add(caught.value.message.replace(path, "PATH"))
        assert messages == {"path is not allowed for writing: PATH"}
    assert sorted(os.listdir(outside)) == ["a.csv"]
    assert (outside / "a.csv").read_text() == "kept"


def test_copy_into_a_table_is_all_or_nothing(session: velaria.Session, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id\n" + "".join(f"{i}\n" for i in range(200_000)) + "7\n")
    session.sql("CREATE TABLE t (id BIGINT PRIMARY KEY)")
    with pytest.raises(velaria.KernelError) as caught:
        session.sql(f"COPY t FROM '{path}'")
    assert caught.value.code == "VEL3005"
    assert session.sql("SELECT count(*) FROM t").to_rows() == [(0,)]


def test_errors_of_options_have_their_place(session: velaria.Session, tmp_path: Path) -> None:
    with pytest.raises(velaria.KernelError) as caught:
        session.sql(f"COPY (SELECT 1 AS x) TO '{tmp_path}/t.csv' (\n  HEDER true)")
    assert (caught.value.code, caught.value.line, caught.value.column) == ("VEL4004", 2, 3)
    assert caught.value.hint == "Did you mean header?"
