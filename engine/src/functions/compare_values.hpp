// The order of values: one rule for `<`, ORDER BY, min, max and merge. Floats follow PostgreSQL:
// NaN equals NaN and stands above every number; -0 equals 0. Strings and blobs compare by bytes,
// which for UTF-8 is code point order.
#pragma once

#include <string_view>
#include <type_traits>

#include "functions/elementwise.hpp"

namespace velaria::kernels {

template <typename T>
bool ValuesEqual(const T& a, const T& b) {
  if constexpr (std::is_floating_point_v<T>) {
    return a == b || ((a != a) & (b != b));
  } else if constexpr (std::is_same_v<T, DecimalCell>) {
    return ((a.low ^ b.low) | (a.high ^ b.high)) == 0;
  } else {
    return a == b;
  }
}

template <typename T>
bool ValueLess(const T& a, const T& b) {
  if constexpr (std::is_floating_point_v<T>) {
    return (a < b) | ((a == a) & (b != b));
  } else if constexpr (std::is_same_v<T, DecimalCell>) {
    return a.value() < b.value();
  } else {
    return a < b;
  }
}

struct Equal {
  static constexpr const char* kSign = "=";
  template <typename T>
  static bool Test(const T& a, const T& b) {
    return ValuesEqual(a, b);
  }
};
struct NotEqual {
  static constexpr const char* kSign = "<>";
  template <typename T>
  static bool Test(const T& a, const T& b) {
    return !ValuesEqual(a, b);
  }
};
struct Less {
  static constexpr const char* kSign = "<";
  template <typename T>
  static bool Test(const T& a, const T& b) {
    return ValueLess(a, b);
  }
};
struct LessEqual {
  static constexpr const char* kSign = "<=";
  template <typename T>
  static bool Test(const T& a, const T& b) {
    return !ValueLess(b, a);
  }
};
struct Greater {
  static constexpr const char* kSign = ">";
  template <typename T>
  static bool Test(const T& a, const T& b) {
    return ValueLess(b, a);
  }
};
struct GreaterEqual {
  static constexpr const char* kSign = ">=";
  template <typename T>
  static bool Test(const T& a, const T& b) {
    return !ValueLess(a, b);
  }
};

}  // namespace velaria::kernels
