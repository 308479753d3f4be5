"""What leaves the error boundary: always a Flight error with a code, never a traceback."""

import gc
import re
import weakref
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pyarrow.flight as flight
import pytest
import structlog

from tests.server_process import told_in
from velaria.flight_server.call_context import CallFacts
from velaria.flight_server.errors import (
    EXTRA_INFO_TRAILER,
    boundary,
    caret_of,
    error_reply_of,
    error_text,
    scrubbed,
    status_boundary,
    to_flight_error,
    to_refusal,
)
from velaria.flight_server.statuses import InvalidRequest, NotFound, NotOffered, status_of
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

CODE_LIST = Path(__file__).parents[2] / "engine/include/velaria/error_codes.def"


class Batch:
    """Something large."""


def test_an_error_holds_nothing_of_what_it_came_through() -> None:
    held: list[weakref.ref[Any]] = []

    def decode() -> None:
        batch = Batch()
        held.append(weakref.ref(batch))
        raise KeyError(batch)

    def take_in() -> None:
        try:
            decode()
        except KeyError as fault:
            raise VelariaError("VEL4006", "damaged") from fault

    gc.disable()
    try:
        try:
            with boundary():
                take_in()
        except flight.FlightError as fault:
            held.append(weakref.ref(fault))
        assert [one() for one in held] == [None, None]
    finally:
        gc.enable()


@pytest.mark.timeout(20)
def test_an_error_that_is_its_own_cause_leaves() -> None:
    fault = VelariaError("VEL1006", "wrong")
    fault.__cause__ = KeyError("x")
    fault.__cause__.__context__ = fault
    with pytest.raises(flight.FlightError, match="VEL1006"), boundary():
        raise fault


def crossing(fault: Exception) -> flight.FlightError:
    with pytest.raises(flight.FlightError) as caught, boundary():
        raise fault
    return caught.value


def test_a_coded_failure_keeps_every_field_in_extra_info() -> None:
    fault = VelariaError(
        "VEL2012",
        "unknown column: vec",
        detail="columns: id",
        hint="Did you mean id?",
        line=1,
        column=8,
        caret="SELECT vec\n       ^",
    )
    error = crossing(fault)
    assert isinstance(error, flight.FlightServerError)
    assert msgspec.msgpack.decode(error.extra_info) == {
        "code": "VEL2012",
        "message": "unknown column: vec",
        "detail": "columns: id",
        "hint": "Did you mean id?",
        "retry": "never",
        "line": 1,
        "column": 8,
    }
    assert "VEL2012 unknown column: vec\nSELECT vec\n       ^" in str(error)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("VEL1009", flight.FlightUnauthenticatedError),
        ("VEL1010", flight.FlightUnauthorizedError),
        ("VEL3010", flight.FlightServerError),
        ("VEL3011", flight.FlightTimedOutError),
        ("VEL3012", flight.FlightServerError),
        ("VEL5001", flight.FlightUnavailableError),
        ("VEL5002", flight.FlightUnavailableError),
        ("VEL5003", flight.FlightUnavailableError),
        ("VEL5008", flight.FlightServerError),
        ("VEL5009", flight.FlightServerError),
        ("VEL9001", flight.FlightInternalError),
        ("VEL2001", flight.FlightServerError),
    ],
)
def test_the_code_decides_the_flight_class(code: str, kind: type[Exception]) -> None:
    assert type(crossing(VelariaError(code, "x"))) is kind


def test_a_long_error_is_cut_to_what_grpc_carries() -> None:
    told = VelariaError("VEL3004", "ü" * 1_000_000, detail="x" * 100_000, hint="y" * 100_000)
    error = crossing(told)
    assert len(str(error).encode()) < 3000 and len(error.extra_info) < 3000
    reply = error_reply_of(error)
    assert reply is not None and reply.message.startswith("üü") and reply.message.endswith("ü...")
    assert len(told.message) == 1_000_000


def test_an_unknown_failure_becomes_an_id_outside_and_a_traceback_in_the_log() -> None:
    with structlog.testing.capture_logs() as logs:
        error = crossing(KeyError("/secret/path.py"))
    assert isinstance(error, flight.FlightInternalError)
    reply = error_reply_of(error)
    assert reply is not None and reply.code == "VEL9001"
    assert "secret" not in str(error) and "KeyError" not in str(error)
    (entry,) = logs
    assert entry["error_id"] in reply.message
    assert isinstance(entry["exc_info"], KeyError)


def test_a_flight_error_with_a_code_passes_as_it_is() -> None:
    fault = to_flight_error(VelariaError("VEL3001", "division by zero"))
    assert crossing(fault) is fault


