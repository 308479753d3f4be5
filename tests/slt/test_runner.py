"""The runner judged by an engine that is not ours: it must accept right rows and catch every kind
of wrong one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from .runner.compare import explain_difference, query_difference
from .runner.parse import ExplainRecord, QueryRecord, SltSyntaxError, parse_text
from .runner.run import Report, SqlFailure, run_file
from .runner.values import format_table, timestamp_text
from .tools.expect_from import fill_text
from .tools.oracles import DuckdbOracle

HERE = Path("example.slt")


@pytest.fixture
def engine() -> Iterator[DuckdbOracle]:
    oracle = DuckdbOracle()
    yield oracle
    oracle.close()


def run(text: str, engine: DuckdbOracle, style: str = "exact") -> Report:
    return run_file(parse_text(text, HERE), engine, style, {})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "record",
    [
        "query I\nSELECT 1\n----\n1",
        "query IT\nSELECT 1, 'a b'\n----\n1\ta b",
        "query I rowsort\nVALUES (2), (1)\n----\n1\n2",
        "query II valuesort\nSELECT 3, 1\n----\n1\n3",
        "query I\nSELECT 1 WHERE false\n----",
        "query T\nSELECT ''\n----\n(empty)",
        "query B\nSELECT true\n----\ntrue",
        "statement error\nSELECT nothing",
        "equal rowsort\nVALUES (1), (2)\n----\nVALUES (2), (1)",
        "skipif duckdb\nquery I\nSELECT 1\n----\n2\n\nquery I\nSELECT 1\n----\n1",
        "query I\nVALUES (1), (2)\n----\n2 values hashing to 6ddb4095eb719e2a9f0a3f95677d24e0",
    ],
)
def test_a_right_answer_passes(record: str, engine: DuckdbOracle) -> None:
    report = run(record, engine)
    assert not report.wrong, report.wrong[0]
    assert report.passed == 1


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ("query I\nSELECT 1\n----\n2", "rows differ"),
        ("query I\nVALUES (2), (1)\n----\n1\n2", "rows differ"),
        ("query I\nSELECT 1\n----", "rows differ"),
        ("query II\nSELECT 1\n----\n1\t1", "column count differs"),
        ("query T\nSELECT 1\n----\n1", "type letter T does not fit"),
        ("query I\nSELECT 1.5\n----\n1.5", "type letter I does not fit"),
        ("query I\nSELECT 1", "no expectation"),
        ("query I\nSELECT 1\n----\n1 values hashing to " + "0" * 32, "hash differs"),
        ("query I\nSELECT 1\n----\n2 values hashing to " + "0" * 32, "value count differs"),
        ("statement ok\nSELECT nothing", "failed"),
        ("statement error\nSELECT 1", "no error"),
        ("statement error VEL2012\nSELECT nothing", "code differs"),
        ("equal\nSELECT 1\n----\nSELECT 2", "rows differ"),
    ],
)
def test_a_wrong_answer_is_caught(record: str, reason: str, engine: DuckdbOracle) -> None:
    report = run(record, engine)
    assert report.passed == 0
    assert reason in report.wrong[0].reason


@pytest.mark.parametrize(
    "text",
    [
        "quary I\nSELECT 1",
        "query Z\nSELECT 1\n----\n1",
        "query I upside_down\nSELECT 1\n----\n1",
        "statement\nSELECT 1",
        "statement error E12\nSELECT 1",
        "query I",
        "skipif\nquery I\nSELECT 1",
        "equal\nSELECT 1",
    ],
)
def test_a_malformed_file_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(SltSyntaxError, match=r"example\.slt:\d+: "):
        parse_text(text, HERE)


class Refusing:
    """An engine that supports nothing but SELECT 1."""

    labels = frozenset({"refusing"})

    def run(self, sql: str) -> pa.Table | None:
        if sql != "SELECT 1":
            raise SqlFailure("VEL2002" if sql.startswith("UPDATE") else "VEL2012", "no")
        return pa.table({"a": [1]})

    def explain(self, sql: str) -> dict[str, str]:
        raise SqlFailure("VEL1008", "no plans")

    def close(self) -> None:
        """Holds nothing."""


def test_unsupported_is_told_from_wrong_and_spoils_what_it_should_have_changed() -> None:
    text = (
        "statement ok\nUPDATE t SET a = 1\n\n"
        "query I\nSELECT a FROM t\n----\n1\n\n"
        "query I\nSELECT a FROM other\n----\n1\n\n"
        "query I\nSELECT 1\n----\n1"
    )
    report = run_file(parse_text(text, HERE), Refusing(), "sqlite", {})
    assert dict(report.unsupported) == {"VEL2002": 2}
    assert report.unsupported_queries == 1
    assert [failure.line for failure in report.wrong] == [9]
    assert report.queries == 1


def test_the_corpus_style_rounds_reals_and_reads_booleans_both_ways(engine: DuckdbOracle) -> None:
    text = (
        "query R\nSELECT 1 / 3e0\n----\n0.333\n\nquery I\nSELECT true\n----\n1\n\n"
        "query II\nSELECT '12b', 'b'\n----\n12\t0"
    )
    report = run(text, engine, style="sqlite")
    assert report.queries == 3, report.wrong


def test_ignore_in_a_plan_stands_for_text_and_for_lines() -> None:
    record = ExplainRecord(1, "", expected=("scan <ignore> rows", "<ignore>", "end"))
    assert explain_difference(record, ["scan t, 5 rows", "x", "y", "end"]) == ""
    assert explain_difference(record, ["scan t, 5 rows", "end"]) == ""
    assert "plan differs" in explain_difference(record, ["scan t", "end"])


def test_filling_a_skeleton_keeps_everything_else() -> None:
    text = "# name: x\n\nquery I\nSELECT 1\n\n# note\nquery I\nSELECT 2\n----\n2\n"
    filled = fill_text(text, {3: [["1"]]})
    assert (
        filled == "# name: x\n\nquery I\nSELECT 1\n----\n1\n\n# note\nquery I\nSELECT 2\n----\n2\n"
    )


def test_values_are_written_without_loss() -> None:
    table = pa.table(
        {
            "f32": pa.array([0.1], pa.float32()),
            "f64": pa.array([0.1]),
            "ts": pa.array([1], pa.timestamp("ns")),
            "dict": pa.array(["a"]).dictionary_encode(),
            "bytes": pa.array([b"\x01"]),
        }
    )
    rows = format_table(table, "RRTTT", "exact")
    assert rows == [["0.1", "0.1", "1970-01-01 00:00:00.000000001", "a", "\\x01"]]
    assert timestamp_text(-62135596801, "s", None) == "0000-12-31 23:59:59"
    assert timestamp_text(0, "s", "UTC") == "1970-01-01 00:00:00+00"


def test_one_value_per_line_is_read_as_rows(engine: DuckdbOracle) -> None:
    record = parse_text("query II\nSELECT 1\n----\n1\n2\n3\n4", HERE).records[0]
    assert isinstance(record, QueryRecord)
    assert query_difference(record, pa.table({"a": [1, 3], "b": [2, 4]}), "exact") == ""
