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

// The six comparisons. `TestPlain` is the same for floats whose right side is no NaN, without its
// price; `Mirror` is the comparison with the sides exchanged.
struct Greater;
struct GreaterEqual;

struct Equal {
  using Mirror = Equal;
  static constexpr const char* kSign = "=";
  template <typename T>
  static bool Test(const T& a, const T& b) {
    return ValuesEqual(a, b);
  }
  template <typename T>
  static bool TestPlain(T a, T b) {
    return a == b;
  }
};
struct NotEqual {
  using Mirror = NotEqual;
  static constexpr const char* kSign = "<>";
  template <typename T>
  static bool Test(const T& a, const T& b) {
    return !ValuesEqual(a, b);
  }
  template <typename T>
  static bool TestPlain(T a, T b) {
    return a != b;
  }
};
struct Less {
  using Mirror = Greater;
  static constexpr const char* kSign = "<";
  template <typename T>
  static bool Test(const T& a, const T& b) {
    return ValueLess(a, b);
  }
  template <typename T>
  static bool TestPlain(T a, T b) {
    return a < b;
  }
};
struct LessEqual {
  using Mirror = GreaterEqual;
  static constexpr const char* kSign = "<=";
  template <typename T>
  static bool Test(const T& a, const T& b) {
    return !ValueLess(b, a);
  }
  template <typename T>
  static bool TestPlain(T a, T b) {
    return a <= b;
  }
};
struct Greater {
  using Mirror = Less;
  static constexpr const char* kSign = ">";
  template <typename T>
  static bool Test(const T& a, const T& b) {
    return ValueLess(b, a);
  }
  template <typename T>
  static bool TestPlain(T a, T b) {
    return !(a <= b);
  }
};
struct GreaterEqual {
  using Mirror = LessEqual;
  static constexpr const char* kSign = ">=";
  template <typename T>
  static bool Test(const T& a, const T& b) {
    return !ValueLess(a, b);
  }
  template <typename T>
  static bool TestPlain(T a, T b) {
    return !(a < b);
  }
};

}  // namespace velaria::kernels
