"""The house keeps its own rules: pages tell the truth about files, files stand in their place."""

import re
import tomllib
from pathlib import Path

import pytest

from tests.contract.tools import cpp_layers, file_sizes
from tests.contract.tools.house import (
    ARCHITECTURE,
    PACKAGES,
    ROOT,
    fenced_block,
    project_files,
    relative,
)

TEXT_SUFFIXES = {
    *(
        ".md",
        ".py",
        ".pyi",
        ".pyx",
        ".hpp",
        ".cpp",
        ".def",
        ".toml",
        ".yml",
        ".yaml",
        ".sql",
        ".slt",
    ),
    *(".proto", ".json", ".txt", ".cfg", ".sh", ""),
}
# The top of the file tree of one person's machine; a project that names it works only there.
HOME_FOLDERS = re.compile(
    "/(?:" + "|".join(("home", "root", "Users", "work", "farm")) + r")/[\w.]+"
)
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")


def text_files() -> list[str]:
    return [relative(path) for path in project_files() if path.suffix in TEXT_SUFFIXES]


def rule_table_paths() -> list[str]:
    section = ARCHITECTURE.read_text("utf-8").partition("## Rule -> file")[2].partition("\n## ")[0]
    rows = [line.split("|")[2] for line in section.splitlines() if line.startswith("| ")]
    return [path for row in rows for path in re.findall(r"`([^`]+)`", row)]


def test_every_path_in_the_rule_table_exists() -> None:
    paths = rule_table_paths()
    assert len(paths) >= 10
    assert [path for path in paths if not (ROOT / path).exists()] == []


def house_folders() -> list[str]:
    """The folders of the house's tree: an entry's own, and those its description names."""
    found: list[str] = []
    parents: list[str] = []  # by depth
    for line in fenced_block("The house"):
        depth = (len(line) - len(line.lstrip())) // 2
        names = re.findall(r"(?<!\S)[\w./]+/(?!\S)", line)
        if depth <= 1:
            own = "".join(parents[:depth]) + names.pop(0)
            parents = [own] if depth == 0 else [parents[0], own]
            found.append(own)
        found += [found_in + name for found_in in parents[-1:] for name in names]
    return found


def test_every_folder_of_the_house_exists() -> None:
    folders = house_folders()
    assert {"engine/src/", "schemas/", "tests/slt/", "tests/experimental/", "docs/adr/"} <= set(
        folders
    )
    assert [folder for folder in folders if not (ROOT / folder).is_dir()] == []


def test_every_folder_of_tests_stands_in_the_house() -> None:
    held = {
        f"tests/{path.parts[1]}/"
        for name in text_files()
        if len((path := Path(name)).parts) > 2 and path.parts[0] == "tests"
    }
    assert held - set(house_folders()) == set()


def test_every_folder_of_the_kernel_stands_in_the_layer_order() -> None:
    folders = {path.name for path in (ROOT / "engine/src").iterdir() if any(path.glob("*.[ch]pp"))}
    assert folders - cpp_layers.layer_ranks().keys() == set()


def test_the_build_lists_the_layers_in_an_order_that_the_page_allows() -> None:
    cmake = (ROOT / "engine/CMakeLists.txt").read_text("utf-8")
    match = re.search(r"set\(VELARIA_LAYERS ([\w ]+)\)", cmake)
    assert match is not None
    ranks = cpp_layers.layer_ranks()
    built = match.group(1).split()
    assert built == sorted(built, key=lambda layer: ranks[layer])
    assert set(built) == ranks.keys() - {"bindings"}


def test_the_packages_are_installed_under_velaria() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    installed = config["tool"]["scikit-build"]["wheel"]["packages"]
    assert {folder: name.replace("/", ".") for name, folder in installed.items()} == PACKAGES


def test_no_file_names_a_folder_of_one_machine() -> None:
    found = []
    for name in text_files():
        for number, line in enumerate((ROOT / name).read_text("utf-8").splitlines(), start=1):
            if HOME_FOLDERS.search(line):
                found.append(f"{name}:{number}: {line.strip()}")
    assert found == []


def test_links_between_pages_lead_somewhere() -> None:
    broken = []
    for name in text_files():
        if not name.endswith(".md"):
            continue
        page = ROOT / name
        for target in LINK.findall(page.read_text("utf-8")):
            if "://" not in target and not (page.parent / target).exists():
                broken.append(f"{name}: {target}")
    assert broken == []


def test_no_file_is_longer_than_the_limit() -> None:
    counts = file_sizes.line_counts()
    assert len(counts) > 50
    assert {name: size for name, size in counts.items() if size > file_sizes.LINE_COUNT_MAX} == {}


def test_the_readme_shows_the_two_commands_at_the_start_of_a_line() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    for command in ("make demo", "make test"):
        assert re.search(rf"^{command}\b", readme, re.MULTILINE)


def test_every_make_target_of_the_contributing_page_exists() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    for page in ("README.md", "CONTRIBUTING.md"):
        named = set(re.findall(r"(?:^|`)make ([a-z-]+)", (ROOT / page).read_text("utf-8"), re.M))
        assert named - targets == set(), page


@pytest.mark.parametrize(
    "page", sorted((ROOT / "docs/how-to").glob("add-*.md")), ids=lambda page: page.name
)
def test_a_how_to_page_for_an_addition_stays_under_thirty_lines(page) -> None:
    assert len(page.read_text("utf-8").splitlines()) < 30


def test_every_decision_record_has_its_five_parts() -> None:
    records = sorted((ROOT / "docs/adr").glob("[0-9]*.md"))
    assert records
    for number, record in enumerate(records, start=1):
        assert record.name.startswith(f"{number:04d}-"), (
            "decision records are numbered without gaps"
        )
        text = record.read_text("utf-8")
        for part in ("Problem", "Goals", "Alternatives", "Decision", "Consequences"):
            assert f"\n## {part}\n" in text, f"{record.name} has no part {part}"


def test_every_run_time_dependency_is_explained() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    page = (ROOT / "docs/dependencies.md").read_text("utf-8")
    named = [re.split(r"[\[<>=~! ]", line)[0] for line in config["project"]["dependencies"]]
    assert len(named) <= 12
    assert [name for name in named if f"`{name}`" not in page] == []
