"""Explain a statement: logical, physical, strategy. With --analyze it is run, and each operator has
its rows, time and memory.
"""

import argparse

from velaria.flight_server.commands.options import add_server, client_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_server(parser)
    parser.add_argument(
        "--analyze", action="store_true", help="run the statement, with all that it changes"
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help="(default text)")
    parser.add_argument("sql", metavar="SQL", help="one statement")


def run(args: argparse.Namespace) -> int:
    with client_of(args) as client:
        if args.analyze or args.format == "json":
            analyze = "ANALYZE, " if args.analyze else ""
            result = client.sql(f"EXPLAIN ({analyze}FORMAT {args.format}) {args.sql}")
            print(result.to_arrow()["text"][0].as_py().rstrip())
            return 0
        told = client.explain(args.sql)
    for section in ("logical", "physical", "strategy"):
        print(f"{section}:\n{getattr(told, section).rstrip()}\n")
    return 0
