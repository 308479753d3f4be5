"""The reference pages are what the kernel's tables say, and the settings' table is true."""

import pytest

from docs import generate
from tests.contract.tools.house import ROOT
from velaria import _kernel


@pytest.mark.parametrize("name", ["errors.md", "functions.md", "progress.md", "settings.md"])
def test_a_reference_page_agrees_with_its_table(name: str) -> None:
    page = (ROOT / "docs/reference" / name).read_text("utf-8")
    assert page == generate.pages()[name]


def test_the_errors_page_leaves_out_only_what_no_statement_can_reach() -> None:
    session = _kernel.Session(threads=1)
    with pytest.raises(_kernel.SqlError) as caught:
        session.execute("CREATE SINK TABLE s(a INTEGER)")
    assert caught.value.code == "VEL2002"
    assert set(generate.UNREACHED) == {"VEL2027"}
    session.close()


def test_the_settings_page_tells_range_and_meaning_of_every_setting() -> None:
    page = (ROOT / "docs/reference/settings.md").read_text("utf-8")
    for row in _kernel.settings():
        assert row.meaning
        assert f"| `{row.name}` | `{row.default}` | {row.range} | {row.meaning} |" in page


def test_the_table_of_settings_names_what_a_session_has_and_takes() -> None:
    session = _kernel.Session(threads=1)
    assert session.settings() == {row.name: row.default for row in _kernel.settings()}
    for row in _kernel.settings():
        session.execute(f"SET {row.name} = '{row.default}'")
        for value in row.range.split(" to ") if " to " in row.range else row.range.split(", "):
            session.execute(f"SET {row.name} = '{value}'")
            assert session.settings()[row.name] == value
        with pytest.raises(_kernel.RequestError) as caught:
            session.execute(f"SET {row.name} = 'neither'")
        assert row.range in caught.value.hint
    session.close()
