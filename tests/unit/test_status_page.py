"""The page of errors says which status each code has, by either front."""

import re
from pathlib import Path

import pytest

from velaria.flight_server.statuses import sent_natively, status_of

ROOT = Path(__file__).parents[2]
LIST = (ROOT / "engine/include/velaria/error_codes.def").read_text()
CODES = [f"VEL{number}" for number in re.findall(r"^VELARIA_ERROR\(\w+, (\d{4}),", LIST, re.M)]


def told() -> dict[str, tuple[str, str]]:
    """Code, or range like VEL1xxx, -> its statuses by grpcio and by the native front."""
    statuses = {}
    for line in (ROOT / "docs/concepts/errors.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 3 and cells[1].isupper():
            for code in re.findall(r"VEL\d(?:\d{3}|xxx)", cells[0]):
                statuses[code] = (cells[1], cells[2] or cells[1])
    return statuses


@pytest.mark.parametrize("code", CODES)
def test_the_page_tells_the_statuses_of_every_code(code: str) -> None:
    statuses = told()
    status = status_of(code)
    sent = (status.code.name, sent_natively(status.kind).name)
    assert statuses.get(code, statuses[f"{code[:4]}xxx"]) == sent
