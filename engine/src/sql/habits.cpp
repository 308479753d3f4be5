#include "sql/habits.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace velaria::sql {
namespace {

constexpr std::string_view kNoLambda =
    "Make rows of the list and a list of the rows: SELECT array_agg(x + 1) FROM unnest(list) AS "
    "u(x).";
constexpr std::string_view kNoSequence =
    "There are no sequences: use BIGINT and give the number, or VARCHAR DEFAULT "
    "gen_random_uuid().";
constexpr std::string_view kUseNow = "Use now().";
constexpr std::string_view kUseCast = "Use CAST(value AS type).";
constexpr std::string_view kUseTryCast =
    "Use TRY_CAST(value AS type), which gives NULL on failure.";
constexpr std::string_view kAddTime =
    "Add an interval: d + INTERVAL '1' DAY, or date_add(d, INTERVAL '1' DAY).";
constexpr std::string_view kTimesApart = "Use date_diff('day', earlier, later).";
constexpr std::string_view kParseTime = "Use strptime(text, '%Y-%m-%d').";
constexpr std::string_view kFormatTime = "Use strftime(d, '%Y-%m-%d').";
constexpr std::string_view kMakeDate = "Use make_date(year, month, day).";
constexpr std::string_view kHash = "Use sha256(text), sha1(text) or md5(text).";
constexpr std::string_view kUseUnnest = "Use unnest(list) in FROM or in the select list.";
constexpr std::string_view kInformation =
    "Use information_schema.tables, SHOW TABLES or SHOW COLUMNS FROM table.";

constexpr Habit kFunctions[] = {
    {"add_months", kAddTime},
    {"adddate", kAddTime},
    {"approx_distinct", "Use approx_count_distinct(value)."},
    {"bitand", "Use a & b."},
    {"bitor", "Use a | b."},
    {"bitxor", "Use xor(a, b)."},
    {"charindex", "Use strpos(text, part): the text comes first."},
    {"choose", "Use CASE n WHEN 1 THEN a WHEN 2 THEN b END."},
    {"collect_list", "Use array_agg(value)."},
    {"convert", kUseCast},
    {"curdate", "Use current_date."},
    {"currval", kNoSequence},
    {"curtime", "Use current_time."},
    {"database", "Use current_database()."},
    {"datalength", "Use octet_length(text)."},
    {"date_format", kFormatTime},
    {"date_from_parts", kMakeDate},
    {"dateadd", kAddTime},
    {"datefromparts", kMakeDate},
    {"datename", "Use dayname(d), monthname(d) or date_part('year', d)."},
    {"elt", "Use CASE n WHEN 1 THEN a WHEN 2 THEN b END."},
    {"eomonth", "Use last_day(d)."},
    {"explode", kUseUnnest},
    {"format_timestamp", kFormatTime},
    {"generate_array", "Use generate_series(first, last)."},
    {"getdate", kUseNow},
    {"getutcdate", "Use now() AT TIME ZONE 'UTC'."},
    {"hashbytes", kHash},
    {"isdate", "Use TRY_CAST(text AS DATE) IS NOT NULL."},
    {"isnull", "Use coalesce(value, other), or value IS NULL."},
    {"isnumeric", "Use TRY_CAST(text AS DOUBLE) IS NOT NULL."},
    {"jsonb_extract_path_text", "Use json_extract_path_text(json, key)."},
    {"locate", "Use strpos(text, part): the text comes first."},
    {"mid", "Use substr(text, start, length)."},
    {"newid", "Use gen_random_uuid()."},
    {"nextval", kNoSequence},
    {"nullifzero", "Use nullif(value, 0)."},
    {"nvl2", "Use CASE WHEN value IS NOT NULL THEN a ELSE b END."},
    {"parse_date", kParseTime},
    {"parse_timestamp", kParseTime},
    {"patindex", "Use regexp_instr(text, pattern), with a regular expression."},
    {"posexplode", "Use unnest(list) WITH ORDINALITY in FROM."},
    {"quotename", "Use quote_ident(name)."},
    {"regexp_match",
     "Use regexp_matches(text, pattern) for true or false, regexp_extract(text, pattern) for the "
     "text."},
    {"replicate", "Use repeat(text, n)."},
    {"safe_cast", kUseTryCast},
    {"safe_divide", "Use a / nullif(b, 0)."},
    {"sha2", kHash},
    {"space", "Use repeat(' ', n)."},
    {"square", "Use power(value, 2)."},
    {"stdev", "Use stddev(value)."},
    {"stdevp", "Use stddev_pop(value)."},
    {"str_to_date", kParseTime},
    {"stuff", "Use overlay(text PLACING new FROM start FOR length)."},
    {"subdate", "Take an interval away: d - INTERVAL '1' DAY."},
    {"substring_index", "Use split_part(text, separator, n)."},
    {"sysdate", kUseNow},
    {"sysdatetime", kUseNow},
    {"systimestamp", kUseNow},
    {"timestamp_diff", kTimesApart},
    {"timestampadd", kAddTime},
    {"timestampdiff", kTimesApart},
    {"to_number", kUseCast},
    {"to_unixtime", "Use epoch(moment)."},
    {"to_varchar", "Use CAST(value AS VARCHAR)."},
    {"top", "Write LIMIT n at the end of the query."},
    {"try_convert", kUseTryCast},
    {"utc_timestamp", "Use now() AT TIME ZONE 'UTC'."},
    {"var", "Use var_samp(value)."},
    {"varp", "Use var_pop(value)."},
    {"zeroifnull", "Use coalesce(value, 0)."},
};

constexpr Habit kUnsupportedFunctions[] = {
    {"array_filter", kNoLambda},
    {"array_transform", kNoLambda},
    {"columns", "Name the columns, or use * EXCLUDE (a) and * REPLACE (a + 1 AS a)."},
    {"filter", kNoLambda},
    {"list_apply", kNoLambda},
    {"list_filter", kNoLambda},
    {"list_reduce", kNoLambda},
    {"list_transform", kNoLambda},
    {"reduce", kNoLambda},
    {"transform", kNoLambda},
};

constexpr Habit kUnsupportedOperators[] = {
    {"&&", "Write AND, or list_has_any(a, b) for lists."},
    {"@>", "Write list_has_all(a, b)."},
    {"<@", "Write list_has_all(b, a)."},
    {"**", "Write a ^ b or power(a, b)."},
    {"//", "Write a / b, which drops the remainder of integers, or trunc(a / b) for others."},
    {"^@", "Write starts_with(text, start)."},
    {"@", "Write abs(a)."},
};

constexpr Habit kUnsupportedTableWords[] = {
    {"MATCH_RECOGNIZE", "Compare rows by window functions such as lag and lead."},
    {"PIVOT", "Write an aggregate for each column: sum(x) FILTER (WHERE y = 1)."},
    {"UNPIVOT", "Write a query for each column, put together by UNION ALL."},
};

constexpr std::string_view kJsonText =
    "JSON is kept as VARCHAR; json_extract, -> and ->> read it, json_valid checks it.";
constexpr std::string_view kWholeNumber = "Use INTEGER or BIGINT.";

constexpr Habit kTypes[] = {
    {"BIGSERIAL", kNoSequence},
    {"BIT", "Use BOOLEAN, or INTEGER for several bits."},
    {"CLOB", "Use VARCHAR, whose length has no limit."},
    {"DATETIME2", "Use TIMESTAMP."},
    {"DATETIMEOFFSET", "Use TIMESTAMP WITH TIME ZONE."},
    {"ENUM", "Use VARCHAR with CHECK (value IN ('a', 'b'))."},
    {"HUGEINT", "Use DECIMAL(38, 0)."},
    {"INT128", "Use DECIMAL(38, 0)."},
    {"JSON", kJsonText},
    {"JSONB", kJsonText},
    {"LIST", "Write the type of the elements and []: INTEGER[]."},
    {"LONGTEXT", "Use VARCHAR, whose length has no limit."},
    {"MAP", "Write the types of keys and values: MAP(VARCHAR, INTEGER)."},
    {"MEDIUMINT", kWholeNumber},
    {"MEDIUMTEXT", "Use VARCHAR, whose length has no limit."},
    {"MONEY", "Use DECIMAL(18, 2)."},
    {"NCHAR", "Use VARCHAR, which holds Unicode."},
    {"NTEXT", "Use VARCHAR, which holds Unicode."},
    {"NUMBER", "Use DECIMAL(p, s), BIGINT or DOUBLE."},
    {"NVARCHAR", "Use VARCHAR, which holds Unicode."},
    {"NVARCHAR2", "Use VARCHAR, which holds Unicode."},
    {"SERIAL", kNoSequence},
    {"SMALLDATETIME", "Use TIMESTAMP."},
    {"SMALLMONEY", "Use DECIMAL(18, 2)."},
    {"SMALLSERIAL", kNoSequence},
    {"STRUCT", "Write the fields: STRUCT(a INTEGER, b VARCHAR)."},
    {"UHUGEINT", "Use DECIMAL(38, 0)."},
    {"UNIQUEIDENTIFIER", "Use VARCHAR, as gen_random_uuid() gives."},
    {"UUID", "Use VARCHAR, as gen_random_uuid() gives."},
    {"VARCHAR2", "Use VARCHAR."},
    {"YEAR", "Use INTEGER."},
};

constexpr Habit kTables[] = {
    {"all_tables", kInformation},    {"dual", "Leave FROM out: SELECT 1 needs no table."},
    {"pg_class", kInformation},      {"pg_tables", kInformation},
    {"sqlite_master", kInformation}, {"sqlite_schema", kInformation},
    {"sysobjects", kInformation},    {"user_tables", kInformation},
};

constexpr Habit kShown[] = {
    {"catalogs", "There is one database: SHOW SCHEMAS tells its schemas."},
    {"databases", "There is one database: SHOW SCHEMAS tells its schemas."},
    {"keys", "Use SHOW INDEXES."},
    {"processlist", "Read system.queries."},
    {"queries", "Read system.queries."},
    {"sequences", "There are no sequences."},
    {"settings", "Use SHOW ALL."},
    {"status", "Use SHOW ALL, or read system.queries."},
    {"streams", "SHOW TABLES tells the streams, too."},
    {"variables", "Use SHOW ALL."},
};

struct SyntaxHabit {
  std::string_view expected;  // "": whatever it was
  std::string_view found;     // "": any token
  std::string_view hint;
};

constexpr SyntaxHabit kSyntax[] = {
    {"ADD, DROP, RENAME or ALTER", "CHANGE",
     "Write RENAME COLUMN a TO b for the name, ALTER COLUMN a TYPE BIGINT for the type."},
    {"ADD, DROP, RENAME or ALTER", "MODIFY", "Write ALTER COLUMN a TYPE BIGINT."},
    {"ON or USING", "",
     "Write ON condition or USING (column) behind the join, or CROSS JOIN for all pairs."},
    {"one statement only", "",
     "Send one statement at a time; the shell takes several, each ended by a semicolon."},
    {"", "AUTOINCREMENT", kNoSequence},
    {"", "AUTO_INCREMENT", kNoSequence},
    {"", "IDENTITY", kNoSequence},
};

}  // namespace

