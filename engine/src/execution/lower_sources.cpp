// Lowering of what makes rows beside scans: UNNEST, series, samples, shared sub-plans.
#include <numeric>

#include "execution/lowering.hpp"
#include "execution/row_collector.hpp"
#include "execution/sample.hpp"
#include "execution/unnest.hpp"

namespace velaria::execution {

Result<Lowering::Drafts> Lowering::LowerUnnest(const LogicalNode& node) {
  const LogicalNode& child = *node.children[0];
  const size_t made = node.expressions.size() + (node.with_ordinality ? 1 : 0);
  std::vector<int> columns = node.columns;
  if (node.output.size() == child.output.size() + made) {
    columns.resize(child.output.size());
    std::iota(columns.begin(), columns.end(), 0);
  }
  return Append(child,
                std::make_shared<UnnestNode>(node.expressions, std::move(columns),
                                             node.with_ordinality, node.keeps_empty),
                false);
}

Result<Lowering::Drafts> Lowering::LowerSeries(const LogicalNode& node) {
  return One(std::make_shared<SeriesNode>(node.series_from, node.series_to, node.series_step));
}

Result<Lowering::Drafts> Lowering::LowerSample(const LogicalNode& node) {
  const LogicalNode& child = *node.children[0];
  const bool of_scan = child.kind == NodeKind::kScan;
  if (of_scan && !node.sample->by_rows) {
    return Append(child, std::make_shared<SampleFilterNode>(*node.sample), false);
  }
  return Break(child, std::make_shared<SampleNode>(*node.sample, TypesOf(child), of_scan));
}

/// The first node of a number runs its child; all of them read what it left.
Result<Lowering::Drafts> Lowering::LowerShared(const LogicalNode& node) {
  auto found = shared_.find(node.shared_id);
  if (found == shared_.end()) {
    const bool was_whole = std::exchange(whole_, true);
    const int first = static_cast<int>(plan_->pipelines.size());
    ARROW_ASSIGN_OR_RAISE(auto drafts, LowerNode(*node.children[0], false));
    whole_ = was_whole;
    Shared shared;
    shared.accumulator =
        Close(std::move(drafts),
              std::make_shared<RowCollectorNode>("shared rows " + std::to_string(node.shared_id)));
    for (int i = first; i < static_cast<int>(plan_->pipelines.size()); ++i) {
      shared.dependencies.push_back(i);
    }
    found = shared_.emplace(node.shared_id, std::move(shared)).first;
  }
  Drafts drafts(1);
  drafts[0].source_accumulator = found->second.accumulator;
  drafts[0].dependencies = found->second.dependencies;
  return drafts;
}

}  // namespace velaria::execution
