"""JSON, line, Arrow and packed files: what SQL says of a path is what other readers find in it."""

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import velaria
from tests.server_process import ServerProcess
from velaria.schemas.errors import VelariaError

MESSAGE_CHARS_MAX = 400


def failure_of(session: velaria.Session, sql: str) -> velaria.KernelError:
    with pytest.raises(velaria.KernelError) as caught:
        session.sql(sql).to_rows()
    assert len(caught.value.message) < MESSAGE_CHARS_MAX
    assert "\n" not in caught.value.message
    return caught.value


@pytest.mark.parametrize("framing", ["file", "stream"])
@pytest.mark.parametrize("compression", [None, "zstd", "lz4"])
def test_arrow_files_give_back_what_was_written(
    session: velaria.Session, tmp_path: Path, framing: str, compression: str | None
) -> None:
    table = pa.table(
        {
            "id": pa.array(range(5_000), pa.int32()),
            "name": pa.array([None if i % 7 == 0 else f"n{i % 50}" for i in range(5_000)]),
            "code": pa.array([f"c{i % 3}" for i in range(5_000)]).dictionary_encode(),
            "list": pa.array([[i, None] if i % 5 else None for i in range(5_000)]),
        }
    ).replace_schema_metadata({"made": "here"})
    path = tmp_path / "t.arrow"
    options = pa.ipc.IpcWriteOptions(compression=compression, unify_dictionaries=True)
    make = pa.ipc.new_file if framing == "file" else pa.ipc.new_stream
    with make(path, table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=700)
    read = session.sql(f"SELECT * FROM read_arrow('{path}')").to_arrow()
    assert read.cast(table.schema).equals(table)
    assert session.sql(f"SELECT sum(id) FROM read_arrow('{path}')").to_rows() == [
        (sum(range(5_000)),)
    ]
    counted = session.sql(f"SELECT count(*) FROM read_arrow('{path}')").to_rows()
    assert counted == [(5_000,)]
    path.write_bytes(path.read_bytes()[:2_000])
    assert failure_of(session, f"SELECT * FROM read_arrow('{path}')").code == "VEL4002"


@pytest.mark.parametrize("ending", ["gz", "zst"])
def test_packed_text_reads_as_it_does_unpacked(
    session: velaria.Session, tmp_path: Path, ending: str
) -> None:
    lines = "id,text\n" + "".join(f'{i},"line {i}\nof two"\n' for i in range(60_000))
    plain, packed = tmp_path / "t.csv", tmp_path / f"t.csv.{ending}"
    plain.write_text(lines)
    with pa.output_stream(packed, compression={"gz": "gzip", "zst": "zstd"}[ending]) as out:
        out.write(lines.encode())
    expected = session.sql(f"SELECT * FROM '{plain}'").to_arrow()
    assert session.sql(f"SELECT * FROM '{packed}'").to_arrow().equals(expected)
    assert session.sql(f"SELECT id FROM '{packed}' LIMIT 2").to_rows() == [(0,), (1,)]
    assert session.probe(packed)["final_format"] == "csv"


def test_two_gzip_members_are_one_text(session: velaria.Session, tmp_path: Path) -> None:
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(b"id\n1\n") + gzip.compress(b"2\n3\n"))
    assert session.sql(f"SELECT id FROM '{path}'").to_rows() == [(1,), (2,), (3,)]


