"""A long list that is unnested is not copied for each of its elements."""

from velaria import _kernel

ELEMENTS = 20_000
LIMIT_BYTES = 64 << 20  # copied for the 2048 rows of one chunk, the list takes 320 MB


def test_a_long_list_is_unnested_in_little_memory() -> None:
    session = _kernel.Session(threads=1)
    session.execute(f"SET memory_limit_bytes = {LIMIT_BYTES}")
    lists = f"SELECT 1 AS g, array_agg(i) AS x FROM generate_series(1, {ELEMENTS}) AS s(i)"
    for unnested in (
        f"SELECT g, unnest(x) AS e FROM ({lists}) AS q",
        f"SELECT g, e FROM ({lists}) AS q, unnest(x) AS u(e)",
        f"SELECT g, e FROM ({lists}) AS q LEFT JOIN LATERAL unnest(x) AS u(e) ON true",
    ):
        table = session.execute(f"SELECT sum(g), max(e) FROM ({unnested}) AS r").read_all()
        assert table.to_pylist() == [{"sum": ELEMENTS, "max": ELEMENTS}]
    session.close()
