// Hashes of expressions: one for those that are Equal, different ones for those that differ in a
// constant.
#include "logical/expression_index.hpp"

#include "catalog_for_tests.hpp"
#include "check.hpp"
#include "sql/parser.hpp"
#include "sql/planner.hpp"

namespace velaria {
namespace {

logical::BoundExprPtr BoundForHash(const std::string& expression) {
  const auto statement = sql::ParseStatement("SELECT " + expression).ValueOrDie();
  sql::BindContext context;
  context.catalog = &check::TestCatalog();
  const arrow::Schema schema({arrow::field("a", arrow::int32()), arrow::field("s", arrow::utf8()),
                              arrow::field("x", arrow::float64())});
  return sql::BindOverSchema(*statement->select->items[0].expr, schema, "t", context).ValueOrDie();
}

/// "equal, one hash".
std::string Compared(const std::string& first, const std::string& second) {
  const auto a = BoundForHash(first), b = BoundForHash(second);
  return std::string(logical::Equal(*a, *b) ? "equal" : "different") + ", " +
         (logical::ExpressionHash(*a) == logical::ExpressionHash(*b) ? "one hash" : "two hashes");
}

}  // namespace

TEST(equal_expressions_have_one_hash) {
  for (const std::string expression :
       {"a + 1", "x * 0.5", "upper(s) || '!'", "a IN (1, 2, NULL)", "CAST(a AS VARCHAR)",
        "CASE WHEN a = 1 THEN NULL ELSE x END", "[a, 1]", "a = 1 AND NOT s LIKE 'b%'"}) {
    CHECK_EQ(Compared(expression, expression), "equal, one hash");
  }
}

TEST(expressions_that_differ_in_a_constant_have_two_hashes) {
  CHECK_EQ(Compared("a + 1", "a + 2"), "different, two hashes");
  CHECK_EQ(Compared("x * 0.5", "x * 0.25"), "different, two hashes");
  CHECK_EQ(Compared("x * 1e3", "x * 1e4"), "different, two hashes");
  CHECK_EQ(Compared("s || 'a'", "s || 'b'"), "different, two hashes");
  CHECK_EQ(Compared("a = 1", "a <> 1"), "different, two hashes");
  CHECK_EQ(Compared("a + 1", "x + 1"), "different, two hashes");
}

TEST(a_volatile_call_is_equal_to_itself_alone) {
  CHECK_EQ(Compared("random() + 1", "random() + 1"), "different, two hashes");
  const auto call = BoundForHash("random() + 1");
  CHECK(logical::ExpressionHash(*call) == logical::ExpressionHash(*call));
}

TEST(the_first_position_of_equal_entries_is_found) {
  logical::HashIndex index;
  const std::vector<int> entries = {4, 7, 4, 7, 9};
  std::vector<size_t> found;
  for (size_t i = 0; i < entries.size(); ++i) {
    const auto same = [&](size_t other) { return entries[other] == entries[i]; };
    found.push_back(index.FindOrAdd(/*hash=*/1, i, same));
  }
  CHECK(found == std::vector<size_t>({0, 1, 0, 1, 4}));
  CHECK(!index.Find(2, [](size_t) { return true; }));
}

}  // namespace velaria
