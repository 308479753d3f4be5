"""CommandGetSqlInfo: what this server and its SQL can do, one row per number of the SqlInfo enum.

Names, kinds and meanings are those of Arrow's FlightSql.proto; an `int32` is an ordinal of the
enum that the proto names, or a mask of the bits `1 << ordinal`. Five rows follow what Arrow's
servers send and its JDBC driver casts to instead of the proto's comments: the ordinals 503, 505,
507 and 562 are `int64`, and 528 is a mask. A maximum of 0 means that there is no limit of its
own. What follows from the kernel at run time is a function of the Service.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import pyarrow as pa

from velaria._kernel import __version__ as kernel_version
from velaria.flight_server.calls import Call
from velaria.flight_server.flight_sql.keywords import KEYWORDS
from velaria.flight_server.flight_sql.metadata import PATTERN_ESCAPE
from velaria.flight_server.flight_sql.prepared import PREPARED_IDLE_S
from velaria.flight_server.flight_sql.schemas import SQL_INFO, SQL_INFO_VALUE
from velaria.flight_server.flight_sql.transactions import TRANSACTION_IDLE_S
from velaria.flight_server.service import Service

_KINDS = {"text": 0, "bool": 1, "int64": 2, "int32": 3, "texts": 4, "map": 5}
"""Which child of the union a value of that kind is."""

IDENTIFIER_CHARS_MAX = 1024
LIST_ITEMS_MAX = 16384
"""The limits of the kernel's parser; tests/unit/test_server_flight_sql_info.py tries them."""


class Row(NamedTuple):
    number: int
    name: str
    kind: str
    value: Any


def _bits(*ordinals: int) -> int:
    return sum(1 << ordinal for ordinal in ordinals)


def _functions(*groups: str) -> Callable[[Service], list[str]]:
    def names(service: Service) -> list[str]:
        return sorted({f.name for f in service.session.functions() if f.group in groups})

    return names


def _statement_bytes_max(service: Service) -> int:
    longest: int = service.options.get("limits.statement_bytes")
    return longest


# SqlSupportsConvert by the kernel's type of that name.
CONVERT_ORDINALS: dict[str, tuple[int, ...]] = {
    "BIGINT": (0,),
    "BLOB": (1, 10, 18),  # BINARY, LONGVARBINARY, VARBINARY
    "BOOLEAN": (2,),
    "VARCHAR": (3, 11, 19),  # CHAR, LONGVARCHAR, VARCHAR
    "DATE": (4,),
    "DECIMAL": (5, 12),  # DECIMAL, NUMERIC
    "DOUBLE": (6,),
    "INTEGER": (7,),
    "INTERVAL": (8, 9),  # DAY_TIME, YEAR_MONTH
    "REAL": (13,),
    "SMALLINT": (14,),
    "TIME": (15,),
    "TIMESTAMP": (16,),
    "TINYINT": (17,),
}
_NUMBERS = ("BIGINT", "BOOLEAN", "DECIMAL", "DOUBLE", "INTEGER", "REAL", "SMALLINT", "TINYINT")
CONVERTS_TO: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(_NUMBERS, (*_NUMBERS, "VARCHAR")),
    "BLOB": ("BLOB", "VARCHAR"),
    "VARCHAR": tuple(CONVERT_ORDINALS),
    "DATE": ("DATE", "TIMESTAMP", "VARCHAR"),
    "INTERVAL": ("INTERVAL", "VARCHAR"),
    "TIME": ("TIME", "VARCHAR"),
    "TIMESTAMP": ("DATE", "TIME", "TIMESTAMP", "VARCHAR"),
}


def _conversions() -> list[tuple[int, list[int]]]:
    told = []
    for source, targets in CONVERTS_TO.items():
        ordinals = sorted(o for target in targets for o in CONVERT_ORDINALS[target])
        told += [(ordinal, ordinals) for ordinal in CONVERT_ORDINALS[source]]
    return sorted(told)


