"""The bench harness: rounds, medians, ratios, answers compared, and each job at a tiny size."""

import json
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pyarrow as pa
import pytest

from bench.answers import WrongAnswer, check_same, find_difference
from bench.bare_server import BareFlightServer
from bench.case import Case, Finding, number, peer_ratios
from bench.data import events, h2o_groups, numbers
from bench.engines import open_engines
from bench.jobs import JOBS
from bench.measure import VELARIA, Contender, Timing, best_peer, measure
from bench.report import publish
from bench.setting import Setting

TINY = 0.0005


def timing(name: str, role: str, *seconds: float) -> Timing:
    return Timing(name, role, list(seconds), list(seconds))


@pytest.mark.slow
def test_every_round_runs_every_contender_and_begins_with_another() -> None:
    order: list[str] = []
    contenders = [
        Contender(name, lambda name=name: order.append(name), "peer") for name in ("a", "b", "c")
    ]
    timings = measure(contenders, rounds=3)
    assert order == ["a", "b", "c", "b", "c", "a", "c", "a", "b"]
    assert [(row.name, len(row.wall_s), len(row.cpu_s)) for row in timings] == [
        ("a", 3, 3),
        ("b", 3, 3),
        ("c", 3, 3),
    ]


def test_preparing_is_not_timed() -> None:
    clock_s = 0.0

    def prepare() -> None:
        nonlocal clock_s
        clock_s += 100

    def work() -> None:
        nonlocal clock_s
        clock_s += 2

    (row,) = measure([Contender("a", work, before=prepare, cpu_s=lambda: clock_s)], rounds=2)
    assert row.cpu_s == [2, 2]


def test_the_median_is_told_and_the_best_peer_is_a_peer() -> None:
    ours = timing(VELARIA, VELARIA, 9.0, 1.0, 3.0)
    slow, fast = timing("slow", "peer", 6.0), timing("fast", "peer", 2.0)
    floor, reference = timing("floor", "floor", 0.1), timing("other", "reference", 0.5)
    rows = [ours, slow, fast, floor, reference]
    assert ours.median_wall_s == 3.0
    assert best_peer(rows) is fast
    wall, cpu = peer_ratios(rows, limit=1.4)
    assert (wall.label, wall.value, wall.holds) == ("wall / fast", 1.5, False)
    assert (cpu.label, cpu.value, cpu.holds) == ("CPU / fast", 1.5, None)
    assert peer_ratios(rows, 1.0, against="slow")[0].value == 0.5
    assert peer_ratios(rows, 1.0, against="missing") == []
    assert peer_ratios([ours, floor], 1.0) == []


def test_a_limit_is_from_above_or_from_below() -> None:
    assert Finding("ratio", 1.3, "x", 1.3).holds is True
    assert Finding("speed", 14.9, "", 15.0, at_least=True).holds is False
    assert Finding("speed", 14.9, " M/s", 15.0, at_least=True).words() == (
        "speed 14.9 M/s (>= 15.0 M/s: MISSED)"
    )
    assert [number(value) for value in (0.01234, 1.234, 12.34, 1234.5)] == [
        "0.0123",
        "1.23",
        "12.3",
        "1,234",
    ]


def test_answers_are_compared_as_sets_and_types_aside() -> None:
    ours = pa.table({"k": ["a", "b", None], "s": pa.array([1, 2, 3], pa.int32())})
    wide = pa.table(
        {
            "k": pa.array([None, "b", "a"], pa.large_string()),
            "s": pa.array([3, 2, 1]).cast(pa.decimal128(38, 0)),
        }
    )
    assert find_difference(ours, wide) is None
    nearly = pa.table({"x": [1.0, 0.3]})
    assert find_difference(nearly, pa.table({"x": [0.1 + 0.2, 1.0]})) is None


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        (pa.table({"k": ["a", "b"], "s": [1, 3]}), "column s"),
        (pa.table({"k": ["a", "b"], "s": [1, None]}), "column s"),
        (pa.table({"k": ["a"], "s": [1]}), "rows 2, 1"),
        (pa.table({"k": ["a", "b"], "t": [1, 2]}), "columns"),
    ],
)
def test_a_wrong_answer_is_found(other: pa.Table, difference: str) -> None:
    rows = pa.table({"k": ["a", "b"], "s": [1, 2]})
    with pytest.raises(WrongAnswer, match=difference):
        check_same("ours", rows, "theirs", other)


