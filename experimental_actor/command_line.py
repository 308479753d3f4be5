"""Run statements on worker processes, and measure how data gets to them.

Exit codes are those of `velaria`: 0, or the thousands digit of the failure's code.
"""

import argparse
import signal
import sys
from typing import NoReturn

from velaria._kernel import KernelError
from velaria.experimental_actor import bench_command, run_command
from velaria.experimental_actor.messages import SHARED_MEMORY, TRANSPORTS
from velaria.experimental_actor.output import FORMATS
from velaria.schemas.errors import VelariaError

DEFAULT_URI = "grpc://127.0.0.1:31337"
WORKERS_MAX = 64
ROUNDS_MAX = 100_000

REQUEST_FAULT = 1
INTERRUPTED = 130


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(REQUEST_FAULT, f"{self.prog}: error: {message}\n")


def main(words: list[str]) -> int:
    args = _parser().parse_args(words)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return int(args.command(args))
    except (VelariaError, KernelError) as fault:
        _print_error(fault)
        return int(fault.code[3])
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except KeyboardInterrupt:
        return INTERRUPTED


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _print_error(fault: VelariaError | KernelError) -> None:
    lines = [f"{fault.code} {fault.message}", fault.caret, fault.detail]
    if fault.hint:
        lines.append(f"hint: {fault.hint}")
    print("\n".join(filter(None, lines)), file=sys.stderr)


def _parser() -> _Parser:
    parser = _Parser(prog="velaria lane", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="run one aggregate query on several workers")
    run.add_argument(
        "--server", default=DEFAULT_URI, metavar="URI", help=f"the server (default {DEFAULT_URI})"
    )
    run.add_argument("--workers", type=_worker_count, default=2, metavar="N", help="default 2")
    run.add_argument(
        "--transport",
        choices=TRANSPORTS,
        default=SHARED_MEMORY,
        help=f"how tables get to the workers (default {SHARED_MEMORY})",
    )
    run.add_argument("--timeout", type=float, metavar="S", help="seconds the job may take")
    run.add_argument("--output", choices=FORMATS, default="table", help="default table")
    run.add_argument("statement", metavar="SQL", help="- reads it from stdin")
    run.set_defaults(command=run_command.run)
    bench = commands.add_parser("bench", help="measure how orders and tables get to a worker")
    bench.add_argument("--server", metavar="URI", help="record the figures in its run history")
    bench.add_argument(
        "--rounds", type=_round_count, default=1000, metavar="N", help="no-ops (default 1000)"
    )
    bench.add_argument("--output", choices=("table", "json"), default="table", help="default table")
    bench.set_defaults(command=bench_command.run)
    return parser


def _worker_count(text: str) -> int:
    return _count(text, WORKERS_MAX)


def _round_count(text: str) -> int:
    return _count(text, ROUNDS_MAX)


def _count(text: str, most: int) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"must be 1 to {most}: {text}")
    return int(text)
