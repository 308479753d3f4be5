"""Metrics: every row of the table is told, in numbers that add up and a text that can be read."""

import re

import pytest

from velaria.flight_server.metrics import BUCKETS_S, METRICS, PREFIX, Metrics

LINE = re.compile(
    r"(?P<name>[a-z_]+)(?:\{(?P<labels>(?:[a-z_]+=\"(?:[^\"\\\n]|\\[\\n\"])*\",?)+)\})? "
    r"(?P<value>\+Inf|-?\d+(?:\.\d+)?(?:e-?\d+)?)\Z"
)


def samples(text: str) -> dict[str, float]:
    """Each line of the text format but comments, read strictly."""
    assert text.endswith("\n")
    found: dict[str, float] = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        match = LINE.match(line)
        assert match, line
        key = line.rsplit(" ", 1)[0]
        assert key not in found, f"told twice: {key}"
        found[key] = float(match["value"])
    return found


def test_every_row_has_help_and_type_and_one_block() -> None:
    text = Metrics().text()
    for row in METRICS:
        name = PREFIX + row.name
        assert text.count(f"# HELP {name} ") == text.count(f"# TYPE {name} {row.kind}\n") == 1
    assert samples(text)["velaria_calls_total"] == 0


def test_counters_count_by_label() -> None:
    metrics = Metrics()
    metrics.add("queries_total", kind="query", state="finished")
    metrics.add("queries_total", 2, kind="query", state="failed")
    found = samples(metrics.text())
    assert found['velaria_queries_total{kind="query",state="failed"}'] == 2
    assert metrics.read()["queries_total"] == 3
    assert metrics.read()['queries_total{kind="query",state="finished"}'] == 1


def test_a_histogram_counts_each_value_in_its_bucket_and_all_above() -> None:
    metrics = Metrics()
    for seconds in (BUCKETS_S[0], 0.002, 0.3, 1000.0):
        metrics.observe("call_seconds", seconds, method="DoGet")
    found = samples(metrics.text())
    name = 'velaria_call_seconds_bucket{method="DoGet",le="%s"}'
    counts = [found[name % bound] for bound in ("0.0005", "0.001", "0.0025", "0.5", "60", "+Inf")]
    assert counts == [1, 1, 2, 3, 3, 4]
    assert found['velaria_call_seconds_count{method="DoGet"}'] == 4
    assert found['velaria_call_seconds_sum{method="DoGet"}'] == pytest.approx(1000.3025)
    assert not any("_bucket" in key for key in metrics.read())


def test_labels_are_escaped() -> None:
    metrics = Metrics()
    metrics.add("queries_total", kind='a"b\\c\nd', state="x")
    assert 'kind="a\\"b\\\\c\\nd"' in metrics.text()
    samples(metrics.text())


def test_what_cannot_be_read_is_left_out() -> None:
    metrics = Metrics()
    is_there = True

    def free() -> float:
        if not is_there:
            raise OSError("the folder is gone")
        return 5

    metrics.watch("data_dir_free_bytes", free)
    metrics.watch("process_threads", lambda: 3)
    assert metrics.read()["data_dir_free_bytes"] == 5.0
    is_there = False
    found = metrics.read()
    assert "data_dir_free_bytes" not in found
    assert found["process_threads"] == 3.0
    is_there = True
    assert metrics.read()["data_dir_free_bytes"] == 5.0


@pytest.mark.parametrize("labels", [{}, {"kind": "query"}, {"kind": "q", "status": "x"}])
def test_a_label_that_is_of_no_row_is_our_fault(labels: dict[str, str]) -> None:
    with pytest.raises(KeyError):
        Metrics().add("queries_total", **labels)
