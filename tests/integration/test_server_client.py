"""Our client: typed results, typed errors."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import velaria
from tests.server_process import ServerProcess, until
from velaria.flight_server.client import Client
from velaria.schemas.errors import VelariaError

pytestmark = pytest.mark.both_fronts


@pytest.fixture
def ours(server: ServerProcess) -> Iterator[Client]:
    with velaria.connect(server.uri) as made:
        yield made


def test_rows_come_as_a_table_as_tuples_and_batch_by_batch(ours: Client) -> None:
    sql = "SELECT 1 AS a UNION ALL SELECT 2"
    assert ours.sql(sql).to_arrow().to_pydict() == {"a": [1, 2]}
    assert ours.sql(sql + " ORDER BY 1").to_rows() == [(1,), (2,)]
    assert sum(batch.num_rows for batch in ours.sql(sql)) == 2
    assert ours.sql("SELECT ? AS p", [5]).to_rows() == [(5,)]


def test_changes_tell_how_many_rows(ours: Client) -> None:
    ours.sql("CREATE TABLE ours_t (a BIGINT)")
    result = ours.sql("INSERT INTO ours_t VALUES (1), (2)")
    assert (result.rows_affected, result.has_rows) == (2, False)
    with pytest.raises(VelariaError, match="returned no rows") as caught:
        result.to_arrow()
    assert "rows_affected" in caught.value.hint


def test_no_call_of_it_is_told_as_cancelled(ours: Client) -> None:
    """As one is whose answer was not read to its end."""

    def cancelled() -> float:
        counts: dict[str, float] = ours.action("server.metrics")["metrics"]
        label = 'method="DoAction",action="sql.functions",status="VEL3010"'
        return counts.get(f"calls_ended_total{{{label}}}", 0.0)

    before = cancelled()
    for _ in range(50):
        ours.action("sql.functions")
    assert cancelled() == before


def test_tables_batches_and_readers_can_be_put(ours: Client) -> None:
    table = pa.table({"a": list(range(100_000))})
    batches = table.to_batches(max_chunksize=30_000)
    assert ours.put(table, "ours_put") == 100_000
    assert ours.put(batches, "ours_put") == 100_000
    assert ours.put(batches[0], "ours_put", mode="replace") == 30_000
    assert ours.put(table.to_reader(), "ours_put") == 100_000
    assert ours.sql("SELECT count(*) FROM ours_put").to_rows() == [(130_000,)]
    for none in ([], iter(())):
        with pytest.raises(VelariaError, match="not Arrow data") as caught:
            ours.put(none, "ours_put")
        assert (caught.value.code, "no batches" in caught.value.detail) == ("VEL1001", True)


def test_errors_keep_code_place_and_caret(ours: Client) -> None:
    with pytest.raises(VelariaError) as caught:
        ours.sql("SELECT nope")
    error = caught.value
    assert (error.code, error.line, error.column) == ("VEL2012", 1, 8)
    assert error.caret == "SELECT nope\n       ^"
    with pytest.raises(VelariaError) as caught:
        ours.sql("SELECT 1 / 0").to_arrow()
    assert caught.value.code == "VEL3001"


def test_a_refused_put_keeps_its_code(ours: Client) -> None:
    ours.put(pa.table({"a": [1]}), "ours_refused")
    with pytest.raises(VelariaError) as caught:
        ours.put(pa.table({"b": ["x"]}), "ours_refused")
    assert caught.value.code == "VEL4005"


def failing_batches() -> Iterator[pa.RecordBatch]:
    yield pa.record_batch({"a": [7, 8]})
    raise LookupError("the rest is damaged")


def test_a_put_whose_data_fails_is_not_taken_for_whole(ours: Client) -> None:
    ours.put(pa.table({"a": [1, 2, 3]}), "ours_whole")
    schema = pa.schema([("a", pa.int64())])
    broken = pa.RecordBatchReader.from_batches(schema, failing_batches())
    with pytest.raises(LookupError, match="damaged"):
        ours.put(broken, "ours_whole", mode="replace")
    newest = ours.action("run.list", limit=1)["runs"][0]
    assert (newest["text"], newest["state"]) == ("DoPut ours_whole", "failed")
    assert newest["rows"] == 0
    assert ours.sql("SELECT sum(a) FROM ours_whole").to_rows() == [(6,)]


def test_the_run_of_a_put_that_broke_off_tells_the_rows_it_left(ours: Client) -> None:
    schema = pa.schema([("a", pa.int64())])
    broken = pa.RecordBatchReader.from_batches(schema, failing_batches())
    with pytest.raises(LookupError, match="damaged"):
        ours.put(broken, "ours_broken_off")
    newest = ours.action("run.list", limit=1)["runs"][0]
    assert (newest["text"], newest["state"]) == ("DoPut ours_broken_off", "failed")
    assert (newest["rows"], newest["error_code"]) == (2, "VEL4006")
    assert ours.sql("SELECT count(*) FROM ours_broken_off").to_rows() == [(2,)]


def test_the_schema_of_a_table_of_another_schema_is_told(ours: Client) -> None:
    ours.sql("CREATE SCHEMA ours_sc")
    table = pa.table({"a": [1]})
    assert ours.put(table, "ours_sc.t") == 1
    assert ours.schema("ours_sc.t") == table.schema


def test_a_schema_that_cannot_be_told_has_its_code(ours: Client) -> None:
    with pytest.raises(VelariaError) as caught:
        ours.schema("ours_no_such_table")
    assert (caught.value.code, caught.value.retry) == ("VEL2011", "never")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (2**70, "parameter 2 holds an integer of more than 64 bits"),
        ([-(2**63) - 1], "parameter 2 holds an integer of more than 64 bits"),
        (object(), "parameter 2 cannot be sent"),
        ("\ud800", "parameter 2 cannot be sent"),
    ],
    ids=["large", "in a list", "object", "half a character"],
)
def test_a_parameter_that_cannot_be_sent_has_its_code(
    ours: Client, value: object, told: str
) -> None:
    for call in (ours.sql, ours.start_stream):
        with pytest.raises(VelariaError, match=told) as caught:
            call("SELECT ?, ?", params=[1, value])
        assert caught.value.code == "VEL1006"
    with pytest.raises(VelariaError, match="cannot be written") as caught:
        ours.action("run.list", limit=value)
    assert caught.value.code == "VEL1003"


def test_the_text_of_an_error_has_caret_and_hint(ours: Client) -> None:
    with pytest.raises(VelariaError) as caught:
        ours.sql("SELECT lenght('x')")
    assert str(caught.value).splitlines()[1:3] == ["SELECT lenght('x')", "       ^"]
    assert "hint: " in str(caught.value)


def test_options_say_how_batches_come(ours: Client) -> None:
    sql = "SELECT x FROM generate_series(1, 1000) t(x)"
    batches = list(ours.sql(sql, batch_rows=100, compression="zstd"))
    assert [batch.num_rows for batch in batches] == [100] * 10
    with pytest.raises(VelariaError) as caught:
        ours.sql(sql, batch_rows=0)
    assert caught.value.code == "VEL1003"


def test_rows_become_a_polars_frame_and_come_from_one(ours: Client) -> None:
    polars = pytest.importorskip("polars")
    frame = ours.sql("SELECT 1 AS a, 'x' AS b").to_polars()
    assert frame.equals(
        polars.DataFrame({"a": [1], "b": ["x"]}, schema_overrides={"a": polars.Int32})
    )
    assert ours.put(frame, "ours_polars") == 1
    assert ours.sql("SELECT * FROM ours_polars").to_rows() == [(1, "x")]


def test_a_package_that_is_not_there_is_named(
    ours: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    result = ours.sql("SELECT 1 AS a")
    with pytest.raises(VelariaError, match="not installed: pandas") as caught:
        result.to_pandas()
    assert (caught.value.code, caught.value.hint[:24]) == ("VEL1008", "Install it by `pip insta")
    assert result.to_rows() == [(1,)], "nothing was read for it"


def test_the_first_rows_are_shown_and_the_query_ends(
    ours: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    result = ours.sql("SELECT x FROM generate_series(1, 1000000000) t(x)")
    result.show(2)
    shown = capsys.readouterr().out.splitlines()
    assert shown[2:] == ["1", "2", "(2 rows)", "There are more; to_arrow() reads all."]
    ours.sql("SELECT 1 AS a").show()
    assert capsys.readouterr().out == "a\n-\n1\n(1 row)\n"

    def state() -> str:
        return str(ours.action("query.progress", query_id=result.query_id)["state"])

    assert until(lambda: state() == "cancelled")


def test_a_file_is_put_by_its_path(ours: Client, tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text("id,zip\n1,007\n")
    ours.sql("CREATE TABLE ours_file (id BIGINT, zip VARCHAR)")
    assert ours.put(path, "ours_file") == 1
    assert ours.put(str(path), "ours_file") == 1
    assert ours.sql("SELECT DISTINCT * FROM ours_file").to_rows() == [(1, "007")]
    with pytest.raises(VelariaError) as caught:
        ours.put("no such file", "ours_file")
    assert caught.value.code == "VEL4003"


def test_rows_are_read_once(ours: Client) -> None:
    result = ours.sql("SELECT 1 AS a")
    assert result.to_arrow().num_rows == 1
    with pytest.raises(VelariaError, match="have been read"):
        result.to_arrow()
    with pytest.raises(VelariaError, match="have been read"):
        list(result)


@pytest.mark.parametrize("server", ["native"], indirect=True)
def test_a_fault_while_rows_are_read_is_shown_in_its_place(ours: Client) -> None:
    """Python keeps only code and message of what the kernel's reader raises, so the grpcio front
    cannot tell the place."""
    with pytest.raises(VelariaError) as caught:
        ours.sql("SELECT 1 / 0").to_arrow()
    assert caught.value.caret.startswith("SELECT 1 / 0\n")


@pytest.mark.parametrize(("table", "mode"), [("", "append"), ("x" * 2000, "append"), ("t", "odd")])
def test_a_put_to_nowhere_is_a_coded_failure(ours: Client, table: str, mode: str) -> None:
    with pytest.raises(VelariaError) as caught:
        ours.put(pa.table({"a": [1]}), table, mode)
    assert caught.value.code == "VEL1001"


class Lazy:
    def collect(self) -> pa.Table:
        return pa.table({"a": [1]})


class Mixed:
    """As a pandas frame with a column of several kinds."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return pa.table({"a": [1, "x"]})


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ({"a": [1]}, "dict"),
        ([1, 2], "list"),
        (None, "NoneType"),
        (Lazy(), "Lazy"),
        (Mixed(), "Mix"),
    ],
    ids=["dict", "list", "None", "lazy", "mixed"],
)
def test_data_that_is_not_arrow_is_refused_by_its_kind(
    ours: Client, data: object, kind: str
) -> None:
    for call in (lambda: ours.put(data, "ours_kind"), lambda: ours.transform(data, "SELECT 1")):  # type: ignore[arg-type]
        with pytest.raises(VelariaError, match=f"not Arrow data: {kind}") as caught:
            call()
        assert caught.value.code == "VEL1001"
        assert ("collect()" in caught.value.hint) == (kind == "Lazy")


