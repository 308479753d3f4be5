"""The programs on the pages run as they stand there, against a real server."""

import re
from pathlib import Path

import pytest

from tests.server_process import ServerProcess

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = re.compile(r"```python\n(.*?)```", re.DOTALL)
PAGES = ("README.md", "docs/getting-started.md")
PROGRAMS = [(page, text) for page in PAGES for text in PROGRAM.findall((ROOT / page).read_text())]


@pytest.mark.parametrize(
    ("page", "program"), PROGRAMS, ids=[f"{page}-{i}" for i, (page, _) in enumerate(PROGRAMS)]
)
def test_a_program_on_a_page_runs(page: str, program: str, server: ServerProcess) -> None:
    assert "grpc://127.0.0.1:31337" in program or "velaria.Session" in program
    exec(program.replace("grpc://127.0.0.1:31337", server.uri), {"__name__": page})
