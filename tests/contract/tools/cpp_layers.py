"""Include checker of the kernel: which layer may include which, by the order in ARCHITECTURE.md."""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
from tests.contract.tools.house import ROOT, fenced_block, project_files, relative, report

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
# Beside the order: execution sits above sql, and still lowers plans only, never text.
NEVER = {("execution", "sql"), ("stream", "sql")}
# Headers of the Python side belong to the bindings alone.
PYTHON_HEADERS = ("pybind11/", "Python.h", "arrow/python/", "numpy/")


def layer_ranks() -> dict[str, int]:
    """The order `base < columnar < ...`: a layer may include itself and every lower rank."""
    text = " ".join(fenced_block("C++ layers"))
    ranks: dict[str, int] = {}
    for rank, group in enumerate(text.split("<")):
        for layer in group.split(","):
            ranks[layer.strip()] = rank
    return ranks


def may_include(ranks: dict[str, int], layer: str, other: str) -> bool:
    if layer == other:
        return True
    if (layer, other) in NEVER:
        return False
    return ranks[other] < ranks[layer]


def problems_in(path: Path, text: str, ranks: dict[str, int]) -> list[str]:
    parts = path.relative_to(ROOT).parts
    layer = parts[2] if parts[1] == "src" else None  # None: the public contract in engine/include
    if layer is not None and layer not in ranks:
        return [f"{relative(path)}: this layer is not in ARCHITECTURE.md: {layer}"]
    found = []
    for bracket, name in INCLUDE.findall(text):
        first = name.partition("/")[0]
        if name.startswith(PYTHON_HEADERS):
            if layer != "bindings":
                found.append(f"{relative(path)}: only bindings may include {name}")
        elif first in ranks and "/" in name and bracket == '"':
            if layer is None:
                found.append(
                    f"{relative(path)}: the public contract includes no kernel layer: {name}"
                )
            elif not may_include(ranks, layer, first):
                found.append(f"{relative(path)}: {layer} may not include {first}: {name}")
            if not (ROOT / "engine/src" / name).is_file():
                found.append(f"{relative(path)}: there is no such header: {name}")
        elif bracket == '"' and not name.startswith("velaria/"):
            found.append(f'{relative(path)}: write includes as "layer/file.hpp": {name}')
    return found


def main() -> int:
    ranks = layer_ranks()
    folders = ("engine/src/", "engine/include/")
    files = [
        path
        for path in project_files()
        if relative(path).startswith(folders) and path.suffix in {".cpp", ".hpp", ".h"}
    ]
    problems = [
        line for path in files for line in problems_in(path, path.read_text("utf-8"), ranks)
    ]
    return report("C++ layers", len(files), "files", problems)


if __name__ == "__main__":
    sys.exit(main())
