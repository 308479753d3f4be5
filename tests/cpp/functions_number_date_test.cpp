// Numeric, date and conditional functions beyond their examples.
#include "check.hpp"

#include <arrow/array/builder_primitive.h>
#include "expressions_for_tests.hpp"

namespace velaria {

using check::Columns;
using check::Doubles;
using check::Integers;
using check::Texts;
using check::TypeOf;
using check::Value;

TEST(rounding_depends_on_the_kind_of_number) {
  CHECK_EQ(Value("round(2.5)"), "3");
  CHECK_EQ(Value("round(-2.5)"), "-3");
  CHECK_EQ(Value("round(2.5e0)"), "2");
  CHECK_EQ(Value("round(3.5e0)"), "4");
  CHECK_EQ(Value("round(1234.567, -2)"), "1200");
  CHECK_EQ(Value("round(1250, -2)"), "1300");
  CHECK_EQ(Value("round(9.99, 1)"), "10.0");
  CHECK_EQ(TypeOf("round(9.99, 1)"), "DECIMAL(3,1)");
  CHECK_EQ(Value("round(2.345e0, 2)"), "2.35");
  CHECK_EQ(Value("trunc(-1.99)"), "-1");
  CHECK_EQ(Value("floor(-1.01)"), "-2");
  CHECK_EQ(Value("ceil(-1.01)"), "-1");
  CHECK_EQ(Value("ceil(5)"), "5");
  CHECK_EQ(Value("round(NULL)"), "NULL");
}

TEST(numeric_functions_fail_outside_their_domain) {
  CHECK_EQ(Value("sqrt(-1)"), "VEL3004 no result: sqrt(-1)");
  CHECK_EQ(Value("ln(0)"), "VEL3004 no result: ln(0)");
  CHECK_EQ(Value("exp(1000)"), "VEL3002 DOUBLE out of range: exp(1000)");
  CHECK_EQ(Value("power(0, -1)"), "VEL3004 no result: power(0, -1)");
  CHECK_EQ(Value("power(-8, 0.5)"), "VEL3004 no result: power(-8, 0.5)");
  CHECK_EQ(Value("power(10, 400)"), "VEL3002 DOUBLE out of range: power(10, 400)");
  CHECK_EQ(Value("acos(2)"), "VEL3004 no result: acos(2)");
  CHECK_EQ(Value("abs(-9223372036854775808)"),
           "VEL3002 BIGINT out of range: abs(-9223372036854775808)");
  CHECK_EQ(Value("abs(-2.50)"), "2.50");
  CHECK_EQ(Value("gcd(-12, 18)"), "6");
  CHECK_EQ(Value("gcd(0, 0)"), "0");
  CHECK_EQ(Value("lcm(9223372036854775807, 2)"),
           "VEL3002 BIGINT out of range: lcm(9223372036854775807, 2)");
}

TEST(a_failing_value_under_null_is_not_looked_at) {
  const Columns t{{{"x", Doubles({4.0, std::nullopt, 9.0})}}};
  CHECK_EQ(Value("sqrt(x)", t), "2, NULL, 3");
}

TEST(conditional_functions_pick_by_row) {
  const Columns t{{{"a", Integers({1, std::nullopt, 3})}, {"s", Texts({std::nullopt, "y", "z"})}}};
  CHECK_EQ(Value("coalesce(a, 0)", t), "1, 0, 3");
  CHECK_EQ(Value("coalesce(NULL, s, 'none')", t), "none, y, z");
  CHECK_EQ(Value("nullif(a, 3)", t), "1, NULL, NULL");
  CHECK_EQ(Value("if(a > 1, s, 'small')", t), "small, small, z");
  CHECK_EQ(Value("if(a > 1, 'big')", t), "NULL, NULL, big");
  CHECK_EQ(Value("greatest(a, 2)", t), "2, 2, 3");
  CHECK_EQ(Value("least(s, 'yy')", t), "yy, y, yy");
  CHECK_EQ(Value("greatest(NULL, NULL)"), "NULL");
  CHECK_EQ(Value("greatest(DATE '2013-01-01', DATE '2014-01-01')"), "2014-01-01");
  CHECK_EQ(Value("coalesce(1, 2.5)"), "1.0");
  CHECK_EQ(Value("typeof(s)", t), "VARCHAR, VARCHAR, VARCHAR");
  CHECK_EQ(TypeOf("coalesce(1, 'x')").substr(0, 3), "VEL");
}

TEST(dates_and_integers_and_intervals_add_up) {
  CHECK_EQ(Value("DATE '2012-02-28' + 2"), "2012-03-01");
  CHECK_EQ(Value("1 + DATE '2013-12-31'"), "2014-01-01");
  CHECK_EQ(Value("DATE '2013-03-01' - DATE '2013-02-01'"), "28");
  CHECK_EQ(TypeOf("DATE '2013-03-01' - DATE '2013-02-01'"), "INTEGER");
  CHECK_EQ(Value("DATE '2013-01-31' + INTERVAL '1 month'"), "2013-02-28 00:00:00");
  CHECK_EQ(Value("TIMESTAMP '2013-01-01 00:00:00' - INTERVAL '1' SECOND"), "2012-12-31 23:59:59");
  CHECK_EQ(Value("TIMESTAMP '2013-01-02 03:00:00' - TIMESTAMP '2013-01-01 00:00:00'"),
           "1 day 03:00:00");
  CHECK_EQ(Value("INTERVAL '1 day' * 3 + INTERVAL '2 hours'"), "3 days 02:00:00");
  CHECK_EQ(Value("DATE '2013-01-01' + 9000000000").substr(0, 7), "VEL3002");
  CHECK_EQ(TypeOf("DATE '2013-01-01' * 2").substr(0, 7), "VEL2016");
  CHECK_EQ(Value("DATE '2013-01-01' + TIME '10:00:00'"), "2013-01-01 10:00:00");
}

TEST(parts_follow_iso_8601_and_years_before_1970) {
  CHECK_EQ(Value("week(DATE '2012-01-01')"), "52");
  CHECK_EQ(Value("isoyear(DATE '2012-01-01')"), "2011");
  CHECK_EQ(Value("week(DATE '2009-12-31')"), "53");
  CHECK_EQ(Value("yearweek(DATE '2012-01-01')"), "201152");
  CHECK_EQ(Value("dayofweek(DATE '1969-12-28')"), "0");
  CHECK_EQ(Value("hour(TIMESTAMP '1969-12-31 23:59:59.5')"), "23");
  CHECK_EQ(Value("epoch(TIMESTAMP '1969-12-31 23:59:59.5')"), "-0.5");
  CHECK_EQ(Value("day(TIMESTAMP '1900-03-01 00:00:00' - INTERVAL '1 day')"), "28");
  CHECK_EQ(Value("EXTRACT(YEAR FROM DATE '2013-05-17')"), "2013");
  CHECK_EQ(Value("EXTRACT(DOW FROM DATE '2013-05-17')"), "5");
  CHECK_EQ(Value("EXTRACT(SECOND FROM TIME '08:30:15.25')"), "15.25");
  CHECK_EQ(Value("year('2013-05-17')"), "2013");
  CHECK_EQ(Value("EXTRACT(HOUR FROM DATE '2013-05-17')"), "0");
  CHECK_EQ(Value("year(5)").substr(0, 7), "VEL2015");
}

TEST(timestamps_with_a_zone_are_read_on_their_own_clock) {
  // 2013-07-01 02:30 UTC is 22:30 the day before in New York; a winter moment lies five hours back.
  arrow::TimestampBuilder builder(arrow::timestamp(arrow::TimeUnit::MILLI, "America/New_York"),
                                  arrow::default_memory_pool());
  CHECK(builder.AppendValues({1372645800000, 1357007400000}).ok());
  const Columns t{{{"ts", builder.Finish().ValueOrDie()}}};
  CHECK_EQ(Value("day(ts)", t), "30, 31");
  CHECK_EQ(Value("hour(ts)", t), "22, 21");
  CHECK_EQ(Value("CAST(ts AS VARCHAR)", t), "2013-06-30 22:30:00-04, 2012-12-31 21:30:00-05");
  CHECK_EQ(Value("CAST(ts AS DATE)", t), "2013-06-30, 2012-12-31");
  CHECK_EQ(Value("date_trunc('day', ts)", t), "2013-06-30 00:00:00-04, 2012-12-31 00:00:00-05");
  CHECK_EQ(Value("date_trunc('hour', ts)", t), "2013-06-30 22:00:00-04, 2012-12-31 21:00:00-05");
  CHECK_EQ(Value("ts AT TIME ZONE 'Europe/Berlin'", t), "2013-07-01 04:30:00, 2013-01-01 03:30:00");
  // A day that has 23 hours.
  CHECK_EQ(
      Value("CAST(TIMESTAMP '2013-03-09 12:00:00' AT TIME ZONE 'America/New_York' AS VARCHAR)"),
      "2013-03-09 17:00:00+00");
  CHECK_EQ(Value("timezone('Moon/Base', now())"), "VEL3004 unknown time zone: Moon/Base");
}

TEST(truncation_buckets_and_differences_keep_to_boundaries) {
  CHECK_EQ(Value("date_trunc('week', DATE '2013-05-19')"), "2013-05-13 00:00:00");
  CHECK_EQ(Value("date_trunc('quarter', DATE '2013-05-19')"), "2013-04-01 00:00:00");
  CHECK_EQ(Value("date_trunc('hour', TIMESTAMP '1969-12-31 23:30:00')"), "1969-12-31 23:00:00");
  CHECK_EQ(Value("date_trunc('decade', DATE '2013-05-19')"), "2010-01-01 00:00:00");
  CHECK_EQ(Value("time_bucket(INTERVAL '1 day', TIMESTAMP '1969-12-31 23:30:00')"),
           "1969-12-31 00:00:00");
  CHECK_EQ(Value("time_bucket(0, TIMESTAMP '2013-01-01 00:00:00')").substr(0, 7), "VEL3004");
  CHECK_EQ(Value("date_diff('year', DATE '2012-12-31', DATE '2013-01-01')"), "1");
  CHECK_EQ(
      Value("date_diff('day', TIMESTAMP '2013-01-01 23:00:00', TIMESTAMP '2013-01-02 01:00:00')"),
      "1");
  CHECK_EQ(Value("date_diff('hour', DATE '2013-01-02', DATE '2013-01-01')"), "-24");
  CHECK_EQ(Value("make_date(2013, 2, 29)"), "VEL3004 not a date: 2013-2-29");
  CHECK_EQ(Value("make_date(0, 1, 1)"), "VEL3004 not a date: 0-1-1");
}

TEST(the_statement_has_one_time) {
  CHECK_EQ(Value("now()"), "2013-05-17 08:30:15.25+00");
  CHECK_EQ(Value("current_date"), "2013-05-17");
  CHECK_EQ(Value("current_time"), "08:30:15.25");
  CHECK_EQ(Value("unix_timestamp()"), "1368779415");
  CHECK_EQ(Value("unix_timestamp('2013-05-17 08:30:15+02')"), "1368772215");
}

}  // namespace velaria
