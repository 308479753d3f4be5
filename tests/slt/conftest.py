"""One Flight server for all files of the mode "flight", and one pass over the public corpus."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from .runner.modes import FlightServer


@pytest.fixture(scope="session")
def slt_server() -> Iterator[str]:
    """Address of a running server that may read the temporary folders of the records."""
    with FlightServer([Path(tempfile.gettempdir())]) as server:
        yield server.location


@pytest.fixture
def location_of(request: pytest.FixtureRequest) -> object:
    """Give a mode's server address: the server starts only when a Flight test asks for it."""

    @functools.cache
    def find(mode: str) -> str | None:
        return request.getfixturevalue("slt_server") if mode == "flight" else None

    return find
