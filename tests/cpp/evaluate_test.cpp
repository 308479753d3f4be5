// Expressions over a chunk: every row of the answer, with nulls, selections and constants.
#include "logical/evaluate.hpp"

#include <arrow/json/from_string.h>

#include "catalog_for_tests.hpp"
#include "check.hpp"
#include "sql/parser.hpp"
#include "sql/planner.hpp"

namespace velaria {
namespace {

struct Sample {
  SchemaPtr schema;
  Chunk chunk;
};

/// i: 0..5 with a null; f; s and code (a dictionary) alike; b.
Sample MakeSample() {
  const auto code = arrow::dictionary(arrow::int32(), arrow::utf8());
  Sample sample;
  sample.schema =
      arrow::schema({arrow::field("i", arrow::int32()), arrow::field("j", arrow::int64()),
                     arrow::field("f", arrow::float64()), arrow::field("s", arrow::utf8()),
                     arrow::field("code", code), arrow::field("b", arrow::boolean()),
                     arrow::field("m", arrow::decimal128(6, 2))});
  const auto column = [](const TypePtr& type, const char* json) {
    return MakeVector(arrow::json::ArrayFromJSONString(type, json).ValueOrDie());
  };
  sample.chunk.columns = {
      column(arrow::int32(), "[0, 1, 2, null, 4, 5]"),
      column(arrow::int64(), "[5, 4, 3, 2, 1, 0]"),
      column(arrow::float64(), "[0.5, null, 2.5, NaN, -4.5, 0.0]"),
      column(arrow::utf8(), R"(["ape", "bee", null, "ant", "bat", "äh"])"),
      column(code, R"(["x", "y", "x", null, "z", "y"])"),
      column(arrow::boolean(), "[true, false, null, true, false, null]"),
      column(arrow::decimal128(6, 2), R"(["1.00", "2.50", null, "-3.25", "0.00", "99.99"])")};
  sample.chunk.row_count = 6;
  return sample;
}

Result<logical::BoundExprPtr> Bind(const std::string& text, const Sample& sample) {
  VELARIA_ASSIGN_OR_RETURN(auto statement, sql::ParseStatement("SELECT " + text));
  sql::BindContext context;
  context.catalog = &check::TestCatalog();
  return sql::BindOverSchema(*statement->select->items[0].expr, *sample.schema, "t", context);
}

/// The values of `text` for the selected rows, as "[1, null, 3]" on one line.
std::string Values(const std::string& text, std::vector<uint32_t> rows = {0, 1, 2, 3, 4, 5}) {
  Sample sample = MakeSample();
  if (rows.size() != 6) sample.chunk.selection = std::make_shared<Selection>(rows);
  auto bound = Bind(text, sample);
  if (!bound.ok()) return ErrorInfoOf(bound.status()).message;
  auto value = logical::Evaluate(**bound, sample.chunk, {});
  if (!value.ok()) return CodeText(ErrorInfoOf(value.status()).code);
  if (!value->type()->Equals(*(*bound)->type)) return "wrong type " + value->type()->ToString();
  auto dense = Expand(*value, sample.chunk.selected_count(), arrow::default_memory_pool());
  auto decoded = Decode(*dense, arrow::default_memory_pool());
  if (decoded->length() != sample.chunk.selected_count()) return "wrong length";
  std::string out;
  for (int64_t row = 0; row < decoded->length(); ++row) {
    auto scalar = decoded->array()->GetScalar(row).ValueOrDie();
    out += (out.empty() ? "" : " ") + (scalar->is_valid ? scalar->ToString() : "null");
  }
  return out;
}

/// The rows that pass, checked against the plain evaluation of the predicate.
std::string Rows(const std::string& text, std::vector<uint32_t> rows = {0, 1, 2, 3, 4, 5}) {
  Sample sample = MakeSample();
  if (rows.size() != 6) sample.chunk.selection = std::make_shared<Selection>(rows);
  auto bound = Bind(text, sample);
  if (!bound.ok()) return ErrorInfoOf(bound.status()).message;
  auto selected = logical::SelectRows(**bound, sample.chunk, {});
  if (!selected.ok()) return CodeText(ErrorInfoOf(selected.status()).code);
  std::string out, by_value;
  for (uint32_t row : *selected ? **selected : rows) out += std::to_string(row);
  auto value = logical::Evaluate(**bound, sample.chunk, {});
  auto dense = Expand(*value, static_cast<int64_t>(rows.size()), arrow::default_memory_pool());
  const BoolView view = ViewBool(*dense);
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto at = static_cast<int64_t>(i);
    if (view.IsValid(at) && view[at]) by_value += std::to_string(rows[i]);
  }
  return out == by_value ? out : out + " but by value " + by_value;
}

}  // namespace

