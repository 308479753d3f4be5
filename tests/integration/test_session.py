"""The session in process: SQL, Arrow in and out, and builders that only write SQL."""

from pathlib import Path

import pyarrow as pa
import pytest

import velaria


@pytest.fixture
def flights(session: velaria.Session) -> velaria.DataFrame:
    table = pa.table({"carrier": ["UA", "AA", "UA", "DL"], "delay": [5, None, 7, 1]})
    return session.create_dataframe_from_arrow(table, "flights")


def test_a_select_runs_when_it_is_read(session: velaria.Session) -> None:
    session.sql("CREATE TABLE t (a BIGINT)")
    frame = session.sql("SELECT count(*) AS n FROM t")
    assert session.sql("INSERT INTO t VALUES (1), (2)").to_rows() == [(2,)]
    assert frame.to_rows() == [(2,)]
    assert frame.schema.names == ["n"]


def test_parameters_go_with_the_frame(session: velaria.Session) -> None:
    frame = session.sql("SELECT ? AS a UNION ALL SELECT ?", [1, 2])
    assert sorted(frame.filter("a > 1").to_rows()) == [(2,)]


@pytest.mark.parametrize(
    ("number", "sql_type"),
    [
        (2**63 - 1, "BIGINT"),
        (2**63, "UBIGINT"),
        (2**64 - 1, "UBIGINT"),
        (2**64, "DECIMAL(38,0)"),
        (-(2**63) - 1, "DECIMAL(38,0)"),
        (10**38 - 1, "DECIMAL(38,0)"),
    ],
)
def test_an_integer_is_bound_as_the_type_that_holds_it(
    session: velaria.Session, number: int, sql_type: str
) -> None:
    assert session.sql("SELECT ?, typeof(?)", [number, number]).to_rows() == [(number, sql_type)]


def test_an_integer_that_no_type_holds_is_refused(session: velaria.Session) -> None:
    with pytest.raises(velaria.KernelError, match="VEL1006"):
        session.sql("SELECT ?", [10**38]).to_rows()


def test_arrow_goes_in_and_comes_out(session: velaria.Session, flights: velaria.DataFrame) -> None:
    assert flights.to_arrow().column_names == ["carrier", "delay"]
    assert pa.table(flights).num_rows == 4
    again = session.create_dataframe_from_arrow(flights)
    assert again.count() == 4
    assert sum(batch.num_rows for batch in flights.to_reader()) == 4


def test_builders_write_sql(flights: velaria.DataFrame) -> None:
    assert flights.filter("delay > 4").select("carrier").to_rows() == [("UA",), ("UA",)]
    assert flights.order_by("delay DESC").limit(1).to_rows() == [("UA", 7)]
    assert flights.order_by("delay").limit(1, offset=1).to_rows() == [("UA", 5)]
    assert flights.with_column("twice", "delay * 2").columns == ["carrier", "delay", "twice"]
    replaced = flights.with_column("delay", "delay * 2")
    assert replaced.columns == ["carrier", "delay"]
    assert replaced.order_by("delay").to_rows()[0] == ("DL", 2)
    assert flights.drop("delay").columns == ["carrier"]
    assert sorted(flights.select("carrier").distinct().to_rows()) == [("AA",), ("DL",), ("UA",)]
    counted = flights.aggregate(["carrier"], "count(*) AS n").order_by("carrier")
    assert counted.to_rows() == [("AA", 1), ("DL", 1), ("UA", 2)]
    assert flights.aggregate([], "sum(delay)").to_rows() == [(13,)]


def test_braces_in_an_expression_are_the_users(flights: velaria.DataFrame) -> None:
    one = flights.limit(1)
    assert one.select("'{}' AS j").to_rows() == [("{}",)]
    assert one.filter("carrier <> '{}'").count() == 1
    assert one.with_column("{}", "'{0}'").select('"{}"').to_rows() == [("{0}",)]
    assert one.aggregate(["'{}'"], "count(*)").to_rows() == [("{}", 1)]


