"""Plan fragments as bytes: what they carry, and what is refused. The lane itself takes no part."""

import pyarrow as pa
import pytest

from velaria import _kernel


@pytest.fixture
def session() -> _kernel.Session:
    session = _kernel.Session(threads=1)
    session.register_arrow("t", pa.table({"a": range(100)}))
    return session


def merged(session: _kernel.Session, sql: str, partitions: int = 3) -> pa.Table:
    split = session.split_plan(sql, partitions)
    partials = [
        session.run_fragment(fragment, {"t": split.partition("t", index)}, threads=1)
        for index, fragment in enumerate(split.fragments)
    ]
    return session.merge_partials(split.merge, partials)


def test_a_statement_has_one_time_in_all_fragments_and_in_their_merge(
    session: _kernel.Session,
) -> None:
    sql = "SELECT min(now()) = max(now()) AS one, max(now()) = now() AS same FROM t"
    assert merged(session, sql).to_pylist() == [{"one": True, "same": True}]


def test_bytes_of_another_kind_or_version_are_refused(session: _kernel.Session) -> None:
    (fragment,) = session.split_plan("SELECT sum(a) FROM t", 1).fragments
    magic, version, rest = fragment[:4], fragment[4:8], fragment[8:]
    assert int.from_bytes(version, "little") == 2
    older = magic + (1).to_bytes(4, "little") + rest
    for damaged in (b"", b"XXXX" + version + rest, older, fragment[:-1], fragment[:20]):
        with pytest.raises(_kernel.ControlError) as caught:
            session.run_fragment(damaged, {"t": pa.table({"a": [1]})})
        assert caught.value.code == "VEL5006"
