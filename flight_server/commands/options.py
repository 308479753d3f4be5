"""Options that several commands share."""

import argparse

from velaria.flight_server.client import DEFAULT_URI, Client, connect
from velaria.flight_server.commands.output import FORMATS


def add_server(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--server", default=DEFAULT_URI, metavar="URI", help=f"the server (default {DEFAULT_URI})"
    )
    parser.add_argument("--timeout", type=float, metavar="S", help="seconds a call may take")


def add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--output", choices=FORMATS, default="table", help="how rows are written (default table)"
    )


def client_of(args: argparse.Namespace) -> Client:
    return connect(args.server, args.timeout)
