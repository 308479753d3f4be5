"""Secrets at rest: the texts of tokens and the passwords of users.

A token's secret is 256 bits of the system's randomness, so nobody can guess one from its SHA-256,
however fast that is computed; a slow hash would only cost each call. A password is chosen by a
person and is guessed from its hash, so it is kept by scrypt, which is slow and takes memory.
"""

import hashlib
import hmac
import re
import secrets
import threading

from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

TOKEN_PREFIX = "vel_"
_SECRET_BYTES = 32
_ID = re.compile(r"[0-9a-f]{16}\Z")

# One of the settings of OWASP's password storage sheet for scrypt (RFC 7914): 16 MiB, and some
# tenths of a second of one core, for each try.
_SCRYPT_N, _SCRYPT_R, _SCRYPT_P = 1 << 14, 8, 5
_SCRYPT_MEMORY_BYTES_MAX = 64 << 20
_SALT_BYTES = 16
PASSWORD_CHARS_MAX = 1024

# One try at a time: guesses take at most one core, and 16 MiB. Each waits on its call's thread, of
# which a listener has a bounded number: so only so many wait, and tokens find a thread.
_one_try = threading.Lock()
TRIES_AT_ONCE_MAX = 8
_tries = threading.BoundedSemaphore(TRIES_AT_ONCE_MAX)


def new_id() -> str:
    return secrets.token_hex(8)


def new_token(token_id: str) -> tuple[str, str]:
    """The text that its owner is shown once, and the hash that is kept."""
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    return f"{TOKEN_PREFIX}{token_id}_{secret}", token_hash(secret)


def split_token(text: str) -> tuple[str, str] | None:
    """Id and secret of what looks like a token's text; None for anything else."""
    if not text.startswith(TOKEN_PREFIX):
        return None
    token_id, _, secret = text[len(TOKEN_PREFIX) :].partition("_")
    return (token_id, secret) if _ID.match(token_id) and secret else None


def token_hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def is_token(secret: str, kept: str) -> bool:
    """In a time that does not depend on where the two differ."""
    return hmac.compare_digest(token_hash(secret), kept)


def password_hash(password: str) -> str:
    salt = secrets.token_bytes(_SALT_BYTES)
    return f"scrypt:{salt.hex()}:{_scrypt(password, salt).hex()}"


def is_password(password: str, kept: str | None) -> bool:
    """False when there is nothing to compare with, after as long as when there is: how long an
    answer takes does not tell which names exist. VEL5008 at once when too many wait for theirs."""
    if len(password) > PASSWORD_CHARS_MAX:
        return False
    _, salt, expected = (kept or _NOBODY).split(":")
    if not _tries.acquire(blocking=False):
        raise VelariaError(
            codes.RATE_LIMITED,
            f"too many passwords are being tried at once: {TRIES_AT_ONCE_MAX}",
            hint="Try again in some seconds, or use a token, which does not wait.",
        )
    try:
        found = _scrypt(password, bytes.fromhex(salt))
    finally:
        _tries.release()
    return hmac.compare_digest(found, bytes.fromhex(expected)) and kept is not None


def _scrypt(password: str, salt: bytes) -> bytes:
    with _one_try:
        return hashlib.scrypt(
            password.encode("utf-8", "surrogatepass"),
            salt=salt,
            n=_SCRYPT_N,
            r=_SCRYPT_R,
            p=_SCRYPT_P,
            maxmem=_SCRYPT_MEMORY_BYTES_MAX,
        )


_NOBODY = f"scrypt:{'00' * _SALT_BYTES}:{'00' * 64}"
