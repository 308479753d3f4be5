"""One client's sessions leave room for those of others."""

from collections.abc import Iterator

import pytest

from velaria import _kernel
from velaria.flight_server import call_context
from velaria.flight_server.call_context import CallFacts
from velaria.flight_server.options import Options
from velaria.flight_server.sessions import SessionBook
from velaria.schemas.errors import VelariaError


@pytest.fixture(autouse=True)
def no_call() -> Iterator[None]:
    yield
    call_context.leave()


def from_host(address: str) -> CallFacts:
    facts = CallFacts("DoAction")
    facts.peer = f"ipv4:{address}:{4000 + len(address)}"
    return facts


@pytest.mark.parametrize(
    ("greedy", "other"),
    [
        (CallFacts("DoAction", "ann"), CallFacts("DoAction", "bob")),
        (from_host("10.0.0.1"), from_host("10.0.0.22")),
    ],
)
def test_one_who_has_opened_his_share_of_sessions_leaves_room(
    greedy: CallFacts, other: CallFacts
) -> None:
    options = Options({"sessions.open_max": 4, "limits.share_percent": 50})
    book = SessionBook(_kernel.Session(threads=1), options)
    call_context.enter(greedy)
    first, _ = book.open(), book.open()
    with pytest.raises(VelariaError, match="sessions are open for this client: 2") as caught:
        book.open()
    assert (caught.value.code, caught.value.retry) == ("VEL5002", "later")
    call_context.enter(other)
    book.open()
    call_context.enter(greedy)
    book.close(first)
    book.open()
    assert book.count() == 3
    book.close_all()
