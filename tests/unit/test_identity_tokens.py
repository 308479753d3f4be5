"""The token file, its secrets at rest, and how a running server follows it."""

import errno
import hmac
import os
import stat
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.server_process import until
from velaria.flight_server.identity import hashing
from velaria.flight_server.identity.last_use import LastUse, read_last_use
from velaria.flight_server.identity.principals import Binding, Principal, Right, parse_binding
from velaria.flight_server.identity.tokens import Entry, TokenBook, TokenFile
from velaria.schemas.errors import VelariaError

VIEWER = (Binding("viewer", "sales"),)


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_000_000.0

    def __call__(self) -> float:
        return self.now_s


def found(book: TokenBook, text: str) -> Entry | None:
    parts = hashing.split_token(text)
    assert parts is not None
    entry = book.find(parts[0])
    return entry if entry is not None and hashing.is_token(parts[1], entry.hash) else None


def test_a_data_directory_that_a_token_makes_is_closed_to_others(tmp_path: Path) -> None:
    """As one that the server makes: its lock files are nobody else's to hold."""
    TokenFile(tmp_path / "state").create_token("etl", VIEWER)
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700


def test_a_token_is_kept_as_a_hash_in_a_file_of_its_owner_only(tmp_path: Path) -> None:
    file = TokenFile(tmp_path)
    text = file.create_token("etl", VIEWER)
    content = file.path.read_bytes()
    assert text.startswith("vel_")
    assert text.split("_", 2)[2].encode() not in content
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.path.parent.stat().st_mode) == 0o700
    assert [path.name for path in file.path.parent.iterdir() if path.name.startswith(".")] == []


def test_a_book_knows_live_tokens_only(tmp_path: Path) -> None:
    clock = Clock()
    file, book = TokenFile(tmp_path, clock), TokenBook(tmp_path, clock_s=clock)
    short, kept = file.create_token("short", VIEWER, 60), file.create_token("kept", VIEWER)
    entry = found(book, short)
    assert entry is not None and entry.principal() == Principal("short", VIEWER)
    clock.now_s += 59
    assert found(book, short) is not None
    clock.now_s += 1
    assert found(book, short) is None
    assert found(book, kept) is not None
    assert file.revoke("kept") == 1
    assert found(book, kept) is None


def test_a_token_of_another_secret_is_not_the_token(tmp_path: Path) -> None:
    file, book = TokenFile(tmp_path), TokenBook(tmp_path)
    one, other = file.create_token("one", VIEWER), file.create_token("other", VIEWER)
    swapped = one[:21] + other[21:]
    assert hashing.split_token(swapped) is not None
    assert found(book, swapped) is None
    assert found(book, one[:-1]) is None


@pytest.mark.parametrize(
    "text", ["", "vel_", "vel_x_y", "vel_0123456789abcdef", "vel_0123456789ABCDEF_x", "x" * 100]
)
def test_what_is_not_of_a_tokens_form_is_told_apart_before_any_look_up(text: str) -> None:
    assert hashing.split_token(text) is None


def test_secrets_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    whole = hmac.compare_digest

    def watched(left: bytes, right: bytes) -> bool:
        compared.append((left, right))
        return whole(left, right)

    monkeypatch.setattr(hashing.hmac, "compare_digest", watched)
    _, kept = hashing.new_token(hashing.new_id())
    assert not hashing.is_token("wrong", kept)
    assert not hashing.is_password("wrong", None)
    assert not hashing.is_password("wrong", hashing.password_hash("right"))
    assert len(compared) == 3
    assert all(len(left) == len(right) for left, right in compared)


def test_a_password_is_known_again_by_its_scrypt_hash() -> None:
    kept = hashing.password_hash("correct horse")
    assert kept.startswith("scrypt:")
    assert "correct" not in kept
    assert kept != hashing.password_hash("correct horse")
    assert hashing.is_password("correct horse", kept)
    assert not hashing.is_password("correct horsf", kept)
    assert not hashing.is_password("x" * (hashing.PASSWORD_CHARS_MAX + 1), kept)


def test_rotation_gives_a_new_text_and_lets_the_old_one_end(tmp_path: Path) -> None:
    clock = Clock()
    file, book = TokenFile(tmp_path, clock), TokenBook(tmp_path, clock_s=clock)
    old = file.create_token("etl", VIEWER, 1000)
    clock.now_s += 10
    new = file.rotate("etl", grace_s=60)
    assert found(book, old) is not None and found(book, new) is not None
    clock.now_s += 60
    assert found(book, old) is None
    entry = found(book, new)
    assert entry is not None and entry.bindings == VIEWER
    assert entry.expires_s is not None and entry.expires_s - entry.created_s == 1000


def test_a_name_is_live_once(tmp_path: Path) -> None:
    file = TokenFile(tmp_path)
    file.create_token("etl", VIEWER)
    with pytest.raises(VelariaError, match=r"VEL1007 .*of that name is there: etl"):
        file.create_token("etl", VIEWER)
    file.revoke("etl")
    file.create_token("etl", VIEWER)


@pytest.mark.parametrize("name", ["", " x", "a:b", "jwt:x", "a\nb", "x" * 200, "é"])
def test_a_name_that_cannot_be_one_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(VelariaError, match="VEL1007"):
        TokenFile(tmp_path).create_token(name, VIEWER)


def test_a_subject_may_be_a_uri_but_not_look_like_a_jwts_name(tmp_path: Path) -> None:
    file = TokenFile(tmp_path)
    file.create_subject("spiffe://corp/etl", VIEWER)
    entry = TokenBook(tmp_path).find_named("subject", "spiffe://corp/etl")
    assert entry is not None and entry.hash == ""
    with pytest.raises(VelariaError, match="VEL1007"):
        file.create_subject("jwt:alice", VIEWER)


