// Inner and cross joins as one set of relations and one set of conjuncts, joined greedily: the
// connected pair with the smallest estimated result comes next (Fegaras, "A new heuristic for
// optimizing large queries", 1998). A cross product is formed only when nothing is connected.
#include <bitset>
#include <limits>
#include <numeric>

#include "base/cancel_scope.hpp"
#include "logical/rewrite.hpp"

namespace velaria::logical {
namespace {

constexpr size_t kRelationsMax = 512;
constexpr size_t kInferredFromMax = 200;  // conjuncts; beyond, nothing is inferred
constexpr double kFurtherKeySelectivity = 0.3;
using Relations = std::bitset<kRelationsMax>;

/// A conjunct over the columns of all relations, numbered as the original join's output.
struct Conjunct {
  BoundExprPtr expr;
  Relations relations;
  Relations left, right;  // of the two sides of an equality
  bool is_equality = false;
  double domain = std::numeric_limits<double>::infinity();  // distinct values, at most
};

/// A relation, or relations already joined.
struct Part {
  LogicalPtr plan;
  std::vector<int> columns;  // the original number of each output column
  Relations relations;
  double rows = 0;
  double base_rows = 0;         // before filters: the domain of its keys
  std::vector<size_t> waiting;  // numbers of the conjuncts over it and other parts, ascending
};

/// What is known of a join of two parts.
struct Estimate {
  double rows = 0;
  bool connected = false;  // a key joins them
};

std::vector<BoundExprPtr> ShiftedBy(const std::vector<BoundExprPtr>& exprs, int by, size_t width) {
  std::vector<int> map(width);
  for (size_t i = 0; i < width; ++i) map[i] = static_cast<int>(i) + by;
  std::vector<BoundExprPtr> out;
  for (const auto& expr : exprs) out.push_back(RemapColumns(expr, map));
  return out;
}

class JoinOrder {
 public:
  /// Gathers the relations and conjuncts below `node`, whose first column has number `offset`.
  Status Collect(const LogicalPtr& node, int offset) {
    const size_t width = node->output.size();
    if (node->kind == NodeKind::kFilter && IsInnerTree(*node->children[0])) {
      std::vector<BoundExprPtr> split;
      SplitConjuncts(node->predicate, &split);
      VELARIA_RETURN_NOT_OK(Collect(node->children[0], offset));
      for (auto& conjunct : ShiftedBy(split, offset, width)) Add(std::move(conjunct));
      return Status::OK();
    }
    if (!IsInnerTree(*node)) {
      leaves_.push_back({node, offset});
      return Status::OK();
    }
    const size_t left_width = node->children[0]->output.size();
    const int right_offset = offset + static_cast<int>(left_width);
    VELARIA_RETURN_NOT_OK(Collect(node->children[0], offset));
    VELARIA_RETURN_NOT_OK(Collect(node->children[1], right_offset));
    const auto left = ShiftedBy(node->left_keys, offset, left_width);
    const auto right = ShiftedBy(node->right_keys, right_offset, width - left_width);
    for (size_t i = 0; i < left.size(); ++i) {
      const char* sign = node->null_safe[i] ? "is_not_distinct_from" : "=";
      VELARIA_ASSIGN_OR_RETURN(auto equal, MakeCall(sign, {left[i], right[i]}, left[i]->place));
      Add(std::move(equal));
    }
    if (node->residual) {
      std::vector<BoundExprPtr> split;
      SplitConjuncts(node->residual, &split);
      for (auto& conjunct : ShiftedBy(split, offset, width)) Add(std::move(conjunct));
    }
    return Status::OK();
  }

  void Add(BoundExprPtr conjunct) { exprs_.push_back(std::move(conjunct)); }

  /// How many relations there are below `node`; counting ends at `enough`.
  static size_t CountRelations(const LogicalNode& node, size_t enough) {
    if (!IsInnerTree(node)) return 1;
    size_t count = 0;
    for (const auto& child : node.children) {
      if (count < enough) count += CountRelations(*child, enough - count);
    }
    return count;
  }