std::span<const Habit> FunctionHabits() { return kFunctions; }
std::span<const Habit> UnsupportedFunctions() { return kUnsupportedFunctions; }
std::span<const Habit> UnsupportedOperators() { return kUnsupportedOperators; }
std::span<const Habit> UnsupportedTableWords() { return kUnsupportedTableWords; }
std::span<const Habit> TypeHabits() { return kTypes; }
std::span<const Habit> TableHabits() { return kTables; }
std::span<const Habit> ShowHabits() { return kShown; }

const Habit* FindHabit(std::span<const Habit> habits, std::string_view word) {
  const auto found = std::find_if(habits.begin(), habits.end(), [&](const Habit& habit) {
    return EqualsIgnoreCase(habit.word, word);
  });
  return found == habits.end() ? nullptr : &*found;
}

std::string_view HabitHint(std::span<const Habit> habits, std::string_view word) {
  const Habit* habit = FindHabit(habits, word);
  return habit == nullptr ? std::string_view() : habit->hint;
}

std::string_view SyntaxHint(std::string_view expected, std::string_view found) {
  for (const SyntaxHabit& habit : kSyntax) {
    const bool here = habit.expected.empty() || habit.expected == expected;
    if (here && (habit.found.empty() || EqualsIgnoreCase(habit.found, found))) return habit.hint;
  }
  return {};
}

}  // namespace velaria::sql