def test_frames_are_joined_and_united(session: velaria.Session, flights: velaria.DataFrame) -> None:
    names = session.create_dataframe_from_arrow(
        pa.table({"code": ["UA", "AA"], "name": ["United", "American"]})
    )
    joined = flights.join(names, "l.carrier = r.code", "left").select("carrier", "name")
    assert sorted(joined.to_rows(), key=str) == [
        ("AA", "American"),
        ("DL", None),
        ("UA", "United"),
        ("UA", "United"),
    ]
    assert flights.union(flights).count() == 8


def test_show_prints_a_table(
    flights: velaria.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    flights.limit(1).show()
    assert capsys.readouterr().out == "carrier | delay\n------- | -----\nUA      | 5\n"


def test_show_prints_both_of_two_columns_of_one_name(
    session: velaria.Session, capsys: pytest.CaptureFixture[str]
) -> None:
    session.sql("SELECT 1 AS a, 'x' AS b, 2 AS a").show()
    assert capsys.readouterr().out == "a | b | a\n- | - | -\n1 | x | 2\n"


def test_show_prints_the_names_when_there_are_no_rows(
    flights: velaria.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    flights.limit(0).show()
    assert capsys.readouterr().out == "carrier | delay\n------- | -----\n"


def test_explain_has_three_sections(session: velaria.Session, flights: velaria.DataFrame) -> None:
    assert set(flights.explain()) == {"logical", "physical", "strategy"}
    assert set(session.explain("SELECT 1")) == {"logical", "physical", "strategy"}


def test_a_view_is_a_named_frame(session: velaria.Session, flights: velaria.DataFrame) -> None:
    session.create_temp_view("late", flights.filter("delay > 4"))
    assert session.sql("SELECT count(*) FROM late").to_rows() == [(2,)]


def test_an_index_is_listed_and_goes_with_its_table(
    session: velaria.Session, flights: velaria.DataFrame
) -> None:
    session.sql("CREATE INDEX by_delay ON flights(delay DESC, carrier)")
    (index,) = session.indexes()
    assert (index.name, index.table, index.columns) == (
        "by_delay",
        "flights",
        "delay DESC, carrier",
    )
    assert [table.name for table in session.tables()] == ["flights"]
    with pytest.raises(velaria.SqlError) as caught:
        session.sql("CREATE INDEX again ON flights(carrier, dely)")
    error = caught.value
    assert (error.code, error.line, error.column) == ("VEL2012", 1, 40)
    assert "delay" in error.hint
    with pytest.raises(velaria.SqlError) as caught:
        session.sql("CREATE INDEX by_delay ON flights(carrier)")
    assert (caught.value.code, caught.value.column) == ("VEL2024", 14)
    with pytest.raises(velaria.SqlError, match="an index"):
        session.put(pa.record_batch({"a": [1]}), "by_delay")
    session.create_dataframe_from_arrow(pa.table({"other": [1]}), "flights")
    assert session.indexes() == []


def test_files_are_read(session: velaria.Session, tmp_path: Path) -> None:
    path = tmp_path / "it's.csv"
    path.write_text("a;b\n1;x\n2;y\n")
    assert session.read_csv(path, delimiter=";").to_rows() == [(1, "x"), (2, "y")]
    named = session.read_csv(path, table="named", delimiter=";", header=False)
    assert named.count() == 3
    assert session.sql("SELECT count(*) FROM named").to_rows() == [(3,)]
    plain = tmp_path / "plain.csv"
    plain.write_text("a,b\n1,x\n")
    assert session.read(plain).to_rows() == [(1, "x")]


def test_put_validates_and_appends(session: velaria.Session) -> None:
    batch = pa.record_batch({"a": [1, 2]})
    assert session.put(batch, "t") == 2
    assert session.put([batch, batch], "t") == 4
    assert session.sql("SELECT count(*) FROM t").to_rows() == [(6,)]
    with pytest.raises(velaria.SourceError) as caught:
        session.put(pa.record_batch({"b": ["x"]}), "t")
    assert caught.value.code == "VEL4005"
    with pytest.raises(ValueError, match="no batches"):
        session.put([], "t")


def test_a_put_keeps_the_rules_of_the_table_and_need_not_declare_them(
    session: velaria.Session,
) -> None:
    session.sql("CREATE TABLE keyed (a BIGINT PRIMARY KEY, b BIGINT NOT NULL)")
    assert session.put(pa.record_batch({"a": [1, 2], "b": [1, 1]}), "keyed") == 2
    for a, b in ((1, 5), (3, None)):
        with pytest.raises(velaria.ExecutionError) as caught:
            session.put(pa.record_batch({"a": [a], "b": pa.array([b], pa.int64())}), "keyed")
        assert caught.value.code == "VEL3005"
    assert session.sql("SELECT a FROM keyed").to_rows() == [(1,), (2,)]
    assert not session.sql("SELECT * FROM keyed").to_arrow().schema.field("a").nullable


def test_errors_are_of_six_kinds_with_place_and_caret(session: velaria.Session) -> None:
    with pytest.raises(velaria.SqlError) as caught:
        session.sql("SELECT nope")
    error = caught.value
    assert (error.code, error.line, error.column) == ("VEL2012", 1, 8)
    assert error.caret == "SELECT nope\n       ^"
    with pytest.raises(velaria.ExecutionError):
        session.sql("SELECT 1 / 0").to_arrow()


@pytest.mark.parametrize(
    ("statement", "near"),
    [
        ("SHOW tabels", "tables"),
        ("SET float_sums = 'fast'", "float_sum"),
        ("SELECT ab FROM (SELECT 1 AS a)", "a"),
        ("SELECT unnst([1, 2])", "unnest"),
        ("SELECT distict a FROM (SELECT 1 AS a)", "DISTINCT"),
        ("SELECT a, distict b FROM (SELECT 1 AS a)", None),
        ("SELECT INTERVAL '1 mnth'", "month"),
        ("SELECT INTERVAL '2 days 3 huors'", "hours"),
        ("SELECT b FROM (SELECT 1 AS a)", None),  # no letter in common
    ],
)
def test_a_near_name_is_proposed(
    session: velaria.Session, statement: str, near: str | None
) -> None:
    with pytest.raises(velaria.KernelError) as caught:
        session.sql(statement).to_arrow()
    proposal = f"Did you mean {near}?"
    assert (caught.value.hint or "") == (proposal if near else "")


@pytest.mark.parametrize(
    ("statement", "code", "column"),
    [
        ("SHOW flot_sum", "VEL1007", 6),
        ("SHOW nosuch", "VEL1007", 6),
        ("SET name = 3", "VEL1007", 5),
        ("SET float_sum = slow", "VEL1007", 17),
        ("RESET nosuch", "VEL1007", 7),
        ("SET schema = x", "VEL2028", 14),
        ("USE x", "VEL2028", 5),
        ("EXECUTE p", "VEL2030", 9),
        ("EXECUTE one", "VEL1006", 9),
        ("PREPARE one AS SELECT 1", "VEL2024", 9),
        ("DEALLOCATE PREPARE p", "VEL2030", 20),
        ("SELECT 1 + $1", "VEL1006", 12),
        ("SELECT ?, ?", "VEL1006", 8),
        ("INSERT INTO t VALUES (1) ON CONFLICT (a) DO NOTHING", "VEL2025", 39),
    ],
)
def test_an_error_points_at_the_name_it_is_about(
    session: velaria.Session, statement: str, code: str, column: int
) -> None:
    session.sql("CREATE TABLE t(a INTEGER)")
    session.sql("PREPARE one AS SELECT $1 + 1")
    with pytest.raises(velaria.KernelError) as caught:
        session.sql(statement).to_rows()
    assert (caught.value.code, caught.value.line, caught.value.column) == (code, 1, column)


@pytest.mark.parametrize(
    ("statement", "near"),
    [
        ("DROP TABLE ordes", "orders"),
        ("DROP TABLE sale.itms", "sale.items"),
        ("DROP TABLE main.ordes", "main.orders"),
        ("DROP TABLE itemss", "items"),  # the schema is the current one
        ("DROP VIEW veiw_of_it", "view_of_it"),
        ("DROP VIEW ordes", None),  # a table is no view
        ("DROP INDEX by_idd", "by_id"),
        ("DROP SCHEMA sales", "sale"),
    ],
)
def test_what_is_dropped_is_proposed_by_its_kind(
    session: velaria.Session, statement: str, near: str | None
) -> None:
    session.sql("CREATE TABLE orders(id INTEGER)")
    session.sql("CREATE INDEX by_id ON orders(id)")
    session.sql("CREATE VIEW view_of_it AS SELECT 1 AS a")
    session.sql("CREATE SCHEMA sale")
    session.sql("CREATE TABLE sale.items(a INTEGER)")
    if "itemss" in statement:
        session.sql("USE sale")
    with pytest.raises(velaria.KernelError) as caught:
        session.sql(statement)
    assert caught.value.column == statement.rindex(" ") + 2 + statement.count(".") * 5
    expected = (
        f"Did you mean {near}?" if near else "Use IF EXISTS to drop it only when it is there."
    )
    assert caught.value.hint == expected


def test_reset_all_takes_back_every_setting_and_the_schema(session: velaria.Session) -> None:
    before = session.sql("SHOW ALL").to_rows()
    session.sql("SET float_sum = 'reproducible'")
    session.sql("SET stream_trigger_rows = 7")
    session.sql("CREATE SCHEMA sales")
    session.sql("USE sales")
    assert session.sql("SHOW ALL").to_rows() != before
    session.sql("RESET ALL")
    assert session.sql("SHOW ALL").to_rows() == before
    assert session.sql("SHOW schema").to_rows() == [("schema", "main")]


def test_a_savepoint_that_is_not_there_is_pointed_at(session: velaria.Session) -> None:
    for statement, column in (("ROLLBACK TO SAVEPOINT x", 23), ("RELEASE x", 9)):
        session.sql("BEGIN")
        with pytest.raises(velaria.KernelError) as caught:
            session.sql(statement)
        assert (caught.value.code, caught.value.column) == ("VEL2031", column)
        session.sql("ROLLBACK")


def test_the_first_parameter_without_a_value_is_pointed_at(session: velaria.Session) -> None:
    with pytest.raises(velaria.KernelError) as caught:
        session.sql("SELECT $2,\n $1, $2", [1])
    assert (caught.value.code, caught.value.line, caught.value.column) == ("VEL1006", 1, 8)


def test_sessions_share_nothing() -> None:
    with velaria.Session() as one, velaria.Session() as other:
        one.sql("CREATE TABLE t (a BIGINT)")
        with pytest.raises(velaria.SqlError):
            other.sql("SELECT * FROM t")


def test_connect_is_found_lazily_and_nothing_else_is() -> None:
    assert velaria.connect.__module__ == "velaria.flight_server.client"
    with pytest.raises(AttributeError):
        _ = velaria.no_such_name  # type: ignore[attr-defined]


EVENTS = pa.table(
    {
        "ts": pa.array([1_000_000, 4_000_000, 12_000_000], pa.timestamp("us")),
        "k": ["a", "b", "a"],
        "v": pa.array([1, 2, 3], pa.int64()),
    }
)


def emitted(frame: velaria.StreamingDataFrame) -> list[dict[str, object]]:
    """All rows of a frame over a stream whose input has ended."""
    return [row for batch in frame.query().batches() for row in batch.to_pylist()]


def test_a_stream_of_arrow_batches_is_windowed_and_grouped(session: velaria.Session) -> None:
    stream = session.create_stream_from_arrow(EVENTS, "events")
    windows = stream.filter("v > 0").window("ts", 10_000, "w")
    assert windows.columns == ["ts", "k", "v", "w"]
    counted = emitted(windows.group_count(["w"], "n"))
    assert sorted((row["w"].second, row["n"]) for row in counted) == [(0, 2), (10, 1)]  # type: ignore[attr-defined]
    summed = emitted(stream.group_sum(["k"], "v", "s"))
    assert sorted((row["k"], row["s"]) for row in summed) == [("a", 4), ("b", 2)]
    sliding = emitted(stream.window("ts", 10_000, "w", slide_ms=5_000).select("k", "w"))
    assert len(sliding) == 6
    assert set(stream.explain()) == {"logical", "physical", "strategy"}


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1, 2], pa.timestamp("ns")),
        pa.array([1, 2], pa.timestamp("s")),
        pa.array([1, 2], pa.timestamp("ms", tz="Europe/Oslo")),
        pa.array(["a", "b"]).dictionary_encode(),
        pa.array(["a", "b"], pa.large_string()),
        pa.array(["a", "b"], pa.string_view()),
        pa.array([b"a", b"b"]),
        pa.array([1, 2], pa.time64("us")),
        pa.array([1, 2], pa.uint16()),
        pa.array([[1.0, 2.0], [3.0, 4.0]], pa.list_(pa.float32(), 2)),
    ],
    ids=lambda column: str(column.type)[:24],
)
def test_a_stream_has_the_schema_of_its_batches(session: velaria.Session, column: pa.Array) -> None:
    schema = pa.schema([pa.field("c", column.type, nullable=False), pa.field("n", pa.int64())])
    table = pa.Table.from_arrays([column, pa.array([1, None])], schema=schema)
    session.create_stream_from_arrow(table, "s")
    (told,) = [entry for entry in session.tables() if entry.name == "s"]
    assert (told.kind, told.schema, told.row_count) == ("stream", schema, 2)
    assert [row["n"] for row in emitted(session.stream_sql("SELECT n FROM s"))] == [1, None]
    with pytest.raises(velaria.SqlError) as caught:
        session.create_stream_from_arrow(table, "S")
    assert caught.value.code == "VEL2024"


