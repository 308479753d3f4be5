"""Sessions of Flight SQL clients that name none, told by the client's TCP connection.

docs/adr/0015 says why. A client's address and port alone would not do: a port is used again, by
another client. So an entry also holds the inode of the server's socket, which is that of this one
TCP connection and of no other; /proc tells it. Where /proc does not, and over unix sockets, whose
peers have no names, a client must name its session.
"""

import socket
import struct
import threading
import time
import urllib.parse
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

from velaria.flight_server.call_context import caller
from velaria.flight_server.sessions import SessionBook

_TABLES = (Path("/proc/self/net/tcp"), Path("/proc/self/net/tcp6"))
_ESTABLISHED = "01"
_SEEN_S = 1.0
"""How long a look at /proc counts: Linux gives a port that was closed to no other connection to the
same listener before that time."""

_LOOKS_MAX = 3
"""Looks for a connection that is to be bound: /proc leaves some out while many come and go."""

_MISSING_S = 5.0
"""How long no look must have shown a connection, and no call come by it, before it is gone."""

OVER_MAX = 10_000
"""Sessions that are over and whose clients were not told yet, as long as their TCP connections
last; of more the one that ended first is forgotten."""

_Key: TypeAlias = tuple[str, str | None]


class PeerSessions:
    """Which session belongs to which TCP connection, and to whom of those that call by it; `ports`
    are those the server listens on.

    A session whose TCP connection has ended is closed when the next one is bound, or by its idle
    time. One that ended while its TCP connection goes on stays bound until a call by it was told,
    so that what the client says next is not taken for something said outside of a session.
    """

    def __init__(
        self,
        sessions: SessionBook,
        ports: Callable[[], frozenset[int]],
        clock_s: Callable[[], float] = time.monotonic,
        connections: Callable[[], Iterator[tuple[int, str, int]]] | None = None,
    ) -> None:
        self._sessions = sessions
        self._ports = ports
        self._clock_s = clock_s
        self._connections = connections or established
        self._lock = threading.Lock()
        self._looking = threading.Lock()  # before _lock
        # Peer and principal -> inode and session
        self._bound: dict[_Key, tuple[int, str]] = {}
        self._over: OrderedDict[_Key, None] = OrderedDict()  # those of _bound, by when it ended
        self._missing_since_s: dict[str, float] = {}
        self._inodes: dict[str, int] = {}
        self._looked_s = -_SEEN_S
        sessions.on_end(self._note_end)

    def find(self, peer: str) -> str | None:
        """The caller's session of the TCP connection with that peer ("ipv4:127.0.0.1:37136"), also
        when it is over."""
        self._sessions.close_idle()
        with self._lock:
            bound = self._bound.get((peer, caller().name))
        if bound is None:
            return None
        inode, session_id = bound
        if not self._is_another(peer, inode):
            with self._lock:
                self._missing_since_s.pop(peer, None)
            return session_id
        self.unbind(peer)
        return None

    def bind(self, peer: str, session_id: str) -> bool:
        """False when the TCP connection cannot be told from others."""
        inode = self._inode_of(peer)
        for _ in range(_LOOKS_MAX):
            if inode is None:
                self._look()
                inode = self._inode_of(peer)
        if inode is None:
            return False
        with self._lock:
            self._drop((peer, caller().name))
            self._bound[peer, caller().name] = inode, session_id
        return True

    def unbind(self, peer: str) -> None:
        with self._lock:
            self._drop((peer, caller().name))

    def _is_another(self, peer: str, inode: int) -> bool:
        """Whether a call of that peer comes by another connection than the one with that inode. A
        connection that no look shows is there all the same, since the call came by it."""
        found = self._inodes_of(peer)
        if inode not in found:
            self._look()
            found = self._inodes_of(peer)
        return bool(found) and inode not in found

    def _inode_of(self, peer: str) -> int | None:
        return next((inode for inode in self._inodes_of(peer) if inode), None)

    def _inodes_of(self, peer: str) -> list[int]:
        if self._clock_s() - self._looked_s > _SEEN_S:
            self._look()
        with self._lock:
            return [self._inodes[form] for form in forms_of(peer) if form in self._inodes]

    def _look(self) -> None:
        """See which connections there are, and close the sessions of those that are gone.

        One look at a time, so that an older one does not come after a newer. What is bound while it
        lasts may be missing in it, and is left alone.
        """
        asked_s = self._clock_s()
        with self._looking:
            if self._looked_s > asked_s:
                return
            ports = self._ports()
            with self._lock:
                before = dict(self._bound)
            looked_s = self._clock_s()
            seen: dict[str, int] = {}
            for port, remote, inode in self._connections():
                if port in ports:
                    # One port of a client may be connected to two of ours: it then names neither.
                    # While others come and go a table may show one connection twice.
                    seen[remote] = inode if seen.get(remote, inode) == inode else 0
            with self._lock:
                self._inodes, self._looked_s = seen, looked_s
                gone = {
                    key: bound
                    for key, bound in before.items()
                    if self._is_gone(key[0], bound[0], seen)
                }
                for key in [key for key in gone if self._bound.get(key) == gone[key]]:
                    self._drop(key)
        self._sessions.close_abandoned([session_id for _, session_id in gone.values()])

    def _is_gone(self, peer: str, inode: int, seen: dict[str, int]) -> bool:
        found = [seen[form] for form in forms_of(peer) if form in seen]
        if found:
            self._missing_since_s.pop(peer, None)
            return inode not in found
        now_s = self._clock_s()
        return now_s - self._missing_since_s.setdefault(peer, now_s) >= _MISSING_S

    def _note_end(self, session_id: str) -> None:
        with self._lock:
            for key in [key for key, (_, held) in self._bound.items() if held == session_id]:
                self._over[key] = None
            while len(self._over) > OVER_MAX:
                self._drop(next(iter(self._over)))

    def _drop(self, key: _Key) -> None:
        self._bound.pop(key, None)
        self._over.pop(key, None)
        self._missing_since_s.pop(key[0], None)


def established() -> Iterator[tuple[int, str, int]]:
    """Local port, remote end as written there, and inode of each established TCP connection."""
    for table in _TABLES:
        try:
            lines = table.read_text("ascii").splitlines()[1:]
        except (OSError, UnicodeDecodeError):
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == _ESTABLISHED:
                yield int(fields[1].rpartition(":")[2], 16), fields[2], int(fields[9])


def forms_of(peer: str) -> frozenset[str]:
    """The forms of an address in /proc/net/tcp and tcp6: words of 4 bytes in this host's order.

    A socket of IPv6 that an IPv4 client is connected to has it as ::ffff:a.b.c.d.
    """
    family, _, rest = urllib.parse.unquote(peer).partition(":")
    host, _, port = rest.rpartition(":")
    try:
        if family == "ipv4":
            short = socket.inet_pton(socket.AF_INET, host)
            packed = [short, bytes(10) + b"\xff\xff" + short]
        elif family == "ipv6":
            packed = [socket.inet_pton(socket.AF_INET6, host.strip("[]").split("%")[0])]
        else:
            return frozenset()
        return frozenset(f"{_words(address)}:{int(port):04X}" for address in packed)
    except (OSError, ValueError):
        return frozenset()


def _words(address: bytes) -> str:
    words = struct.unpack(f"={len(address) // 4}I", address)
    return "".join(f"{word:08X}" for word in words)