  Result<LogicalPtr> Build(size_t width) {
    InferConstants(width);
    VELARIA_RETURN_NOT_OK(Sort(width));
    const bool bounded = std::all_of(parts_.begin(), parts_.end(),
                                     [](const Part& part) { return IsBounded(*part.plan); });
    std::vector<size_t> left(parts_.size());  // the parts that are not yet in another one
    std::iota(left.begin(), left.end(), size_t{0});
    if (bounded) VELARIA_RETURN_NOT_OK(EstimatePairs());
    while (left.size() > 1) {
      VELARIA_RETURN_NOT_OK(CancelScope::Check());
      const auto [a, b] = bounded ? Pick(left) : std::pair(left[0], left[1]);
      VELARIA_ASSIGN_OR_RETURN(Part joined, Combine(parts_[a], parts_[b]));
      parts_[a] = std::move(joined);
      parts_[b] = Part();
      left.erase(std::find(left.begin(), left.end(), b));
      for (const size_t other : left) {
        if (bounded && other != a) EstimatePair(std::min(a, other), std::max(a, other));
      }
    }
    std::vector<int> order(width);
    for (size_t i = 0; i < width; ++i)
      order[static_cast<size_t>(parts_[0].columns[i])] = static_cast<int>(i);
    auto plan = SelectColumns(parts_[0].plan, order);
    return FilterOver(plan, std::move(above_));
  }

 private:
  struct Leaf {
    LogicalPtr plan;
    int offset;
  };

  static bool IsInnerTree(const LogicalNode& node) {
    if (node.kind == NodeKind::kFilter) return IsInnerTree(*node.children[0]);
    return node.kind == NodeKind::kJoin && !node.asof &&
           (node.join == JoinType::kInner || node.join == JoinType::kCross);
  }

  /// From a = b and a < 5 follows b < 5, and b's scan has less to hand on.
  void InferConstants(size_t width) {
    if (exprs_.size() > kInferredFromMax) return;
    for (size_t i = 0; i < exprs_.size() && exprs_.size() <= kInferredFromMax; ++i) {
      const BoundExpr& equal = *exprs_[i];
      const bool joins_columns = equal.kind == BoundKind::kCall && equal.name == "=" &&
                                 equal.children[0]->kind == BoundKind::kColumn &&
                                 equal.children[1]->kind == BoundKind::kColumn &&
                                 equal.children[0]->type->Equals(*equal.children[1]->type);
      if (!joins_columns) continue;
      InferAcross(*equal.children[0], *equal.children[1], width);
      InferAcross(*equal.children[1], *equal.children[0], width);
    }
  }

  /// What is asked of column `from`, asked of column `to`.
  void InferAcross(const BoundExpr& from, const BoundExpr& to, size_t width) {
    std::vector<BoundExprPtr> inferred;
    for (const auto& expr : exprs_) {
      std::vector<int> used;
      CollectColumns(*expr, &used);
      if (used.size() != 1 || used[0] != from.column || !IsSimpleConjunct(*expr)) continue;
      std::vector<BoundExprPtr> inputs(width);
      inputs[static_cast<size_t>(from.column)] = std::make_shared<BoundExpr>(to);
      auto other = SubstituteColumns(expr, inputs);
      const bool known = std::any_of(exprs_.begin(), exprs_.end(),
                                     [&](const auto& e) { return Equal(*e, *other); });
      if (!known) inferred.push_back(std::move(other));
    }
    exprs_.insert(exprs_.end(), inferred.begin(), inferred.end());
  }

  Relations RelationsOf(const BoundExpr& expr) const {
    std::vector<int> used;
    CollectColumns(expr, &used);
    Relations relations;
    for (int column : used) relations.set(owner_[static_cast<size_t>(column)]);
    return relations;
  }

