"""Emissions of a continuous query: data, heartbeats, one end, and one close whoever asks for it."""

import msgspec
import pyarrow as pa
import pyarrow.flight as flight
import pytest

from velaria.flight_server import results
from velaria.flight_server.results import Emissions
from velaria.schemas.batch_metadata import EmissionMetadata
from velaria.schemas.errors import VelariaError

SCHEMA = pa.schema([("n", pa.int64())])


class ScriptedSubscription:
    """Hands out what the test wrote down: batches, None for "nothing came", exceptions."""

    schema = SCHEMA

    def __init__(self, *script: pa.RecordBatch | Exception | None) -> None:
        self._script = list(script)
        self.close_count = 0

    def next(self, timeout_ms: int) -> pa.RecordBatch | None:
        if not self._script:
            raise StopIteration
        step = self._script.pop(0)
        if isinstance(step, Exception):
            raise step
        return step

    def close(self) -> None:
        self.close_count += 1


def batch(*numbers: int) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"n": list(numbers)}, schema=SCHEMA)


def emitted(subscription: ScriptedSubscription) -> list[tuple[list[int], str, int]]:
    emissions = Emissions(subscription, "q-1", lambda: None)  # type: ignore[arg-type]
    told = []
    for rows, raw in emissions._batches():
        metadata = msgspec.msgpack.decode(raw, type=EmissionMetadata)
        assert metadata.query_id == "q-1"
        told.append((rows.column(0).to_pylist(), metadata.kind, metadata.emission_index))
    return told


def test_batches_are_numbered_and_followed_by_one_end() -> None:
    subscription = ScriptedSubscription(batch(1, 2), None, batch(3))
    assert emitted(subscription) == [([1, 2], "data", 0), ([3], "data", 1), ([], "end", 2)]
    assert subscription.close_count == 1


def test_a_quiet_query_sends_heartbeats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "HEARTBEAT_INTERVAL_S", 0.0)
    assert emitted(ScriptedSubscription(None)) == [([], "heartbeat", 0), ([], "end", 0)]


def test_a_failing_query_ends_the_stream_with_its_typed_error() -> None:
    subscription = ScriptedSubscription(batch(1), VelariaError("VEL3001", "division by zero"))
    with pytest.raises(flight.FlightServerError) as caught:
        emitted(subscription)
    assert b"VEL3001" in caught.value.extra_info
    assert subscription.close_count == 1


def test_closing_from_several_places_closes_once() -> None:
    closed = []
    subscription = ScriptedSubscription(batch(1))
    emissions = Emissions(subscription, "q", lambda: None, lambda: closed.append(1))  # type: ignore[arg-type]
    batches = emissions._batches()
    next(batches)
    emissions.close()
    emissions.close()
    batches.close()  # type: ignore[attr-defined]
    assert (subscription.close_count, closed) == (1, [1])


def test_emissions_are_without_dictionaries_as_their_schema_says() -> None:
    coded = pa.RecordBatch.from_pydict({"n": pa.array(["a", "b", "a"]).dictionary_encode()})
    subscription = ScriptedSubscription(coded)
    subscription.schema = coded.schema
    emissions = Emissions(subscription, "q-1", lambda: None)  # type: ignore[arg-type]
    assert emissions.schema == pa.schema([("n", pa.utf8())])
    told = [rows for rows, _ in emissions._batches()]
    assert [rows.schema for rows in told] == [emissions.schema] * 2
    assert told[0].column(0).to_pylist() == ["a", "b", "a"]
