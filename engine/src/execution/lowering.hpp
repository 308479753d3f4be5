// Lowering of one plan: pipelines under construction, and how each kind of node adds to them. What
// needs more than a few lines per node stands in lower_*.cpp.
#pragma once

#include <map>
#include <utility>

#include "base/cancel_scope.hpp"
#include "execution/aggregate.hpp"
#include "execution/join.hpp"
#include "execution/physical_planner.hpp"
#include "execution/position_sink.hpp"
#include "execution/result_sink.hpp"
#include "execution/row_operators.hpp"
#include "execution/scan_predicates.hpp"
#include "execution/sort.hpp"

namespace velaria::execution {

using logical::LogicalNode;
using logical::LogicalPtr;
using logical::NodeKind;

inline std::vector<TypePtr> TypesOf(const LogicalNode& node) {
  std::vector<TypePtr> types;
  for (const auto& column : node.output) types.push_back(column.type);
  return types;
}

class RecursiveRows;

/// A pipeline that has no end yet.
struct Draft {
  std::shared_ptr<const SourceNode> source;
  int source_accumulator = -1;
  std::vector<std::shared_ptr<const OperatorNode>> operators;
  std::vector<Chain> forks;  // complete chains beside the one that is being built
  std::vector<int> dependencies;
  When when = When::kFirst;
};

class Lowering {
 public:
  explicit Lowering(const LowerOptions& options) : options_(options) {}

  Result<std::shared_ptr<const PhysicalPlan>> Run(const LogicalPtr& root, const SchemaPtr& schema) {
    const LogicalNode* top = root.get();
    int64_t limit = -1, offset = 0;
    if (top->kind == NodeKind::kLimit) {
      limit = top->limit;
      offset = top->offset;
      top = top->children[0].get();
    }
    ARROW_ASSIGN_OR_RAISE(auto drafts, LowerNode(*top, true));
    plan_->result =
        Close(std::move(drafts), std::make_shared<ResultSinkNode>(schema, limit, offset));
    return plan_;
  }

  Result<std::shared_ptr<const PhysicalPlan>> RunToAggregate(const LogicalNode& node) {
    const LogicalNode* at = &node;
    while (at->kind != NodeKind::kAggregate) {
      if (at->children.size() != 1) return Bug("a fragment's plan has no aggregate");
      at = at->children[0].get();
    }
    ARROW_ASSIGN_OR_RAISE(auto drafts, LowerNode(*at->children[0], false));
    plan_->result = Close(std::move(drafts), std::make_shared<AggregateNode>(SpecOf(*at)));
    return plan_;
  }

  Result<std::shared_ptr<const PhysicalPlan>> RunToCollector(const LogicalNode& node);

  Result<std::shared_ptr<const PhysicalPlan>> RunToSink(
      const LogicalNode& node, std::shared_ptr<const AccumulatorNode> sink) {
    ARROW_ASSIGN_OR_RAISE(auto drafts, LowerNode(node, true));
    plan_->result = Close(std::move(drafts), std::move(sink));
    return plan_;
  }

 private:
  using Drafts = std::vector<Draft>;

  /// `to_reader`: the rows go out as they are, so a scan may hand out large pieces.
  Result<Drafts> LowerNode(const LogicalNode& node, bool to_reader) {
    ARROW_RETURN_NOT_OK(CancelScope::Check());
    switch (node.kind) {
      case NodeKind::kScan: return LowerScan(node, to_reader);
      case NodeKind::kValues: return One(std::make_shared<ValuesNode>(TypesOf(node), node.rows));
      case NodeKind::kFilter:
        return Append(*node.children[0], std::make_shared<FilterNode>(node.predicate), false);
      case NodeKind::kProject: {
        const bool untouched =
            to_reader &&
            std::all_of(node.expressions.begin(), node.expressions.end(),
                        [](const auto& expr) { return expr->kind == logical::BoundKind::kColumn; });
        return Append(*node.children[0], std::make_shared<ProjectNode>(node.expressions),
                      untouched);
      }
      case NodeKind::kWindowBy: return LowerWindow(node);
      case NodeKind::kAggregate:
        if (node.grouping_sets) return LowerGroupingSets(node);
        if (options_.from_partials) return FromPartials(node);
        return LowerAggregate(node);
      case NodeKind::kSort:
        return Break(
            *node.children[0],
            std::make_shared<SortNode>(node.sort_keys, TypesOf(*node.children[0]), node.limit));
      case NodeKind::kLimit:
        return Break(*node.children[0], std::make_shared<LimitNode>(TypesOf(*node.children[0]),
                                                                    node.limit, node.offset));
      case NodeKind::kUnion: {
        // Not cut into slices: rows of one child must all come before those of the next.
        const bool was_whole = std::exchange(whole_, true);
        Drafts all;
        for (const auto& child : node.children) {
          ARROW_ASSIGN_OR_RAISE(auto drafts, LowerNode(*child, to_reader));
          std::move(drafts.begin(), drafts.end(), std::back_inserter(all));
        }
        whole_ = was_whole;
        return all;
      }
      case NodeKind::kJoin: return LowerJoin(node);
      case NodeKind::kSetOp: return LowerSetOperation(node);
      case NodeKind::kWindow: return LowerWindowCalls(node);
      case NodeKind::kUnnest: return LowerUnnest(node);
      case NodeKind::kSeries: return LowerSeries(node);
      case NodeKind::kSample: return LowerSample(node);
      case NodeKind::kShared: return LowerShared(node);
      case NodeKind::kRecursive: return LowerRecursive(node);
      case NodeKind::kRecursiveRef: return LowerRecursiveRef(node);
    }
    return Bug("a logical node of unknown kind");
  }

