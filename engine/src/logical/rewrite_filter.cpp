#include <algorithm>
#include <utility>

#include "base/cancel_scope.hpp"
#include "logical/rewrite.hpp"

namespace velaria::logical {
namespace {

/// Splits `conjuncts` into those for which `goes` holds and the rest.
template <typename Goes>
std::vector<BoundExprPtr> TakeIf(std::vector<BoundExprPtr>* conjuncts, Goes goes) {
  std::vector<BoundExprPtr> taken, kept;
  for (auto& conjunct : *conjuncts) (goes(*conjunct) ? taken : kept).push_back(std::move(conjunct));
  *conjuncts = std::move(kept);
  return taken;
}

std::vector<BoundExprPtr> Substituted(const std::vector<BoundExprPtr>& conjuncts,
                                      const std::vector<BoundExprPtr>& inputs) {
  std::vector<BoundExprPtr> out;
  for (const auto& conjunct : conjuncts) {
    std::vector<BoundExprPtr> split;
    SplitConjuncts(SubstituteColumns(conjunct, inputs), &split);
    out.insert(out.end(), split.begin(), split.end());
  }
  return out;
}

constexpr size_t kPushedSizeMax = 500;  // of a conjunct: where columns are read twice it may double

size_t SizeOf(const BoundExpr& expr) {
  size_t size = 1;
  for (const auto& child : expr.children) size += SizeOf(*child);
  return size;
}

Result<LogicalPtr> PushThroughProject(const LogicalPtr& node, std::vector<BoundExprPtr> conjuncts) {
  const auto down = TakeIf(&conjuncts, [&](const BoundExpr& conjunct) {
    std::vector<int> used;
    CollectColumns(conjunct, &used);
    size_t size = SizeOf(conjunct);
    for (int column : used) {
      const auto& input = *node->expressions[static_cast<size_t>(column)];
      if (IsVolatile(input)) return false;
      if (input.kind != BoundKind::kColumn) size += SizeOf(input);
    }
    return !IsVolatile(conjunct) && size <= std::max(kPushedSizeMax, SizeOf(conjunct));
  });
  VELARIA_ASSIGN_OR_RETURN(auto child,
                           PushConjuncts(node->children[0], Substituted(down, node->expressions)));
  return FilterOver(WithNewChildren(node, {std::move(child)}), std::move(conjuncts));
}

/// What reads nothing but the columns of `columns` goes below; it filters whole partitions, or rows
/// before they are multiplied.
Result<LogicalPtr> PushWhatReads(const LogicalPtr& node, std::vector<BoundExprPtr> conjuncts,
                                 const std::vector<bool>& columns) {
  auto down = TakeIf(&conjuncts, [&](const BoundExpr& conjunct) {
    std::vector<int> used;
    CollectColumns(conjunct, &used);
    return !used.empty() && !IsVolatile(conjunct) &&
           std::all_of(used.begin(), used.end(), [&](int column) {
             return static_cast<size_t>(column) < columns.size() &&
                    columns[static_cast<size_t>(column)];
           });
  });
  std::vector<LogicalPtr> children;
  for (const auto& child : node->children) {
    VELARIA_ASSIGN_OR_RETURN(auto pushed, PushConjuncts(child, std::exchange(down, {})));
    children.push_back(std::move(pushed));
  }
  return FilterOver(WithNewChildren(node, std::move(children)), std::move(conjuncts));
}

std::vector<bool> PartitionColumns(const LogicalNode& window) {
  std::vector<bool> columns(window.children[0]->output.size(), false);
  for (const auto& expr : window.expressions) {
    if (expr->kind == BoundKind::kColumn) columns[static_cast<size_t>(expr->column)] = true;
  }
  return columns;
}

/// Semi, anti and mark joins hand on left rows: what reads those alone goes into them.
Result<LogicalPtr> PushIntoLeft(const LogicalPtr& node, std::vector<BoundExprPtr> conjuncts) {
  VELARIA_ASSIGN_OR_RETURN(const auto compared, WithExtreme(node));
  if (compared != node) return PushConjuncts(compared, std::move(conjuncts));
  const auto width = static_cast<int>(node->children[0]->output.size());
  auto down = TakeIf(&conjuncts, [&](const BoundExpr& conjunct) {
    std::vector<int> used;
    CollectColumns(conjunct, &used);
    return !IsVolatile(conjunct) &&
           std::all_of(used.begin(), used.end(), [&](int column) { return column < width; });
  });
  VELARIA_ASSIGN_OR_RETURN(auto left, PushConjuncts(node->children[0], std::move(down)));
  VELARIA_ASSIGN_OR_RETURN(auto right, PushFilters(node->children[1]));
  return FilterOver(WithNewChildren(node, {std::move(left), std::move(right)}),
                    std::move(conjuncts));
}

Result<LogicalPtr> PushThroughAggregate(const LogicalPtr& node,
                                        std::vector<BoundExprPtr> conjuncts) {
  // With grouping sets a group may be NULL above where it is not below.
  const int groups = node->grouping_sets ? 0 : static_cast<int>(node->expressions.size());
  const auto down = TakeIf(&conjuncts, [&](const BoundExpr& conjunct) {
    std::vector<int> used;
    CollectColumns(conjunct, &used);
    return !used.empty() && !IsVolatile(conjunct) &&
           std::all_of(used.begin(), used.end(), [&](int column) { return column < groups; });
  });
  VELARIA_ASSIGN_OR_RETURN(auto child,
                           PushConjuncts(node->children[0], Substituted(down, node->expressions)));
  return FilterOver(WithNewChildren(node, {std::move(child)}), std::move(conjuncts));
}

/// Every child has the node's columns: each takes all the conjuncts.
Result<LogicalPtr> PushIntoAll(const LogicalPtr& node, const std::vector<BoundExprPtr>& conjuncts) {
  std::vector<LogicalPtr> children;
  for (const auto& child : node->children) {
    VELARIA_ASSIGN_OR_RETURN(auto pushed, PushConjuncts(child, conjuncts));
    children.push_back(std::move(pushed));
  }
  return WithNewChildren(node, std::move(children));
}

Result<LogicalPtr> IntoScan(const LogicalPtr& node, std::vector<BoundExprPtr> conjuncts) {
  LogicalPtr scan = node;
  if (node->relation->accepts_filters()) {
    auto copy = CopyNode(*node);
    for (const auto& conjunct : conjuncts) {
      if (IsSimpleConjunct(*conjunct)) copy->filters.push_back(conjunct);
    }
    scan = std::move(copy);
  }
  return FilterOver(scan, std::move(conjuncts));
}

Result<LogicalPtr> StopHere(const LogicalPtr& node, std::vector<BoundExprPtr> conjuncts) {
  VELARIA_ASSIGN_OR_RETURN(auto below, PushIntoAll(node, {}));
  return FilterOver(below, std::move(conjuncts));
}

}  // namespace

Result<LogicalPtr> PushConjuncts(const LogicalPtr& node, std::vector<BoundExprPtr> conjuncts) {
  VELARIA_RETURN_NOT_OK(CancelScope::Check());
  switch (node->kind) {
    case NodeKind::kFilter: {
      // The inner conjuncts stay in front: the outer ones may rely on them.
      std::vector<BoundExprPtr> all;
      SplitConjuncts(node->predicate, &all);
      all.insert(all.end(), conjuncts.begin(), conjuncts.end());
      return PushConjuncts(node->children[0], std::move(all));
    }
    case NodeKind::kProject: return PushThroughProject(node, std::move(conjuncts));
    case NodeKind::kAggregate: return PushThroughAggregate(node, std::move(conjuncts));
    case NodeKind::kScan: return IntoScan(node, std::move(conjuncts));
    case NodeKind::kShared: return FilterOver(node, std::move(conjuncts));
    case NodeKind::kSort:
    case NodeKind::kUnion:
    case NodeKind::kSetOp: return PushIntoAll(node, conjuncts);
    case NodeKind::kJoin:
      if (node->asof) {
        return PushWhatReads(node, std::move(conjuncts),
                             std::vector<bool>(node->children[0]->output.size(), true));
      }
      if (node->join == JoinType::kInner || node->join == JoinType::kCross) {
        return OrderJoins(node, std::move(conjuncts));
      }
      if (node->join == JoinType::kLeft || node->join == JoinType::kRight ||
          node->join == JoinType::kFull) {
        return PushThroughOuterJoin(node, std::move(conjuncts));
      }
      return PushIntoLeft(node, std::move(conjuncts));
    // A LIMIT counts rows before the filter; a window hands rows without a time to the late table
    // before it.
    case NodeKind::kLimit:
    case NodeKind::kWindowBy:
    case NodeKind::kValues:
    case NodeKind::kSeries:
    case NodeKind::kSample:
    case NodeKind::kRecursive:
    case NodeKind::kRecursiveRef: return StopHere(node, std::move(conjuncts));
    case NodeKind::kWindow: {
      const auto columns = PartitionColumns(*node);
      return PushWhatReads(node, std::move(conjuncts), columns);
    }
    case NodeKind::kUnnest:
      return PushWhatReads(node, std::move(conjuncts),
                           std::vector<bool>(node->children[0]->output.size(), true));
  }
  return StopHere(node, std::move(conjuncts));
}

Result<LogicalPtr> PushFilters(const LogicalPtr& node) { return PushConjuncts(node, {}); }

}  // namespace velaria::logical
