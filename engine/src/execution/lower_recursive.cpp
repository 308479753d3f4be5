// Lowering of WITH RECURSIVE: two plans of their own inside one source.
#include "execution/lowering.hpp"
#include "execution/recursive.hpp"

namespace velaria::execution {
namespace {

/// Whether a plan can be run again over the newest rows with all that it has built: what depends on
/// them goes straight into the collector.
bool IsRepeatable(const PhysicalPlan& plan) {
  for (const auto& pipeline : plan.pipelines) {
    if (pipeline.when == When::kLast) return false;
    for (const auto& chain : pipeline.chains) {
      if (pipeline.when == When::kEvery && chain.accumulator != plan.result) return false;
    }
  }
  return true;
}

}  // namespace

Result<std::shared_ptr<const PhysicalPlan>> Lowering::RunToCollector(const LogicalNode& node) {
  ARROW_ASSIGN_OR_RAISE(auto drafts, LowerNode(node, false));
  plan_->result = Close(std::move(drafts), std::make_shared<RowCollectorNode>("collect rows"));
  return plan_;
}

Result<Lowering::Drafts> Lowering::LowerRecursive(const LogicalNode& node) {
  RecursiveSpec spec;
  spec.newest = std::make_shared<RecursiveRows>();
  spec.types = TypesOf(node);
  spec.distinct = node.distinct_rows;
  LowerOptions whole = options_;  // the rounds are the only triggers inside
  whole.stream_range = nullptr;
  whole.slice_tables = false;
  Lowering first(whole);
  first.recursions_ = recursions_;
  ARROW_ASSIGN_OR_RAISE(spec.first, first.RunToCollector(*node.children[0]));
  for (const bool repeated : {true, false}) {
    Lowering step(whole);
    step.recursions_ = recursions_;
    step.recursions_[node.recursive_id] = {spec.newest, repeated};
    ARROW_ASSIGN_OR_RAISE(spec.step, step.RunToCollector(*node.children[1]));
    spec.step_is_repeatable = repeated && IsRepeatable(*spec.step);
    if (spec.step_is_repeatable) break;
  }
  return One(std::make_shared<RecursiveNode>(std::move(spec)));
}

Result<Lowering::Drafts> Lowering::LowerRecursiveRef(const LogicalNode& node) {
  const auto found = recursions_.find(node.recursive_id);
  if (found == recursions_.end()) return Bug("a recursive reference outside its step");
  ARROW_ASSIGN_OR_RAISE(auto drafts, One(std::make_shared<RecursiveRefNode>(found->second.rows)));
  drafts[0].when = found->second.repeated ? When::kEvery : When::kFirst;
  return drafts;
}

}  // namespace velaria::execution
