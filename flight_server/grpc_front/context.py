"""What a handler sees of a call: over a gRPC context."""

import grpc

from velaria.flight_server.calls import Call


def subject_of(rpc: grpc.ServicerContext) -> str:
    """The first name of the client's certificate, which TLS has checked; empty without one."""
    key = rpc.peer_identity_key()
    names = rpc.auth_context().get(key) if key else None
    return bytes(names[0]).decode("utf-8", "replace") if names else ""


class CallContext:
    """Valid until the call's handler has returned; any thread may ask."""

    def __init__(self, rpc: grpc.ServicerContext, call: Call) -> None:
        self._rpc = rpc
        self.call = call
        self._headers: list[tuple[str, str | bytes]] = list(call.answering_headers().items())
        self._headers_sent = False
        self.trailers: list[tuple[str, str | bytes]] = []

    def is_cancelled(self) -> bool:
        """The client went away, its deadline passed, or the connection broke."""
        return not self._rpc.is_active()

    def peer(self) -> str:
        """Like ipv4:127.0.0.1:41230 or unix:."""
        return str(self._rpc.peer())

    def add_header(self, key: str, value: str | bytes) -> None:
        """Goes before the first message; later ones are not sent."""
        self._headers.append((key, value))

    def send_headers(self) -> None:
        """Before every message and at the end: what was added since goes when it still can."""
        if self._headers and not self._headers_sent and self._rpc.is_active():
            self._rpc.send_initial_metadata(tuple(self._headers))
        self._headers_sent = True

    def add_trailer(self, key: str, value: str | bytes) -> None:
        self.trailers.append((key, value))

    def trailer(self, key: str) -> bytes:
        """What a handler has added under a key; empty when it has not."""
        found = [value for name, value in self.trailers if name == key]
        last = found[-1] if found else b""
        return last.encode() if isinstance(last, str) else last
