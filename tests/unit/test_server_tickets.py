"""Tickets: only our own, only in time, and a change runs once."""

import gc
import threading
import weakref

import msgspec
import pyarrow as pa
import pytest

from velaria._kernel import Session
from velaria.flight_server.forms import parse_ticket
from velaria.flight_server.options import Options
from velaria.flight_server.results import rows_affected_table
from velaria.flight_server.tickets import OnceReplies, TicketOffice, refuse_second_reading
from velaria.schemas.errors import VelariaError
from velaria.schemas.tickets import StatementTicket

LIFETIME_MS = Options().get("tickets.lifetime_s") * 1000


def issued(office: TicketOffice) -> StatementTicket:
    command = parse_ticket(office.issue("SELECT ?", [1], "q-1", "rows"))
    assert isinstance(command, StatementTicket)
    return command


def test_a_ticket_comes_back_as_it_was_made() -> None:
    office = TicketOffice(Options())
    ticket = issued(office)
    office.check(ticket)
    assert (ticket.sql, ticket.params, ticket.query_id, ticket.effect) == (
        "SELECT ?",
        [1],
        "q-1",
        "rows",
    )


@pytest.mark.parametrize(
    "change",
    [
        {"sql": "DROP TABLE t"},
        {"params": [2]},
        {"effect": "once"},
        {"query_id": "q-2"},
        {"signature": b""},
    ],
)
def test_a_changed_ticket_is_refused(change: dict[str, object]) -> None:
    office = TicketOffice(Options())
    with pytest.raises(VelariaError) as caught:
        office.check(msgspec.structs.replace(issued(office), **change))
    assert caught.value.code == "VEL1005"


def test_another_servers_ticket_is_refused() -> None:
    with pytest.raises(VelariaError) as caught:
        TicketOffice(Options()).check(issued(TicketOffice(Options())))
    assert caught.value.code == "VEL1005"


def test_an_old_ticket_is_refused() -> None:
    now = [1_000]
    office = TicketOffice(Options(), lambda: now[0])
    ticket = issued(office)
    now[0] += LIFETIME_MS
    office.check(ticket)
    now[0] += 1
    with pytest.raises(VelariaError, match="time is over"):
        office.check(ticket)


def test_a_change_runs_once_and_its_reply_is_replayed() -> None:
    replies, runs = OnceReplies(Options()), []

    def run() -> pa.Table:
        runs.append(1)
        return rows_affected_table(len(runs))

    replies.promise("q")
    threads = [threading.Thread(target=replies.reply, args=("q", run)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert replies.reply("q", run).to_pydict() == {"rows_affected": [1]}
    assert len(runs) == 1


def test_a_failed_change_is_told_again_and_not_run_again() -> None:
    replies, runs = OnceReplies(Options()), []

    def run() -> pa.Table:
        runs.append(1)
        raise VelariaError("VEL2024", "table exists: t")

    replies.promise("q")
    for _ in range(2):
        with pytest.raises(VelariaError, match="table exists"):
            replies.reply("q", run)
    assert len(runs) == 1


def test_what_may_be_tried_later_is_tried_again() -> None:
    replies, runs = OnceReplies(Options()), []

    def run() -> pa.Table:
        runs.append(1)
        if len(runs) == 1:
            raise VelariaError("VEL5002", "too many queries")
        return rows_affected_table(3)

    replies.promise("q")
    with pytest.raises(VelariaError, match="too many queries"):
        replies.reply("q", run)
    assert [replies.reply("q", run)["rows_affected"].to_pylist() for _ in range(2)] == [[3], [3]]
    assert len(runs) == 2


def test_a_failure_is_kept_without_what_its_run_held() -> None:
    class Held:
        pass

    replies, held = OnceReplies(Options()), []

    def run() -> pa.Table:
        big = Held()
        held.append(weakref.ref(big))
        raise VelariaError("VEL2024", "table exists: t", caret="CREATE TABLE t\n             ^")

    replies.promise("q")
    for _ in range(2):
        with pytest.raises(VelariaError) as caught:
            replies.reply("q", run)
        assert caught.value.caret == "CREATE TABLE t\n             ^"
        del caught
    gc.collect()
    assert [ref() for ref in held] == [None]


def test_a_ticket_for_one_reading_is_refused_under_another_id_than_its_own() -> None:
    ticket = issued(TicketOffice(Options()))
    refuse_second_reading(ticket, "q-1")
    with pytest.raises(VelariaError) as caught:
        refuse_second_reading(ticket, "q-2")
    assert caught.value.code == "VEL1005"


def test_a_reply_that_is_no_longer_kept_is_refused() -> None:
    with pytest.raises(VelariaError) as caught:
        OnceReplies(Options()).reply("forgotten", lambda: rows_affected_table(1))
    assert caught.value.code == "VEL1005"


def test_kept_replies_are_bounded_by_their_bytes() -> None:
    book = OnceReplies(Options({"tickets.replies_bytes": 1000}))
    row = pa.table({"a": pa.array([1] * 50, pa.int64())})  # 400 bytes
    for query_id in ("q-1", "q-2", "q-3"):
        book.keep(query_id, row)

    def never() -> pa.Table:
        raise AssertionError("a reply that was kept is not run again")

    with pytest.raises(VelariaError) as caught:
        book.reply("q-1", never)
    assert caught.value.code == "VEL1005"
    assert [book.reply(query_id, never).num_rows for query_id in ("q-2", "q-3")] == [50, 50]
    large = pa.table({"a": pa.array([1] * 500, pa.int64())})
    book.keep("q-4", large)
    assert book.reply("q-4", never) == large


def test_a_renewed_ticket_lives_longer_and_says_the_same() -> None:
    now_ms = 0
    office = TicketOffice(Options(), lambda: now_ms)
    info = Session().describe("SELECT 1")
    raw = office.issue(
        "SELECT 1", None, "q-1", "rows", parameters=b"x", connection="s3", described=info
    )
    ticket = msgspec.msgpack.decode(raw, type=StatementTicket)
    now_ms = LIFETIME_MS - 1
    fresh = msgspec.msgpack.decode(office.renew(ticket), type=StatementTicket)
    now_ms = LIFETIME_MS + 1
    office.check(fresh)
    assert office.pinned(fresh) is info
    assert (fresh.sql, fresh.parameters, fresh.connection) == ("SELECT 1", b"x", "s3")
    with pytest.raises(VelariaError):
        office.renew(ticket)
    with pytest.raises(VelariaError):
        office.check(msgspec.structs.replace(fresh, connection="s4"))