@pytest.mark.parametrize("params", [5, {"a": 1}, "x"], ids=["int", "dict", "str"])
def test_parameters_are_a_list(ours: Client, params: Any) -> None:
    with pytest.raises(VelariaError, match="params is a list of values") as caught:
        ours.sql("SELECT ?", params)
    assert caught.value.code == "VEL1006"


def test_lists_and_structs_are_parameters(ours: Client) -> None:
    for value in ([1, None, 3], ["a"], {"a": 1, "b": ["x"]}, [[1], []]):
        assert ours.sql("SELECT ? AS p", [value]).to_rows() == [(value,)]
    found = ours.sql("SELECT x FROM generate_series(1, 9) t(x) WHERE x = ANY(?)", [[2, 5]])
    assert sorted(found.to_rows()) == [(2,), (5,)]
    deep: object = 1
    for _ in range(100):
        deep = [deep]
    for refused in (deep, [1, "a"], {1: 2}):
        with pytest.raises(VelariaError) as caught:
            ours.sql("SELECT ?", [refused]).to_arrow()
        assert caught.value.code == "VEL1006"


def test_a_closed_client_says_so(server: ServerProcess) -> None:
    with velaria.connect(server.uri) as closed:
        closed.put(pa.table({"a": [1]}), "ours_closed")
    calls: list[Callable[[], object]] = [
        lambda: closed.sql("SELECT 1"),
        lambda: closed.put(pa.table({"a": [1]}), "ours_closed"),
        lambda: list(closed.subscribe("q")),
        lambda: closed.transform(pa.table({"a": [1]}), "SELECT a FROM input"),
        closed.actions,
    ]
    for call in calls:
        with pytest.raises(VelariaError, match="the client is closed") as caught:
            call()
        assert (caught.value.code, caught.value.retry) == ("VEL1001", "never")


