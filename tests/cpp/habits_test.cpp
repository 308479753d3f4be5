// The tables of other databases' words: a word that is one of ours needs no hint.
#include "sql/habits.hpp"

#include <initializer_list>
#include <set>

#include "base/text.hpp"
#include "check.hpp"
#include "columnar/types.hpp"
#include "functions/registry.hpp"
#include "sql_tree.hpp"

namespace velaria::sql {
namespace {

TEST(a_function_that_has_another_name_here_is_none_of_ours) {
  const auto& registry = FunctionRegistry::Instance();
  for (const auto& habits : {FunctionHabits(), UnsupportedFunctions()}) {
    for (const Habit& habit : habits) {
      const std::string name(habit.word);
      CHECK_EQ(name, ToLower(name));
      CHECK(!registry.FindScalar(name));
      CHECK(!registry.FindAggregate(name));
      CHECK(!registry.FindWindow(name));
    }
  }
}

TEST(a_type_that_has_another_name_here_is_none_of_ours) {
  for (const Habit& habit : TypeHabits()) {
    CHECK(!TypeFromSqlName(std::string(habit.word), {}, false).ok());
  }
}

TEST(every_hint_is_a_sentence_of_a_word_that_stands_once) {
  for (const auto& habits : {FunctionHabits(), UnsupportedFunctions(), UnsupportedOperators(),
                             UnsupportedTableWords(), TypeHabits(), TableHabits(), ShowHabits()}) {
    std::set<std::string_view> words;
    for (const Habit& habit : habits) {
      CHECK(words.insert(habit.word).second);
      CHECK(habit.hint.ends_with('.'));
    }
  }
}

TEST(words_of_other_databases_stay_names_where_they_can_be) {
  CHECK_EQ(ShowQuery("SELECT top FROM t"), "select top from t");
  CHECK_EQ(ShowQuery("SELECT a FROM t pivot(a, b)").substr(0, 3), "sel");
  CHECK_EQ(ShowQuery("SELECT a FROM t positional JOIN b ON a").substr(0, 3), "sel");
  CHECK_EQ(ShowQuery("SELECT modify, change FROM dual").substr(0, 3), "sel");
}

}  // namespace
}  // namespace velaria::sql
