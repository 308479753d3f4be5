"""Options that several commands share."""

import argparse

from velaria.flight_server.client import DEFAULT_URI, Client, check_timeout, connect
from velaria.flight_server.commands.output import FORMATS
from velaria.schemas.errors import VelariaError


def add_server(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--server", default=DEFAULT_URI, metavar="URI", help=f"the server (default {DEFAULT_URI})"
    )
    parser.add_argument("--timeout", type=seconds, metavar="S", help="seconds a call may take")


def add_output(parser: argparse.ArgumentParser, default: str = "table") -> None:
    parser.add_argument(
        "--output",
        choices=FORMATS,
        default=default,
        help=f"how rows are written (default {default})",
    )


def seconds(text: str) -> float:
    """A time to wait."""
    try:
        value = float(text)
        check_timeout(value)
    except (ValueError, VelariaError):
        raise argparse.ArgumentTypeError(f"not a number of seconds above 0: {text}") from None
    return value


def client_of(args: argparse.Namespace) -> Client:
    return connect(args.server, args.timeout)