@pytest.mark.parametrize(
    ("name", "meant"),
    [("timeout", "timeout_s"), ("username", "user"), ("pasword", "password"), ("xyzzy", None)],
)
def test_an_unknown_argument_of_connect_is_told_with_those_there_are(
    name: str, meant: str | None
) -> None:
    with pytest.raises(TypeError, match="connect") as caught:
        velaria.connect("grpc://127.0.0.1:1", **{name: "x"})  # type: ignore[arg-type]
    told = str(caught.value)
    assert repr(name) in told and "timeout_s" in told and "tls_ca" in told
    assert ("did you mean" in told, f"did you mean {meant}?" in told) == (
        meant is not None,
        meant is not None,
    )


@pytest.mark.parametrize("uri", ["localhost", "127.0.0.1:31337", "http://127.0.0.1:1", ""])
def test_what_is_no_address_is_the_callers_fault(uri: str) -> None:
    with pytest.raises(VelariaError, match="not the address") as caught:
        velaria.connect(uri)
    assert (caught.value.code, caught.value.retry) == ("VEL1001", "never")


def test_an_absent_server_is_a_connection_error() -> None:
    with pytest.raises(VelariaError) as caught, velaria.connect("grpc://127.0.0.1:1") as nobody:
        nobody.sql("SELECT 1")
    assert (caught.value.code, caught.value.retry) == ("VEL5007", "later")


def test_the_rest_of_the_surface(ours: Client) -> None:
    assert ours.explain("SELECT 1").logical
    assert ours.health()["state"] == "serving"
    assert any(name == "sql.execute" for name, _ in ours.actions())
    ours.put(pa.table({"a": [1]}), "ours_listed")
    assert ("ours_listed", "table", 1) in [(t.name, t.kind, t.row_count) for t in ours.tables()]
