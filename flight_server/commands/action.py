"""Call any action with a JSON object as its command; the reply is written as JSON."""

import argparse

import msgspec

from velaria.flight_server.commands.options import add_server, client_of
from velaria.flight_server.commands.output import print_columns, write_json_lines
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_server(parser)
    parser.add_argument("name", nargs="?", metavar="NAME", help="none: list all actions")
    parser.add_argument("command", nargs="?", default="{}", metavar="JSON", help="default {}")


def run(args: argparse.Namespace) -> int:
    with client_of(args) as client:
        if args.name is None:
            print_columns(["action", "what it does"], [list(pair) for pair in client.actions()])
            return 0
        try:
            fields = msgspec.json.decode(args.command, type=dict[str, object])
        except msgspec.DecodeError as fault:
            raise VelariaError(
                codes.BAD_COMMAND, f"the command is not a JSON object: {fault}"
            ) from None
        write_json_lines([client.action(args.name, **fields)])
    return 0
