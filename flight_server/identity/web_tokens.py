"""JWT (RFC 7519) signed by keys of a JWKS (RFC 7517), read from a file or an https address.

Only signatures with a public key are taken: RS256, ES256, EdDSA. The key decides which of them: a
token's own `alg` is compared with it and never chooses. `none` and the HS family, with which
anybody who knows a public key could sign, are refused before a key is looked for.
"""

import hashlib
import importlib
import threading
import time
import urllib.request
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import structlog

from velaria.flight_server.identity.principals import Binding, Principal, parse_binding
from velaria.flight_server.identity.tls import reason_of
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

ALGORITHMS: dict[tuple[object, object], str] = {
    ("RSA", None): "RS256",
    ("EC", "P-256"): "ES256",
    ("OKP", "Ed25519"): "EdDSA",
}
"""The key's type and curve (kty, crv) -> the one algorithm it is used with."""

LEEWAY_S = 30.0
REREAD_INTERVAL_S = 30.0
KEYS_OLD_AFTER_S = 3600.0
FETCH_TIMEOUT_S = 5.0
JWKS_BYTES_MAX = 1 << 20
VERIFIED_KEPT_MAX = 1_000
VERIFIED_KEPT_S = 300.0
_ROLES_PER_TOKEN_MAX = 1_000

_CLAIMS = ("exp", "iss", "aud", "sub")

_WHY_NOT = {
    "DecodeError": "JWT: it does not decode",
    "ExpiredSignatureError": "JWT: expired (exp)",
    "ImmatureSignatureError": "JWT: not valid yet (nbf, iat)",
    "InvalidAudienceError": "JWT: of another audience (aud)",
    "InvalidIssuerError": "JWT: of another issuer (iss)",
    "InvalidSignatureError": "JWT: its signature is wrong",
    "InvalidSubjectError": "JWT: its subject (sub) is no name",
    "MissingRequiredClaimError": f"JWT: a claim is missing of {', '.join(_CLAIMS)}",
}
"""PyJWT's errors, by name, since it is imported only where JWTs are taken."""

_log = structlog.get_logger("velaria.flight_server")


@dataclass(frozen=True)
class WebTokenOptions:
    """`jwks` is a file or an https address. With `roles`, a value of the claim counts only when it
    is among its keys; without, values are read as ROLE or ROLE:SCHEMA."""

    jwks: str
    issuer: str
    audience: str
    leeway_s: float = LEEWAY_S
    claim: str = "roles"
    roles: Mapping[str, Binding] = field(default_factory=dict)


