// Order keys: the bytes order as the values do.
#include <arrow/json/from_string.h>

#include "check.hpp"
#include "functions/order_key.hpp"

namespace velaria {
namespace {

/// The values of an array from its JSON, which must be in ascending order, equal ones as they are
/// told by `equal_to_next`.
void CheckAscending(const TypePtr& type, const std::string& json,
                    const std::vector<bool>& equal_to_next) {
  const auto array = *arrow::json::ArrayFromJSONString(type, json);
  const OrderKeyWriter writer(MakeVector(array));
  std::vector<std::string> keys(static_cast<size_t>(array->length()));
  for (size_t i = 0; i < keys.size(); ++i) writer.Append(static_cast<int64_t>(i), &keys[i]);
  for (size_t i = 0; i + 1 < keys.size(); ++i) {
    CHECK_EQ(keys[i] == keys[i + 1], static_cast<bool>(equal_to_next[i]));
    CHECK(keys[i] <= keys[i + 1]);
  }
}

std::vector<bool> Strict(size_t count) { return std::vector<bool>(count, false); }

}  // namespace

TEST(lists_order_by_their_first_difference_and_then_by_length) {
  CheckAscending(arrow::list(arrow::int32()),
                 "[[], [-5], [-5, 7], [0], [1, -1], [1, 1], [1, null], [2], [null]]", Strict(8));
  CheckAscending(arrow::list(arrow::utf8()),
                 R"([[""], ["", ""], ["a"], ["a", "b"], ["a\u0000"], ["ab"], ["b"]])", Strict(6));
  CheckAscending(arrow::list(arrow::list(arrow::uint64())),
                 "[[], [[]], [[], [1]], [[1]], [[1, 18446744073709551615]], [[2]]]", Strict(5));
  CheckAscending(arrow::fixed_size_list(arrow::int8(), 2), "[[-1, 5], [0, -3], [0, 4]]", Strict(2));
}

TEST(structs_order_field_by_field) {
  CheckAscending(arrow::struct_({arrow::field("a", arrow::boolean()),
                                 arrow::field("b", arrow::decimal128(10, 2))}),
                 R"([{"a": false, "b": "9.00"}, {"a": true, "b": "-2.50"}, {"a": true, "b": "0.10"},
                     {"a": true, "b": null}, {"a": null, "b": "0.00"}])",
                 Strict(4));
}

TEST(intervals_order_by_their_length_with_months_of_30_days) {
  CheckAscending(arrow::month_day_nano_interval(),
                 "[[-1, 0, 0], [0, 0, -1], [0, 0, 0], [0, 0, 1], [0, 1, 0], [0, 0, 86400000000000],"
                 " [0, 29, 0], [0, 30, 0], [1, 0, 0], [1, 0, 1], [12, 0, 0], [0, 360, 0]]",
                 {false, false, false, false, true, false, false, true, false, false, true});
}

TEST(floats_inside_know_one_zero) {
  CheckAscending(arrow::list(arrow::float64()), "[[-1.5], [-0.0], [0.0], [0.25], [1e300]]",
                 {false, true, false, false});
}

TEST(a_slice_and_a_constant_are_read_where_they_lie) {
  const auto array =
      *arrow::json::ArrayFromJSONString(arrow::list(arrow::int32()), "[[9], [1], null, [2, 3]]");
  const Vector sliced{array->data()->Slice(1, 3), false};
  const OrderKeyWriter writer(sliced);
  CHECK(writer.IsValid(0));
  CHECK(!writer.IsValid(1));
  std::string one, two;
  writer.Append(0, &one);
  writer.Append(2, &two);
  CHECK(one < two);
  const OrderKeyWriter constant(Vector{array->data()->Slice(3, 1), true});
  std::string again;
  constant.Append(77, &again);
  CHECK(again == two);
  const auto keys = MakeOrderKeys(sliced, arrow::default_memory_pool());
  CHECK(keys.ok());
  CHECK_EQ(keys->length(), int64_t{3});
  CHECK(std::string(StringView(*keys)[2]) == two);
}

}  // namespace velaria
