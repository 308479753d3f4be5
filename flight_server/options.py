"""What the settings are, and who said so: flag before environment before file before default.

A wrong value is VEL1007 and told with its place. Reloading reads environment and file again; a
wrong file leaves everything as it was.
"""

import difflib
import threading
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import structlog

from velaria.flight_server.settings import ENVIRONMENT_PREFIX, SETTINGS, Setting, Value
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

CONFIG_VARIABLE = ENVIRONMENT_PREFIX + "CONFIG"
HIDDEN = "***"
NOT_OURS = frozenset({"VELARIA_POSTGRES_PASSWORD"})
"""Variables that look like settings and are docker-compose.yml's."""

_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_TYPE_NAMES = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}

_log = structlog.get_logger("velaria.flight_server")

Callback = Callable[[Any], None]
_Told = dict[str, tuple[Value, str]]  # name -> value and the place it was told in


class Options:
    """The settings of one server. Reading is safe from every thread.

    `flags` are values by the settings' names, as texts, lists of texts or booleans.
    """

    def __init__(
        self,
        flags: Mapping[str, Any] | None = None,
        environ: Mapping[str, str] | None = None,
        config: Path | None = None,
        table: Iterable[Setting] = SETTINGS,
    ) -> None:
        self._table = {row.name: row for row in table}
        self._flags = dict(flags or {})
        self._environ = {} if environ is None else environ
        self.config = config
        self._lock = threading.Lock()
        self._callbacks: dict[str, list[Callback]] = {}
        self._told = self._read()
        self._waiting: list[str] = []

    def get(self, name: str) -> Any:
        """The value in force. KeyError for a name that the table does not have."""
        return self._told[name][0]

    def source(self, name: str) -> str:
        """flag, environment, file or default, with the place: "file v.toml"."""
        return self._told[name][1]

    def source_kind(self, name: str) -> str:
        """The source without its place."""
        return self.source(name).partition(" ")[0]

    def shown(self, *, with_files: bool = True) -> dict[str, Value]:
        """All settings in force; a secret one as ***, and `with_files` false what names files."""
        told = self._told
        return {
            name: shown_value(row, told[name][0], with_files=with_files)
            for name, row in self._table.items()
        }

    def secrets(self) -> list[str]:
        """The secret values, from every source, for whoever has to keep them out of texts."""
        told = ((row, self.get(row.name)) for row in self._table.values() if row.secret)
        return [value for row, value in told if shown_value(row, value) == HIDDEN]

    def on_change(self, name: str, callback: Callback) -> None:
        """Call with the new value whenever a reload has changed a live setting: for what is to be
        done about it at once, as the level of the log. Others ask `get` when they need a value."""
        if not self._table[name].live:
            raise ValueError(f"not a live setting: {name}")
        self._callbacks.setdefault(name, []).append(callback)

    def follow(self, name: str, callback: Callback) -> None:
        """on_change, and once now."""
        self.on_change(name, callback)
        callback(self.get(name))

    def reload(self) -> list[str]:
        """The live settings that have changed. VEL1007 and no change when one is wrong."""
        with self._lock:
            told = self._read()
            changed = [name for name in self._table if told[name][0] != self._told[name][0]]
            live = [name for name in changed if self._table[name].live]
            self._waiting = [name for name in changed if name not in live]
            self._told = {
                name: told[name] if self._table[name].live else self._told[name]
                for name in self._table
            }
            for name in live:
                for callback in self._callbacks.get(name, []):
                    callback(self.get(name))
        _log.info("settings reloaded", changed=live, need_restart=self._waiting)
        return live

    @property
    def waiting_for_restart(self) -> list[str]:
        """Settings whose new value, as of the last reload, comes into force at a restart."""
        return list(self._waiting)

    def _read(self) -> _Told:
        told: _Told = {row.name: (row.default, "default") for row in self._table.values()}
        told |= self._from_file()
        told |= self._from_environment()
        for name, value in self._flags.items():
            row = self._find(name, "--set")  # the flags' own names are of the table
            place = f"flag {row.flag or '--set ' + name}"
            told[name] = (_parsed(row, value, place), place)
        return told

    def _from_environment(self) -> _Told:
        told: _Told = {}
        by_variable = {row.variable: row for row in self._table.values()}
        sections = tuple(
            f"{ENVIRONMENT_PREFIX}{row.section.upper()}_" for row in self._table.values()
        )
        for variable, text in self._environ.items():
            row = by_variable.get(variable)
            place = f"environment variable {variable}"
            if row is not None:
                told[row.name] = (_parsed(row, text, place), place)
            elif variable.startswith(sections) and variable not in NOT_OURS:
                raise _unknown("environment variable", variable, by_variable)
        return told

    def _from_file(self) -> _Told:
        if self.config is None:
            return {}
        told: _Told = {}
        where = f"file {self.config.name}"  # a reload's error goes to a client: no folders
        for section, keys in read_config(self.config).items():
            if not isinstance(keys, dict):
                self._find(section, where)  # has no section, so it is of no setting
                continue
            if all(row.section != section for row in self._table.values()):
                raise _unknown(
                    f"section in {where}", section, [row.section for row in self._table.values()]
                )
            for key, value in keys.items():
                row = self._find(f"{section}.{key}", where)
                told[row.name] = (_parsed(row, value, f"{where}, key {row.name}"), where)
        return told

    def _find(self, name: str, where: str) -> Setting:
        row = self._table.get(name)
        if row is None:
            raise _unknown(f"setting in {where}", name, self._table)
        return row


