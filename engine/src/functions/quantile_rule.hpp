// What the quantiles over groups and those over window frames share: which places of the sorted
// values they read, and what lies between two of them.
#pragma once

#include <cmath>
#include <optional>
#include <vector>

#include "functions/registry.hpp"

namespace velaria {

struct QuantileRule {
  size_t value = 0;  // which argument
  bool continuous = false;
  bool lists = false;  // a list of fractions was given: one result each
  std::vector<std::optional<double>> fractions;
};

inline const QuantileRule& QuantileRuleOf(const AggregateBinding& binding) {
  return *static_cast<const QuantileRule*>(binding.data.get());
}

/// The fraction that a constant is, none for NULL; VEL2015 for what is not a number from 0 to 1. It
/// is read as its text is, since Arrow's cast makes 0.30000000000000004 of the DECIMAL 0.3.
Result<std::optional<double>> FractionOf(const arrow::Scalar& constant);

/// The place, from 0, of the first of `count` sorted values whose place reaches the fraction.
inline int64_t DiscretePlace(double fraction, int64_t count) {
  return static_cast<int64_t>(std::max(1.0, std::ceil(fraction * static_cast<double>(count)))) - 1;
}

/// Linear between two neighbours, as PostgreSQL has it.
template <typename T>
T BetweenNeighbours(T low, T high, double rest) {
  if constexpr (std::is_floating_point_v<T>) {
    return low == high ? high : low + (high - low) * rest;
  } else {
    const auto step = static_cast<double>(static_cast<__int128>(high) - low) * rest;
    return static_cast<T>(low + static_cast<__int128>(step));
  }
}

/// The quantiles of BindQuantile over the frame of every row, in O(log n) each.
Result<Vector> QuantilesOverFrames(const FunctionContext& context, const AggregateBinding& binding,
                                   const WindowRows& rows);
/// mode(value): in O(log n) for each row that enters or leaves the frame from one row to the next.
Result<Vector> ModeOverFrames(const FunctionContext& context, const AggregateBinding& binding,
                              const WindowRows& rows);

}  // namespace velaria
