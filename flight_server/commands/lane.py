"""Start the actor lane's own process; nothing of it is imported here."""

import subprocess
import sys


def run(arguments: list[str]) -> int:
    """The lane's exit code; its arguments are its own."""
    return subprocess.run(
        [sys.executable, "-m", "velaria.experimental_actor", *arguments], check=False
    ).returncode
