"""Run the server until SIGTERM. Logs go to stderr; one line of JSON on stdout says: ready."""

import argparse
import os
from pathlib import Path
from typing import Any

from velaria.flight_server.grpc_polling import keep_grpc_silent, wait_where_calls_run
from velaria.flight_server.logs import configure_logs
from velaria.flight_server.options import CONFIG_VARIABLE, Options, range_text
from velaria.flight_server.settings import SETTINGS, Setting
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config",
        metavar="FILE",
        help=f"TOML with sections of settings (environment {CONFIG_VARIABLE})",
    )
    store = parser.add_mutually_exclusive_group()
    for row in SETTINGS:
        if row.flag is not None:
            target = store if row.name == "server.data_dir" else parser
            target.add_argument(row.flag, **_argument(row))
    store.add_argument(
        "--memory",
        action="store_const",
        const="",
        dest="server.data_dir",
        help="a private folder that goes at the end: no --data-dir, whatever the file says",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any other setting by its name; may be given again",
    )


def _argument(row: Setting) -> dict[str, Any]:
    """How argparse takes a setting: as text, since Options reads and checks it."""
    notes = [f"default {_default_text(row)}", f"environment {row.variable}"]
    told: dict[str, Any] = {"dest": row.name, "default": None}
    if row.type is bool:
        told["action"] = argparse.BooleanOptionalAction
    else:
        told["metavar"] = row.metavar or "|".join(row.choices) or "VALUE"
    if row.type is list:
        told["action"] = "append"
        notes.insert(0, "may be given again")
    if range_text(row) and not row.choices:
        notes.insert(0, range_text(row))
    told["help"] = f"{row.summary.rstrip('.')} ({'; '.join(notes)})".replace("%", "%%")
    return told


def _default_text(row: Setting) -> str:
    if isinstance(row.default, list):
        return " ".join(row.default) or "none"
    if row.type is bool:
        return "yes" if row.default else "no"
    return "none" if row.default in (None, "") else str(row.default)


def run(args: argparse.Namespace) -> int:
    options = options_of(args, dict(os.environ))
    from velaria.flight_server.limits.memory import bound_pool, cap_bytes

    bound_pool(cap_bytes(options.get("limits.memory_bytes")))
    wait_where_calls_run()
    keep_grpc_silent()
    configure_logs(options)
    from velaria.flight_server.running import run_until_signal

    run_until_signal(options)
    return 0


def options_of(args: argparse.Namespace, environ: dict[str, str]) -> Options:
    """VEL1007 for what is wrong in any source."""
    flags = {
        row.name: value for row in SETTINGS if (value := getattr(args, row.name, None)) is not None
    }
    for text in args.set:
        name, is_pair, value = text.partition("=")
        if not is_pair:
            raise VelariaError(
                codes.BAD_SETTING,
                f"not NAME=VALUE: {text}",
                hint="As in --set tickets.lifetime_s=600.",
            )
        flags[name] = value
    config = args.config or environ.get(CONFIG_VARIABLE)
    return Options(flags, environ, Path(config) if config else None)
