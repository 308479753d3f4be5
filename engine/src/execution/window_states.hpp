// Any aggregate over any frame, by its states: the states of runs of 2^l rows make a tree, and a
// frame is the merge of a few of its nodes. A frame that begins with its partition goes on from the
// state carried to the beginning of its block, so that it looks at one block only.
#pragma once

#include "execution/window_frame.hpp"

namespace velaria::execution {

/// What an aggregate is given: `values[k]` for the k-th row that its FILTER lets through.
struct AggregateInput {
  std::vector<Vector> values;
  int64_t value_count = 0;
  std::vector<int32_t> value_of;  // per place: its k, or -1; empty: every place has its own
};

/// One result per place; `rows` holds the frames and their partitions.
Result<Vector> MergeOverFrames(const AggregateBinding& binding, const AggregateInput& input,
                               const WindowRows& rows, QueryContext& query);
/// One result per place: that of its partition.
Result<Vector> WholePartitions(const AggregateBinding& binding, const AggregateInput& input,
                               const WindowRun& run, QueryContext& query);

}  // namespace velaria::execution
