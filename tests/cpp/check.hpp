// The C++ tests' whole framework. A failed check is printed with both values and the test goes on;
// a failed REQUIRE ends its test. Test names are sentences: TEST(a_cut_statement_is_an_error) { ...
// }
#pragma once

#include <arrow/result.h>
#include <arrow/status.h>

#include <iostream>
#include <sstream>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace velaria::check {

struct TestCase {
  const char* name;
  const char* file;
  void (*run)();
};

/// All tests of the executable, filled before main.
std::vector<TestCase>& AllTests();
/// Reports a failed check of the test that is running.
void ReportFailure(const char* file, int line, const std::string& message);

struct Registration {
  Registration(const char* name, const char* file, void (*run)()) {
    AllTests().push_back({name, file, run});
  }
};

/// Ends the test that is running; thrown by REQUIRE only.
struct TestEnded {};

template <typename T>
std::string Show(const T& value) {
  std::ostringstream out;
  if constexpr (requires { out << value; }) {
    out << std::boolalpha << value;
  } else if constexpr (std::is_enum_v<T>) {
    out << static_cast<long long>(value);
  } else {
    out << "(a value without text)";
  }
  return out.str();
}

/// Integers that compare by value whatever their signs; characters and booleans are none.
template <typename T>
inline constexpr bool kIsNumber =
    std::is_integral_v<T> && !std::is_same_v<T, bool> && !std::is_same_v<T, char> &&
    !std::is_same_v<T, wchar_t> && !std::is_same_v<T, char8_t> && !std::is_same_v<T, char16_t> &&
    !std::is_same_v<T, char32_t>;

template <typename A, typename B>
bool Equal(const A& a, const B& b) {
  if constexpr (kIsNumber<A> && kIsNumber<B>) {
    return std::cmp_equal(a, b);
  } else {
    return a == b;
  }
}

/// A function, so that temporaries in either argument live until both are compared.
template <typename A, typename B>
void CheckEqual(const A& actual, const B& expected, const char* text, const char* file, int line) {
  if (Equal(actual, expected)) return;
  ReportFailure(file, line,
                std::string("not equal: ") + text + "\n    actual:   " + Show(actual) +
                    "\n    expected: " + Show(expected));
}

inline const arrow::Status& StatusOf(const arrow::Status& status) { return status; }
template <typename T>
const arrow::Status& StatusOf(const arrow::Result<T>& result) {
  return result.status();
}

}  // namespace velaria::check

#define TEST(name)                                                                                \
  static void test_##name();                                                                      \
  static const ::velaria::check::Registration registration_##name{#name, __FILE__, &test_##name}; \
  static void test_##name()

#define VELARIA_CHECK_FAILED(message) ::velaria::check::ReportFailure(__FILE__, __LINE__, (message))

#define CHECK(condition)                                           \
  do {                                                             \
    if (!(condition)) VELARIA_CHECK_FAILED("not so: " #condition); \
  } while (false)

#define CHECK_EQ(actual, expected) \
  ::velaria::check::CheckEqual((actual), (expected), #actual, __FILE__, __LINE__)

/// For a Status or a Result.
#define CHECK_OK(expr)                                                                  \
  do {                                                                                  \
    auto&& check_outcome = (expr);                                                      \
    const auto& check_status = ::velaria::check::StatusOf(check_outcome);               \
    if (!check_status.ok()) VELARIA_CHECK_FAILED(#expr ": " + check_status.ToString()); \
  } while (false)

#define REQUIRE(condition)                         \
  do {                                             \
    if (!(condition)) {                            \
      VELARIA_CHECK_FAILED("not so: " #condition); \
      throw ::velaria::check::TestEnded{};         \
    }                                              \
  } while (false)
