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
        ("SELECT delay AS dist FROM flights WHERE dst > 1", ""),
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
