"""What the gate makes of an authorization header, and what it leaves in the run history."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from velaria.control.ledger import Ledger, open_ledger
from velaria.flight_server.identity.audit import (
    REFUSALS_INTERVAL_S,
    REFUSALS_KEPT_MAX,
    Audit,
)
from velaria.flight_server.identity.gate import Gate
from velaria.flight_server.identity.issued import LIFETIME_S, IssuedBearers
from velaria.flight_server.identity.last_use import LastUse
from velaria.flight_server.identity.principals import Binding, Principal
from velaria.flight_server.identity.tokens import TokenBook, TokenFile
from velaria.schemas.errors import VelariaError

ADMIN = (Binding("admin"),)
PASSWORD = "a password of mine"


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    opened = open_ledger("none", None)
    yield opened
    opened.close()


@pytest.fixture
def gate(tmp_path: Path, ledger: Ledger) -> Gate:
    return Gate(TokenBook(tmp_path), LastUse(tmp_path), Audit(ledger, lambda: 0.0))


def basic(name: str, password: str, padded: bool = True) -> str:
    encoded = base64.b64encode(f"{name}:{password}".encode()).decode()
    return "Basic " + (encoded if padded else encoded.rstrip("="))


def refused(gate: Gate, header: str | None) -> VelariaError:
    with pytest.raises(VelariaError) as caught:
        gate.admit(header)
    assert caught.value.code == "VEL1009"
    assert caught.value.hint
    return caught.value


def events(ledger: Ledger) -> list[tuple[str, str | None]]:
    _, open_events = ledger.system_tables()["events"]
    rows = open_events().read_all().to_pylist()
    return [(row["name"], row["fields"]) for row in rows]


def whys(ledger: Ledger) -> list[str]:
    told = [fields for name, fields in events(ledger) if name == "login.refused"]
    return [json.loads(fields or "")["why"] for fields in told]


def test_a_bearer_is_let_in_as_its_tokens_principal(gate: Gate, tmp_path: Path) -> None:
    text = TokenFile(tmp_path).create_token("etl", ADMIN)
    for header in (f"Bearer {text}", f"bearer  {text} "):
        admission = gate.admit(header)
        assert admission.principal == Principal("etl", ADMIN)
        assert admission.answer is None


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer x",
        "Bearer vel_0123456789abcdef_nobody",
        "Bearer eyJhbGciOiJub25lIn0.e30.",
        "Basic",
        "Basic !!!",
        "Basic " + base64.b64encode(b"\xff\xfe:x").decode(),
        "Basic " + base64.b64encode(b"nobody").decode(),
        "Digest x",
        "Bearer " + "x" * 100_000,
        "\u20ac \u20ac",
    ],
)
def test_what_is_not_known_is_refused_in_the_same_words(gate: Gate, header: str) -> None:
    assert refused(gate, header).message == ("token, name or password are not known, or have ended")


def test_a_call_without_a_header_is_refused(gate: Gate) -> None:
    refused(gate, None)


@pytest.mark.parametrize("padded", [True, False])
def test_a_user_gets_a_bearer_for_the_password(gate: Gate, tmp_path: Path, padded: bool) -> None:
    for name in ("u", "us", "use"):  # the three lengths of padding
        TokenFile(tmp_path).create_user(name, PASSWORD, ADMIN)
        admission = gate.admit(basic(name, PASSWORD, padded))
        assert admission.principal == Principal(name, ADMIN)
        assert admission.answer is not None and admission.answer.startswith("Bearer vel_")
        assert gate.admit(admission.answer).principal == Principal(name, ADMIN)


def test_an_admission_is_live_until_what_it_was_given_for_ends(gate: Gate, tmp_path: Path) -> None:
    file = TokenFile(tmp_path)
    file.create_user("ann", PASSWORD, ADMIN)
    file.create_subject("worker", ADMIN)
    by_token = gate.admit("Bearer " + file.create_token("fresh", ADMIN))
    by_password = gate.admit(basic("ann", PASSWORD))
    by_bearer = gate.admit(by_password.answer)
    by_subject = gate.admit(None, "worker")
    admissions = {"fresh": [by_token], "ann": [by_password, by_bearer], "worker": [by_subject]}
    for name, given in admissions.items():
        assert all(admission.is_live() for admission in given)
        file.revoke(name)
        assert not any(admission.is_live() for admission in given)


def test_the_same_basic_header_gets_the_same_bearer(gate: Gate, tmp_path: Path) -> None:
    TokenFile(tmp_path).create_user("ann", PASSWORD, ADMIN)
    first = gate.admit(basic("ann", PASSWORD))
    assert gate.admit(basic("ann", PASSWORD)) == first


def test_a_tokens_text_serves_as_password_of_its_own_name_only(gate: Gate, tmp_path: Path) -> None:
    file = TokenFile(tmp_path)
    text = file.create_token("etl", ADMIN)
    file.create_token("other", ADMIN)
    assert gate.admit(basic("etl", text)).principal == Principal("etl", ADMIN)
    refused(gate, basic("other", text))


def test_a_bearer_ends_with_the_entry_it_stands_for(gate: Gate, tmp_path: Path) -> None:
    file = TokenFile(tmp_path)
    file.create_user("ann", PASSWORD, ADMIN)
    answer = gate.admit(basic("ann", PASSWORD)).answer
    file.revoke("ann")
    refused(gate, answer)
    refused(gate, basic("ann", PASSWORD))
    file.create_user("ann", "another password", ADMIN)
    refused(gate, answer)
    refused(gate, basic("ann", PASSWORD))


def test_a_wrong_password_is_refused_like_an_unknown_name(gate: Gate, tmp_path: Path) -> None:
    TokenFile(tmp_path).create_user("ann", PASSWORD, ADMIN)
    wrong, unknown = refused(gate, basic("ann", "x")), refused(gate, basic("bob", "x"))
    assert (wrong.message, wrong.hint) == (unknown.message, unknown.hint)


def test_an_issued_bearer_expires() -> None:
    now_s = [0.0]
    issued = IssuedBearers(lambda: now_s[0])
    text = issued.issue("entry", "hash", "header")
    _, entry_id, secret = text.split("_", 2)
    assert issued.entry_of(entry_id, secret) == "entry"
    assert issued.entry_of(entry_id, secret + "x") is None
    assert issued.exchanged("header") == ("entry", "hash", text)
    assert issued.exchanged("other") is None
    now_s[0] = LIFETIME_S / 2
    assert issued.exchanged("header") is None
    now_s[0] = LIFETIME_S
    assert issued.entry_of(entry_id, secret) is None


def test_an_issued_bearer_goes_on_while_it_is_used_and_is_kept_before_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("velaria.flight_server.identity.issued.KEPT_MAX", 2)
    now_s = [0.0]
    issued = IssuedBearers(lambda: now_s[0])
    used, unused = ((issued.issue("entry", "hash", name)).split("_", 2) for name in ("a", "b"))
    for _ in range(5):
        now_s[0] += LIFETIME_S - 1
        assert issued.entry_of(*used[1:]) == "entry"
        assert issued.entry_of(used[1], "wrong") is None
    issued.issue("entry", "hash", "c")
    assert issued.entry_of(*used[1:]) == "entry"
    assert issued.entry_of(*unused[1:]) is None
    now_s[0] += LIFETIME_S
    assert issued.entry_of(*used[1:]) is None


def test_a_certificates_subject_counts_when_no_header_came(gate: Gate, tmp_path: Path) -> None:
    file = TokenFile(tmp_path)
    file.create_subject("worker-1", ADMIN)
    text = file.create_token("etl", ADMIN)
    assert gate.admit(None, "worker-1").principal == Principal("worker-1", ADMIN)
    for unknown in ("", "worker-2", "etl"):
        with pytest.raises(VelariaError, match="VEL1009"):
            gate.admit(None, unknown)
    with pytest.raises(VelariaError, match="VEL1009"):
        gate.admit("Bearer wrong", "worker-1")
    assert gate.admit(f"Bearer {text}", "worker-1").principal == Principal("etl", ADMIN)


def test_log_ins_and_refusals_are_recorded_without_any_secret(
    gate: Gate, tmp_path: Path, ledger: Ledger
) -> None:
    text = TokenFile(tmp_path).create_token("etl", ADMIN)
    for _ in range(5):
        gate.admit(f"Bearer {text}")
        refused(gate, f"Bearer {text}x")
        refused(gate, basic("etl", "canary-password"))
    told = events(ledger)
    assert [name for name, _ in told].count("login") == 1
    assert [name for name, _ in told].count("login.refused") == 2  # one of each kind
    tables = [open_table() for _, open_table in ledger.system_tables().values()]
    everything = repr([table.read_all().to_pylist() for table in tables])
    for secret in (text, text[-20:], "canary-password", basic("etl", "x")[6:12]):
        assert secret not in everything


def test_the_run_history_tells_why_who_was_refused_and_the_caller_is_not_told(
    tmp_path: Path, ledger: Ledger
) -> None:
    now_s = [0.0]
    file = TokenFile(tmp_path, lambda: now_s[0])
    book = TokenBook(tmp_path, clock_s=lambda: now_s[0])
    gate = Gate(book, LastUse(tmp_path), Audit(ledger, lambda: now_s[0]))
    revoked, expired = file.create_token("a", ADMIN), file.create_token("b", ADMIN, 10)
    file.create_user("ann", PASSWORD, ADMIN)
    file.create_subject("worker", ADMIN, 10)
    file.revoke("a")
    cases = [
        (None, "", "no token, password or certificate"),
        (None, "worker", "expired"),
        (None, "stranger", "unknown"),
        (f"Bearer {revoked}", "", "revoked"),
        (f"Bearer {expired}", "", "expired"),
        (f"Bearer {expired[:-1]}", "", "expired"),
        ("Bearer vel_0123456789abcdef_nobody", "", "unknown"),
        ("Bearer x", "", "no token"),
        ("Digest x", "", "neither Bearer nor Basic"),
        (basic("ann", "wrong"), "", "wrong secret"),
        (basic("bob", "wrong"), "", "unknown"),
        (basic("b", expired), "", "expired"),
    ]
    told = set()
    for number, (header, subject, why) in enumerate(cases):
        now_s[0] = 20.0 + number * REFUSALS_INTERVAL_S
        with pytest.raises(VelariaError) as caught:
            gate.admit(header, subject)
        told.add(caught.value.message)
        assert whys(ledger)[-1] == why
    assert len(told) == 3  # nothing was said, the certificate, all the others
    tmp_path.joinpath("identity", "tokens.json").unlink()
    now_s[0] += REFUSALS_INTERVAL_S
    refused(gate, f"Bearer {expired}")
    assert "the token file cannot be read" in whys(ledger)[-1]


def test_refusals_at_will_are_recorded_once_in_an_interval_with_their_number(
    ledger: Ledger,
) -> None:
    now_s = [0.0]
    audit = Audit(ledger, lambda: now_s[0])
    for _ in range(100):
        audit.refused_login("bearer", lambda: "unknown")
    now_s[0] = REFUSALS_INTERVAL_S
    audit.refused_login("bearer", lambda: "expired")
    for index in range(2 * REFUSALS_KEPT_MAX):
        audit.refused_action(Principal(f"jwt:{index}", ()), "server.drain")
    told = [fields for name, fields in events(ledger) if name == "login.refused"]
    assert told == [
        '{"how":"bearer","why":"unknown","count":1}',
        '{"how":"bearer","why":"expired","count":100}',
    ]
    assert len(audit._refusals) <= REFUSALS_KEPT_MAX
