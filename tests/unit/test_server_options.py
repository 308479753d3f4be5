"""The command line: options, config file, addresses and exit codes, all without a server."""

from pathlib import Path

import pytest

from velaria.flight_server import cli
from velaria.flight_server.commands.serve import merged, read_config
from velaria.flight_server.listeners import check_address, is_loopback
from velaria.schemas.errors import VelariaError


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_loopback_hosts_are_known(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "uri",
    ["grpc://0.0.0.0:1", "grpc://10.0.0.1:1", "grpc://example.org:1", "grpc://[::]:1", "grpc://:1"],
)
def test_a_listener_off_loopback_is_refused_unless_said(uri: str) -> None:
    with pytest.raises(VelariaError) as caught:
        check_address(uri, insecure=False)
    assert caught.value.code == "VEL1007"
    check_address(uri, insecure=True)


@pytest.mark.parametrize("uri", ["http://127.0.0.1:1", "127.0.0.1:1", "grpc://127.0.0.1:x", ""])
def test_an_address_of_another_kind_is_refused(uri: str) -> None:
    with pytest.raises(VelariaError):
        check_address(uri, insecure=False)


def test_the_command_line_comes_before_the_config_file() -> None:
    options = merged({"side": "127.0.0.1:9", "memory": False}, {"side": "x:1", "threads": 3})
    assert (options["side"], options["threads"]) == ("127.0.0.1:9", 3)


def test_memory_on_the_command_line_beats_a_data_dir_in_the_file() -> None:
    assert merged({"memory": True}, {"data_dir": "d"})["data_dir"] is None
    assert merged({"memory": False}, {"data_dir": "d"})["data_dir"] == Path("d")


def test_an_unknown_key_of_the_config_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "velaria.toml"
    path.write_text("lisen = ['grpc://127.0.0.1:0']\n")
    with pytest.raises(VelariaError, match="lisen"):
        read_config(path)
    path.write_text("listen = [")
    with pytest.raises(VelariaError, match="cannot be read"):
        read_config(path)


def test_one_text_in_the_config_file_is_a_list_of_one(tmp_path: Path) -> None:
    path = tmp_path / "velaria.toml"
    path.write_text("listen = 'grpc://127.0.0.1:0'\nallow_path = 'data'\nside = '127.0.0.1:9'\n")
    options = merged({}, read_config(path))
    assert options["listen"] == ["grpc://127.0.0.1:0"]
    assert options["allow_path"] == [Path("data")]
    assert options["side"] == "127.0.0.1:9"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("listen = 5", r"\$.listen"),
        ("listen = ['grpc://127.0.0.1:0', 5]", r"\$.listen"),
        ("allow_path = true", r"\$.allow_path"),
        ("threads = 0", r"\$.threads"),
        ("insecure = 'no'", r"\$.insecure"),
        ("log = 'odd'", "odd"),
        ("postgres = 5", r"\$.postgres"),
    ],
)
def test_a_value_of_another_kind_in_the_config_file_is_refused(
    tmp_path: Path, text: str, told: str
) -> None:
    path = tmp_path / "velaria.toml"
    path.write_text(text)
    with pytest.raises(VelariaError, match=told) as caught:
        read_config(path)
    assert caught.value.code == "VEL1007"


@pytest.mark.parametrize(
    "words",
    [
        ["sql", "--timeout", "-1", "SELECT 1"],
        ["sql", "--timeout", "nan", "SELECT 1"],
        ["doctor", "--timeout", "0"],
        ["serve", "--threads", "0"],
    ],
    ids=" ".join,
)
def test_a_number_that_means_nothing_is_refused(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(words)
    assert caught.value.code == cli.REQUEST_FAULT
    assert "not a number of" in capsys.readouterr().err


def test_a_wrong_command_line_ends_with_the_requests_exit_code(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["sql", "--no-such-option"])
    assert caught.value.code == cli.REQUEST_FAULT
    with pytest.raises(SystemExit):
        cli.main(["no-such-command"])
    assert "no such command: no-such-command" in capsys.readouterr().err


def test_a_failure_ends_with_its_ranges_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["sql", "--server", "grpc://127.0.0.1:1", "SELECT 1"]) == 5
    assert "VEL5007" in capsys.readouterr().err


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main([])
    shown = capsys.readouterr().out
    assert all(name in shown for name in cli.COMMANDS)
