"""Dictionary columns whose values are no text: they compare, group, join and sort as their values,
and come out as they went in where nothing is done with them."""

import datetime
import decimal
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from velaria import _kernel

VALUES = {
    "i": pa.array([30, 10, None, 30, 20], pa.int64()),
    "f": pa.array([1.5, -2.0, None, 1.5, 0.25], pa.float64()),
    "d": pa.array([datetime.date(2024, 1, n) if n else None for n in (3, 1, 0, 3, 2)]),
    "t": pa.array([datetime.time(hour=n) if n else None for n in (3, 1, 0, 3, 2)], pa.time64("us")),
    "m": pa.array([decimal.Decimal(n) if n else None for n in ("3.5", "1.5", "", "3.5", "2.5")]),
}


@pytest.fixture
def session() -> Iterator[_kernel.Session]:
    kernel_session = _kernel.Session(threads=2)
    numbers = pa.array(range(5), pa.int64())
    coded = {name: values.dictionary_encode() for name, values in VALUES.items()}
    kernel_session.register_arrow("coded", pa.table({"n": numbers, **coded}))
    kernel_session.register_arrow("plain", pa.table({"n": numbers, **VALUES}))
    yield kernel_session
    kernel_session.close()


def rows(session: _kernel.Session, sql: str) -> list[Any]:
    table = session.execute(sql).read_all()
    table.validate(full=True)
    return table.to_pylist()


@pytest.mark.parametrize("column", VALUES)
@pytest.mark.parametrize(
    "sql",
    [
        "SELECT n FROM {t} WHERE {c} = (SELECT max({c}) FROM plain) ORDER BY n",
        "SELECT n, {c} > (SELECT min({c}) FROM {t}) AS x FROM {t} ORDER BY n",
        "SELECT {c}, count(*) AS k FROM {t} GROUP BY {c} ORDER BY {c}",
        "SELECT {c}, count(*) AS k FROM {t} GROUP BY 1 ORDER BY 1 DESC",
        "SELECT DISTINCT {c} FROM {t} ORDER BY {c}",
        "SELECT DISTINCT ON ({c}) {c}, n FROM {t} ORDER BY {c}, n",
        "SELECT n, {c} FROM {t} ORDER BY {c} DESC NULLS LAST, n LIMIT 3",
        "SELECT * FROM {t} ORDER BY {c}, n",
        "SELECT a.n, b.n AS m FROM {t} a JOIN {t} b ON a.{c} = b.{c} ORDER BY 1, 2",
        "SELECT a.n, b.n AS m FROM {t} a JOIN plain b USING ({c}) ORDER BY 1, 2",
        "SELECT {c}, count(*) AS k FROM {t} a FULL JOIN {t} b USING ({c}) GROUP BY {c} ORDER BY 1",
        "SELECT n FROM {t} WHERE {c} IN (SELECT {c} FROM {t} WHERE n > 3) ORDER BY n",
        "SELECT count(*) AS k FROM (SELECT {c} FROM {t} UNION SELECT {c} FROM plain) q",
        "SELECT {c} FROM {t} EXCEPT SELECT {c} FROM {t} WHERE n < 3 ORDER BY 1",
        "SELECT {c} FROM {t} UNION ALL SELECT {c} FROM {t} ORDER BY 1",
        "SELECT min({c}) AS a, max({c}) AS b, count(DISTINCT {c}) AS k, mode({c}) AS m FROM {t}",
        "SELECT array_agg({c} ORDER BY {c}, n) AS l FROM {t}",
        "SELECT n, row_number() OVER (PARTITION BY {c} ORDER BY n) AS k FROM {t} ORDER BY n",
        "SELECT n, rank() OVER (ORDER BY {c}) AS k FROM {t} ORDER BY n",
        "SELECT n, lag({c}) OVER (ORDER BY n) AS l FROM {t} ORDER BY n",
        "SELECT n, coalesce({c}, (SELECT min({c}) FROM {t})) AS x FROM {t} ORDER BY n",
        "SELECT n, CASE WHEN n > 2 THEN {c} END AS x FROM {t} ORDER BY n",
        "SELECT n, {c} BETWEEN (SELECT min({c}) FROM {t}) AND {c} AS x FROM {t} ORDER BY n",
        "SELECT n, CAST({c} AS VARCHAR) AS x, {c} IS NULL AS y FROM {t} ORDER BY n",
        "SELECT n, (SELECT count(*) FROM {t} b WHERE b.{c} < a.{c}) AS x FROM {t} a ORDER BY n",
        "WITH q AS (SELECT {c} AS v FROM {t}) SELECT v, count(*) AS k FROM q GROUP BY v ORDER BY v",
        "SELECT {c}, count(*) AS k FROM {t} GROUP BY ROLLUP ({c}) ORDER BY 1, 2",
    ],
)
def test_coded_values_are_the_same_as_plain_ones(
    session: _kernel.Session, column: str, sql: str
) -> None:
    coded = rows(session, sql.format(t="coded", c=column))
    assert coded == rows(session, sql.format(t="plain", c=column))


