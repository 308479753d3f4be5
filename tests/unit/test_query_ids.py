"""Which ids a query may be given in process: those that a client of the server may choose."""

from collections.abc import Iterator

import pytest

from velaria import _kernel
from velaria.schemas.base import QUERY_ID_CHARS_MAX


@pytest.fixture
def session() -> Iterator[_kernel.Session]:
    kernel_session = _kernel.Session(threads=1)
    yield kernel_session
    kernel_session.close()


@pytest.mark.parametrize(
    "query_id", ["x" * (QUERY_ID_CHARS_MAX + 1), "a b", "\n", "a\n", "ä", "a/b", "a\0"]
)
def test_an_id_of_other_signs_or_too_long_is_refused(
    session: _kernel.Session, query_id: str
) -> None:
    with pytest.raises(_kernel.RequestError) as refusal:
        session.execute("SELECT 1", query_id=query_id)
    assert refusal.value.code == "VEL1003"
    session.execute("CREATE STREAM s (a INTEGER)")
    with pytest.raises(_kernel.RequestError) as refusal:
        session.start_stream("SELECT a FROM s", query_id=query_id)
    assert refusal.value.code == "VEL1003"


@pytest.mark.parametrize("query_id", ["x" * QUERY_ID_CHARS_MAX, "Job-1:a_b.c", "7"])
def test_any_other_is_the_query_s(session: _kernel.Session, query_id: str) -> None:
    assert session.execute("SELECT 1", query_id=query_id).query_id == query_id