  AggregateSpec SpecOf(const LogicalNode& node) {
    AggregateSpec spec{node.expressions, node.aggregates};
    for (auto& aggregate : spec.aggregates) UseReproducible(&aggregate);
    return spec;
  }

  /// Exchanges the states for reproducible ones where the plan has to have them.
  void UseReproducible(logical::BoundAggregate* aggregate) {
    const bool reproducible = options_.reproducible_sums || options_.stream_range ||
                              options_.stop_at_aggregate || options_.from_partials;
    if (!reproducible || !aggregate->binding.reproducible) return;
    const auto binding = aggregate->binding.reproducible;  // outlives what it replaces
    const bool distinct = aggregate->binding.distinct;
    aggregate->binding = *binding;
    aggregate->binding.distinct = distinct;
    Note("float sums: reproducible");
  }

  void Note(const std::string& text) {
    auto& notes = plan_->notes;
    if (std::find(notes.begin(), notes.end(), text) == notes.end()) notes.push_back(text);
  }

  // lower_join.cpp
  Result<Drafts> JoinDrafts(const LogicalNode& node, JoinSpecPtr spec);
  Result<Drafts> LowerAggregate(const LogicalNode& node);
  bool RunsOnce() const;
  /// Rows that no key of a join's build fits: the join would drop them, or their group. A probe of
  /// the build goes before an aggregation, the bounds of its keys go into a scan.
  struct KeyFilter {
    JoinSpecPtr spec;
    int build;     // the accumulator's number
    int pipeline;  // the last one that feeds it
    double build_rows;
    LogicalPtr aggregate = nullptr;  // kept, so that its address stays its own
  };
  struct ScanBounds {
    std::vector<KeyBounds> keys;
    std::vector<int> pipelines;
    LogicalPtr scan = nullptr;
  };
  LogicalPtr WithKeyFilter(const LogicalPtr& node, std::vector<size_t> keys,
                           const KeyFilter& filter);
  LogicalPtr WithBoundsOf(const LogicalPtr& scan, const std::vector<size_t>& keys,
                          const KeyFilter& filter);
  // lower_grouping.cpp
  Result<Drafts> LowerGroupingSets(const LogicalNode& node);
  Result<Drafts> LowerSets(const LogicalNode& node);
  // lower_window.cpp
  Result<Drafts> LowerWindowCalls(const LogicalNode& node);
  // lower_sources.cpp
  Result<Drafts> LowerUnnest(const LogicalNode& node);
  Result<Drafts> LowerSeries(const LogicalNode& node);
  Result<Drafts> LowerSample(const LogicalNode& node);
  Result<Drafts> LowerShared(const LogicalNode& node);
  // lower_recursive.cpp
  Result<Drafts> LowerRecursive(const LogicalNode& node);
  Result<Drafts> LowerRecursiveRef(const LogicalNode& node);

  Result<Drafts> One(std::shared_ptr<const SourceNode> source) {
    Drafts drafts(1);
    drafts[0].source = std::move(source);
    return drafts;
  }