def test_coded_values_are_computed_with(session: _kernel.Session) -> None:
    sql = "SELECT sum(i) AS s, avg(f) AS a, sum(i + 1) AS p, median(i) AS m FROM {}"
    assert rows(session, sql.format("coded")) == rows(session, sql.format("plain"))
    assert rows(session, "SELECT n FROM coded WHERE i = 30 AND f > 1 ORDER BY n") == [
        {"n": 0},
        {"n": 3},
    ]


def test_a_column_that_is_handed_on_keeps_its_encoding(session: _kernel.Session) -> None:
    coded = session.execute("SELECT * FROM coded").read_all()
    for name, values in VALUES.items():
        expected = values.dictionary_encode().type
        for sql in [
            f"SELECT {name} FROM coded",
            f"SELECT {name} FROM coded ORDER BY {name}",
            f"SELECT {name} FROM (SELECT * FROM coded) q WHERE {name} IS NOT NULL",
        ]:
            assert session.execute(sql).read_all().schema.field(name).type == expected, sql
        assert coded.schema.field(name).type == expected
        assert coded[name].to_pylist() == values.to_pylist()
    session.execute("CREATE TABLE copy AS SELECT * FROM coded")
    assert session.table("copy").schema.field("i").type == pa.dictionary(pa.int32(), pa.int64())


def test_coded_values_are_changed_and_are_keys(session: _kernel.Session) -> None:
    session.execute("CREATE TABLE keyed AS SELECT i, n FROM coded WHERE n IN (0, 1)")
    session.execute("CREATE UNIQUE INDEX one ON keyed(i)")
    with pytest.raises(_kernel.ExecutionError) as refusal:
        session.execute("INSERT INTO keyed VALUES (30, 9)")
    assert refusal.value.code == "VEL3005"
    session.execute("INSERT INTO keyed VALUES (40, 9)")
    session.execute("UPDATE keyed SET i = i + 1")
    session.execute("DELETE FROM keyed WHERE i = 11")
    assert rows(session, "SELECT i FROM keyed ORDER BY i") == [{"i": 31}, {"i": 41}]


def test_coded_columns_become_keys_whichever_statement_says_so(session: _kernel.Session) -> None:
    for rule in ("ADD UNIQUE (i)", "ADD PRIMARY KEY (i)"):
        session.execute("CREATE TABLE keyed AS SELECT i, n FROM coded WHERE n IN (0, 1)")
        session.execute(f"ALTER TABLE keyed {rule}")
        with pytest.raises(_kernel.ExecutionError) as refusal:
            session.execute("INSERT INTO keyed VALUES (30, 9)")
        assert refusal.value.code == "VEL3005"
        assert refusal.value.message.endswith("key in keyed: (i) = (30)")
        session.execute("DROP TABLE keyed")


def test_coded_values_inside_structs_and_lists_are_used_as_their_values() -> None:
    coded = pa.array([30, 10, None, 30], pa.int64()).dictionary_encode()
    days = pa.array([datetime.date(2024, 1, n) for n in (3, 1, 2, 3)]).dictionary_encode()
    table = pa.table(
        {
            "n": pa.array(range(4)),
            "s": pa.StructArray.from_arrays([coded, days], ["i", "d"]),
            "l": pa.ListArray.from_arrays(pa.array([0, 2, 3, 3, 4], pa.int32()), coded),
        }
    )
    session = _kernel.Session(threads=2)
    session.register_arrow("t", table)
    assert rows(session, "SELECT n, s.i + 1 AS x FROM t WHERE s.i > 10 ORDER BY n") == [
        {"n": 0, "x": 31},
        {"n": 3, "x": 31},
    ]
    by_day = "SELECT (s).d AS d, sum(t.s.i) AS i FROM t GROUP BY (s).d ORDER BY d DESC LIMIT 1"
    assert rows(session, by_day) == [{"d": datetime.date(2024, 1, 3), "i": 60}]
    assert rows(session, "SELECT n, l[1] * 2 AS x FROM t WHERE l[1] = 30 ORDER BY s['d'], n") == [
        {"n": 0, "x": 60},
        {"n": 3, "x": 60},
    ]
    assert rows(session, "SELECT max(x) AS x FROM (SELECT UNNEST(l) AS x FROM t) q") == [{"x": 30}]
    # As a whole it takes a cast, and the error says so.
    with pytest.raises(_kernel.SqlError) as refusal:
        session.execute("SELECT n FROM t WHERE l = [30, 10]")
    assert refusal.value.code == "VEL2016"
    assert refusal.value.message.endswith(": BIGINT[], dictionary-encoded inside")
    assert refusal.value.hint == "Cast it to BIGINT[], which takes the encoding off."
    assert rows(session, "SELECT n FROM t WHERE l::BIGINT[] = [30, 10]") == [{"n": 0}]
    session.close()
