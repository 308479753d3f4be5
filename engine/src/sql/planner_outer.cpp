// What a subquery reads of the queries around it: columns, and aggregates that are theirs.
#include "logical/dependent.hpp"
#include "sql/planner_coerce.hpp"
#include "sql/planner_scope.hpp"

namespace velaria::sql {

using logical::BoundExprPtr;

Result<BoundExprPtr> OuterScope::Resolve(const std::vector<Name>& names, Place place) {
  VELARIA_ASSIGN_OR_RETURN(const auto* column, scope_->Find(names));
  BoundExprPtr found;
  if (column) {
    VELARIA_ASSIGN_OR_RETURN(found, PlainValues(column->expr));  // it will be a key of a join
  } else if (parent_ && !(names.size() > 1 && scope_->HasTable(names[names.size() - 2].text))) {
    VELARIA_ASSIGN_OR_RETURN(found, parent_->Resolve(names, place));
  }
  if (!found) return found;
  return ArgumentFor(*found, column ? column->name : names.back().text, place);
}

BoundExprPtr OuterScope::ArgumentFor(const logical::BoundExpr& found, std::string name,
                                     Place place) {
  size_t at = 0;
  while (at < arguments_.size() && !logical::Equal(*arguments_[at], found)) ++at;
  if (at == arguments_.size()) {
    auto placed = std::make_shared<logical::BoundExpr>(found);
    placed->place = place;
    arguments_.push_back(std::move(placed));
  }
  auto outer = std::make_shared<logical::BoundExpr>();
  outer->kind = logical::BoundKind::kOuter;
  outer->type = found.type;
  outer->place = place;
  outer->column = static_cast<int>(at);
  outer->name = std::move(name);
  return outer;
}

std::vector<size_t> OuterScope::ArgumentCounts() const {
  std::vector<size_t> counts;
  for (const auto* scope = this; scope; scope = scope->parent_) {
    counts.push_back(scope->arguments_.size());
  }
  return counts;
}

OuterScope* OuterScope::Raise(const std::vector<BoundExprPtr*>& exprs,
                              const std::vector<size_t>& counts) {
  OuterScope* owner = nullptr;
  size_t level = 0;
  for (OuterScope* next = this; next; next = next->parent_) {
    std::vector<int> columns;
    bool reads_outer = false;
    for (const auto* expr : exprs) {
      logical::CollectColumns(**expr, &columns);
      reads_outer |= logical::HasOuter(**expr);
    }
    if (!columns.empty() || !reads_outer) break;
    for (auto* expr : exprs) *expr = logical::SubstituteOuter(*expr, next->arguments_);
    next->arguments_.resize(counts[level++]);
    owner = next;
  }
  return owner;
}

BoundExprPtr OuterScope::HandDown(const OuterScope& owner, BoundExprPtr found) {
  if (this != &owner) found = parent_->HandDown(owner, std::move(found));
  return ArgumentFor(*found, found->name, found->place);
}

}  // namespace velaria::sql