def test_parameters_go_with_a_stream(session: velaria.Session) -> None:
    session.create_stream_from_arrow(EVENTS, "p")
    assert len(emitted(session.stream_sql("SELECT v FROM p WHERE v > ?", [1]))) == 2
    session.sql("CREATE TABLE p_out (v BIGINT)")
    query = session.start_stream_sql("INSERT INTO p_out SELECT v FROM p WHERE v > ?", params=[2])
    assert query.await_termination(10_000)
    assert session.sql("SELECT v FROM p_out").to_rows() == [(3,)]


@pytest.mark.parametrize("mode", ["best-effort", "at-least-once"])
def test_a_delivery_mode_is_kept(session: velaria.Session, mode: str) -> None:
    session.create_stream_from_arrow(EVENTS, "m")
    query = session.start_stream_sql("SELECT v FROM m", checkpoint_delivery_mode=mode)
    assert query.stop()["checkpoint_delivery_mode"] == mode


@pytest.mark.parametrize("mode", ["exactly-once", "sometimes"])
def test_a_delivery_mode_that_is_not_there_is_refused_by_name(
    session: velaria.Session, mode: str
) -> None:
    session.create_stream_from_arrow(EVENTS, "m")
    with pytest.raises(velaria.KernelError, match=mode):
        session.start_stream_sql("SELECT v FROM m", checkpoint_delivery_mode=mode)


