"""The gate: an authorization header, or a client certificate's subject, becomes a Principal.

Each front asks it at the beginning of each call, before a message is read. It costs one stat and
one SHA-256 for a token. What is refused says VEL1009 in the same words whatever was wrong: which
names exist is not told.
"""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass, field

from velaria.flight_server.identity.audit import Audit
from velaria.flight_server.identity.hashing import is_password, is_token, split_token
from velaria.flight_server.identity.issued import IssuedBearers
from velaria.flight_server.identity.last_use import LastUse
from velaria.flight_server.identity.principals import Principal
from velaria.flight_server.identity.tokens import Entry, TokenBook
from velaria.flight_server.identity.web_tokens import WebTokens
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

HEADER_CHARS_MAX = 16_384


@dataclass(frozen=True)
class Admission:
    """Who calls, whether what he came with still holds, and the header to answer with."""

    principal: Principal
    is_live: Callable[[], bool] = field(compare=False)
    answer: str | None = None


class Gate:
    """`web_tokens` is there when the server takes JWTs."""

    def __init__(
        self,
        book: TokenBook,
        uses: LastUse,
        audit: Audit,
        web_tokens: WebTokens | None = None,
    ) -> None:
        self.audit = audit
        self.uses = uses
        self._book = book
        self._issued = IssuedBearers()
        self._web_tokens = web_tokens

    def admit(self, header: str | None, subject: str = "") -> Admission:
        """By the header, which counts before the subject of a certificate that TLS has checked.
        VEL1009 for what is not known, has ended or is missing; VEL5008 when too many passwords are
        being tried at once."""
        if header is None:
            if subject:
                return self._by_subject(subject)
            self.audit.refused_login("nothing", lambda: "no token, password or certificate")
            raise _refused("the call says not who it is from")
        scheme, _, given = header[:HEADER_CHARS_MAX].strip().partition(" ")
        given = given.strip()
        admission = None
        match scheme.lower():
            case "bearer":
                admission = self._by_bearer(given)
            case "basic":
                admission = self._by_basic(given)
        if admission is None or len(header) > HEADER_CHARS_MAX:
            how = scheme.lower() if scheme.lower() in _KNOWN else "other"
            self.audit.refused_login(how, lambda: self._why_not(how, given))
            raise _refused("token, name or password are not known, or have ended")
        return admission

    def close(self) -> None:
        self.uses.write()

    def _by_subject(self, subject: str) -> Admission:
        entry = self._book.find_named("subject", subject)
        if entry is None:
            self.audit.refused_login(
                "certificate", lambda: self._book.why_not_named("subject", subject)
            )
            raise _refused("the certificate's subject is not known")
        return self._used(entry, "certificate")

    def _by_bearer(self, text: str) -> Admission | None:
        parts = split_token(text)
        if parts is None:
            return None if self._web_tokens is None else self._by_web_token(text)
        entry_id = self._issued.entry_of(*parts)
        if entry_id is not None:
            entry = self._book.find(entry_id)
            return None if entry is None else self._admission(entry.principal(), entry)
        entry = self._by_token(*parts)
        return None if entry is None else self._used(entry, "token")

    def _by_token(self, token_id: str, secret: str) -> Entry | None:
        entry = self._book.find(token_id)
        if entry is None or entry.kind != "token" or not is_token(secret, entry.hash):
            return None
        return entry

    def _by_web_token(self, text: str) -> Admission | None:
        web_tokens = self._web_tokens
        assert web_tokens is not None
        found = web_tokens.principal(text)
        if found is None:
            return None
        principal, is_new = found
        if is_new:
            self.audit.login(principal, "jwt")
        return Admission(principal, lambda: web_tokens.principal(text) is not None)

    def _by_basic(self, encoded: str) -> Admission | None:
        known = self._issued.exchanged(encoded)
        if known is not None:
            entry_id, entry_hash, bearer = known
            entry = self._book.find(entry_id)
            if entry is not None and entry.hash == entry_hash:
                return self._used(entry, "basic", f"Bearer {bearer}")
        name, password = _name_and_password(encoded)
        entry = self._by_password(name, password)
        if entry is None:
            return None
        bearer = self._issued.issue(entry.id, entry.hash, encoded)
        return self._used(entry, "basic", f"Bearer {bearer}")

    def _by_password(self, name: str, password: str) -> Entry | None:
        """A user by password, or a token by its name with its text as password."""
        parts = split_token(password)
        if parts is not None:
            entry = self._by_token(*parts)
            return entry if entry is not None and entry.name == name else None
        entry = self._book.find_named("user", name)
        return entry if is_password(password, None if entry is None else entry.hash) else None

    def _why_not(self, how: str, given: str) -> str:
        """Why what was given is not taken: for the log, by words that hold nothing of it."""
        if how == "basic":
            name, password = _name_and_password(given)
            parts = split_token(password)
            if parts is None:
                return self._book.why_not_named("user", name)
            return self._book.why_not(parts[0])
        if how == "other":
            return "neither Bearer nor Basic"
        parts = split_token(given)
        if parts is not None:
            return self._book.why_not(parts[0])
        return "no token" if self._web_tokens is None else self._web_tokens.why_not(given)

    def _used(self, entry: Entry, how: str, answer: str | None = None) -> Admission:
        principal = entry.principal()
        if self.uses.note(entry.id):
            self.audit.login(principal, how)
        return self._admission(principal, entry, answer)

    def _admission(
        self, principal: Principal, entry: Entry, answer: str | None = None
    ) -> Admission:
        return Admission(principal, lambda: not self._book.has_ended(entry.id), answer)


_KNOWN = ("bearer", "basic")


def _name_and_password(encoded: str) -> tuple[str, str]:
    """Clients in Go leave the padding out. What does not decode is nobody's name."""
    padded = encoded + "=" * (-len(encoded) % 4)
    try:
        text = base64.b64decode(padded, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return "", ""
    name, _, password = text.partition(":")
    return name, password


def _refused(message: str) -> VelariaError:
    return VelariaError(
        codes.UNAUTHENTICATED,
        message,
        hint="Send `authorization: Bearer TOKEN` with each call; `velaria token create` makes one.",
    )
