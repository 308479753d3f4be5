// Projection pushdown: from the root down, each node learns which of its columns are needed and
// tells where they went.
#include "base/cancel_scope.hpp"
#include "logical/rewrite.hpp"

namespace velaria::logical {
namespace {

/// A node with fewer columns: `moved[i]` is the new position of old column i, or -1.
struct Pruned {
  LogicalPtr node;
  std::vector<int> moved;
};

using Needed = std::vector<bool>;

Result<Pruned> Prune(const LogicalPtr& node, Needed needed);

void Require(const BoundExprPtr& expr, Needed* needed) {
  if (!expr) return;
  std::vector<int> used;
  CollectColumns(*expr, &used);
  for (int column : used) (*needed)[static_cast<size_t>(column)] = true;
}

void Require(const std::vector<BoundExprPtr>& exprs, Needed* needed) {
  for (const auto& expr : exprs) Require(expr, needed);
}

void Remap(BoundExprPtr* expr, const std::vector<int>& moved) {
  if (*expr) *expr = RemapColumns(*expr, moved);
}

void Remap(std::vector<BoundExprPtr>* exprs, const std::vector<int>& moved) {
  for (auto& expr : *exprs) Remap(&expr, moved);
}

/// The kept columns of `output` and where they went.
std::vector<OutputColumn> Keep(const std::vector<OutputColumn>& output, const Needed& needed,
                               std::vector<int>* moved) {
  std::vector<OutputColumn> kept;
  moved->assign(output.size(), -1);
  for (size_t i = 0; i < output.size(); ++i) {
    if (!needed[i]) continue;
    (*moved)[i] = static_cast<int>(kept.size());
    kept.push_back(output[i]);
  }
  return kept;
}

/// A chunk counts its rows by itself, but readers count them by a column: one narrow column stays.
void KeepOne(const LogicalNode& node, Needed* needed) {
  if (node.output.empty() || std::find(needed->begin(), needed->end(), true) != needed->end())
    return;
  size_t best = 0;
  int best_width = 0;
  for (size_t i = 0; i < node.output.size(); ++i) {
    const int width = FixedWidthOf(PhysicalOf(*node.output[i].type));
    if (width == 0 || (best_width != 0 && width >= best_width)) continue;
    best = i;
    best_width = width;
  }
  (*needed)[best] = true;
}

/// `pruned` reduced to exactly the needed columns: for nodes that keep all that their child gives
/// (sort, join, union).
Pruned Exactly(Pruned pruned, const Needed& needed) {
  std::vector<int> order, moved(needed.size(), -1);
  for (size_t i = 0; i < needed.size(); ++i) {
    if (!needed[i]) continue;
    moved[i] = static_cast<int>(order.size());
    order.push_back(pruned.moved[i]);
  }
  return {SelectColumns(pruned.node, order), std::move(moved)};
}

Pruned PruneScan(const LogicalPtr& node, Needed needed) {
  for (const auto& filter : node->filters) Require(filter, &needed);
  KeepOne(*node, &needed);
  Pruned result;
  auto copy = CopyNode(*node);
  copy->output = Keep(node->output, needed, &result.moved);
  copy->columns.clear();
  for (size_t i = 0; i < needed.size(); ++i) {
    if (needed[i]) copy->columns.push_back(node->columns[i]);
  }
  Remap(&copy->filters, result.moved);
  result.node = std::move(copy);
  return result;
}

Pruned PruneValues(const LogicalPtr& node, const Needed& needed) {
  Pruned result;
  auto copy = CopyNode(*node);
  copy->output = Keep(node->output, needed, &result.moved);
  for (auto& row : copy->rows) {
    std::vector<BoundExprPtr> kept;
    for (size_t i = 0; i < row.size(); ++i) {
      if (needed[i]) kept.push_back(row[i]);
    }
    row = std::move(kept);
  }
  result.node = std::move(copy);
  return result;
}

bool IsCheap(const BoundExpr& expr) {
  return expr.kind == BoundKind::kColumn || expr.kind == BoundKind::kLiteral;
}

/// A projection of a projection is one, when no computed column would be computed twice.
LogicalPtr MergeProjects(const LogicalPtr& node) {
  const auto& child = *node->children[0];
  if (child.kind != NodeKind::kProject) return node;
  std::vector<int> uses;
  for (const auto& expr : node->expressions) CollectColumns(*expr, &uses);
  for (size_t i = 0; i < child.expressions.size(); ++i) {
    const auto count = std::count(uses.begin(), uses.end(), static_cast<int>(i));
    const bool moves_freely = IsCheap(*child.expressions[i]);
    if (!moves_freely && (count > 1 || IsVolatile(*child.expressions[i]))) return node;
  }
  // A computed column must not move into a branch that would skip it, nor out of one: only plain
  // columns above do.
  const bool plain = std::all_of(node->expressions.begin(), node->expressions.end(),
                                 [](const auto& expr) { return IsCheap(*expr); });
  const bool inner_cheap = std::all_of(child.expressions.begin(), child.expressions.end(),
                                       [](const auto& expr) { return IsCheap(*expr); });
  if (!plain && !inner_cheap) return node;
  auto merged = CopyNode(*node);
  for (auto& expr : merged->expressions) expr = SubstituteColumns(expr, child.expressions);
  merged->children = child.children;
  return MergeProjects(merged);
}

/// A projection that hands on its child's columns under their own names is none.
LogicalPtr WithoutIdentity(const LogicalPtr& node) {
  const auto& child = node->children[0];
  if (node->expressions.size() != child->output.size()) return node;
  for (size_t i = 0; i < node->expressions.size(); ++i) {
    const auto& expr = *node->expressions[i];
    const bool same = expr.kind == BoundKind::kColumn && expr.column == static_cast<int>(i) &&
                      node->output[i].name == child->output[i].name;
    if (!same) return node;
  }
  return child;
}

Result<Pruned> PruneProject(const LogicalPtr& outer, Needed needed) {
  const LogicalPtr node = MergeProjects(outer);
  KeepOne(*node, &needed);
  Pruned result;
  auto copy = CopyNode(*node);
  copy->output = Keep(node->output, needed, &result.moved);
  copy->expressions.clear();
  Needed below(node->children[0]->output.size());
  for (size_t i = 0; i < needed.size(); ++i) {
    if (!needed[i]) continue;
    copy->expressions.push_back(node->expressions[i]);
    Require(node->expressions[i], &below);
  }
  VELARIA_ASSIGN_OR_RETURN(auto child, Prune(node->children[0], std::move(below)));
  Remap(&copy->expressions, child.moved);
  copy->children = {std::move(child.node)};
  // Dropping columns may have left two projections that are one now, or one that changes nothing.
  result.node = WithoutIdentity(MergeProjects(copy));
  return result;
}

Result<Pruned> PruneFilter(const LogicalPtr& node, Needed needed) {
  Require(node->predicate, &needed);
  VELARIA_ASSIGN_OR_RETURN(auto child, Prune(node->children[0], std::move(needed)));
  auto copy = CopyNode(*node);
  Remap(&copy->predicate, child.moved);
  copy->output = child.node->output;
  copy->children = {child.node};
  return Pruned{std::move(copy), std::move(child.moved)};
}

Result<Pruned> PruneSort(const LogicalPtr& node, Needed needed) {
  for (const auto& key : node->sort_keys) Require(key.expr, &needed);
  VELARIA_ASSIGN_OR_RETURN(auto child, Prune(node->children[0], needed));
  child = Exactly(std::move(child), needed);
  auto copy = CopyNode(*node);
  for (auto& key : copy->sort_keys) Remap(&key.expr, child.moved);
  copy->output = child.node->output;
  copy->children = {child.node};
  return Pruned{std::move(copy), std::move(child.moved)};
}

Result<Pruned> PruneLimit(const LogicalPtr& node, Needed needed) {
  VELARIA_ASSIGN_OR_RETURN(auto child, Prune(node->children[0], std::move(needed)));
  auto copy = CopyNode(*node);
  copy->output = child.node->output;
  copy->children = {child.node};
  return Pruned{std::move(copy), std::move(child.moved)};
}

Result<Pruned> PruneJoin(const LogicalPtr& node, const Needed& needed) {
  const size_t left_width = node->children[0]->output.size();
  const bool emits_right = node->join != JoinType::kSemi && node->join != JoinType::kAnti &&
                           node->join != JoinType::kMark;
  Needed both = needed;
  if (!emits_right) both.resize(left_width);  // a mark is made from no column
  both.resize(left_width + node->children[1]->output.size());
  Require(node->residual, &both);
  Needed left(both.begin(), both.begin() + static_cast<std::ptrdiff_t>(left_width));
  Needed right(both.begin() + static_cast<std::ptrdiff_t>(left_width), both.end());
  Require(node->left_keys, &left);
  Require(node->right_keys, &right);
  if (node->asof) {
    Require(node->asof->left, &left);
    Require(node->asof->right, &right);
  }
  KeepOne(*node->children[0], &left);
  KeepOne(*node->children[1], &right);
  VELARIA_ASSIGN_OR_RETURN(auto a, Prune(node->children[0], left));
  VELARIA_ASSIGN_OR_RETURN(auto b, Prune(node->children[1], right));
  a = Exactly(std::move(a), left);
  b = Exactly(std::move(b), right);
  auto copy = CopyNode(*node);
  Remap(&copy->left_keys, a.moved);
  Remap(&copy->right_keys, b.moved);
  if (copy->asof) {
    Remap(&copy->asof->left, a.moved);
    Remap(&copy->asof->right, b.moved);
  }
  Pruned result;
  result.moved = a.moved;
  const int new_left_width = static_cast<int>(a.node->output.size());
  for (int column : b.moved) result.moved.push_back(column < 0 ? -1 : column + new_left_width);
  Remap(&copy->residual, result.moved);
  copy->output = JoinOutput(node->join, *a.node, *b.node);
  copy->children = {a.node, b.node};
  result.moved.resize(needed.size());
  if (node->join == JoinType::kMark) result.moved.back() = new_left_width;
  result.node = std::move(copy);
  return result;
}

Result<Pruned> PruneAggregate(const LogicalPtr& node, Needed needed) {
  const size_t groups = node->expressions.size();
  for (size_t i = 0; i < groups; ++i) needed[i] = true;
  if (node->grouping_sets) needed.back() = true;
  if (groups == 0 && !node->aggregates.empty()) KeepOne(*node, &needed);
  Needed below(node->children[0]->output.size());
  Require(node->expressions, &below);
  Pruned result;
  auto copy = CopyNode(*node);
  copy->output = Keep(node->output, needed, &result.moved);
  copy->aggregates.clear();
  for (size_t i = 0; i < node->aggregates.size(); ++i) {
    if (!needed[groups + i]) continue;
    copy->aggregates.push_back(node->aggregates[i]);
    Require(node->aggregates[i].arguments, &below);
    Require(node->aggregates[i].filter, &below);
  }
  VELARIA_ASSIGN_OR_RETURN(auto child, Prune(node->children[0], std::move(below)));
  Remap(&copy->expressions, child.moved);
  for (auto& aggregate : copy->aggregates) {
    Remap(&aggregate.arguments, child.moved);
    Remap(&aggregate.filter, child.moved);
  }
  copy->children = {std::move(child.node)};
  result.node = std::move(copy);
  return result;
}

/// Union: each child hands on exactly the needed columns, in one order.
Result<Pruned> PruneUnion(const LogicalPtr& node, Needed needed) {
  KeepOne(*node, &needed);
  Pruned result;
  auto copy = CopyNode(*node);
  copy->output = Keep(node->output, needed, &result.moved);
  for (auto& child : copy->children) {
    VELARIA_ASSIGN_OR_RETURN(auto pruned, Prune(child, needed));
    child = Exactly(std::move(pruned), needed).node;
  }
  result.node = std::move(copy);
  return result;
}

Result<Pruned> PruneSetOp(const LogicalPtr& node) {
  return PruneUnion(node, Needed(node->output.size(), true));
}

Result<Pruned> PruneWindow(const LogicalPtr& node, Needed needed) {
  needed.pop_back();  // the window column itself is always made
  // Rows of a stream without a time go to a late table, whole.
  if (!IsBounded(*node)) needed.assign(needed.size(), true);
  Require(node->time, &needed);
  VELARIA_ASSIGN_OR_RETURN(auto child, Prune(node->children[0], std::move(needed)));
  auto copy = CopyNode(*node);
  Remap(&copy->time, child.moved);
  copy->output = child.node->output;
  copy->output.push_back(node->output.back());
  child.moved.push_back(static_cast<int>(copy->output.size()) - 1);
  copy->children = {child.node};
  return Pruned{std::move(copy), std::move(child.moved)};
}

/// The child's needed columns and the needed results; calls that nobody reads are not made.
Result<Pruned> PruneWindowCalls(const LogicalPtr& node, const Needed& needed) {
  const size_t width = node->children[0]->output.size();
  Needed below(needed.begin(), needed.begin() + static_cast<std::ptrdiff_t>(width));
  auto copy = CopyNode(*node);
  copy->windows.clear();
  for (size_t i = 0; i < node->windows.size(); ++i) {
    if (needed[width + i]) copy->windows.push_back(node->windows[i]);
  }
  const auto require = [&](BoundExprPtr* expr) -> Status {
    Require(*expr, &below);
    return Status::OK();
  };
  VELARIA_RETURN_NOT_OK(ChangeExpressions(copy.get(), require));
  KeepOne(*node->children[0], &below);
  VELARIA_ASSIGN_OR_RETURN(auto child, Prune(node->children[0], below));
  if (copy->windows.empty()) return Pruned{child.node, std::move(child.moved)};
  VELARIA_RETURN_NOT_OK(ChangeExpressions(copy.get(), [&](BoundExprPtr* expr) -> Status {
    Remap(expr, child.moved);
    return Status::OK();
  }));
  copy->output = child.node->output;
  for (size_t i = 0; i < node->windows.size(); ++i) {
    child.moved.push_back(needed[width + i] ? static_cast<int>(copy->output.size()) : -1);
    if (needed[width + i]) copy->output.push_back(node->output[width + i]);
  }
  copy->children = {child.node};
  return Pruned{std::move(copy), std::move(child.moved)};
}

/// All lists are read, since the longest decides how many rows there are. What only they read is
/// not handed on: a list would be copied for each of its elements.
Result<Pruned> PruneUnnest(const LogicalPtr& node, const Needed& needed) {
  const size_t width = node->children[0]->output.size();
  Needed below(needed.begin(), needed.begin() + static_cast<std::ptrdiff_t>(width));
  Require(node->expressions, &below);
  KeepOne(*node->children[0], &below);
  VELARIA_ASSIGN_OR_RETURN(auto child, Prune(node->children[0], below));
  Pruned result;
  result.moved.assign(node->output.size(), -1);
  auto copy = CopyNode(*node);
  Remap(&copy->expressions, child.moved);
  copy->columns.clear();
  copy->output.clear();
  for (size_t i = 0; i < node->output.size(); ++i) {
    if (i < width && !needed[i]) continue;
    result.moved[i] = static_cast<int>(copy->output.size());
    if (i < width) copy->columns.push_back(child.moved[i]);
    copy->output.push_back(node->output[i]);
  }
  copy->children = {std::move(child.node)};
  result.node = std::move(copy);
  return result;
}

Pruned Unchanged(const LogicalPtr& node) {
  std::vector<int> moved(node->output.size());
  for (size_t i = 0; i < moved.size(); ++i) moved[i] = static_cast<int>(i);
  return {node, std::move(moved)};
}

/// Children that hand on all of their columns, whoever reads them.
Result<Pruned> PruneNothing(const LogicalPtr& node) {
  std::vector<LogicalPtr> children;
  for (const auto& child : node->children) {
    const Needed all(child->output.size(), true);
    VELARIA_ASSIGN_OR_RETURN(auto pruned, Prune(child, all));
    children.push_back(Exactly(std::move(pruned), all).node);
  }
  return Unchanged(WithNewChildren(node, std::move(children)));
}

Result<Pruned> Prune(const LogicalPtr& node, Needed needed) {
  VELARIA_RETURN_NOT_OK(CancelScope::Check());
  switch (node->kind) {
    case NodeKind::kScan: return PruneScan(node, std::move(needed));
    case NodeKind::kValues: return PruneValues(node, needed);
    case NodeKind::kFilter: return PruneFilter(node, std::move(needed));
    case NodeKind::kProject: return PruneProject(node, std::move(needed));
    case NodeKind::kJoin: return PruneJoin(node, needed);
    case NodeKind::kAggregate: return PruneAggregate(node, std::move(needed));
    case NodeKind::kSort: return PruneSort(node, std::move(needed));
    case NodeKind::kLimit: return PruneLimit(node, std::move(needed));
    case NodeKind::kUnion: return PruneUnion(node, std::move(needed));
    case NodeKind::kSetOp: return PruneSetOp(node);
    case NodeKind::kWindowBy: return PruneWindow(node, std::move(needed));
    case NodeKind::kWindow: return PruneWindowCalls(node, needed);
    case NodeKind::kUnnest: return PruneUnnest(node, needed);
    case NodeKind::kShared: return Unchanged(node);
    case NodeKind::kSeries:
    case NodeKind::kSample:
    case NodeKind::kRecursive:
    case NodeKind::kRecursiveRef: return PruneNothing(node);
  }
  return Bug("unknown kind of plan node");
}

}  // namespace

Result<LogicalPtr> PruneColumns(const LogicalPtr& root) {
  const Needed all(root->output.size(), true);
  VELARIA_ASSIGN_OR_RETURN(auto pruned, Prune(root, all));
  auto exact = Exactly(std::move(pruned), all).node;
  // The result keeps the names and the nullability that it was described with.
  auto named = CopyNode(*exact);
  for (size_t i = 0; i < named->output.size(); ++i) named->output[i] = root->output[i];
  return named;
}

}  // namespace velaria::logical