def test_a_stream_query_tells_its_life(session: velaria.Session) -> None:
    session.create_stream_from_arrow(EVENTS, "told")
    session.sql("CREATE TABLE told_out (k VARCHAR)")
    query = session.stream_sql("INSERT INTO told_out SELECT k FROM told").query("told_query")
    assert (query.name, query.status) == ("told_query", "created")
    assert query.start().await_termination(10_000)
    assert query.status == "finished"
    assert query.progress()["rows_in"] == 3
    assert '"rows_in":' in query.snapshot_json().replace(" ", "")
    assert session.sql("SELECT count(*) FROM told_out").to_rows() == [(3,)]
    stopped = session.start_stream_sql("SELECT k FROM told", checkpoint_delivery_mode="best-effort")
    assert stopped.stop()["query_id"] == stopped.query_id


def test_a_view_over_a_stream_is_a_stream(session: velaria.Session) -> None:
    stream = session.create_stream_from_arrow(EVENTS)
    session.create_temp_view("only_a", stream.filter("k = 'a'"))
    assert len(emitted(session.stream_sql("SELECT v FROM only_a"))) == 2
    assert set(session.explain_stream_sql("SELECT v FROM only_a")) == {
        "logical",
        "physical",
        "strategy",
    }


def test_one_folder_is_not_taken_for_a_list_of_its_letters() -> None:
    with pytest.raises(TypeError, match="a list of folders, not one: /tmp"):
        velaria.Session(allowed_roots="/tmp")