def test_a_file_that_is_gone_damaged_or_open_to_others_lets_nobody_in(tmp_path: Path) -> None:
    file, book = TokenFile(tmp_path), TokenBook(tmp_path)
    text = file.create_token("etl", VIEWER)
    whole = file.path.read_bytes()
    assert found(book, text) is not None
    file.path.write_bytes(whole[:-5])
    assert found(book, text) is None
    with pytest.raises(VelariaError, match="VEL1007 the token file is damaged"):
        file.create_token("other", VIEWER)
    file.path.write_bytes(whole + b" ")
    assert found(book, text) is not None
    file.path.unlink()
    assert found(book, text) is None
    file.path.write_bytes(whole)
    os.chmod(file.path, 0o644)
    assert found(book, text) is None


def test_a_fault_of_the_system_that_passes_is_not_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads: list[int] = []
    file = TokenFile(tmp_path)
    text = file.create_token("etl", VIEWER)
    entry_id = file.entries()[0].id
    book = TokenBook(tmp_path, lambda entries: loads.append(len(entries)))
    faults = [errno.EMFILE, errno.EIO]

    def failing(path: Path, *arguments: Any, **named: Any) -> Any:
        if path == file.path and faults:
            raise OSError(faults.pop(), "a fault that passes")
        return opened(path, *arguments, **named)

    opened = Path.open
    monkeypatch.setattr(Path, "open", failing)
    assert found(book, text) is None
    assert not book.has_ended(entry_id), "who was let in before goes on"
    assert found(book, text) is not None
    assert loads == [1], "what was not read has changed nothing"
    file.revoke("etl")
    assert book.has_ended(entry_id)


def test_a_file_that_is_closed_to_others_again_lets_its_entries_in(tmp_path: Path) -> None:
    file, book = TokenFile(tmp_path), TokenBook(tmp_path)
    text = file.create_token("etl", VIEWER)
    os.chmod(file.path, 0o644)
    assert found(book, text) is None
    os.chmod(file.path, 0o600)
    assert found(book, text) is not None


def test_passwords_that_wait_are_bounded_and_tokens_do_not_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended, tried = threading.Event(), []

    def slow(password: str, salt: bytes) -> bytes:
        tried.append(password)
        ended.wait(30)
        return b""

    monkeypatch.setattr(hashing, "_scrypt", slow)
    threads = [
        threading.Thread(target=hashing.is_password, args=("guess", None))
        for _ in range(hashing.TRIES_AT_ONCE_MAX)
    ]
    for thread in threads:
        thread.start()
    assert until(lambda: len(tried) == len(threads))
    try:
        with pytest.raises(VelariaError, match="VEL5008"):
            hashing.is_password("one more", None)
        assert hashing.is_token("secret", hashing.token_hash("secret"))
    finally:
        ended.set()
        for thread in threads:
            thread.join(30)
    assert not hashing.is_password("later", None)


def test_an_unknown_role_in_the_file_lets_nobody_in(tmp_path: Path) -> None:
    file, book = TokenFile(tmp_path), TokenBook(tmp_path)
    text = file.create_token("etl", VIEWER)
    file.path.write_bytes(file.path.read_bytes().replace(b'"viewer"', b'"wizard"'))
    assert found(book, text) is None


def test_a_second_look_reads_the_file_only_when_it_is_another(tmp_path: Path) -> None:
    loads: list[int] = []
    file = TokenFile(tmp_path)
    text = file.create_token("etl", VIEWER)
    book = TokenBook(tmp_path, lambda entries: loads.append(len(entries)))
    for _ in range(3):
        assert found(book, text) is not None
    file.create_token("other", VIEWER)
    assert found(book, text) is not None
    assert loads == [1, 2]


def test_last_uses_are_kept_and_changes_are_told_once(tmp_path: Path) -> None:
    clock = Clock()
    file = TokenFile(tmp_path, clock)
    file.create_token("one", VIEWER)
    (one,) = file.entries()
    uses = LastUse(tmp_path, clock)
    assert [change for change, _ in uses.changes(file.entries())] == ["created"]
    assert uses.changes(file.entries()) == []
    assert uses.note(one.id)
    assert not uses.note(one.id)
    uses.write()
    assert read_last_use(tmp_path) == {one.id: 1_000_000}
    file.revoke("one")
    later = LastUse(tmp_path, clock)
    assert [change for change, _ in later.changes(file.entries())] == ["revoked"]
    (tmp_path / "identity" / "last_use.json").write_bytes(b"{")
    assert read_last_use(tmp_path) == {}


def test_entries_survive_the_way_to_the_file_and_back(tmp_path: Path) -> None:
    file = TokenFile(tmp_path)
    file.create_token("one", (*VIEWER, Binding("operator")), 100)
    (entry,) = file.entries()
    again = msgspec.json.decode(msgspec.json.encode(entry), type=Entry)
    assert again == entry
    assert [binding.text() for binding in again.bindings] == ["viewer:sales", "operator"]


@pytest.mark.parametrize("text", ["", "wizard", "viewer:", ":sales", "Viewer"])
def test_what_is_no_role_is_refused(text: str) -> None:
    with pytest.raises(VelariaError, match="VEL1007"):
        parse_binding(text)


def test_a_role_counts_in_its_schema_without_regard_to_case() -> None:
    principal = Principal("x", (Binding("author", "Sales"), Binding("viewer")))
    assert principal.may(Right.WRITE, "sALES")
    assert not principal.may(Right.WRITE, "main")
    assert principal.may(Right.READ, "main")
    assert principal.may_everywhere(Right.READ)
    assert not principal.may_everywhere(Right.WRITE)
    assert not principal.may(Right.OPERATE, "sales")
