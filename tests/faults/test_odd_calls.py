"""Every function takes whatever arguments it is given: rows or a typed error, never a crash."""

import subprocess
import sys
from pathlib import Path

FUZZ = Path(__file__).with_name("fuzz_statements.py")
SECONDS = 4  # some hundreds of calls; `make fuzz` goes on for longer


def test_a_call_with_odd_arguments_ends_in_rows_or_in_a_typed_error() -> None:
    command = [sys.executable, str(FUZZ), "--only", "call", "--seconds", str(SECONDS)]
    ended = subprocess.run([*command, "--seed", "1"], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