  /// From (a = 1 AND b = 2) OR (a = 3 AND b = 4) follows a = 1 OR a = 3, and the same for b, where
  /// a and b are of different relations. Only what cannot fail is taken out of its branch.
  Status InferFromDisjunction(const BoundExpr& expr, const Relations& relations,
                              std::vector<std::vector<BoundExprPtr>>* own, size_t width) const {
    for (size_t at = relations._Find_first(); at < kRelationsMax; at = relations._Find_next(at)) {
      Relations one;
      one.set(at);
      std::vector<BoundExprPtr> branches;
      for (const auto& branch : expr.children) {
        std::vector<BoundExprPtr> all, taken;
        SplitConjuncts(branch, &all);
        for (const auto& conjunct : all) {
          if (IsSimpleConjunct(*conjunct) && RelationsOf(*conjunct) == one)
            taken.push_back(conjunct);
        }
        if (taken.empty()) break;
        VELARIA_ASSIGN_OR_RETURN(auto both, MakeAnd(std::move(taken)));
        branches.push_back(std::move(both));
      }
      if (branches.size() < expr.children.size()) continue;
      VELARIA_ASSIGN_OR_RETURN(auto either, MakeOr(std::move(branches)));
      (*own)[at].push_back(ShiftedBy({either}, -leaves_[at].offset, width)[0]);
    }
    return Status::OK();
  }

  /// Columns that are equal to one another have a domain in common, which no relation of theirs can
  /// exceed in rows: a key of 25 nations makes 25 of it everywhere.
  void FindDomains(size_t width) {
    std::vector<size_t> head(width);
    std::iota(head.begin(), head.end(), size_t{0});
    const auto head_of = [&](size_t column) {
      while (head[column] != column) column = head[column] = head[head[column]];
      return column;
    };
    const auto columns_of = [](const Conjunct& conjunct) {
      const auto& sides = conjunct.expr->children;
      const bool plain = conjunct.is_equality && sides[0]->kind == BoundKind::kColumn &&
                         sides[1]->kind == BoundKind::kColumn;
      return plain ? std::optional(std::pair(static_cast<size_t>(sides[0]->column),
                                             static_cast<size_t>(sides[1]->column)))
                   : std::nullopt;
    };
    for (const auto& conjunct : conjuncts_) {
      if (const auto pair = columns_of(conjunct))
        head[head_of(pair->first)] = head_of(pair->second);
    }
    std::vector<double> domain(width, std::numeric_limits<double>::infinity());
    for (const auto& conjunct : conjuncts_) {
      const auto pair = columns_of(conjunct);
      if (!pair) continue;
      double& least = domain[head_of(pair->first)];
      for (const size_t column : {pair->first, pair->second})
        least = std::min(least, parts_[owner_[column]].base_rows);
    }
    for (auto& conjunct : conjuncts_) {
      if (const auto pair = columns_of(conjunct)) conjunct.domain = domain[head_of(pair->first)];
    }
  }

