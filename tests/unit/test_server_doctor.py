"""What `velaria doctor` finds wrong, and that it says how to mend it."""

import fcntl
import json
import shutil
import socket
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from velaria.flight_server import cli, diagnosis, machine
from velaria.flight_server.certificates import good_until
from velaria.flight_server.diagnosis import Finding, Subject, look_at
from velaria.flight_server.options import Options
from velaria.schemas.errors import VelariaError

FREE = {"server.listen": ["grpc://127.0.0.1:0"], "postgres.dsn": "none"}


def findings(**settings: object) -> dict[str, Finding]:
    named = {name.replace("__", "."): value for name, value in settings.items()}
    return {found.name: found for found in look_at(Subject(Options({**FREE, **named})))}


def certificate(folder: Path, days: int, *more: str) -> tuple[Path, Path]:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    cert, key = folder / "c.pem", folder / "k.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-subj", "/CN=localhost", "-days", str(days)]
    command += ["-keyout", str(key), "-out", str(cert), *more]
    subprocess.run(command, check=True, capture_output=True)
    return cert, key


def test_a_machine_that_is_well_has_no_wrong_finding() -> None:
    found = findings()
    assert [one for one in found.values() if one.state == "wrong"] == []
    assert {"kernel", "memory", "files", "clock", "disk", "run history"} <= set(found)
    assert "Arrow C++ 26" in found["arrow"].text


def test_a_port_in_use_is_wrong() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        found = findings(server__listen=[f"grpc://127.0.0.1:{port}"], metrics__listen="x:99999")
    assert found["listener"].code == "VEL1007"
    assert "in use" in found["listener"].text and found["listener"].hint
    assert found["metrics port"].text == "the listener's port is not from 0 to 65535: x:99999"


def test_two_listeners_with_one_address_are_wrong() -> None:
    found = findings(server__listen=["grpc://127.0.0.1:4101"], server__side="127.0.0.1:4101")
    assert found["addresses"].code == "VEL1007"
    assert found["addresses"].hint
    assert findings()["addresses"].state == "ok"


def test_a_socket_in_use_is_wrong_and_a_left_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "v.sock"
    taken = socket.socket(socket.AF_UNIX)
    taken.bind(str(path))
    taken.listen()
    assert findings(server__listen=[f"grpc+unix://{path}"])["listener"].state == "wrong"
    taken.close()
    assert findings(server__listen=[f"grpc+unix://{path}"])["listener"].state == "ok"
    nowhere = f"grpc+unix://{tmp_path}/no/v.sock"
    assert findings(server__listen=[nowhere])["listener"].state == "wrong"


