"""Errors of unknown names propose the name that is near, whichever way it may be written there."""

import pytest

from velaria import _kernel


@pytest.mark.parametrize(
    ("sql", "hint"),
    [
        ("SELECT delay AS dist FROM flights ORDER BY dst", "Did you mean dist?"),
        ("SELECT delay AS dist FROM flights GROUP BY dst", "Did you mean dist?"),
        ("SELECT max(delay) AS most FROM flights HAVING mots > 1", "Did you mean most?"),
        ("SELECT delay AS dist FROM flights ORDER BY delya", "Did you mean delay?"),
        ("SELECT delay AS dist FROM flights ORDER BY flights.dst", ""),
        ("SELECT delay AS dist FROM flights WHERE dst > 1", "Did you mean dist?"),
        ("SELECT delay AS dist, dst + 1 AS far FROM flights", "Did you mean dist?"),
        ("SELECT dst + 1 AS far, delay AS dist FROM flights", ""),
        (
            "SELECT dist + 1 AS far, delay AS dist FROM flights",
            "An alias of the select list may be named in later items, not in its own or before.",
        ),
        (
            "SELECT sum(delay) AS total FROM flights WHERE total > 1",
            "Conditions on aggregates belong into HAVING.",
        ),
        ("SELECT * FROM flihgts", "Did you mean flights?"),
        ("SELECT * FROM main.flihgts", "Did you mean main.flights?"),
        ("INSERT INTO main.flihgts VALUES (1)", "Did you mean main.flights?"),
        ("DELETE FROM main.flihgts", "Did you mean main.flights?"),
    ],
)
def test_a_near_name_is_proposed(sql: str, hint: str) -> None:
    session = _kernel.Session(threads=1)
    session.execute("CREATE TABLE flights(delay INTEGER)")
    with pytest.raises(_kernel.SqlError) as refusal:
        session.execute(sql).read_all()
    assert (refusal.value.hint or "") == hint
    session.close()


@pytest.mark.parametrize(
    ("written", "near"),
    [
        # Slips of the pen.
        ("nme", "name"),
        ("nam", "name"),
        ("anme", "name"),
        ("naem", "name"),
        ("cty", "city"),
        ("citty", "city"),
        ("ids", "id"),
        ("di", "id"),
        ("b1", "b2"),
        ("qunatity", "quantity"),
        ("quanttiy", "quantity"),
        ("pasenger_cout", "passenger_count"),
        ("passengercount", "passenger_count"),
        # Other names.
        ("uid", None),
        ("it", None),
        ("d", None),
        ("fare", None),
        ("quality_x", None),
        ("counts_by_day", None),
    ],
)
def test_a_slip_is_told_from_another_name(written: str, near: str | None) -> None:
    session = _kernel.Session(threads=1)
    session.execute(
        "CREATE TABLE w(id INTEGER, b2 INTEGER, name VARCHAR, city VARCHAR, quantity INTEGER, "
        "passenger_count INTEGER)"
    )
    with pytest.raises(_kernel.SqlError) as refusal:
        session.execute(f"SELECT {written} FROM w").read_all()
    assert (refusal.value.hint or None) == (f"Did you mean {near}?" if near else None)
    session.close()


@pytest.mark.parametrize(
    ("written", "near"),
    [
        ("lenght", "length"),
        ("cuont", "count"),
        ("ltrm", "ltrim"),
        ("upprer", "upper"),
        ("sun", None),
        ("tot", None),
        ("f", None),
        ("to_int", None),
        ("array_len", None),
    ],
)
def test_a_short_word_is_no_slip_of_some_function(written: str, near: str | None) -> None:
    session = _kernel.Session(threads=1)
    with pytest.raises(_kernel.SqlError) as refusal:
        session.execute(f"SELECT {written}('a')").read_all()
    assert (refusal.value.hint or None) == (f"Did you mean {near}?" if near else None)
    session.close()


def test_columns_of_a_table_joined_with_itself_are_listed_once() -> None:
    session = _kernel.Session(threads=1)
    session.execute("CREATE TABLE w(a INTEGER, b INTEGER)")
    with pytest.raises(_kernel.SqlError) as refusal:
        session.execute("SELECT nothing FROM w AS x, w AS y").read_all()
    assert refusal.value.detail == "columns: a, b"
    session.close()


def test_one_column_is_no_columns() -> None:
    session = _kernel.Session(threads=1)
    session.execute("CREATE TABLE w(a INTEGER)")
    with pytest.raises(_kernel.SqlError) as refusal:
        session.execute("SELECT * FROM w AS x(p, q)").read_all()
    assert refusal.value.hint == "x has 1 column."
    session.close()