  /// Conjuncts of one relation go into it; those of none stay above; the others wait for their
  /// join.
  Status Sort(size_t width) {
    owner_.resize(width);
    for (size_t i = 0; i < leaves_.size(); ++i) {
      for (size_t c = 0; c < leaves_[i].plan->output.size(); ++c) {
        owner_[static_cast<size_t>(leaves_[i].offset) + c] = i;
      }
    }
    std::vector<std::vector<BoundExprPtr>> own(leaves_.size());
    for (auto& expr : exprs_) {
      Conjunct conjunct;
      conjunct.relations = RelationsOf(*expr);
      const size_t count = conjunct.relations.count();
      if (count == 0 || IsVolatile(*expr)) {
        above_.push_back(std::move(expr));
        continue;
      }
      if (count == 1) {
        const size_t at = conjunct.relations._Find_first();
        own[at].push_back(ShiftedBy({expr}, -leaves_[at].offset, width)[0]);
        continue;
      }
      if (expr->kind == BoundKind::kOr) {
        VELARIA_RETURN_NOT_OK(InferFromDisjunction(*expr, conjunct.relations, &own, width));
      }
      const bool null_safe = expr->name == "is_not_distinct_from";
      if (expr->kind == BoundKind::kCall && (expr->name == "=" || null_safe)) {
        conjunct.left = RelationsOf(*expr->children[0]);
        conjunct.right = RelationsOf(*expr->children[1]);
        conjunct.is_equality =
            conjunct.left.any() && conjunct.right.any() && (conjunct.left & conjunct.right).none();
      }
      conjunct.expr = std::move(expr);
      conjuncts_.push_back(std::move(conjunct));
    }
    for (size_t i = 0; i < leaves_.size(); ++i) {
      Part part;
      VELARIA_ASSIGN_OR_RETURN(part.plan, PushConjuncts(leaves_[i].plan, std::move(own[i])));
      for (size_t c = 0; c < part.plan->output.size(); ++c) {
        part.columns.push_back(leaves_[i].offset + static_cast<int>(c));
      }
      part.relations.set(i);
      const auto estimate = EstimateOf(*part.plan);
      part.rows = std::max(1.0, estimate.rows);
      part.base_rows = std::max(1.0, estimate.unfiltered);
      parts_.push_back(std::move(part));
    }
    for (size_t i = 0; i < conjuncts_.size(); ++i) {
      const Relations& of = conjuncts_[i].relations;
      for (size_t at = of._Find_first(); at < kRelationsMax; at = of._Find_next(at))
        parts_[at].waiting.push_back(i);
    }
    FindDomains(width);
    return Status::OK();
  }

  static bool IsKey(const Conjunct& conjunct, const Part& a, const Part& b) {
    const auto within = [](const Relations& inner, const Relations& outer) {
      return (inner & ~outer).none();
    };
    return conjunct.is_equality &&
           ((within(conjunct.left, a.relations) && within(conjunct.right, b.relations)) ||
            (within(conjunct.left, b.relations) && within(conjunct.right, a.relations)));
  }

  /// Of a join b. A conjunct that can be used there waits in both.
  Estimate EstimateJoin(const Part& a, const Part& b) const {
    Estimate estimate{a.rows * b.rows, false};
    const Relations both = a.relations | b.relations;
    for (const size_t number : a.waiting.size() < b.waiting.size() ? a.waiting : b.waiting) {
      const Conjunct& conjunct = conjuncts_[number];
      if ((conjunct.relations & ~both).any()) continue;
      if (!IsKey(conjunct, a, b)) {
        estimate.rows *= SelectivityOf(*conjunct.expr);
      } else if (estimate.connected) {
        estimate.rows *= kFurtherKeySelectivity;
      } else {
        estimate.rows /= std::min({a.base_rows, b.base_rows, conjunct.domain});
        estimate.connected = true;
      }
    }
    estimate.rows = std::max(1.0, estimate.rows);
    return estimate;
  }

  void EstimatePair(size_t a, size_t b) {
    pairs_[a * parts_.size() + b] = EstimateJoin(parts_[a], parts_[b]);
  }

  Status EstimatePairs() {
    pairs_.resize(parts_.size() * parts_.size());
    for (size_t a = 0; a < parts_.size(); ++a) {
      VELARIA_RETURN_NOT_OK(CancelScope::Check());
      for (size_t b = a + 1; b < parts_.size(); ++b) EstimatePair(a, b);
    }
    return Status::OK();
  }

  /// The two of `left`, which is ascending, that are joined next.
  std::pair<size_t, size_t> Pick(const std::vector<size_t>& left) const {
    std::pair best(left[0], left[1]);
    const auto estimate_of = [&](const auto& pair) -> const Estimate& {
      return pairs_[pair.first * parts_.size() + pair.second];
    };
    for (size_t i = 0; i < left.size(); ++i) {
      for (size_t j = i + 1; j < left.size(); ++j) {
        const std::pair pair(left[i], left[j]);
        const Estimate& now = estimate_of(pair);
        const Estimate& least = estimate_of(best);
        const bool better =
            now.connected != least.connected ? now.connected : now.rows < least.rows;
        if (better) best = pair;
      }
    }
    return best;
  }