ROWS: tuple[Row, ...] = (
    Row(0, "FLIGHT_SQL_SERVER_NAME", "text", "Velaria"),
    Row(1, "FLIGHT_SQL_SERVER_VERSION", "text", kernel_version),
    Row(2, "FLIGHT_SQL_SERVER_ARROW_VERSION", "text", pa.__version__),
    Row(3, "FLIGHT_SQL_SERVER_READ_ONLY", "bool", False),
    Row(4, "FLIGHT_SQL_SERVER_SQL", "bool", True),
    Row(5, "FLIGHT_SQL_SERVER_SUBSTRAIT", "bool", False),
    Row(6, "FLIGHT_SQL_SERVER_SUBSTRAIT_MIN_VERSION", "text", ""),
    Row(7, "FLIGHT_SQL_SERVER_SUBSTRAIT_MAX_VERSION", "text", ""),
    Row(8, "FLIGHT_SQL_SERVER_TRANSACTION", "int32", 2),  # with savepoints
    Row(9, "FLIGHT_SQL_SERVER_CANCEL", "bool", True),
    Row(10, "FLIGHT_SQL_SERVER_BULK_INGESTION", "bool", True),
    Row(11, "FLIGHT_SQL_SERVER_INGEST_TRANSACTIONS_SUPPORTED", "bool", True),
    Row(100, "FLIGHT_SQL_SERVER_STATEMENT_TIMEOUT", "int32", int(PREPARED_IDLE_S * 1000)),
    Row(101, "FLIGHT_SQL_SERVER_TRANSACTION_TIMEOUT", "int32", int(TRANSACTION_IDLE_S * 1000)),
    Row(500, "SQL_DDL_CATALOG", "bool", False),
    Row(501, "SQL_DDL_SCHEMA", "bool", True),
    Row(502, "SQL_DDL_TABLE", "bool", True),
    # Names are found without regard to case; kept in lower case without quotes, as written in them.
    Row(503, "SQL_IDENTIFIER_CASE", "int64", 3),
    Row(504, "SQL_IDENTIFIER_QUOTE_CHAR", "text", '"'),
    Row(505, "SQL_QUOTED_IDENTIFIER_CASE", "int64", 1),
    Row(506, "SQL_ALL_TABLES_ARE_SELECTABLE", "bool", False),  # a sink is not
    Row(507, "SQL_NULL_ORDERING", "int64", 3),  # at the end, ascending and descending
    Row(508, "SQL_KEYWORDS", "texts", list(KEYWORDS)),
    Row(509, "SQL_NUMERIC_FUNCTIONS", "texts", _functions("numeric")),
    Row(510, "SQL_STRING_FUNCTIONS", "texts", _functions("text", "regex")),
    Row(511, "SQL_SYSTEM_FUNCTIONS", "texts", _functions("system", "conditional")),
    Row(512, "SQL_DATETIME_FUNCTIONS", "texts", _functions("date")),
    Row(513, "SQL_SEARCH_STRING_ESCAPE", "text", PATTERN_ESCAPE),
    Row(514, "SQL_EXTRA_NAME_CHARACTERS", "text", "$"),
    Row(515, "SQL_SUPPORTS_COLUMN_ALIASING", "bool", True),
    Row(516, "SQL_NULL_PLUS_NULL_IS_NULL", "bool", True),
    Row(517, "SQL_SUPPORTS_CONVERT", "map", _conversions()),
    Row(518, "SQL_SUPPORTS_TABLE_CORRELATION_NAMES", "bool", True),
    Row(519, "SQL_SUPPORTS_DIFFERENT_TABLE_CORRELATION_NAMES", "bool", False),
    Row(520, "SQL_SUPPORTS_EXPRESSIONS_IN_ORDER_BY", "bool", True),
    Row(521, "SQL_SUPPORTS_ORDER_BY_UNRELATED", "bool", True),
    Row(522, "SQL_SUPPORTED_GROUP_BY", "int32", _bits(0, 1)),  # unrelated, beyond select
    Row(523, "SQL_SUPPORTS_LIKE_ESCAPE_CLAUSE", "bool", True),
    Row(524, "SQL_SUPPORTS_NON_NULLABLE_COLUMNS", "bool", True),
    # The core grammar of ODBC has GRANT, and so has SQL-92 at entry level; both have foreign keys.
    Row(525, "SQL_SUPPORTED_GRAMMAR", "int32", _bits(0)),  # minimum
    Row(526, "SQL_ANSI92_SUPPORTED_LEVEL", "int32", 0),
    Row(527, "SQL_SUPPORTS_INTEGRITY_ENHANCEMENT_FACILITY", "bool", False),
    Row(528, "SQL_OUTER_JOINS_SUPPORT_LEVEL", "int32", _bits(1, 2)),  # limited, full
    Row(529, "SQL_SCHEMA_TERM", "text", "schema"),
    Row(530, "SQL_PROCEDURE_TERM", "text", ""),
    Row(531, "SQL_CATALOG_TERM", "text", "database"),
    Row(532, "SQL_CATALOG_AT_START", "bool", True),
    Row(533, "SQL_SCHEMAS_SUPPORTED_ACTIONS", "int32", _bits(1)),  # index definitions
    Row(534, "SQL_CATALOGS_SUPPORTED_ACTIONS", "int32", 0),
    Row(535, "SQL_SUPPORTED_POSITIONED_COMMANDS", "int32", 0),
    Row(536, "SQL_SELECT_FOR_UPDATE_SUPPORTED", "bool", False),
    Row(537, "SQL_STORED_PROCEDURES_SUPPORTED", "bool", False),
    # Comparisons, EXISTS, IN, and ANY and ALL.
    Row(538, "SQL_SUPPORTED_SUBQUERIES", "int32", _bits(0, 1, 2, 3)),
    Row(539, "SQL_CORRELATED_SUBQUERIES_SUPPORTED", "bool", True),
    Row(540, "SQL_SUPPORTED_UNIONS", "int32", _bits(0, 1)),  # UNION, UNION ALL
    Row(541, "SQL_MAX_BINARY_LITERAL_LENGTH", "int64", 0),
    Row(542, "SQL_MAX_CHAR_LITERAL_LENGTH", "int64", 0),
    Row(543, "SQL_MAX_COLUMN_NAME_LENGTH", "int64", IDENTIFIER_CHARS_MAX),
    Row(544, "SQL_MAX_COLUMNS_IN_GROUP_BY", "int64", LIST_ITEMS_MAX),
    Row(545, "SQL_MAX_COLUMNS_IN_INDEX", "int64", LIST_ITEMS_MAX),
    Row(546, "SQL_MAX_COLUMNS_IN_ORDER_BY", "int64", LIST_ITEMS_MAX),
    Row(547, "SQL_MAX_COLUMNS_IN_SELECT", "int64", LIST_ITEMS_MAX),
    Row(548, "SQL_MAX_COLUMNS_IN_TABLE", "int64", LIST_ITEMS_MAX),
    Row(549, "SQL_MAX_CONNECTIONS", "int64", 0),
    Row(550, "SQL_MAX_CURSOR_NAME_LENGTH", "int64", 0),
    Row(551, "SQL_MAX_INDEX_LENGTH", "int64", 0),
    Row(552, "SQL_DB_SCHEMA_NAME_LENGTH", "int64", IDENTIFIER_CHARS_MAX),
    Row(553, "SQL_MAX_PROCEDURE_NAME_LENGTH", "int64", 0),
    Row(554, "SQL_MAX_CATALOG_NAME_LENGTH", "int64", IDENTIFIER_CHARS_MAX),
    Row(555, "SQL_MAX_ROW_SIZE", "int64", 0),
    Row(556, "SQL_MAX_ROW_SIZE_INCLUDES_BLOBS", "bool", True),
    Row(557, "SQL_MAX_STATEMENT_LENGTH", "int64", _statement_bytes_max),
    Row(558, "SQL_MAX_STATEMENTS", "int64", lambda s: s.options.get("limits.prepared_open")),
    Row(559, "SQL_MAX_TABLE_NAME_LENGTH", "int64", IDENTIFIER_CHARS_MAX),
    Row(560, "SQL_MAX_TABLES_IN_SELECT", "int64", 0),
    Row(561, "SQL_MAX_USERNAME_LENGTH", "int64", 0),
    # Snapshots: the enum's REPEATABLE READ. The weaker levels may be asked for and give the same.
    Row(562, "SQL_DEFAULT_TRANSACTION_ISOLATION", "int64", 3),
    Row(563, "SQL_TRANSACTIONS_SUPPORTED", "bool", True),
    Row(564, "SQL_SUPPORTED_TRANSACTIONS_ISOLATION_LEVELS", "int32", _bits(1, 2, 3)),
    Row(565, "SQL_DATA_DEFINITION_CAUSES_TRANSACTION_COMMIT", "bool", False),
    Row(566, "SQL_DATA_DEFINITIONS_IN_TRANSACTIONS_IGNORED", "bool", False),
    # A result is read once, from front to back, and never written to.
    Row(567, "SQL_SUPPORTED_RESULT_SET_TYPES", "int32", _bits(1)),
    Row(568, "SQL_SUPPORTED_CONCURRENCIES_FOR_RESULT_SET_UNSPECIFIED", "int32", 0),
    Row(569, "SQL_SUPPORTED_CONCURRENCIES_FOR_RESULT_SET_FORWARD_ONLY", "int32", _bits(1)),
    Row(570, "SQL_SUPPORTED_CONCURRENCIES_FOR_RESULT_SET_SCROLL_SENSITIVE", "int32", 0),
    Row(571, "SQL_SUPPORTED_CONCURRENCIES_FOR_RESULT_SET_SCROLL_INSENSITIVE", "int32", 0),
    Row(572, "SQL_BATCH_UPDATES_SUPPORTED", "bool", True),
    Row(573, "SQL_SAVEPOINTS_SUPPORTED", "bool", True),
    Row(574, "SQL_NAMED_PARAMETERS_SUPPORTED", "bool", False),
    Row(575, "SQL_LOCATORS_UPDATE_COPY", "bool", False),
    Row(576, "SQL_STORED_FUNCTIONS_USING_CALL_SYNTAX_SUPPORTED", "bool", False),
)

