"""The Handshake of pyarrow's server, by which clients exchange name and password for a bearer."""

from typing import Any

import pyarrow.flight as flight


class Handshake(flight.ServerAuthHandler):  # type: ignore[misc]
    """The gate has looked at the header before, and the call's answering headers carry the bearer:
    nothing is left to do. pyarrow offers the call only where there is such a handler, and asks it
    about each other call, too."""

    def authenticate(self, outgoing: Any, incoming: Any) -> None:
        """Nothing is said in the handshake's messages."""

    def is_valid(self, token: bytes) -> bytes:
        """The token of an older way, which is not looked at; a call has got past the gate."""
        return b""