def test_a_data_directory_is_looked_at_and_not_made(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    assert findings(server__data_dir=str(folder))["data directory"].text.endswith("will be made")
    assert not folder.exists()
    (tmp_path / "file").write_text("")
    wrong = findings(server__data_dir=str(tmp_path / "file" / "state"))["data directory"]
    assert wrong.code == "VEL1007"


def test_a_data_directory_of_a_running_server_is_told(tmp_path: Path) -> None:
    with (tmp_path / "server.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = findings(server__data_dir=str(tmp_path))["data directory"]
    assert found.state == "wrong" and "another server" in found.text
    assert findings(server__data_dir=str(tmp_path))["data directory"].state == "ok"


def test_too_little_disk_is_wrong_and_few_files_are_a_note(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(machine, "open_file_max", lambda: 256)
    monkeypatch.setattr(machine, "memory_cap_bytes", lambda: 64 << 20)
    found = findings(health__disk_free_min_bytes=1 << 60)
    assert found["disk"].state == "wrong"
    assert (found["files"].state, found["memory"].state) == ("note", "note")
    assert "ulimit -n" in found["files"].hint


def test_a_wrong_clock_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis.time, "time", lambda: 1_000_000_000.0)
    assert findings()["clock"].state == "wrong"


def test_a_postgres_that_is_away_is_wrong_without_its_password() -> None:
    found = findings(postgres__dsn="postgresql://ann:c4nary@127.0.0.1:1/x")["run history"]
    assert found.code == "VEL5003"
    assert "c4nary" not in repr(found)


def test_the_end_of_a_certificate_is_read_as_openssl_says(tmp_path: Path) -> None:
    cert, _ = certificate(tmp_path, 90)
    told = subprocess.run(
        ["openssl", "x509", "-noout", "-enddate", "-in", str(cert)], capture_output=True, text=True
    ).stdout.strip()
    end = datetime.strptime(told, "notAfter=%b %d %H:%M:%S %Y GMT").replace(tzinfo=UTC)
    assert good_until(cert) == end
    far, _ = certificate(tmp_path, 30_000)  # after 2049 the year has four digits
    assert good_until(far) - datetime.now(UTC) > timedelta(days=29_000)


@pytest.mark.parametrize("keep", [0, 1, 10, 100, 200])
def test_a_cut_certificate_is_refused(tmp_path: Path, keep: int) -> None:
    cert, _ = certificate(tmp_path, 90)
    body = cert.read_text().splitlines()[1:-1]
    text = "".join(body)[: keep // 4 * 4]
    cert.write_text(f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
    with pytest.raises(ValueError):
        good_until(cert)


@pytest.mark.parametrize(("days", "state"), [(90, "ok"), (5, "note"), (-1, "wrong")])
def test_a_certificate_is_wrong_when_its_time_is_over(
    tmp_path: Path, days: int, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cert, key = certificate(tmp_path, max(days, 1))
    if days < 0:
        ended = good_until(cert) + timedelta(days=1)

        class Later(datetime):
            @classmethod
            def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
                return ended

        monkeypatch.setattr(diagnosis, "datetime", Later)
    subject = Subject(Options(FREE), certificate=cert, key=key)
    found = {one.name: one for one in look_at(subject)}
    assert found["certificate"].state == state


def test_a_key_of_another_certificate_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    cert, _ = certificate(tmp_path, 90)
    _, key = certificate(tmp_path / "other", 90)
    subject = Subject(Options(FREE), certificate=cert, key=key)
    found = {one.name: one for one in look_at(subject)}
    assert found["certificate"].code == "VEL1007"


def test_the_configuration_is_checked_and_the_exit_code_tells(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "v.toml"
    config.write_text("[server]\nlisten = 'grpc://127.0.0.1:0'\n[log]\nlevle = 'info'\n")
    assert cli.main(["doctor", "--config", str(config), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["is_well"] is False
    first = told["checks"][0]
    assert (first["name"], first["state"]) == ("settings", "wrong")
    assert "Did you mean log.level?" in first["hint"]
    config.write_text("[server]\nlisten = 'grpc://127.0.0.1:0'\n[postgres]\ndsn = 'none'\n")
    assert cli.main(["doctor", "--config", str(config)]) == 0
    assert "ok     settings" in capsys.readouterr().out


def test_a_server_that_does_not_answer_ends_with_the_transports_code(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["doctor", "--server", "grpc://127.0.0.1:1", "--timeout", "2"]) == 5
    assert "wrong  server" in capsys.readouterr().out


def test_a_fault_of_the_configuration_is_told_with_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "bad.toml"
    config.write_text("[log]\nlevel\n")
    assert cli.main(["doctor", "--config", str(config)]) == 1
    told = capsys.readouterr().out
    assert "wrong  settings: the configuration file cannot be read: bad.toml\n" in told
    assert "(at line 2, column 6)" in told and "hint: It is TOML" in told
    cli.main(["doctor", "--config", str(config), "--json"])
    (settings, *_) = json.loads(capsys.readouterr().out)["checks"]
    assert "line 2" in settings["detail"]


def test_a_folder_is_no_configuration_and_told_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(VelariaError, match=f"cannot be read: {tmp_path.name}$") as refused:
        Options(config=Path())
    assert refused.value.detail == "Is a directory"


def test_folders_that_sql_may_not_reach_are_wrong(tmp_path: Path) -> None:
    found = findings(server__data_dir=str(tmp_path), server__allow_path=[str(tmp_path)])
    assert found["files of SQL"].code == "VEL1007"
    found = findings(server__data_dir=str(tmp_path / "state"), server__allow_path=[str(tmp_path)])
    assert found["files of SQL"].text == str(tmp_path)
