"""Run the server until SIGTERM. Logs go to stderr; one line of JSON on stdout says: ready."""

import argparse
import logging
import os
import sys
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import structlog

from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

DSN_VARIABLE = "VELARIA_POSTGRES_DSN"


class Config(msgspec.Struct):
    """The keys of a config file and what each may hold."""

    listen: list[str] | str = []
    side: str = ""
    data_dir: str = ""
    memory: bool = False
    allow_path: list[str] | str = []
    postgres: str = ""
    threads: Annotated[int, msgspec.Meta(ge=1)] = 1
    insecure: bool = False
    log: Literal["text", "json"] = "text"


CONFIG_KEYS = frozenset(Config.__struct_fields__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--listen",
        action="append",
        metavar="URI",
        help="grpc://HOST:PORT or grpc+unix://PATH; may be given again (default grpc://127.0.0.1:31337)",
    )
    parser.add_argument(
        "--side", metavar="HOST:PORT", help="health and reflection (default 127.0.0.1:0)"
    )
    store = parser.add_mutually_exclusive_group()
    store.add_argument("--data-dir", type=Path, metavar="DIR", help="run history and sockets")
    store.add_argument(
        "--memory", action="store_true", help="a private folder that goes at the end"
    )
    parser.add_argument(
        "--allow-path",
        action="append",
        type=Path,
        metavar="DIR",
        help="files below DIR may be read by SQL; may be given again",
    )
    parser.add_argument(
        "--postgres",
        metavar="embedded|none|DSN",
        help=f"where the run history goes (default ${DSN_VARIABLE}, else embedded)",
    )
    parser.add_argument(
        "--threads", type=thread_count, metavar="N", help="worker threads (default all cores)"
    )
    parser.add_argument(
        "--insecure",
        action="store_true",
        help="allow listeners off loopback, without authentication",
    )
    parser.add_argument("--log", choices=("text", "json"), help="how logs look (default text)")
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="TOML with the same option names"
    )


def run(args: argparse.Namespace) -> int:
    options = merged(vars(args), read_config(args.config) if args.config else {})
    configure_logs(options.pop("log"))
    from velaria.flight_server.running import ServeOptions, run_until_signal

    run_until_signal(ServeOptions(**options))
    return 0


def read_config(path: Path) -> dict[str, Any]:
    try:
        told = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as fault:
        raise VelariaError(codes.BAD_SETTING, f"the config file cannot be read: {fault}") from None
    unknown = sorted(set(told) - CONFIG_KEYS)
    if unknown:
        raise VelariaError(
            codes.BAD_SETTING,
            f"unknown key in the config file: {unknown[0]}",
            detail=f"keys: {', '.join(sorted(CONFIG_KEYS))}",
        )
    try:
        msgspec.convert(told, Config)
    except msgspec.ValidationError as fault:
        raise VelariaError(codes.BAD_SETTING, f"bad value in the config file: {fault}") from None
    return {key: [told[key]] if _is_one(key, told[key]) else told[key] for key in told}


def _is_one(key: str, value: Any) -> bool:
    """One text where a list may stand: a list of one."""
    return key in ("listen", "allow_path") and isinstance(value, str)


def thread_count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"not a number of threads from 1 up: {text}")
    return int(text)


def merged(arguments: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    """Command line before config file before default."""

    def pick(name: str, default: Any) -> Any:
        said = arguments.get(name)
        return said if said not in (None, False) else config.get(name, default)

    data_dir = arguments.get("data_dir")
    if data_dir is None and not arguments.get("memory") and not config.get("memory"):
        data_dir = config.get("data_dir")
    return {
        "listen": pick("listen", ["grpc://127.0.0.1:31337"]),
        "side": pick("side", "127.0.0.1:0"),
        "data_dir": Path(data_dir) if data_dir else None,
        "allow_path": [Path(path) for path in pick("allow_path", [])],
        "postgres": pick("postgres", os.environ.get(DSN_VARIABLE) or "embedded"),
        "threads": pick("threads", None),
        "insecure": pick("insecure", False),
        "log": pick("log", "text"),
    }


def configure_logs(style: str) -> None:
    renderer: Any = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    if style == "json":
        renderer = structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
