"""The three ways to say a thing, and what happens to bytes that say none."""

import datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from velaria.flight_server.forms import (
    PARAMETER_DEPTH_MAX,
    check_parameters,
    parse_descriptor,
    parse_ticket,
)
from velaria.schemas.base import COMMAND_BYTES_MAX
from velaria.schemas.errors import VelariaError
from velaria.schemas.tickets import IngestCommand, QueryCommand, SubscribeCommand

pack = msgspec.msgpack.encode


def refusal(raw: bytes) -> str:
    with pytest.raises(VelariaError) as caught:
        parse_ticket(raw)
    return caught.value.code


def test_text_is_a_statement() -> None:
    assert parse_descriptor("SELECT 'ü'".encode()) == QueryCommand(sql="SELECT 'ü'")


def test_a_leading_newline_is_still_text() -> None:
    assert parse_descriptor(b"\n SELECT 1") == QueryCommand(sql="\n SELECT 1")


def test_empty_bytes_are_an_empty_statement() -> None:
    assert parse_ticket(b"") == QueryCommand(sql="")


@pytest.mark.parametrize(
    ("told", "command"),
    [
        (
            {"type": "query", "sql": "SELECT ?", "params": [1]},
            QueryCommand(sql="SELECT ?", params=[1]),
        ),
        ({"type": "subscribe", "query_id": "q"}, SubscribeCommand(query_id="q")),
        ({"type": "ingest", "table": "t"}, IngestCommand(table="t", mode="append")),
    ],
)
def test_a_map_is_the_command_its_type_names(told: dict[str, Any], command: object) -> None:
    assert parse_descriptor(pack(told)) == command


@pytest.mark.parametrize(
    "raw",
    [
        pack({"type": "no.such.command"}),
        pack({"sql": "SELECT 1"}),
        pack({"type": "query"}),
        pack({"type": "query", "sql": 7}),
        pack({"type": "query", "sql": "SELECT 1", "nope": 1}),
        pack({"type": "query", "sql": "SELECT 1"}) + b"zzz",
        pack({"type": "query", "sql": "SELECT 1"})[:-3],
        b"\x82\xa4type\xa5query\xa3sql\xa2\xff\xfe",
        b"\x82\xa4type\xa5query\xa6params" + b"\x91" * 100_000 + b"\xc0",
        b"\xdf\xff\xff\xff\xff",
        bytes(range(128, 256)),
        pack({"type": "ingest", "table": ""}),
        pack({"type": "ingest", "table": "t" * 2_000}),
        pack({"type": "ingest", "table": "t", "mode": "upsert"}),
    ],
)
def test_a_map_that_is_no_command_is_refused_as_one(raw: bytes) -> None:
    with pytest.raises(VelariaError) as caught:
        parse_descriptor(raw)
    assert caught.value.code == "VEL1003"


def test_bytes_that_are_no_text_are_refused() -> None:
    assert refusal(b"SELECT '\xff\xfe'") == "VEL1001"


def test_oversized_bytes_are_refused_before_they_are_looked_at() -> None:
    assert refusal(b" " * (COMMAND_BYTES_MAX + 1)) == "VEL1004"


@given(st.binary(max_size=200))
def test_any_bytes_give_a_command_or_a_typed_refusal(raw: bytes) -> None:
    for parse in (parse_descriptor, parse_ticket):
        try:
            parse(raw)
        except VelariaError as error:
            assert error.code.startswith("VEL1")


def nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = [value]
    return value


def test_parameters_are_scalars_lists_and_structs() -> None:
    now = datetime.datetime.now(datetime.UTC)
    check_parameters([None, True, 1, 1.5, "x", b"y", now])
    check_parameters([[1, None], [["x"], []], {"a": 1, "b": [now]}, nested(PARAMETER_DEPTH_MAX)])
    for refused in (
        nested(PARAMETER_DEPTH_MAX + 1),
        {1: 2},
        [msgspec.msgpack.Ext(1, b"")],
        {"a": {2: 3}},
    ):
        with pytest.raises(VelariaError, match="parameter 2") as caught:
            check_parameters([1, refused])
        assert caught.value.code == "VEL1006"
