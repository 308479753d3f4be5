"""The checkers find what they are there to find."""

import re
import tomllib
from pathlib import Path

import pytest

from tests.contract.tools import cpp_layers, python_layers
from tests.contract.tools.house import PACKAGES, ROOT, fenced_block

RANKS = cpp_layers.layer_ranks()


def problems(layer: str, line: str) -> list[str]:
    return cpp_layers.problems_in(ROOT / "engine/src" / layer / "sample.cpp", line, RANKS)


@pytest.mark.parametrize(
    ("layer", "line"),
    [
        ("base", '#include "columnar/vector.hpp"'),
        ("execution", '#include "sql/ast.hpp"'),
        ("stream", '#include "sql/ast.hpp"'),
        ("logical", '#include "sql/ast.hpp"'),
        ("session", "#include <pybind11/pybind11.h>"),
        ("execution", '#include "status.hpp"'),
        ("execution", '#include "base/no_such_header.hpp"'),
        ("kitchen", '#include "base/status.hpp"'),
    ],
)
def test_an_include_against_the_order_is_reported(layer: str, line: str) -> None:
    assert len(problems(layer, line)) == 1


@pytest.mark.parametrize(
    ("layer", "line"),
    [
        ("base", '#include "velaria/error_codes.def"'),
        ("execution", '#include "base/status.hpp"'),
        ("sql", '#include "logical/plan.hpp"'),
        ("bindings", "#include <pybind11/pybind11.h>"),
        ("execution", "#include <vector>"),
    ],
)
def test_an_include_along_the_order_is_accepted(layer: str, line: str) -> None:
    assert problems(layer, line) == []


def test_the_public_contract_may_not_include_a_layer() -> None:
    header = ROOT / "engine/include/velaria/sample.hpp"
    assert len(cpp_layers.problems_in(header, '#include "base/status.hpp"', RANKS)) == 1


@pytest.mark.parametrize(
    ("folder", "source"),
    [
        ("flight_server", "import ray"),
        ("flight_server", "from psycopg import connect"),
        ("control", "import pyarrow.flight as flight"),
        ("control", "from pyarrow import flight"),
        ("schemas", "def lazily():\n    import grpc\n"),
        ("flight_server", "from velaria.experimental_actor import lane"),
    ],
)
def test_a_library_in_the_wrong_folder_is_reported(folder: str, source: str) -> None:
    assert python_layers.library_problems(folder, f"{folder}/sample.py", source)


def test_a_library_in_its_own_folder_is_accepted() -> None:
    assert (
        python_layers.library_problems("control", "control/sample.py", "import psycopg, pyarrow")
        == []
    )
    assert (
        python_layers.library_problems(
            "flight_server", "flight_server/s.py", "from pyarrow import flight"
        )
        == []
    )


def test_a_missing_block_in_the_architecture_page_is_named() -> None:
    with pytest.raises(ValueError, match="No such heading"):
        fenced_block("No such heading")


def test_the_layer_order_holds_all_layers_of_the_kernel() -> None:
    assert RANKS["base"] == 0
    assert RANKS["bindings"] == max(RANKS.values())
    assert Path(ROOT / "engine/src").is_dir()
    assert len(RANKS) == 14


def test_every_module_of_the_root_package_stands_in_the_import_contract() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    (contract,) = config["tool"]["importlinter"]["contracts"]
    named = set(re.findall(r"velaria\.(\w+)", " ".join(contract["layers"])))
    modules = {path.stem for path in (ROOT / "engine/python/velaria").glob("*.py")} - {"__init__"}
    packages = {name.rpartition(".")[2] for name in PACKAGES.values()} - {"velaria"}
    assert named == modules | packages
