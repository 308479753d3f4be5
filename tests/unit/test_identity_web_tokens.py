"""JWT by JWKS: which tokens are good, which never, and how keys change."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from velaria.control.ledger import open_ledger
from velaria.flight_server.identity import web_tokens
from velaria.flight_server.identity.audit import Audit
from velaria.flight_server.identity.gate import Gate
from velaria.flight_server.identity.last_use import LastUse
from velaria.flight_server.identity.principals import Binding, Principal
from velaria.flight_server.identity.tokens import TokenBook
from velaria.flight_server.identity.web_tokens import (
    KEYS_OLD_AFTER_S,
    REREAD_INTERVAL_S,
    WebTokenOptions,
    WebTokens,
)
from velaria.schemas.errors import VelariaError

jwt = pytest.importorskip("jwt", reason="PyJWT is not installed (extra: jwt)")
pytest.importorskip("cryptography", reason="cryptography is not installed (extra: jwt)")

ISSUER, AUDIENCE = "https://id.example", "velaria"


def private_key(algorithm: str) -> Any:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    makers: dict[str, Callable[[], Any]] = {
        "RS256": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
        "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
        "EdDSA": ed25519.Ed25519PrivateKey.generate,
    }
    return makers[algorithm]()


def _number(value: int, size: int = 0) -> str:
    raw = value.to_bytes(size or (value.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def public_jwk(key: Any, kid: str) -> dict[str, Any]:
    """The public half as a JWKS holds it (RFC 7518, RFC 8037)."""
    from cryptography.hazmat.primitives import serialization

    kind = type(key).__name__
    public = key.public_key()
    if "RSA" in kind:
        numbers = public.public_numbers()
        return {"kty": "RSA", "kid": kid, "n": _number(numbers.n), "e": _number(numbers.e)}
    if "Ed25519" in kind:
        raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return {"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": _number(int.from_bytes(raw), 32)}
    numbers = public.public_numbers()
    return {
        "kty": "EC",
        "crv": "P-256",
        "kid": kid,
        "x": _number(numbers.x, 32),
        "y": _number(numbers.y, 32),
    }


KEYS = {algorithm: private_key(algorithm) for algorithm in ("RS256", "ES256", "EdDSA")}


def write_keys(path: Path, keys: dict[str, Any]) -> None:
    path.write_text(json.dumps({"keys": [public_jwk(key, kid) for kid, key in keys.items()]}))


def claims(**changed: Any) -> dict[str, Any]:
    now_s = int(time.time())
    told = {"sub": "alice", "iss": ISSUER, "aud": AUDIENCE, "exp": now_s + 300, "roles": ["viewer"]}
    return {key: value for key, value in (told | changed).items() if value is not None}


def signed(algorithm: str = "RS256", kid: str | None = None, **changed: Any) -> str:
    headers = {"kid": kid or algorithm}
    token: str = jwt.encode(claims(**changed), KEYS[algorithm], algorithm, headers)
    return token


@pytest.fixture
def jwks(tmp_path: Path) -> Path:
    path = tmp_path / "jwks.json"
    write_keys(path, KEYS)
    return path


def web(jwks: Path, **options: Any) -> WebTokens:
    return WebTokens(WebTokenOptions(str(jwks), ISSUER, AUDIENCE, **options))


@pytest.mark.parametrize("algorithm", KEYS)
def test_a_token_of_each_algorithm_is_good(jwks: Path, algorithm: str) -> None:
    tokens = web(jwks)
    expected = Principal("jwt:alice", (Binding("viewer"),))
    assert tokens.principal(signed(algorithm)) == (expected, True)


def test_a_good_token_is_verified_once(jwks: Path) -> None:
    tokens, text = web(jwks), signed()
    first, second = tokens.principal(text), tokens.principal(text)
    assert first is not None and second is not None
    assert (first[1], second[1]) == (True, False)
    assert tokens.principal(text[:-4] + "AAAA") is None


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"exp": 1}, "expired (exp)"),
        ({"exp": None}, "missing of exp,"),
        ({"nbf": 10**11}, "not valid yet"),
        ({"iss": "https://other.example"}, "another issuer"),
        ({"iss": None}, "missing of"),
        ({"aud": "other"}, "another audience"),
        ({"aud": None}, "missing of"),
        ({"sub": None}, "missing of"),
        ({"sub": ""}, "(sub) is no name"),
        ({"sub": "alice\0"}, "(sub) is no name"),
        ({"sub": "alice\nbob"}, "(sub) is no name"),
        ({"sub": "\ud800"}, "JWT: "),
        ({"sub": "x" * 300}, "(sub) is no name"),
    ],
)
def test_a_token_with_wrong_claims_is_refused(
    jwks: Path, changed: dict[str, Any], why: str
) -> None:
    tokens, text = web(jwks), signed(**changed)
    assert tokens.principal(text) is None
    assert why in tokens.why_not(text)


def test_the_log_is_told_which_part_of_a_token_is_wrong(jwks: Path) -> None:
    tokens, good = web(jwks), signed()
    assert tokens.why_not(good) == ""
    assert tokens.why_not("a.b.c") == "no token"
    assert "not in the set" in tokens.why_not(signed(kid="unknown"))
    assert "not its key's" in tokens.why_not(signed("ES256", kid="RS256"))
    assert "signature is wrong" in tokens.why_not(good[:-8] + "AAAAAAAA")
    assert "is not taken" in tokens.why_not(f"{part({'alg': 'none'})}.{part(claims())}.")


def test_clocks_may_differ_by_the_leeway(jwks: Path) -> None:
    late = signed(exp=int(time.time()) - 20)
    assert web(jwks, leeway_s=30).principal(late) is not None
    assert web(jwks, leeway_s=5).principal(late) is None


def part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_a_token_without_signature_is_refused(jwks: Path) -> None:
    for name in ("none", "None", "NONE", ""):
        header = part({"alg": name, "kid": "RS256"})
        assert web(jwks).principal(f"{header}.{part(claims())}.") is None


def test_a_public_key_taken_as_a_secret_is_refused(jwks: Path) -> None:
    from cryptography.hazmat.primitives import serialization

    pem = (
        KEYS["RS256"]
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    for name, digest in (("HS256", hashlib.sha256), ("HS512", hashlib.sha512)):
        body = f"{part({'alg': name, 'kid': 'RS256'})}.{part(claims())}"
        mac = hmac.new(pem, body.encode(), digest).digest()
        text = f"{body}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
        assert web(jwks).principal(text) is None


def test_a_key_is_used_with_its_own_algorithm_only(jwks: Path) -> None:
    assert web(jwks).principal(signed("ES256", kid="RS256")) is None
    text: str = jwt.encode(claims(), KEYS["RS256"], "RS512", {"kid": "RS256"})
    assert web(jwks).principal(text) is None


@pytest.mark.parametrize(
    "text", ["", "x", "a.b.c", "e30.e30.e30", "\u20ac.\u20ac.\u20ac", "." * 99]
)
def test_what_is_no_token_is_refused(jwks: Path, text: str) -> None:
    assert web(jwks).principal(text) is None


def test_a_token_without_a_keys_id_or_with_critical_headers_is_refused(jwks: Path) -> None:
    assert web(jwks).principal(jwt.encode(claims(), KEYS["RS256"], "RS256")) is None
    text = jwt.encode(claims(), KEYS["RS256"], "RS256", {"kid": "RS256", "crit": ["x"], "x": 1})
    assert web(jwks).principal(text) is None


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (["viewer", "author:sales"], (Binding("viewer"), Binding("author", "sales"))),
        ("viewer author:sales", (Binding("viewer"), Binding("author", "sales"))),
        (["wizard", 7, None, "viewer"], (Binding("viewer"),)),
        ([], ()),
        ({"viewer": True}, ()),
        (None, ()),
    ],
)
def test_roles_come_from_a_claim(jwks: Path, told: Any, expected: tuple[Binding, ...]) -> None:
    found = web(jwks).principal(signed(roles=told))
    assert found is not None and found[0].bindings == expected


def test_with_a_map_only_its_values_are_roles(jwks: Path) -> None:
    tokens = web(jwks, claim="groups", roles={"analysts": Binding("viewer", "sales")})
    found = tokens.principal(signed(roles=["admin"], groups=["analysts", "admin"]))
    assert found is not None and found[0].bindings == (Binding("viewer", "sales"),)


def test_an_unknown_key_has_the_set_read_again_but_not_at_every_call(
    jwks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s, reads = [0.0], []
    content = web_tokens._content
    monkeypatch.setattr(web_tokens, "_content", lambda name: reads.append(name) or content(name))
    tokens = WebTokens(WebTokenOptions(str(jwks), ISSUER, AUDIENCE), monotonic_s=lambda: now_s[0])
    fresh = signed("ES256", kid="fresh")
    assert tokens.principal(fresh) is None
    assert len(reads) == 1
    write_keys(jwks, {"fresh": KEYS["ES256"]})
    assert tokens.principal(fresh) is None  # too early to look again
    now_s[0] = REREAD_INTERVAL_S
    assert tokens.principal(fresh) is not None
    assert len(reads) == 2
    for index in range(10):
        assert tokens.principal(signed("ES256", kid=f"unknown-{index}")) is None
    assert len(reads) == 2
    assert tokens.principal(signed("RS256")) is None  # its key is no longer in the set


def test_an_old_set_is_read_again_and_a_key_taken_out_of_it_ends(jwks: Path) -> None:
    now_s = [0.0]
    tokens = WebTokens(WebTokenOptions(str(jwks), ISSUER, AUDIENCE), monotonic_s=lambda: now_s[0])
    assert tokens.principal(signed("RS256")) is not None
    write_keys(jwks, {"ES256": KEYS["ES256"]})
    now_s[0] = KEYS_OLD_AFTER_S
    assert tokens.principal(signed("RS256", sub="bob")) is None
    assert tokens.principal(signed("ES256")) is not None


def test_a_set_that_cannot_be_read_again_leaves_the_keys_as_they_were(jwks: Path) -> None:
    now_s = [0.0]
    tokens = WebTokens(WebTokenOptions(str(jwks), ISSUER, AUDIENCE), monotonic_s=lambda: now_s[0])
    jwks.write_text("{")
    now_s[0] = KEYS_OLD_AFTER_S
    assert tokens.principal(signed("RS256")) is not None


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"keys": 7}', '{"keys": [7]}'])
def test_a_set_that_is_none_is_refused_at_the_start(jwks: Path, content: str) -> None:
    jwks.write_text(content)
    with pytest.raises(VelariaError, match="VEL1007"):
        web(jwks)


def test_a_set_comes_from_a_file_or_by_https(tmp_path: Path) -> None:
    for source in (str(tmp_path / "none"), "http://127.0.0.1:1/x", "file:///etc/passwd"):
        with pytest.raises(VelariaError, match="VEL1007"):
            WebTokens(WebTokenOptions(source, ISSUER, AUDIENCE))


def test_keys_that_are_not_for_signatures_are_passed_over(jwks: Path) -> None:
    told = [
        public_jwk(KEYS["RS256"], "enc") | {"use": "enc"},
        public_jwk(KEYS["RS256"], "other") | {"alg": "RS512"},
        {"kty": "oct", "kid": "oct", "k": "c2VjcmV0"},
        {"kty": "RSA", "kid": "broken", "n": "x"},
        public_jwk(KEYS["RS256"], "RS256") | {"alg": "RS256", "use": "sig"},
    ]
    jwks.write_text(json.dumps({"keys": told}))
    tokens = web(jwks)
    assert tokens.principal(signed()) is not None
    for kid in ("enc", "other", "oct", "broken"):
        assert tokens.principal(signed(kid=kid)) is None


def test_the_gate_lets_a_web_token_in_beside_tokens_of_its_own(jwks: Path, tmp_path: Path) -> None:
    ledger = open_ledger("none", None)
    gate = Gate(TokenBook(tmp_path), LastUse(tmp_path), Audit(ledger), web(jwks))
    principal = gate.admit(f"Bearer {signed()}").principal
    assert principal == Principal("jwt:alice", (Binding("viewer"),))
    expired = signed(exp=1)
    with pytest.raises(VelariaError, match="VEL1009") as caught:
        gate.admit(f"Bearer {expired}")
    assert "expired" not in str(caught.value)
    told = ledger.system_tables()["events"][1]().read_all().to_pylist()
    (refusal,) = (row["fields"] for row in told if row["name"] == "login.refused")
    assert json.loads(refusal)["why"] == "JWT: expired (exp)"
    assert expired.rpartition(".")[2] not in repr(told)
    ledger.close()


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "No such file or directory"), ("no JSON", "no JSON object"), ("[]", "no JSON object")],
)
def test_keys_that_cannot_be_read_are_told_with_their_file(
    tmp_path: Path, content: str | None, reason: str
) -> None:
    file = tmp_path / "keys.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(VelariaError) as refused:
        web(file)
    assert refused.value.message == f"the set of keys (--jwks) cannot be read: {file}"
    assert reason in refused.value.detail
