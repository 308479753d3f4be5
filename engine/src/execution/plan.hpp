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

/// At which triggers of a run a pipeline runs. A batch query has one trigger, which is first and
/// last.
enum class When {
  kFirst,  // once, at the beginning: what does not depend on the unbounded input
  kEvery,  // at each trigger
  kLast,   // once, at the end of the input
};

/// One Source and one or more chains (a fork: every chunk goes through each). The pipeline ends
/// early when its first chain wants no more.
struct Pipeline {
  std::shared_ptr<const SourceNode> source;  // null: what `source_accumulator` emits
  int source_accumulator = -1;
  std::vector<Chain> chains;
  std::vector<int> dependencies;  // pipelines that must be complete before this one starts
  When when = When::kFirst;
};

struct PhysicalPlan {
  std::vector<Pipeline> pipelines;  // dependencies have smaller numbers
  std::vector<std::shared_ptr<const AccumulatorNode>> accumulators;
  int result = -1;  // the accumulator the reader reads
  int merged = -1;  // of a lane's merge: the aggregate that snapshots are merged into
  int late = -1;    // of a windowed stream: positions of rows without a time
  std::vector<std::string> notes;  // choices worth telling in explain

  std::string ToText() const;
};

}  // namespace velaria::execution
