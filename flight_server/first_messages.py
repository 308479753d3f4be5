"""The wait for the first message of a DoPut or a DoExchange on pyarrow's front.

pyarrow's server reads that message before it calls a method of ours, on a thread of the call's own,
and nothing in the call tells whom it waits for: only that the call has begun. So such calls are
counted from their beginning, and one that waits too long is ended by its connection, found by its
silence. The grpcio front has no need of this.
"""

import pyarrow.flight as flight

from velaria.flight_server.calls import Call, CallFactory
from velaria.flight_server.errors import refusal_boundary
from velaria.flight_server.limits.limits import Limits

_READ_BEFORE_OURS = (flight.FlightMethod.DO_PUT, flight.FlightMethod.DO_EXCHANGE)


class FirstMessages(flight.ServerMiddlewareFactory):  # type: ignore[misc]
    """Begins the calls of pyarrow's front. VEL5002 when too many wait for their first message."""

    def __init__(self, calls: CallFactory, limits: Limits) -> None:
        super().__init__()
        self._calls = calls
        self._limits = limits

    def start_call(self, info: flight.CallInfo, headers: dict[str, list[str | bytes]]) -> Call:
        call = self._calls.start_call(info, headers)
        if info.method in _READ_BEFORE_OURS:
            try:
                with refusal_boundary():
                    call.heard = self._limits.unheard(call)
            except flight.FlightError as refusal:
                call.call_completed(refusal)
                raise
        return call
