"""Records, ids and handles of the run ledger."""

import json
import uuid
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from velaria.control.records import (
    ARROW_SCHEMA,
    FIELDS_BYTES_MAX,
    Record,
    fields_json,
    from_arrow,
    storable_text,
    to_arrow,
)
from velaria.control.run import Run
from velaria.control.uuid7 import Uuid7Source, day_of, first_of_day, unix_ms_of


def make_run(records: list[Record], text: str = "SELECT 1") -> Run:
    def emit_sample(record: Record) -> bool:
        records.append(record)
        return True

    def emit(*told: Record) -> None:
        records.extend(told)

    boot_id = uuid.uuid4()
    return Run(Uuid7Source()(), boot_id, "query", text, "q-1", 1_000_000, emit, emit_sample)


def test_ids_are_version_7_and_carry_their_millisecond() -> None:
    made = Uuid7Source(lambda: 1_700_000_000_123_456_789)()
    assert made.version == 7
    assert made.variant == uuid.RFC_4122
    assert unix_ms_of(made) == 1_700_000_000_123


def test_ids_grow_while_the_clock_stands_still_or_jumps_back() -> None:
    ticks = iter([5_000_000_000, 5_000_000_000, 4_000_000_000, 5_000_000_001, 6_000_000_000])
    source = Uuid7Source(lambda: next(ticks))
    made = [source() for _ in range(5)]
    assert made == sorted(made)
    assert len({id.int >> 64 for id in made}) == 5


def test_a_day_holds_the_ids_made_in_it_and_no_others() -> None:
    day_ns = 86_400 * 10**9
    for now_ns in (20 * day_ns, 20 * day_ns + 1, 21 * day_ns - 1):
        made = Uuid7Source(lambda now_ns=now_ns: now_ns)()
        assert day_of(made) == 20
        assert first_of_day(20) <= made < first_of_day(21)


texts = st.one_of(st.none(), st.text(max_size=20))
counts = st.one_of(st.none(), st.integers(0, 2**31 - 1))
times = st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1))
any_record = st.builds(
    Record,
    *(st.uuids(), st.integers(0, 2**31 - 1), st.sampled_from(["run", "event"])),
    *(st.text(max_size=9), st.integers(0, 2**62), st.uuids()),
    *(texts, texts, texts, texts, counts, texts, times, times, times, texts, texts, texts, texts),
)


@pytest.mark.slow
@given(st.lists(any_record, min_size=1, max_size=4))
def test_records_come_back_from_arrow_as_they_went(records: list[Record]) -> None:
    assert from_arrow(to_arrow(records)) == records


def test_record_and_arrow_schema_name_the_same_columns() -> None:
    assert list(Record._fields) == ARROW_SCHEMA.names


@given(st.text(alphabet=st.characters(codec=None)))
def test_storable_text_is_utf8_without_nul(text: str) -> None:
    kept = storable_text(text, 10)
    assert "\x00" not in kept
    assert len(kept) <= 11
    kept.encode("utf-8")


@pytest.mark.slow
@given(st.dictionaries(st.text(max_size=5), st.text(alphabet='\x00\\"u0', max_size=9)))
def test_fields_never_hold_the_escape_that_jsonb_refuses(fields: dict[str, str]) -> None:
    encoded = fields_json(fields)
    if encoded is None:
        assert fields == {}
        return
    decoded = json.loads(encoded)
    clean = {key.replace("\x00", "\ufffd"): value for key, value in fields.items()}
    assert decoded == {key: value.replace("\x00", "\ufffd") for key, value in clean.items()}


def test_fields_that_json_lacks_are_written_as_text() -> None:
    encoded = fields_json({"id": uuid.UUID(int=7), "nan": float("nan")})
    assert encoded is not None
    assert json.loads(encoded) == {"id": "00000000-0000-0000-0000-000000000007", "nan": None}


@pytest.mark.parametrize(
    ("fields", "note"),
    [
        ({"big": "x" * FIELDS_BYTES_MAX}, "oversized_bytes"),
        ({"surrogate": "\ud800"}, "unwritable"),
    ],
)
def test_fields_that_cannot_be_written_leave_a_note(fields: dict[str, object], note: str) -> None:
    encoded = fields_json(fields)
    assert encoded is not None
    assert list(json.loads(encoded)) == [note]


def test_a_plain_run_has_one_stage_and_one_attempt() -> None:
    records: list[Record] = []
    run = make_run(records)
    run.finish("failed", error_code="VEL2012", error_message="unknown column: x")
    assert [(r.seq, r.role, r.name) for r in records] == [
        (0, "run", "run.started"),
        (1, "stage", "stage.failed"),
        (2, "attempt", "attempt.failed"),
        (3, "run", "run.failed"),
    ]
    last = records[-1]
    assert (last.state, last.number, last.error_code) == ("failed", 1, "VEL2012")
    assert (last.text, last.started_us) == ("SELECT 1", 1_000_000)
    assert last.finished_us is not None and last.finished_us >= 1_000_000


def test_own_stages_and_attempts_stand_instead() -> None:
    records: list[Record] = []
    run = make_run(records)
    stage = run.stage("scan")
    moment = datetime(2013, 1, 1, tzinfo=UTC)
    run.attempt(stage, 1, "failed", moment, moment, worker="w1", error="lost")
    run.attempt("scan", 2, "succeeded", moment, moment.replace(tzinfo=None), worker="w2")
    stage.finish("succeeded", rows=5)
    stage.finish("failed")
    run.finish("succeeded", rows=5)
    assert [r.name for r in records] == [
        "run.started",
        "stage.started",
        "attempt.failed",
        "attempt.succeeded",
        "stage.succeeded",
        "run.succeeded",
    ]
    assert records[3].started_us == records[3].finished_us == 1_356_998_400_000_000
    assert records[-1].number == 2
    assert [r.seq for r in records] == list(range(6))


def test_nothing_is_recorded_after_the_end() -> None:
    records: list[Record] = []
    run = make_run(records)
    stage = run.stage("late")
    run.finish("cancelled")
    count = len(records)
    run.event("too.late")
    run.finish("succeeded")
    stage.finish("succeeded")
    run.attempt(stage, 1, "succeeded", datetime.now(UTC), datetime.now(UTC))
    assert run.sample("too.late") is False
    assert len(records) == count
    assert run.is_finished


def test_values_are_cut_to_what_their_columns_hold() -> None:
    records: list[Record] = []
    run = make_run(records, text="x" * 100_000 + "\x00")
    run.finish("succeeded", rows=2**80)
    assert records[-1].rows == 2**63 - 1
    assert records[-1].text is not None and len(records[-1].text) == 65_537


@pytest.mark.parametrize("state", ["running", "done", ""])
def test_only_final_states_end_a_run(state: str) -> None:
    run = make_run([])
    with pytest.raises(ValueError, match="state must be one of"):
        run.finish(state)
    assert not run.is_finished
