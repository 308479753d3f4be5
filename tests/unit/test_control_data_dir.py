"""A data directory that cannot be used is told as a fault of the setting, with the file's name."""

from pathlib import Path

import pytest

from velaria.control.data_dir import LedgerFolder, make_data_dir, open_lock
from velaria.control.errors import LedgerError, history_unavailable
from velaria.control.ledger import open_ledger


@pytest.mark.parametrize("content", [b"a\n1\n", b"", b"\xff\xfe", b"1234"])
def test_a_damaged_id_of_the_server_is_told_with_its_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "server_id").write_bytes(content)
    for _ in range(2):  # the lock is let go of
        with pytest.raises(LedgerError) as refused:
            LedgerFolder(tmp_path)
        assert refused.value.code == "VEL1007"
        assert refused.value.message.endswith(f"is damaged: {tmp_path}/server_id")
    (tmp_path / "server_id").unlink()
    LedgerFolder(tmp_path).close()


def test_an_id_that_is_no_file_is_told_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "server_id").mkdir()
    with pytest.raises(LedgerError, match=f"VEL1007 .* cannot be used: {tmp_path}") as refused:
        LedgerFolder(tmp_path)
    assert refused.value.detail == "Is a directory"


def test_the_id_stays(tmp_path: Path) -> None:
    first = LedgerFolder(tmp_path)
    first.close()
    second = LedgerFolder(tmp_path)
    second.close()
    assert first.server_id == second.server_id


def test_a_data_directory_that_cannot_be_made_is_told_with_the_reason(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(LedgerError, match=f"VEL1007 the data directory is a file: {file}"):
        make_data_dir(file)
    with pytest.raises(LedgerError, match="VEL1007 the data directory cannot be made") as refused:
        make_data_dir(file / "below")
    assert refused.value.detail == "Not a directory"
    assert "--data-dir" in refused.value.hint


def test_a_lock_that_cannot_be_made_is_told_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "server.lock").mkdir()
    with pytest.raises(LedgerError, match="VEL1007 the data directory cannot be written") as told:
        open_lock(tmp_path, "server.lock")
    assert told.value.detail == "Is a directory"


def test_a_lock_is_given_once(tmp_path: Path) -> None:
    held = open_lock(tmp_path, "server.lock")
    assert held is not None
    assert open_lock(tmp_path, "server.lock") is None
    held.close()
    again = open_lock(tmp_path, "server.lock")
    assert again is not None
    again.close()


def test_a_journal_that_cannot_be_used_is_told_and_its_folder_let_go_of(tmp_path: Path) -> None:
    (tmp_path / "journal").touch()
    for _ in range(2):
        with pytest.raises(LedgerError, match="VEL1007 the journal cannot be used") as refused:
            open_ledger("postgresql://127.0.0.1:1/none", tmp_path)
        assert refused.value.detail == "File exists"
    (tmp_path / "journal").unlink()
    (tmp_path / "journal").mkdir()
    (tmp_path / "journal" / "gone.arrows").symlink_to(tmp_path / "gone")
    with pytest.raises(LedgerError, match="VEL1007 the journal cannot be used"):
        open_ledger("postgresql://127.0.0.1:1/none", tmp_path)


def test_a_reason_that_is_told_on_is_not_told_twice() -> None:
    first = history_unavailable("the embedded Postgres does not run")
    again = history_unavailable(first.message)
    assert again.message == first.message
    assert again.message == "run history is not available: the embedded Postgres does not run"
