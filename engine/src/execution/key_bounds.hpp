// A join's build tells the scans of its probe side between which values its keys lie, so that
// segments and row groups that hold none of them are not read. What stands between scan and join
// may only drop rows, or group them by the keys.
#pragma once

#include <vector>

#include "execution/roles.hpp"
#include "io/file_table.hpp"

namespace velaria::execution {

struct KeyBounds {
  int build = -1;  // the accumulator's number
  size_t key = 0;  // a column of the build's rows, of a type whose values have one order everywhere
  int column = 0;  // of the scan's relation
};

/// `predicates` and those that follow from the builds, which are sealed.
Result<std::vector<io::SimplePredicate>> WithBounds(std::vector<io::SimplePredicate> predicates,
                                                    const std::vector<KeyBounds>& bounds,
                                                    const PlanStates& states);

}  // namespace velaria::execution
