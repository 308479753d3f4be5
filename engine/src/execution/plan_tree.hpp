// A physical plan as one tree: each operator with what it reads below it, the way EXPLAIN (FORMAT
// JSON) and EXPLAIN ANALYZE show it. Made of the pipelines; with an Analysis each operator has its
// figures.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "execution/analysis.hpp"

namespace velaria::execution {

struct PlanTreeFigures {
  std::optional<int64_t> rows_in;   // absent: a source, which makes its rows
  std::optional<int64_t> rows_out;  // absent: a join's build, whose rows stay with it
  double wall_ms = 0, cpu_ms = 0;   // over all threads
  int64_t peak_memory_bytes = 0;
  std::map<std::string, int64_t> facts;
};

struct PlanTree {
  std::string text;  // as in the physical section: "filter (a > 5)"
  /// What the operator makes stands elsewhere in the tree as well, with its figures: this is one
  /// more reading of it.
  bool is_repeated = false;
  PlanTreeFigures figures;  // with an Analysis, and not of a repeated one
  std::vector<PlanTree> children;
};

/// The tree below the plan's result. `analysis` may be null.
PlanTree MakePlanTree(const PhysicalPlan& plan, const Analysis* analysis);

}  // namespace velaria::execution
