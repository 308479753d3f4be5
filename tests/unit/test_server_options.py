"""The command line: options, addresses and exit codes, all without a server."""

import argparse
from pathlib import Path

import pytest

from velaria.flight_server import cli
from velaria.flight_server.commands import serve
from velaria.flight_server.listeners import check_address, is_loopback
from velaria.flight_server.options import Options
from velaria.flight_server.settings import SETTINGS
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


def served(words: list[str], environ: dict[str, str] | None = None) -> Options:
    parser = argparse.ArgumentParser()
    serve.add_arguments(parser)
    return serve.options_of(parser.parse_args(words), environ or {})


def test_memory_on_the_command_line_beats_a_data_dir_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "velaria.toml"
    path.write_text("[server]\ndata_dir = 'd'\n")
    assert served(["--config", str(path)]).get("server.data_dir") == "d"
    assert served(["--memory"], {"VELARIA_CONFIG": str(path)}).get("server.data_dir") == ""


def test_a_flag_may_be_given_again_and_taken_back() -> None:
    options = served(
        ["--listen", "grpc://127.0.0.1:0", "--listen", "grpc+unix:///s", "--no-insecure"],
        {"VELARIA_SERVER_INSECURE": "true"},
    )
    assert options.get("server.listen") == ["grpc://127.0.0.1:0", "grpc+unix:///s"]
    assert options.get("server.insecure") is False
    assert options.source("server.insecure") == "flag --insecure"


def test_any_setting_can_be_said_on_the_command_line() -> None:
    assert served(["--set", "tickets.lifetime_s=5"]).get("tickets.lifetime_s") == 5
    with pytest.raises(VelariaError, match="not NAME=VALUE: odd"):
        served(["--set", "odd"])
    with pytest.raises(
        VelariaError, match=r"unknown setting in --set: ticket\.lifetime_s"
    ) as caught:
        served(["--set", "ticket.lifetime_s=5"])
    assert "Did you mean tickets.lifetime_s?" in caught.value.hint


def test_help_tells_default_and_variable_of_every_flag(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["serve", "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    for row in SETTINGS:
        assert row.flag is None or (row.flag in shown and row.variable in shown)


@pytest.mark.parametrize(
    "words",
    [
        ["sql", "--timeout", "-1", "SELECT 1"],
        ["sql", "--timeout", "nan", "SELECT 1"],
        ["doctor", "--timeout", "0"],
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