TEST(columns_are_handed_on_untouched_without_a_selection) {
  Sample sample = MakeSample();
  auto bound = Bind("s", sample).ValueOrDie();
  auto value = logical::Evaluate(*bound, sample.chunk, {}).ValueOrDie();
  CHECK(value.data == sample.chunk.columns[3].data);
  CHECK_EQ(Values("s", {1, 2, 5}), "bee null äh");
  CHECK_EQ(Values("code", {0, 3, 4}), "x null z");
}

TEST(constants_stay_constants) {
  Sample sample = MakeSample();
  auto bound = Bind("1 + 2", sample).ValueOrDie();
  auto value = logical::Evaluate(*bound, sample.chunk, {}).ValueOrDie();
  CHECK(value.constant);
  CHECK_EQ(Values("1 + 2", {0, 1}), "3 3");
}

TEST(arithmetic_follows_the_selection) {
  CHECK_EQ(Values("i + j"), "5 5 5 null 5 5");
  CHECK_EQ(Values("i * 2", {3, 4, 5}), "null 8 10");
}

TEST(logic_is_three_valued) {
  CHECK_EQ(Values("b AND i > 1"), "false false null null false null");
  CHECK_EQ(Values("b OR i > 1"), "true false true true true true");
  CHECK_EQ(Values("NOT b"), "false true null false true null");
  CHECK_EQ(Values("b AND false"), "false false false false false false");
  CHECK_EQ(Values("b OR NULL"), "true null null true null null");
  CHECK_EQ(Values("b IS TRUE"), "true false false true false false");
  CHECK_EQ(Values("b IS NOT UNKNOWN"), "true true false true true false");
}

TEST(later_children_see_only_undecided_rows) {
  CHECK_EQ(Values("j <> 0 AND 10 / j > 2"), "false false true true true false");
  CHECK_EQ(Values("j = 0 OR 10 / j > 2"), "false false true true true true");
  CHECK_EQ(Rows("j <> 0 AND 10 / j > 2"), "234");
  CHECK_EQ(Rows("10 / j > 2"), "VEL3001");
}

TEST(case_evaluates_each_branch_on_its_rows) {
  CHECK_EQ(Values("CASE WHEN j = 0 THEN -1 ELSE 10 / j END"), "2 2 3 5 10 -1");
  CHECK_EQ(Values("CASE WHEN i > 2 THEN s WHEN b THEN 'yes' END"), "yes null null yes bat äh");
  CHECK_EQ(Values("CASE i WHEN 0 THEN 'zero' WHEN 5 THEN 'five' ELSE code END"),
           "zero y x null z five");
  CHECK_EQ(Values("CASE WHEN i IS NULL THEN true ELSE b END"), "true false null true false null");
  CHECK_EQ(Values("CASE WHEN i < 2 THEN m ELSE 0 END", {0, 1, 4}), "1.00 2.50 0.00");
  CHECK_EQ(Values("CASE WHEN i < 2 THEN j WHEN i > 4 THEN i ELSE 7 END"), "5 4 7 7 7 5");
  CHECK_EQ(Values("CASE WHEN i < 2 THEN f ELSE f + 1 END"), "0.5 null 3.5 nan -3.5 1");
  CHECK_EQ(Values("CASE WHEN i > 2 THEN code END"), "null null null null z y");
  CHECK_EQ(Values("CASE WHEN b THEN i ELSE i END", {3, 4}), "null 4");
  CHECK_EQ(Values("CASE WHEN false THEN 1 END"), "null null null null null null");
}

