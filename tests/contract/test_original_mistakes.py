"""Every mistake of the original is a named test, and every such test stands in the list."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.contract.tools.house import ROOT
from tests.slt.runner.parse import parse_file

LIST = Path(__file__).with_name("original_mistakes.toml")
MISTAKES: list[dict[str, Any]] = tomllib.loads(LIST.read_text("utf-8"))["mistake"]
NAMED = [reference for mistake in MISTAKES for reference in mistake.get("tests", ())]
OWN_TESTS = ROOT / "tests/unit/test_original_mistakes.py"


def functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text("utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def comments(path: Path) -> set[str]:
    return {comment for record in parse_file(path).records for comment in record.comments}


def is_there(reference: str) -> bool:
    if "::" in reference:
        file, _, name = reference.partition("::")
        return (ROOT / file).is_file() and name in functions(ROOT / file)
    file, _, comment = reference.partition(": ")
    path = ROOT / file
    return path.is_file() and (not comment or comment in comments(path))


def test_each_mistake_is_told_once_and_has_tests_or_says_why_not() -> None:
    told = [mistake["what"] for mistake in MISTAKES]
    assert len(told) == len(set(told)) == 28
    for mistake in MISTAKES:
        assert bool(mistake.get("tests")) != bool(mistake.get("open")), mistake["what"]


@pytest.mark.parametrize("reference", sorted(set(NAMED)))
def test_a_named_test_is_there(reference: str) -> None:
    assert is_there(reference)


def test_a_name_that_is_nowhere_is_not_there() -> None:
    assert not is_there("tests/slt/original_counts.slt: no such comment")
    assert not is_there("tests/unit/test_original_mistakes.py::no_such_test")
    assert not is_there("tests/slt/no_such_file.slt")


def test_every_test_of_a_mistake_stands_in_the_list() -> None:
    files = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("tests/slt/original_*.slt")}
    assert files == {name.partition(": ")[0] for name in NAMED if "/original_" in name}
    own = {f"{OWN_TESTS.relative_to(ROOT).as_posix()}::{name}" for name in functions(OWN_TESTS)}
    assert {name for name in own if "::test_" in name} <= set(NAMED)