_BY_NUMBER = {row.number: row for row in ROWS}


def sql_info(service: Service, call: Call, command: Any) -> pa.Table:
    """The rows asked for, in the order asked; all when none is named. A number that stands in no
    row is passed over: a later client may know more."""
    numbers = list(command.info) or list(_BY_NUMBER)
    rows = [_BY_NUMBER[number] for number in dict.fromkeys(numbers) if number in _BY_NUMBER]
    told = ((row.kind, row.value(service) if callable(row.value) else row.value) for row in rows)
    columns = [pa.array([row.number for row in rows], pa.uint32()), _union(told)]
    return pa.table(columns, schema=SQL_INFO)


def _union(values: Iterable[tuple[str, Any]]) -> pa.Array:
    """A dense union of the values: each kind's in a child of its own, in the order they come."""
    children: list[list[Any]] = [[] for _ in _KINDS]
    types, offsets = [], []
    for kind, value in values:
        child = _KINDS[kind]
        types.append(child)
        offsets.append(len(children[child]))
        children[child].append(value)
    buffers = [pa.array(types, pa.int8()).buffers()[1], pa.array(offsets, pa.int32()).buffers()[1]]
    arrays = [
        pa.array(child, SQL_INFO_VALUE.field(index).type) for index, child in enumerate(children)
    ]
    return pa.Array.from_buffers(SQL_INFO_VALUE, len(types), [None, *buffers], children=arrays)
