"""The token file: everybody a server knows by name, in its data directory.

    identity/tokens.json   entries, readable and writable by the server's user alone

`velaria token` writes it, whole and by rename; a server only reads it, and looks whether it is
another file at each call. An entry is of one of three kinds: a token (its text is its secret), a
user (name and password), a subject (the name in a client's certificate, no secret at all).
"""

import contextlib
import fcntl
import os
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import msgspec
import structlog

from velaria.flight_server.identity.hashing import new_id, new_token, password_hash
from velaria.flight_server.identity.principals import Binding, Principal
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

FOLDER, FILE, LOCK = "identity", "tokens.json", "tokens.lock"
ENTRIES_MAX = 10_000

# A colon would end the name in a Basic header; a certificate's subject may be a URI.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@/=, -]{0,127}\Z")
_SUBJECT = re.compile(r"(?!jwt:)[A-Za-z0-9*][A-Za-z0-9._@/=,: *-]{0,255}\Z")

_log = structlog.get_logger("velaria.flight_server")


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One token, user or subject. Times are seconds since 1970 UTC."""

    id: str
    name: str
    kind: Literal["token", "user", "subject"]
    bindings: tuple[Binding, ...]
    created_s: int
    hash: str = ""
    expires_s: int | None = None
    revoked_s: int | None = None

    def is_live(self, now_s: float) -> bool:
        return self.revoked_s is None and (self.expires_s is None or now_s < self.expires_s)

    def principal(self) -> Principal:
        return Principal(self.name, self.bindings)


class _Kept(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    version: Literal[1] = 1
    entries: list[Entry] = []


class TokenFile:
    """The file as its writer sees it: each change is read, checked and written under one lock."""

    def __init__(self, data_dir: Path, clock_s: Callable[[], float] = time.time) -> None:
        self.path = data_dir / FOLDER / FILE
        self._clock_s = clock_s

    def exists(self) -> bool:
        return self.path.exists()

    def entries(self) -> list[Entry]:
        return read_entries(self.path)

    def create_token(
        self, name: str, bindings: tuple[Binding, ...], lifetime_s: int | None = None
    ) -> str:
        """The text of a new token, which is kept nowhere."""
        token_id = new_id()
        text, kept = new_token(token_id)
        self._add(token_id, name, "token", bindings, kept, lifetime_s)
        return text

    def create_user(
        self,
        name: str,
        password: str,
        bindings: tuple[Binding, ...],
        lifetime_s: int | None = None,
    ) -> None:
        self._add(new_id(), name, "user", bindings, password_hash(password), lifetime_s)

    def create_subject(
        self, name: str, bindings: tuple[Binding, ...], lifetime_s: int | None = None
    ) -> None:
        self._add(new_id(), name, "subject", bindings, "", lifetime_s)

    def rotate(self, name: str, grace_s: int = 0) -> str:
        """A new text for a token of that name, with its roles and its lifetime begun anew; the old
        one ends after `grace_s` seconds."""
        with self._changing() as entries:
            now_s = int(self._clock_s())
            old = next((e for e in entries if e.name == name and e.is_live(now_s)), None)
            if old is None:
                raise _unknown(name)
            if old.kind != "token":
                raise VelariaError(
                    codes.BAD_SETTING, f"a {old.kind} has no token to rotate: {name}"
                )
            token_id = new_id()
            text, kept = new_token(token_id)
            lifetime_s = None if old.expires_s is None else old.expires_s - old.created_s
            ends_s = (
                now_s + grace_s if old.expires_s is None else min(old.expires_s, now_s + grace_s)
            )
            entries[entries.index(old)] = msgspec.structs.replace(old, expires_s=ends_s)
            entries.append(
                msgspec.structs.replace(
                    old,
                    id=token_id,
                    hash=kept,
                    created_s=now_s,
                    expires_s=None if lifetime_s is None else now_s + lifetime_s,
                )
            )
        return text

    def revoke(self, name_or_id: str) -> int:
        """How many entries of that name or id were live and are no longer. VEL1007 for none."""
        with self._changing() as entries:
            now_s = int(self._clock_s())
            chosen = [
                index
                for index, entry in enumerate(entries)
                if name_or_id in (entry.name, entry.id) and entry.is_live(now_s)
            ]
            if not chosen:
                raise _unknown(name_or_id)
            for index in chosen:
                entries[index] = msgspec.structs.replace(entries[index], revoked_s=now_s)
        return len(chosen)

    def _add(
        self,
        entry_id: str,
        name: str,
        kind: Literal["token", "user", "subject"],
        bindings: tuple[Binding, ...],
        kept: str,
        lifetime_s: int | None,
    ) -> None:
        if not (_SUBJECT if kind == "subject" else _NAME).match(name):
            raise VelariaError(
                codes.BAD_SETTING,
                f"not a name for a {kind}",
                hint="Use letters, digits, spaces and ._@/=,- and begin with a letter or digit.",
            )
        with self._changing() as entries:
            now_s = int(self._clock_s())
            if any(entry.name == name and entry.is_live(now_s) for entry in entries):
                raise VelariaError(
                    codes.BAD_SETTING,
                    f"a token, user or subject of that name is there: {name}",
                    hint="Revoke it, rotate it, or choose another name.",
                )
            if len(entries) >= ENTRIES_MAX:
                raise VelariaError(codes.BAD_SETTING, f"too many entries: {len(entries)}")
            entries.append(
                Entry(
                    id=entry_id,
                    name=name,
                    kind=kind,
                    bindings=bindings,
                    created_s=now_s,
                    hash=kept,
                    expires_s=None if lifetime_s is None else now_s + lifetime_s,
                )
            )

    @contextlib.contextmanager
    def _changing(self) -> Iterator[list[Entry]]:
        try:
            # Each on its own: parents are made with the mode that is usual here.
            for folder in (self.path.parent.parent, self.path.parent):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = (self.path.parent / LOCK).open("w", encoding="ascii")
        except OSError as fault:
            raise _unreadable(fault) from None
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            entries = self.entries() if self.path.exists() else []
            yield entries
            write_private(self.path, msgspec.json.encode(_Kept(entries=entries)))


class TokenBook:
    """The file as a server sees it: always as it stands now, at the price of one stat.

    A file that is gone or damaged lets nobody in until it is mended; one that cannot be read for
    the moment lets nobody new in, and is read again at the next call.
    """

    def __init__(
        self,
        data_dir: Path,
        on_load: Callable[[list[Entry]], None] = lambda _: None,
        clock_s: Callable[[], float] = time.time,
    ) -> None:
        self._path = data_dir / FOLDER / FILE
        self._on_load = on_load
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._seen: tuple[int, ...] | None = None
        self._is_unread = False
        self._trouble = ""  # as it was last logged
        self._by_id: dict[str, Entry] = {}
        self._by_name: dict[tuple[str, str], Entry] = {}

    def find(self, entry_id: str) -> Entry | None:
        """A live entry by its id."""
        self._refresh()
        return self._live(self._by_id.get(entry_id))

    def find_named(self, kind: str, name: str) -> Entry | None:
        """A live entry by its kind and name."""
        self._refresh()
        return self._live(self._by_name.get((kind, name)))

    def _live(self, entry: Entry | None) -> Entry | None:
        return entry if entry is not None and entry.is_live(self._clock_s()) else None

    def why_not(self, entry_id: str) -> str:
        """Why who comes with that id and a secret is not let in, in words for the log."""
        self._refresh()
        return self._why_not(self._by_id.get(entry_id))

    def why_not_named(self, kind: str, name: str) -> str:
        self._refresh()
        return self._why_not(self._by_name.get((kind, name)))

    def _why_not(self, entry: Entry | None) -> str:
        if self._trouble:
            return self._trouble
        if entry is None:
            return "unknown"
        if entry.revoked_s is not None:
            return "revoked"
        return "wrong secret" if entry.is_live(self._clock_s()) else "expired"

    def has_ended(self, entry_id: str) -> bool:
        """For whom was let in by it: not so while the file cannot be read for the moment."""
        self._refresh()
        with self._lock:
            return not self._is_unread and self._live(self._by_id.get(entry_id)) is None

    def _refresh(self) -> None:
        state = self._state()
        if state is not None and state == self._seen:
            return
        with self._lock:
            if state is not None and state == self._seen:
                return
            entries = self._entries()
            self._by_id = {entry.id: entry for entry in entries or ()}
            # Of a name, the newest counts; only those that ended can have the same one.
            self._by_name = {(entry.kind, entry.name): entry for entry in entries or ()}
            self._seen = state
        if entries is not None:
            self._on_load(entries)

    def _state(self) -> tuple[int, ...] | None:
        """Another one when the file, or who may read it, has changed. None when that cannot be
        told, or when the file was there and could not be read: that may pass at any time."""
        if self._is_unread:
            return None
        try:
            told = os.stat(self._path)
        except FileNotFoundError:
            return (0,)
        except OSError:
            return None
        return (told.st_mtime_ns, told.st_ctime_ns, told.st_ino, told.st_size)

    def _entries(self) -> list[Entry] | None:
        """None when there is nothing to go by: then nobody is let in."""
        trouble, entries = "", None
        self._is_unread = False
        try:
            entries = _read(self._path)
        except VelariaError as fault:
            trouble = fault.message
        except OSError as fault:
            trouble = _unreadable(fault).message
            self._is_unread = not isinstance(fault, FileNotFoundError)
        if trouble and trouble != self._trouble:
            _log.error("nobody is let in", reason=trouble)
        self._trouble = trouble
        return entries


def read_entries(path: Path) -> list[Entry]:
    """VEL1007 when the file is not there, is damaged, or others may read it."""
    try:
        return _read(path)
    except OSError as fault:
        raise _unreadable(fault) from None


def _read(path: Path) -> list[Entry]:
    """OSError when it cannot be read, VEL1007 when it is not fit to be."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_mode & 0o077:
            raise VelariaError(
                codes.BAD_SETTING,
                "the token file can be read by others than its owner",
                hint="Take the rights of group and others away: chmod 600.",
            )
        content = file.read()
    try:
        return msgspec.json.decode(content, type=_Kept).entries
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise VelariaError(codes.BAD_SETTING, "the token file is damaged") from None


def write_private(path: Path, content: bytes) -> None:
    """The old file or the new one, whatever happens; nobody else can ever read it."""
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(number, "wb") as file:  # mkstemp makes it 0600
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _unreadable(fault: OSError) -> VelariaError:
    return VelariaError(
        codes.BAD_SETTING, f"the token file cannot be read or written: {fault.strerror}"
    )


def _unknown(name: str) -> VelariaError:
    return VelariaError(
        codes.BAD_SETTING,
        f"no live token, user or subject of that name or id: {name}",
        hint="`velaria token list` shows all.",
    )
