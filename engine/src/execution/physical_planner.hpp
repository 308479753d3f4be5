// Lowers a logical plan to pipelines.
#pragma once

#include <functional>
#include <memory>

#include "execution/plan.hpp"
#include "execution/relations.hpp"
#include "logical/plan.hpp"

namespace velaria::execution {

struct LowerOptions {
  /// For a continuous query: the rows of a stream that the next trigger reads. Null: every relation
  /// is read whole.
  std::function<std::function<TableRange()>(const TableRelation&)> stream_range;
  /// Treat the first table on the probe side like a stream (SET debug_trigger_rows): its scan runs
  /// at every trigger, what stands above a pipeline breaker at the last. Only plans of one input
  /// chain are cut so; see `sliced`.
  bool slice_tables = false;
  /// For a lane fragment: cut the plan at its aggregate and end there; the accumulator's snapshot
  /// is the result.
  bool stop_at_aggregate = false;
  /// For the lane's merge: the aggregate's input is not run; its state is filled from snapshots
  /// before the first trigger (PhysicalPlan::merged).
  bool from_partials = false;
  /// Sums of floats that depend on neither the order nor the cut of the rows (SET float_sum). A
  /// plan that runs at several triggers or in several places has them in any case.
  bool reproducible_sums = false;
};

/// The plan of a query whose rows a reader reads. A LIMIT at the root is applied in the result
/// sink.
Result<std::shared_ptr<const PhysicalPlan>> Lower(const logical::LogicalPtr& root,
                                                  const SchemaPtr& schema,
                                                  const LowerOptions& options = {});

/// The plan whose rows a sink takes: its state is the plan's result.
Result<std::shared_ptr<const PhysicalPlan>> LowerToSink(const logical::LogicalPtr& root,
                                                        std::shared_ptr<const AccumulatorNode> sink,
                                                        const LowerOptions& options);

}  // namespace velaria::execution
