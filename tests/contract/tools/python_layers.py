"""Import rules of the Python side: import-linter's contracts, and who may import which library."""

import ast
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
from tests.contract.tools.house import PACKAGES, ROOT, project_files, relative, report
from tests.contract.tools.link_farm import make_link_farm

# A library (or a module of one) -> the only folder that may import it.
ONLY_IN = {
    "ray": "experimental_actor",
    "psycopg": "control",
    "opentelemetry": "flight_server",
    "pyarrow.flight": "flight_server",
    "grpc": "flight_server",
    "grpc_health": "flight_server",
    "grpc_reflection": "flight_server",
    "google.protobuf": "flight_server",
}


def imported_modules(tree: ast.AST) -> set[str]:
    """Absolute names of all imported modules; `from a import b` gives both a and a.b."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def library_problems(folder: str, name: str, source: str) -> list[str]:
    found = []
    for module in sorted(imported_modules(ast.parse(source))):
        for library, owner in ONLY_IN.items():
            if (module == library or module.startswith(library + ".")) and folder != owner:
                found.append(f"{name}: only {owner} may import {library}: {module}")
        lane = "velaria.experimental_actor"
        if (module == lane or module.startswith(lane + ".")) and folder != "experimental_actor":
            found.append(f"{name}: nobody imports the lane; start it as a process: {module}")
    return found


def lint_contracts() -> int:
    """Run import-linter over the link farm; an editable install's import hook would hide it."""
    from importlinter.cli import lint_imports

    sys.meta_path[:] = [
        finder for finder in sys.meta_path if "Redirect" not in type(finder).__name__
    ]
    sys.path.insert(0, str(make_link_farm("farm_imports")))
    config = str(ROOT / "pyproject.toml")
    return lint_imports(config_filename=config, no_cache=True, no_logo=True)


def main() -> int:
    problems: list[str] = []
    looked_at = 0
    for path in project_files():
        folder = next((key for key in PACKAGES if relative(path).startswith(key + "/")), None)
        if folder is None or path.suffix != ".py":
            continue
        looked_at += 1
        problems += library_problems(folder, relative(path), path.read_text("utf-8"))
    failed = report("Python libraries", looked_at, "files", problems)
    return lint_contracts() or failed


if __name__ == "__main__":
    sys.exit(main())