  Result<Drafts> LowerScan(const LogicalNode& node, bool to_reader) {
    const auto* relation = node.relation.get();
    ARROW_ASSIGN_OR_RAISE(auto predicates, SimplePredicates(node));
    const auto bounded = bounds_.find(&node);
    const ScanBounds bounds = bounded == bounds_.end() ? ScanBounds() : bounded->second;
    if (const auto* table = dynamic_cast<const TableRelation*>(relation)) {
      std::function<TableRange()> range = [version = table->version()] {
        return TableRange{version, 0, version->end_position()};
      };
      const bool streaming = options_.stream_range &&
                             (options_.slice_tables ? !sliced_ && !whole_ : !table->is_bounded());
      if (streaming) {
        range = options_.stream_range(*table);
        sliced_ = true;
      }
      ARROW_ASSIGN_OR_RAISE(
          auto drafts, One(std::make_shared<TableScanNode>(
                           table->name(), std::move(range), node.columns, std::move(predicates),
                           bounds.keys, to_reader ? kMorselRows : kChunkRows,
                           streaming && carries_positions_, table->position_column())));
      drafts[0].when = streaming ? When::kEvery : When::kFirst;
      drafts[0].dependencies = bounds.pipelines;
      return drafts;
    }
    if (const auto* file = dynamic_cast<const FileRelation*>(relation)) {
      ARROW_ASSIGN_OR_RAISE(auto drafts,
                            One(std::make_shared<FileScanNode>(
                                file->file(), io::FileScanSpec{node.columns, std::move(predicates)},
                                bounds.keys, node.place)));
      drafts[0].dependencies = bounds.pipelines;
      return drafts;
    }
    if (const auto* reader = dynamic_cast<const ReaderRelation*>(relation)) {
      return One(std::make_shared<ReaderSourceNode>(reader->name(), reader->open(),
                                                    reader->schema(), node.columns));
    }
    return Bug("a relation that cannot be scanned: " + relation->name());
  }

  /// In a stream, rows without a time fork off to the late sink before the window, by the
  /// positions they carry from the scan; elsewhere the window drops them.
  Result<Drafts> LowerWindow(const LogicalNode& node) {
    const bool forks =
        options_.stream_range && !options_.slice_tables && !logical::IsBounded(*node.children[0]);
    const bool carried = std::exchange(carries_positions_, carries_positions_ || forks);
    ARROW_ASSIGN_OR_RAISE(auto drafts, LowerNode(*node.children[0], false));
    carries_positions_ = carried;
    for (auto& draft : drafts) {
      if (forks && draft.when == When::kEvery) {
        ARROW_ASSIGN_OR_RAISE(auto no_time, logical::MakeCall("is_null", {node.time}));
        Chain late{draft.operators, LateSink()};
        late.operators.push_back(std::make_shared<FilterNode>(std::move(no_time)));
        draft.forks.push_back(std::move(late));
      }
      draft.operators.push_back(
          std::make_shared<WindowExpandNode>(node.time, node.window_ms, node.slide_ms));
    }
    return drafts;
  }

  int LateSink() {
    if (plan_->late < 0) {
      plan_->late = static_cast<int>(plan_->accumulators.size());
      plan_->accumulators.push_back(std::make_shared<PositionSinkNode>());
    }
    return plan_->late;
  }

  Result<Drafts> LowerJoin(const LogicalNode& node) {
    auto spec = std::make_shared<JoinSpec>();
    spec->type = node.join;
    spec->left_keys = node.left_keys;
    spec->right_keys = node.right_keys;
    spec->null_safe = node.null_safe;
    spec->null_safe.resize(node.left_keys.size(), false);
    spec->residual = node.residual;
    spec->mark_operands = node.mark_operands;
    spec->asof = node.asof;
    spec->left_types = TypesOf(*node.children[0]);
    spec->right_types = TypesOf(*node.children[1]);
    return JoinDrafts(node, std::move(spec));
  }

  /// INTERSECT and EXCEPT: the distinct left rows with (without) an equal right row, NULL equal to
  /// NULL.
  Result<Drafts> LowerSetOperation(const LogicalNode& node) {
    const bool intersect = node.set_op == logical::SetOpType::kIntersect;
    if (!intersect && node.set_op != logical::SetOpType::kExcept) {
      return Fail(ErrorCode::kUnsupportedStatement,
                  "INTERSECT ALL and EXCEPT ALL are not supported");
    }
    auto spec = std::make_shared<JoinSpec>();
    spec->type = intersect ? logical::JoinType::kSemi : logical::JoinType::kAnti;
    spec->left_types = TypesOf(*node.children[0]);
    spec->right_types = TypesOf(*node.children[1]);
    for (size_t i = 0; i < spec->left_types.size(); ++i) {
      spec->left_keys.push_back(
          logical::MakeColumn(static_cast<int>(i), spec->left_types[i], node.output[i].name));
      spec->right_keys.push_back(
          logical::MakeColumn(static_cast<int>(i), spec->right_types[i], node.output[i].name));
      spec->null_safe.push_back(true);
    }
    const auto keys = spec->left_keys;
    ARROW_ASSIGN_OR_RAISE(auto drafts, JoinDrafts(node, std::move(spec)));
    return BreakDrafts(std::move(drafts), std::make_shared<AggregateNode>(AggregateSpec{keys, {}}));
  }

