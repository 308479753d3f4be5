"""Tickets: only our own, only in time, and a change runs once."""

import gc
import threading
import weakref

import msgspec
import pyarrow as pa
import pytest

from velaria.flight_server.forms import parse_ticket
from velaria.flight_server.results import rows_affected_table
from velaria.flight_server.tickets import (
    TICKET_LIFETIME_MS,
    OnceReplies,
    TicketOffice,
    refuse_second_reading,
)
from velaria.schemas.errors import VelariaError
from velaria.schemas.tickets import StatementTicket


def issued(office: TicketOffice) -> StatementTicket:
    command = parse_ticket(office.issue("SELECT ?", [1], "q-1", "rows"))
    assert isinstance(command, StatementTicket)
    return command


def test_a_ticket_comes_back_as_it_was_made() -> None:
    office = TicketOffice()
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
    office = TicketOffice()
    with pytest.raises(VelariaError) as caught:
        office.check(msgspec.structs.replace(issued(office), **change))
    assert caught.value.code == "VEL1005"


def test_another_servers_ticket_is_refused() -> None:
    with pytest.raises(VelariaError) as caught:
        TicketOffice().check(issued(TicketOffice()))
    assert caught.value.code == "VEL1005"


def test_an_old_ticket_is_refused() -> None:
    now = [1_000]
    office = TicketOffice(lambda: now[0])
    ticket = issued(office)
    now[0] += TICKET_LIFETIME_MS
    office.check(ticket)
    now[0] += 1
    with pytest.raises(VelariaError, match="time is over"):
        office.check(ticket)


def test_a_change_runs_once_and_its_reply_is_replayed() -> None:
    replies, runs = OnceReplies(), []

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
    replies, runs = OnceReplies(), []

    def run() -> pa.Table:
        runs.append(1)
        raise VelariaError("VEL2024", "table exists: t")

    replies.promise("q")
    for _ in range(2):
        with pytest.raises(VelariaError, match="table exists"):
            replies.reply("q", run)
    assert len(runs) == 1


def test_a_failure_is_kept_without_what_its_run_held() -> None:
    class Held:
        pass

    replies, held = OnceReplies(), []

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
    ticket = issued(TicketOffice())
    refuse_second_reading(ticket, "q-1")
    with pytest.raises(VelariaError) as caught:
        refuse_second_reading(ticket, "q-2")
    assert caught.value.code == "VEL1005"


def test_a_reply_that_is_no_longer_kept_is_refused() -> None:
    with pytest.raises(VelariaError) as caught:
        OnceReplies().reply("forgotten", lambda: rows_affected_table(1))
    assert caught.value.code == "VEL1005"
