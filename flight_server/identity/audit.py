"""Who came in, who was refused and which token changed, as runs of kind `audit`.

Each is a run with one event, and a line of the log. No secret is handed to this module: names,
roles and codes only.
Refusals can be caused by strangers, so of each kind at most one is recorded in an interval, with
the number of those it stands for.
"""

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import structlog

from velaria.control.run_store import AUDIT
from velaria.flight_server.identity.principals import Principal
from velaria.flight_server.identity.tokens import Entry
from velaria.flight_server.queries import new_query_id
from velaria.schemas import errors as codes

if TYPE_CHECKING:
    from velaria.control.ledger import Ledger

REFUSALS_INTERVAL_S = 10.0
REFUSALS_KEPT_MAX = 1_000
_TOLD_CHARS_MAX = 128

_log = structlog.get_logger("velaria.flight_server")


class Audit:
    def __init__(self, ledger: "Ledger", clock_s: Callable[[], float] = time.monotonic) -> None:
        self._ledger = ledger
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._refusals: dict[str, tuple[float, int]] = {}

    def login(self, principal: Principal, how: str) -> None:
        roles = [binding.text() for binding in principal.bindings]
        self._record("login", principal.name, None, how=how, roles=roles)

    def refused_login(self, how: str, why: Callable[[], str]) -> None:
        """Without the name that was claimed: a client may have sent its secret in its place. `why`
        is asked when the refusal is recorded, and is told to nobody else."""
        count = self._due(f"login {how}")
        if count:
            code = codes.UNAUTHENTICATED
            self._record("login.refused", None, code, how=how, why=why(), count=count)

    def refused_action(self, principal: Principal, action: str) -> None:
        count = self._due(f"action {principal.name}")
        if count:
            told = action[:_TOLD_CHARS_MAX]
            self._record(
                "action.refused", principal.name, codes.NOT_PERMITTED, action=told, count=count
            )

    def token_change(self, change: str, entry: Entry) -> None:
        """`created` or `revoked`, by `velaria token` and so by nobody that the server knows."""
        roles = [binding.text() for binding in entry.bindings]
        self._record(
            f"token.{change}",
            None,
            None,
            id=entry.id,
            kind=entry.kind,
            token=entry.name,
            roles=roles,
        )

    def _due(self, kind: str) -> int:
        """How many refusals the next record stands for; 0 when it is too early for one."""
        now_s = self._clock_s()
        with self._lock:
            last_s, held_back = self._refusals.get(kind, (-REFUSALS_INTERVAL_S, 0))
            if now_s - last_s < REFUSALS_INTERVAL_S:
                self._refusals[kind] = (last_s, held_back + 1)
                return 0
            if len(self._refusals) >= REFUSALS_KEPT_MAX:
                self._refusals.clear()  # then one more is recorded than was due
            self._refusals[kind] = (now_s, 0)
            return held_back + 1

    def _record(
        self, name: str, principal: str | None, error_code: str | None, **told: Any
    ) -> None:
        run = self._ledger.start_run(AUDIT, name, new_query_id(), principal=principal)
        run.event(name, **told)
        run.finish("failed" if error_code else "succeeded", error_code=error_code)
        _log.info("audit", what=name, by=principal, code=error_code, **told)