def read_config(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as fault:
        why = fault.strerror or "the system gives no reason"
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as fault:
        why = str(fault)
    raise VelariaError(
        codes.BAD_SETTING,
        f"the configuration file cannot be read: {path.name or path.resolve().name or path}",
        detail=why,
        hint="It is TOML: a [section] and lines of key = value.",
    )


def shown_value(row: Setting, value: Value, *, with_files: bool = True) -> Value:
    is_hidden = row.secret or (row.names_files and not with_files)
    return HIDDEN if is_hidden and value and value not in row.open_values else value


def _unknown(what: str, name: str, known: Iterable[str]) -> VelariaError:
    names = list(dict.fromkeys(known))
    near = difflib.get_close_matches(name, names, n=1)
    if not near:  # the key alone, for a name without its section
        near = [full for full in names if full.rpartition(".")[2] == name][:1]
    hint = f"Did you mean {near[0]}?" if near else "docs/reference/configuration.md lists all."
    return VelariaError(codes.BAD_SETTING, f"unknown {what}: {name}", hint=hint)


def _parsed(row: Setting, value: Any, place: str) -> Value:
    """The value in the setting's type and range; texts are read, since flags and environment have
    nothing else."""
    if row.type is list:
        return _texts(row, value, place)
    is_text = isinstance(value, str)
    found: Any = value
    if row.type is bool and is_text:
        found = _BOOLEANS.get(value.lower())
    elif row.type in (int, float) and is_text:
        found = _number(value)
    if row.type is float and isinstance(found, int) and not isinstance(found, bool):
        found = float(found)
    if type(found) is not row.type:
        raise _wrong(row, value, place, f"It is {_TYPE_NAMES[row.type]}.")
    if row.choices and found not in row.choices:
        near = difflib.get_close_matches(str(found), row.choices, n=1)
        meant = f"Did you mean {near[0]}? " if near else ""
        raise _wrong(row, value, place, f"{meant}It is one of {', '.join(row.choices)}.")
    low, high = row.minimum, row.maximum
    if isinstance(found, int | float):
        # Written so that a NaN is refused.
        is_in = (low is None or found >= low) and (high is None or found <= high)
        if not is_in or found != found or abs(found) == float("inf"):
            raise _wrong(row, value, place, f"It is {range_text(row)}.")
    return found


def range_text(row: Setting) -> str:
    """ "from 1 to 60", "from 1 up", one of the choices, or "" when anything goes."""
    if row.choices:
        return ", ".join(row.choices)
    if row.minimum is None and row.maximum is None:
        return "finite" if row.type in (int, float) else ""
    low = f"from {row.minimum:g}" if row.minimum is not None else ""
    high = f"to {row.maximum:.15g}" if row.maximum is not None else "up" if low else ""
    return f"{low} {high}".strip()


def _number(text: str) -> int | float | None:
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return None


def _texts(row: Setting, value: Any, place: str) -> list[str]:
    """A list, or one text with commas between its parts."""
    if isinstance(value, str):
        return [part for part in (part.strip() for part in value.split(",")) if part]
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return list(value)
    raise _wrong(row, value, place, "It is a text or a list of texts.")


def _wrong(row: Setting, value: Any, place: str, hint: str) -> VelariaError:
    told = HIDDEN if row.secret else str(value)[:100]
    return VelariaError(
        codes.BAD_SETTING, f"bad value for {row.name} in {place}: {told}", hint=hint
    )