@pytest.mark.parametrize("threads", [-1, 0, 1025, 2**31, 2**70, -(2**70)])
def test_a_number_of_threads_out_of_range_is_refused(threads: int) -> None:
    with pytest.raises(velaria.RequestError) as caught:
        velaria.Session(threads=threads)
    assert caught.value.code == "VEL1007"
    assert "1 to 1024" in caught.value.hint


@pytest.mark.parametrize("limit", [-1, 0, 2**51])
def test_a_memory_limit_out_of_range_is_refused(limit: int) -> None:
    with pytest.raises(velaria.RequestError) as caught:
        velaria.Session(memory_limit_bytes=limit)
    assert caught.value.code == "VEL1007"


@pytest.mark.parametrize("timeout_s", [0, -1, float("nan"), float("inf")])
def test_a_timeout_that_is_none_is_refused(timeout_s: float) -> None:
    with pytest.raises(velaria.VelariaError) as caught:
        velaria.connect("grpc://127.0.0.1:1", timeout_s=timeout_s)
    assert caught.value.code == "VEL1007"


def test_a_frame_runs_under_the_id_that_was_chosen(session: velaria.Session) -> None:
    frame = session.sql("SELECT * FROM range(10) t(x)", query_id="mine")
    with pytest.raises(velaria.SourceError) as unknown:
        session.cancel("mine")
    assert unknown.value.code == "VEL4010"
    reader = frame.to_reader()
    with pytest.raises(velaria.RequestError) as taken:
        session.sql("CREATE TABLE by_id AS SELECT 1 AS a", query_id="mine")
    assert taken.value.code == "VEL1006"
    assert session.cancel("mine") in ("cancelled", "finished")
    del reader
    session.sql("CREATE TABLE by_id AS SELECT 1 AS a", query_id="mine")