def test_a_flight_error_without_a_code_does_not_pass() -> None:
    with structlog.testing.capture_logs():
        reply = error_reply_of(crossing(flight.FlightServerError("raw")))
    assert reply is not None and reply.code == "VEL9001"


def test_running_out_of_memory_has_a_code_of_its_own() -> None:
    reply = error_reply_of(crossing(MemoryError()))
    assert reply is not None and (reply.code, reply.retry) == ("VEL3012", "later")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("VEL1003", InvalidRequest),
        ("VEL1008", NotOffered),
        ("VEL1009", flight.FlightUnauthenticatedError),
        ("VEL1010", flight.FlightUnauthorizedError),
        ("VEL1011", NotFound),
        ("VEL2001", InvalidRequest),
        ("VEL2002", NotOffered),
        ("VEL2011", NotFound),
        ("VEL2012", NotFound),
        ("VEL2101", InvalidRequest),
        ("VEL3003", InvalidRequest),
        ("VEL3010", flight.FlightCancelledError),
        ("VEL3011", flight.FlightTimedOutError),
        ("VEL3014", flight.FlightUnavailableError),
        ("VEL4006", InvalidRequest),
        ("VEL5002", flight.FlightUnavailableError),
        ("VEL9001", flight.FlightInternalError),
    ],
)
def test_the_code_decides_the_status_of_flight_sql(code: str, kind: type[Exception]) -> None:
    sent: dict[str, bytes] = {}
    facts = CallFacts("DoGet")
    call = SimpleNamespace(facts=facts)
    context = SimpleNamespace(add_trailer=sent.__setitem__, call=call)
    with pytest.raises(kind) as caught, status_boundary(context):
        raise VelariaError(code, "no")
    assert str(caught.value).startswith(f"{code} no")
    extra = sent.get(EXTRA_INFO_TRAILER) or getattr(caught.value, "extra_info", b"")
    assert told_in(extra)["code"] == facts.code == code


def test_both_ways_to_tell_a_code_come_from_its_one_row() -> None:
    for number in re.findall(r"VELARIA_ERROR\(\w+, (\d{4}),", CODE_LIST.read_text()):
        fault = VelariaError(f"VEL{number}", "no")
        status = status_of(fault.code)
        assert type(to_flight_error(fault)) is type(to_refusal(fault)) is status.plain
        assert status.plain in (flight.FlightServerError, status.kind), number


def test_every_code_of_the_list_has_a_status() -> None:
    listed = re.findall(r"VELARIA_ERROR\(\w+, (\d{4}),", CODE_LIST.read_text())
    assert listed
    for number in listed:
        assert status_of(f"VEL{number}").kind is not flight.FlightServerError, number


def test_paths_and_addresses_are_scrubbed_from_a_librarys_words() -> None:
    assert scrubbed("bad thing at 0x7f00aa in /usr/lib/x.py\nmore") == "bad thing at ... in ..."


def test_the_caret_stands_under_the_fault() -> None:
    assert caret_of("SELECT 1,\n nope", 2, 2) == " nope\n ^"
    assert caret_of("SELECT 1", 0, 0) == ""
    assert caret_of("SELECT 1", 5, 1) == ""


def test_the_caret_of_a_long_line_shows_its_neighbourhood_only() -> None:
    shown, caret = caret_of("x" * 500 + "!" + "y" * 500, 1, 501).split("\n")
    assert len(shown) == 100
    assert shown[len(caret) - 1] == "!"


def test_every_code_raised_by_python_is_in_the_one_list_with_its_retry() -> None:
    row = re.compile(r"VELARIA_ERROR\(\w+, (\d{4}), k(Never|Later),")
    listed = {f"VEL{n}": retry.lower() for n, retry in row.findall(CODE_LIST.read_text())}
    used = {name: value for name, value in vars(codes).items() if str(value).startswith("VEL")}
    assert used
    for name, code in used.items():
        assert listed[code] == VelariaError(code, name).retry, name


def test_the_text_ends_with_detail_and_hint() -> None:
    error = VelariaError("VEL1002", "no action", detail="d", hint="Try another.")
    assert error_text(error) == "VEL1002 no action\nd\nhint: Try another."


def test_any_object_with_a_code_is_a_coded_failure() -> None:
    class Ledgerlike(Exception):
        def __init__(self, **fields: Any) -> None:
            self.__dict__.update(fields)

    error = crossing(Ledgerlike(code="VEL5003", message="away", retry="later"))
    reply = error_reply_of(error)
    assert reply is not None and (reply.code, reply.message, reply.retry) == (
        "VEL5003",
        "away",
        "later",
    )
