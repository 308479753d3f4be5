"""Streaming queries of a server: start, list, progress, watch, stop, and end a stream's input."""

import argparse
import itertools

from velaria.flight_server.commands.options import add_output, add_server, client_of
from velaria.flight_server.commands.output import print_columns, write_json_lines, write_live_rows


def add_arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    start = verbs.add_parser("start", help="start a streaming query")
    start.add_argument("--name", help="a name to call it by (default its id)")
    start.add_argument("--delivery-mode", metavar="MODE", help="best-effort or at-least-once")
    start.add_argument("sql", metavar="SQL", help="SELECT from a stream, or INSERT from one")
    watch = verbs.add_parser("watch", help="write the batches a query emits")
    add_output(watch, default="json")
    stop = verbs.add_parser("stop", help="end a query")
    stop.add_argument("--now", action="store_true", help="leave what has come in unread")
    for name, summary in (("progress", "all progress fields"), ("list", "all queries")):
        add_server(verbs.add_parser(name, help=summary))
    end = verbs.add_parser("end-input", help="log the end of a stream's input")
    end.add_argument("stream", metavar="STREAM", help="the stream's name")
    for verb in (start, watch, stop, end):
        add_server(verb)
    for verb in (watch, stop, verbs.choices["progress"]):
        verb.add_argument("query", metavar="QUERY", help="a query's id or name")


def run(args: argparse.Namespace) -> int:
    with client_of(args) as client:
        if args.verb == "start":
            handle = client.start_stream(args.sql, args.name, args.delivery_mode)
            write_json_lines([{"query_id": handle.query_id, "name": handle.name}])
        elif args.verb == "watch":
            batches = client.subscribe(args.query)
            for first in batches:
                write_live_rows(itertools.chain([first], batches), first.schema, args.output)
        elif args.verb == "stop":
            mode = "now" if args.now else "drain"
            write_json_lines([client.action("stream.stop", query_id=args.query, mode=mode)])
        elif args.verb == "progress":
            write_json_lines([client.action("stream.progress", query_id=args.query)])
        elif args.verb == "end-input":
            client.action("stream.end_input", stream=args.stream)
        else:
            streams = client.action("stream.list")["streams"]
            rows = [[s["query_id"], s["name"], s["status"], s["sql"]] for s in streams]
            print_columns(["query_id", "name", "status", "sql"], rows)
    return 0
