// The physical plan: pipelines and the accumulators they end in. Immutable, shared by every run.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "execution/roles.hpp"

namespace velaria::execution {

/// Operators that one chunk goes through, and the accumulator at their end.
struct Chain {
  std::vector<std::shared_ptr<const OperatorNode>> operators;
  int accumulator = -1;
};

/// One Source and one or more chains (a fork: every chunk goes through each).
struct Pipeline {
  std::shared_ptr<const SourceNode> source;  // null: what `source_accumulator` emits
  int source_accumulator = -1;
  std::vector<Chain> chains;
  std::vector<int> dependencies;             // pipelines that must be complete before this one starts
  bool per_trigger = false;                  // runs again at every trigger of a stream; others run at the first only
};

struct PhysicalPlan {
  std::vector<Pipeline> pipelines;           // dependencies have smaller numbers
  std::vector<std::shared_ptr<const AccumulatorNode>> accumulators;
  int result = -1;                           // the accumulator the reader reads
  std::vector<std::string> notes;            // choices worth telling in explain

  std::string ToText() const;
};

}  // namespace velaria::execution