  Result<Drafts> FromPartials(const LogicalNode& node) {
    plan_->merged = static_cast<int>(plan_->accumulators.size());
    plan_->accumulators.push_back(std::make_shared<AggregateNode>(SpecOf(node)));
    Drafts drafts(1);
    drafts[0].source_accumulator = plan_->merged;
    return drafts;
  }

  Result<Drafts> Append(const LogicalNode& child, std::shared_ptr<const OperatorNode> op,
                        bool to_reader) {
    ARROW_ASSIGN_OR_RAISE(auto drafts, LowerNode(child, to_reader));
    for (auto& draft : drafts) draft.operators.push_back(op);
    return drafts;
  }

  Result<Drafts> Break(const LogicalNode& child,
                       std::shared_ptr<const AccumulatorNode> accumulator) {
    ARROW_ASSIGN_OR_RAISE(auto drafts, LowerNode(child, false));
    return BreakDrafts(std::move(drafts), std::move(accumulator));
  }

  Result<Drafts> BreakDrafts(Drafts drafts, std::shared_ptr<const AccumulatorNode> accumulator) {
    bool repeated = false;
    for (const auto& draft : drafts) repeated = repeated || draft.when != When::kFirst;
    Drafts next(1);
    const int first = static_cast<int>(plan_->pipelines.size());
    next[0].source_accumulator = Close(std::move(drafts), std::move(accumulator));
    // Each by name: at a later trigger only some of them run again.
    for (int i = first; i < static_cast<int>(plan_->pipelines.size()); ++i)
      next[0].dependencies.push_back(i);
    next[0].when = !repeated ? When::kFirst : options_.slice_tables ? When::kLast : When::kEvery;
    return next;
  }

  /// Ends the drafts in one accumulator. They run one after the other, in order, so that row order
  /// and the numbering of morsels go on from one to the next.
  int Close(Drafts drafts, std::shared_ptr<const AccumulatorNode> accumulator) {
    const int number = static_cast<int>(plan_->accumulators.size());
    plan_->accumulators.push_back(std::move(accumulator));
    int previous = -1;
    for (auto& draft : drafts) {
      Pipeline pipeline;
      pipeline.source = std::move(draft.source);
      pipeline.source_accumulator = draft.source_accumulator;
      pipeline.dependencies = std::move(draft.dependencies);
      if (previous >= 0) pipeline.dependencies.push_back(previous);
      std::sort(pipeline.dependencies.begin(), pipeline.dependencies.end());
      const auto end = std::unique(pipeline.dependencies.begin(), pipeline.dependencies.end());
      pipeline.dependencies.erase(end, pipeline.dependencies.end());
      pipeline.chains.push_back({std::move(draft.operators), number});
      for (auto& fork : draft.forks) pipeline.chains.push_back(std::move(fork));
      pipeline.when = draft.when;
      previous = static_cast<int>(plan_->pipelines.size());
      plan_->pipelines.push_back(std::move(pipeline));
    }
    return number;
  }

  const LowerOptions& options_;
  bool whole_ = false;              // inside a join's build side or a union: tables are read whole
  bool sliced_ = false;             // a scan runs at every trigger
  bool carries_positions_ = false;  // below a window that needs them for its late rows
  struct Shared {
    int accumulator = -1;
    std::vector<int> dependencies;
  };
  std::map<int, Shared> shared_;                     // by shared_id
  std::map<const LogicalNode*, KeyFilter> filters_;  // by the aggregation they go before
  std::map<const LogicalNode*, ScanBounds> bounds_;  // by the scan
  struct Recursion {
    std::shared_ptr<RecursiveRows> rows;
    bool repeated = false;  // the step is one execution with a trigger for each round
  };
  std::map<int, Recursion> recursions_;  // around the present node, by recursive_id
  std::shared_ptr<PhysicalPlan> plan_ = std::make_shared<PhysicalPlan>();
};

}  // namespace velaria::execution
