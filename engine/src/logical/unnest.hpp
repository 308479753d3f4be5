// Subqueries become joins (Neumann and Kemper, "Unnesting Arbitrary Queries", 2015): no subquery is
// ever run once per row.
//
// An uncorrelated subquery is computed once and joined to every row. A correlated one is turned
// into a plan that computes its rows for all values of its outer arguments together, with these
// values as further columns, and is joined on them. Where the subquery's own equalities say which
// values can have rows (`inner.a = outer.b`), the inner side of the equality takes the place of the
// outer one; elsewhere the distinct values are gathered from the outer rows and pushed down.
#pragma once

#include <map>

#include "logical/plan.hpp"

namespace velaria::logical {

struct UnnestState {
  int next_id = 0;                   // the next number for a shared plan
  std::map<int, LogicalPtr> shared;  // what became of those met so far
};

/// `root` without kSubquery, kOuter and LATERAL joins. The output's columns stay.
Result<LogicalPtr> UnnestSubqueries(const LogicalPtr& root, UnnestState* state);

}  // namespace velaria::logical
