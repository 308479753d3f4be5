"""Bearers that the server makes for who came with Basic: short-lived, and kept in memory only.

Each belongs to an entry of the token file and is worth nothing once that entry has ended. One that
is used goes on: drivers take theirs when they connect, and say the same as long as they are open.
"""

import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

from velaria.flight_server.identity.hashing import is_token, new_id, new_token

LIFETIME_S = 3600.0
"""Of a bearer without a call."""

KEPT_MAX = 10_000
"""Bearers; of more the one that was not used for the longest time is forgotten."""


@dataclass(frozen=True)
class _Issued:
    entry_id: str
    hash: str
    expires_s: float


@dataclass(frozen=True)
class _Exchanged:
    entry_id: str
    entry_hash: str
    bearer: str
    renew_s: float


class IssuedBearers:
    """The same Basic header is answered with the same bearer for half its life, so that a client
    which sends Basic with each call neither fills the book nor costs a password hash each time."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._issued: OrderedDict[str, _Issued] = OrderedDict()
        self._exchanged: OrderedDict[bytes, _Exchanged] = OrderedDict()

    def issue(self, entry_id: str, entry_hash: str, basic: str) -> str:
        """A bearer for what a Basic header proved."""
        bearer_id = new_id()
        text, kept = new_token(bearer_id)
        now_s = self._clock_s()
        with self._lock:
            self._issued[bearer_id] = _Issued(entry_id, kept, now_s + LIFETIME_S)
            self._exchanged[self._digest(basic)] = _Exchanged(
                entry_id, entry_hash, text, now_s + LIFETIME_S / 2
            )
            for book in (self._issued, self._exchanged):
                while len(book) > KEPT_MAX:
                    book.popitem(last=False)
        return text

    def exchanged(self, basic: str) -> tuple[str, str, str] | None:
        """Entry id, the hash it had, and the bearer that this very header was given before."""
        with self._lock:
            found = self._exchanged.get(self._digest(basic))
        if found is None or self._clock_s() >= found.renew_s:
            return None
        return found.entry_id, found.entry_hash, found.bearer

    def entry_of(self, bearer_id: str, secret: str) -> str | None:
        """The id of the entry that a bearer of this server stands for, whose life this begins anew;
        None for any other."""
        with self._lock:
            found = self._issued.get(bearer_id)
        now_s = self._clock_s()
        if found is None or not is_token(secret, found.hash) or now_s >= found.expires_s:
            return None
        with self._lock:
            self._issued[bearer_id] = replace(found, expires_s=now_s + LIFETIME_S)
            self._issued.move_to_end(bearer_id)
        return found.entry_id

    def _digest(self, basic: str) -> bytes:
        """The book holds no password: its keys are of use to this process only."""
        return hmac.digest(self._key, basic.encode("utf-8", "surrogatepass"), hashlib.sha256)
