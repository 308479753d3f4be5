// sum and avg of intervals.
#pragma once

#include "functions/registry.hpp"

namespace velaria {

/// sum(INTERVAL), or avg with `average`.
AggregateBinding BindIntervalSum(bool distinct, bool average);

}  // namespace velaria
