"""GetSqlInfo says what is true: its rows against the specification's enum and the kernel."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pyarrow as pa
import pytest

from velaria._kernel import KernelError, Session
from velaria.flight_server.calls import Call
from velaria.flight_server.flight_sql import sql_info as info
from velaria.flight_server.flight_sql.keywords import KEYWORDS
from velaria.flight_server.flight_sql.messages import new
from velaria.flight_server.flight_sql.prepared import PreparedBook
from velaria.flight_server.flight_sql.schemas import SQL_INFO
from velaria.flight_server.flight_sql.transactions import TransactionBook
from velaria.flight_server.flight_sql.xdbc_types import TYPES, xdbc_types
from velaria.flight_server.options import Options
from velaria.flight_server.service import Service
from velaria.schemas.base import STATEMENT_BYTES_MAX

KEYWORD_LIST = Path(__file__).parents[2] / "engine/src/base/keywords.def"

# What the specification's comments say each number "retrieves", where it is no plain boolean.
TEXT = {0, 1, 2, 6, 7, 504, 513, 514, 529, 530, 531}
INT32 = {8, 100, 101, 522, 525, 526, 528, 533, 534, 535, 538, 540, 564}
INT32 |= set(range(567, 572))
INT64 = set(range(541, 562)) - {556}
INT64 |= {503, 505, 507, 562}  # "int32" there; bigint in all of Arrow's own servers and in JDBC
TEXTS = set(range(508, 513))
MAP = {517}


def kind_of(number: int) -> str:
    kinds = {"text": TEXT, "int32": INT32, "int64": INT64, "texts": TEXTS, "map": MAP}
    return next((kind for kind, numbers in kinds.items() if number in numbers), "bool")


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    session = Session()
    yield session
    session.close()


@pytest.fixture(scope="module")
def service(session: Session) -> Service:
    return cast(Service, SimpleNamespace(session=session, options=Options()))


def told(service: Service, *numbers: int) -> dict[int, Any]:
    command = new("CommandGetSqlInfo", info=numbers)
    table = info.sql_info(service, cast(Call, None), command)
    assert table.schema == SQL_INFO
    table.validate(full=True)
    return dict(zip(table["info_name"].to_pylist(), table["value"].to_pylist(), strict=True))


def test_every_number_of_the_enum_stands_once_and_in_order() -> None:
    numbers = [row.number for row in info.ROWS]
    assert numbers == sorted(set(numbers))
    assert set(numbers) == {*range(12), 100, 101, *range(500, 577)}


def test_every_row_is_of_the_kind_that_the_specification_names() -> None:
    wrong = [row for row in info.ROWS if row.kind != kind_of(row.number)]
    assert not wrong


def test_no_number_is_asked_for_and_all_are_told(service: Service) -> None:
    values = told(service)
    assert list(values) == [row.number for row in info.ROWS]
    assert (values[0], values[2], values[3]) == ("Velaria", pa.__version__, False)


def test_timeouts_are_those_of_the_books_of_handles(service: Service) -> None:
    prepared = PreparedBook(service.options).held
    transactions = TransactionBook(service.session, service.options).held
    assert list(told(service, 100, 101, 558).values()) == [
        prepared._idle_s * 1000,
        transactions._idle_s * 1000,
        service.options.get("limits.prepared_open"),
    ]


def test_rows_come_as_asked_and_unknown_numbers_are_passed_over(service: Service) -> None:
    assert list(told(service, 508, 0, 77_777, 0)) == [508, 0]
    assert told(service, 77_777) == {}


def test_a_driver_reads_the_transaction_support_by_its_type_code(service: Service) -> None:
    command = new("CommandGetSqlInfo", info=[8])
    value = info.sql_info(service, cast(Call, None), command)["value"].chunk(0)
    assert value.type_codes.to_pylist() == [3]
    assert value.field(3).to_pylist() == [2]


def test_keywords_are_those_of_the_grammar() -> None:
    assert list(KEYWORDS) == re.findall(r'"([A-Z_]+)"', KEYWORD_LIST.read_text())


def test_functions_are_the_kernels(service: Service) -> None:
    values = told(service, 509, 510, 511, 512)
    assert "abs" in values[509] and "substr" in values[510] and "regexp_replace" in values[510]
    assert "version" in values[511] and "date_trunc" in values[512]
    known = {f.name for f in service.session.functions()}
    assert all(set(names) <= known for names in values.values())


def runs(session: Session, *statements: str) -> bool:
    connection = session.connect()
    try:
        for sql in statements:
            result = connection.execute(sql)
            if result.schema is not None:
                result.read_all()
    except KernelError as fault:
        assert fault.code.startswith(("VEL2", "VEL3")), fault
        return False
    finally:
        connection.close()
    return True


def test_conversions_are_those_the_kernel_makes(session: Session) -> None:
    for source in info.CONVERT_ORDINALS:
        made = {
            target
            for target in info.CONVERT_ORDINALS
            if runs(session, f"SELECT CAST(CAST(NULL AS {source}) AS {target})")
        }
        assert made == set(info.CONVERTS_TO[source]), source


def test_limits_are_those_of_the_parser(session: Session) -> None:
    longest = "a" * info.IDENTIFIER_CHARS_MAX
    assert runs(session, f"SELECT 1 AS {longest}")
    assert not runs(session, f"SELECT 1 AS {longest}a")
    room = STATEMENT_BYTES_MAX - len("SELECT ''")
    assert runs(session, f"SELECT '{'x' * room}'")
    assert not runs(session, f"SELECT '{'x' * (room + 1)}'")
    items = ["1"] * info.LIST_ITEMS_MAX
    assert runs(session, f"SELECT {', '.join(items)}")
    assert not runs(session, f"SELECT {', '.join([*items, '1'])}")


@pytest.mark.parametrize(
    ("flags", "longest"), [({}, STATEMENT_BYTES_MAX), ({"limits.statement_bytes": "1000"}, 1000)]
)
def test_the_longest_statement_is_what_parser_and_server_both_take(
    session: Session, flags: dict[str, str], longest: int
) -> None:
    lowered = cast(Service, SimpleNamespace(session=session, options=Options(flags)))
    assert told(lowered, 557) == {557: longest}


def test_isolation_levels_are_those_that_begin_takes(session: Session) -> None:
    levels = ["READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"]
    taken = [runs(session, f"BEGIN ISOLATION LEVEL {level}") for level in levels]
    values = {row.number: row.value for row in info.ROWS}
    assert [bool(values[564] >> (bit + 1) & 1) for bit in range(4)] == taken
    assert taken[values[562] - 1]


FEATURES = {
    500: ["CREATE DATABASE d"],
    501: ["CREATE SCHEMA sc_i", "DROP SCHEMA sc_i"],
    502: ["CREATE TABLE t_i (a INT)", "DROP TABLE t_i"],
    515: ["SELECT 1 AS one"],
    518: ["SELECT x.a FROM (SELECT 1 AS a) AS x"],
    520: ["SELECT a FROM (SELECT 1 AS a) x ORDER BY a + 1"],
    521: ["SELECT a FROM (SELECT 1 AS a, 2 AS b) x ORDER BY b"],
    523: ["SELECT 'a' LIKE 'a' ESCAPE '!'"],
    524: ["CREATE TEMP TABLE t_n (a INT NOT NULL)"],
    527: ["CREATE TABLE t_p (a INT PRIMARY KEY)", "CREATE TABLE t_f (a INT REFERENCES t_p)"],
    536: ["CREATE TEMP TABLE t_u (a INT)", "SELECT a FROM t_u FOR UPDATE"],
    537: ["CALL f()"],
    539: ["SELECT 1 FROM (SELECT 1 AS a) x WHERE EXISTS (SELECT 1 WHERE a = 1)"],
    563: ["BEGIN", "COMMIT"],
    573: ["BEGIN", "SAVEPOINT s", "ROLLBACK TO s", "COMMIT"],
}


@pytest.mark.parametrize("number", FEATURES)
def test_a_feature_is_told_as_the_kernel_takes_it(session: Session, number: int) -> None:
    (row,) = (row for row in info.ROWS if row.number == number)
    assert runs(session, *FEATURES[number]) is row.value, row.name


def test_nulls_stand_at_the_end_in_both_orders(session: Session) -> None:
    for order in ("", " DESC"):
        rows = session.execute(f"SELECT * FROM (VALUES (1), (NULL)) v(a) ORDER BY a{order}")
        assert rows.read_all()["a"].to_pylist() == [1, None]


def test_names_keep_and_find_their_case_as_told(session: Session) -> None:
    values = {row.number: row.value for row in info.ROWS}
    lowercase, case_insensitive = 3, 1
    names = session.execute('SELECT 1 AS Plain, 2 AS "Quoted"').read_all().column_names
    assert (values[503], names[0]) == (lowercase, "plain")
    assert (values[505], names[1]) == (case_insensitive, "Quoted")
    assert runs(session, 'CREATE TABLE "Mixed" ("Col" INT)', 'SELECT "COL" FROM mIXED')


# The kernel's spelling of a type that has parameters.
SPELLED = {
    "LIST": "INTEGER[]",
    "ARRAY": "INTEGER[3]",
    "VECTOR": "VECTOR(3)",
    "STRUCT": "STRUCT(a INTEGER)",
    "MAP": "MAP(INTEGER, INTEGER)",
}


@pytest.mark.parametrize("row", TYPES, ids=lambda row: row.name)
def test_a_type_is_one_of_the_kernels(session: Session, row: Any) -> None:
    assert runs(session, f"SELECT CAST(NULL AS {SPELLED.get(row.name, row.name)})")


def xdbc(service: Service, **fields: int) -> list[dict[str, Any]]:
    command = new("CommandGetXdbcTypeInfo", **fields)
    table = xdbc_types(service, cast(Call, None), command)
    table.validate(full=True)
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def test_types_are_ordered_by_code_and_name_and_filtered_by_code(service: Service) -> None:
    rows = xdbc(service)
    keys = [(row["data_type"], row["type_name"]) for row in rows]
    assert keys == sorted(keys) and len(keys) == len(TYPES)
    assert [row["type_name"] for row in xdbc(service, data_type=-5)] == ["BIGINT", "UBIGINT"]
    assert xdbc(service, data_type=12345) == []
    assert [row["type_name"] for row in xdbc(service, data_type=0)]


def test_a_moment_has_the_generic_code_and_its_subcode(service: Service) -> None:
    (date,) = xdbc(service, data_type=91)
    assert (date["sql_data_type"], date["datetime_subcode"]) == (9, 1)
    (decimal,) = xdbc(service, data_type=3)
    assert (decimal["create_params"], decimal["maximum_scale"]) == (["precision", "scale"], 38)
    assert (decimal["datetime_subcode"], decimal["sql_data_type"]) == (None, 3)
