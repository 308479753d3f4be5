"""mypy --strict over the installed shape of the packages, then stubtest: `_kernel.pyi` is true."""

import os
import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
from tests.contract.tools.house import ROOT, report
from tests.contract.tools.link_farm import make_link_farm

KERNEL = "velaria._kernel"
# What stubtest says of every class that pybind11 makes, whatever the stub says.
OF_THE_BINDING = re.compile(
    r"metaclass differs"
    r"|read-only at runtime but not in the stub"
    r"|__init__ is inconsistent, stub does not have \*args parameter"
    r"|__slots__|__buffer__"
)
STUB_ONLY = {f"{KERNEL}.ArrowStreamable"}  # a protocol: it describes callers, the kernel has none


def run(arguments: list[str], farm: Path) -> subprocess.CompletedProcess[str]:
    """Run a Python module with the farm on mypy's path, away from the checkout's root: there the
    top-level folders look like packages of their own."""
    environment = {**os.environ, "MYPYPATH": str(farm)}
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(
        command, cwd=farm.parent, env=environment, check=False, capture_output=True, text=True
    )


def check_types(farm: Path) -> int:
    config = f"--config-file={ROOT / 'pyproject.toml'}"
    cache = f"--cache-dir={ROOT / 'build/mypy'}"
    done = run(["mypy", "--strict", config, cache, "-p", "velaria"], farm)
    print("mypy --strict:", done.stdout.strip() or done.stderr.strip())
    return done.returncode


def check_kernel_stub(farm: Path) -> int:
    config = f"--mypy-config-file={ROOT / 'pyproject.toml'}"
    done = run(["mypy.stubtest", "--concise", config, KERNEL], farm)
    lines = [line for line in done.stdout.splitlines() if line.startswith(KERNEL)]
    if done.returncode != 0 and not lines:
        print(done.stdout, done.stderr, sep="\n", file=sys.stderr)
        return 1
    problems = [
        line
        for line in lines
        if not OF_THE_BINDING.search(line) and line.partition(" ")[0] not in STUB_ONLY
    ]
    stub = ROOT / "engine/python/velaria/_kernel.pyi"
    looked_at = len(re.findall(r"^\s*(?:def|class) ", stub.read_text("utf-8"), re.MULTILINE))
    return report("kernel stub", looked_at, "declarations", problems)


def main() -> int:
    farm = make_link_farm("farm_types")
    types = check_types(farm)
    return check_kernel_stub(farm) or types


if __name__ == "__main__":
    sys.exit(main())
