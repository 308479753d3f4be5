"""gRPC is told where to wait, unless somebody has told it."""

from velaria.flight_server.grpc_polling import (
    VARIABLE,
    VERBOSITY,
    keep_grpc_silent,
    wait_where_calls_run,
)


def test_grpc_waits_on_the_threads_of_calls() -> None:
    environ: dict[str, str] = {}
    wait_where_calls_run(environ)
    assert environ == {VARIABLE: "-event_engine_listener"}


def test_what_somebody_has_told_grpc_is_left() -> None:
    environ = {VARIABLE: "event_engine_listener"}
    wait_where_calls_run(environ)
    assert environ == {VARIABLE: "event_engine_listener"}


def test_grpc_says_nothing_of_its_own_unless_somebody_wants_it() -> None:
    environ: dict[str, str] = {}
    keep_grpc_silent(environ)
    assert environ == {VERBOSITY: "NONE"}
    environ = {VERBOSITY: "DEBUG"}
    keep_grpc_silent(environ)
    assert environ == {VERBOSITY: "DEBUG"}
