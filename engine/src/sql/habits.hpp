// What people who come from PostgreSQL, DuckDB, MySQL or SQL Server write by habit and this engine
// has under another name or not at all: one table for each kind of thing, read only when a
// statement is refused. A hint is a full sentence that says what to write here.
#pragma once

#include <span>
#include <string_view>

namespace velaria::sql {

struct Habit {
  std::string_view word;
  std::string_view hint;
};

/// Functions that have another name here, in small letters.
std::span<const Habit> FunctionHabits();
/// What looks like a function and is a part of the language that is not offered.
std::span<const Habit> UnsupportedFunctions();
/// Operators that the grammar knows and does not offer.
std::span<const Habit> UnsupportedOperators();
/// What stands behind a table in FROM and is not offered.
std::span<const Habit> UnsupportedTableWords();
std::span<const Habit> TypeHabits();
std::span<const Habit> TableHabits();
/// What SHOW does not take.
std::span<const Habit> ShowHabits();

/// The habit of that word, in letters of any case, or null.
const Habit* FindHabit(std::span<const Habit> habits, std::string_view word);
/// Its hint, or "".
std::string_view HabitHint(std::span<const Habit> habits, std::string_view word);

/// The hint for `found` where the grammar expected `expected`, or "".
std::string_view SyntaxHint(std::string_view expected, std::string_view found);

}  // namespace velaria::sql
