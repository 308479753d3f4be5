"""`velaria lane run`: one statement from its text to its rows, and into the run history."""

import argparse
import contextlib
import os
import sys

import pyarrow as pa

import velaria
from velaria.experimental_actor.inputs import fetch_tables, split_statement
from velaria.experimental_actor.lane import open_lane
from velaria.experimental_actor.messages import JobReport
from velaria.experimental_actor.output import write_rows
from velaria.experimental_actor.run_history import RunNotes, record_failures
from velaria.experimental_actor.server_port import Server
from velaria.schemas.errors import VelariaError


def run(args: argparse.Namespace) -> int:
    sql = sys.stdin.read() if args.statement == "-" else args.statement
    notes = RunNotes("lane", sql)
    with (
        velaria.connect(args.server, token=os.environ.get("VELARIA_TOKEN")) as server,
        record_failures(notes, server),
    ):
        table = _rows_of(sql, server, args, notes)
        notes.send(server, "succeeded", table.num_rows)
    write_rows(table, args.output)
    return 0


def _rows_of(sql: str, server: Server, args: argparse.Namespace, notes: RunNotes) -> pa.Table:
    """What cannot be split fails here before Ray is started."""
    with notes.stage("fetch"):
        tables = fetch_tables(server, sql)
    with notes.stage("split"):
        statement = split_statement(sql, tables)
    notes.event(
        "lane.split",
        reason=statement.split.reason,
        fragments=len(statement.split.fragments),
        workers=args.workers,
        transport_mode=args.transport,
    )
    with contextlib.ExitStack() as open_until_merged:
        with notes.stage("start"):
            lane = open_until_merged.enter_context(open_lane(args.workers, args.transport))
        with notes.stage("fragments"):
            began_us = notes.now_us()
            report = lane.run(statement, args.timeout)
            notes.job("fragment", report, began_us)
            raise_failure(report)
        with notes.stage("merge"):
            return statement.merge(lane.partials(report))


def raise_failure(report: JobReport) -> None:
    error = report.error
    if error is not None:
        raise VelariaError(
            error.code,
            error.message,
            detail=error.detail,
            hint=error.hint,
            retry=error.retry,
            line=error.line,
            column=error.column,
        )
