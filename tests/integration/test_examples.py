"""The three baselines in docs/examples run as programs and print what was reckoned by hand."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"

PRINTED = {
    "sql_demo": """\
What was sold, by country:
country | trips | seats | euros
------- | ----- | ----- | ------
Italy   | 1     | 3     | 59.70
Norway  | 2     | 3     | 127.50
NULL    | 1     | NULL  | NULL

Cities nobody went to:
city
------
Bergen

A mistake is shown in its place:
VEL2012 unknown column: seat
SELECT city, seat FROM trips
             ^
""",
    "df_demo": """\
Priced orders of more than 6 euros:
customer | item | total
-------- | ---- | -----
ada      | cup  | 24
ada      | tea  | 7
ben      | pot  | 20

By customer:
customer | orders | total
-------- | ------ | -----
ada      | 2      | 31
ben      | 2      | 23.5
cleo     | 1      | 6

The columns, known before anything runs: customer, orders, total

A frame can be named and asked by SQL, and its rows are Arrow:
{'item': ['cup', 'pot', 'tea'], 'best': [24.0, 20.0, 7.0]}
""",
    "stream_demo": """\
After batch 1:
  12:00:00 attic  n=2 mean=20.0
  12:00:00 cellar n=1 mean=11.0
After batch 2:
  12:00:00 attic  n=2 mean=20.0
  12:00:00 cellar n=2 mean=11.5
  12:00:10 attic  n=1 mean=22.0
After batch 3:
  12:00:00 attic  n=3 mean=20.0
  12:00:00 cellar n=2 mean=11.5
  12:00:10 attic  n=1 mean=22.0
  12:00:20 attic  n=1 mean=23.0
The query is stopped; rows in: 8, without a time: 1
Rows without a time are kept apart:
sensor | celsius | _late_reason
------ | ------- | ----------------
cellar | 99      | the time is NULL
The same SQL over a table gives the same rows: True
""",
}


def test_every_example_has_its_expectation() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == set(PRINTED)


@pytest.mark.parametrize("name", sorted(PRINTED))
def test_an_example_prints_what_was_reckoned_by_hand(name: str) -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / f"{name}.py")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == PRINTED[name]
