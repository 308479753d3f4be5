// Scalar functions and operators: every example of the registry, and the edges that examples do not
// show.
#include <set>

#include "check.hpp"
#include "expressions_for_tests.hpp"
#include "functions/registry.hpp"

namespace velaria {

using check::Columns;
using check::Doubles;
using check::Encoded;
using check::Integers;
using check::Texts;
using check::TypeOf;
using check::Value;

TEST(every_example_of_the_registry_gives_its_result) {
  for (const auto& function : FunctionRegistry::Instance().scalars()) {
    CHECK_EQ(function.name + ": " + Value(function.example),
             function.name + ": " + function.example_result);
  }
}

TEST(every_function_is_described_once) {
  std::set<std::string> names;
  for (const auto& function : FunctionRegistry::Instance().scalars()) {
    CHECK(names.insert(function.name).second);
    for (const auto& alias : function.aliases) CHECK(names.insert(alias).second);
    CHECK(!function.signature.empty() && !function.summary.empty() && !function.example.empty());
    CHECK_EQ(function.summary.back(), '.');
  }
  CHECK(names.size() >= 260);
}

TEST(integer_arithmetic_fails_on_overflow_with_the_values) {
  CHECK_EQ(Value("2147483647 + 1"), "VEL3002 INTEGER out of range: 2147483647 + 1");
  CHECK_EQ(Value("-2147483648 - 1"), "VEL3002 INTEGER out of range: -2147483648 - 1");
  CHECK_EQ(Value("9223372036854775807 + 1"),
           "VEL3002 BIGINT out of range: 9223372036854775807 + 1");
  CHECK_EQ(Value("9223372036854775807 * 2"),
           "VEL3002 BIGINT out of range: 9223372036854775807 * 2");
  CHECK_EQ(Value("CAST(100 AS TINYINT) + CAST(100 AS TINYINT)"),
           "VEL3002 TINYINT out of range: 100 + 100");
  CHECK_EQ(Value("(-2147483647 - 1) / -1"), "VEL3002 INTEGER out of range: -2147483648 / -1");
  CHECK_EQ(Value("(-2147483647 - 1) % -1"), "0");
  CHECK_EQ(Value("-(-2147483647 - 1)"), "VEL3002 INTEGER out of range: -(-2147483648)");
  CHECK_EQ(Value("CAST(1 AS UBIGINT) - 2"), "VEL3002 UBIGINT out of range: 1 - 2");
}

TEST(integers_widen_and_division_truncates) {
  CHECK_EQ(TypeOf("1 + 2"), "INTEGER");
  CHECK_EQ(TypeOf("1 + 3000000000"), "BIGINT");
  CHECK_EQ(TypeOf("CAST(1 AS SMALLINT) * CAST(1 AS SMALLINT)"), "SMALLINT");
  CHECK_EQ(TypeOf("CAST(1 AS UINTEGER) + 1"), "BIGINT");
  CHECK_EQ(Value("-7 / 2"), "-3");
  CHECK_EQ(Value("-7 % 2"), "-1");
  CHECK_EQ(Value("7.0 / 2"), "3.5");
}

TEST(division_by_zero_is_an_error_for_every_number) {
  CHECK_EQ(Value("1 / 0"), "VEL3001 division by zero: 1 / 0");
  CHECK_EQ(Value("1 % 0"), "VEL3001 division by zero: 1 % 0");
  CHECK_EQ(Value("1e0 / 0"), "VEL3001 division by zero: 1 / 0");
  CHECK_EQ(Value("1.5 % 0.0"), "VEL3001 division by zero: 1.5 % 0.0");
  CHECK_EQ(Value("NULL / 0"), "NULL");
}

TEST(values_under_nulls_never_fail) {
  const Columns t{
      {{"a", Integers({2147483647, std::nullopt, 4})}, {"b", Integers({std::nullopt, 0, 2})}}};
  CHECK_EQ(Value("a + b", t), "NULL, NULL, 6");
  CHECK_EQ(Value("a / b", t), "NULL, NULL, 2");
  CHECK_EQ(Value("a + 1", {{{"a", Integers({1, std::nullopt})}}}), "2, NULL");
}

TEST(float_overflow_is_an_error_and_infinities_compute) {
  CHECK_EQ(Value("1e308 * 10"), "VEL3002 DOUBLE out of range: 1e+308 * 10");
  CHECK_EQ(Value("CAST('Infinity' AS DOUBLE) + 1"), "Infinity");
  CHECK_EQ(Value("CAST('NaN' AS DOUBLE) + 1"), "NaN");
}

TEST(decimals_are_exact) {
  CHECK_EQ(Value("0.1 + 0.2"), "0.3");
  CHECK_EQ(TypeOf("1.25 + 1.5"), "DECIMAL(4,2)");
  CHECK_EQ(Value("1.25 * 1.5"), "1.875");
  CHECK_EQ(TypeOf("1.25 * 1.5"), "DECIMAL(5,3)");
  CHECK_EQ(TypeOf("1.5 / 2"), "DOUBLE");
  CHECK_EQ(Value("1 - 0.05"), "0.95");
  CHECK_EQ(Value("-(1.5)"), "-1.5");
  CHECK_EQ(Value("CAST(99999999999999999999 AS DECIMAL(20,0)) * CAST(99999999999999999999 AS "
                 "DECIMAL(20,0))"),
           "VEL3002 DECIMAL(38,0) out of range: 99999999999999999999 * 99999999999999999999");
  CHECK_EQ(Value("CAST('99999999999999999999999999999999999999' AS DECIMAL(38,0)) + 1"),
           "VEL3002 DECIMAL(38,0) out of range: 99999999999999999999999999999999999999 + 1");
  CHECK_EQ(Value("7.5 % 2"), "1.5");
}

TEST(comparisons_know_null_nan_and_dictionaries) {
  CHECK_EQ(Value("1 = NULL"), "NULL");
  CHECK_EQ(Value("CAST('NaN' AS DOUBLE) = CAST('NaN' AS DOUBLE)"), "true");
  CHECK_EQ(Value("CAST('NaN' AS DOUBLE) > CAST('Infinity' AS DOUBLE)"), "true");
  CHECK_EQ(Value("1 = 1.0"), "true");
  CHECK_EQ(Value("DATE '2013-01-01' < TIMESTAMP '2013-01-01 00:00:01'"), "true");
  CHECK_EQ(Value("true > false"), "true");
  const Columns t{
      {{"d", Encoded({"a", std::nullopt, "b", "a"})}, {"s", Texts({"a", "a", "c", std::nullopt})}}};
  CHECK_EQ(Value("d = 'a'", t), "true, NULL, false, true");
  CHECK_EQ(Value("'b' <= d", t), "false, NULL, true, false");
  CHECK_EQ(Value("d = s", t), "true, NULL, false, NULL");
  CHECK_EQ(Value("d IS DISTINCT FROM s", t), "false, true, true, true");
  CHECK_EQ(Value("d IS NULL", t), "false, true, false, false");
  CHECK_EQ(TypeOf("d = 5", t).substr(0, 7), "VEL2016");
}

TEST(comparisons_of_many_rows_fill_whole_words) {
  std::vector<std::optional<int32_t>> values;
  std::string expected;
  for (int i = 0; i < 200; ++i) {
    values.push_back(i % 7 == 3 ? std::nullopt : std::optional<int32_t>(i));
    expected +=
        (i > 0 ? ", " : "") + std::string(i % 7 == 3 ? "NULL" : (i < 100 ? "true" : "false"));
  }
  const auto array = Integers(values);
  CHECK_EQ(Value("a < 100", {{{"a", array}}}), expected);
  CHECK_EQ(Value("100 > a", {{{"a", array}}}), expected);
  // An offset that is no multiple of eight.
  const auto sliced = array->Slice(99, 3);
  CHECK_EQ(Value("a < 100", {{{"a", sliced}}}), "true, false, NULL");
}

TEST(like_matches_characters_and_honours_escapes) {
  CHECK_EQ(Value("'été' LIKE '_t_'"), "true");
  CHECK_EQ(Value("'a%c' LIKE 'a\\%c'"), "true");
  CHECK_EQ(Value("'abc' LIKE 'a\\%c'"), "false");
  CHECK_EQ(Value("'a%c' LIKE 'a!%c' ESCAPE '!'"), "true");
  CHECK_EQ(Value("'abc' LIKE 'a\\'"),
           "VEL3004 a LIKE pattern must not end with its escape character: a\\");
  CHECK_EQ(Value("'xaybzc' LIKE '%a%b%c'"), "true");
  CHECK_EQ(Value("'aab' LIKE '%ab'"), "true");
  CHECK_EQ(Value("'ab' LIKE 'ab%ab'"), "false");
  CHECK_EQ(Value("'abXab' LIKE 'ab%ab'"), "true");
  CHECK_EQ(Value("'' LIKE '%'"), "true");
  CHECK_EQ(Value("'' LIKE '_%'"), "false");
  CHECK_EQ(Value("'a_b' LIKE '%\\_b'"), "true");
  CHECK_EQ(Value("'ÉTÉ' ILIKE 'été'"), "true");
  CHECK_EQ(Value("'ÉTÉ' LIKE 'été'"), "false");
  const Columns t{
      {{"s", Encoded({"apple", std::nullopt, "pear"})}, {"p", Texts({"a%", "%", "_ea%"})}}};
  CHECK_EQ(Value("s LIKE '%pp%'", t), "true, NULL, false");
  CHECK_EQ(Value("s NOT LIKE 'p%'", t), "true, NULL, false");
  CHECK_EQ(Value("s LIKE p", t), "true, NULL, true");
}

TEST(text_functions_count_characters) {
  CHECK_EQ(Value("length('€uro')"), "4");
  CHECK_EQ(Value("substr('été chaud', 2, 3)"), "té ");
  CHECK_EQ(Value("substring('alphabet', -2, 5)"), "al");
  CHECK_EQ(Value("substr('alphabet', 3)"), "phabet");
  CHECK_EQ(Value("substr('alphabet', 9, 2)"), "");
  CHECK_EQ(Value("substr('abc', 1, -1)"), "VEL3004 negative length of a substring: -1");
  CHECK_EQ(Value("left('été', -1)"), "ét");
  CHECK_EQ(Value("right('été', -1)"), "té");
  CHECK_EQ(Value("left('abc', -9)"), "");
  CHECK_EQ(Value("lpad('été', 5, 'ab')"), "abété");
  CHECK_EQ(Value("lpad('alphabet', 3)"), "alp");
  CHECK_EQ(Value("reverse('ab€')"), "€ba");
  CHECK_EQ(Value("strpos('été', 't')"), "2");
  CHECK_EQ(Value("strpos('abc', '')"), "1");
  CHECK_EQ(Value("position('z' IN 'abc')"), "0");
  CHECK_EQ(Value("trim(BOTH 'é' FROM 'éxé')"), "x");
  CHECK_EQ(Value("ascii('€')"), "8364");
  CHECK_EQ(Value("chr(8364)"), "€");
  CHECK_EQ(Value("chr(55296)"), "VEL3004 not a character's code point: 55296");
  CHECK_EQ(Value("upper('été')"), "ÉTÉ");
  CHECK_EQ(Value("initcap('élan vital-9b')"), "Élan Vital-9b");
  CHECK_EQ(Value("translate('abcd', 'bd', 'B')"), "aBc");
  CHECK_EQ(Value("split_part('a,b,c', ',', -1)"), "c");
  CHECK_EQ(Value("split_part('a,b,c', ',', 4)"), "");
  CHECK_EQ(Value("split_part('a', ',', 0)"),
           "VEL3004 split_part counts fields from 1 or from -1, not: 0");
  CHECK_EQ(Value("repeat('ab', 1000000000)"),
           "VEL3002 the text would exceed 268435456 bytes: 2000000000");
  CHECK_EQ(Value("repeat('ab', -1)"), "");
  CHECK_EQ(Value("to_hex(-1)"), "ffffffff");
}

TEST(joins_of_text_follow_the_null_rules_of_postgresql) {
  CHECK_EQ(Value("'a' || NULL"), "NULL");
  CHECK_EQ(Value("'a' || 1"), "a1");
  CHECK_EQ(Value("concat('a', NULL, true, 1.50)"), "atrue1.50");
  CHECK_EQ(Value("concat(NULL)"), "");
  CHECK_EQ(Value("concat_ws(',', NULL, 'b', '', 'c')"), "b,,c");
  CHECK_EQ(Value("concat_ws(NULL, 'a', 'b')"), "NULL");
  const Columns t{{{"s", Texts({"-", std::nullopt})}, {"d", Encoded({"x", "y"})}}};
  CHECK_EQ(Value("concat_ws(s, 'a', d)", t), "a-x, NULL");
  CHECK_EQ(Value("concat(s, d)", t), "-x, y");
  CHECK_EQ(Value("1 || 2").substr(0, 7), "VEL2016");
}

TEST(dictionary_columns_are_computed_by_value) {
  const Columns t{{{"d", Encoded({"Été", "b", std::nullopt, "Été", "b"})}}};
  CHECK_EQ(Value("upper(d)", t), "ÉTÉ, B, NULL, ÉTÉ, B");
  CHECK_EQ(Value("length(d)", t), "3, 1, NULL, 3, 1");
  CHECK_EQ(Value("substr(d, 2)", t), "té, , NULL, té, ");
  CHECK_EQ(Value("d || '!'", t), "Été!, b!, NULL, Été!, b!");
  CHECK_EQ(Value("coalesce(d, 'none')", t), "Été, b, none, Été, b");
  CHECK_EQ(Value("md5(d) = md5('b')", t), "false, true, NULL, false, true");
}

TEST(regular_expressions_are_checked_before_any_row) {
  CHECK_EQ(Value("regexp_matches('abc', '[')"), "VEL2008 not a regular expression: [");
  CHECK_EQ(Value("regexp_matches('ABC', 'b', 'i')"), "true");
  CHECK_EQ(Value("regexp_replace('aaa', 'a', 'b')"), "baa");
  CHECK_EQ(Value("regexp_replace('aAa', 'a', 'b', 'gi')"), "bbb");
  CHECK_EQ(Value("regexp_matches('a', 'a', 'x')"), "VEL2015 unknown flag: x");
  const Columns t{{{"d", Encoded({"x1", std::nullopt, "yy"})}}};
  CHECK_EQ(Value("regexp_matches(d, '\\d')", t), "true, NULL, false");
}

TEST(wrong_arguments_name_the_types_and_the_signature) {
  const auto result = check::EvaluateText("upper(5)");
  const ErrorInfo error = ErrorInfoOf(result.status());
  CHECK_EQ(CodeText(error.code) + " " + error.message,
           "VEL2015 no variant of upper takes these arguments: (INTEGER)");
  CHECK_EQ(error.hint, "The signature is upper(text VARCHAR) -> VARCHAR.");
  CHECK_EQ(Value("substr('a')").substr(0, 7), "VEL2015");
  CHECK_EQ(Value("date_trunc('fortnight', DATE '2013-01-01')").substr(0, 7), "VEL2015");
}

}  // namespace velaria