  Result<Part> Combine(const Part& first, const Part& second) {
    Part joined;
    joined.rows = EstimateJoin(first, second).rows;
    joined.base_rows = std::max(first.base_rows, second.base_rows);
    joined.relations = first.relations | second.relations;
    const bool swap =
        IsBounded(*first.plan) && (!IsBounded(*second.plan) || second.rows > first.rows);
    const Part& left = swap ? second : first;
    const Part& right = swap ? first : second;
    joined.columns = left.columns;
    joined.columns.insert(joined.columns.end(), right.columns.begin(), right.columns.end());

    auto node = MakeNode(NodeKind::kJoin, {left.plan, right.plan});
    const auto in_left = PositionsOf(left.columns), in_right = PositionsOf(right.columns);
    const auto in_both = PositionsOf(joined.columns);
    std::vector<BoundExprPtr> residual;
    std::vector<size_t> waiting;
    std::set_union(first.waiting.begin(), first.waiting.end(), second.waiting.begin(),
                   second.waiting.end(), std::back_inserter(waiting));
    for (const size_t number : waiting) {
      const Conjunct& conjunct = conjuncts_[number];
      if ((conjunct.relations & ~joined.relations).any()) {
        joined.waiting.push_back(number);
        continue;
      }
      if (!IsKey(conjunct, left, right)) {
        residual.push_back(RemapColumns(conjunct.expr, in_both));
        continue;
      }
      const bool turned = (conjunct.left & left.relations).none();
      const auto& children = conjunct.expr->children;
      node->left_keys.push_back(RemapColumns(children[turned ? 1 : 0], in_left));
      node->right_keys.push_back(RemapColumns(children[turned ? 0 : 1], in_right));
      node->null_safe.push_back(conjunct.expr->name != "=");
    }
    if (!residual.empty()) {
      VELARIA_ASSIGN_OR_RETURN(node->residual, MakeAnd(std::move(residual)));
    }
    const bool is_cross = node->left_keys.empty() && !node->residual;
    node->join = is_cross ? JoinType::kCross : JoinType::kInner;
    node->output = JoinOutput(node->join, *left.plan, *right.plan);
    joined.plan = std::move(node);
    return joined;
  }

  std::vector<int> PositionsOf(const std::vector<int>& columns) const {
    std::vector<int> positions(owner_.size(), -1);
    for (size_t i = 0; i < columns.size(); ++i) {
      positions[static_cast<size_t>(columns[i])] = static_cast<int>(i);
    }
    return positions;
  }

  std::vector<Leaf> leaves_;
  std::vector<size_t> owner_;  // relation of each column
  std::vector<BoundExprPtr> exprs_, above_;
  std::vector<Conjunct> conjuncts_;
  std::vector<Part> parts_;
  std::vector<Estimate> pairs_;  // of part a and part b > a, row by row
};

}  // namespace

Result<LogicalPtr> OrderJoins(const LogicalPtr& join, std::vector<BoundExprPtr> conjuncts) {
  if (JoinOrder::CountRelations(*join, kRelationsMax + 1) > kRelationsMax) {
    std::vector<LogicalPtr> children;
    for (const auto& child : join->children) {
      VELARIA_ASSIGN_OR_RETURN(auto pushed, PushFilters(child));
      children.push_back(std::move(pushed));
    }
    return FilterOver(WithNewChildren(join, std::move(children)), std::move(conjuncts));
  }
  JoinOrder order;
  VELARIA_RETURN_NOT_OK(order.Collect(join, 0));
  for (auto& conjunct : conjuncts) order.Add(std::move(conjunct));
  return order.Build(join->output.size());
}

}  // namespace velaria::logical
