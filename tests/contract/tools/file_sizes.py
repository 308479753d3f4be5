"""Reports source files above 600 lines, and the median length of each language's files."""

import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
from tests.contract.tools.house import project_files, relative, report

LINE_COUNT_MAX = 600
SUFFIXES = {".py": "Python", ".cpp": "C++", ".hpp": "C++", ".pyx": "Cython"}


def line_counts() -> dict[str, int]:
    """Path -> number of lines, for every hand-written source file."""
    return {
        relative(path): path.read_text(encoding="utf-8").count("\n")
        for path in project_files()
        if path.suffix in SUFFIXES
    }


def main() -> int:
    counts = line_counts()
    for language in sorted(set(SUFFIXES.values())):
        sizes = [size for name, size in counts.items() if SUFFIXES[Path(name).suffix] == language]
        if sizes:
            median = statistics.median(sizes)
            print(f"file sizes: {language}: {len(sizes)} files, median {median:.0f} lines")
    problems = [
        f"{name}: {size} lines, the limit is {LINE_COUNT_MAX}"
        for name, size in sorted(counts.items())
        if size > LINE_COUNT_MAX
    ]
    return report("file sizes", len(counts), "files", problems)


if __name__ == "__main__":
    sys.exit(main())
