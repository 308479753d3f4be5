"""The book of queries: each statement is one run, ends once, and is remembered for a while."""

from pathlib import Path

import pytest

from velaria.control.ledger import open_ledger
from velaria.flight_server import call_context
from velaria.flight_server.call_context import CallFacts
from velaria.flight_server.queries import ENDED_KEPT_MAX, QueryBook
from velaria.schemas.errors import VelariaError


@pytest.fixture
def book(tmp_path: Path) -> QueryBook:
    return QueryBook(open_ledger("none", tmp_path))


def runs_of(book: QueryBook) -> list[dict[str, object]]:
    _, open_runs = book.ledger.system_tables()["runs"]
    rows: list[dict[str, object]] = open_runs().read_all().to_pylist()
    return rows


def test_a_finished_statement_is_a_succeeded_run(book: QueryBook) -> None:
    tracked = book.start("q-1", "query", "SELECT 1")
    assert [t.query_id for t in book.running()] == ["q-1"]
    tracked.finish(1)
    (run,) = runs_of(book)
    assert (run["query_id"], run["state"], run["rows"]) == ("q-1", "succeeded", 1)
    assert not book.running()


def test_a_refused_statement_is_a_failed_run_with_its_code(book: QueryBook) -> None:
    error = book.record_failure("query", "SELEC", VelariaError("VEL2001", "does not parse"))
    assert error.code == "VEL2001"
    (run,) = runs_of(book)
    assert (run["state"], run["error_code"]) == ("failed", "VEL2001")


def test_a_run_is_told_by_the_whole_name_of_its_principal(book: QueryBook) -> None:
    name, neighbour = f"jwt:{'x' * 256}", f"jwt:{'x' * 196}\u2026"
    call_context.enter(CallFacts("DoGet", name))
    try:
        book.start("q-1", "query", "SELECT 1").finish(1)
    finally:
        call_context.leave()
    assert [run["query_id"] for run in book.ledger.runs(10, None, name)] == ["q-1"]
    assert book.ledger.runs(10, None, neighbour) == []
    assert book.ledger.run_told("q-1", neighbour) is None


def test_the_first_end_counts(book: QueryBook) -> None:
    tracked = book.start("q-1", "query", "SELECT 1")
    tracked.cancel()
    tracked.finish(5)
    assert (tracked.state, tracked.row_count) == ("cancelled", 0)
    assert [run["state"] for run in runs_of(book)] == ["cancelled"]


def test_a_cancelled_code_is_a_cancelled_run(book: QueryBook) -> None:
    book.start("q-1", "query", "SELECT 1").fail(VelariaError("VEL3010", "cancelled"))
    assert [run["state"] for run in runs_of(book)] == ["cancelled"]


def test_a_promised_id_is_used_by_the_first_reading_only(book: QueryBook) -> None:
    promised = book.promise()
    with book.redeem(promised) as first, book.redeem(promised) as second:
        assert first == promised
        assert second != promised
    with book.redeem(promised) as third:
        assert third not in (first, second)


def test_a_cancelled_promise_refuses_every_reading(book: QueryBook) -> None:
    promised = book.promise()
    assert book.cancel_promise(promised)
    for _ in range(2):
        with pytest.raises(VelariaError) as caught, book.redeem(promised):
            pass
        assert caught.value.code == "VEL3010"
    assert not book.cancel_promise("unknown")


class Result:
    """The kernel's result, as far as a cancellation goes."""

    schema = None
    row_count = 0
    is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


def test_a_cancel_that_comes_before_the_kernel_has_the_query_reaches_it(book: QueryBook) -> None:
    tracked, result = book.start("q-1", "query", "SELECT 1"), Result()
    tracked.ask_cancel()
    tracked.follow(result)  # type: ignore[arg-type]
    assert result.is_cancelled


def test_who_runs_a_cancelled_query_is_told_so(book: QueryBook) -> None:
    tracked = book.start("q-1", "ingest", "DoPut t")
    tracked.refuse_when_cancelled()
    tracked.ask_cancel()
    assert (tracked.state, tracked.wait_ended(0)) == ("running", False)
    with pytest.raises(VelariaError) as caught:
        tracked.refuse_when_cancelled()
    tracked.fail(caught.value)
    assert (tracked.state, tracked.wait_ended(0)) == ("cancelled", True)


def test_only_so_many_ended_queries_are_kept(book: QueryBook) -> None:
    for number in range(ENDED_KEPT_MAX + 5):
        book.start(f"q-{number}", "query", "SELECT 1").finish(0)
    assert len(book.all()) == ENDED_KEPT_MAX
    assert book.find("q-0") is None
    assert book.find(f"q-{ENDED_KEPT_MAX + 4}") is not None


def test_a_chosen_id_is_refused_while_a_query_here_has_it(book: QueryBook) -> None:
    def is_refused() -> bool:
        try:
            book.promise("mine")
        except VelariaError as error:
            return error.code == "VEL1006"
        return False

    assert book.promise("mine") == "mine"
    assert is_refused(), "promised"
    with book.redeem("mine") as redeemed:
        assert redeemed == "mine"
        assert is_refused(), "redeemed, and not yet running"
        tracked = book.start("mine", "query", "SELECT 1")
        assert is_refused(), "running"
    assert is_refused(), "running"
    tracked.finish(1)
    assert is_refused(), "ended lately"


def test_a_promise_that_is_given_back_can_be_made_again(book: QueryBook) -> None:
    with pytest.raises(KeyError), book.promised("mine") as promised:
        assert promised == "mine"
        raise KeyError("what was to be run")
    assert book.promise("mine") == "mine"
    assert book.cancel_promise("mine")
    with pytest.raises(VelariaError, match="VEL3010"), book.redeem("mine"):
        pass


def test_a_promise_is_kept_when_its_block_ends_well(book: QueryBook) -> None:
    with book.promised("mine"):
        pass
    with pytest.raises(VelariaError, match="VEL1006"):
        book.promise("mine")


def test_who_fails_late_gives_no_promise_of_another_back(book: QueryBook) -> None:
    with pytest.raises(KeyError), book.promised("mine"):
        with book.redeem("mine"):
            pass  # nothing has started, so another may have the id
        assert book.promise("mine") == "mine"
        raise KeyError("late")
    with pytest.raises(VelariaError, match="VEL1006"):
        book.promise("mine")


def test_an_id_whose_query_did_not_start_can_be_chosen_again(book: QueryBook) -> None:
    book.promise("mine")
    with pytest.raises(KeyError), book.redeem("mine"):
        raise KeyError("what was to be run")
    assert book.promise("mine") == "mine"