def test_show_prints_what_is_no_query(
    session: velaria.Session, capsys: pytest.CaptureFixture[str]
) -> None:
    session.sql("CREATE TABLE shown AS SELECT 1 AS a")
    session.sql("SHOW TABLES").show()
    assert capsys.readouterr().out.splitlines() == [
        "name  | kind",
        "----- | -----",
        "shown | table",
    ]


@pytest.mark.parametrize(
    ("shown", "told"),
    [
        ("TABLES", "kind"),
        ("VIEWS", "kind"),
        ("INDEXES", "definition"),
        ("SCHEMAS", "state"),
        ("ALL", "value"),
        ("float_sum", "value"),
    ],
)
def test_show_tells_names_and_what_stands_beside_them(
    session: velaria.Session, shown: str, told: str
) -> None:
    assert session.sql(f"SHOW {shown}").to_arrow().column_names == ["name", told]


def test_show_functions_tells_signatures_and_null_rules(session: velaria.Session) -> None:
    shown = session.sql("SHOW FUNCTIONS").to_arrow()
    assert shown.column_names == ["name", "signature", "null_rule"]
    rules = dict(
        zip(shown.column("name").to_pylist(), shown.column("null_rule").to_pylist(), strict=True)
    )
    assert rules["substr"] == "NULL if any argument is"
    assert rules["row_number"] == "counts rows, NULL or not"


def test_show_writes_values_as_casts_do(
    session: velaria.Session, capsys: pytest.CaptureFixture[str]
) -> None:
    session.sql(
        "SELECT INTERVAL '1 day 2 hours' AS i, '\\x6162'::BLOB AS b, true AS t, [1, NULL] AS l"
    ).show()
    shown = capsys.readouterr().out.splitlines()[2]
    assert [cell.strip() for cell in shown.split("|")] == [
        "1 day 02:00:00",
        "\\x6162",
        "true",
        "[1, NULL]",
    ]
