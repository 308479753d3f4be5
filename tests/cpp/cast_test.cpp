// Casts: limits of every type, rounding, text both ways, units and zones of time.
#include "check.hpp"

#include <arrow/array/builder_binary.h>
#include "expressions_for_tests.hpp"

namespace velaria {

using check::Columns;
using check::Encoded;
using check::Integers;
using check::Texts;
using check::TypeOf;
using check::Value;

TEST(numbers_that_do_not_fit_are_named_with_their_value) {
  CHECK_EQ(Value("CAST(3000000000 AS INTEGER)"), "VEL3002 INTEGER out of range: 3000000000");
  CHECK_EQ(Value("CAST(128 AS TINYINT)"), "VEL3002 TINYINT out of range: 128");
  CHECK_EQ(Value("CAST(-1 AS UTINYINT)"), "VEL3002 UTINYINT out of range: -1");
  CHECK_EQ(Value("CAST(1e19 AS BIGINT)"), "VEL3002 BIGINT out of range: 1e+19");
  CHECK_EQ(Value("CAST(9223372036854775807 AS UBIGINT)"), "9223372036854775807");
  CHECK_EQ(Value("CAST(CAST('NaN' AS DOUBLE) AS INTEGER)"), "VEL3002 INTEGER out of range: NaN");
  CHECK_EQ(Value("CAST(1e39 AS REAL)"), "VEL3002 REAL out of range: 1e+39");
  CHECK_EQ(Value("CAST(1000 AS DECIMAL(3,0))"), "VEL3002 DECIMAL(3,0) out of range: 1000");
  CHECK_EQ(Value("CAST(99.99 AS DECIMAL(3,1))"), "VEL3002 DECIMAL(3,1) out of range: 99.99");
}

TEST(rounding_is_to_even_for_floats_and_away_from_zero_for_decimals) {
  CHECK_EQ(Value("CAST(2.5e0 AS INTEGER)"), "2");
  CHECK_EQ(Value("CAST(3.5e0 AS INTEGER)"), "4");
  CHECK_EQ(Value("CAST(2.5 AS INTEGER)"), "3");
  CHECK_EQ(Value("CAST(-2.5 AS INTEGER)"), "-3");
  CHECK_EQ(Value("CAST(2.345 AS DECIMAL(5,2))"), "2.35");
  CHECK_EQ(Value("CAST(2.675e0 AS DECIMAL(5,2))"), "2.68");
  CHECK_EQ(Value("CAST(0.1 AS DOUBLE)"), "0.1");
  CHECK_EQ(Value("CAST(12345678901234567890.5 AS DOUBLE)"), "1.2345678901234567e+19");
}

TEST(text_is_read_strictly) {
  CHECK_EQ(Value("CAST('abc' AS INTEGER)"), "VEL3003 cannot cast to INTEGER: abc");
  CHECK_EQ(Value("CAST(' 42 ' AS INTEGER)"), "42");
  CHECK_EQ(Value("CAST('+5' AS BIGINT)"), "5");
  CHECK_EQ(Value("CAST('4.0' AS INTEGER)"), "VEL3003 cannot cast to INTEGER: 4.0");
  CHECK_EQ(Value("CAST('' AS DOUBLE)"), "VEL3003 cannot cast to DOUBLE: ");
  CHECK_EQ(Value("CAST('3000000000' AS INTEGER)"), "VEL3002 INTEGER out of range: 3000000000");
  CHECK_EQ(Value("CAST('1e3' AS DOUBLE)"), "1000");
  CHECK_EQ(Value("CAST('1e400' AS DOUBLE)"), "VEL3002 DOUBLE out of range: 1e400");
  CHECK_EQ(Value("CAST('-1' AS UINTEGER)"), "VEL3002 UINTEGER out of range: -1");
  CHECK_EQ(Value("CAST('1.005' AS DECIMAL(6,2))"), "1.01");
  CHECK_EQ(Value("CAST('1.5e3' AS DECIMAL(6,1))"), "1500.0");
  CHECK_EQ(Value("CAST('.5' AS DECIMAL(6,1))"), "0.5");
  CHECK_EQ(Value("CAST('1..5' AS DECIMAL(6,1))"), "VEL3003 cannot cast to DECIMAL(6,1): 1..5");
  CHECK_EQ(Value("CAST('yes' AS BOOLEAN)"), "true");
  CHECK_EQ(Value("CAST('2' AS BOOLEAN)"), "VEL3003 cannot cast to BOOLEAN: 2");
  CHECK_EQ(Value("CAST(1 AS BOOLEAN)"), "true");
  CHECK_EQ(Value("CAST(true AS INTEGER)"), "1");
}

TEST(numbers_print_shortest) {
  CHECK_EQ(Value("CAST(1e15 AS VARCHAR)"), "1e+15");
  CHECK_EQ(Value("CAST(123456789012345e0 AS VARCHAR)"), "123456789012345");
  CHECK_EQ(Value("CAST(0.0001e0 AS VARCHAR)"), "0.0001");
  CHECK_EQ(Value("CAST(0.00001e0 AS VARCHAR)"), "1e-05");
  CHECK_EQ(Value("CAST(-1.50 AS VARCHAR)"), "-1.50");
  CHECK_EQ(Value("CAST(0.00000001 AS VARCHAR)"), "0.00000001");
  CHECK_EQ(Value("CAST(CAST(0.1 AS REAL) AS VARCHAR)"), "0.1");
}

TEST(try_cast_nulls_only_what_does_not_fit) {
  CHECK_EQ(Value("TRY_CAST('abc' AS INTEGER)"), "NULL");
  const Columns t{
      {{"s", Texts({"1", "x", std::nullopt, "4"})}, {"d", Encoded({"1", "x", std::nullopt, "1"})}}};
  CHECK_EQ(Value("TRY_CAST(s AS INTEGER)", t), "1, NULL, NULL, 4");
  CHECK_EQ(Value("TRY_CAST(d AS DOUBLE)", t), "1, NULL, NULL, 1");
  CHECK_EQ(Value("CAST(s AS INTEGER)", t), "VEL3003 cannot cast to INTEGER: x");
  CHECK_EQ(Value("TRY_CAST(s AS BOOLEAN)", t), "true, NULL, NULL, NULL");
  CHECK_EQ(Value("TRY_CAST(s AS DATE)", t), "NULL, NULL, NULL, NULL");
}

TEST(a_dictionary_value_that_no_row_holds_does_not_fail_a_cast) {
  const auto all = Encoded({"x", "1", "2"});
  CHECK_EQ(Value("CAST(d AS INTEGER)", {{{"d", all->Slice(1)}}}), "1, 2");
}

TEST(dates_and_times_are_read_and_written_in_iso) {
  CHECK_EQ(Value("CAST('2013-2-3' AS DATE)"), "2013-02-03");
  CHECK_EQ(Value("CAST('2013-02-30' AS DATE)"), "VEL3003 cannot cast to DATE: 2013-02-30");
  CHECK_EQ(Value("CAST('2013-02-03 10:00' AS DATE)"), "2013-02-03");
  CHECK_EQ(Value("CAST('10:30' AS TIME)"), "10:30:00");
  CHECK_EQ(Value("CAST('25:00' AS TIME)"), "VEL3003 cannot cast to TIME: 25:00");
  CHECK_EQ(Value("CAST('2013-01-31' AS TIME)"), "VEL3003 cannot cast to TIME: 2013-01-31");
  CHECK_EQ(Value("CAST('2013-01-01T10:00:00.123456Z' AS TIMESTAMP)"), "2013-01-01 10:00:00.123456");
  CHECK_EQ(Value("CAST('2013-01-01 10:00:00+05:30' AS TIMESTAMPTZ)"), "2013-01-01 04:30:00+00");
  CHECK_EQ(Value("CAST('2013-01-01 10:00:00 Europe/Berlin' AS TIMESTAMPTZ)"),
           "2013-01-01 09:00:00+00");
  CHECK_EQ(Value("CAST('0001-01-01' AS DATE)"), "0001-01-01");
  CHECK_EQ(Value("CAST('0001-01-01 bc ' AS DATE)"), "0001-01-01 BC");
  CHECK_EQ(Value("CAST('2013-01-01 AD' AS DATE)"), "2013-01-01");
  CHECK_EQ(Value("CAST('0000-01-01' AS DATE)"), "VEL3003 cannot cast to DATE: 0000-01-01");
  CHECK_EQ(Value("CAST('BC' AS DATE)"), "VEL3003 cannot cast to DATE: BC");
  CHECK_EQ(Value("CAST(' BC' AS DATE)"), "VEL3003 cannot cast to DATE:  BC");
  CHECK_EQ(Value("CAST('2013-01-01 00:00:00.0000005' AS TIMESTAMP)"), "2013-01-01 00:00:00.000001");
  CHECK_EQ(Value("CAST('2013-13-01' AS TIMESTAMP)"),
           "VEL3003 cannot cast to TIMESTAMP: 2013-13-01");
  CHECK_EQ(Value("CAST('1 year 2 mons -3 days 04:05:06' AS INTERVAL)"),
           "1 year 2 mons -3 days +04:05:06");
}

TEST(units_of_time_convert_with_rounding_and_overflow) {
  CHECK_EQ(Value("CAST(TIMESTAMP '2013-01-01 00:00:00.6' AS TIMESTAMP(0))"), "2013-01-01 00:00:01");
  CHECK_EQ(Value("CAST(DATE '2013-01-01' AS TIMESTAMP_NS)"), "2013-01-01 00:00:00");
  CHECK_EQ(Value("CAST(DATE '9999-01-01' AS TIMESTAMP_NS)"),
           "VEL3002 TIMESTAMP_NS out of range: 9999-01-01");
  CHECK_EQ(Value("CAST(TIMESTAMP '1969-12-31 23:00:00' AS DATE)"), "1969-12-31");
  CHECK_EQ(Value("CAST(TIMESTAMP '2013-01-01 10:20:30.5' AS TIME)"), "10:20:30.5");
  CHECK_EQ(TypeOf("CAST(5 AS DATE)"), "VEL2016 no cast between these types: INTEGER to DATE");
}

TEST(nulls_cast_to_anything_and_layouts_convert) {
  for (const char* type :
       {"INTEGER", "DECIMAL(5,2)", "VARCHAR", "DATE", "TIMESTAMP", "BOOLEAN", "BLOB", "INTERVAL"}) {
    CHECK_EQ(Value("CAST(NULL AS " + std::string(type) + ") IS NULL"), "true");
    CHECK_EQ(TypeOf("CAST(NULL AS " + std::string(type) + ")"), type);
  }
  arrow::StringViewBuilder views;
  CHECK(views.Append("a string longer than twelve bytes").ok() && views.Append("b").ok() &&
        views.AppendNull().ok());
  arrow::LargeStringBuilder large;
  CHECK(large.Append("x").ok() && large.Append("b").ok() && large.Append("c").ok());
  const Columns t{{{"v", views.Finish().ValueOrDie()}, {"w", large.Finish().ValueOrDie()}}};
  CHECK_EQ(Value("upper(v)", t), "A STRING LONGER THAN TWELVE BYTES, B, NULL");
  CHECK_EQ(Value("v = w", t), "false, true, NULL");
  CHECK_EQ(Value("upper(w)", t), "X, B, C");
  CHECK_EQ(Value("regexp_matches(v, 'b$')", t), "false, true, NULL");
  CHECK_EQ(Value("coalesce(v, w)", t), "a string longer than twelve bytes, b, c");
  CHECK_EQ(Value("CAST(CAST('é' AS BLOB) AS VARCHAR)"), R"(\xc3a9)");  // as in PostgreSQL
  CHECK_EQ(Value("octet_length(CAST('é' AS BLOB))"), "2");
}

TEST(common_types_widen_without_loss) {
  CHECK_EQ(SqlName(**CommonType(arrow::int32(), arrow::uint32())), "BIGINT");
  CHECK_EQ(SqlName(**CommonType(arrow::int64(), arrow::uint64())), "DECIMAL(20,0)");
  CHECK_EQ(SqlName(**CommonType(arrow::int32(), arrow::decimal128(4, 2))), "DECIMAL(12,2)");
  CHECK_EQ(SqlName(**CommonType(arrow::decimal128(38, 0), arrow::decimal128(10, 5))),
           "DECIMAL(38,5)");
  CHECK_EQ(SqlName(**CommonType(arrow::float32(), arrow::int8())), "DOUBLE");
  CHECK_EQ(SqlName(**CommonType(arrow::date32(), arrow::timestamp(arrow::TimeUnit::SECOND, "UTC"))),
           "TIMESTAMP_S WITH TIME ZONE");
  CHECK(!CommonType(arrow::utf8(), arrow::int32()).ok());
  CHECK_EQ(CodeText(ErrorInfoOf(TypeFromSqlName("VARCHA", {}, false).status()).code), "VEL2017");
  CHECK_EQ(ErrorInfoOf(TypeFromSqlName("VARCHA", {}, false).status()).hint,
           "Did you mean VARCHAR?");
}

}  // namespace velaria
