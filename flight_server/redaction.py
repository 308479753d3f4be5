"""Blots secrets out of log lines: the one processor that every line passes last.

By form: passwords in DSNs and key=value texts, tokens of ours, Authorization headers, private keys.
By name: fields that are secrets. By value: what the settings say is secret.
"""

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, unquote, urlsplit

BLOT = "***"
DEPTH_MAX = 6
_SECRET_CHARS_MIN = 4  # a shorter value would blot out half of every line

_FORMS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s@]+(@)", re.I), rf"\g<1>{BLOT}\2"),
    (
        re.compile(
            r"(\b(?:password|passwd|pwd|secret|api_?key|access_?token|sslpassword)\b['\"]?\s*[=:]\s*)"
            r"('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[^\s,;&'\"})]+)",
            re.I,
        ),
        rf"\g<1>{BLOT}",
    ),
    (re.compile(r"\bvel_[A-Za-z0-9_.-]+"), f"vel_{BLOT}"),
    (re.compile(r"\b((?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{6,}", re.I), rf"\g<1>{BLOT}"),
    (
        re.compile(
            r"(\bauthorization['\"]?\s*[:=]\s*b?['\"]?)(?!(?:bearer|basic)\s)[^\s'\",]+", re.I
        ),
        rf"\g<1>{BLOT}",
    ),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END|\Z)", re.S), BLOT),
)

_SECRET_FIELDS = frozenset(
    {"authorization", "password", "token", "bearer", "secret", "dsn", "api_key", "cookie"}
)


class Redactor:
    """A structlog processor. `secrets` are values that may stand in no line, in any spelling."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        spelt = {form for secret in secrets for form in _spellings(secret)}
        # The longest first: one may be a part of another.
        self._values = sorted(spelt, key=len, reverse=True)

    def __call__(self, logger: Any, method: str, event: Any) -> Any:
        return self._map(event, 0)

    def text(self, text: str) -> str:
        for value in self._values:
            text = text.replace(value, BLOT)
        for form, instead in _FORMS:
            text = form.sub(instead, text)
        return text

    def _map(self, fields: Any, depth: int) -> dict[str, Any]:
        return {
            str(name): BLOT
            if str(name).lower() in _SECRET_FIELDS and value
            else self._value(value, depth + 1)
            for name, value in fields.items()
        }

    def _value(self, value: Any, depth: int) -> Any:
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, str):
            return self.text(value)
        if depth < DEPTH_MAX and isinstance(value, dict):
            return self._map(value, depth)
        if depth < DEPTH_MAX and isinstance(value, list | tuple | set | frozenset):
            return [self._value(part, depth + 1) for part in value]
        return self.text(str(value))


def _spellings(secret: str) -> list[str]:
    """The secret, and the password in it when it is a DSN, plain and as in an address."""
    parts = [secret]
    if "://" in secret:
        try:
            password = urlsplit(secret).password
        except ValueError:
            password = None
        parts += [password, unquote(password)] if password else []
    parts += re.findall(r"\bpassword\s*=\s*'?([^\s']+)", secret)
    forms = {form for part in parts for form in (part, quote(part, safe=""), repr(part)[1:-1])}
    return [form for form in forms if len(form) >= _SECRET_CHARS_MIN]
