// Aggregations that a statement writes more than once: the same subquery twice, a view read by two
// names. Their results are small beside what they read, so keeping one costs less than computing it
// again; other plans are read as they stand.
#include <algorithm>
#include <map>
#include <set>

#include "logical/rewrite.hpp"
#include "logical/shared_plans.hpp"

namespace velaria::logical {
namespace {

/// Comparing takes time for each pair; statements with more aggregations are left as they are.
constexpr size_t kCandidatesMax = 64;

bool SameTypes(const std::vector<OutputColumn>& a, const std::vector<OutputColumn>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& x, const auto& y) { return x.type->Equals(*y.type); });
}

/// Whether both give the same rows in the same order. Kinds that are not named here do not.
bool SamePlan(const LogicalNode& a, const LogicalNode& b) {
  if (&a == &b) return true;
  if (a.kind != b.kind || a.children.size() != b.children.size() || !SameTypes(a.output, b.output))
    return false;
  bool same = false;
  switch (a.kind) {
    case NodeKind::kScan:
      same = a.relation->HasRowsOf(*b.relation) && a.columns == b.columns &&
             Equal(a.filters, b.filters);
      break;
    case NodeKind::kValues:
      same = std::equal(a.rows.begin(), a.rows.end(), b.rows.begin(), b.rows.end(),
                        [](const auto& x, const auto& y) { return Equal(x, y); });
      break;
    case NodeKind::kFilter: same = Equal(a.predicate, b.predicate); break;
    case NodeKind::kProject: same = Equal(a.expressions, b.expressions); break;
    case NodeKind::kAggregate:
      same =
          Equal(a.expressions, b.expressions) && a.grouping_sets == b.grouping_sets &&
          std::equal(a.aggregates.begin(), a.aggregates.end(), b.aggregates.begin(),
                     b.aggregates.end(), [](const auto& x, const auto& y) { return Equal(x, y); });
      break;
    case NodeKind::kSort: same = Equal(a.sort_keys, b.sort_keys) && a.limit == b.limit; break;
    case NodeKind::kLimit: same = a.limit == b.limit && a.offset == b.offset; break;
    case NodeKind::kUnion: same = true; break;
    case NodeKind::kJoin:
      same = !a.asof && !b.asof && a.join == b.join && a.null_safe == b.null_safe &&
             a.mark_operands == b.mark_operands && Equal(a.left_keys, b.left_keys) &&
             Equal(a.right_keys, b.right_keys) && Equal(a.residual, b.residual);
      break;
    case NodeKind::kSetOp: same = a.set_op == b.set_op; break;
    case NodeKind::kShared: return a.shared_id == b.shared_id;
    default: return false;
  }
  return same && std::equal(a.children.begin(), a.children.end(), b.children.begin(),
                            [](const auto& x, const auto& y) { return SamePlan(*x, *y); });
}

class Sharing {
 public:
  /// Visits each shared plan once, as it is computed once. What stands inside a recursion runs
  /// round after round and is left as it is.
  void Collect(const LogicalPtr& node, bool in_recursion = false) {
    if (node->kind == NodeKind::kShared) {
      next_id_ = std::max(next_id_, node->shared_id + 1);
      if (!numbers_.insert(node->shared_id).second) return;
    }
    in_recursion |= node->kind == NodeKind::kRecursive;
    const bool fits = node->kind == NodeKind::kAggregate && !in_recursion;
    if (fits && IsBounded(*node)) candidates_.push_back(node);
    for (const auto& child : node->children) Collect(child, in_recursion);
  }

  bool FindEqual() {
    if (candidates_.size() < 2 || candidates_.size() > kCandidatesMax) return false;
    for (size_t i = 0; i < candidates_.size(); ++i) {
      for (size_t j = 0; j < i && !first_of_.contains(candidates_[i].get()); ++j) {
        if (!SamePlan(*candidates_[j], *candidates_[i])) continue;
        const auto first = first_of_.try_emplace(candidates_[j].get(), candidates_[j]).first;
        const LogicalPtr kept = first->second;
        first_of_.emplace(candidates_[i].get(), kept);
      }
    }
    return !first_of_.empty();
  }

  LogicalPtr Replace(const LogicalPtr& node) {
    const auto first = first_of_.find(node.get());
    if (first != first_of_.end()) {
      if (const auto met = shared_.find(first->second.get()); met != shared_.end())
        return met->second;
    }
    LogicalPtr& done = done_[node.get()];
    if (done) return done;
    std::vector<LogicalPtr> children;
    for (const auto& child : node->children) children.push_back(Replace(child));
    const LogicalPtr plan = WithNewChildren(node, std::move(children));
    if (first == first_of_.end()) return done_[node.get()] = plan;
    auto shared = MakeNode(NodeKind::kShared, {plan});
    shared->shared_id = next_id_++;
    shared->output = plan->output;
    shared->estimated_rows = plan->estimated_rows;
    return shared_[first->second.get()] = std::move(shared);
  }

 private:
  std::set<int> numbers_;  // of the shared plans that were met
  int next_id_ = 0;
  std::vector<LogicalPtr> candidates_;
  std::map<const LogicalNode*, LogicalPtr> first_of_;  // of equal ones
  std::map<const LogicalNode*, LogicalPtr> shared_;    // by the first of equal ones
  std::map<const LogicalNode*, LogicalPtr> done_;
};

}  // namespace

LogicalPtr ShareEqual(const LogicalPtr& root) {
  Sharing sharing;
  sharing.Collect(root);
  return sharing.FindEqual() ? InlineShared(sharing.Replace(root)) : root;
}

}  // namespace velaria::logical
