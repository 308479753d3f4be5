"""Who a client is: the one answer for shares, turns, rates, what belongs to whom, and records."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Client:
    """The principal that a call has shown to be from; without one, which is how a server without
    identity runs, the host that it comes from. A token, a session or a connection makes nobody
    another client: whoever has one can have many."""

    name: str | None = None
    """The principal's, which is unique on the server."""
    host: str = ""
    """As host_of tells it: ipv4:127.0.0.1, or unix for all of them on this host."""

    @property
    def holder(self) -> str:
        """Whom limits count for; empty outside of calls, and before it is known where one is from:
        then all that is held counts, and no share of it."""
        return self.host if self.name is None else f"principal {self.name}"

    def owns(self, owner: str | None) -> bool:
        """Whether what that principal has made is at this client's disposal. Without identity
        everything is everybody's."""
        return self.name == owner


NOBODY = Client()