class WebTokens:
    """Verifies tokens and remembers for a few minutes those that were good."""

    def __init__(
        self,
        options: WebTokenOptions,
        clock_s: Callable[[], float] = time.time,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._options = options
        self._clock_s = clock_s
        self._monotonic_s = monotonic_s
        self._jwt = _library()
        self._lock = threading.Lock()
        self._verified: OrderedDict[bytes, tuple[Principal, float]] = OrderedDict()
        self._keys = self._read_keys()
        self._read_s = monotonic_s()

    def principal(self, text: str) -> tuple[Principal, bool] | None:
        """Whom the token names, and whether it was verified just now; None when it is not good."""
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
        now_s = self._clock_s()
        with self._lock:
            found = self._verified.get(digest)
        if found is not None and now_s < found[1]:
            return found[0], False
        claims = self._claims(text)
        if claims is None:
            return None
        principal = Principal(f"jwt:{claims['sub']}", self._bindings(claims))
        until_s = min(float(claims["exp"]) + self._options.leeway_s, now_s + VERIFIED_KEPT_S)
        with self._lock:
            self._verified[digest] = (principal, until_s)
            while len(self._verified) > VERIFIED_KEPT_MAX:
                self._verified.popitem(last=False)
        return principal, found is None

    def why_not(self, text: str) -> str:
        """Why the token is not good, in words for the log; empty when it is."""
        try:
            self._verify(text)
        except _NotGood as fault:
            return str(fault)
        return ""

    def _claims(self, text: str) -> dict[str, Any] | None:
        try:
            return self._verify(text)
        except _NotGood:
            return None

    def _verify(self, text: str) -> dict[str, Any]:
        """The claims; _NotGood says why there are none."""
        try:
            header = self._jwt.get_unverified_header(text)
        except (self._jwt.PyJWTError, ValueError, TypeError):
            raise _NotGood("no token") from None
        if header.get("alg") not in ALGORITHMS.values() or "crit" in header:
            raise _NotGood("JWT: its algorithm, or a critical header, is not taken")
        key = self._key(header.get("kid"))
        if key is None:
            raise _NotGood("JWT: its key (kid) is not in the set")
        if key.algorithm != header["alg"]:
            raise _NotGood("JWT: its algorithm is not its key's")
        try:
            claims: dict[str, Any] = self._jwt.decode(
                text,
                key.key,
                algorithms=[key.algorithm],
                audience=self._options.audience,
                issuer=self._options.issuer,
                leeway=self._options.leeway_s,
                options={"require": list(_CLAIMS)},
            )
        except (self._jwt.PyJWTError, ValueError, TypeError) as fault:
            raise _NotGood(_WHY_NOT.get(type(fault).__name__, "JWT: not valid")) from None
        subject = claims["sub"]
        if not (isinstance(subject, str) and 0 < len(subject) <= 256 and subject.isprintable()):
            raise _NotGood("JWT: its subject (sub) is no name")
        return claims

    def _bindings(self, claims: dict[str, Any]) -> tuple[Binding, ...]:
        """What the claim says that means nothing here is passed over: it is another service's."""
        told = claims.get(self._options.claim, [])
        values = told.split() if isinstance(told, str) else told
        if not isinstance(values, list):
            return ()
        found: list[Binding] = []
        for value in values[:_ROLES_PER_TOKEN_MAX]:
            if self._options.roles:
                binding = self._options.roles.get(value) if isinstance(value, str) else None
            else:
                binding = _binding_or_none(value)
            if binding is not None:
                found.append(binding)
        return tuple(dict.fromkeys(found))

    def _key(self, kid: object) -> "_Key | None":
        """The key of that id. An unknown one has the set read again, which a stranger can cause
        but once in an interval; an old set is read again, so that a key taken out of it ends."""
        if not isinstance(kid, str):
            return None
        key = self._keys.get(kid)
        with self._lock:
            age_s = self._monotonic_s() - self._read_s
            if age_s < (REREAD_INTERVAL_S if key is None else KEYS_OLD_AFTER_S):
                return key
            self._read_s = self._monotonic_s()
        try:
            keys = self._read_keys()
        except VelariaError as fault:
            _log.warning("the keys stay as they were", reason=fault.message, detail=fault.detail)
            return key
        self._keys = keys
        with self._lock:
            self._verified.clear()
        return keys.get(kid)

    def _read_keys(self) -> dict[str, "_Key"]:
        try:
            told = msgspec.json.decode(_content(self._options.jwks), type=dict[str, Any])
            return self._usable(told["keys"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as fault:
            reason = "it is no JSON object with a list of keys"
            raise VelariaError(
                codes.BAD_SETTING,
                f"the set of keys (--jwks) cannot be read: {self._options.jwks}",
                detail=reason_of(fault) if isinstance(fault, OSError) else reason,
                hint="It is a JWKS (RFC 7517), a file or an https:// address.",
            ) from None

    def _usable(self, keys: list[dict[str, Any]]) -> dict[str, "_Key"]:
        found: dict[str, _Key] = {}
        for told in keys:
            algorithm = ALGORITHMS.get((told.get("kty"), told.get("crv")))
            kid = told.get("kid")
            if algorithm is None or not isinstance(kid, str) or told.get("use", "sig") != "sig":
                continue
            if told.get("alg", algorithm) != algorithm:
                continue
            public = {name: value for name, value in told.items() if name not in _PRIVATE_PARTS}
            try:
                found[kid] = _Key(algorithm, self._jwt.PyJWK(public, algorithm).key)
            except self._jwt.PyJWTError:
                _log.warning("a key of the set is passed over", kid=kid[:64])
        return found


class _NotGood(Exception):
    """Why a token is refused: words of this module, with nothing of the token in them."""


_PRIVATE_PARTS = ("d", "p", "q", "dp", "dq", "qi", "oth")


@dataclass(frozen=True)
class _Key:
    algorithm: str
    key: Any


def _binding_or_none(value: object) -> Binding | None:
    try:
        return parse_binding(value) if isinstance(value, str) else None
    except VelariaError:
        return None


def _content(source: str) -> bytes:
    """The set's bytes. Over the net by https only: who can change keys on the way is everybody."""
    if "://" not in source:
        with Path(source).open("rb") as file:
            return file.read(JWKS_BYTES_MAX)
    if not source.startswith("https://"):
        raise VelariaError(
            codes.BAD_SETTING, f"the set of keys is a file or an https:// address: {source}"
        )
    opener = urllib.request.build_opener(_NoRedirects)
    with opener.open(source, timeout=FETCH_TIMEOUT_S) as answer:
        content: bytes = answer.read(JWKS_BYTES_MAX)
        return content


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """An address stands for itself: keys do not come from wherever it may point to."""

    def redirect_request(self, *_: object, **__: object) -> None:
        return None


def _library() -> Any:
    try:
        importlib.import_module("cryptography")
        return importlib.import_module("jwt")
    except ImportError:
        raise VelariaError(
            codes.UNSUPPORTED_REQUEST,
            "JWT needs packages that are not installed: PyJWT, cryptography",
            hint="Install them: pip install 'velaria[jwt]'.",
        ) from None
