"""Explain a statement without running it: logical, physical, strategy."""

import argparse

from velaria.flight_server.commands.options import add_server, client_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_server(parser)
    parser.add_argument("sql", metavar="SQL", help="one statement")


def run(args: argparse.Namespace) -> int:
    with client_of(args) as client:
        told = client.explain(args.sql)
    for section in ("logical", "physical", "strategy"):
        print(f"{section}:\n{getattr(told, section).rstrip()}\n")
    return 0
