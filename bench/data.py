"""The data that jobs run on, made by numpy from fixed seeds."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

SEED = 20130101
BATCH_ROWS = 131_072
EVENTS_PER_S = 10_000
GROUPS = 100  # the K of the H2O.ai set


def h2o_groups(row_count: int) -> pa.Table:
    """Table G1 of the H2O.ai database benchmark: K = 100, no nulls, not sorted."""
    random = np.random.default_rng(SEED)
    few = np.array([f"id{number:03d}" for number in range(1, GROUPS + 1)])
    many_count = max(1, row_count // GROUPS)
    columns = {
        "id1": text_of(few, random.integers(0, GROUPS, row_count)),
        "id2": text_of(few, random.integers(0, GROUPS, row_count)),
        "id3": text_of(
            np.array([f"id{number:010d}" for number in range(1, many_count + 1)]),
            random.integers(0, many_count, row_count),
        ),
        "id4": random.integers(1, GROUPS + 1, row_count, dtype=np.int32),
        "id5": random.integers(1, GROUPS + 1, row_count, dtype=np.int32),
        "id6": random.integers(1, many_count + 1, row_count, dtype=np.int32),
        "v1": random.integers(1, 6, row_count, dtype=np.int32),
        "v2": random.integers(1, 16, row_count, dtype=np.int32),
        "v3": np.round(random.random(row_count) * 100, 6),
    }
    return in_batches(pa.table(columns))


def h2o_joins(row_count: int) -> dict[str, pa.Table]:
    """Tables J1 of the same benchmark: x, and beside it a big, a medium and a small one, whose keys
    are unique and nine in ten of x's. id4, id5, id6 are id1, id2, id3 as text.
    """
    random = np.random.default_rng(SEED)
    sizes = [max(10, row_count // 1_000_000), max(100, row_count // 1_000), row_count]
    # A tenth of each range is in x alone, a tenth in the other table alone.
    ranges = [np.arange(1, size * 11 // 10 + 1, dtype=np.int32) for size in sizes]
    for values in ranges:
        random.shuffle(values)
    ours = [values[:size] for values, size in zip(ranges, sizes, strict=True)]
    theirs = [values[-size:] for values, size in zip(ranges, sizes, strict=True)]

    def table(row_count: int, keys: list[np.ndarray], names: list[str], value: str) -> pa.Table:
        columns = dict(zip(names, keys, strict=True))
        for name, values in list(columns.items()):
            words = pa.array(values).cast(pa.string())
            columns[f"id{int(name[2:]) + 3}"] = pc.binary_join_element_wise("id", words, "")
        columns[value] = np.round(random.random(row_count) * 100, 6)
        return in_batches(pa.table(columns))

    drawn = [values[random.integers(0, len(values), row_count)] for values in ours]
    small, medium, big = theirs
    of_medium = [small[random.integers(0, len(small), len(medium))], medium]
    of_big = [values[random.integers(0, len(values), len(big))] for values in (small, medium)]
    return {
        "x": table(row_count, drawn, ["id1", "id2", "id3"], "v1"),
        "small": table(len(small), [small], ["id1"], "v2"),
        "medium": table(len(medium), of_medium, ["id1", "id2"], "v2"),
        "big": table(len(big), [*of_big, big], ["id1", "id2", "id3"], "v2"),
    }


def text_of(words: np.ndarray, codes: np.ndarray) -> pa.Array:
    """Plain text, not dictionary-encoded: what a reader of a file would hand over."""
    return pa.array(words).take(pa.array(codes))


def in_batches(table: pa.Table) -> pa.Table:
    """The same columns in chunks of BATCH_ROWS: engines share out work by the batch."""
    return pa.Table.from_batches(table.combine_chunks().to_batches(max_chunksize=BATCH_ROWS))


def numbers(byte_count: int, batch_bytes: int = 2 << 20) -> pa.Table:
    """Four columns of eight-byte numbers in batches of `batch_bytes`."""
    random = np.random.default_rng(SEED)
    row_count = max(1, byte_count // 32)
    columns = {
        "a": np.arange(row_count, dtype=np.int64),
        "b": random.integers(0, 1 << 40, row_count),
        "c": random.random(row_count),
        "d": random.random(row_count),
    }
    return pa.Table.from_batches(pa.table(columns).to_batches(max_chunksize=batch_bytes // 32))


def strings(byte_count: int, batch_bytes: int = 2 << 20) -> pa.Table:
    """Two columns of strings of 8 to 40 bytes, some of them beyond ASCII; one batch of so many
    bytes again and again."""
    random = np.random.default_rng(SEED)
    words = np.array(["x" * length for length in range(8, 41)] + ["\u00fc" * 12])
    columns = {
        name: pa.array(words[random.integers(0, len(words), batch_bytes // 56)])
        for name in ("s", "t")
    }
    batch = pa.record_batch(columns)
    return pa.Table.from_batches([batch] * max(1, byte_count // batch.nbytes))


def events(row_count: int, key_count: int, batch_rows: int) -> list[pa.RecordBatch]:
    """Events in order of time, EVENTS_PER_S of them a second, with one of `key_count` keys each."""
    random = np.random.default_rng(SEED)
    step_us = 1_000_000 // EVENTS_PER_S
    started_us = 1_356_998_400_000_000  # 2013-01-01
    time_us = started_us + np.arange(row_count, dtype=np.int64) * step_us
    columns = {
        "ts": pa.array(time_us).cast(pa.timestamp("us")),
        "k": pa.array(random.integers(0, key_count, row_count)),
    }
    batches: list[pa.RecordBatch] = pa.table(columns).to_batches(max_chunksize=batch_rows)
    return batches


def write_mixed_csv(path: Path, row_count: int) -> None:
    """Whole numbers, decimals with gaps, words, quoted text with commas, dates, times, booleans."""
    random = np.random.default_rng(SEED)
    cities = np.array(["Lisbon", "Oslo", "Quito", "Accra", "Hanoi", "Lima", "Turin", "Perth"])
    notes = np.array([f'order {n}, see "shelf" {n % 17}' for n in range(1_000)])
    days = np.datetime64("2013-01-01") + random.integers(0, 3_650, row_count)
    seconds = np.datetime64("2013-01-01T00:00:00") + random.integers(0, 315_000_000, row_count)
    columns = {
        "id": np.arange(row_count, dtype=np.int64),
        "quantity": random.integers(1, 1_000, row_count),
        "price": pa.array(
            np.round(random.random(row_count) * 1e4, 2), mask=random.random(row_count) < 0.05
        ),
        "city": text_of(cities, random.integers(0, len(cities), row_count)),
        "note": text_of(notes, random.integers(0, len(notes), row_count)),
        "day": pa.array(days.astype("datetime64[D]")),
        "sold_at": pa.array(seconds.astype("datetime64[s]")),
        "is_paid": pa.array(random.random(row_count) < 0.5),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    pa_csv.write_csv(pa.table(columns), unfinished)
    unfinished.rename(path)
