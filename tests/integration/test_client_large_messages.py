"""Our client sends what a server takes: it cuts batches, and tells what cannot be cut."""

from collections.abc import Iterator

import pyarrow as pa
import pytest

import velaria
from tests.server_process import ServerProcess
from velaria.flight_server.client import Client
from velaria.schemas.errors import VelariaError

LIMIT_BYTES = 1 << 20
ROWS = 500_000
WHOLE = {
    "integers": pa.array(range(ROWS), pa.int64()),
    "views": pa.array([f"a text of more than twelve bytes {n}" for n in range(ROWS)]).cast(
        pa.string_view()
    ),
}
LARGE_TEXT = "x" * (2 * LIMIT_BYTES)


@pytest.fixture(scope="module")
def ours() -> Iterator[Client]:
    limit = f"grpc.message_bytes_max={LIMIT_BYTES}"
    with (
        ServerProcess(arguments=["--front", "grpcio", "--set", limit]) as small,
        velaria.connect(small.uri) as made,
    ):
        yield made


@pytest.mark.parametrize("name", list(WHOLE))
def test_a_batch_larger_than_a_message_is_put_and_transformed(ours: Client, name: str) -> None:
    batch = pa.record_batch({"c": WHOLE[name]})
    assert ours.put(batch, f"large_{name}") == ROWS
    assert ours.sql(f"SELECT count(DISTINCT c) FROM large_{name}").to_rows() == [(ROWS,)]
    rows = ours.transform([batch], "SELECT count(DISTINCT c) AS n FROM input")
    assert rows.read_all().to_pydict() == {"n": [ROWS]}


def test_what_cannot_be_cut_is_told_and_not_tried_again(ours: Client) -> None:
    row = pa.table({"c": [LARGE_TEXT]})
    calls = {
        "a row that is put": lambda: ours.put(row, "large_row"),
        "a row that is transformed": lambda: ours.transform(row, "SELECT c FROM input").read_all(),
        "a parameter": lambda: ours.sql("SELECT ?", [LARGE_TEXT]),
        "a statement": lambda: ours.sql(f"SELECT '{LARGE_TEXT}'"),
    }
    for name, call in calls.items():
        with pytest.raises(VelariaError) as caught:
            call()
        assert (caught.value.code, caught.value.retry) == ("VEL1004", "never"), name
        assert "grpc.message_bytes_max" in caught.value.hint, name


def test_calls_that_break_off_while_much_is_sent_harm_nobody(ours: Client) -> None:
    """gRPC aborts a process that sends twice at once in a call."""
    part = pa.record_batch({"c": [LARGE_TEXT[: LIMIT_BYTES // 2]]})
    whole = pa.record_batch({"c": [LARGE_TEXT]})
    for _ in range(40):
        with pytest.raises(VelariaError) as caught:
            ours.transform([part, whole, part], "SELECT count(*) AS n FROM input").read_all()
        assert caught.value.code == "VEL1004"
