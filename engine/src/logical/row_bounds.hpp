// What can be said of the rows of a plan before it runs.
#pragma once

#include "logical/plan.hpp"

namespace velaria::logical {

/// Whether the plan gives one row, whatever it reads.
bool GivesOneRow(const LogicalNode& plan);
/// Whether a scalar subquery whose aggregate sees no rows gives NULL, as a missing partner in a
/// left join does.
bool IsNullWithoutRows(const LogicalNode& plan);

}  // namespace velaria::logical
