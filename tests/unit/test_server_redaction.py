"""No secret leaves by a log line, whatever the line looks like."""

import json
import logging
import threading
from pathlib import Path
from typing import Any

import pytest
import structlog

from velaria.flight_server import call_context
from velaria.flight_server.logs import configure_logs, cut_statement
from velaria.flight_server.options import Options
from velaria.flight_server.redaction import Redactor

CANARY = "c4n@ry/Wörd"
QUOTED = "c4n%40ry%2FW%C3%B6rd"
TOKEN = "vel_k1_Zm9vYmFyYmF6"


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> Any:
    """Configure the logs by flags; then what was logged, as it was written."""
    root, hook = logging.getLogger(), threading.excepthook
    handlers, level = root.handlers[:], root.level

    def configure(**flags: str) -> Options:
        named = {name.replace("__", "."): value for name, value in flags.items()}
        options = Options({"log.format": "json", **named})
        configure_logs(options)
        return options

    yield configure, lambda: capsys.readouterr().err
    structlog.reset_defaults()
    root.handlers[:], root.level = handlers, level
    threading.excepthook = hook
    call_context.leave()


@pytest.mark.parametrize(
    "text",
    [
        "connecting to postgresql://ann:c4nary@db:5432/x failed",
        "host=db password=c4nary user=ann",
        "host=db password='c4 c4nary' user=ann",
        '{"password": "c4nary"}',
        "{'api_key': 'c4nary'}",
        "Authorization: Bearer c4nary.aaa.bbb",
        "authorization=b'Basic YzRuYXJ5OmM0bmFyeQ=='",
        "headers: {'authorization': 'c4nary'}",
        "token vel_c4nary_0123456789 refused",
        "-----BEGIN PRIVATE KEY-----\nc4nary\n-----END PRIVATE KEY-----",
    ],
)
def test_secrets_of_known_forms_are_blotted_out(text: str) -> None:
    shown = Redactor().text(text)
    assert "c4nary" not in shown
    assert "YzRuYXJ5" not in shown
    assert "***" in shown


@pytest.mark.parametrize(
    "text",
    ["SELECT 'bearer of news'", "grpc://127.0.0.1:31337", "levels: vel", "VEL1007 bad value"],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert Redactor().text(text) == text


def test_a_setting_that_is_secret_is_in_no_line(logged: Any) -> None:
    configure, read = logged
    configure(postgres__dsn=f"postgresql://ann:{QUOTED}@db/x", log__level="debug")
    log = structlog.get_logger("test")
    log.info(f"event {CANARY}", text=f"<{QUOTED}>", deep={"a": [{"b": (CANARY,)}]}, token="abc")
    log.debug("query begun", sql=f"SELECT '{TOKEN}', '{CANARY}'")
    logging.getLogger("psycopg").warning("connection to %s lost", f"postgresql://a:{QUOTED}@db")
    try:
        raise RuntimeError(f"password is {CANARY} {TOKEN}")
    except RuntimeError:
        log.exception("failed")
    lines = read()
    assert CANARY not in lines and QUOTED not in lines and TOKEN not in lines
    assert json.dumps(CANARY)[1:-1] not in lines
    told = [json.loads(line) for line in lines.splitlines()]
    assert [line["level"] for line in told] == ["info", "debug", "warning", "error"]
    assert told[0]["token"] == "***"
    assert told[2]["logger"] == "psycopg"
    assert "RuntimeError: password is *** vel_***" in told[3]["exception"]


def test_a_line_of_a_call_carries_the_calls_fields(logged: Any) -> None:
    configure, read = logged
    configure()
    facts = call_context.CallFacts("DoGet", principal="ann")
    call_context.enter(facts)
    call_context.note_query("q-1", "r-1")
    structlog.get_logger("test").info("one", query_id="q-2")
    call_context.leave()
    structlog.get_logger("test").info("two")
    one, two = (json.loads(line) for line in read().splitlines())
    assert (one["call_id"], one["method"], one["principal"]) == (facts.call_id, "DoGet", "ann")
    assert (one["query_id"], one["run_id"]) == ("q-2", "r-1")
    assert "call_id" not in two


def test_the_level_is_live_and_statements_are_cut(logged: Any, tmp_path: Path) -> None:
    configure, read = logged
    configure()
    log = structlog.get_logger("test")
    log.debug("hidden")
    assert read() == ""
    config = tmp_path / "v.toml"
    config.write_text("[log]\nlevel = 'info'\nformat = 'json'\n")
    options = Options({}, {}, config)
    configure_logs(options)
    config.write_text("[log]\nlevel = 'debug'\nformat = 'json'\n")
    options.reload()
    log.debug("seen", sql=cut_statement("x" * 10_000))
    told = [json.loads(line) for line in read().splitlines()]
    assert [line["event"] for line in told] == ["settings reloaded", "seen"]
    assert len(told[1]["sql"]) < 600


def test_a_thread_that_dies_is_one_line(logged: Any) -> None:
    configure, read = logged
    configure()

    def die() -> None:
        raise ValueError(f"bad {TOKEN}")

    thread = threading.Thread(target=die, name="doomed")
    thread.start()
    thread.join()
    (line,) = read().splitlines()
    assert json.loads(line)["thread"] == "doomed"
    assert TOKEN not in line
