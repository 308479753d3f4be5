"""One private Ray for all tests of the lane, lanes on it, and statements to run through them."""

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pytest

from velaria.experimental_actor.inputs import SplitStatement, split_statement
from velaria.experimental_actor.lane import Lane, lane_on
from velaria.experimental_actor.messages import RAY_OBJECT, SHARED_MEMORY
from velaria.experimental_actor.ray_cluster import private_ray
from velaria.experimental_actor.shared_memory import SharedFolder

CPU_COUNT = 8
"""Logical cores of the tests' Ray: room for the lanes of all fixtures, and for replaced workers."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "lane: starts Ray processes")


@pytest.fixture(scope="session")
def ray() -> Iterator[Any]:
    with private_ray(CPU_COUNT) as started:
        yield started


@pytest.fixture(scope="session")
def shared_memory_lane(ray: Any) -> Iterator[Lane]:
    with SharedFolder() as folder, lane_on(ray, 2, SHARED_MEMORY, folder) as lane:
        yield lane


@pytest.fixture(scope="session")
def ray_object_lane(ray: Any) -> Iterator[Lane]:
    with lane_on(ray, 2, RAY_OBJECT, None) as lane:
        yield lane


@pytest.fixture(params=[SHARED_MEMORY, RAY_OBJECT])
def lane(request: pytest.FixtureRequest) -> Lane:
    """Each transport in turn."""
    fixture = f"{request.param.replace('-', '_')}_lane"
    lane: Lane = request.getfixturevalue(fixture)
    return lane


@pytest.fixture(scope="session")
def numbers() -> SplitStatement:
    """A statement of two fragments, small, with a known answer."""
    return statement("SELECT sum(a) AS total FROM t", {"t": pa.table({"a": range(100)})})


def statement(sql: str, tables: Mapping[str, pa.Table]) -> SplitStatement:
    return split_statement(sql, tables)
