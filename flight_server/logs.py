"""Where the server's log lines go and how they look: one line an event on stderr.

A line of a call carries its call id, method, principal, query id and run id. Every line passes the
redactor last. What libraries log, and what ends a thread, becomes such a line, too.
"""

import logging
import sys
import threading
from typing import Any

import structlog

from velaria.flight_server.call_context import add_log_fields
from velaria.flight_server.options import Options
from velaria.flight_server.redaction import Redactor

STATEMENT_CHARS_MAX = 500
"""Of a statement's text, which only debug lines have."""

_log = structlog.get_logger("velaria.flight_server")


def configure_logs(options: Options) -> None:
    """As `log.format` and, from then on, `log.level` say."""
    redactor = Redactor(options.secrets())
    renderer: Any = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    if options.get("log.format") == "json":
        renderer = structlog.processors.JSONRenderer(default=str)

    def configure(level: str) -> None:
        _written.debug = level == "debug"
        structlog.configure(
            processors=[
                add_log_fields,
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.format_exc_info,
                redactor,
                renderer,
            ],
            wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
            logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        )

    options.follow("log.level", configure)
    logging.basicConfig(handlers=[_Forward()], level=logging.WARNING, force=True)
    threading.excepthook = _log_dead_thread


class _Written:
    debug = False


_written = _Written()


def writes_debug() -> bool:
    """Asked before a debug line of every call is put together, which costs some microseconds."""
    return _written.debug


def cut_statement(sql: str) -> str:
    """What a debug line shows of a statement."""
    return sql if len(sql) <= STATEMENT_CHARS_MAX else sql[:STATEMENT_CHARS_MAX] + "..."


class _Forward(logging.Handler):
    """Lines of libraries that use Python's logging."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            _log.log(
                record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info
            )
        except Exception:  # noqa: BLE001 (a library's line must not end what it does)
            self.handleError(record)


def _log_dead_thread(told: threading.ExceptHookArgs) -> None:
    if told.exc_value is not None:
        name = told.thread.name if told.thread else "?"
        _log.error("a thread ended by an error", thread=name, exc_info=told.exc_value)