@pytest.mark.parametrize("cut", [1, 9, 40])
def test_a_packed_file_that_is_cut_short_is_an_error(
    session: velaria.Session, tmp_path: Path, cut: int
) -> None:
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(b"id\n" + b"12345\n" * 10_000)[:-cut])
    assert failure_of(session, f"SELECT count(*) FROM '{path}'").code == "VEL4002"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "file is empty"),
        (b'{"a": 1}\n{"a": \n', "line 2 of"),
        (b'{"a": 1}\n[2]\n', "is not an object"),
        (b'{"a": "\xff"}\n', "is not UTF-8 text"),
        (b'[{"a": 1}', "the array is not closed"),
        (b'[{"a": 1} {"a": 2}]', "there is no comma"),
        (b'[{"a": 1}] {"a": 2}', "there is text behind the array"),
        (b'{"a": ' + b"[" * 5_000 + b"]" * 5_000 + b"}\n", "nested too deep"),
        (b'{"a": 01}\n', "leading zeros"),
    ],
)
def test_faults_in_json_are_typed_errors(
    session: velaria.Session, tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "t.json"
    path.write_bytes(content)
    failure = failure_of(session, f"SELECT * FROM read_json('{path}')")
    assert failure.code == "VEL4002"
    assert message in failure.message


@pytest.mark.parametrize("content", ['{"a":1', '{"a": 1}\nplain\n{"a": 2}\n', "a,b\n1,2\n"])
@pytest.mark.parametrize("ending", ["json", "ndjson"])
def test_a_file_named_json_that_is_none_is_not_read_as_something_else(
    session: velaria.Session, tmp_path: Path, content: str, ending: str
) -> None:
    path = tmp_path / f"t.{ending}"
    path.write_text(content)
    assert failure_of(session, f"SELECT * FROM '{path}'").code == "VEL4002"


def test_numbers_of_json_stay_what_they_are(session: velaria.Session, tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text(
        '{"i": 9223372036854775807, "big": 9223372036854775808, "f": 1e3, "huge": 1e999}\n'
        '{"i": -9223372036854775808, "big": 1, "f": -0.0, "huge": 2}\n'
    )
    table = session.sql(f"SELECT * FROM '{path}'").to_arrow()
    assert table.schema.types == [pa.int64(), pa.string(), pa.float64(), pa.string()]
    assert table.to_pylist() == [
        {"i": 2**63 - 1, "big": "9223372036854775808", "f": 1000.0, "huge": "1e999"},
        {"i": -(2**63), "big": "1", "f": -0.0, "huge": "2"},
    ]


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
)


@settings(max_examples=100, deadline=None)
@given(
    rows=st.lists(
        st.dictionaries(st.sampled_from(["a", "b", "c d"]), VALUES, min_size=1),
        min_size=1,
        max_size=12,
    ),
    shape=st.sampled_from(["lines", "array", "pretty"]),
    ascii_only=st.booleans(),
)
def test_json_reads_as_python_reads_it(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[dict[str, object]],
    shape: str,
    ascii_only: bool,
) -> None:
    """Every value as text: a string by its characters, anything else as JSON writes it."""
    path = tmp_path_factory.mktemp("json") / "t.json"
    if shape == "lines":
        text = "".join(json.dumps(row, ensure_ascii=ascii_only) + "\n" for row in rows)
    else:
        text = json.dumps(rows, ensure_ascii=ascii_only, indent=2 if shape == "pretty" else None)
    path.write_text(text, encoding="utf-8")
    keys = list(dict.fromkeys(key for row in rows for key in row))
    said = ", ".join(f"'{key}': 'VARCHAR'" for key in keys)
    with velaria.Session(threads=2) as session:
        read = session.sql(f"SELECT * FROM read_json('{path}', columns := {{{said}}})").to_rows()

    def text_of(value: object) -> str | None:
        return value if value is None or isinstance(value, str) else json.dumps(value)

    assert read == [tuple(text_of(row.get(key)) for key in keys) for row in rows]


def test_csv_reads_as_arrow_reads_it(session: velaria.Session, tmp_path: Path) -> None:
    for number in range(3):
        rows = "".join(f"{i},{i / 8},n{i % 10}\n" for i in range(number * 1000, 3000))
        (tmp_path / f"part{number}.csv").write_text("id,ratio,name\n" + rows)
    files = sorted(tmp_path.glob("part*.csv"))
    expected = pa.concat_tables(pa_csv.read_csv(file) for file in files)
    assert session.sql(f"SELECT * FROM '{tmp_path}/part*.csv'").to_arrow().equals(expected)


def test_rejected_rows_are_counted_across_blocks(session: velaria.Session, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    lines = [f"{i},{i}" if i % 1000 else f"{i},x" for i in range(1, 300_001)]
    path.write_text("a,b\n" + "\n".join(lines) + "\n")
    read = f"read_csv('{path}', ignore_errors := true, types := {{'b': 'BIGINT'}})"
    assert session.sql(f"SELECT count(*), count(b) FROM {read}").to_rows() == [(299_700, 299_700)]
    told = session.sql("SELECT rejected_rows, first_line FROM system.rejects").to_rows()
    assert told == [(300, 1001)]


def test_patterns_reach_only_inside_allowed_roots(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    for folder in [inside, outside]:
        folder.mkdir()
        (folder / "a.csv").write_text("x\n1\n")
    (inside / "link.csv").symlink_to(outside / "a.csv")
    (inside / "folder").symlink_to(outside)
    with velaria.Session(allowed_roots=[inside]) as session:
        assert session.sql("SELECT count(*) FROM '*.csv'").to_rows() == [(1,)]
        assert session.sql("SELECT count(*) FROM '**/*.csv'").to_rows() == [(1,)]
        for pattern in ["../outside/*.csv", f"{tmp_path}/*/a.csv", f"{outside}/*", "folder/*.csv"]:
            failure = failure_of(session, f"SELECT * FROM '{pattern}'")
            assert failure.code == "VEL4001"
            # One text, whether the files are missing or outside; that it is a pattern may be said.
            assert failure.message == f"no file that may be read matches the pattern: {pattern}"


@pytest.mark.parametrize(
    ("name", "content", "kind", "final_format", "confidence"),
    [
        ("a.csv", "id,name\n1,x\n2,y\n", "csv", "csv", "high"),
        ("a.tsv", "id\tname\n1\tx\n", "csv", "tsv", "high"),
        ("a.json", '{"a": 1}\n{"a": 2}\n', "json", "json_lines", "high"),
        ("b.json", '[{"a": 1}]', "json", "json_array", "high"),
        ("a.txt", "1|2|3\n4|5|6\n", "line", "line_split", "low"),
        ("b.txt", "one\ntwo\n", "csv", "csv", "low"),
    ],
)
def test_probe_says_what_a_file_seems_to_be(
    session: velaria.Session,
    tmp_path: Path,
    name: str,
    content: str,
    kind: str,
    final_format: str,
    confidence: str,
) -> None:
    path = tmp_path / name
    path.write_text(content)
    probe = session.probe(path)
    told = (probe["kind"], probe["final_format"], probe["confidence"])
    assert told == (kind, final_format, confidence)
    assert probe["candidates"][0] == {"format": final_format, "score": probe["score"]}
    assert probe["suggested_table_name"] == name[0]
    assert (probe["confidence"] == "low") == bool(probe["warnings"])
    assert session.read(path).to_arrow().schema == probe["schema"]


def test_probed_and_explicit_readers_read_the_same(
    session: velaria.Session, tmp_path: Path
) -> None:
    path = tmp_path / "a.txt"
    path.write_text("1|x|2.5\n2||3\n")
    probe = session.probe(path)
    explicit = session.read_line_file(
        path, split_delimiter=probe["split_delimiter"], mappings=probe["mappings"]
    )
    assert explicit.to_arrow().equals(session.read(path).to_arrow())
    path = tmp_path / "a.json"
    path.write_text('{"a": 1, "b": [1, 2]}\n')
    probe = session.probe(path)
    explicit = session.read_json(path, format=probe["format"], columns=probe["columns"])
    assert explicit.to_arrow().equals(session.read(path).to_arrow())


def test_a_server_probes_and_copies_below_its_allowed_paths(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    for folder in [inside, outside]:
        folder.mkdir()
        (folder / "a.json").write_text('{"a": 1, "b": "x"}\n')
    with (
        ServerProcess(allow_path=[inside]) as process,
        velaria.connect(process.uri) as client,
    ):
        probe = client.probe(str(inside / "a.json"))
        assert (probe.kind, probe.final_format, probe.score) == ("json", "json_lines", 100)
        assert [(column.name, column.type) for column in probe.schema] == [
            ("a", "int64"),
            ("b", "string"),
        ]
        done = client.sql(f"COPY (SELECT * FROM '{inside}/a.json') TO '{inside}/b.parquet'")
        assert done.rows_affected == 1
        assert client.sql(f"SELECT * FROM '{inside}/b.parquet'").to_rows() == [(1, "x")]
        for path in [outside / "a.json", outside / "missing.json"]:
            with pytest.raises(VelariaError) as caught:
                client.probe(str(path))
            assert caught.value.code == "VEL4001"
        with pytest.raises(VelariaError) as caught:
            client.sql(f"COPY (SELECT 1 AS x) TO '{outside}/x.csv'")
        assert caught.value.code == "VEL4001"
    assert sorted(path.name for path in outside.iterdir()) == ["a.json"]


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("value.csv", "id,word\n1,x\n2,naïve\n", "line 3 of {path}, column word"),
        ("header.csv", "id,naïve\n1,x\n", "the header is not usable"),
        ("lines.json", '{"a": "x"}\n{"a": "naïve"}\n', "line 2 of {path}"),
    ],
)
def test_bytes_of_another_encoding_are_an_error_that_names_the_option(
    tmp_path: Path, name: str, text: str, place: str
) -> None:
    path = tmp_path / name
    path.write_bytes(text.encode("latin-1"))
    with velaria.Session() as session:
        with pytest.raises(velaria.SourceError) as caught:
            session.sql(f"SELECT * FROM '{path}'").to_arrow()
        assert caught.value.code == "VEL4002"
        assert place.format(path=path) in caught.value.message
        assert "encoding" in caught.value.hint
        reader = "read_json" if name.endswith("json") else "read_csv"
        frame = session.sql(f"SELECT * FROM {reader}('{path}', encoding := 'latin-1')")
        assert "naïve" in str(frame.to_arrow())


def test_a_fault_behind_comments_has_the_line_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "commented.csv"
    path.write_text("# made\nday,n\n# by hand\n31.12.2023,1\n2024-01-01,2\n")
    columns = "columns := {'day': 'DATE', 'n': 'INTEGER'}, header := true"
    with velaria.Session() as session, pytest.raises(velaria.SourceError) as caught:
        session.sql(
            f"SELECT * FROM read_csv('{path}', comment := '#', dateformat := '%d.%m.%Y', {columns})"
        ).to_arrow()
    assert caught.value.message == (
        f"line 5 of {path}, column day, is not of the format %d.%m.%Y: 2024-01-01"
    )


MARKED_TEXT = st.text(alphabet="ab'\"\\,;#\n\r é", max_size=8)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(MARKED_TEXT, st.none() | MARKED_TEXT), min_size=1, max_size=6),
    quote=st.sampled_from(["'", '"', ";"]),
    escape=st.sampled_from(["", "\\", "#"]),
)
def test_texts_come_back_whatever_marks_they_are_written_by(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, str | None]],
    quote: str,
    escape: str,
) -> None:
    path = tmp_path_factory.mktemp("marked") / "t.csv"
    table = pa.table(
        {
            "a": pa.array([row[0] for row in rows], pa.string()),
            "b": pa.array([row[1] for row in rows], pa.string()),
        }
    )
    marks = {"quote": quote, "escape": escape or quote}
    said = {key: "'" + mark.replace("'", "''") + "'" for key, mark in marks.items()}
    with velaria.Session(threads=1) as session:
        session.put(table, "t")
        session.sql(f"COPY t TO '{path}' (QUOTE {said['quote']}, ESCAPE {said['escape']})")
        options = ", ".join(f"{key} := {mark}" for key, mark in said.items())
        read = session.sql(
            f"SELECT * FROM read_csv('{path}', header := true, all_varchar := true, {options})"
        )
        assert read.to_rows() == rows


def test_a_long_file_of_other_marks_reads_as_one_of_usual_marks(tmp_path: Path) -> None:
    """Longer than the pieces in which it is read, so that they cut it anywhere."""
    count = 60_000
    marked, usual = tmp_path / "marked.csv", tmp_path / "usual.csv"
    with marked.open("w", newline="") as other, usual.open("w", newline="") as plain:
        other.write("id,word\n")
        plain.write("id,word\n")
        for i in range(count):
            other.write(f"# note {i}\n{i},'it''s \"{i}\", line\n{i}'\n")
            plain.write(f'{i},"it\'s ""{i}"", line\n{i}"\n')
    with velaria.Session() as session:
        read = session.sql(f"SELECT * FROM read_csv('{marked}', quote := '''', comment := '#')")
        assert read.to_arrow().equals(session.sql(f"SELECT * FROM read_csv('{usual}')").to_arrow())
