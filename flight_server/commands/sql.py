"""Run statements and write their rows; without any, a shell. Several are run in order, up to the
first failure, from the command line, a file or a pipe.
"""

import argparse
import contextlib
import sys
from pathlib import Path

from velaria.flight_server.client import Client
from velaria.flight_server.commands.options import add_output, add_server, client_of
from velaria.flight_server.commands.output import refuse_terminal
from velaria.flight_server.commands.script import decoded, read_script, run_pieces
from velaria.flight_server.commands.shell import Shell, run_shell
from velaria.flight_server.commands.shell_commands import Left
from velaria.flight_server.commands.shell_view import View
from velaria.flight_server.commands.statement_texts import pieces_of
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_server(parser)
    add_output(parser)
    parser.add_argument(
        "--param", action="append", metavar="TEXT", help="a value for the next ? of the statement"
    )
    parser.add_argument("-f", "--file", type=Path, metavar="FILE", help="statements of a file")
    parser.add_argument("statement", nargs="?", metavar="SQL", help="- reads it from stdin")


def run(args: argparse.Namespace) -> int:
    if args.file is not None and args.statement is not None:
        raise VelariaError(
            codes.BAD_REQUEST, "statements come from the command line or from a file"
        )
    with client_of(args) as client:
        if args.file is not None:
            run_text(client, read_script(args.file), str(args.file), args.output, args.param)
        elif args.statement not in (None, "-"):
            run_text(client, args.statement, "the command line", args.output, args.param)
        elif args.statement is None and sys.stdin.isatty():
            return run_shell(client, args.output)
        else:
            run_text(client, decoded(sys.stdin.buffer.read()), "stdin", args.output, args.param)
    return 0


def run_text(client: Client, text: str, name: str, fmt: str, params: list[str] | None) -> None:
    """One statement as it is, so that its places are those of the text; several one by one."""
    shell = Shell(client, View(fmt))
    pieces = list(pieces_of(text))
    if len(pieces) <= 1 and not any(piece.is_command for piece in pieces):
        refuse_terminal(fmt)
        shell.run_statement(text, list(params) if params else None)
        return
    if params:
        raise VelariaError(
            codes.BAD_PARAMETER, f"parameters belong to one statement; statements: {len(pieces)}"
        )
    with contextlib.suppress(Left):
        run_pieces(text, name, shell.run)
