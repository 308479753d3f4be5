"""Calls of the server without a front: for tests of what handlers do."""

from typing import Any

from velaria.flight_server.calls import Call, CallWatcher
from velaria.flight_server.metrics import Metrics


class PresentContext:
    """Stands in for a front's context; its client stays."""

    def __init__(self, call: Call) -> None:
        self.call = call

    def peer(self) -> str:
        return "ipv4:127.0.0.1:1"

    def is_cancelled(self) -> bool:
        return False


def call_on(watcher: CallWatcher, metrics: Metrics | None = None) -> Call:
    """One under way."""
    context: Any = PresentContext(Call(watcher, metrics or Metrics(), "do_get"))
    return watcher.enter(context)
