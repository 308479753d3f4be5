"""Programs in other languages: built once into build/polyglot, run against a server, and read.

Where a toolchain or its registry is missing the tests skip with the reason;
VELARIA_POLYGLOT=required makes them fail instead.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.secured_server import MAY_WRITE, Secured

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILT = ROOT / "build" / "polyglot"
BUILD_TIMEOUT_S = 900
RUN_TIMEOUT_S = 240
SHOWN_SECURED = "db.example"
"""The host of a secured server on the pages."""

OTHERS = [name for name in MAY_WRITE if name != "author"]
"""Who is known to a secured server beside the one whose token asks all checks of a program."""

Told = dict[str, dict[str, Any]]
"""Check -> its line."""


def missing(reason: str) -> NoReturn:
    if os.environ.get("VELARIA_POLYGLOT") == "required":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def tool(name: str) -> str:
    found = shutil.which(name)
    return found if found is not None else missing(f"not installed: {name}")


def fetch(command: Sequence[str], folder: Path, ours: str = "\0") -> None:
    """Bring what a program needs from its registry, which may be out of reach. A command that
    compiles, too, says `ours` when it is the program that is wrong."""
    done = _run(command, folder)
    assert ours not in done.stdout, _said(done)
    if done.returncode != 0:
        missing(f"{' '.join(command[:3])} failed:\n{_said(done)}")


def build(command: Sequence[str], folder: Path) -> None:
    """Compile a program of ours: that it fails is never a reason to skip."""
    done = _run(command, folder)
    assert done.returncode == 0, _said(done)


def checks(
    command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
) -> Told:
    """What a program prints, one line of JSON per check: {check, found} or {check, fault}."""
    lines = [json.loads(line) for line in output(command, folder, environment).splitlines()]
    return {line["check"]: line for line in lines}


def shown(page: str, language: str, uri: str) -> list[str]:
    """The programs that a page of docs/how-to shows in that language, made to ask this server."""
    blocks = [block for block in _blocks(page, language) if SHOWN_SECURED not in block]
    return [block.replace("31337", uri.rpartition(":")[2]) for block in blocks]


def shown_secured(page: str, language: str, secured: Secured, folder: Path) -> list[str]:
    """The lines that a page shows for a secured server, made to ask this one by a program that runs
    in `folder`, which gets the file ca.pem."""
    shutil.copy(secured.ca, folder / "ca.pem")
    blocks = [block for block in _blocks(page, language) if SHOWN_SECURED in block]
    host, _, port = secured.uri.removeprefix("grpc+tls://").rpartition(":")
    return [block.replace(SHOWN_SECURED, host).replace("31337", port) for block in blocks]


def said_token(secured: Secured) -> dict[str, str]:
    """The environment in which the pages' programs find the token of who may write."""
    return {"VELARIA_TOKEN": secured.credentials["author"].token}


def output(
    command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
) -> str:
    """What a program that must end well writes to stdout."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=RUN_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, _said(done)
    return done.stdout


def found(told: Told, check: str) -> Any:
    line = told[check]
    assert "found" in line, line
    return line["found"]


def fault(told: Told, check: str, code: str) -> dict[str, Any]:
    """The error of a check that was to fail: it names our code, and shows no inside of ours."""
    line = told[check]
    assert "fault" in line, line
    error: dict[str, Any] = line["fault"]
    assert code in error["text"], error
    assert "Traceback" not in error["text"]
    assert '.py"' not in error["text"]
    return error


def does_what_the_role_may(told: Told, name: str, expected: Mapping[str, Any], change: str) -> None:
    """Who is known to a secured server asked the check `query` and the check `change`."""
    assert found(told, "query") == expected["query"]
    if MAY_WRITE[name]:
        assert found(told, change) == expected[change]
    else:
        fault(told, change, "VEL1010")


def _blocks(page: str, language: str) -> list[str]:
    text = (ROOT / "docs" / "how-to" / page).read_text("utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def _run(command: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=BUILD_TIMEOUT_S, check=False
    )


def _said(done: subprocess.CompletedProcess[str]) -> str:
    return (done.stdout + done.stderr)[-3000:]
