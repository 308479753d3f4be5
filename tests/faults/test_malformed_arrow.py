"""The ingest gate from Python: damaged streams are refused with a code and leave nothing."""

import subprocess
import sys

import pyarrow as pa
import pytest
from pyarrow import ipc

import velaria
from tests.faults.malformed_streams import MUST_REJECT, offer, stream_of

MUTANT_SEEDS = [20, 21, 22, 23]
MUTANTS_PER_SEED = 250


@pytest.mark.parametrize("name", MUST_REJECT)
def test_a_damaged_stream_is_refused_and_leaves_nothing(name: str) -> None:
    session = velaria._kernel.Session(threads=1)
    outcome = offer(session, MUST_REJECT[name](), "damaged")
    assert outcome in {"reader", "VEL4006"}
    assert sum(table.row_count for table in session.tables() if table.name == "damaged") == 0


@pytest.mark.parametrize("seed", MUTANT_SEEDS)
def test_random_mutants_are_refused_or_harmless(seed: int) -> None:
    """In a process of its own: one that died would say so by its exit code."""
    command = [sys.executable, "-m", "tests.faults.malformed_streams", str(seed)]
    done = subprocess.run(
        [*command, str(MUTANTS_PER_SEED)], capture_output=True, text=True, timeout=120, check=False
    )
    print(f"seed {seed}: {done.stdout}")
    assert done.returncode == 0, done.stderr[-2000:]
    assert "VEL9001" not in done.stdout


def test_a_bad_batch_takes_no_good_one_with_it() -> None:
    session = velaria._kernel.Session(threads=1)
    good = pa.record_batch({"c": ["aa", "bb", "cc"]})
    ingest = session.ingest("kept", good.schema)
    assert ingest.write(good) == 3
    bad = ipc.open_stream(MUST_REJECT["text offset past the end"]()).read_next_batch()
    with pytest.raises(velaria.SourceError) as caught:
        ingest.write(bad)
    assert caught.value.code == "VEL4006"
    assert ingest.write(good) == 3
    kept = session.execute("SELECT count(*) AS n FROM kept").read_all()
    assert kept.to_pydict() == {"n": [6]}


def test_a_batch_of_another_schema_is_refused_by_name() -> None:
    session = velaria._kernel.Session(threads=1)
    ingest = session.ingest("typed", pa.schema([("c", pa.int64())]))
    with pytest.raises(velaria.SourceError) as caught:
        ingest.write(pa.record_batch({"c": ["text"]}))
    assert caught.value.code == "VEL4005"
    assert "expected c: int64, got c: string" in caught.value.message


def test_every_kind_of_valid_batch_is_taken() -> None:
    batch = pa.record_batch(
        {
            "i": pa.array([1, None, 3], pa.int32()),
            "s": pa.array(["a", "\u20ac", None]),
            "v": pa.array(["short", "longer than twelve bytes", None], pa.string_view()),
            "d": pa.array(["x", "y", "x"]).dictionary_encode(),
            "t": pa.array([0, 1, None], pa.timestamp("ms", "Europe/Berlin")),
            "o": pa.array([0, 1, 2], pa.timestamp("us", "+05:30")),
            "m": pa.array([1, 2, None], pa.decimal128(38, 4)),
            "l": pa.array([[1.5], [], None], pa.list_(pa.float64())),
        }
    )
    velaria._kernel.validate_batch(batch)
    session = velaria._kernel.Session(threads=1)
    assert offer(session, stream_of(batch), "good") == "stored"
    assert session.execute("SELECT * FROM good").read_all().equals(pa.table(batch))
