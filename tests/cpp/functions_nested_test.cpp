// Lists, structs, regular expressions and JSON over columns: nulls, dictionaries, large and
// fixed-size lists, slices of arrays.
#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_nested.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/compute/cast.h>

#include "check.hpp"
#include "expressions_for_tests.hpp"

namespace velaria {

using check::Columns;
using check::Encoded;
using check::Integers;
using check::Texts;
using check::TypeOf;
using check::Value;

namespace {

/// [1, 2], NULL, [], [NULL, 5] as a list of INTEGER.
std::shared_ptr<arrow::Array> Lists() {
  auto values = std::make_shared<arrow::Int32Builder>();
  arrow::ListBuilder lists(arrow::default_memory_pool(), values);
  const bool built = lists.Append().ok() && values->AppendValues({1, 2}).ok() &&
                     lists.AppendNull().ok() && lists.Append().ok() && lists.Append().ok() &&
                     values->AppendNull().ok() && values->Append(5).ok();
  return built ? lists.Finish().ValueOrDie() : nullptr;
}

}  // namespace

TEST(lists_of_a_column_are_read_with_their_nulls) {
  const Columns t{{{"l", Lists()}, {"i", Integers({2, 1, 1, std::nullopt})}}};
  CHECK_EQ(Value("l", t), "[1, 2], NULL, [], [NULL, 5]");
  CHECK_EQ(Value("length(l)", t), "2, NULL, 0, 2");
  CHECK_EQ(Value("l[i]", t), "2, NULL, NULL, NULL");
  CHECK_EQ(Value("l[-1]", t), "2, NULL, NULL, 5");
  CHECK_EQ(Value("l[1:1]", t), "[1], NULL, [], [NULL]");
  CHECK_EQ(Value("list_contains(l, i)", t), "true, NULL, false, NULL");
  CHECK_EQ(Value("list_contains([2, 3], i)", t), "true, false, false, NULL");
  CHECK_EQ(Value("list_position(l, NULL)", t), "NULL, NULL, NULL, 1");
  CHECK_EQ(Value("5 = ANY(l)", t), "false, NULL, false, true");
  CHECK_EQ(Value("6 = ANY(l)", t), "false, NULL, false, NULL");
  CHECK_EQ(Value("i < ALL(l)", t), "false, NULL, true, NULL");
  CHECK_EQ(Value("list_append(l, i)", t), "[1, 2, 2], [1], [1], [NULL, 5, NULL]");
  CHECK_EQ(Value("list_concat(l, [9])", t), "[1, 2, 9], [9], [9], [NULL, 5, 9]");
  CHECK_EQ(Value("list_sort(l, 'DESC', 'NULLS FIRST')", t), "[2, 1], NULL, [], [NULL, 5]");
  CHECK_EQ(Value("list_sum(l)", t), "3, NULL, NULL, 5");
  CHECK_EQ(Value("list_avg(l)", t), "1.5, NULL, NULL, 5");
  CHECK_EQ(Value("[i, 7]", t), "[2, 7], [1, 7], [1, 7], [NULL, 7]");
  CHECK_EQ(Value("to_json(l)", t), "[1,2], NULL, [], [null,5]");
  CHECK_EQ(Value("coalesce(l, [0])", t), "[1, 2], [0], [], [NULL, 5]");
  CHECK_EQ(Value("CASE WHEN i = 1 THEN l ELSE [i] END", t), "[2], NULL, [], [NULL]");
}

TEST(a_slice_of_a_list_column_begins_where_it_begins) {
  const Columns t{{{"l", Lists()->Slice(3, 1)}}};
  CHECK_EQ(Value("l", t), "[NULL, 5]");
  CHECK_EQ(Value("l[2]", t), "5");
  CHECK_EQ(Value("list_reverse(l)", t), "[5, NULL]");
  CHECK_EQ(Value("list_concat(l, l)", t), "[NULL, 5, NULL, 5]");
}

TEST(large_and_fixed_size_lists_are_lists) {
  const auto large = arrow::compute::Cast(*Lists(), arrow::large_list(arrow::int32())).ValueOrDie();
  const Columns t{{{"l", large}}};
  CHECK_EQ(Value("l", t), "[1, 2], NULL, [], [NULL, 5]");
  CHECK_EQ(Value("l[2]", t), "2, NULL, NULL, 5");
  arrow::FixedSizeListBuilder fixed(arrow::default_memory_pool(),
                                    std::make_shared<arrow::FloatBuilder>(), 2);
  auto& floats = *static_cast<arrow::FloatBuilder*>(fixed.value_builder());
  CHECK(fixed.Append().ok() && floats.AppendValues({1.5f, 2.0f}).ok() && fixed.AppendNull().ok());
  const Columns v{{{"v", fixed.Finish().ValueOrDie()}}};
  CHECK_EQ(Value("v", v), "[1.5, 2], NULL");
  CHECK_EQ(Value("v[1]", v), "1.5, NULL");
  CHECK_EQ(Value("length(v)", v), "2, NULL");
}

TEST(lists_of_unlike_elements_meet_in_one_type) {
  CHECK_EQ(TypeOf("[1, 2.5]"), "DECIMAL(11,1)[]");
  CHECK_EQ(TypeOf("[1, NULL]"), "INTEGER[]");
  CHECK_EQ(TypeOf("list_concat([1], [3000000000])"), "BIGINT[]");
  CHECK_EQ(TypeOf("list_append([1], 3000000000)"), "BIGINT[]");
  CHECK_EQ(TypeOf("[1, true]").substr(0, 7), "VEL2016");
  CHECK_EQ(Value("[[1], [NULL], []]"), "[[1], [NULL], []]");
}

TEST(fields_of_a_struct_are_null_where_it_is) {
  arrow::StructBuilder builder(
      arrow::struct_({arrow::field("a", arrow::int32()), arrow::field("B", arrow::utf8())}),
      arrow::default_memory_pool(),
      {std::make_shared<arrow::Int32Builder>(), std::make_shared<arrow::StringBuilder>()});
  auto& a = *static_cast<arrow::Int32Builder*>(builder.field_builder(0));
  auto& b = *static_cast<arrow::StringBuilder*>(builder.field_builder(1));
  CHECK(builder.Append().ok() && a.Append(1).ok() && b.Append("x, y").ok());
  CHECK(builder.AppendNull().ok());
  const Columns t{{{"r", builder.Finish().ValueOrDie()}}};
  CHECK_EQ(Value("r", t), "{'a': 1, 'B': 'x, y'}, NULL");
  CHECK_EQ(Value("r.a", t), "1, NULL");
  CHECK_EQ(Value("(r).b", t), "x, y, NULL");
  CHECK_EQ(Value("r['a']", t), "1, NULL");
  CHECK_EQ(Value("r.c", t).substr(0, 7), "VEL2012");
  CHECK_EQ(Value("to_json(r)", t), "{\"a\":1,\"B\":\"x, y\"}, NULL");
}

TEST(patterns_that_vary_are_matched_row_by_row) {
  const Columns t{{{"s", Encoded({"a1", "bb", std::nullopt, "c"})},
                   {"p", Texts({"[0-9]", "b+", "x", std::nullopt})}}};
  CHECK_EQ(Value("s ~ p", t), "true, true, NULL, NULL");
  CHECK_EQ(Value("regexp_extract(s, p)", t), "1, bb, NULL, NULL");
  CHECK_EQ(Value("regexp_count(s, '[a-z]')", t), "1, 2, NULL, 1");
  CHECK_EQ(Value("regexp_extract_all(s, '.')", t), "[a, 1], [b, b], NULL, [c]");
  const Columns bad{{{"s", Texts({"a"})}, {"p", Texts({"("})}}};
  CHECK_EQ(Value("s ~ p", bad), "VEL2008 not a regular expression: (");
}

TEST(json_is_read_to_its_depth_and_no_further) {
  std::string deep(600, '['), closed(600, ']');
  CHECK_EQ(Value("json_valid('" + deep + closed + "')"), "false");
  CHECK_EQ(Value("json_valid('" + deep.substr(0, 400) + closed.substr(0, 400) + "')"), "true");
  CHECK_EQ(Value("json_extract_string('\"\\ud83d\\ude00\"', '$')"), "😀");
  CHECK_EQ(Value("json_extract('{\"a\":1,}', '$.a')").substr(0, 7), "VEL3004");
  CHECK_EQ(Value("json_extract('{\"a\": [1, 2]} x', '$.a')").substr(0, 7), "VEL3004");
  const Columns t{{{"j", Encoded({"{\"a\":1}", std::nullopt, "{\"b\":2}"})},
                   {"p", Texts({"$.a", "$.a", "b"})}}};
  CHECK_EQ(Value("j -> 'a'", t), "1, NULL, NULL");
  CHECK_EQ(Value("j ->> p", t), "1, NULL, 2");
  CHECK_EQ(Value("json_keys(j)", t), "[a], NULL, [b]");
}

TEST(volatile_functions_give_every_row_its_own_value) {
  const Columns t{{{"i", Integers({1, 2, 3})}}};
  CHECK_EQ(Value("random() = random()", t), "false, false, false");
  CHECK_EQ(Value("random() + i > i", t), "true, true, true");
}

TEST(values_under_nulls_are_not_looked_at_by_the_new_functions) {
  const Columns t{{{"s", Texts({std::nullopt, "2013"})}, {"i", Integers({std::nullopt, 4})}}};
  CHECK_EQ(Value("strptime(s, '%Y')", t), "NULL, 2013-01-01 00:00:00");
  CHECK_EQ(Value("factorial(i)", t), "NULL, 24");
  CHECK_EQ(Value("1 << i", t), "NULL, 16");
  CHECK_EQ(Value("to_days(i)", t), "NULL, 4 days");
}

}  // namespace velaria
