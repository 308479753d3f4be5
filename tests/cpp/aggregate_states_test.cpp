// States of aggregates: rows may be split in any way and the parts merged in any order, directly or
// through exported states, and the result is that of one pass.
#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_primitive.h>

#include <random>

#include "check.hpp"
#include "functions/registry.hpp"
#include "functions/row_list_states.hpp"

namespace velaria {
namespace {

constexpr int64_t kRows = 600;
constexpr uint32_t kGroups = 5;

/// The rows of a test: argument columns, groups, and the place of each row.
struct Rows {
  std::vector<Vector> arguments;
  std::vector<uint32_t> groups;
};

Vector Of(arrow::ArrayBuilder& builder) { return MakeVector(builder.Finish().ValueOrDie()); }

Vector Numbers(std::mt19937& random, int64_t distinct) {
  arrow::DoubleBuilder builder;
  for (int64_t i = 0; i < kRows; ++i) {
    const auto value = static_cast<double>(random() % static_cast<uint64_t>(distinct));
    (void)(random() % 11 == 0 ? builder.AppendNull() : builder.Append(value * 0.37 + 1));
  }
  return Of(builder);
}

Vector Words(std::mt19937& random) {
  arrow::StringBuilder builder;
  for (int64_t i = 0; i < kRows; ++i) {
    const std::string word = "a longer word of number " + std::to_string(random() % 40);
    (void)(random() % 11 == 0 ? builder.AppendNull() : builder.Append(word));
  }
  return Of(builder);
}

Vector Places() {
  arrow::Int64Builder builder;
  for (int64_t i = 0; i < kRows; ++i) (void)builder.Append((i / 100) << 32 | (i % 100));
  return Of(builder);
}

std::vector<uint32_t> AllGroups() {
  std::vector<uint32_t> groups(kGroups);
  for (uint32_t i = 0; i < kGroups; ++i) groups[i] = i;
  return groups;
}

std::string Text(const AggregateStates& states) {
  const auto groups = AllGroups();
  const auto result = states.Finish(groups, arrow::default_memory_pool());
  if (!result.ok()) return result.status().ToString();
  const auto array = result->array();
  const Status valid = array->ValidateFull();
  return valid.ok() ? array->ToString() : valid.ToString();
}

std::unique_ptr<AggregateStates> Fresh(const AggregateBinding& binding) {
  auto states = binding.make_states(binding);
  CHECK(states->Resize(kGroups).ok());
  return states;
}

/// One state over the rows for which `part` says so.
std::unique_ptr<AggregateStates> Over(const AggregateBinding& binding, const Rows& rows,
                                      const std::vector<int>& part_of, int part) {
  auto states = Fresh(binding);
  std::vector<uint32_t> picked, groups;
  for (uint32_t i = 0; i < part_of.size(); ++i) {
    if (part_of[i] != part) continue;
    picked.push_back(i);
    groups.push_back(rows.groups[i]);
  }
  std::vector<Vector> arguments;
  for (const auto& argument : rows.arguments) {
    arguments.push_back(Gather(argument, picked, arrow::default_memory_pool()).ValueOrDie());
  }
  const auto count = static_cast<int64_t>(picked.size());
  const Status status = states->Update(arguments, groups.data(), count);
  CHECK_EQ(status.ToString(), std::string("OK"));
  return states;
}

/// Parts merged in a random order, each through its exported columns.
std::string Merged(const AggregateBinding& binding, const Rows& rows, std::mt19937& random) {
  constexpr int kParts = 7;
  std::vector<int> part_of(rows.groups.size());
  for (auto& part : part_of) part = static_cast<int>(random() % kParts);
  std::vector<int> order(kParts);
  for (int i = 0; i < kParts; ++i) order[static_cast<size_t>(i)] = i;
  std::shuffle(order.begin(), order.end(), random);
  auto all = Fresh(binding);
  const auto groups = AllGroups();
  for (const int part : order) {
    const auto states = Over(binding, rows, part_of, part);
    const auto exported = states->Export(groups, arrow::default_memory_pool()).ValueOrDie();
    CHECK_EQ(exported.size(), binding.state_types.size());
    for (size_t i = 0; i < exported.size(); ++i) {
      CHECK_EQ(exported[i].type()->ToString(), binding.state_types[i]->ToString());
    }
    const Status status = all->Merge(exported, groups.data(), kGroups);
    CHECK_EQ(status.ToString(), std::string("OK"));
  }
  return Text(*all);
}

AggregateBinding Bound(const std::string& name, const std::vector<Vector>& arguments,
                       double fraction = -1) {
  const auto* function = FunctionRegistry::Instance().FindAggregate(name);
  BindArguments described;
  for (const auto& argument : arguments) {
    described.types.push_back(argument.type());
    described.constants.push_back(nullptr);
  }
  if (fraction >= 0) {
    described.types.push_back(arrow::float64());
    described.constants.push_back(std::make_shared<arrow::DoubleScalar>(fraction));
  }
  return BindAggregate(*function, described).ValueOrDie();
}

void CheckSplits(const AggregateBinding& binding, Rows rows, std::mt19937& random) {
  if (binding.needs_row_order) rows.arguments.push_back(Places());
  const std::vector<int> one(rows.groups.size(), 0);
  const std::string expected = Text(*Over(binding, rows, one, 0));
  for (int i = 0; i < 5; ++i) CHECK_EQ(Merged(binding, rows, random), expected);
}

Rows RowsOf(std::vector<Vector> arguments) {
  Rows rows{std::move(arguments), {}};
  for (int64_t i = 0; i < kRows; ++i) rows.groups.push_back(static_cast<uint32_t>(i * i % kGroups));
  return rows;
}

}  // namespace

TEST(aggregates_of_one_argument_are_the_same_however_rows_are_split) {
  std::mt19937 random(1);
  for (const char* name : {"array_agg", "first", "last", "mode", "median", "entropy", "geomean",
                           "approx_count_distinct", "count", "min", "max"}) {
    const auto numbers = Numbers(random, 90);
    CheckSplits(Bound(name, {numbers}), RowsOf({numbers}), random);
  }
  for (const char* name : {"array_agg", "string_agg", "first", "last", "mode", "median", "entropy",
                           "approx_count_distinct"}) {
    const auto words = Words(random);
    CheckSplits(Bound(name, {words}), RowsOf({words}), random);
  }
}

TEST(aggregates_of_two_arguments_are_the_same_however_rows_are_split) {
  std::mt19937 random(2);
  for (const char* name : {"arg_min", "arg_max"}) {
    const auto words = Words(random), keys = Numbers(random, 20);
    CheckSplits(Bound(name, {words, keys}), RowsOf({words, keys}), random);
    CheckSplits(Bound(name, {keys, words}), RowsOf({keys, words}), random);
  }
  const auto numbers = Numbers(random, 90);
  const Vector fraction =
      MakeConstant(std::make_shared<arrow::DoubleScalar>(0.3), arrow::default_memory_pool())
          .ValueOrDie();
  const Vector column = Expand(fraction, kRows, arrow::default_memory_pool()).ValueOrDie();
  for (const char* name : {"quantile_cont", "quantile_disc", "approx_quantile"}) {
    CheckSplits(Bound(name, {numbers}, 0.3), RowsOf({numbers, column}), random);
  }
}

TEST(reproducible_statistics_are_the_same_to_the_bit_however_rows_are_split) {
  std::mt19937 random(3);
  const auto x = Numbers(random, 100000), y = Numbers(random, 100000);
  for (const char* name : {"var_samp", "var_pop", "stddev_samp", "stddev_pop"}) {
    CheckSplits(*Bound(name, {x}).reproducible, RowsOf({x}), random);
  }
  for (const char* name :
       {"corr", "covar_samp", "covar_pop", "regr_slope", "regr_intercept", "regr_r2", "regr_avgx",
        "regr_avgy", "regr_sxx", "regr_syy", "regr_sxy", "regr_count"}) {
    CheckSplits(*Bound(name, {x, y}).reproducible, RowsOf({x, y}), random);
  }
}

TEST(sort_keys_of_a_call_are_carried_in_its_states) {
  std::mt19937 random(4);
  const auto words = Words(random), keys = Numbers(random, 20);
  for (const char* name : {"array_agg", "string_agg", "first", "last"}) {
    auto binding = Bound(name, {words});
    AddOrder(&binding, {1, true, false}, arrow::float64());
    CheckSplits(binding, RowsOf({words, keys}), random);
  }
}

TEST(both_kinds_of_statistics_hold_under_a_large_mean) {
  std::mt19937 random(5);
  arrow::DoubleBuilder x, y;
  for (int64_t i = 0; i < kRows; ++i) {
    (void)x.Append(1e12 + static_cast<double>(i % 2));
    (void)y.Append(1e12 - static_cast<double>(i % 2));
  }
  const Rows rows{{Of(y), Of(x)}, std::vector<uint32_t>(kRows, 0)};
  const Rows one{{rows.arguments[1]}, rows.groups};
  const auto value = [&](const AggregateBinding& binding, const Rows& over) {
    std::vector<int> part_of(kRows);
    for (auto& part : part_of) part = static_cast<int>(random() % 3);
    auto all = Fresh(binding);
    const auto groups = AllGroups();
    for (int part = 0; part < 3; ++part) {
      const auto states = Over(binding, over, part_of, part);
      const auto exported = states->Export(groups, arrow::default_memory_pool()).ValueOrDie();
      CHECK(all->Merge(exported, groups.data(), kGroups).ok());
    }
    return ViewFixed<double>(all->Finish(groups, arrow::default_memory_pool()).ValueOrDie())[0];
  };
  const auto variance = Bound("var_pop", one.arguments);
  const auto slope = Bound("regr_slope", rows.arguments);
  for (const auto* kind : {&variance, variance.reproducible.get()}) {
    CHECK(std::abs(value(*kind, one) - 0.25) < 0.25e-9);
  }
  for (const auto* kind : {&slope, slope.reproducible.get()}) {
    CHECK(std::abs(value(*kind, rows) + 1) < 1e-9);
  }
}

}  // namespace velaria