TEST(in_lists_know_null) {
  CHECK_EQ(Values("i IN (1, 4)"), "false true false null true false");
  CHECK_EQ(Values("i NOT IN (1, 4)"), "true false true null false true");
  CHECK_EQ(Values("i IN (1, NULL)"), "null true null null null null");
  CHECK_EQ(Values("i IN (1, 2.5, 7)"), "false true false null false false");
  CHECK_EQ(Values("i IN (0, 1, 2, 3, 4, 9, 11)"), "true true true null true false");
  CHECK_EQ(Values("s IN ('ape', 'bat')"), "true false null false true false");
  CHECK_EQ(Values("code IN ('x', 'q')"), "true false true null false false");
  CHECK_EQ(Values("m IN (2.5, 0)"), "false true null false true false");
  CHECK_EQ(Values("f IN (0.5, 2.5, 0)"), "true null true false false true");
}

TEST(fused_comparisons_select_as_the_values_say) {
  CHECK_EQ(Rows("i > 1"), "245");
  CHECK_EQ(Rows("1 < i"), "245");
  CHECK_EQ(Rows("i <> 2", {1, 2, 3, 4}), "14");
  CHECK_EQ(Rows("i BETWEEN 1 AND 4"), "124");
  CHECK_EQ(Rows("i > 1 AND i < 5", {0, 2, 4, 5}), "24");
  CHECK_EQ(Rows("f > 0"), "023");  // NaN is greater than every number
  CHECK_EQ(Rows("f >= 0.5 AND f <= 2.5"), "02");
  CHECK_EQ(Rows("f <> 0.5"), "2345");
  CHECK_EQ(Rows("m >= 1"), "015");
  CHECK_EQ(Rows("m < 0"), "3");
  CHECK_EQ(Rows("i < j"), "012");
  CHECK_EQ(Rows("i = j"), "");
  CHECK_EQ(Rows("i = NULL"), "");
}

TEST(other_predicates_select_rows_too) {
  CHECK_EQ(Rows("i IS NULL"), "3");
  CHECK_EQ(Rows("i IS NOT NULL", {0, 3, 5}), "05");
  CHECK_EQ(Rows("j IS NULL"), "");
  CHECK_EQ(Rows("b"), "03");
  CHECK_EQ(Rows("s = 'bee' OR code = 'x'"), "012");
  CHECK_EQ(Rows("s LIKE 'b%'"), "14");
  CHECK_EQ(Rows("code LIKE '%y'", {1, 2, 5}), "15");
  CHECK_EQ(Rows("i > 3 OR s < 'b'"), "0345");
  CHECK_EQ(Rows("true"), "012345");
  CHECK_EQ(Rows("NULL"), "");
}

TEST(sliced_columns_are_read_from_their_offset) {
  Sample sample = MakeSample();
  for (auto& column : sample.chunk.columns) column = Slice(column, 2, 4);
  sample.chunk.row_count = 4;
  for (const char* text : {"i > 1", "m < 50 AND m > -5", "i IS NULL", "b", "i < j"}) {
    auto bound = Bind(text, sample).ValueOrDie();
    auto rows = logical::SelectRows(*bound, sample.chunk, {}).ValueOrDie();
    auto value = logical::Evaluate(*bound, sample.chunk, {}).ValueOrDie();
    const BoolView view = ViewBool(value);
    Selection expected;
    for (uint32_t i = 0; i < 4; ++i) {
      if (view.IsValid(i) && view[i]) expected.push_back(i);
    }
    CHECK(rows ? *rows == expected : expected.size() == 4);
  }
}

TEST(nothing_is_evaluated_for_no_rows) { CHECK_EQ(Values("1 / 0", {}), ""); }

TEST(folding_gives_the_value_or_the_error_with_its_place) {
  Sample sample = MakeSample();
  auto good = logical::Fold(Bind("1 + 2 * 3", sample).ValueOrDie(), {});
  REQUIRE(good.ok());
  CHECK_EQ(logical::ToText(**good), "7");
  auto bad = logical::Fold(Bind("1 / 0", sample).ValueOrDie(), {});
  REQUIRE(!bad.ok());
  CHECK_EQ(CodeText(ErrorInfoOf(bad.status()).code), "VEL3001");
  CHECK(ErrorInfoOf(bad.status()).place.known());
}

}  // namespace velaria
