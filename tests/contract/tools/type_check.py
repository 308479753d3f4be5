"""mypy --strict over the installed shape of the packages, then stubtest: `_kernel.pyi` is true."""

import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
from tests.contract.tools.house import PACKAGES, ROOT
from tests.contract.tools.link_farm import make_link_farm

ALLOWED = ROOT / "tests/contract/stubtest_allowed.txt"


def run(arguments: list[str], farm: Path) -> int:
    environment = {**os.environ, "MYPYPATH": str(farm)}
    command = [sys.executable, "-m", *arguments]
    # Outside the checkout's root, lest a top-level folder be taken for a package of its own.
    return subprocess.run(command, cwd=farm, env=environment, check=False).returncode


def main() -> int:
    farm = make_link_farm("farm_types")
    config = f"--config-file={ROOT / 'pyproject.toml'}"
    packages = [part for name in PACKAGES.values() for part in ("-p", name) if has_code(farm, name)]
    types = run(["mypy", "--strict", config, f"--cache-dir={ROOT / 'build/mypy'}", *packages], farm)
    stubs = run(
        [
            "mypy.stubtest",
            f"--mypy-config-file={ROOT / 'pyproject.toml'}",
            *allowed(),
            "velaria._kernel",
        ],
        farm,
    )
    return types or stubs


def has_code(farm: Path, package: str) -> bool:
    return (farm / package.replace(".", "/") / "__init__.py").exists()


def allowed() -> list[str]:
    return [f"--allowlist={ALLOWED}"] if ALLOWED.exists() else []


if __name__ == "__main__":
    sys.exit(main())