def test_the_data_is_the_same_every_time() -> None:
    assert h2o_groups(2_000).equals(h2o_groups(2_000))
    assert numbers(6_400).num_rows == 200
    batches = events(1_000, key_count=10, batch_rows=300)
    assert [batch.num_rows for batch in batches] == [300, 300, 300, 100]


def test_a_job_is_printed_kept_as_json_and_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [timing(VELARIA, VELARIA, 0.004), timing("<peer & son>", "peer", 0.002)]
    operators = [{"name": "scan", "time_ms": 0.5}, {"name": "hash aggregate", "time_ms": 3.0}]
    case = Case("q1", "10 rows", rows, peer_ratios(rows, 1.5), operators)
    assert publish("job", [case], Setting(results=tmp_path)) == 1
    shown = capsys.readouterr().out
    assert "wall / <peer & son> 2x (<= 1.5x: MISSED)" in shown
    assert "time goes: hash aggregate 3.0 ms; scan 0.5 ms" in shown
    record = json.loads((tmp_path / "job.json").read_text("utf-8"))
    assert record["versions"]["velaria"]
    (kept,) = record["cases"]
    assert [row["median_wall_s"] for row in kept["timings"]] == [0.004, 0.002]
    assert kept["findings"][0]["holds"] is False
    drawing = ET.parse(tmp_path / "job.svg").getroot()
    assert drawing.tag.endswith("svg")
    assert "<peer & son>" in [node.text for node in drawing.iter()]


def test_a_peer_that_is_not_installed_is_named_and_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "polars", None)
    monkeypatch.delitem(sys.modules, "bench.engines.polars_engine", raising=False)
    with open_engines(threads=1) as engines:
        names = [engine.name for engine in engines]
    assert names[:2] == [VELARIA, "duckdb"]
    assert "polars" not in names
    assert "not installed, so not measured: polars" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize(
    "job",
    [
        "stream",
        "cores",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("h2o", "filter_sum", "csv", "doget", "doput", "door")
        ),
    ],
)
def test_a_job_runs_at_a_tiny_size(job: str, tmp_path: Path) -> None:
    cases = JOBS[job](Setting(scale=TINY, rounds=1, data=tmp_path))
    assert cases
    for case in cases:
        assert VELARIA in [row.name for row in case.timings]
        assert case.findings
        assert all(second > 0 for row in case.timings for second in row.wall_s)
    publish(job, cases, Setting(results=tmp_path))
    assert json.loads((tmp_path / f"{job}.json").read_text("utf-8"))["job"] == job


@pytest.mark.slow
@pytest.mark.parametrize("job", ["gil", "postgres"])
def test_a_slow_job_runs_at_a_tiny_size(job: str) -> None:
    cases = JOBS[job](Setting(scale=TINY, rounds=1))
    assert all(finding.value > 0 for case in cases for finding in case.findings)


def test_doget_refuses_a_server_that_loses_rows() -> None:
    from bench.jobs import flight_bytes

    short = numbers(3_200)
    server = BareFlightServer(short)
    client = flight_bytes.flight.connect(f"grpc://127.0.0.1:{server.port}")
    ticket = flight_bytes.flight.Ticket(b"")
    flight_bytes.get(client, ticket, short.num_rows)
    with pytest.raises(WrongAnswer, match="rows of 101: 100"):
        flight_bytes.get(client, ticket, 101)
    client.close()
    server.shutdown()
