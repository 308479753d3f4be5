// The value of an order-independent sum with more digits than a double has: what is left of it when
// large sums are subtracted from each other decides a variance.
#pragma once

#include "functions/reproducible_sum.hpp"

namespace velaria {

/// 113 bits of mantissa; slow, and meant for a few operations per group.
__extension__ using WideFloat = __float128;

inline WideFloat WideValue(ReproducibleSum sum) {
  const double head = sum.Value();
  if (!std::isfinite(head)) return head;
  sum.Add(-head);
  return static_cast<WideFloat>(head) + sum.Value();
}

/// Adds a * b without rounding: the product and what it left out.
inline void AddProduct(double a, double b, ReproducibleSum* sum) {
  const double product = a * b;
  sum->Add(product);
  if (std::isfinite(product)) sum->Add(std::fma(a, b, -product));
}

}  // namespace velaria
