"""Settings: one table, four sources, and every wrong value told with its place."""

import re
from pathlib import Path

import pytest

from velaria.flight_server.options import HIDDEN, Options, range_text
from velaria.flight_server.settings import SETTINGS, Setting
from velaria.schemas.errors import VelariaError

TABLE = (
    Setting("part.count", int, 3, "A count.", minimum=1, maximum=10, live=True),
    Setting("part.wait_s", float, 1.5, "A wait.", minimum=0),
    Setting("part.names", list, [], "Names.", live=True),
    Setting("part.on", bool, False, "Whether."),
    Setting("part.kind", str, "plain", "Kind.", choices=("plain", "fancy")),
    Setting("door.key", str, "none", "A key.", secret=True, open_values=("none",), flag="--key"),
)


def toml(folder: Path, text: str) -> Path:
    path = folder / "v.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_flag_comes_before_environment_before_file_before_default(tmp_path: Path) -> None:
    config = toml(tmp_path, "[part]\ncount = 4\nwait_s = 4\nkind = 'fancy'\n")
    environ = {"VELARIA_PART_COUNT": "5", "VELARIA_PART_WAIT_S": "5", "PATH": "/"}
    options = Options({"part.count": "6"}, environ, config, TABLE)
    found = {row.name: (options.get(row.name), options.source(row.name)) for row in TABLE}
    assert found["part.count"] == (6, "flag --set part.count")
    assert found["part.wait_s"] == (5.0, "environment variable VELARIA_PART_WAIT_S")
    assert found["part.kind"] == ("fancy", "file v.toml")
    assert found["part.on"] == (False, "default")


def test_texts_become_values_of_the_settings_type() -> None:
    environ = {"VELARIA_PART_NAMES": "a, b,", "VELARIA_PART_ON": "TRUE"}
    options = Options({}, environ, None, TABLE)
    assert options.get("part.names") == ["a", "b"]
    assert options.get("part.on") is True


@pytest.mark.parametrize(
    ("text", "told", "hint"),
    [
        ("[part]\ncount = 'x'", "bad value for part.count in file F, key part.count: x", "whole"),
        ("[part]\ncount = true", "bad value for part.count", "whole number"),
        ("[part]\ncount = 2.5", "bad value for part.count", "whole number"),
        ("[part]\ncount = 11", "bad value for part.count", "from 1 to 10"),
        ("[part]\nwait_s = nan", "bad value for part.wait_s", "from 0 up"),
        ("[part]\nwait_s = inf", "bad value for part.wait_s", "from 0 up"),
        ("[part]\nkind = 'fency'", "bad value for part.kind", "Did you mean fancy?"),
        ("[part]\nnames = [1]", "bad value for part.names", "list of texts"),
        ("[part]\non = 'yes'", "bad value for part.on", "true or false"),
        ("[part]\ncuont = 1", "unknown setting in file F: part.cuont", "mean part.count?"),
        ("[prat]\ncount = 1", "unknown section in file F: prat", "mean part?"),
        ("count = 1", "unknown setting in file F: count", "mean part.count?"),
        ("[part", "configuration file cannot be read: F", "TOML"),
        ("[door]\nkey = 5", "bad value for door.key in file F, key door.key: ***", "a text"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(
    tmp_path: Path, text: str, told: str, hint: str
) -> None:
    config = toml(tmp_path, text)
    with pytest.raises(VelariaError) as caught:
        Options({}, {}, config, TABLE)
    assert caught.value.code == "VEL1007"
    assert told.replace("F", config.name, 1) in caught.value.message
    assert hint in caught.value.hint


def test_a_wrong_variable_is_refused_by_its_name() -> None:
    with pytest.raises(VelariaError) as caught:
        Options({}, {"VELARIA_PART_COUTN": "1"}, None, TABLE)
    assert caught.value.message == "unknown environment variable: VELARIA_PART_COUTN"
    assert "VELARIA_PART_COUNT" in caught.value.hint
    with pytest.raises(VelariaError, match="in environment variable VELARIA_PART_COUNT: many"):
        Options({}, {"VELARIA_PART_COUNT": "many"}, None, TABLE)
    Options({}, {"VELARIA_SEED": "1"}, None, TABLE)  # of no section of ours
    Options({}, {"VELARIA_POSTGRES_PASSWORD": "x"}, None)  # docker-compose.yml's


def test_secrets_are_not_shown() -> None:
    assert Options({"door.key": "s3cret"}, {}, None, TABLE).shown()["door.key"] == HIDDEN
    assert Options({}, {}, None, TABLE).shown()["door.key"] == "none"


def test_reload_takes_over_what_is_live_and_tells_what_waits(tmp_path: Path) -> None:
    config = toml(tmp_path, "[part]\ncount = 4\nwait_s = 4\n")
    options = Options({}, {}, config, TABLE)
    seen: list[int] = []
    options.follow("part.count", seen.append)
    toml(tmp_path, "[part]\ncount = 5\nwait_s = 5\n")
    assert options.reload() == ["part.count"]
    assert options.waiting_for_restart == ["part.wait_s"]
    assert (options.get("part.count"), options.get("part.wait_s")) == (5, 4.0)
    assert seen == [4, 5]
    assert options.reload() == []


def test_a_wrong_file_at_a_reload_changes_nothing(tmp_path: Path) -> None:
    config = toml(tmp_path, "[part]\ncount = 4\n")
    options = Options({}, {}, config, TABLE)
    toml(tmp_path, "[part]\ncount = 5\nnames = 7\n")
    with pytest.raises(VelariaError, match=r"part\.names"):
        options.reload()
    assert options.get("part.count") == 4


def test_only_a_live_setting_can_be_followed() -> None:
    with pytest.raises(ValueError, match="not a live setting"):
        Options({}, {}, None, TABLE).on_change("part.on", print)


def test_the_page_shows_a_file_that_is_right(tmp_path: Path) -> None:
    page = Path(__file__).resolve().parents[2] / "docs/how-to/operate-a-server.md"
    (shown,) = re.findall(r"```toml\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    options = Options({}, {}, toml(tmp_path, shown))
    assert options.get("server.allow_path") == ["data"]
    assert options.get("metrics.listen") == "127.0.0.1:9464"


def test_every_row_is_well_made() -> None:
    variables = {row.variable for row in SETTINGS}
    assert len(variables) == len(SETTINGS)
    flags = [row.flag for row in SETTINGS if row.flag]
    assert len(set(flags)) == len(flags)
    told = {row.name: row.default for row in SETTINGS if row.default is not None}
    checked = Options(told)  # each default is a value of its own row
    assert all(checked.get(name) == value for name, value in told.items())
    for row in SETTINGS:
        assert row.summary.endswith("."), row.name
        assert row.section and row.key and row.name == row.name.lower()
        assert row.type not in (int, float) or range_text(row), row.name
