"""The command `velaria`: finds the sub-command's file, runs it, and turns failures into exit codes.

The exit code is 0, or the thousands digit of the failure's code (2 for VEL2012). Results go to
stdout, everything else to stderr.
"""

import argparse
import contextlib
import importlib
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

COMMANDS = {
    "serve": "run the server",
    "sql": "run statements against a server, or open a shell",
    "put": "send a file's rows to a table",
    "stream": "start, list, watch and stop streaming queries",
    "explain": "explain a statement",
    "runs": "show the run history",
    "tables": "list tables, views and streams",
    "action": "call any action of a server",
    "lane": "run statements through the actor lane",
    "demo": "show the main features on real data",
    "token": "make, list and revoke what clients identify themselves by",
    "doctor": "check this installation, and a server",
}
"""One file under commands/ each, with add_arguments(parser) and run(args) -> exit code."""

PASSED_THROUGH = frozenset({"lane", "demo"})
"""Commands whose arguments are parsed by somebody else."""

HANDLES_INTERRUPTS = frozenset({"serve", "lane", "demo"})
"""Commands that have something to put in order when they are interrupted."""

FILE_IO = "VEL4003"
REQUEST_FAULT = 1
INTERRUPTED = 130


class _Parser(argparse.ArgumentParser):
    """A wrong command line is a request's fault, so it ends with that range's exit code."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(REQUEST_FAULT, f"{self.prog}: error: {message}\n")


def main(argv: Sequence[str] | None = None) -> int:
    words = list(sys.argv[1:] if argv is None else argv)
    name = words[0] if words else ""
    if name not in COMMANDS:
        return _top_level(words)
    if name == "serve" and argv is None:
        # Only as the program itself: a program that calls main() keeps its allocator as it is.
        from velaria.flight_server.freed_memory import keep_freed_memory

        keep_freed_memory()
    if argv is None:
        # Python's own handler waits for the call into gRPC to return, which may be hours. The
        # server sees the connection go and cancels what the call started. And an import that is
        # interrupted would end in a traceback.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    module = importlib.import_module(f"velaria.flight_server.commands.{name}")
    importlib.import_module("velaria.flight_server.errors")
    if name in HANDLES_INTERRUPTS and argv is None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if name in PASSED_THROUGH:
        return _guarded(module.run, words[1:])
    parser = _Parser(prog=f"velaria {name}", description=module.__doc__)
    module.add_arguments(parser)
    return _guarded(module.run, parser.parse_args(words[1:]))


def _top_level(words: list[str]) -> int:
    listing = "\n".join(f"  {name:<8} {summary}" for name, summary in COMMANDS.items())
    parser = _Parser(
        prog="velaria",
        usage="velaria COMMAND [OPTIONS]",
        epilog=f"commands:\n{listing}\n\nvelaria COMMAND --help tells more.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="print the version")
    parser.add_argument("command", nargs="?", metavar="COMMAND")
    args = parser.parse_args(words)
    if args.version:
        from velaria import __version__

        print(f"velaria {__version__}")
        return 0
    if args.command:
        parser.error(f"no such command: {args.command}")
    parser.print_help()
    return REQUEST_FAULT


def _guarded(run: object, argument: object) -> int:
    """Run a command; a coded failure is printed with its caret and becomes the exit code."""
    from velaria._kernel import KernelError
    from velaria.flight_server.errors import as_velaria_error, error_text
    from velaria.schemas.errors import VelariaError

    assert callable(run)
    try:
        status = int(run(argument))
        sys.stdout.flush()
        return status
    except (VelariaError, KernelError) as fault:
        error = as_velaria_error(fault)
        print(error_text(error), file=sys.stderr)
        return int(error.code[3])
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except OSError as fault:
        print(f"{FILE_IO} a file cannot be read or written: {fault}", file=sys.stderr)
        with contextlib.suppress(OSError):
            sys.stdout.close()
        return int(FILE_IO[3])
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
