"""A frame of pandas is its columns: an index comes along when it has a name of its own."""

import json

import pyarrow as pa
import pytest

import velaria


class Frame:
    """What pandas hands on of a frame: the index among the columns, and notes on which it is."""

    def __init__(self, *columns: str) -> None:
        self._columns = columns

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        table = pa.table({name: [1, 2] for name in self._columns})
        notes = json.dumps({"index_columns": self._columns[1:]}).encode()
        return table.replace_schema_metadata({b"pandas": notes}).__arrow_c_stream__()


@pytest.mark.parametrize(
    ("columns", "kept"),
    [
        (["a"], ["a"]),
        (["a", "k"], ["a", "k"]),
        (["a", "__index_level_0__"], ["a"]),
        (["a", "k", "__index_level_1__"], ["a", "k"]),
    ],
    ids=["none", "with a name", "without", "both"],
)
def test_an_index_without_a_name_is_no_column(columns: list[str], kept: list[str]) -> None:
    with velaria.Session() as session:
        assert session.put(Frame(*columns), "t") == 2
        told = session.sql("SELECT * FROM t").to_arrow().to_pydict()
    assert told == {name: [1, 2] for name in kept}


def test_a_table_of_arrow_is_taken_as_it_is() -> None:
    table = pa.table({"a": [1], "__index_level_0__": [2]}, metadata={"pandas": "{}"})
    with velaria.Session() as session:
        session.put(table, "t")
        assert session.sql("SELECT * FROM t").to_arrow().num_columns == 2
