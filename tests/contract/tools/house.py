"""Where things are: the project's files, and the tables in ARCHITECTURE.md that checks read."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
ARCHITECTURE = ROOT / "ARCHITECTURE.md"

# Folder in the checkout -> import name. The kernel's projection is the root package itself.
PACKAGES = {
    "engine/python/velaria": "velaria",
    "flight_server": "velaria.flight_server",
    "control": "velaria.control",
    "schemas": "velaria.schemas",
    "experimental_actor": "velaria.experimental_actor",
}


def project_files() -> list[Path]:
    """Tracked files and new ones not ignored; without git, everything but build products."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode == 0:
        names = sorted({name for name in listed.stdout.decode().split("\0") if name})
        return [ROOT / name for name in names if (ROOT / name).is_file()]
    skipped = {".git", ".venv", "build", "dist", "__pycache__"}
    found = (path for path in ROOT.rglob("*") if not skipped & set(path.relative_to(ROOT).parts))
    return sorted(path for path in found if path.is_file())


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def fenced_block(title: str) -> list[str]:
    """The lines of the first fenced block below the heading `title` in ARCHITECTURE.md."""
    text = ARCHITECTURE.read_text(encoding="utf-8")
    match = re.search(
        rf"^#+ {re.escape(title)}$.*?^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL
    )
    if match is None:
        raise ValueError(f"ARCHITECTURE.md has no fenced block below the heading: {title}")
    return match.group(1).splitlines()


def report(name: str, looked_at: int, unit: str, problems: list[str]) -> int:
    """Print the outcome of one check and return the process' exit code."""
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{name}: {looked_at} {unit}, {len(problems)} problems")
    return 1 if problems else 0
