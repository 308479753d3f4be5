"""The lane's answers are the single process's, whatever the transport and the number of workers.

Floats here are sums of quarters, which no order of adding can round differently.
"""

import datetime
import decimal
import random
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pytest

from tests.experimental.conftest import statement
from velaria._kernel import Session
from velaria.experimental_actor.lane import Lane, lane_on
from velaria.experimental_actor.messages import RAY_OBJECT
from velaria.schemas.errors import VelariaError

pytestmark = pytest.mark.lane

ROW_COUNT = 150_000
"""Three partitions."""


def events(row_count: int) -> pa.Table:
    choice = random.Random(7)
    words = ["alpha", "beta", "", "ä", None]
    days = [datetime.date(2013, 1, day) for day in range(1, 29)] + [None]
    word, day, quarter, cents = [], [], [], []
    for _ in range(row_count):
        word.append(choice.choice(words))
        day.append(choice.choice(days))
        quarter.append(None if choice.random() < 0.1 else choice.randrange(1000) / 4)
        cents.append(decimal.Decimal(choice.randrange(-99_999, 99_999)).scaleb(-2))
    return pa.table(
        {
            "id": pa.array(range(row_count), pa.int64()),
            "word": pa.array(word, pa.string()),
            "day": pa.array(day, pa.date32()),
            "quarter": pa.array(quarter, pa.float64()),
            "cents": pa.array(cents, pa.decimal128(12, 2)),
        }
    )


@pytest.fixture(scope="module")
def tables() -> Mapping[str, pa.Table]:
    names = pa.table({"word": ["alpha", "beta", "gamma"], "long": ["first", "second", None]})
    return {
        "events": events(ROW_COUNT),
        "empty": events(0),
        "one": events(1),
        "names": names,
        "nulls": pa.table({"k": pa.nulls(5, pa.string()), "v": pa.nulls(5, pa.int32())}),
        "coded": pa.table({"k": pa.array(["x", "y", None, "x"]).dictionary_encode()}),
    }


def single(sql: str, tables: Mapping[str, pa.Table]) -> pa.Table:
    session = Session()
    for name, table in tables.items():
        session.register_arrow(name, table)
    return session.execute(sql).read_all()


def through(lane: Lane, sql: str, tables: Mapping[str, pa.Table]) -> tuple[pa.Table, Any]:
    split = statement(sql, tables)
    report = lane.run(split, timeout_s=60)
    assert report.error is None, report.error
    return split.merge(lane.partials(report)), report


STATEMENTS = [
    "SELECT count(*) AS n, count(word) AS words, sum(id) AS ids FROM events",
    "SELECT word, count(*) AS n, sum(quarter) AS s, avg(quarter) AS a FROM events GROUP BY word "
    "ORDER BY word",
    "SELECT word, sum(cents) AS s, min(cents) AS lo, max(cents) AS hi FROM events GROUP BY word "
    "ORDER BY word",
    "SELECT day, min(word) AS lo, max(word) AS hi, count(*) AS n FROM events WHERE id % 3 = 0 "
    "GROUP BY day ORDER BY day",
    "SELECT word, day, count(*) AS n FROM events GROUP BY word, day HAVING count(*) > 1000 "
    "ORDER BY n DESC, word, day LIMIT 7",
    "SELECT n.long, count(*) AS n, sum(e.id) AS ids FROM events e JOIN names n "
    "ON e.word = n.word GROUP BY n.long ORDER BY n.long",
    "SELECT id % 20000 AS k, count(*) AS n FROM events GROUP BY id % 20000 ORDER BY k",
    "SELECT count(*) AS n, sum(id) AS s, max(word) AS m FROM empty",
    "SELECT word, sum(cents) AS s FROM empty GROUP BY word",
    "SELECT word, sum(cents) AS s FROM one GROUP BY word",
    "SELECT k, count(*) AS n, sum(v) AS s, min(v) AS lo FROM nulls GROUP BY k",
    "SELECT k, count(*) AS n FROM coded GROUP BY k ORDER BY k",
]


@pytest.mark.parametrize("sql", STATEMENTS)
def test_the_lane_answers_as_a_single_process(
    lane: Lane, tables: Mapping[str, pa.Table], sql: str
) -> None:
    got, report = through(lane, sql, tables)
    assert report.state == "succeeded"
    assert [attempt.number for attempt in report.attempts] == [1] * len(report.partials)
    expected = single(sql, tables)
    assert got.schema.equals(expected.schema)
    assert got.to_pylist() == expected.to_pylist()


def test_both_workers_take_part(lane: Lane, tables: Mapping[str, pa.Table]) -> None:
    _, report = through(lane, STATEMENTS[1], tables)
    assert len({attempt.worker for attempt in report.attempts}) == 2


def test_floats_are_the_same_to_the_bit_on_one_worker_and_on_two(
    ray: Any, ray_object_lane: Lane, shared_memory_lane: Lane
) -> None:
    choice = random.Random(11)
    floats = pa.table({"f": [choice.uniform(-1e9, 1e9) for _ in range(200_000)]})
    sql = "SELECT sum(f) AS s, avg(f) AS a FROM t"
    with lane_on(ray, 1, RAY_OBJECT, None) as alone:
        answers = [
            through(lane, sql, {"t": floats})[0].to_pylist()
            for lane in (alone, ray_object_lane, shared_memory_lane)
        ]
    assert answers[0] == answers[1] == answers[2]
    assert answers[0][0]["s"] == pytest.approx(single(sql, {"t": floats})["s"][0].as_py())


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("SELECT id FROM events", "no aggregate"),
        ("SELECT count(DISTINCT word) FROM events", "DISTINCT"),
        ("SELECT sum(a.id) FROM events a JOIN events b ON a.id = b.id", "no table"),
        ("SELECT sum(id) FROM shown", "it reads a view"),
    ],
)
def test_what_cannot_be_split_says_why(sql: str, why: str, tables: Mapping[str, pa.Table]) -> None:
    with pytest.raises(Exception, match=why) as caught:
        statement(sql, {"events": tables["one"]})
    assert caught.value.code == "VEL2002"  # type: ignore[attr-defined]
    assert caught.value.hint  # type: ignore[attr-defined]


def test_a_fault_in_the_data_is_not_retried(lane: Lane) -> None:
    table = pa.table({"s": ["1", "2", "x", "4"]})
    split = statement("SELECT sum(CAST(s AS BIGINT)) FROM t", {"t": table})
    report = lane.run(split, timeout_s=60)
    assert report.state == "failed"
    assert report.error is not None
    assert report.error.code == "VEL3003"
    failed = [attempt for attempt in report.attempts if attempt.state == "failed"]
    assert [attempt.number for attempt in failed] == [1]
    assert through(lane, "SELECT count(*) AS n FROM t", {"t": table})[0].to_pylist() == [{"n": 4}]


def test_shared_memory_that_is_full_is_a_typed_error(shared_memory_lane: Lane) -> None:
    folder = shared_memory_lane._folder
    assert folder is not None
    with pytest.raises(VelariaError, match="does not take the table") as caught:
        folder.write("no-such-folder/file", pa.table({"a": [1]}))
    assert caught.value.code == "VEL5004"
    assert "ray-object" in caught.value.hint
