"""The protobuf messages of Flight SQL: bytes that others send, and bytes that nobody should."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from velaria.flight_server.flight_sql.messages import (
    CancelStatus,
    EndTransaction,
    TableExistsOption,
    TableNotExistOption,
    is_flight_sql,
    new,
    pack,
    parse,
    unpack,
)
from velaria.schemas import errors as codes
from velaria.schemas.base import COMMAND_BYTES_MAX
from velaria.schemas.errors import VelariaError

PREFIX = b"type.googleapis.com/arrow.flight.protocol.sql."


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes([value])


def field(number: int, value: bytes | int) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def by_hand(name: str, body: bytes = b"") -> bytes:
    return field(1, PREFIX + name.encode()) + (field(2, body) if body else b"")


def refusal(raw: bytes) -> VelariaError:
    with pytest.raises(VelariaError) as caught:
        unpack(raw)
    return caught.value


def test_a_command_built_by_hand_is_read_field_by_field() -> None:
    body = field(1, b"cat") + field(3, b"fl%") + field(4, b"TABLE") + field(4, b"VIEW")
    name, command = unpack(by_hand("CommandGetTables", body + field(5, 1)))
    assert name == "CommandGetTables"
    assert (command.catalog, command.table_name_filter_pattern) == ("cat", "fl%")
    assert list(command.table_types) == ["TABLE", "VIEW"]
    assert command.include_schema is True
    assert not command.HasField("db_schema_filter_pattern")


def test_an_empty_filter_differs_from_none() -> None:
    told = unpack(by_hand("CommandGetDbSchemas", field(1, b"")))[1]
    untold = unpack(by_hand("CommandGetDbSchemas"))[1]
    assert (told.HasField("catalog"), untold.HasField("catalog")) == (True, False)


def test_packed_and_single_repeated_numbers_are_the_same_list() -> None:
    packed = unpack(by_hand("CommandGetSqlInfo", field(1, varint(0) + varint(508))))[1]
    single = unpack(by_hand("CommandGetSqlInfo", field(1, 0) + field(1, 508)))[1]
    assert list(packed.info) == list(single.info) == [0, 508]


def test_what_is_packed_is_what_a_hand_would_write() -> None:
    message = new(
        "ActionEndTransactionRequest", transaction_id=b"tx", action=EndTransaction.ROLLBACK
    )
    body = field(1, b"tx") + field(2, 2)
    assert pack(message) == by_hand("ActionEndTransactionRequest", body)


def test_an_ingest_command_has_its_options_far_out() -> None:
    raw = by_hand(
        "CommandStatementIngest",
        field(1, field(1, 1) + field(2, 2))
        + field(2, b"t")
        + field(5, 1)
        + field(1000, field(1, b"k") + field(2, b"v")),
    )
    command = unpack(raw)[1]
    options = command.table_definition_options
    assert options.if_not_exist == TableNotExistOption.CREATE
    assert options.if_exists == TableExistsOption.APPEND
    assert dict(command.options) == {"k": "v"}
    assert command.temporary and not command.HasField("transaction_id")


def test_a_bare_message_of_flight_is_read_by_its_name() -> None:
    status = parse("CancelFlightInfoResult", field(1, 3)).status
    assert status == CancelStatus.NOT_CANCELLABLE
    value = parse("SessionOptionValue", bytes([3 << 3 | 1]) + (7).to_bytes(8, "little"))
    assert (value.WhichOneof("option_value"), value.int64_value) == ("int64_value", 7)
    assert parse("SessionOptionValue", b"").WhichOneof("option_value") is None


def test_session_options_go_through_a_map() -> None:
    told = new(
        "SetSessionOptionsRequest",
        session_options={"schema": new("SessionOptionValue", string_value="side")},
    )
    read = parse("SetSessionOptionsRequest", told.SerializeToString())
    assert read.session_options["schema"].string_value == "side"


def test_fields_of_a_later_version_are_ignored() -> None:
    raw = by_hand("CommandStatementQuery", field(1, b"SELECT 1") + field(77, b"new"))
    assert unpack(raw)[1].query == "SELECT 1"


@pytest.mark.parametrize("raw", [b"", b"\n", b"\n SELECT 1", b"SELECT 1", b"\x81\xa1a\x01"])
def test_other_bytes_are_not_taken_for_flight_sql(raw: bytes) -> None:
    assert not is_flight_sql(raw)


def test_a_long_made_up_name_is_flight_sql_and_unknown() -> None:
    raw = by_hand("Command" + "X" * 200)
    assert is_flight_sql(raw)
    error = refusal(raw)
    assert error.code == codes.UNSUPPORTED_REQUEST
    assert len(error.message) < 200


@pytest.mark.parametrize(
    "name", ["CommandStatementSubstraitPlan", "ActionCreatePreparedSubstraitPlanRequest"]
)
def test_substrait_is_refused_by_name(name: str) -> None:
    error = refusal(by_hand(name, field(1, field(1, b"\n\x01x"))))
    assert error.code == codes.UNSUPPORTED_REQUEST
    assert "Substrait" in error.message and name in error.message


def test_a_name_with_strange_letters_is_shown_without_them() -> None:
    error = refusal(by_hand("Command\x1b[31m<b>é"))
    assert error.code == codes.UNSUPPORTED_REQUEST
    assert "\x1b" not in error.message and "<" not in error.message


@pytest.mark.parametrize(
    "body",
    [
        b"\x08",  # a key without its value
        field(1, b"SELECT 1")[:-3],  # shorter than it says
        b"\x0a\xff\xff\xff\xff\x0f",  # a length of 4 GiB
        b"\x0b" * 200,  # groups in groups, never closed
        field(1, b"\xff\xfe"),  # text that is not UTF-8
        b"\x00\x01",  # field number 0
    ],
)
def test_damage_is_told_with_a_code(body: bytes) -> None:
    assert refusal(by_hand("CommandStatementQuery", body)).code == codes.BAD_COMMAND


def test_damage_of_the_any_itself_is_told_with_a_code() -> None:
    raw = by_hand("CommandGetTables", field(1, b"cat"))
    for length in range(len(PREFIX) + 2, len(raw)):
        cut = raw[:length]
        assert is_flight_sql(cut)
        # A cut between two fields is a whole message of a shorter name or without a body.
        try:
            unpack(cut)
        except VelariaError as error:
            assert error.code in (codes.BAD_COMMAND, codes.UNSUPPORTED_REQUEST)


def test_an_any_of_another_family_is_refused() -> None:
    raw = field(1, b"type.googleapis.com/google.protobuf.Timestamp") + field(2, field(1, 1))
    assert refusal(raw).code == codes.BAD_COMMAND


def test_a_statement_of_a_megabyte_passes_and_one_beyond_the_limit_does_not() -> None:
    text = "SELECT '" + "x" * 1_000_000 + "'"
    raw = pack(new("CommandStatementQuery", query=text))
    assert unpack(raw)[1].query == text
    big = by_hand("CommandStatementQuery", field(1, b"x" * COMMAND_BYTES_MAX))
    assert refusal(big).code == codes.REQUEST_TOO_LARGE


@given(st.binary(max_size=200))
def test_random_bytes_decode_or_are_refused_with_a_code(body: bytes) -> None:
    for name in ("CommandGetTables", "CommandStatementIngest", "ActionCancelQueryRequest"):
        try:
            unpack(by_hand(name, body))
        except VelariaError as error:
            assert error.code == codes.BAD_COMMAND


@given(st.text(), st.none() | st.binary(), st.booleans())
def test_what_is_packed_is_unpacked(text: str, transaction: bytes | None, flag: bool) -> None:
    told = new("CommandStatementIngest", table=text, transaction_id=transaction, temporary=flag)
    name, read = unpack(pack(told))
    assert (name, read) == ("CommandStatementIngest", told)
    assert read.HasField("transaction_id") == (transaction is not None)
